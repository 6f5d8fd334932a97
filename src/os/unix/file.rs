//! Files, pipes, sockets and terminals.

use std::{
    io::{self, IoSlice},
    mem::ManuallyDrop,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
};

use rustix::{
    event::PollFlags,
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags, sendmsg},
};

use super::{
    Input, Readiness,
    descriptor::{Identity, Kind, Own, inspect, is_ready},
    lines::first_piece,
    raw,
};
use crate::{
    error::in_call,
    target::{Change, Settle, Target},
};

mod open;

pub use open::open;

/// A file, pipe, socket or terminal.
#[derive(Debug)]
pub struct File {
    descriptor: Descriptor,
    kind: Kind,
    /// Where the next byte goes, when the caller keeps count.
    position: Option<u64>,
    /// Why the last write was a short one: the answer to the next.
    refusal: Option<Errno>,
}

/// What is written to. JavaScript closes what it knows the number of.
#[derive(Debug)]
enum Descriptor {
    /// JavaScript's, which it closes when the stream is over: a file that was opened by path.
    Lent(ManuallyDrop<OwnedFd>),
    /// Ours, of which JavaScript knows nothing.
    Owned(OwnedFd),
    /// One of ours beside JavaScript's, only while bytes are under way: at other
    /// times JavaScript's is the last one. Its number may belong to another
    /// file by then.
    Shared { number: RawFd, identity: Identity, own: Option<Own> },
}

impl File {
    /// Writes to what descriptor `number` stands for, which belongs to
    /// JavaScript, from `start` on if that is given.
    ///
    /// # Errors
    /// `EBADF` and its like.
    pub fn share(number: RawFd, start: Option<u64>) -> io::Result<Self> {
        let fd = raw::duplicate(number)?;
        let (kind, identity) = inspect(fd.as_fd())?;
        let own = Own::new(fd, kind)?;
        Ok(Self {
            descriptor: Descriptor::Shared { number, identity, own: Some(own) },
            kind,
            position: start,
            refusal: None,
        })
    }

    /// The descriptor.
    ///
    /// # Errors
    /// When it can't be had.
    pub(crate) fn fd(&mut self) -> io::Result<BorrowedFd<'_>> {
        Ok(self.own()?.0)
    }

    /// What is written to.
    fn own(&mut self) -> io::Result<(BorrowedFd<'_>, bool)> {
        self.begin()?;
        match &self.descriptor {
            Descriptor::Lent(fd) => Ok((fd.as_fd(), false)),
            Descriptor::Owned(fd) => Ok((fd.as_fd(), false)),
            Descriptor::Shared { own: Some(own), .. } => Ok((own.fd.as_fd(), own.is_nonblocking)),
            Descriptor::Shared { own: None, .. } => Err(Errno::BADF.into()),
        }
    }

    /// Writes as many pieces as there is room for.
    fn write_pieces(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(error) = self.refusal.take() {
            return Err(error.into());
        }
        let (fd, is_nonblocking) = self.own()?;
        let mut left = bytes.to_vec();
        let mut left = &mut left[..];
        let mut total = 0;
        while left.iter().any(|slice| !slice.is_empty()) {
            let piece = first_piece(left);
            let size: usize = piece.iter().map(|slice| slice.len()).sum();
            let result = if is_nonblocking || is_ready(fd, PollFlags::OUT)? {
                rustix::io::writev(fd, &piece)
            } else {
                Err(Errno::AGAIN)
            };
            let count = match result {
                Ok(count) => count,
                Err(error) if total > 0 => {
                    self.refusal = Some(error);
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            total += count;
            IoSlice::advance_slices(&mut left, count);
            if count < size {
                break;
            }
        }
        Ok(total)
    }
}

impl Target for File {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(offset) = self.position {
            let count = rustix::io::pwritev(self.own()?.0, bytes, offset)?;
            self.position = Some(offset + count as u64);
            return Ok(count);
        }
        match self.kind {
            Kind::Regular | Kind::Plain => Ok(rustix::io::writev(self.own()?.0, bytes)?),
            Kind::Socket => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                Ok(sendmsg(self.own()?.0, bytes, &mut SendAncillaryBuffer::default(), flags)?)
            }
            Kind::Pipe | Kind::Terminal => self.write_pieces(bytes),
        }
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        match how {
            Settle::Written => Ok(()),
            Settle::Data => sync_data(self.own()?.0).map_err(in_call("fdatasync")),
            Settle::All => sync_all(self.own()?.0).map_err(in_call("fsync")),
        }
    }

    fn change(&mut self, change: &Change) -> io::Result<()> {
        match change {
            Change::Reopen(request) => self.reopen(request),
            Change::Turn => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    fn copy(&mut self, source: &Input, position: Option<u64>, most: u64) -> io::Result<u64> {
        if self.kind != Kind::Regular || !source.is_regular() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let (mut from, mut to) = (position, self.position);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let count = rustix::fs::copy_file_range(source, from.as_mut(), self.own()?.0, to.as_mut(), most)?;
        self.position = to;
        Ok(count as u64)
    }

    fn is_quick(&self) -> bool {
        self.kind == Kind::Regular && matches!(self.descriptor, Descriptor::Lent(_))
    }

    fn begin(&mut self) -> io::Result<()> {
        if let Descriptor::Shared { number, identity, own: own @ None } = &mut self.descriptor {
            let fd = raw::duplicate(*number)?;
            if inspect(fd.as_fd())?.1 != *identity {
                return Err(Errno::BADF.into());
            }
            *own = Some(Own::new(fd, self.kind)?);
        }
        Ok(())
    }

    fn rest(&mut self) {
        if let Descriptor::Shared { own, .. } = &mut self.descriptor {
            *own = None;
        }
    }

    fn is_resting(&self) -> bool {
        !matches!(self.descriptor, Descriptor::Shared { own: Some(_), .. })
    }

    fn readiness(&self) -> io::Result<Readiness> {
        let fd = match &self.descriptor {
            Descriptor::Lent(fd) => fd.as_fd(),
            Descriptor::Owned(fd) => fd.as_fd(),
            Descriptor::Shared { own: Some(own), .. } => own.fd.as_fd(),
            Descriptor::Shared { own: None, .. } => return Err(Errno::BADF.into()),
        };
        fd.try_clone_to_owned().map(Readiness::from)
    }
}

/// macOS alone has a call that reaches the device, and that has no lesser form; libuv makes it, too.
#[cfg(target_vendor = "apple")]
use rustix::fs::{fcntl_fullfsync as sync_all, fcntl_fullfsync as sync_data};
#[cfg(not(target_vendor = "apple"))]
use rustix::fs::{fdatasync as sync_data, fsync as sync_all};

#[cfg(test)]
mod tests;
