//! Windows. Node opens the files there: its descriptors are numbers of
//! node.exe's own C runtime, so what Rust opens could not be given to JS.
//!
//! Nothing tells whether a pipe or a console has room, or something to read. A write into one that
//! is full holds its thread until somebody reads, and nothing stops it.

mod input;
mod raw;

use std::{
    fs,
    future::{self, Future},
    io::{self, ErrorKind, IoSlice, Seek, SeekFrom, Write},
    os::windows::{fs::FileExt, io::OwnedHandle},
};

use windows_sys::Win32::Foundation as win32;

pub use input::Input;

use crate::{stream::Request, target::Target, writer::ENOUGH};

// Errors as JS knows them: libuv's numbers without their minus sign, see its
// `include/uv/errno.h`.
const EACCES: i32 = 4092;
const EBADF: i32 = 4083;
const EBUSY: i32 = 4082;
const ECANCELED: i32 = 4081;
const ECONNABORTED: i32 = 4079;
const ECONNRESET: i32 = 4077;
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

/// What Node makes of an error of Windows, for those that a write, a read, or an open
/// for reading can meet.
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

/// A file, pipe or console.
#[derive(Debug)]
pub struct File {
    file: fs::File,
    /// Where the next byte goes, when the caller keeps count.
    position: Option<u64>,
}

impl File {
    /// Writes to `handle`, from `start` on if that is given. One that was
    /// opened for appending appends, whatever `start` says.
    ///
    /// # Errors
    /// None.
    pub fn new(handle: OwnedHandle, start: Option<u64>) -> io::Result<Self> {
        Ok(Self { file: handle.into(), position: start })
    }

    /// Writes to a duplicate of descriptor number `number`, which belongs to JS.
    ///
    /// # Errors
    /// If no such descriptor is open, or node.exe does not say which handle it is.
    pub fn share(number: i32, start: Option<u64>) -> io::Result<Self> {
        Self::new(raw::duplicate(number)?, start)
    }

    /// Writes what of `bytes` there is room for. A pipe that was told not to
    /// wait takes all of a write or nothing: it is offered half, and half of that.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut part = bytes;
        loop {
            let count = self.write_one(part)?;
            if count > 0 || part.len() <= 1 {
                return Ok(count);
            }
            part = &part[..part.len() / 2];
        }
    }

    fn write_one(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(position) = self.position else { return self.file.write(bytes) };
        // Where the handle stands is JS's business, too. As in Node a write to
        // a position leaves it as it was. A pipe stands nowhere.
        let before = self.file.stream_position();
        let written = self.file.seek_write(bytes, position);
        if let Ok(before) = before {
            let _ = self.file.seek(SeekFrom::Start(before));
        }
        let count = written?;
        self.position = Some(position + count as u64);
        Ok(count)
    }
}

impl Target for File {
    /// Windows has no `writev` for what is buffered by the system. One call
    /// for each slice is what Node makes, too; to copy them together would cost
    /// more, since what is small was put together in a slab before.
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut total = 0;
        for slice in bytes {
            let count = match self.write_some(slice) {
                Ok(count) => count,
                Err(error) if total == 0 => return Err(error),
                // The next write meets it again.
                Err(_) => break,
            };
            total += count;
            // A pipe may hold the thread at each slice: what is written is told soon.
            if count < slice.len() || total >= ENOUGH {
                break;
            }
        }
        // As a pipe answers that is full and was told not to wait.
        if total == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(total) }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        Ok(Readiness)
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
    use std::{io::Read, path::Path};

    use super::*;

    fn slices<'a>(parts: &[&'a [u8]]) -> Vec<IoSlice<'a>> {
        parts.iter().map(|part| IoSlice::new(part)).collect()
    }

    /// A target that writes to `path`, which holds `0123456789`, and a second handle on the same file.
    fn target(path: &Path, options: &mut fs::OpenOptions, start: Option<u64>) -> (File, fs::File) {
        fs::write(path, "0123456789").expect("the file can be made");
        let file = options.open(path).expect("it opens");
        let other = file.try_clone().expect("it is open");
        (File::new(file.into(), start).expect("any handle will do"), other)
    }

    #[test]
    fn slices_are_written_one_behind_the_other() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, _) = target(&path, fs::OpenOptions::new().write(true), None);
        assert_eq!(file.write(&slices(&[b"ab", b"", b"cde"])).expect("there is room"), 5);
        assert_eq!(file.write(&slices(&[b"f"])).expect("there is room"), 1);
        assert_eq!(fs::read(&path).expect("it is there"), b"abcdef6789");
    }

    #[test]
    fn a_write_ends_soon_after_enough_bytes() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, _) = target(&path, fs::OpenOptions::new().write(true), None);
        let chunk = vec![b'x'; ENOUGH - 1];
        let count = file.write(&slices(&[&chunk, &chunk, &chunk])).expect("there is room");
        assert_eq!(count, 2 * chunk.len());
    }

    #[test]
    fn a_positioned_file_keeps_its_own_count_and_leaves_the_handle_where_it_stood() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, mut other) = target(&path, fs::OpenOptions::new().write(true), Some(2));
        for part in [&b"ab"[..], b"cd"] {
            assert_eq!(file.write(&slices(&[part])).expect("there is room"), 2);
        }
        other.write_all(b"!").expect("there is room");
        assert_eq!(fs::read(&path).expect("it is there"), b"!1abcd6789");
    }

    #[test]
    fn what_was_opened_for_appending_appends_whatever_the_start() {
        for start in [None, Some(2)] {
            let folder = tempfile::tempdir().expect("a folder for the test");
            let path = folder.path().join("file");
            let (mut file, _) = target(&path, fs::OpenOptions::new().append(true), start);
            assert_eq!(file.write(&slices(&[b"ab"])).expect("there is room"), 2);
            fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .and_then(|mut file| file.write_all(b"-"))
                .expect("room");
            assert_eq!(file.write(&slices(&[b"cd"])).expect("there is room"), 2);
            assert_eq!(fs::read(&path).expect("it is there"), b"0123456789ab-cd");
        }
    }

    #[test]
    fn who_may_not_write_is_told_that_the_descriptor_is_no_good() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (mut file, _) = target(&folder.path().join("file"), fs::OpenOptions::new().read(true), None);
        let error = file.write(&slices(&[b"ab"])).expect_err("it is open for reading");
        assert_eq!(errno(&error), Some(EBADF));
    }

    #[test]
    fn a_pipe_takes_bytes_until_nobody_reads() {
        // A start means nothing to a pipe, as in Node.
        for start in [None, Some(7)] {
            let (mut reader, writer) = io::pipe().expect("a pipe can be made");
            let mut file = File::new(OwnedHandle::from(writer), start).expect("any handle will do");
            assert_eq!(file.write(&slices(&[b"ab", b"c"])).expect("there is room"), 3);
            let mut bytes = [0; 3];
            reader.read_exact(&mut bytes).expect("they are there");
            assert_eq!(&bytes, b"abc");
            drop(reader);
            let error = file.write(&slices(&[b"d"])).expect_err("nobody reads");
            assert_eq!(errno(&error), Some(EPIPE));
        }
    }

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
            (win32::ERROR_TOO_MANY_OPEN_FILES, EMFILE),
            (win32::ERROR_SUCCESS, UNKNOWN),
        ] {
            assert_eq!(errno(&io::Error::from_raw_os_error(code.cast_signed())), Some(number));
        }
        assert_eq!(errno(&ErrorKind::Other.into()), None);
        assert_eq!(errno(&no_thread()), Some(ENOMEM));
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
