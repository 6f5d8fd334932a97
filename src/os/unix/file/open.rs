//! Files that are opened by path, also in the place of another.

use std::{
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd},
};

use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};

use super::{Descriptor, File, Kind, Own, inspect, raw};
use crate::{error::in_open, stream::Request};

/// Opens a file, and gives the number of its descriptor. That is close-on-exec, as
/// Node's are, and belongs to whoever hears of its number (JavaScript), not to the `File`.
///
/// # Errors
/// As `open(2)`; `WouldBlock` for a FIFO that nobody reads.
pub fn open(request: &Request) -> io::Result<(File, RawFd)> {
    let fd = open_owned(request)?;
    let (kind, identity) = inspect(fd.as_fd())?;
    let number = fd.as_raw_fd();
    let descriptor = if matches!(kind, Kind::Regular | Kind::Plain) {
        Descriptor::Lent(ManuallyDrop::new(fd))
    } else {
        let own = Own::new(fd.try_clone()?, kind)?;
        Descriptor::Shared { number: fd.into_raw_fd(), identity, own: Some(own) }
    };
    Ok((File { descriptor, kind, position: request.start, refusal: None }, number))
}

#[allow(clippy::useless_conversion, reason = "modes are as wide as ours on macOS alone")]
fn open_owned(request: &Request) -> io::Result<OwnedFd> {
    // O_NONBLOCK so that a FIFO without a reader can't hold the thread.
    let flags = OFlags::from_bits_retain(request.flags.cast_unsigned()) | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::from_raw_mode(request.mode.into());
    let fd = rustix::io::retry_on_intr(|| rustix::fs::open(request.path.as_c_str(), flags, mode))
        .map_err(|error| if is_unread(request, error) { Errno::AGAIN } else { error })?;
    // Who is given the descriptor, a child say, is to find it as Node would have opened it.
    let set = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, set - OFlags::NONBLOCK)?;
    Ok(fd)
}

/// Whether `error` says that this is a FIFO and nobody reads it. Of other files it says other things.
fn is_unread(request: &Request, error: Errno) -> bool {
    error == Errno::NXIO
        && rustix::fs::stat(request.path.as_c_str())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

impl File {
    /// Writes to `fd`, of which JavaScript knows nothing.
    ///
    /// # Errors
    /// `EBADF` and its like.
    pub fn owned(fd: OwnedFd) -> io::Result<Self> {
        let kind = inspect(fd.as_fd())?.0;
        Ok(Self { descriptor: Descriptor::Owned(fd), kind, position: None, refusal: None })
    }

    /// Goes on in another file, which is opened for that.
    pub(super) fn reopen(&mut self, request: &Request) -> io::Result<()> {
        let fd = match open_owned(request) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && request.mkdir => {
                super::super::make_folders(&request.path).map_err(in_open("mkdir"))?;
                open_owned(request)
            }
            // Nobody waits for a reader: what is written goes to the old file meanwhile.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Errno::NXIO.into()),
            result => result,
        };
        self.switch(fd.map_err(in_open("open"))?.as_fd())
    }

    /// Has the descriptor that JavaScript knows stand for what `fd` does: its number stays, and nobody need be told.
    ///
    /// # Errors
    /// `EBADF` if the number stands for something else by now.
    pub(crate) fn switch(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let (kind, new) = inspect(fd)?;
        match &mut self.descriptor {
            Descriptor::Lent(old) if matches!(kind, Kind::Regular | Kind::Plain) => raw::put(fd, old)?,
            // It would be written to as if it never had to be waited for.
            Descriptor::Lent(_) => return Err(Errno::INVAL.into()),
            Descriptor::Owned(old) => raw::put(fd, old)?,
            Descriptor::Shared { number, identity, own } => {
                if inspect(raw::duplicate(*number)?.as_fd())?.1 != *identity {
                    return Err(Errno::BADF.into());
                }
                let next = Own::new(fd.try_clone_to_owned()?, kind)?;
                raw::put_at(fd, *number)?;
                (*identity, *own) = (new, Some(next));
            }
        }
        self.kind = kind;
        self.position = None;
        self.refusal = None;
        Ok(())
    }
}
