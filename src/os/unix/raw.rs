//! The calls that are `unsafe`: descriptors that JavaScript knows by their
//! numbers, the reactor, the end of the process.

use std::{
    io,
    mem::ManuallyDrop,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use rustix::io::{Errno, retry_on_intr};
use tokio::io::{Interest, unix::AsyncFd};

/// A duplicate of descriptor number `fd`, which belongs to JavaScript. What that does with
/// its number later can't reach the duplicate.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
#[expect(unsafe_code, reason = "this is the module for it")]
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: not -1, as just checked. Should the number not be open, the
    // kernel says so; it is borrowed for this one call, on the thread of its owner.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    borrowed.try_clone_to_owned()
}

/// Has `number`, which belongs to JavaScript, stand for what `fd` does.
///
/// # Errors
/// `EBADF` and its like.
#[expect(unsafe_code, reason = "this is the module for it")]
pub(crate) fn put_at(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    if number < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: not -1, as just checked. The caller has looked that it stands for its file; it is
    // not closed here, and is borrowed for this one call.
    let mut owned = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    put(fd, &mut owned)
}

/// Has `number` stand for what `fd` does, at once: what it stood for is closed.
pub(crate) fn put(fd: BorrowedFd<'_>, number: &mut OwnedFd) -> io::Result<()> {
    Ok(retry_on_intr(|| duplicate_to(fd, number))?)
}

#[cfg(not(target_vendor = "apple"))]
fn duplicate_to(fd: BorrowedFd<'_>, number: &mut OwnedFd) -> rustix::io::Result<()> {
    rustix::io::dup3(fd, number, rustix::io::DupFlags::CLOEXEC)
}

#[cfg(target_vendor = "apple")]
fn duplicate_to(fd: BorrowedFd<'_>, number: &mut OwnedFd) -> rustix::io::Result<()> {
    rustix::io::dup2(fd, number)?;
    rustix::io::fcntl_setfd(number, rustix::io::FdFlags::CLOEXEC)
}

/// Registers `fd` with the reactor of the current runtime, to wait for `interest`.
///
/// # Errors
/// `EPERM` for what can't be waited for, such as a regular file.
#[expect(unsafe_code, reason = "this is the module for it")]
pub(crate) fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` gives the same open descriptor each time it is
    // asked, and `AsyncFd` owns it until it has deregistered it.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(io::Error::from)
}

/// Registers `work` to be called by `exit(3)`, on the thread that calls it.
/// False if the system has no room for it.
#[expect(unsafe_code, reason = "this is the module for it")]
pub(crate) fn at_exit(work: extern "C" fn()) -> bool {
    // SAFETY: takes any function, which stays where it is: Node unloads no addon.
    unsafe { libc::atexit(work) == 0 }
}
