//! JavaScript with one stream, told again, and the threads beside it.

use std::{
    io::{self, ErrorKind, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use loom::thread::{JoinHandle, spawn};
use spillway::{
    os::{self, Readiness},
    slab::Slab,
    stream::{Listener, Retry, Stream},
    target::{Settle, Target},
    writer::{self, End},
};

/// A wait that only a notice ends, in a model.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Bytes of a slab.
pub(crate) const SIZE: usize = 4;

/// What becomes of a stream. Loom does not follow these: they are looked at, and nobody waits for them.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) taken: parking_lot::Mutex<Vec<u8>>,
    /// Targets that were let go, and abandoned.
    pub(crate) dropped: AtomicUsize,
    pub(crate) abandoned: AtomicUsize,
    pub(crate) refusals: AtomicUsize,
    wakes: AtomicUsize,
    is_running: AtomicBool,
}

/// How a target answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Takes so many bytes of each write.
    Take(usize),
    /// Takes all, and is to be asked to bring it down, and to rest.
    Keep,
    /// As `Keep`, but has more to do at its end.
    Trail,
    /// Has no room at first, then takes all.
    Stall,
    Fail,
    Panic,
}

struct Sheet {
    world: Arc<World>,
    answer: Answer,
    has_unsettled: bool,
    is_resting: bool,
}

impl Sheet {
    fn take(&self, bytes: &[IoSlice<'_>], most: usize) -> usize {
        let bytes: Vec<u8> = bytes.iter().flat_map(|slice| slice.iter().copied()).take(most).collect();
        self.world.taken.lock().extend_from_slice(&bytes);
        bytes.len()
    }
}

impl Target for Sheet {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let most = match self.answer {
            Answer::Take(most) => most,
            Answer::Keep | Answer::Trail => {
                (self.has_unsettled, self.is_resting) = (true, false);
                SIZE
            }
            Answer::Stall => {
                self.answer = Answer::Take(SIZE);
                self.world.refusals.fetch_add(1, SeqCst);
                return Err(no_room());
            }
            Answer::Fail => return Err(ErrorKind::Other.into()),
            Answer::Panic => std::panic::resume_unwind(Box::new("a target that panics")),
        };
        Ok(self.take(bytes, most))
    }

    fn has_unsettled(&self) -> bool {
        self.has_unsettled
    }

    fn settle(&mut self, _: Settle) -> io::Result<()> {
        self.has_unsettled = false;
        Ok(())
    }

    fn rest(&mut self) {
        assert!(!self.has_unsettled, "a target that rests has brought down all");
        self.is_resting = self.answer != Answer::Trail;
    }

    fn is_resting(&self) -> bool {
        self.is_resting
    }

    fn finish(&mut self) -> io::Result<()> {
        (self.has_unsettled, self.is_resting) = (false, true);
        Ok(())
    }

    fn abandon(&mut self) {
        self.world.abandoned.fetch_add(1, SeqCst);
    }

    fn readiness(&self) -> io::Result<Readiness> {
        Err(ErrorKind::Unsupported.into())
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        self.world.dropped.fetch_add(1, SeqCst);
    }
}

/// What a full disk says.
fn no_room() -> io::Error {
    io::Error::from_raw_os_error(28)
}

struct Bell(Arc<World>);

impl Listener for Bell {
    fn wake(&self) {
        self.0.wakes.fetch_add(1, SeqCst);
    }
}

/// JavaScript, with one stream.
pub(crate) struct JavaScript {
    pub(crate) stream: Arc<Stream>,
    pub(crate) world: Arc<World>,
    pub(crate) slab: Arc<Slab>,
    filled: usize,
    pub(crate) accepted: Vec<u8>,
    /// Slabs that were filled before, and the offset up to which they were.
    sealed: Vec<(Arc<Slab>, u32)>,
    jobs: Vec<JoinHandle<()>>,
}

impl JavaScript {
    /// A stream that has its target, a slab, and no job.
    pub(crate) fn new(answer: Answer) -> Self {
        let js = Self::without_target();
        js.give(answer);
        js
    }

    pub(crate) fn without_target() -> Self {
        let world = Arc::<World>::default();
        let stream = Stream::new(Box::new(Bell(Arc::clone(&world))));
        let errnos = vec![os::errno(&no_room()).expect("it has one")];
        stream.wait_out(Retry { errnos, interval: Duration::from_millis(1), limit: LONG });
        let slab = Slab::new(SIZE).expect("memory");
        stream.attach(Arc::clone(&slab));
        Self { stream, world, slab, filled: 0, accepted: Vec::new(), sealed: Vec::new(), jobs: Vec::new() }
    }

    /// [`new`](Self::new), of which the first job has found nothing.
    pub(crate) fn asleep(answer: Answer) -> Self {
        let js = Self::new(answer);
        assert!(js.stream.request_job());
        run(&js.stream, &js.world);
        assert!(js.stream.control().is_asleep());
        js
    }

    pub(crate) fn give(&self, answer: Answer) {
        let world = Arc::clone(&self.world);
        self.stream.give(Box::new(Sheet { world, answer, has_unsettled: false, is_resting: true }));
    }

    /// `runtime::schedule`, with a thread for each job.
    pub(crate) fn schedule(&mut self) {
        if self.stream.request_job() {
            let (stream, world) = (Arc::clone(&self.stream), Arc::clone(&self.world));
            self.jobs.push(spawn(move || run(&stream, &world)));
        }
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.accepted.len()).expect("a few bytes")
    }

    /// `WriteBuffer.publish`.
    fn publish(&mut self) {
        if self.stream.control().fill(u32::try_from(self.filled).expect("a few bytes")) {
            self.schedule();
        }
    }

    /// `WriteBuffer.appendBytes` of so many bytes, for which there is room in the slab.
    pub(crate) fn fill(&mut self, count: usize) {
        let bytes = self.next_bytes(count);
        self.slab.fill(self.filled, &bytes);
        self.filled += count;
        self.publish();
    }

    /// `WriteBuffer.appendWhole` of one byte.
    pub(crate) fn append(&mut self) {
        let bytes = self.next_bytes(1);
        self.stream.append(Bytes::from(bytes));
        self.publish();
    }

    /// `WriteBuffer.nextSlab`, of which the pool has none but those that are free again.
    pub(crate) fn next_slab(&mut self) {
        let full = (Arc::clone(&self.slab), self.offset());
        let taken = self.stream.control().taken();
        let free = self.sealed.iter().position(|(_, end)| *end <= taken);
        self.slab = match free {
            Some(first) => self.sealed.remove(first).0,
            None => Slab::new(SIZE).expect("memory"),
        };
        self.sealed.push(full);
        self.filled = 0;
        self.stream.attach(Arc::clone(&self.slab));
    }

    fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (self.offset()..).map(|at| b'a' + at.to_le_bytes()[0]).take(count).collect();
        self.accepted.extend_from_slice(&bytes);
        bytes
    }

    /// `ControlBlock.wakeAt`. True: it is reached already, and no call comes.
    pub(crate) fn wait(&self, offset: u32) -> bool {
        wait(&self.stream, offset)
    }

    /// `Sink.flush`.
    pub(crate) fn flush(&mut self, offset: u64) -> io::Result<()> {
        self.stream.begin_wait(offset);
        self.schedule();
        let result = self.stream.wait_until(offset, Instant::now() + LONG);
        self.stream.end_wait();
        result
    }

    /// `Sink.finish`, which here waits for as long as it takes.
    pub(crate) fn finish(&mut self) {
        self.stream.finish();
        if !self.stream.is_over() {
            self.schedule();
            assert!(self.stream.wait_until_over(Instant::now() + LONG));
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.world.taken.lock().len()
    }

    pub(crate) fn wakes(&self) -> usize {
        self.world.wakes.load(SeqCst)
    }

    pub(crate) fn join(&mut self) {
        self.jobs.drain(..).for_each(|job| job.join().expect("no job panics"));
    }

    /// Waits for the jobs: all that was put is written, and there is none left.
    pub(crate) fn end(&mut self) {
        self.join();
        assert!(self.stream.failure().is_none(), "{:?}", self.stream.failure());
        assert_eq!(
            *self.world.taken.lock(),
            self.accepted,
            "everyone is done: what is written, and what was put"
        );
        let control = self.stream.control();
        assert_eq!((control.taken(), control.settled()), (self.offset(), self.offset()));
        assert!(control.is_asleep(), "JavaScript is to find that there is no job");
    }

    /// Waits for the jobs: the stream is over, by a failure if it `fails`, and nobody has its target.
    pub(crate) fn end_over(&mut self, fails: bool) {
        self.join();
        assert!(self.stream.is_over(), "it goes on");
        assert_eq!(self.stream.failure().is_some(), fails, "{:?}", self.stream.failure());
        assert_eq!(self.world.dropped.load(SeqCst), 1, "the target is let go");
    }
}

/// `runtime::run`, of a job for which nobody else waits, and which goes on at once after a stall.
pub(crate) fn run(stream: &Stream, world: &World) {
    assert!(!world.is_running.swap(true, SeqCst), "two jobs at once");
    while matches!(writer::run(stream, || false), End::Stalled(_)) {}
    // Loom does not switch between the end of the job and this.
    world.is_running.store(false, SeqCst);
}

pub(crate) fn wait(stream: &Stream, offset: u32) -> bool {
    let is_reached = stream.control().wake_at(offset);
    if !is_reached && stream.control().is_parked() {
        stream.unpark();
    }
    is_reached
}
