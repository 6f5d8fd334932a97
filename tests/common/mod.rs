//! What the tests share: a target that answers by a script, one that is full,
//! a listener that counts, and the part of JS that puts bytes into a stream.

#![allow(dead_code, reason = "each test binary takes what it needs of this")]

pub(crate) mod fed;
pub(crate) mod model;

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    ops::Range,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use spillway::{
    control_block::Status,
    os::{Input, Readiness},
    slab::Slab,
    source::Piece,
    stream::{Listener, Request, Stream},
    target::{Settle, Target},
    writer::{self, Step},
};

/// How long a test waits for another thread before it gives up. Only a failing
/// test waits that long, so it is generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What the system says when the process has no descriptor left, in Windows' words or Unix'.
pub(crate) const NO_DESCRIPTOR: i32 = if cfg!(windows) { 4 } else { 24 };

/// A stream into a file that the first step opens.
pub(crate) fn opening(request: Request, listener: Box<dyn Listener>) -> Arc<Stream> {
    let stream = Stream::new(listener);
    stream.open(request);
    stream
}

/// What a scripted target answers to one write.
pub(crate) enum Answer {
    /// Takes so many bytes, or as many as there are.
    Take(usize),
    /// A signal came first.
    Interrupted,
    /// No room.
    WouldBlock,
    /// The kernel refuses with this errno.
    Errno(i32),
    /// An error that has no errno.
    Unnamed,
    /// Takes nothing and gives no reason.
    Nothing,
    /// Panics with this message.
    Panic(&'static str),
    /// Calls this in mid-write and goes by what it gives.
    Call(Box<dyn FnOnce() -> Answer + Send>),
}

/// What a scripted target is to do and has done.
#[derive(Default)]
struct Record {
    /// When there is none left it takes everything.
    answers: VecDeque<Answer>,
    /// The same for what it is to copy, if it can.
    copies: Option<VecDeque<Answer>>,
    taken: Vec<u8>,
    /// How much it was to copy at most each time.
    asked: Vec<u64>,
    /// The same for what it is to settle: when there is none left all goes well.
    settles: VecDeque<Answer>,
    /// How it was to settle each time, and how many bytes it had taken by then.
    settled: Vec<(Settle, usize)>,
    /// The sizes of the segments that each write was offered.
    offers: Vec<Vec<usize>>,
    is_dropped: bool,
}

/// The test's hold on a scripted target.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Record>>);

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Self::default();
        script.0.lock().answers.extend(answers);
        script
    }

    /// The one target that plays this script.
    pub(crate) fn target(&self) -> Box<dyn Target> {
        Box::new(Scripted(self.clone()))
    }

    pub(crate) fn then(&self, answer: Answer) {
        self.0.lock().answers.push_back(answer);
    }

    /// From now on it copies by these answers, and all when there is none left.
    pub(crate) fn copy(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.lock().copies = Some(answers.into_iter().collect());
    }

    /// How much the target was to copy at most each time.
    pub(crate) fn asked(&self) -> Vec<u64> {
        self.0.lock().asked.clone()
    }

    /// It settles by this answer, behind those that it has: any number of bytes means that all goes well.
    pub(crate) fn then_settle(&self, answer: Answer) {
        self.0.lock().settles.push_back(answer);
    }

    /// How the target was to settle each time, and how many bytes it had taken by then.
    pub(crate) fn settled(&self) -> Vec<(Settle, usize)> {
        self.0.lock().settled.clone()
    }

    /// All bytes that the target took, in order.
    pub(crate) fn taken(&self) -> Vec<u8> {
        self.0.lock().taken.clone()
    }

    /// Whether it took exactly `bytes`, without a copy of them.
    pub(crate) fn has_taken(&self, bytes: &[u8]) -> bool {
        self.0.lock().taken == bytes
    }

    pub(crate) fn count_taken(&self) -> usize {
        self.0.lock().taken.len()
    }

    /// The sizes of the segments that each write was offered.
    pub(crate) fn offers(&self) -> Vec<Vec<usize>> {
        self.0.lock().offers.clone()
    }

    pub(crate) fn writes(&self) -> usize {
        self.0.lock().offers.len()
    }

    /// Whether the stream has let go of the target.
    pub(crate) fn is_dropped(&self) -> bool {
        self.0.lock().is_dropped
    }
}

struct Scripted(Script);

/// How many bytes are taken by `answer`, or the error that it stands for.
fn by_answer(mut answer: Answer) -> io::Result<usize> {
    // Without the lock: the test looks on meanwhile.
    while let Answer::Call(call) = answer {
        answer = call();
    }
    match answer {
        Answer::Take(most) => Ok(most),
        Answer::Interrupted => Err(io::ErrorKind::Interrupted.into()),
        Answer::WouldBlock => Err(io::ErrorKind::WouldBlock.into()),
        Answer::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
        Answer::Unnamed => Err(io::Error::other("no errno")),
        Answer::Nothing => Ok(0),
        Answer::Panic(message) => panic_quietly(message),
        Answer::Call(_) => unreachable!("called until it gave another"),
    }
}

impl Target for Scripted {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let answer = {
            let mut record = self.0.0.lock();
            record.offers.push(bytes.iter().map(|slice| slice.len()).collect());
            record.answers.pop_front().unwrap_or(Answer::Take(usize::MAX))
        };
        let most = by_answer(answer)?;
        let mut left = most;
        let mut record = self.0.0.lock();
        for slice in bytes {
            let count = left.min(slice.len());
            record.taken.extend_from_slice(&slice[..count]);
            left -= count;
        }
        Ok(most - left)
    }

    fn copy(&mut self, source: &Input, position: Option<u64>, most: u64) -> io::Result<u64> {
        let answer = {
            let mut record = self.0.0.lock();
            let Some(copies) = &mut record.copies else { return Err(io::ErrorKind::Unsupported.into()) };
            let answer = copies.pop_front().unwrap_or(Answer::Take(usize::MAX));
            record.asked.push(most);
            answer
        };
        let size = by_answer(answer)?.min(usize::try_from(most).unwrap_or(usize::MAX)).min(1 << 20);
        let mut bytes = vec![0; size];
        // Whatever the source says, the target can't copy.
        let count = source.read(&mut bytes, position).map_err(|_| io::ErrorKind::Unsupported)?;
        self.0.0.lock().taken.extend_from_slice(&bytes[..count]);
        Ok(count as u64)
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        let answer = {
            let mut record = self.0.0.lock();
            let count = record.taken.len();
            record.settled.push((how, count));
            record.settles.pop_front().unwrap_or(Answer::Take(0))
        };
        by_answer(answer).map(|_| ())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        Err(io::Error::from_raw_os_error(NO_DESCRIPTOR))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.0.0.lock().is_dropped = true;
    }
}

/// A target that is full and stays so, and whose readiness is what `readiness` gives.
pub(crate) struct Full<F> {
    readiness: F,
    dropped: Sender<()>,
}

impl<F: Fn() -> io::Result<Readiness> + Send> Full<F> {
    /// The target; the other is told when it is let go.
    pub(crate) fn new(readiness: F) -> (Box<Self>, Receiver<()>) {
        let (dropped, is_dropped) = channel();
        (Box::new(Self { readiness, dropped }), is_dropped)
    }
}

impl<F: Fn() -> io::Result<Readiness> + Send> Target for Full<F> {
    fn write(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        (self.readiness)()
    }
}

impl<F> Drop for Full<F> {
    fn drop(&mut self) {
        // Not every test listens.
        let _ = self.dropped.send(());
    }
}

/// Panics as a target would, but without the hook, which would print it.
pub(crate) fn panic_quietly(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}

/// A write that the test holds up: the far end of an [`Answer::Call`].
pub(crate) struct Held {
    entered: Receiver<()>,
    answer: Sender<Answer>,
}

impl Held {
    /// An answer that waits for [`end`](Self::end).
    pub(crate) fn new() -> (Answer, Self) {
        let (enter, entered) = channel();
        let (answer, told) = channel();
        let call = move || {
            enter.send(()).expect("the test listens");
            told.recv_timeout(PATIENCE).expect("the test ends the write")
        };
        (Answer::Call(Box::new(call)), Self { entered, answer })
    }

    /// Waits until a thread is in mid-write.
    pub(crate) fn until_entered(&self) {
        self.entered.recv_timeout(PATIENCE).expect("a write begins");
    }

    /// Lets the write go on with `answer`.
    pub(crate) fn end(&self, answer: Answer) {
        self.answer.send(answer).expect("the target waits for it");
    }
}

#[derive(Default)]
struct Rings {
    count: Mutex<usize>,
    changed: Condvar,
}

/// The test's side of a listener that counts how often it is woken.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<Rings>);

impl Bell {
    pub(crate) fn listener(&self) -> Box<dyn Listener> {
        self.listener_that(|| ())
    }

    /// A listener that calls `then` besides, at each wake, before it is counted.
    pub(crate) fn listener_that(&self, then: impl Fn() + Send + Sync + 'static) -> Box<dyn Listener> {
        Box::new(Ear(self.clone(), then))
    }

    pub(crate) fn count(&self) -> usize {
        *self.0.count.lock()
    }

    /// Waits until it has rung `count` times.
    pub(crate) fn until(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        let mut guard = self.0.count.lock();
        while *guard < count {
            let late = self.0.changed.wait_until(&mut guard, end).timed_out();
            assert!(!late || *guard >= count, "woken {} times, not {count}", *guard);
        }
    }
}

struct Ear<F>(Bell, F);

impl<F: Fn() + Send + Sync> Listener for Ear<F> {
    fn wake(&self) {
        (self.1)();
        *self.0.0.count.lock() += 1;
        self.0.0.changed.notify_all();
    }
}

/// What JS does to put bytes into a stream: `lib/write-buffer.js` in little.
pub(crate) struct Feeder {
    stream: Arc<Stream>,
    slab: Option<Arc<Slab>>,
    size: usize,
    filled: usize,
    /// Bytes put so far.
    pub(crate) accepted: usize,
}

impl Feeder {
    pub(crate) fn new(stream: &Arc<Stream>) -> Self {
        Self { stream: Arc::clone(stream), slab: None, size: 0, filled: 0, accepted: 0 }
    }

    /// Goes on in a new slab of `size` bytes.
    pub(crate) fn next_slab(&mut self, size: usize) {
        let slab = Slab::new(size).expect("memory");
        self.stream.attach(Arc::clone(&slab));
        (self.slab, self.size, self.filled) = (Some(slab), size, 0);
    }

    /// Lets go of the live slab: the next bytes need a new one.
    pub(crate) fn detach(&mut self) {
        self.stream.detach();
        (self.slab, self.size) = (None, self.filled);
    }

    /// Room in the live slab.
    pub(crate) fn room(&self) -> usize {
        self.size - self.filled
    }

    /// Fills the live slab, which must have room. True if there is no job: the
    /// caller has one scheduled.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> bool {
        self.slab.as_ref().expect("a slab is attached").fill(self.filled, bytes);
        self.filled += bytes.len();
        self.accepted += bytes.len();
        self.publish()
    }

    /// Appends a chunk of its own. True if there is no job: the caller has one scheduled.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> bool {
        self.accepted += bytes.len();
        self.stream.append(Bytes::copy_from_slice(bytes));
        self.publish()
    }

    /// Appends what a source has, which counts as one byte. True if there is no job: the
    /// caller has one scheduled.
    pub(crate) fn append_source(&mut self, piece: Arc<Piece>) -> bool {
        self.accepted += 1;
        self.stream.append_source(piece);
        self.publish()
    }

    /// Appends a barrier. True if there is no job: the caller has one scheduled.
    pub(crate) fn append_barrier(&mut self, how: Settle) -> bool {
        self.accepted += 1;
        self.stream.append_barrier(how);
        self.publish()
    }

    /// Stores the fill position, a new one or the same, and finds whether there is a job.
    fn publish(&self) -> bool {
        self.stream.control().fill(u32::try_from(self.filled).expect("slabs are small"))
    }

    /// Has JavaScript woken when all that was put is settled. True if it is already.
    pub(crate) fn wait(&self) -> bool {
        self.stream.control().wake_at(offset(self.accepted))
    }
}

/// A stream that has its target, and what the test holds of it.
pub(crate) fn scripted(answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script, Bell, Feeder) {
    let (script, bell) = (Script::new(answers), Bell::default());
    let stream = Stream::new(bell.listener());
    stream.give(script.target());
    let feeder = Feeder::new(&stream);
    (stream, script, bell, feeder)
}

/// A stream whose target copies by these answers, and all when there is none left.
pub(crate) fn copying(answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script, Bell, Feeder) {
    let scripted = scripted([]);
    scripted.1.copy(answers);
    scripted
}

/// Steps until there is nothing more to do, however often the target blocks;
/// gives what the last step said.
pub(crate) fn step_to_the_end(stream: &Stream) -> Step {
    loop {
        match writer::step(stream) {
            Step::Went(_) | Step::Blocked | Step::Concluded => {}
            end => return end,
        }
    }
}

/// Whether `status` is what JavaScript is told of the stream.
pub(crate) fn is_status(stream: &Stream, status: Status) -> bool {
    stream.control().is_status(status)
}

/// Whether JavaScript is told that there is no job.
pub(crate) fn is_asleep(stream: &Stream) -> bool {
    stream.control().is_asleep()
}

/// The number that JavaScript is told of as the descriptor that was opened here.
pub(crate) fn descriptor(stream: &Stream) -> i32 {
    stream.control().descriptor()
}

/// `count` as an offset of the stream.
pub(crate) fn offset(count: usize) -> u32 {
    u32::try_from(count).expect("tests write less than 4 GiB")
}

/// Bytes of which each stretch can be told from any other.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    stretch(0..count)
}

/// A stretch of those bytes.
pub(crate) fn stretch(range: Range<usize>) -> Vec<u8> {
    range.map(|at| (at ^ at >> 8 ^ at >> 16).to_le_bytes()[0]).collect()
}

#[cfg(unix)]
pub(crate) mod unix {
    use std::{ffi::CString, fs, os::unix::ffi::OsStrExt, path::Path};

    use rustix::fs::OFlags;
    use spillway::stream::Request;

    /// A new file for writing.
    pub(crate) fn request(path: &Path) -> Request {
        let path = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a temporary path");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        Request { path, flags: flags.bits().cast_signed(), mode: 0o666, start: None, mkdir: false }
    }

    /// Descriptors of this process that stand for the same file as `name` does,
    /// such as `pipe:[4711]`.
    pub(crate) fn count_descriptors(name: &Path) -> usize {
        let folder = fs::read_dir("/proc/self/fd").expect("Linux");
        folder.flatten().filter(|entry| fs::read_link(entry.path()).is_ok_and(|link| link == name)).count()
    }
}
