//! The exclusive use of a stream's target: held by one at a time, answered once.

use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

use super::{Stream, opening::Opening, state::Phase};
use crate::{
    control_block::Status,
    error::{Failure, errno_to_wait_out},
    os::{self, File},
    target::Target,
};

/// A lease that is dropped without an answer fails the stream: its holder has
/// panicked, or has forgotten it.
pub(crate) struct Lease<'a> {
    stream: &'a Stream,
    target: Option<Box<dyn Target>>,
    is_answered: bool,
}

/// What has become of something that the target was asked for.
pub(crate) enum Refusal {
    /// It is to be asked again now.
    Again,
    /// When it has room.
    Blocked,
    /// After this time.
    Stalled(Duration),
    /// Never: the stream has failed.
    Failed,
}

impl<'a> Lease<'a> {
    pub(super) fn new(stream: &'a Stream, target: Option<Box<dyn Target>>) -> Self {
        Self { stream, target, is_answered: false }
    }

    /// What is leased.
    ///
    /// # Panics
    /// If the lease is for an open.
    pub(crate) fn target(&mut self) -> &mut dyn Target {
        &mut **self.target.as_mut().expect("only an open has none")
    }

    /// The file is open. True if bytes may be written now.
    pub(crate) fn opened(mut self, file: File, number: i32) -> bool {
        let control = self.stream.control();
        control.set_descriptor(number);
        control.set_status(Status::Open);
        self.target = Some(self.stream.stages.around_file(file));
        self.put_back(true);
        self.stream.state.lock().takes_bytes()
    }

    /// It can't be opened, for `error`. False: nothing goes on.
    pub(crate) fn unopened(mut self, error: &io::Error) -> bool {
        self.is_answered = true;
        let control = self.stream.control();
        control.set_descriptor(os::errno(error).unwrap_or(os::EIO));
        control.set_status(Status::Unopened);
        self.stream.state.lock().phase = Phase::Waiting;
        self.stream.changed.notify_all();
        self.stream.listener.wake();
        false
    }

    /// It is a FIFO that nobody reads. False: nobody is to try again.
    pub(crate) fn unread(mut self, opening: Opening) -> bool {
        self.is_answered = true;
        let goes_on = self.stream.state.lock().unread(opening);
        self.stream.changed.notify_all();
        if !goes_on {
            self.stream.tell_abandoned();
        }
        goes_on
    }

    /// The target has taken `count` bytes.
    pub(crate) fn took(self, count: u64) {
        let is_settled = !self.has_unsettled() && !self.stream.state.lock().has_barrier();
        self.advance(count, is_settled);
    }

    /// The target has taken `count` bytes of the source that comes first; with that the source may be done.
    pub(crate) fn copied(self, count: u64, is_done: bool) {
        self.stream.state.lock().copied += count;
        self.took(is_done.into());
    }

    /// All that the target has taken is down.
    pub(crate) fn settled(self) {
        self.advance(0, true);
    }

    fn has_unsettled(&self) -> bool {
        self.target.as_ref().is_some_and(|target| target.has_unsettled())
    }

    fn advance(mut self, count: u64, is_settled: bool) {
        let is_awaited = self.account(count, is_settled);
        self.put_back(is_awaited);
    }

    /// Publishes how far the target has come. True if JavaScript waits for that.
    fn account(&self, count: u64, is_settled: bool) -> bool {
        let control = self.stream.control();
        let mut state = self.stream.state.lock();
        state.take(count);
        if is_settled {
            state.settle_taken();
        }
        // Within the lock, so that what JavaScript reads here it will read there.
        let is_awaited = control.publish(state.taken, state.settled);
        let resumes = state.stalls.end();
        if resumes {
            control.count_stall();
        }
        is_awaited || resumes
    }

    /// The target has done what it can of its end.
    pub(crate) fn concluded(mut self) {
        self.stream.state.lock().conclude();
        self.put_back(false);
    }

    /// The target holds no more than it must.
    pub(crate) fn rested(mut self) {
        self.put_back(false);
    }

    /// The target has ended, and all is down.
    pub(crate) fn finished(mut self) {
        drop(self.target.take());
        // It is woken for the end.
        let _is_awaited = self.account(0, true);
        self.ended();
    }

    /// The target has ended. What was not down by then never will be.
    pub(crate) fn ended(mut self) {
        drop(self.target.take());
        let mut state = self.stream.state.lock();
        state.queue.clear();
        state.phase = Phase::Closed;
        drop(state);
        self.is_answered = true;
        self.stream.changed.notify_all();
        self.stream.listener.wake();
    }

    /// The target has refused what it was asked for.
    pub(crate) fn refused(mut self, error: &io::Error) -> Refusal {
        match error.kind() {
            ErrorKind::Interrupted => {
                self.put_back(false);
                Refusal::Again
            }
            ErrorKind::WouldBlock => {
                self.stream.state.lock().block();
                self.put_back(false);
                Refusal::Blocked
            }
            _ => self.stall_or_fail(error),
        }
    }

    fn stall_or_fail(mut self, error: &io::Error) -> Refusal {
        let mut state = self.stream.state.lock();
        // One that says which call has failed has none, and is final.
        let errno = errno_to_wait_out(error).unwrap_or_default();
        let Some((pause, begins)) = state.stalls.refuse(errno, Instant::now()) else {
            drop(state);
            self.fail(Failure::from_io(error));
            return Refusal::Failed;
        };
        state.stalls.note_call(error);
        state.block();
        if begins {
            self.stream.control().count_stall();
        }
        drop(state);
        self.put_back(begins);
        Refusal::Stalled(pause)
    }

    /// Nothing more can be written.
    pub(crate) fn fail(mut self, failure: Failure) {
        if let Some(mut target) = self.target.take() {
            target.abandon();
            // Before JavaScript is told, which may wait for the descriptor to be closed.
            drop(target);
        }
        self.is_answered = true;
        self.stream.fail(failure);
    }

    /// Gives the target back, and wakes JavaScript if it waits for that, or `is_awaited`.
    fn put_back(&mut self, is_awaited: bool) {
        self.is_answered = true;
        let target = self.target.take().expect("only an open has none");
        let last = self.stream.state.lock().put_back(target);
        let is_last = last.is_some();
        drop(last);
        self.stream.changed.notify_all();
        if is_awaited || is_last {
            self.stream.listener.wake();
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            // What has panicked is asked for nothing more.
            drop(self.target.take());
            self.stream.fail(Failure::Unanswered);
        }
    }
}
