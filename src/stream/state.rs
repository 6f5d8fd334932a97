//! What a stream holds and what is to be done next: transitions without locks,
//! threads or system calls.
//!
//! ```text
//!   Waiting ──give──▶ Idle ◀──put back── Leased ──fail──▶ Failed
//!     │   ▲            │ ▲                ▲ │ │
//!    open └──unopened──┼─┼────────────────┼─┘ └─last one──▶ Closed
//!     ▼                └─┼─────lease──────┤                   ▲
//!   Unopened ◀──unread───┼────────────────┤                   │
//!     └──────────────────┼─────lease──────┘                   │
//!                        └────────finish, cancel──────────────┘
//! ```

mod next;

use super::{
    opening::Opening,
    retry::Stalls,
    work::{Goal, Lack, Work},
};
use crate::{
    error::Failure,
    queue::Queue,
    target::{Settle, Target},
};

/// Who has the target.
pub(super) enum Phase {
    /// JavaScript is to bring it.
    Waiting,
    /// The file is to be opened.
    Unopened(Opening),
    /// Nobody uses it.
    Idle(Box<dyn Target>),
    /// The holder of the lease, who opens or writes, or only lets go of something.
    Leased { is_writing: bool },
    /// Nobody: nothing more will be written.
    Failed(Failure),
    /// Nobody: nothing more will be written, as JavaScript wants it.
    Closed,
}

#[expect(clippy::struct_excessive_bools, reason = "none follows from another")]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queue: Queue,
    goal: Goal,
    /// A job is queued, runs, or waits for the target. There is never another.
    pub(super) has_job: bool,
    /// JavaScript does not want bytes to be written yet.
    pub(super) is_held: bool,
    /// The target took nothing when it was asked last.
    is_blocked: bool,
    /// The target has made something that must not be left behind, if it is abandoned.
    pub(super) must_end: bool,
    /// Offset up to which the target has taken the bytes.
    pub(super) taken: u64,
    /// Offset up to which they are down.
    pub(super) settled: u64,
    /// How the bytes before the barriers that were passed are to be settled.
    barrier: Option<Settle>,
    /// Bytes that the target has taken from sources, each of which counts as one in the offsets.
    pub(super) copied: u64,
    /// Writes that the target was asked for.
    pub(super) calls: u64,
    pub(super) stalls: Stalls,
    /// Threads that wait for progress.
    pub(super) waiters: usize,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Waiting,
            queue: Queue::default(),
            goal: Goal::Flow,
            has_job: false,
            is_held: false,
            is_blocked: false,
            must_end: false,
            taken: 0,
            settled: 0,
            barrier: None,
            copied: 0,
            calls: 0,
            stalls: Stalls::default(),
            waiters: 0,
        }
    }

    pub(super) fn is_leased(&self) -> bool {
        matches!(self.phase, Phase::Leased { .. })
    }

    /// Whether nothing is left to be done but to let go of the target.
    pub(super) fn is_letting_go(&self) -> bool {
        self.queue.is_over() && matches!(self.phase, Phase::Idle(_) | Phase::Leased { is_writing: false })
    }

    /// Whether the target takes nothing, or nobody reads it.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_blocked || self.is_unread()
    }

    fn is_unread(&self) -> bool {
        matches!(&self.phase, Phase::Unopened(opening) if opening.is_unread())
    }

    /// Whether the stream is to end, whatever is queued.
    pub(super) fn is_last(&self) -> bool {
        self.is_finishing() || self.is_abandoned()
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.goal == Goal::Abandon
    }

    /// Whether nothing is written, and nothing will be.
    pub(super) fn is_over(&self) -> bool {
        self.queue.is_over() && !matches!(self.phase, Phase::Leased { .. } | Phase::Idle(_))
    }

    /// Whether all is down that is filled up to `filled`.
    pub(super) fn is_settled(&self, filled: usize) -> bool {
        let is_ending = match &self.phase {
            Phase::Idle(target) => self.is_last() && !target.is_resting(),
            Phase::Leased { .. } => self.is_finishing() || (self.must_end && self.is_abandoned()),
            _ => false,
        };
        self.queue.is_empty(filled) && self.settled == self.taken && !is_ending
    }

    /// Whether a job that ends is to leave word that there is none: what is filled then is for a job.
    pub(super) fn takes_bytes(&self) -> bool {
        matches!(self.phase, Phase::Idle(_)) && !self.is_held
    }

    /// The file of a waiting stream; ignored by any other.
    pub(super) fn open(&mut self, opening: Opening) {
        if matches!(self.phase, Phase::Waiting) && !self.is_last() {
            self.phase = Phase::Unopened(opening);
        }
    }

    /// The target of a waiting stream. Any other gives it back.
    pub(super) fn give(&mut self, target: Box<dyn Target>) -> Result<(), Box<dyn Target>> {
        if !matches!(self.phase, Phase::Waiting) {
            return Err(target);
        }
        if self.is_over() && target.is_resting() {
            self.phase = Phase::Closed;
            return Err(target);
        }
        self.phase = Phase::Idle(target);
        Ok(())
    }

    /// Has the bytes up to `offset` settled before others.
    pub(super) fn settle(&mut self, offset: u64) {
        if !self.is_last() {
            self.goal = Goal::Settle(offset);
        }
    }

    /// Nothing is taken in any more, and all is to be settled.
    pub(super) fn finish(&mut self, filled: usize) {
        if !self.is_last() {
            self.queue.close(filled);
            self.goal = Goal::Finish;
        }
        self.close_if_over();
    }

    /// Nothing is taken in any more; of what was, only that before `offset` is
    /// written, and if the target takes nothing, not even that.
    pub(super) fn cancel(&mut self, offset: u64, filled: usize) {
        self.goal = Goal::Abandon;
        let can_write =
            !self.is_blocked && !self.is_held && matches!(self.phase, Phase::Idle(_) | Phase::Leased { .. });
        let keep = if can_write { offset.saturating_sub(self.taken) } else { 0 };
        if keep > 0 {
            self.queue.truncate(keep, filled);
        } else {
            self.queue.clear();
        }
        if self.is_unread() {
            self.phase = Phase::Closed;
        }
        self.close_if_over();
    }

    /// Lets go of a target that can be dropped, if all is done.
    fn close_if_over(&mut self) {
        if matches!(&self.phase, Phase::Idle(target) if self.is_done_with(&**target)) {
            self.phase = Phase::Closed;
        }
    }

    /// Whether `target` can be dropped, and all is done.
    fn is_done_with(&self, target: &dyn Target) -> bool {
        let is_awaited = self.barrier.is_some() && !self.is_abandoned();
        self.queue.is_over() && target.is_resting() && !is_awaited
    }

    /// Whether there is something for a job, when the live slab is filled up to `filled`.
    pub(super) fn has_work(&self, filled: usize) -> bool {
        match &self.phase {
            Phase::Unopened(_) | Phase::Leased { .. } => true,
            Phase::Idle(_) if self.is_last() => true,
            Phase::Idle(_) => !self.is_held && !self.is_settled(filled),
            Phase::Waiting | Phase::Failed(_) | Phase::Closed => false,
        }
    }

    /// Leases the target, if there is something to be done with it.
    pub(super) fn lease(&mut self, filled: usize) -> Result<(Option<Box<dyn Target>>, Work), Lack> {
        // Before the phase changes: whoever panics in there leaves no lease that nobody answers.
        let work = if matches!(self.phase, Phase::Idle(_)) { Some(self.next_work(filled)?) } else { None };
        let is_writing = !matches!(work, Some(Work::Conclude | Work::Finish | Work::Abandon));
        match (std::mem::replace(&mut self.phase, Phase::Leased { is_writing }), work) {
            (Phase::Unopened(opening), _) => Ok((None, Work::Open(opening))),
            (Phase::Idle(target), Some(work)) => Ok((Some(target), work)),
            (other, _) => {
                self.phase = other;
                Err(Lack::Rest)
            }
        }
    }

    /// Leases the target for it to rest, if it is not to be used now and holds something.
    pub(super) fn lease_for_rest(&mut self, filled: usize) -> Option<Box<dyn Target>> {
        let is_due =
            matches!(&self.phase, Phase::Idle(target) if !target.is_resting()) && !self.has_work(filled);
        if !is_due {
            return None;
        }
        match std::mem::replace(&mut self.phase, Phase::Leased { is_writing: false }) {
            Phase::Idle(target) => Some(target),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// The target comes back. It is given to the caller if that was the last lease.
    pub(super) fn put_back(&mut self, target: Box<dyn Target>) -> Option<Box<dyn Target>> {
        if self.is_done_with(&*target) {
            self.phase = Phase::Closed;
            return Some(target);
        }
        self.phase = Phase::Idle(target);
        None
    }

    /// The target, or the source of its bytes, has taken `count` more.
    pub(super) fn take(&mut self, count: u64) {
        self.queue.advance(count);
        self.taken += count;
    }

    /// All that is taken is down.
    pub(super) fn settle_taken(&mut self) {
        self.settled = self.taken;
        self.barrier = None;
        if matches!(self.goal, Goal::Settle(offset) if offset <= self.settled) {
            self.goal = Goal::Flow;
        }
    }

    /// The target takes nothing now.
    pub(super) fn block(&mut self) {
        self.is_blocked = true;
        // Nothing is waited for once JavaScript has cancelled.
        if self.is_abandoned() {
            self.queue.clear();
        }
    }

    /// The file is a FIFO that nobody reads. False: nobody is to try again.
    pub(super) fn unread(&mut self, opening: Opening) -> bool {
        let goes_on = !self.is_abandoned();
        self.phase = if goes_on { Phase::Unopened(opening) } else { Phase::Closed };
        goes_on
    }

    /// Nothing more will be written.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.queue.clear();
        self.phase = Phase::Failed(failure);
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;
