//! What a source reads from: files, pipes, sockets and terminals.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
};

use rustix::{
    event::PollFlags,
    fs::{Mode, OFlags},
    io::Errno,
    net::{RecvFlags, recv},
};

use super::{
    Readiness,
    descriptor::{Kind, inspect, is_ready, reopen},
    raw,
};

/// A descriptor of ours that is only read from.
#[derive(Debug)]
pub struct Input {
    fd: OwnedFd,
    kind: Kind,
    /// Whether it is asked first if something is there: a read would hold the thread, or say of
    /// a FIFO that nobody has opened for writing yet that it has ended.
    is_polled: bool,
}

impl Input {
    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(path: &CStr) -> io::Result<Self> {
        // O_NONBLOCK so that a FIFO without a writer can't hold the thread.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let input = Self::new(rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?)?;
        let is_polled = input.kind == Kind::Pipe;
        Ok(Self { is_polled, ..input })
    }

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
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        // What is not for reading says so at once; opened once more, a pipe would be read all the same.
        let may_wait = !flags.contains(OFlags::NONBLOCK) && flags & OFlags::RWMODE != OFlags::WRONLY;
        if kind == Kind::Pipe
            && may_wait
            && let Some(fd) = reopen(fd.as_fd(), OFlags::RDONLY)
        {
            return Ok(Self { fd, kind, is_polled: false });
        }
        let is_polled = may_wait && !matches!(kind, Kind::Regular | Kind::Socket);
        Ok(Self { fd, kind, is_polled })
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
        // That a FIFO has no writer any more is told, too; that it has none yet is not.
        if self.is_polled && !is_ready(self.fd.as_fd(), PollFlags::IN)? {
            return Err(Errno::AGAIN.into());
        }
        if self.kind == Kind::Socket {
            return Ok(recv(&self.fd, buffer, RecvFlags::DONTWAIT)?.0);
        }
        Ok(rustix::io::read(&self.fd, buffer)?)
    }

    /// What to wait for when a read has answered `WouldBlock`.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.fd.try_clone().map(Readiness::to_read)
    }

    /// Whether it is a file of a file system that copies page by page, as it reads and writes. Others may have both
    /// files share their blocks, or copy on a server.
    pub(crate) fn copies_by_page(&self) -> bool {
        self.is_regular() && copies_by_page(self.fd.as_fd())
    }

    /// The bytes that it has now, if it says so.
    pub(crate) fn size(&self) -> u64 {
        rustix::fs::fstat(&self.fd).map_or(0, |stat| stat.st_size.unsigned_abs())
    }

    pub(super) fn is_regular(&self) -> bool {
        self.kind == Kind::Regular
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Those in memory, and ext2 to ext4: the numbers are those of `statfs(2)`.
#[cfg(target_os = "linux")]
fn copies_by_page(fd: BorrowedFd<'_>) -> bool {
    const KINDS: [u64; 3] = [0x0102_1994, 0x8584_58f6, 0xef53];
    #[expect(clippy::cast_sign_loss, reason = "it is a number of 32 bits")]
    rustix::fs::fstatfs(fd).is_ok_and(|system| KINDS.contains(&(system.f_type as u64)))
}

/// Elsewhere nothing is copied but by reads and writes.
#[cfg(not(target_os = "linux"))]
fn copies_by_page(_: BorrowedFd<'_>) -> bool {
    true
}
