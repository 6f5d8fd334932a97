//! Streams drained by the pool and the reactor, into real files and pipes.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    env,
    fs::{self, File as StdFile},
    io::{self, ErrorKind, IoSlice, Read},
    iter,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Resource, Rlimit, Uid, getrlimit, setrlimit},
};
use spillway::{
    drain,
    error::Failure,
    level::Status,
    os::{File, Readiness},
    runtime,
    stream::{Retry, Stream},
    target::Target,
};

use common::{
    Answer::{Errno as Refuse, Interrupted, Panic, Take},
    Bell, Feeder, Full, Held, PATIENCE, Script, descriptor, is_asleep, is_status, opening, panic_quietly,
    pattern,
    unix::{count_descriptors, request},
};

const NO_ROOM: i32 = Errno::NOSPC.raw_os_error();

/// Longer than any test.
const FAR: Duration = Duration::from_secs(6_000);

/// Threads of the runtime: the reactor's and the pool's, as `runtime` has them.
const THREADS: usize = 1 + 4;

/// A stream that the pool drains, and JS's part in that.
struct Fed {
    stream: Arc<Stream>,
    bell: Bell,
    feeder: Feeder,
}

impl Fed {
    /// A stream into a file that the pool opens.
    fn open(path: &Path) -> Self {
        let bell = Bell::default();
        Self::scheduled(opening(request(path), bell.listener()), bell)
    }

    /// A stream into `target`.
    fn into(target: Box<dyn Target>) -> Self {
        let bell = Bell::default();
        let stream = Stream::new(bell.listener());
        stream.give(target);
        Self::scheduled(stream, bell)
    }

    /// A stream into `target` that waits for room on a disk.
    fn patient(target: Box<dyn Target>, interval: Duration, limit: Duration) -> Self {
        let bell = Bell::default();
        let stream = Stream::new(bell.listener());
        stream.wait_out(Retry { errnos: vec![NO_ROOM], interval, limit });
        stream.give(target);
        Self::scheduled(stream, bell)
    }

    fn scheduled(stream: Arc<Stream>, bell: Bell) -> Self {
        runtime::start().expect("the runtime starts");
        runtime::schedule(Arc::clone(&stream));
        let feeder = Feeder::new(&stream);
        Self { stream, bell, feeder }
    }

    /// Whether somebody besides JS holds the stream: a job, or who waits to schedule one.
    fn has_job(&self) -> bool {
        // The other share is the feeder's.
        Arc::strong_count(&self.stream) > 2
    }

    /// Puts a chunk as JS does: a small one into the slab, a big one as it is.
    fn put(&mut self, bytes: &[u8]) {
        let slept = if bytes.len() >= 16 << 10 {
            self.feeder.append(bytes)
        } else {
            if bytes.len() > self.feeder.room() {
                self.feeder.next_slab(64 << 10);
            }
            self.feeder.fill(bytes)
        };
        if slept {
            runtime::schedule(Arc::clone(&self.stream));
        }
    }

    /// Waits until everything that was put is written, as JS does for 'finish'.
    fn until_written(&self) {
        let mut woken = self.bell.count();
        while !self.feeder.wait() {
            if self.stream.level().is_napping() {
                self.stream.rouse();
            }
            // It may be about something else, such as the descriptor.
            woken += 1;
            self.bell.until(woken);
            assert_eq!(self.stream.failure(), None);
        }
        assert_eq!(self.stream.level().written() as usize, self.feeder.accepted);
    }
}

/// A pipe, and its name in `/proc/self/fd`.
struct Pipe {
    reader: StdFile,
    writer: OwnedFd,
    name: PathBuf,
}

impl Pipe {
    fn new(flags: PipeFlags) -> Self {
        let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
        let name = fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd())).expect("Linux");
        Self { reader: reader.into(), writer, name }
    }

    /// A stream into this pipe; the reader's end; the pipe's name.
    fn fed(self) -> (Fed, StdFile, PathBuf) {
        let target = File::new(self.writer, None).expect("it is open");
        (Fed::into(Box::new(target)), self.reader, self.name)
    }
}

/// Waits, for `time` at most, until no descriptor of the writer's end is
/// open any more, whatever still lies in the pipe. False: there is one.
fn is_closed_within(reader: impl AsFd, time: Duration) -> bool {
    let time = Timespec::try_from(time).expect("short");
    // A hang-up is told whether it was asked for or not, and room for reading is not asked for.
    poll(&mut [PollFd::new(&reader, PollFlags::empty())], Some(&time)).expect("poll works") > 0
}

/// Looks again and again until `holds` is true.
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::yield_now();
    }
}

/// Waits until the pool has filled the pipe `name` and waits for room: then a
/// duplicate of the writer's end lies with the reactor.
fn until_blocked(name: &Path) {
    until("the reactor has a descriptor of the pipe", || count_descriptors(name) == 3);
}

fn read_whole(mut reader: StdFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("a pipe can be read");
    bytes
}

// ---- files

#[test]
fn a_file_gets_all_bytes() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = Fed::open(&path);
    let bytes = pattern(5 << 20);
    let mut rest = &bytes[..];
    // Small ones, big ones, and some that just fit.
    for size in [1, 10, 100, 1_000, 10_000, 16 << 10, 100_000, 65_536, 1 << 20].into_iter().cycle() {
        let (part, behind) = rest.split_at(rest.len().min(size));
        fed.put(part);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    fed.bell.until(1);
    assert!(is_status(&fed.stream, Status::Open));
    fed.until_written();
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn a_drainer_that_fell_asleep_is_roused_again_and_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = Fed::open(&path);
    fed.bell.until(1);
    let bytes = pattern(2_000);
    for part in bytes.chunks(2) {
        fed.put(part);
        fed.until_written();
    }
    assert_eq!(fs::read(&path).expect("it is there"), bytes);
    // And with nobody who waits: it does not stay awake for nothing.
    for byte in &bytes[..20] {
        until("it sleeps", || is_asleep(&fed.stream));
        fed.put(&[*byte]);
    }
    fed.until_written();
    assert_eq!(fs::read(&path).expect("it is there"), [&bytes[..], &bytes[..20]].concat());
}

#[test]
fn a_file_that_can_not_be_opened_is_left_to_js_and_then_goes_on() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = Fed::open(&folder.path().join("missing").join("file"));
    fed.put(b"early ");
    fed.bell.until(1);
    assert!(is_status(&fed.stream, Status::Unopened));
    let file = StdFile::create(&path).expect("it can be made");
    fed.stream.give(Box::new(File::new(file.into(), None).expect("it is open")));
    runtime::schedule(Arc::clone(&fed.stream));
    fed.put(b"and late");
    fed.until_written();
    assert_eq!(fs::read(&path).expect("it is there"), b"early and late");
}

// ---- pipes

#[test]
fn a_full_pipe_is_finished_when_its_reader_drains_it_later() {
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let pipe = Pipe::new(flags);
        // The reader is to wait, whatever the writer does.
        rustix::fs::fcntl_setfl(&pipe.reader, rustix::fs::OFlags::empty()).expect("it is open");
        let (mut fed, mut reader, name) = pipe.fed();
        let bytes = pattern(1 << 20);
        fed.put(&bytes);
        until_blocked(&name);
        assert_eq!(fed.stream.level().written(), 64 << 10);
        let reading = thread::spawn(move || {
            let mut bytes = vec![0; 1 << 20];
            reader.read_exact(&mut bytes).map(|()| (bytes, reader))
        });
        fed.until_written();
        let (read, reader) = reading.join().expect("no panic").expect("a pipe can be read");
        assert!(read == bytes);
        assert!(!fed.stream.cut());
        assert!(is_closed_within(&reader, PATIENCE));
    }
}

#[test]
fn what_comes_while_a_pipe_is_full_is_written_too() {
    let (mut fed, reader, name) = Pipe::new(PipeFlags::CLOEXEC).fed();
    let bytes = pattern(300_000);
    let (first, rest) = bytes.split_at(100_000);
    fed.put(first);
    until_blocked(&name);
    for part in rest.chunks(10_000) {
        fed.put(part);
    }
    let reading = thread::spawn(|| read_whole(reader));
    fed.until_written();
    assert!(!fed.stream.cut());
    assert!(reading.join().expect("no panic") == bytes);
}

#[test]
fn a_cut_on_a_full_pipe_lets_go_of_every_descriptor() {
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let (mut fed, reader, name) = Pipe::new(flags).fed();
        fed.put(&pattern(300_000));
        until_blocked(&name);
        assert!(!fed.stream.cut(), "no write is in flight");
        // Nobody has read: it is the cut that ends the waiting for room.
        assert!(is_closed_within(&reader, PATIENCE));
        assert_eq!(count_descriptors(&name), 1);
        let written = fed.stream.level().written() as usize;
        rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::empty()).expect("it is open");
        assert!(read_whole(reader) == pattern(300_000)[..written]);
        assert_eq!((fed.stream.failure(), fed.bell.count()), (None, 0));
    }
}

#[test]
fn a_cut_reaches_every_job_that_waits_for_room() {
    let (mut fed, reader, name) = Pipe::new(PipeFlags::CLOEXEC).fed();
    fed.put(&pattern(300_000));
    until_blocked(&name);
    // A flush that puts the drainer to sleep beside a job may leave it two.
    runtime::schedule(Arc::clone(&fed.stream));
    until("both jobs wait", || count_descriptors(&name) == 4);
    assert!(!fed.stream.cut(), "no write is in flight");
    assert!(is_closed_within(&reader, PATIENCE));
}

#[test]
fn a_cut_before_the_pool_comes_to_a_full_pipe_lets_go_too() {
    // The cut comes at any time: before the job, in it, or behind it.
    for round in 0..50 {
        let (mut fed, reader, _) = Pipe::new(PipeFlags::CLOEXEC).fed();
        fed.put(&pattern(200_000));
        for _ in 0..round * 20 {
            std::hint::spin_loop();
        }
        let before = fed.bell.count();
        if fed.stream.cut() {
            fed.bell.until(before + 1);
        }
        assert!(!fed.stream.is_busy());
        assert!(is_closed_within(&reader, PATIENCE), "round {round}");
        let written = fed.stream.level().written() as usize;
        assert!(read_whole(reader) == pattern(200_000)[..written]);
    }
}

#[test]
fn a_pipe_that_nobody_reads_any_more_ends_the_stream_with_epipe() {
    let (mut fed, reader, name) = Pipe::new(PipeFlags::CLOEXEC).fed();
    fed.put(&pattern(300_000));
    until_blocked(&name);
    drop(reader);
    fed.bell.until(1);
    assert_eq!(fed.stream.failure(), Some(Failure::Os(Errno::PIPE.raw_os_error())));
    assert!(is_status(&fed.stream, Status::Failed));
    until("it lets go of the pipe", || count_descriptors(&name) == 0);
}

/// Says so many times that it would block, and can't be waited for: it is a regular file.
struct Coy {
    refusals: u32,
    file: StdFile,
}

impl Target for Coy {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.refusals == 0 {
            return Ok(bytes[0].len());
        }
        self.refusals -= 1;
        Err(ErrorKind::WouldBlock.into())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.file.as_fd().try_clone_to_owned().map(Readiness::from)
    }
}

#[test]
fn what_the_reactor_can_not_wait_for_is_asked_again() {
    let file = tempfile::tempfile().expect("a file for the test");
    let mut fed = Fed::into(Box::new(Coy { refusals: 3, file }));
    fed.put(b"abc");
    fed.until_written();
    assert_eq!(fed.stream.calls(), 4);
}

// ---- stalls

/// Has no room until it is told that there is some.
struct Disk {
    has_room: Arc<AtomicBool>,
    let_go: Sender<()>,
}

impl Target for Disk {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.has_room.load(SeqCst) { Ok(bytes[0].len()) } else { Err(Errno::NOSPC.into()) }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it never says that it would block")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Not every test listens.
        let _ = self.let_go.send(());
    }
}

/// A full disk, what is to be set when it has room, and who is told when it is let go.
fn disk() -> (Box<Disk>, Arc<AtomicBool>, Receiver<()>) {
    let (let_go, is_let_go) = channel();
    let has_room = Arc::new(AtomicBool::new(false));
    (Box::new(Disk { has_room: Arc::clone(&has_room), let_go }), has_room, is_let_go)
}

#[test]
fn stalled_streams_hold_no_thread_and_a_cut_ends_their_waiting() {
    // More than the pool has threads.
    let mut stalled: Vec<_> = iter::repeat_with(|| {
        let (disk, _, is_let_go) = disk();
        (Fed::patient(disk, FAR, FAR), is_let_go)
    })
    .take(2 * THREADS)
    .collect();
    for (fed, _) in &mut stalled {
        fed.put(b"abc");
        fed.bell.until(1);
    }
    let mut other = Fed::into(Script::default().target());
    other.put(b"abc");
    other.until_written();
    for (fed, is_let_go) in &stalled {
        assert!(fed.has_job() && fed.stream.level().stalls() == 1);
        assert_eq!((fed.stream.failure(), fed.stream.calls()), (None, 1));
        assert!(!fed.stream.cut(), "no write is in flight");
        is_let_go.recv_timeout(PATIENCE).expect("the target is let go");
        until("nobody waits for the next try", || !fed.has_job());
    }
}

#[test]
fn a_stalled_stream_goes_on_by_itself_when_there_is_room() {
    let (disk, has_room, _) = disk();
    let mut fed = Fed::patient(disk, Duration::from_millis(1), FAR);
    fed.put(b"abc");
    until("it asks again and again", || fed.stream.calls() > 5);
    assert_eq!(
        (fed.bell.count(), fed.stream.level().stalls(), fed.stream.stalled_by()),
        (1, 1, Some(NO_ROOM))
    );
    fed.put(b"def");
    has_room.store(true, SeqCst);
    fed.until_written();
    assert_eq!(fed.stream.level().stalls(), 2);
    until("it sleeps", || is_asleep(&fed.stream));
    until("its job is over", || !fed.has_job());
}

#[test]
fn a_stall_that_lasts_too_long_ends_the_stream_by_itself() {
    let (disk, _, is_let_go) = disk();
    let limit = Duration::from_millis(50);
    let start = Instant::now();
    // The limit comes before the next try would.
    let mut fed = Fed::patient(disk, FAR, limit);
    fed.put(b"abc");
    fed.bell.until(2);
    assert!(start.elapsed() >= limit);
    assert_eq!(fed.stream.failure(), Some(Failure::Os(NO_ROOM)));
    is_let_go.recv_timeout(PATIENCE).expect("the target is let go");
    until("its job is over", || !fed.has_job());
}

// ---- the pool

#[test]
fn a_panic_on_the_pool_ends_one_stream_and_the_pool_serves_the_others() {
    let mut good = Fed::into(Script::default().target());
    good.put(b"before ");
    good.until_written();
    // More than the pool has threads.
    for _ in 0..3 * THREADS {
        let mut bad = Fed::into(Script::new([Take(1), Panic("on the pool")]).target());
        bad.put(b"abc");
        bad.bell.until(1);
        assert_eq!(bad.stream.failure(), Some(Failure::Panic("on the pool".into())));
        assert!(!bad.stream.is_busy());
    }
    good.put(b"and after");
    good.until_written();
    let script = Script::new([Interrupted, Take(1)]);
    let mut other = Fed::into(script.target());
    other.put(b"abc");
    other.until_written();
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_target_that_panics_when_asked_for_its_readiness_ends_one_stream() {
    // More than the pool has threads.
    for _ in 0..3 * THREADS {
        let (target, is_let_go) = Full::new(|| panic_quietly("who knows when"));
        let mut bad = Fed::into(target);
        bad.put(b"abc");
        bad.bell.until(1);
        assert_eq!(bad.stream.failure(), Some(Failure::Panic("who knows when".into())));
        assert!(is_status(&bad.stream, Status::Failed) && !bad.stream.is_busy());
        is_let_go.recv_timeout(PATIENCE).expect("the target is let go");
    }
    let mut good = Fed::into(Script::default().target());
    good.put(b"abc");
    good.until_written();
}

#[test]
fn an_error_ends_one_stream_and_is_told() {
    let script = Script::new([Take(1), Refuse(Errno::NOSPC.raw_os_error())]);
    let mut fed = Fed::into(script.target());
    fed.put(b"abc");
    fed.bell.until(1);
    assert_eq!(fed.stream.failure(), Some(Failure::Os(Errno::NOSPC.raw_os_error())));
    assert_eq!(fed.stream.level().written(), 1);
}

#[test]
fn a_stream_that_is_scheduled_twice_writes_each_byte_once() {
    let script = Script::new((0..1_000).map(|at| Take(1 + at % 5)));
    let mut fed = Fed::into(script.target());
    let bytes = pattern(20_000);
    for part in bytes.chunks(100) {
        runtime::schedule(Arc::clone(&fed.stream));
        fed.put(part);
    }
    fed.until_written();
    assert!(script.taken() == bytes);
}

/// The names of the threads of this process.
fn thread_names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect()
}

fn runtime_threads() -> usize {
    thread_names().iter().filter(|name| name.trim() == "spillway").count()
}

#[test]
fn two_hundred_streams_at_once_are_served_by_a_few_threads() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = |at: usize| folder.path().join(at.to_string());
    let bytes = pattern(200_000);
    let before = thread_names().len();
    let mut files: Vec<Fed> = (0..100).map(|at| Fed::open(&path(at))).collect();
    let mut pipes: Vec<_> = (0..100).map(|_| Pipe::new(PipeFlags::CLOEXEC).fed()).collect();
    let mut most = 0;
    for part in bytes.chunks(20_000) {
        for fed in files.iter_mut().chain(pipes.iter_mut().map(|(fed, ..)| fed)) {
            fed.put(part);
        }
        most = most.max(runtime_threads());
    }
    // None of them holds a thread while it waits for room.
    for (.., name) in &pipes {
        until_blocked(name);
        most = most.max(runtime_threads());
    }
    assert!((2..=THREADS).contains(&most), "{most} threads");
    // The other tests have threads, too, but nothing like one for each stream.
    let all = thread_names().len();
    assert!(all < before + 100, "{before} threads before and {all} now");
    for (at, fed) in files.iter().enumerate() {
        fed.until_written();
        assert!(fs::read(path(at)).expect("it is there") == bytes, "file {at}");
    }
    let readers: Vec<_> = pipes
        .into_iter()
        .map(|(fed, mut reader, _)| {
            let mut read = vec![0; bytes.len()];
            reader.read_exact(&mut read).expect("a pipe can be read");
            assert!(read == bytes);
            fed.until_written();
            reader
        })
        .collect();
    assert!(readers.iter().all(|reader| is_closed_within(reader, PATIENCE)), "each lets go of its pipe");
    assert!(runtime_threads() <= THREADS);
}

static MEBIBYTE: [u8; 1 << 20] = [0; 1 << 20];

/// Takes all it is offered, and sees to it that there is always more.
struct Hog {
    stream: Arc<OnceLock<Weak<Stream>>>,
    stop: Arc<AtomicBool>,
}

impl Target for Hog {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(stream) = self.stream.get().and_then(Weak::upgrade)
            && !self.stop.load(SeqCst)
        {
            stream.append(Bytes::from_static(&MEBIBYTE));
        }
        Ok(bytes.iter().map(|slice| slice.len()).sum())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it always has room")
    }
}

#[test]
fn streams_that_never_come_to_an_end_do_not_keep_others_from_the_pool() {
    let stop = Arc::new(AtomicBool::new(false));
    // One for each thread, and one more.
    let hogs: Vec<Fed> = iter::repeat_with(|| {
        let known: Arc<OnceLock<Weak<Stream>>> = Arc::default();
        let hog = Hog { stream: Arc::clone(&known), stop: Arc::clone(&stop) };
        let mut fed = Fed::into(Box::new(hog));
        known.set(Arc::downgrade(&fed.stream)).expect("once");
        fed.put(&[0; 16 << 10]);
        fed
    })
    .take(THREADS)
    .collect();
    let mut fed = Fed::into(Script::default().target());
    for _ in 0..20 {
        fed.put(b"small");
        fed.until_written();
    }
    for hog in &hogs {
        let written = hog.stream.level().written();
        until("a hog has its turn again", || hog.stream.level().written() != written);
    }
    stop.store(true, SeqCst);
}

// ---- others besides the pool

#[test]
fn a_flush_and_the_pool_share_a_slow_pipe() {
    for _ in 0..20 {
        let (mut fed, reader, _) = Pipe::new(PipeFlags::CLOEXEC).fed();
        let bytes = pattern(400_000);
        let reading = thread::spawn(|| read_whole(reader));
        for part in bytes.chunks(50_000) {
            fed.put(part);
        }
        drain::flush(&fed.stream, PATIENCE).expect("it is read");
        assert_eq!(fed.stream.level().written() as usize, bytes.len());
        assert!(!fed.stream.cut());
        assert!(reading.join().expect("no panic") == bytes);
    }
}

#[test]
fn a_job_that_could_not_open_the_file_is_over_when_js_brings_another() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let bell = Bell::default();
    // The job is held up at the very moment at which it has told JS: on a
    // busy machine its thread may be put aside there.
    let (tell, told) = channel();
    let (go, gone_on) = channel();
    let gone_on = Mutex::new(gone_on);
    let listener = bell.listener_that(move || {
        tell.send(()).expect("the test listens");
        gone_on.lock().recv_timeout(PATIENCE).expect("the test lets it go on");
    });
    let stream = opening(request(&folder.path().join("missing").join("file")), listener);
    let mut fed = Fed::scheduled(stream, bell);
    told.recv_timeout(PATIENCE).expect("it says that it could not open");
    let pipe = Pipe::new(PipeFlags::CLOEXEC);
    let (reader, name) = (pipe.reader, pipe.name);
    fed.stream.give(Box::new(File::new(pipe.writer, None).expect("it is open")));
    runtime::schedule(Arc::clone(&fed.stream));
    fed.put(&pattern(300_000));
    until_blocked(&name);
    go.send(()).expect("it waits");
    // Of two jobs that wait for room a cut reaches one. Nothing tells when the
    // second comes to wait, if it does: it has a short time to.
    let end = Instant::now() + Duration::from_millis(200);
    while count_descriptors(&name) == 3 && Instant::now() < end {
        thread::yield_now();
    }
    assert!(!fed.stream.cut());
    assert!(is_closed_within(&reader, Duration::from_secs(2)));
}

// ---- no thread to be had

/// Has `work` done by test `name` in a process of its own, which it may harm.
fn in_its_own_process(name: &str, work: impl FnOnce()) {
    const IS_OWN: &str = "SPILLWAY_TEST_HAS_ITS_OWN_PROCESS";
    if env::var_os(IS_OWN).is_some() {
        return work();
    }
    let program = env::current_exe().expect("Linux");
    let run = Command::new(program).args(["--exact", name, "--nocapture"]).env(IS_OWN, "").output();
    let output = run.expect("it can be started again");
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && texts[0].contains("1 passed"), "{}", texts.concat());
}

/// The number of threads that this user may have.
struct Threads(Rlimit);

impl Threads {
    /// Only in a process of its own.
    fn new() -> Self {
        let nobody = Uid::from_raw(65_534);
        // To root no thread is refused, and nor is it to the threads that root
        // makes. Who may not become another is not that root.
        let _ = rustix::thread::set_thread_res_uid(nobody, nobody, nobody);
        Self(getrlimit(Resource::Nproc))
    }

    /// From here on the kernel refuses each new thread.
    fn refuse(&self) {
        setrlimit(Resource::Nproc, Rlimit { current: Some(0), ..self.0 }).expect("it may be less");
        thread::Builder::new().spawn(|| ()).expect_err("the kernel refuses threads");
    }

    fn allow(&self) {
        setrlimit(Resource::Nproc, self.0).expect("it may be what it was");
    }
}

const NO_THREAD: Errno = Errno::AGAIN;

#[test]
fn a_runtime_that_gets_no_thread_is_an_error_and_may_be_started_later() {
    in_its_own_process("a_runtime_that_gets_no_thread_is_an_error_and_may_be_started_later", || {
        let threads = Threads::new();
        threads.refuse();
        for _ in 0..3 {
            let error = runtime::start().expect_err("it has no thread");
            assert_eq!(error.raw_os_error(), Some(NO_THREAD.raw_os_error()));
        }
        threads.allow();
        let script = Script::default();
        let mut fed = Fed::into(script.target());
        fed.put(b"abc");
        fed.until_written();
        assert_eq!(script.taken(), b"abc");
    });
}

#[test]
fn a_stream_for_which_there_is_no_thread_fails_and_later_ones_are_served() {
    in_its_own_process("a_stream_for_which_there_is_no_thread_fails_and_later_ones_are_served", || {
        let threads = Threads::new();
        // A file that anybody may open.
        let path = Path::new("/dev/null");
        runtime::start().expect("there are threads yet");
        threads.refuse();
        let script = Script::default();
        for mut fed in [Fed::into(script.target()), Fed::open(path)] {
            fed.put(b"abc");
            fed.bell.until(1);
            assert_eq!(fed.stream.failure(), Some(Failure::Os(NO_THREAD.raw_os_error())));
            assert!(is_status(&fed.stream, Status::Failed) && !fed.stream.is_busy());
            assert_eq!((descriptor(&fed.stream), fed.bell.count()), (-1, 1));
        }
        assert!(script.is_dropped() && script.writes() == 0);
        threads.allow();
        let mut fed = Fed::open(path);
        fed.put(b"abc");
        fed.until_written();
        until_it_naps(&mut fed);
    });
}

/// Puts single bytes until the drainer naps after one. It would not if it
/// took jobs that failed for jobs that wait for its thread.
fn until_it_naps(fed: &mut Fed) {
    let end = Instant::now() + PATIENCE;
    while !fed.stream.level().is_napping() {
        assert!(Instant::now() < end, "it never naps");
        if is_asleep(&fed.stream) {
            fed.put(b"!");
        }
    }
}

#[test]
fn a_stream_that_gets_no_thread_of_its_own_waits_for_that_of_another() {
    in_its_own_process("a_stream_that_gets_no_thread_of_its_own_waits_for_that_of_another", || {
        let threads = Threads::new();
        let (answer, held) = Held::new();
        let mut first = Fed::into(Script::new([answer]).target());
        first.put(b"abc");
        held.until_entered();
        threads.refuse();
        let mut second = Fed::into(Script::default().target());
        second.put(b"def");
        assert_eq!((second.stream.failure(), second.stream.level().written()), (None, 0));
        held.end(Take(usize::MAX));
        first.until_written();
        second.until_written();
    });
}
