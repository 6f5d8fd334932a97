//! What a descriptor stands for, and those of ours.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags},
    io::Errno,
};

/// The device and the inode.
pub(super) type Identity = (u64, u64);

/// A descriptor of ours.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) fd: OwnedFd,
    /// Whether it answers at once. Else it holds the thread, if it is written to without room.
    pub(super) is_nonblocking: bool,
}

/// How a descriptor answers when it can take no more, or has no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It doesn't.
    Regular,
    /// It doesn't either: block devices, `/dev/null` and its like.
    Plain,
    /// With `WouldBlock`, or by holding the thread.
    Pipe,
    /// The same, unless each write says otherwise.
    Socket,
    /// As a pipe, but it can't be opened once more.
    Terminal,
}

#[allow(clippy::useless_conversion, clippy::cast_sign_loss, reason = "as wide as ours on Linux alone")]
pub(super) fn inspect(fd: BorrowedFd<'_>) -> io::Result<(Kind, Identity)> {
    let stat = rustix::fs::fstat(fd)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::Regular,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice if rustix::termios::isatty(fd) => Kind::Terminal,
        _ => Kind::Plain,
    };
    Ok((kind, (stat.st_dev as u64, stat.st_ino.into())))
}

impl Own {
    /// For what `fd`, a duplicate, stands for. Its flags are shared with other
    /// processes and stay as they are.
    pub(super) fn new(fd: OwnedFd, kind: Kind) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        // What is not for writing says so at once; opened once more, a pipe would be written to all the same.
        let is_nonblocking = flags.contains(OFlags::NONBLOCK) || flags & OFlags::RWMODE == OFlags::RDONLY;
        if kind == Kind::Pipe
            && !is_nonblocking
            && let Some(fd) = reopen(fd.as_fd(), OFlags::WRONLY)
        {
            return Ok(Self { fd, is_nonblocking: true });
        }
        Ok(Self { fd, is_nonblocking })
    }
}

/// The pipe behind `fd`, opened once more with flags of its own, where that can be.
#[cfg(target_os = "linux")]
pub(super) fn reopen(fd: BorrowedFd<'_>, access: OFlags) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::fs::open(path, access | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn reopen(_: BorrowedFd<'_>, _: OFlags) -> Option<OwnedFd> {
    None
}

/// Whether `fd` is ready for what `flags` say, or broken. False as well if a signal came.
pub(super) fn is_ready(fd: BorrowedFd<'_>, flags: PollFlags) -> io::Result<bool> {
    let mut fds = [PollFd::new(&fd, flags)];
    match poll(&mut fds, Some(&Timespec::default())) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
