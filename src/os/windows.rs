//! Windows. Node opens the files there: its descriptors are numbers of
//! node.exe's own C runtime, so what Rust opens could not be given to JS.
//!
//! Nothing tells whether a pipe or a console has room, or something to read. A write into one that
//! is full holds its thread until somebody reads, and nothing stops it.

mod file;
mod input;
mod logs;
mod raw;
mod replace;

use std::{
    ffi::CStr,
    fs,
    future::{self, Future},
    io::{self, ErrorKind},
    path::Path,
};

use windows_sys::Win32::Foundation as win32;

pub use file::File;
pub use input::Input;
pub(crate) use logs::{
    Claim, Log, Seen, claim, errors_of_scarcity, is_at, keep_time, list, lock_folder, look, move_aside,
    names, path_from, remove_left_of,
};
pub use replace::Replacement;

use crate::stream::Request;

// Errors as JS knows them: libuv's numbers without their minus sign, see its
// `include/uv/errno.h`.
const EACCES: i32 = 4092;
const EBADF: i32 = 4083;
const EBUSY: i32 = 4082;
const ECANCELED: i32 = 4081;
const ECONNABORTED: i32 = 4079;
const ECONNRESET: i32 = 4077;
const EEXIST: i32 = 4075;
const EINVAL: i32 = 4071;
const EISDIR: i32 = 4068;
const ELOOP: i32 = 4067;
const EMFILE: i32 = 4066;
const ENAMETOOLONG: i32 = 4064;
const ENOENT: i32 = 4058;
const ENOMEM: i32 = 4057;
const ENOSPC: i32 = 4055;
const ENOTSUP: i32 = 4049;
const EPERM: i32 = 4048;
const EPIPE: i32 = 4047;
const EROFS: i32 = 4043;
const UNKNOWN: i32 = 4094;

/// The number of a write that failed and does not say why.
pub const EIO: i32 = 4070;
/// That of a flush that would have to wait for too long.
pub const ETIMEDOUT: i32 = 4039;
/// That of a flush into a file that is not open.
pub const ENOTCONN: i32 = 4053;

/// The number of `error` as JS knows it, if the system has given it one.
#[must_use]
pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().map(|code| translate(code.cast_unsigned()))
}

/// What Node makes of an error of Windows, for those that a write, a read, an open for
/// reading, or a rename can meet.
fn translate(code: u32) -> i32 {
    match code {
        // Who may not write to it, or read, has, for Node, no descriptor for that.
        win32::ERROR_ACCESS_DENIED | win32::ERROR_INVALID_FLAGS | win32::ERROR_INVALID_HANDLE => EBADF,
        win32::ERROR_DISK_FULL
        | win32::ERROR_HANDLE_DISK_FULL
        | win32::ERROR_END_OF_MEDIA
        // Node has no name for this one. It is waited out as a full disk is.
        | win32::ERROR_DISK_QUOTA_EXCEEDED => ENOSPC,
        win32::ERROR_BAD_PIPE
        | win32::ERROR_BROKEN_PIPE
        | win32::ERROR_NO_DATA
        | win32::ERROR_PIPE_NOT_CONNECTED => EPIPE,
        win32::ERROR_LOCK_VIOLATION | win32::ERROR_PIPE_BUSY | win32::ERROR_SHARING_VIOLATION => EBUSY,
        win32::ERROR_BUS_RESET
        | win32::ERROR_CRC
        | win32::ERROR_DISK_CORRUPT
        | win32::ERROR_GEN_FAILURE
        | win32::ERROR_IO_DEVICE => EIO,
        win32::ERROR_NOT_ENOUGH_MEMORY | win32::ERROR_OUTOFMEMORY => ENOMEM,
        win32::ERROR_CONNECTION_ABORTED => ECONNABORTED,
        win32::ERROR_BAD_PATHNAME
        | win32::ERROR_DIRECTORY
        | win32::ERROR_FILE_NOT_FOUND
        | win32::ERROR_INVALID_DRIVE
        | win32::ERROR_INVALID_NAME
        | win32::ERROR_MOD_NOT_FOUND
        | win32::ERROR_PATH_NOT_FOUND => ENOENT,
        win32::ERROR_CANT_RESOLVE_FILENAME => ELOOP,
        win32::ERROR_ALREADY_EXISTS | win32::ERROR_FILE_EXISTS => EEXIST,
        win32::ERROR_FILENAME_EXCED_RANGE => ENAMETOOLONG,
        win32::ERROR_INVALID_FUNCTION => EISDIR,
        win32::ERROR_INVALID_PARAMETER => EINVAL,
        win32::ERROR_NETNAME_DELETED => ECONNRESET,
        win32::ERROR_NOACCESS => EACCES,
        win32::ERROR_NOT_CONNECTED => ENOTCONN,
        win32::ERROR_NOT_SUPPORTED => ENOTSUP,
        win32::ERROR_OPERATION_ABORTED => ECANCELED,
        win32::ERROR_PRIVILEGE_NOT_HELD => EPERM,
        win32::ERROR_SEM_TIMEOUT => ETIMEDOUT,
        win32::ERROR_TOO_MANY_OPEN_FILES => EMFILE,
        win32::ERROR_WRITE_PROTECT => EROFS,
        _ => UNKNOWN,
    }
}

/// Whether the process may map `size` bytes more: nobody says that it may not.
///
/// # Errors
/// None.
pub fn check_room(_size: u64) -> io::Result<()> {
    Ok(())
}

/// What is said where the system gives no thread.
#[must_use]
pub fn no_thread() -> io::Error {
    io::Error::from_raw_os_error(win32::ERROR_NOT_ENOUGH_MEMORY.cast_signed())
}

/// Opens nothing. Whoever asks all the same has the file opened by Node, as
/// after any open that failed.
///
/// # Errors
/// `Unsupported`, always.
pub fn open(_: &Request) -> io::Result<(File, i32)> {
    Err(ErrorKind::Unsupported.into())
}

/// Makes the folders of the file at `path`, as far as they are missing.
///
/// # Errors
/// As `fs.mkdir` of Node.
pub(crate) fn make_folders(path: &CStr) -> io::Result<()> {
    path_of(path)?.parent().map_or(Ok(()), fs::create_dir_all).map_err(by_path)
}

/// `path`, which is in UTF-8.
fn path_of(path: &CStr) -> io::Result<&Path> {
    path.to_str().map(Path::new).map_err(|_| ErrorKind::InvalidInput.into())
}

/// Who may not do something at a path is told so by another number than who may not read or write what is open.
fn by_path(error: io::Error) -> io::Error {
    let is_denied = error.raw_os_error() == Some(win32::ERROR_ACCESS_DENIED.cast_signed());
    if is_denied {
        io::Error::from_raw_os_error(win32::ERROR_PRIVILEGE_NOT_HELD.cast_signed())
    } else {
        error
    }
}

/// Nothing tells when there is room, or something to read: who waits asks again now and then.
#[derive(Debug)]
pub struct Readiness;

impl Readiness {
    /// False: nothing tells.
    pub(crate) fn ready(self) -> impl Future<Output = io::Result<bool>> {
        let Self = self;
        future::ready(Ok(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_by_the_numbers_of_libuv() {
        for (code, number) in [
            (win32::ERROR_DISK_FULL, ENOSPC),
            (win32::ERROR_DISK_QUOTA_EXCEEDED, ENOSPC),
            (win32::ERROR_INVALID_HANDLE, EBADF),
            (win32::ERROR_NO_DATA, EPIPE),
            (win32::ERROR_IO_DEVICE, EIO),
            (win32::ERROR_LOCK_VIOLATION, EBUSY),
            (win32::ERROR_WRITE_PROTECT, EROFS),
            (win32::ERROR_FILE_NOT_FOUND, ENOENT),
            (win32::ERROR_ALREADY_EXISTS, EEXIST),
            (win32::ERROR_TOO_MANY_OPEN_FILES, EMFILE),
            (win32::ERROR_SUCCESS, UNKNOWN),
        ] {
            assert_eq!(errno(&io::Error::from_raw_os_error(code.cast_signed())), Some(number));
        }
        assert_eq!(errno(&ErrorKind::Other.into()), None);
        assert_eq!(errno(&no_thread()), Some(ENOMEM));
        let denied = || io::Error::from_raw_os_error(win32::ERROR_ACCESS_DENIED.cast_signed());
        assert_eq!([errno(&denied()), errno(&by_path(denied()))], [Some(EBADF), Some(EPERM)]);
    }

    #[test]
    fn a_number_that_nobody_can_resolve_is_an_error() {
        // The host of this test is no Node: that is said, too, and is no panic.
        for number in [-1, 0, 4711] {
            File::share(number, None).expect_err("there is no such descriptor");
        }
    }

    #[test]
    fn a_file_is_left_to_node_to_open() {
        let request = Request { path: c"file".into(), flags: 0, mode: 0o666, start: None, mkdir: false };
        assert_eq!(open(&request).expect_err("Node opens").kind(), ErrorKind::Unsupported);
    }
}
