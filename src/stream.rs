//! One stream: what it holds, and which phase it is in.

use std::{
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::{
    error::Failure,
    level::Status,
    os::{File, Readiness},
    page::{Pages, Place},
    queue::Queue,
    slab::Slab,
    target::{Request, Target},
};

/// Most bytes in one write, so that what is in flight when a stream is
/// destroyed, and what a slab waits for, stays short.
const MAX_BATCH: usize = 1 << 20;

/// Time until the second try to open a FIFO that nobody reads; each is twice
/// the one before. Nothing tells when a reader comes.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// The longest such time.
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// Told when JS has something to hear of a stream: a descriptor, an offset it
/// waited for, a failure, the end of the write that was in flight at a cut.
pub trait Listener: Send + Sync {
    /// Has JS look at the stream, in a turn of its own. Must not block.
    fn wake(&self);
}

/// Which errors of a write are waited out, a full disk's say, and how.
#[derive(Clone, Debug)]
pub struct Retry {
    /// These, by their `errno`.
    pub errnos: Vec<i32>,
    /// Time between two tries.
    pub interval: Duration,
    /// Time after which the error is the stream's after all.
    pub limit: Duration,
}

/// Whose turn it is, and with what.
///
/// ```text
///   Opening ─▶ Busy ─▶ Ready ◀─▶ Busy ─▶ Failed
///              ▲ │ │     ▲ │       │
///              │ │ ▼     │ └───────┴──▶ Released (cut)
///              │ │ Waiting (JS brings the descriptor)
///              │ ▼
///           NoReader (a FIFO that nobody reads) ──▶ Released (cut)
/// ```
enum Phase {
    /// The file is to be opened by whoever drains first.
    Opening(Request),
    /// The file is a FIFO that nobody reads yet: to be tried again, after this time.
    NoReader(Request, Duration),
    /// JS is to bring the descriptor.
    Waiting,
    /// Nobody writes just now.
    Ready(Box<dyn Target>),
    /// Somebody (the drain job, or the JS thread at the end of the process)
    /// opens or writes, without the lock.
    Busy,
    /// Nothing more will be written.
    Failed(Failure),
    /// Nothing more will be written, and the target is let go.
    Released,
}

impl Phase {
    /// Nobody has the turn, and a cut is all it takes to let go.
    fn is_idle(&self) -> bool {
        matches!(self, Self::NoReader(..) | Self::Ready(_))
    }
}

struct State {
    phase: Phase,
    queue: Queue,
    /// Bytes that the kernel has taken.
    written: u64,
    /// Writes that the target was asked for.
    calls: u64,
    retry: Option<Retry>,
    /// Since when the target refuses what is worth trying again, if it does.
    stalled_since: Option<Instant>,
    /// The `errno` of the last such refusal.
    stalled_by: Option<i32>,
    /// A job came for the turn while another had it.
    turned_away: bool,
    /// The target took nothing when it was asked last.
    is_blocked: bool,
    /// JS does not want bytes to be written yet.
    is_held: bool,
}

impl State {
    /// Somebody has the turn.
    fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Busy)
    }
}

/// Who comes for the turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comer {
    /// The drain job, which ends if another has the turn.
    Job,
    /// A flush, which waits for its turn.
    Flush,
}

/// What there is to do for the one who drains.
pub(crate) enum Turn {
    /// Open this, then [`Stream::opened`]; or, if it is a FIFO that nobody
    /// reads, [`Stream::found_no_reader`] with the time until the next try.
    Open(Request, Duration),
    /// Write this, then [`Stream::wrote`].
    Write(Box<dyn Target>, Vec<Bytes>),
    /// Everything is written.
    Empty,
    /// Somebody else has the turn, or nothing can be written (any more).
    Rest,
}

/// One stream of bytes into one target.
pub struct Stream {
    level: Place,
    state: Mutex<State>,
    /// A turn has ended, or a napping drainer is roused.
    changed: Condvar,
    /// The queue is cut: who waits for the target's readiness may stop.
    cut: Notify,
    listener: Box<dyn Listener>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Stream {
    /// A stream that waits for its target: see [`open`](Self::open) and [`give`](Self::give).
    #[must_use]
    pub fn new(listener: Box<dyn Listener>) -> Arc<Self> {
        Self::with_level(Pages::default().take(), listener)
    }

    /// [`new`](Self::new), with a level that JS sees.
    #[must_use]
    pub fn with_level(level: Place, listener: Box<dyn Listener>) -> Arc<Self> {
        let state = Mutex::new(State {
            phase: Phase::Waiting,
            queue: Queue::default(),
            written: 0,
            calls: 0,
            retry: None,
            stalled_since: None,
            stalled_by: None,
            turned_away: false,
            is_blocked: false,
            is_held: false,
        });
        Arc::new(Self { level, state, changed: Condvar::new(), cut: Notify::new(), listener })
    }

    /// The control words.
    #[must_use]
    pub fn level(&self) -> &Place {
        &self.level
    }

    /// Has some errors waited out. Before anything is written.
    pub fn wait_out(&self, retry: Retry) {
        self.state.lock().retry = Some(retry);
    }

    /// The file of a waiting stream, which the next drain opens; ignored by any
    /// other. The caller has the stream drained.
    pub fn open(&self, request: Request) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Waiting) && !state.queue.is_cut() {
            state.phase = Phase::Opening(request);
        }
    }

    /// Holds the bytes back: the file may be opened, but nothing is written
    /// until [`release`](Self::release).
    pub fn hold(&self) {
        self.state.lock().is_held = true;
    }

    /// Ends a [`hold`](Self::hold). The caller has the stream drained.
    pub fn release(&self) {
        self.state.lock().is_held = false;
    }

    /// The target that a waiting stream waits for; ignored by any other. The
    /// caller has the stream drained.
    pub fn give(&self, target: Box<dyn Target>) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Waiting) {
            state.phase = if state.queue.is_cut() { Phase::Released } else { Phase::Ready(target) };
            self.level.set_status(Status::Open);
        }
    }

    /// Goes on in `slab`, behind what was filled of the last. JS thread only.
    pub fn attach(&self, slab: Arc<Slab>) {
        let mut state = self.state.lock();
        state.queue.attach(slab, self.level.mark());
        self.level.reset_mark();
    }

    /// Lets go of the slab: JS fills it no more. JS thread only.
    pub fn detach(&self) {
        self.state.lock().queue.detach(self.level.mark());
    }

    /// Appends bytes that are not in a slab.
    pub fn append(&self, bytes: Bytes) {
        self.state.lock().queue.append(bytes, self.level.mark());
    }

    /// Ends the nap of the drainer.
    pub fn rouse(&self) {
        // Who is about to nap holds the lock until it does.
        let _about_to_nap = self.state.lock();
        self.changed.notify_all();
    }

    /// Drops what no write has begun, takes in nothing more and lets go of the
    /// target. True if a write is in flight: it ends first, and then the
    /// listener is told.
    #[must_use]
    pub fn cut(&self) -> bool {
        let mut state = self.state.lock();
        state.queue.cut();
        self.cut.notify_waiters();
        let waits_for_reader = matches!(state.phase, Phase::NoReader(..));
        if state.phase.is_idle() {
            state.phase = Phase::Released;
        }
        let is_busy = state.is_busy();
        drop(state);
        if waits_for_reader {
            self.abandon();
        }
        is_busy
    }

    /// Drops what lies behind `offset` and takes in nothing more. What lies
    /// before it is written, unless the target takes nothing; then the target
    /// is let go, too. True if that is still to come: the listener is told.
    #[must_use]
    pub fn cancel_from(&self, offset: u64) -> bool {
        let mut state = self.state.lock();
        let keep = offset.saturating_sub(state.written);
        if keep == 0
            || state.is_blocked
            || state.is_held
            || !matches!(state.phase, Phase::Ready(_) | Phase::Busy)
        {
            drop(state);
            return self.cut();
        }
        state.queue.truncate(keep, self.level.mark());
        if state.queue.is_over() {
            drop(state);
            return self.cut();
        }
        true
    }

    /// Tells JS, which waits to hear of a descriptor, that there will be none.
    fn abandon(&self) {
        self.level.set_status(Status::Abandoned);
        self.listener.wake();
    }

    /// [`cut`](Self::cut), then waits for the end of the write that is in
    /// flight, if one is: nothing can stop it.
    pub fn cut_and_wait(&self) {
        if self.cut() {
            let mut state = self.state.lock();
            self.changed.wait_while(&mut state, |state| state.is_busy());
        }
    }

    /// Bytes that the kernel has taken: the whole count, of which
    /// [`Level::written`] is the lower half.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.state.lock().written
    }

    /// Writes that the target was asked for, those that it refused among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// The `errno` of the stall that lasts, or of the last one.
    #[must_use]
    pub fn stalled_by(&self) -> Option<i32> {
        self.state.lock().stalled_by
    }

    /// Whether a job may have ended since it came while another had the turn.
    /// Asks once. Who flushed and leaves bytes behind has a job scheduled then.
    #[must_use]
    pub fn has_turned_away(&self) -> bool {
        std::mem::take(&mut self.state.lock().turned_away)
    }

    /// Whether nothing is written, and nothing will be.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.queue.is_over() && !state.is_busy()
    }

    /// Whether a write is in flight.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.state.lock().is_busy()
    }

    /// How the stream came to its end: `None` if somebody writes, or may.
    ///
    /// # Errors
    /// The failure; `NotConnected` if JS is still to bring the descriptor.
    pub(crate) fn outcome(&self) -> Option<io::Result<()>> {
        match &self.state.lock().phase {
            Phase::Opening(_) | Phase::NoReader(..) | Phase::Ready(_) | Phase::Busy => None,
            Phase::Waiting => Some(Err(io::ErrorKind::NotConnected.into())),
            Phase::Failed(failure) => Some(Err(io::Error::other(failure.clone()))),
            Phase::Released => Some(Ok(())),
        }
    }

    /// Why the stream failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match &self.state.lock().phase {
            Phase::Failed(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    /// Ends the stream with `failure`, unless somebody has the turn: who opens
    /// or writes is to say itself how that went.
    pub fn give_up(&self, failure: Failure) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Opening(_) | Phase::NoReader(..) | Phase::Ready(_)) {
            state.phase = Phase::Busy;
            drop(state);
            self.failed(failure);
        }
    }

    /// Takes the turn, if there is something to do and nobody else has it.
    pub(crate) fn begin(&self, comer: Comer) -> Turn {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        match std::mem::replace(&mut state.phase, Phase::Busy) {
            Phase::Opening(request) => Turn::Open(request, FIRST_PAUSE),
            Phase::NoReader(request, pause) => Turn::Open(request, pause),
            Phase::Ready(target) if state.is_held => {
                state.phase = Phase::Ready(target);
                Turn::Rest
            }
            Phase::Ready(target) => {
                state.is_blocked = false;
                state.queue.seal(self.level.mark());
                let batch = state.queue.batch(MAX_BATCH);
                if batch.is_empty() {
                    state.phase = Phase::Ready(target);
                    return Turn::Empty;
                }
                state.calls += 1;
                Turn::Write(target, batch)
            }
            other => {
                state.turned_away |= comer == Comer::Job && matches!(other, Phase::Busy);
                state.phase = other;
                Turn::Rest
            }
        }
    }

    /// Ends a turn that found a FIFO without a reader. False if the queue was
    /// cut meanwhile: JS is told that the file is not open.
    pub(crate) fn found_no_reader(&self, request: Request, pause: Duration) -> bool {
        let is_last = self.end_turn(Phase::NoReader(request, LAST_PAUSE.min(pause * 2)));
        if is_last {
            self.abandon();
        }
        !is_last
    }

    /// Ends a turn that opened the file, or could not. True if bytes may be written now.
    pub(crate) fn opened(&self, opened: io::Result<(File, i32)>) -> bool {
        let (status, phase) = match opened {
            Ok((file, number)) => {
                self.level.set_descriptor(number);
                (Status::Open, Phase::Ready(Box::new(file) as Box<dyn Target>))
            }
            // JS lets Node's own open try, so that the error is Node's.
            Err(_) => (Status::Unopened, Phase::Waiting),
        };
        self.level.set_status(status);
        self.end_turn(phase);
        let is_held = self.state.lock().is_held;
        self.listener.wake();
        status == Status::Open && !is_held
    }

    /// Ends a turn in which the target took nothing, and is to be asked again when it has room.
    pub(crate) fn blocked(&self, target: Box<dyn Target>) {
        let mut state = self.state.lock();
        state.is_blocked = true;
        // Nothing is waited for once JS has cancelled.
        if state.queue.is_cut() {
            state.queue.cut();
        }
        drop(state);
        self.wrote(target, 0);
    }

    /// Ends a turn that wrote `count` bytes and leaves the target usable.
    pub(crate) fn wrote(&self, target: Box<dyn Target>, count: usize) {
        let mut state = self.state.lock();
        state.queue.advance(count);
        state.written += count as u64;
        // Within the lock, so that what JS reads here it will read there.
        let told = self.level.publish(count);
        let resumes = count > 0 && state.stalled_since.take().is_some();
        if resumes {
            self.level.count_stall();
        }
        drop(state);
        let is_last = self.end_turn(Phase::Ready(target));
        if told || is_last || resumes {
            self.listener.wake();
        }
    }

    /// Ends a turn in which the target refused to write with `errno`. Gives the
    /// time after which to try again, if that is to be waited out, or else the target.
    ///
    /// # Errors
    /// The target: the turn goes on.
    pub(crate) fn stalled(&self, target: Box<dyn Target>, errno: i32) -> Result<Duration, Box<dyn Target>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(retry) = state.retry.as_ref().filter(|retry| retry.errnos.contains(&errno)) else {
            return Err(target);
        };
        state.is_blocked = true;
        if state.queue.is_cut() {
            state.queue.cut();
        }
        let begins = state.stalled_since.is_none();
        let since = *state.stalled_since.get_or_insert_with(Instant::now);
        let left = retry.limit.saturating_sub(since.elapsed());
        if left.is_zero() {
            return Err(target);
        }
        state.stalled_by = Some(errno);
        let pause = retry.interval.min(left);
        if begins {
            self.level.count_stall();
        }
        drop(guard);
        let is_last = self.end_turn(Phase::Ready(target));
        if begins || is_last {
            self.listener.wake();
        }
        Ok(pause)
    }

    /// Ends a turn that can't go on: nothing more will be written.
    pub(crate) fn failed(&self, failure: Failure) {
        self.end_turn(Phase::Failed(failure));
        self.listener.wake();
    }

    /// Makes `phase` the next one and tells those who wait for it. True if the
    /// queue was cut meanwhile, and that turn was the last.
    fn end_turn(&self, phase: Phase) -> bool {
        let mut state = self.state.lock();
        let is_over = state.queue.is_over() && phase.is_idle();
        if matches!(phase, Phase::Failed(_)) {
            state.queue.cut();
            self.level.set_status(Status::Failed);
        }
        state.phase = if is_over { Phase::Released } else { phase };
        drop(state);
        self.changed.notify_all();
        is_over
    }

    /// Waits for `time`, or until it is roused. True if there is something to write then.
    pub(crate) fn nap(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.level.set_napping(true);
        // JS stores that it waits before it looks whom to rouse.
        if !self.level.is_urgent() {
            self.changed.wait_for(&mut state, time);
        }
        self.level.set_napping(false);
        !state.queue.is_empty(self.level.mark())
    }

    /// Falls asleep. False if there is something to write after all.
    pub(crate) fn fall_asleep(&self) -> bool {
        // What is not in the live slab is appended under this lock, before JS looks for a sleeper.
        let mut state = self.state.lock();
        let mark = self.level.mark();
        let sleeps = state.queue.is_empty(mark) && self.level.fall_asleep(mark);
        // Who finds the sleeper has a job scheduled: nobody else is to.
        state.turned_away &= !sleeps;
        sleeps
    }

    /// What the target waits for.
    pub(crate) fn readiness(&self) -> Option<io::Result<Readiness>> {
        match &self.state.lock().phase {
            Phase::Ready(target) => Some(target.readiness()),
            _ => None,
        }
    }

    /// Waits until the queue is cut.
    pub(crate) async fn until_cut(&self) {
        // Made before the look: a cut after that one ends it.
        let notified = self.cut.notified();
        if !self.state.lock().queue.is_cut() {
            notified.await;
        }
    }

    /// Waits at most `time` for the end of somebody else's turn.
    pub(crate) fn wait_for_turn(&self, time: Duration) {
        let mut state = self.state.lock();
        let _is_over = self.changed.wait_while_for(&mut state, |state| state.is_busy(), time);
    }
}
