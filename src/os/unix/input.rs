//! What a source reads from: files, pipes, sockets and terminals.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
};

use rustix::{
    event::PollFlags,
    fs::OFlags,
    io::Errno,
    net::{RecvFlags, recv},
};

use super::{
    Readiness,
    file::{Kind, inspect, is_ready, reopen},
    raw,
};

/// A descriptor of ours that is only read from.
#[derive(Debug)]
pub struct Input {
    fd: OwnedFd,
    kind: Kind,
    /// Whether it answers with `WouldBlock`. Else it holds the thread, if nothing is there.
    is_nonblocking: bool,
}

impl Input {
    /// Reads from what descriptor `number` stands for, whatever becomes of the number.
    ///
    /// # Errors
    /// `EBADF` and its like.
    pub fn share(number: RawFd) -> io::Result<Self> {
        Self::new(raw::duplicate(number)?)
    }

    /// Reads from `fd`.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let kind = inspect(fd.as_fd())?.0;
        let is_nonblocking = rustix::fs::fcntl_getfl(&fd)?.contains(OFlags::NONBLOCK);
        if kind == Kind::Pipe
            && !is_nonblocking
            && let Some(fd) = reopen(fd.as_fd(), OFlags::RDONLY)
        {
            return Ok(Self { fd, kind, is_nonblocking: true });
        }
        Ok(Self { fd, kind, is_nonblocking })
    }

    /// The device and the inode.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        Ok(inspect(self.fd.as_fd())?.1)
    }

    /// Reads into `buffer`, from `position` or where it stands. 0: that is its end.
    ///
    /// # Errors
    /// As `read(2)`; `WouldBlock` if nothing is there now.
    pub fn read(&self, buffer: &mut [u8], position: Option<u64>) -> io::Result<usize> {
        if let Some(position) = position {
            return Ok(rustix::io::pread(&self.fd, buffer, position)?);
        }
        match self.kind {
            Kind::Socket => Ok(recv(&self.fd, buffer, RecvFlags::DONTWAIT)?.0),
            Kind::Pipe | Kind::Terminal if !self.is_nonblocking && !is_ready(self.fd.as_fd(), PollFlags::IN)? => {
                Err(Errno::AGAIN.into())
            }
            _ => Ok(rustix::io::read(&self.fd, buffer)?),
        }
    }

    /// What to wait for when a read has answered `WouldBlock`.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.fd.try_clone().map(Readiness::to_read)
    }

    #[cfg(target_os = "linux")]
    pub(super) fn is_regular(&self) -> bool {
        self.kind == Kind::Regular
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
