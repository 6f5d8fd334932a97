//! Linux, macOS and their like.

use std::{
    io::{self, ErrorKind, IoSlice},
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags},
    io::Errno,
    pipe::PIPE_BUF,
};

use crate::{
    slab::descriptor,
    target::{Request, Target},
};

/// The `errno` of a write that failed and does not say why.
pub const EIO: i32 = Errno::IO.raw_os_error();
/// That of a flush that would have to wait for too long.
pub const ETIMEDOUT: i32 = Errno::TIMEDOUT.raw_os_error();
/// That of a flush into a file that is not open.
pub const ENOTCONN: i32 = Errno::NOTCONN.raw_os_error();

/// The `errno` of `error` as JS knows it, if it has one.
#[must_use]
pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error()
}

/// What is said where the system gives no thread.
#[must_use]
pub fn no_thread() -> io::Error {
    Errno::AGAIN.into()
}

/// Opens a file, and gives the number of its descriptor. That is close-on-exec, as
/// Node's are, and belongs to whoever hears of its number (JS), not to the `File`.
///
/// # Errors
/// As `open(2)`; `WouldBlock` for a FIFO that nobody reads.
#[allow(clippy::useless_conversion, reason = "modes are as wide as ours on macOS alone")]
pub fn open(request: &Request) -> io::Result<(File, RawFd)> {
    // O_NONBLOCK so that a FIFO without a reader can't hold the thread.
    let flags = OFlags::from_bits_retain(request.flags.cast_unsigned()) | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::from_raw_mode(request.mode.into());
    let fd = rustix::io::retry_on_intr(|| rustix::fs::open(request.path.as_c_str(), flags, mode))
        .map_err(|error| if is_unread(request, error) { Errno::AGAIN } else { error })?;
    let kind = Kind::of(fd.as_fd())?;
    if kind != Kind::Pipe {
        let set = rustix::fs::fcntl_getfl(&fd)?;
        rustix::fs::fcntl_setfl(&fd, set - OFlags::NONBLOCK)?;
    }
    let number = fd.as_raw_fd();
    let descriptor = Descriptor::Lent(ManuallyDrop::new(fd));
    Ok((File { descriptor, kind, position: request.start }, number))
}

/// Whether `error` says that this is a FIFO and nobody reads it. Of other files it says other things.
fn is_unread(request: &Request, error: Errno) -> bool {
    error == Errno::NXIO
        && rustix::fs::stat(request.path.as_c_str())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

/// A file, pipe, socket or terminal.
#[derive(Debug)]
pub struct File {
    descriptor: Descriptor,
    kind: Kind,
    /// Where the next byte goes, when the caller keeps count.
    position: Option<u64>,
}

/// Who closes the descriptor.
#[derive(Debug)]
enum Descriptor {
    /// JS does, with `fs.close`: the file was opened by path and has just this one.
    Lent(ManuallyDrop<OwnedFd>),
    /// We do: a duplicate of one that was given to us.
    Own(OwnedFd),
}

/// How a descriptor answers when it can take no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It doesn't: regular files, block devices, `/dev/null` and its like.
    Plain,
    /// With `WouldBlock`, or by holding the thread: pipes, FIFOs, sockets, terminals.
    Pipe,
}

impl Kind {
    fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let stat = rustix::fs::fstat(fd)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Fifo | FileType::Socket => Self::Pipe,
            FileType::CharacterDevice if rustix::termios::isatty(fd) => Self::Pipe,
            _ => Self::Plain,
        })
    }
}

impl File {
    /// Writes to `fd`, from `start` on if that is given.
    ///
    /// # Errors
    /// `EBADF` and its like.
    pub fn new(fd: OwnedFd, start: Option<u64>) -> io::Result<Self> {
        let kind = Kind::of(fd.as_fd())?;
        Ok(Self { descriptor: Descriptor::Own(fd), kind, position: start })
    }

    /// Writes to a duplicate of descriptor number `number`, which belongs to JS.
    ///
    /// # Errors
    /// `EBADF` and its like.
    pub fn duplicate(number: i32, start: Option<u64>) -> io::Result<Self> {
        Self::new(descriptor::duplicate(number)?, start)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.descriptor {
            Descriptor::Lent(fd) => fd.as_fd(),
            Descriptor::Own(fd) => fd.as_fd(),
        }
    }

    /// Writes to what may have no room, without ever holding the thread: the
    /// flags of a descriptor are shared with other processes and stay as they are.
    fn write_pipe(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let fd = self.fd();
        if rustix::fs::fcntl_getfl(fd)?.contains(OFlags::NONBLOCK) {
            return Ok(rustix::io::writev(fd, bytes)?);
        }
        if !is_writable(fd, Some(&Timespec::default()))? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let first = bytes.first().map_or(&[][..], |first| &**first);
        // What is ready for writing takes so much without waiting.
        Ok(rustix::io::write(fd, &first[..first.len().min(PIPE_BUF)])?)
    }
}

impl Target for File {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.position {
            Some(position) => {
                let offset = *position;
                let count = rustix::io::pwritev(self.fd(), bytes, offset)?;
                self.position = Some(offset + count as u64);
                Ok(count)
            }
            None if self.kind == Kind::Pipe => self.write_pipe(bytes),
            None => Ok(rustix::io::writev(self.fd(), bytes)?),
        }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.fd().try_clone_to_owned().map(Readiness)
    }
}

/// A descriptor that becomes writable when a target has room again.
#[derive(Debug)]
pub struct Readiness(OwnedFd);

impl From<OwnedFd> for Readiness {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl Readiness {
    /// Waits on this thread until the target is writable or broken, or `time`
    /// is over. False: it is over, or a signal came.
    ///
    /// # Errors
    /// As `poll(2)`.
    pub fn wait(&self, time: Duration) -> io::Result<bool> {
        is_writable(&self.0, Timespec::try_from(time).ok().as_ref())
    }

    /// Waits until the target is writable or broken. False: nothing tells when
    /// that is, as of a regular file of a file system that answers `EAGAIN`.
    pub(crate) async fn writable(self) -> io::Result<bool> {
        match descriptor::watch(self.0) {
            Ok(watched) => watched.writable().await.map(|_| true),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Waits until `fd` is writable, broken or `timeout` is over (`None`: without
/// end). False: the time is over, or a signal came.
fn is_writable(fd: impl AsFd, timeout: Option<&Timespec>) -> io::Result<bool> {
    let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
    match poll(&mut fds, timeout) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::CString, fs, os::unix::ffi::OsStrExt, path::Path};

    use super::*;

    fn open_file(path: &Path, flags: OFlags, start: Option<u64>) -> io::Result<File> {
        let path = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a temporary path");
        let request = Request { path, flags: flags.bits().cast_signed(), mode: 0o666, start };
        open(&request).map(|(file, _)| file)
    }

    fn close(file: File) {
        if let Descriptor::Lent(fd) = file.descriptor {
            drop(ManuallyDrop::into_inner(fd));
        }
    }

    #[test]
    fn a_positioned_file_keeps_its_own_count() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        fs::write(&path, "0123456789").expect("the file can be made");
        let mut file = open_file(&path, OFlags::WRONLY, Some(2)).expect("it opens");
        for part in [&b"ab"[..], b"cd"] {
            assert_eq!(file.write(&[IoSlice::new(part)]).expect("there is room"), 2);
        }
        close(file);
        assert_eq!(fs::read(&path).expect("it is there"), b"01abcd6789");
    }

    #[test]
    fn a_regular_file_is_opened_without_traces_of_nonblock() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let file = open_file(&path, OFlags::WRONLY | OFlags::CREATE, None).expect("it opens");
        let flags = rustix::fs::fcntl_getfl(file.fd()).expect("it is open");
        assert!(!flags.contains(OFlags::NONBLOCK));
        close(file);
    }

    // Elsewhere rustix makes no FIFO.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_fifo_that_nobody_reads_does_not_hold_the_thread() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .expect("a FIFO can be made");
        let error = open_file(&path, OFlags::WRONLY, None).expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_full_pipe_answers_would_block_though_it_is_a_blocking_one() {
        let (_reader, writer) = rustix::pipe::pipe().expect("a pipe can be made");
        let mut file = File::new(writer, None).expect("it is open");
        let chunk = [0; 10_000];
        let mut total = 0;
        let error = loop {
            match file.write(&[IoSlice::new(&chunk)]) {
                Ok(count) => total += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(total >= 60_000, "{total}");
        assert!(!file.readiness().expect("it is open").wait(Duration::ZERO).expect("poll works"));
    }
}
