//! Waiting for what the job does.

use std::{io, time::Instant};

use super::{Stream, state::Phase};
use crate::sync;

impl Stream {
    /// How far the target has come, for whoever waits for progress.
    pub(crate) fn progress(&self) -> u64 {
        let state = self.state.lock();
        state.taken + state.copied
    }

    /// Whether the target takes nothing, or nobody reads it.
    pub(crate) fn is_stuck(&self) -> bool {
        self.state.lock().is_stuck()
    }

    /// Has the bytes up to `offset` settled before those behind it, and no job
    /// linger until [`end_wait`](Self::end_wait).
    pub fn begin_wait(&self, offset: u64) {
        let mut state = self.state.lock();
        state.settle(offset);
        state.waiters += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Ends what [`begin_wait`](Self::begin_wait) began.
    pub fn end_wait(&self) {
        self.state.lock().waiters -= 1;
    }

    /// Waits until the bytes up to `offset` are settled, or all that there are,
    /// or `end` has come.
    ///
    /// # Errors
    /// The failure of the stream; `NotConnected` if JavaScript is still to bring
    /// the target; `TimedOut`.
    pub fn wait_until(&self, offset: u64, end: Instant) -> io::Result<()> {
        let mut state = self.state.lock();
        loop {
            let outcome = match &state.phase {
                Phase::Failed(failure) => Some(Err(io::Error::other(failure.clone()))),
                _ if state.settled >= offset || state.is_settled(self.control.filled()) => Some(Ok(())),
                Phase::Waiting => Some(Err(io::ErrorKind::NotConnected.into())),
                Phase::Closed => Some(Ok(())),
                Phase::Unopened(_) | Phase::Idle(_) | Phase::Leased { .. } => None,
            };
            if let Some(outcome) = outcome {
                return outcome;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sync::wait_for(&self.state, &self.changed, &mut state, left);
        }
    }

    /// Whether nothing is left to be done but to let go of the target. One that has an end to write or to sync takes
    /// its time for that.
    #[must_use]
    pub fn is_letting_go(&self) -> bool {
        let state = self.state.lock();
        let has_end = state.must_end || self.stages.are_heavy();
        state.is_letting_go() && (state.is_abandoned() || !has_end)
    }

    /// Waits until nothing is written any more, or `end` has come. False: it has.
    pub fn wait_until_over(&self, end: Instant) -> bool {
        let mut state = self.state.lock();
        while !state.is_over() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            sync::wait_for(&self.state, &self.changed, &mut state, left);
        }
        true
    }
}
