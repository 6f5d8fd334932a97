//! What the holder of a lease is to do next.

use super::State;
use crate::{
    stream::work::{Goal, Lack, Work},
    target::Settle,
};

/// Most bytes in one write, so that what is under way when a stream is
/// destroyed, and what a slab waits for, stays short.
const MAX_BATCH: usize = 1 << 20;

/// Most bytes that are taken and not yet settled before they must be: a producer that never pauses, too, is to hear
/// that its bytes are down. Those who come within that are settled together.
const MAX_UNSETTLED: u64 = 1 << 20;

impl State {
    pub(super) fn next_work(&mut self, filled: usize) -> Result<Work, Lack> {
        if self.is_held && !self.is_last() {
            return Err(Lack::Rest);
        }
        self.queue.seal(filled);
        self.pass_barriers();
        if self.must_settle() {
            return Ok(self.settle_now());
        }
        if let Some(batch) = self.queue.batch(MAX_BATCH) {
            self.is_blocked = false;
            self.calls += 1;
            return Ok(Work::Take(batch));
        }
        match self.goal {
            Goal::Abandon => Ok(Work::Abandon),
            _ if self.barrier.is_some() => Ok(self.settle_now()),
            Goal::Finish if self.must_end => Ok(Work::Conclude),
            Goal::Finish | Goal::End => Ok(Work::Finish),
            Goal::Flow | Goal::Settle(_) if self.settled < self.taken => Ok(self.settle_now()),
            Goal::Flow | Goal::Settle(_) => Err(Lack::Empty),
        }
    }

    /// The barriers that come first are passed: what lies behind them may be written before they are settled.
    fn pass_barriers(&mut self) {
        while let Some(how) = self.queue.pop_barrier() {
            self.taken += 1;
            self.barrier = self.barrier.max(Some(how));
        }
    }

    /// Whether what is taken is to be settled before more is.
    fn must_settle(&self) -> bool {
        let is_awaited =
            matches!(self.goal, Goal::Settle(offset) if self.settled < offset && offset <= self.taken);
        is_awaited || self.taken - self.settled >= MAX_UNSETTLED
    }

    /// The target has concluded.
    pub(in crate::stream) fn conclude(&mut self) {
        if self.goal == Goal::Finish {
            self.goal = Goal::End;
        }
    }

    pub(super) fn is_finishing(&self) -> bool {
        matches!(self.goal, Goal::Finish | Goal::End)
    }

    fn settle_now(&self) -> Work {
        Work::Settle(self.barrier.unwrap_or(Settle::Written))
    }

    /// Whether bytes that are taken must not count as settled yet.
    pub(in crate::stream) fn has_barrier(&self) -> bool {
        self.barrier.is_some()
    }
}
