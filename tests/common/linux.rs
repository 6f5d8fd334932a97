//! What the tests of writing share beside the scripts: chunks that are seen to
//! go, a write that is under way on another thread, pipes.

#![allow(dead_code, reason = "each test binary takes what it needs of this")]

use std::{
    ffi::CString,
    fs::{self, File as StdFile},
    io::{ErrorKind, IoSlice, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use rustix::{
    fs::OFlags,
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::Pid,
};
use spillway::{
    control_block::Status,
    error::Failure,
    os::{File, Input, Readiness},
    source::{Piece, Source},
    stream::Stream,
    target::Target,
    writer::{self, Step},
};

use crate::common::{
    Answer::{self, Errno as Refuse, Take},
    Bell, Feeder, Held, Script, is_status, scripted,
    unix::count_descriptors,
};

pub(crate) const NOSPC: Errno = Errno::NOSPC;
pub(crate) const IO: Errno = Errno::IO;

pub(crate) static MEBIBYTE: [u8; 1 << 20] = [0; 1 << 20];

/// What a stream that failed with `errno` says.
pub(crate) fn os(errno: Errno) -> Failure {
    Failure::Os(errno.raw_os_error())
}

/// The answer of a target that fails with `errno`.
pub(crate) fn refuse(errno: Errno) -> Answer {
    Refuse(errno.raw_os_error())
}

/// A stream of ten bytes of which four are written when `answer` ends it.
pub(crate) fn ended_by(answer: Answer) -> (Arc<Stream>, Script, Bell) {
    let (stream, script, bell, mut feeder) = scripted([Take(4), answer]);
    feeder.append(b"0123456789");
    assert_eq!(writer::step(&stream), Step::Went(4));
    assert_eq!((bell.count(), stream.failure()), (0, None));
    assert!(is_status(&stream, Status::Open));
    assert_eq!(writer::step(&stream), Step::Rest);
    feeder.append(b"too late");
    assert_eq!(writer::step(&stream), Step::Rest, "it stays failed");
    assert_eq!(script.taken(), b"0123");
    assert_eq!((stream.control().taken(), stream.control().settled()), (4, 4));
    assert!(is_status(&stream, Status::Failed));
    assert!(stream.is_over());
    assert!(script.is_dropped(), "a failed stream holds no target");
    (stream, script, bell)
}

/// A chunk of which one can see whether the stream still holds it.
pub(crate) struct Chunk {
    bytes: &'static [u8],
    gone: Arc<AtomicBool>,
}

impl Chunk {
    pub(crate) fn new(bytes: &'static [u8]) -> Self {
        Self { bytes, gone: Arc::default() }
    }

    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }
}

impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        Self::from_owner(chunk)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.gone.store(true, SeqCst);
    }
}

/// A file in which there are other bytes before `bytes`, behind which it stands.
pub(crate) fn file(bytes: &[u8]) -> StdFile {
    let mut file = tempfile::tempfile().expect("a file for the test");
    file.write_all(b"not this").and_then(|()| file.write_all(bytes)).expect("it can be written");
    file.seek(SeekFrom::Start(8)).expect("it can be sought");
    file
}

/// `path` as the system takes it.
pub(crate) fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no NUL in a temporary path")
}

/// What `fd` has, from where it stands.
pub(crate) fn source_in(fd: impl Into<OwnedFd>) -> Arc<Source> {
    Source::new(Input::new(fd.into()).expect("it is open"), None)
}

/// `bytes` of a descriptor.
pub(crate) fn source(bytes: &[u8]) -> Arc<Source> {
    source_in(file(bytes))
}

/// All of `source`.
pub(crate) fn all(source: &Arc<Source>) -> Arc<Piece> {
    Piece::new(Arc::clone(source), u64::MAX)
}

/// All of a source that has `bytes`.
pub(crate) fn piece(bytes: &[u8]) -> Arc<Piece> {
    all(&source(bytes))
}

/// A stream of six bytes in mid-write on another thread.
pub(crate) struct MidWrite {
    pub(crate) stream: Arc<Stream>,
    pub(crate) script: Script,
    pub(crate) bell: Bell,
    pub(crate) feeder: Feeder,
    held: Held,
    thread: JoinHandle<Step>,
}

impl MidWrite {
    pub(crate) fn new() -> Self {
        let (answer, held) = Held::new();
        let (stream, script, bell, mut feeder) = scripted([answer]);
        feeder.append(b"abc");
        feeder.append(b"def");
        let written = Arc::clone(&stream);
        let thread = thread::spawn(move || writer::step(&written));
        held.until_entered();
        Self { stream, script, bell, feeder, held, thread }
    }

    /// Lets the write end with `answer`; gives what it made of the step.
    pub(crate) fn end(self, answer: Answer) -> (Step, Arc<Stream>, Script, Bell) {
        self.held.end(answer);
        let step = self.thread.join().expect("a step does not panic");
        (step, self.stream, self.script, self.bell)
    }
}

/// Waits until the thread of this number waits for something.
pub(crate) fn until_it_waits(thread: Pid) {
    let stat = format!("/proc/self/task/{}/stat", thread.as_raw_pid());
    // The state stands behind the name, which is in brackets.
    while !fs::read_to_string(&stat).expect("it lives").contains(") S ") {
        thread::yield_now();
    }
}

/// Takes at most so many bytes at a time, at once, and looks at none.
pub(crate) struct Sip(pub(crate) usize);

impl Target for Sip {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> std::io::Result<usize> {
        Ok(bytes[0].len().min(self.0))
    }

    fn readiness(&self) -> std::io::Result<Readiness> {
        unreachable!("it always has room")
    }
}

/// A stream into a new pipe.
pub(crate) struct Piped {
    pub(crate) stream: Arc<Stream>,
    pub(crate) bell: Bell,
    pub(crate) feeder: Feeder,
    /// Reads never wait.
    pub(crate) reader: StdFile,
    /// JavaScript's descriptor.
    pub(crate) writer: OwnedFd,
}

impl Piped {
    pub(crate) fn new(flags: PipeFlags) -> Self {
        let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
        rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).expect("it is open");
        let bell = Bell::default();
        let stream = Stream::new(bell.listener());
        stream.give(Box::new(File::share(writer.as_raw_fd(), None).expect("it is open")));
        let feeder = Feeder::new(&stream);
        Self { stream, bell, feeder, reader: reader.into(), writer }
    }

    /// What lies in the pipe now.
    pub(crate) fn read(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match (&self.reader).read_to_end(&mut bytes) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            Ok(_) => panic!("the writer's end is closed"),
        }
        bytes
    }

    /// Descriptors of this process that stand for either end of the pipe.
    pub(crate) fn count_descriptors(&self) -> usize {
        count_descriptors(&file_of(self.writer.as_raw_fd()))
    }
}

/// What descriptor `number` stands for.
pub(crate) fn file_of(number: i32) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{number}")).expect("it is open")
}
