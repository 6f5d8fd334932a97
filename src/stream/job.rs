//! What the write job asks of its stream. There is at most one job for each.

use std::{io, time::Duration};

use super::{
    Lack, Lease, Stream, Work,
    state::{Phase, State},
};
use crate::{error::Failure, os::Readiness, source::Piece, sync};

impl Stream {
    /// Whether the caller is to schedule a job: there is none. Begins a burst.
    /// JavaScript's thread only.
    #[must_use]
    pub fn request_job(&self) -> bool {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.has_job, true) {
            return false;
        }
        let begun = if let Phase::Idle(target) = &mut state.phase { target.begin() } else { Ok(()) };
        drop(state);
        if let Err(error) = begun {
            self.give_up(Failure::from_io(&error));
        }
        true
    }

    /// Leases the target, if there is something to be done and nobody else has it.
    pub(crate) fn lease(&self) -> Result<(Lease<'_>, Work), Lack> {
        let (target, work) = self.state.lock().lease(self.control.filled())?;
        Ok((Lease::new(self, target), work))
    }

    /// Whether nobody has the target, and its writes are quick. Nobody knows that of a source.
    pub(crate) fn is_quick(&self) -> bool {
        let state = self.state.lock();
        matches!(&state.phase, Phase::Idle(target) if target.is_quick())
            && state.queue.first_source().is_none()
    }

    /// Leases the target for it to rest, if that is due.
    pub(crate) fn lease_for_rest(&self) -> Option<Lease<'_>> {
        let target = self.state.lock().lease_for_rest(self.control.filled())?;
        Some(Lease::new(self, Some(target)))
    }

    /// Waits for the end of another's lease.
    pub(crate) fn wait_for_lease(&self) {
        let mut state = self.state.lock();
        while state.is_leased() {
            self.changed.wait(&mut state);
        }
    }

    /// Parks the job for `time`, or until somebody waits.
    pub fn linger(&self, time: Duration) {
        let mut state = self.state.lock();
        self.control.set_parked(true);
        // JavaScript stores that it waits before it looks whom to unpark.
        if !self.control.is_eager() && state.waiters == 0 && !state.is_last() {
            sync::wait_for(&self.state, &self.changed, &mut state, time);
        }
        self.control.set_parked(false);
    }

    /// Unparks the job.
    pub fn unpark(&self) {
        // A job that is about to park holds the lock until it does.
        let _about_to_park = self.state.lock();
        self.changed.notify_all();
    }

    /// Ends the job. False if there is something to do after all.
    #[must_use]
    pub(crate) fn end_job(&self) -> bool {
        // What is not in the live slab is appended under this lock, before JavaScript looks for a job.
        let mut state = self.state.lock();
        let filled = self.control.filled();
        if state.has_work(filled) || (state.takes_bytes() && !self.control.fall_asleep(filled)) {
            return false;
        }
        state.has_job = false;
        true
    }

    /// What the job waits for: the source that comes first, or the target. `None`: nothing, or somebody else has it.
    pub(crate) fn readiness(&self) -> Option<io::Result<Readiness>> {
        let state = self.state.lock();
        let Phase::Idle(target) = &state.phase else { return None };
        match starved(&state) {
            Some(piece) => piece.readiness().map(Ok),
            None => Some(target.readiness()),
        }
    }

    /// Waits until nobody wants what the job waits for.
    pub(crate) async fn until_unwanted(&self) {
        // Made before the look: a cancel after that one ends it.
        let notified = self.cancelled.notified();
        let is_unwanted = {
            let state = self.state.lock();
            state.is_abandoned() || starved(&state).is_some_and(Piece::is_over)
        };
        if !is_unwanted {
            notified.await;
        }
    }
}

/// What comes first, if that is a source that has nothing now.
fn starved(state: &State) -> Option<&Piece> {
    state.queue.first_source().filter(|piece| piece.is_starved())
}
