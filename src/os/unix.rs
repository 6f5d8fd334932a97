//! Linux, macOS and their like.

mod descriptor;
mod file;
mod input;
mod lines;
mod logs;
mod raw;
mod replace;

use std::{
    ffi::{CStr, OsStr, OsString},
    fs,
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    process::{Resource, getrlimit},
};
use tokio::io::Interest;

pub use file::{File, open};
pub use input::Input;
pub(crate) use logs::{
    Claim, Log, Seen, claim, is_at, keep_time, list, lock_folder, look, move_aside, names,
};
pub(crate) use raw::at_exit;
pub use replace::Replacement;
pub(crate) use replace::remove_left_of;

/// The `errno` of a write that failed and does not say why.
pub const EIO: i32 = Errno::IO.raw_os_error();
/// That of a flush that would have to wait for too long.
pub const ETIMEDOUT: i32 = Errno::TIMEDOUT.raw_os_error();
/// That of a flush into a file that is not open.
pub const ENOTCONN: i32 = Errno::NOTCONN.raw_os_error();

/// What is said while there is no room, or there are too many files.
pub(crate) fn errors_of_scarcity() -> [i32; 6] {
    [Errno::NOSPC, Errno::DQUOT, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::MLINK]
        .map(Errno::raw_os_error)
}

/// The path that is written in `bytes`.
pub(crate) fn path_from(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// The `errno` of `error` as JavaScript knows it, if it has one.
#[must_use]
pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error()
}

/// What is said where the system gives no thread.
#[must_use]
pub fn no_thread() -> io::Error {
    Errno::AGAIN.into()
}

/// Makes the folders of the file at `path`, as far as they are missing.
///
/// # Errors
/// As `mkdir(2)`.
pub(crate) fn make_folders(path: &CStr) -> io::Result<()> {
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Whether the process may map `size` bytes more: it has no limit (`RLIMIT_AS`), or that is far enough.
///
/// # Errors
/// `ENOMEM`.
pub fn check_room(size: u64) -> io::Result<()> {
    let Some(limit) = getrlimit(Resource::As).current else { return Ok(()) };
    // Elsewhere than on Linux nobody says how much is mapped.
    let mapped = fs::read_to_string("/proc/self/statm").ok().and_then(|pages| pages_of(&pages)).unwrap_or(0);
    if mapped.saturating_add(size) > limit { Err(Errno::NOMEM.into()) } else { Ok(()) }
}

/// The bytes that are mapped, of which the first number of `statm` is the pages.
fn pages_of(statm: &str) -> Option<u64> {
    let pages: u64 = statm.split_ascii_whitespace().next()?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// A descriptor that becomes writable when a target has room again, or readable
/// when a source has more.
#[derive(Debug)]
pub struct Readiness {
    fd: OwnedFd,
    interest: Interest,
}

/// That of a target.
impl From<OwnedFd> for Readiness {
    fn from(fd: OwnedFd) -> Self {
        Self { fd, interest: Interest::WRITABLE }
    }
}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Readiness {
    /// That of a source.
    pub(super) fn to_read(fd: OwnedFd) -> Self {
        Self { fd, interest: Interest::READABLE }
    }

    /// Waits until it is ready or broken. False: nothing tells when that is, as of
    /// a regular file of a file system that answers `EAGAIN`.
    pub(crate) async fn ready(self) -> io::Result<bool> {
        match raw::watch(self.fd, self.interest) {
            Ok(watched) => watched.ready(self.interest).await.map(|_| true),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(false),
            Err(error) => Err(error),
        }
    }
}
