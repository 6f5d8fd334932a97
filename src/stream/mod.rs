//! One stream: what it holds, who may use its target, and who waits for what.

mod counts;
mod job;
mod lease;
mod opening;
mod retry;
mod state;
mod wait;
mod work;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tokio::sync::Notify;

pub use opening::Request;
pub(crate) use opening::{Opened, Opening};
pub use retry::Retry;
pub use work::Goal;
pub(crate) use {
    lease::{Lease, Refusal},
    work::{Lack, Work},
};

use crate::{
    control_block::Status,
    error::Failure,
    os::{File, Replacement},
    page::{Pages, Place},
    slab::Slab,
    source::{Piece, Source},
    sync::{Condvar, Mutex},
    target::{Change, Rotation, Settle, Stages, Target},
};
use state::{Phase, State};

/// Told when JavaScript has something to hear of a stream: a descriptor, an offset it
/// waited for, a failure, the end of the write that was under way at a cancel.
pub trait Listener: Send + Sync {
    /// Has JavaScript look at the stream, in a turn of its own. Must not block.
    fn wake(&self);
}

/// One stream of bytes into one target.
pub struct Stream {
    control: Place,
    stages: Stages,
    state: Mutex<State>,
    /// A lease was answered, or somebody has come who does not want to wait for a parked job.
    changed: Condvar,
    /// The stream was cancelled, or a source stopped: who waits for their readiness may stop.
    cancelled: Notify,
    listener: Box<dyn Listener>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("control", &self.control).finish_non_exhaustive()
    }
}

impl Stream {
    /// A stream that waits for its target: see [`open`](Self::open) and [`give`](Self::give).
    #[must_use]
    pub fn new(listener: Box<dyn Listener>) -> Arc<Self> {
        Self::with_stages(Stages::default(), Pages::default().take(), listener)
    }

    /// [`new`](Self::new), with what is done to the bytes on their way, and a control block that JavaScript sees.
    #[must_use]
    pub fn with_stages(stages: Stages, control: Place, listener: Box<dyn Listener>) -> Arc<Self> {
        Arc::new(Self {
            control,
            stages,
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
            cancelled: Notify::new(),
            listener,
        })
    }

    /// The words that JavaScript sees.
    #[must_use]
    pub fn control(&self) -> &Place {
        &self.control
    }

    /// Has some errors waited out. Before anything is written.
    pub fn wait_out(&self, retry: Retry) {
        self.state.lock().stalls.set_policy(retry);
    }

    /// The file of a waiting stream, which may have failed to open one before;
    /// ignored by any other. The caller has a job scheduled.
    pub fn open(&self, request: Request) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Waiting) {
            self.control.set_descriptor(-1);
            self.control.set_status(Status::Opening);
        }
        state.open(Opening::new(request));
    }

    /// The target that a waiting stream waits for; ignored by any other. The
    /// caller has a job scheduled.
    pub fn give(&self, target: Box<dyn Target>) {
        self.give_staged(self.stages.around(target));
    }

    /// The same of a file.
    pub fn give_file(&self, file: File) {
        self.give_staged(self.stages.around_file(file));
    }

    /// What the file is to replace when it is whole, and whether it is to be on the device before. Before it is opened.
    pub fn replace(&self, replacement: Replacement, is_durable: bool) {
        *self.stages.replacement.lock() = Some((replacement, is_durable));
        self.state.lock().must_end = true;
    }

    /// Whether it makes something that must not be left behind when it is abandoned: whoever ends waits for that.
    #[must_use]
    pub fn must_end(&self) -> bool {
        self.state.lock().must_end
    }

    /// Whether its bytes can't all be read before something is written behind them.
    #[must_use]
    pub fn has_trailer(&self) -> bool {
        self.stages.compress.is_some()
    }

    /// JavaScript's thread ends: has what its stages hold back put behind what was accepted, so that all can be read.
    /// Offsets mean nothing to it any more.
    pub fn make_whole(&self) {
        if self.has_trailer() {
            self.append_barrier(Settle::Written);
        }
    }

    fn give_staged(&self, target: Box<dyn Target>) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Waiting) {
            self.control.set_descriptor(-1);
            self.control.set_status(Status::Open);
        }
        let not_taken = state.give(target);
        drop(state);
        drop(not_taken);
    }

    /// Holds the bytes back: the file may be opened, but nothing is written
    /// until [`release`](Self::release).
    pub fn hold(&self) {
        self.state.lock().is_held = true;
    }

    /// Ends a [`hold`](Self::hold). The caller has a job scheduled.
    pub fn release(&self) {
        self.state.lock().is_held = false;
    }

    /// Goes on in `slab`, behind what was filled of the last. JavaScript's thread only.
    pub fn attach(&self, slab: Arc<Slab>) {
        let mut state = self.state.lock();
        state.queue.attach(slab, self.control.filled());
        self.control.reset_filled();
    }

    /// Lets go of the slab: JavaScript fills it no more. JavaScript's thread only.
    pub fn detach(&self) {
        self.state.lock().queue.detach(self.control.filled());
    }

    /// Appends bytes that are not in a slab.
    pub fn append(&self, bytes: Bytes) {
        self.state.lock().queue.append(bytes, self.control.filled());
    }

    /// Appends what another descriptor has: one byte in the offsets, however many they are.
    pub fn append_source(&self, piece: Arc<Piece>) {
        self.state.lock().queue.append_source(piece, self.control.filled());
    }

    /// Has what lies before settled so. The barrier counts as one byte in the offsets.
    pub fn append_barrier(&self, how: Settle) {
        self.state.lock().queue.append_barrier(how, self.control.filled());
    }

    /// Has what lies behind go to another file. The change counts as one byte in the offsets.
    pub fn append_change(&self, change: Change) {
        self.state.lock().queue.append_change(change, self.control.filled());
    }

    /// Ends what is one entry of the queue: behind it a file may be cut.
    pub fn seal(&self) {
        self.state.lock().queue.seal(self.control.filled());
    }

    /// How its file is one of several, if it is.
    #[must_use]
    pub fn rotation(&self) -> Option<&Rotation> {
        self.stages.rotation.as_deref()
    }

    /// Has nothing more read from `source`, of which a piece may be waited for.
    pub fn stop_source(&self, source: &Source) {
        source.stop();
        self.cancelled.notify_waiters();
    }

    /// Takes in nothing more, and ends the target when all is down. The caller
    /// has a job scheduled unless [`is_over`](Self::is_over).
    pub fn finish(&self) {
        self.state.lock().finish(self.control.filled());
        self.changed.notify_all();
    }

    /// Takes in nothing more and drops what lies behind `offset`. What lies
    /// before it is written, unless the target takes nothing. Then the target is
    /// abandoned. The caller has a job scheduled unless
    /// [`is_over`](Self::is_over); JavaScript is woken when it is.
    pub fn cancel(&self, offset: u64) {
        let mut state = self.state.lock();
        let was_unopened = matches!(state.phase, Phase::Unopened(_));
        state.cancel(offset, self.control.filled());
        let is_unread = was_unopened && matches!(state.phase, Phase::Closed);
        drop(state);
        self.cancelled.notify_waiters();
        self.changed.notify_all();
        if is_unread {
            self.tell_abandoned();
        }
    }

    /// Tells JavaScript, which waits to hear of a descriptor, that there will be none.
    fn tell_abandoned(&self) {
        self.control.set_status(Status::Abandoned);
        self.listener.wake();
    }

    /// Whether its stages take much of the processor's time.
    #[must_use]
    pub fn is_heavy(&self) -> bool {
        self.stages.are_heavy()
    }

    /// Whether nothing is written, and nothing will be.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.lock().is_over()
    }

    /// Why the stream failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match &self.state.lock().phase {
            Phase::Failed(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    fn fail(&self, failure: Failure) {
        let mut state = self.state.lock();
        // Once it is told, it is over.
        state.fail(failure);
        self.control.set_status(Status::Failed);
        drop(state);
        self.changed.notify_all();
        self.listener.wake();
    }

    /// Ends the stream with `failure`, unless somebody has a lease: who opens
    /// or writes is to say how that went.
    pub fn give_up(&self, failure: Failure) {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Unopened(_) | Phase::Idle(_)) {
            return;
        }
        let phase = std::mem::replace(&mut state.phase, Phase::Leased { is_writing: false });
        drop(state);
        let target = if let Phase::Idle(target) = phase { Some(target) } else { None };
        Lease::new(self, target).fail(failure);
    }
}
