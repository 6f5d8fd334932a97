//! The write job: lease the target, have it take a batch, answer; then linger, rest, end.
//!
//! [`step`] does one thing and never waits, so tests step it by hand.

use std::{
    io::{self, IoSlice},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use crate::{
    error::Failure,
    os::Readiness,
    queue::Batch,
    source::Piece,
    stream::{Lack, Lease, Opened, Opening, Refusal, Stream, Work},
    target::Change,
};

/// How long a job that finds little to write is parked before it looks again,
/// and ends if there is nothing. To wake a thread costs JavaScript some
/// microseconds, to linger costs the machine one timer; and what comes meanwhile
/// goes out in one write. `docs/internals/tried.md` has the measurements.
pub const LINGER: Duration = Duration::from_micros(100);

/// A write of so many bytes is worth going on at once.
pub(crate) const ENOUGH: usize = 64 << 10;

/// Bytes after which a job lets another stream have its thread.
const QUOTA: u64 = 512 << 10;

/// What one [`step`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Went on by this many bytes; there may be more to do.
    Went(u64),
    /// Only the end is left, which may come when others have had their turn.
    Concluded,
    /// Everything is written.
    Empty,
    /// The target takes nothing now, or a source has nothing.
    Blocked,
    /// The target refuses, or nobody reads it, and is to be asked again after this time.
    Stalled(Duration),
    /// Somebody else has the lease, or nothing can be written (any more).
    Rest,
}

/// Why a job came to its end, or to a pause.
#[derive(Debug)]
pub enum End {
    /// There is nothing to do: whoever finds something schedules the next job.
    Asleep,
    /// Others wait for the thread: it is to go on behind them.
    GaveWay,
    /// It is to go on when the target has room, or the source more.
    Blocked(Readiness),
    /// It is to go on after this time.
    Stalled(Duration),
}

/// Does one thing with the target.
pub fn step(stream: &Stream) -> Step {
    match stream.lease() {
        // A lease that comes to no answer fails the stream.
        Ok((lease, work)) => catch_unwind(AssertUnwindSafe(|| perform(lease, work))).unwrap_or(Step::Rest),
        Err(Lack::Empty) => Step::Empty,
        Err(Lack::Rest) => Step::Rest,
    }
}

fn perform(mut lease: Lease<'_>, work: Work) -> Step {
    match work {
        Work::Open(opening) => open(lease, opening),
        Work::Take(Batch::Bytes(bytes)) => write(lease, bytes),
        Work::Take(Batch::Source(piece)) => copy(lease, piece),
        Work::Take(Batch::Change(change)) => alter(lease, &change),
        Work::Settle(how) => match lease.target().settle(how) {
            Ok(()) => {
                lease.settled();
                Step::Went(0)
            }
            Err(error) => refused(lease, &error),
        },
        Work::Conclude => match lease.target().conclude() {
            Ok(()) => {
                lease.concluded();
                Step::Concluded
            }
            Err(error) => refused(lease, &error),
        },
        Work::Finish => match lease.target().finish() {
            Ok(()) => {
                lease.finished();
                Step::Rest
            }
            Err(error) => refused(lease, &error),
        },
        Work::Abandon => {
            lease.target().abandon();
            lease.ended();
            Step::Rest
        }
    }
}

fn open(lease: Lease<'_>, mut opening: Opening) -> Step {
    let (goes_on, step) = match opening.attempt() {
        Opened::File(file, number) => (lease.opened(file, number), Step::Went(0)),
        Opened::Unread(pause) => (lease.unread(opening), Step::Stalled(pause)),
        Opened::Not(error) => (lease.unopened(&error), Step::Rest),
    };
    if goes_on { step } else { Step::Rest }
}

fn write(mut lease: Lease<'_>, batch: Vec<Bytes>) -> Step {
    let slices: Vec<_> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let result = lease.target().write(&slices);
    drop(slices);
    // Before `taken` is published: who sees it may let go of the chunks.
    drop(batch);
    match result {
        Ok(0) => fail(lease, Failure::wrote_nothing()),
        Ok(count) => took(lease, count as u64),
        Err(error) => refused(lease, &error),
    }
}

fn copy(mut lease: Lease<'_>, piece: Arc<Piece>) -> Step {
    let result = piece.go_on(lease.target());
    // Before it is told that it is done: its descriptor is closed by then.
    drop(piece);
    match result {
        Ok((count, is_done)) => {
            lease.copied(count, is_done);
            Step::Went(count)
        }
        Err(error) => refused(lease, &error),
    }
}

fn alter(mut lease: Lease<'_>, change: &Change) -> Step {
    match lease.target().change(change) {
        Ok(()) => took(lease, 1),
        Err(error) => refused(lease, &error),
    }
}

fn took(lease: Lease<'_>, count: u64) -> Step {
    lease.took(count);
    Step::Went(count)
}

fn fail(lease: Lease<'_>, failure: Failure) -> Step {
    lease.fail(failure);
    Step::Rest
}

fn refused(lease: Lease<'_>, error: &io::Error) -> Step {
    match lease.refused(error) {
        Refusal::Again => Step::Went(0),
        Refusal::Blocked => Step::Blocked,
        Refusal::Stalled(pause) => Step::Stalled(pause),
        Refusal::Failed => Step::Rest,
    }
}

/// The job: steps until there is nothing to do. `is_wanted` says whether
/// others wait for this thread.
pub fn run(stream: &Stream, is_wanted: impl Fn() -> bool) -> End {
    let mut quota = QUOTA;
    loop {
        match step(stream) {
            Step::Went(count) => {
                quota = quota.saturating_sub(count);
                if quota == 0 {
                    if is_wanted() {
                        return End::GaveWay;
                    }
                    quota = QUOTA;
                }
                let is_little = (1..ENOUGH as u64).contains(&count);
                if is_little && !stream.control().is_eager() && !is_wanted() {
                    stream.linger(LINGER);
                }
            }
            Step::Concluded if is_wanted() => return End::GaveWay,
            Step::Concluded => {}
            Step::Empty => {
                if !is_wanted() {
                    stream.linger(LINGER);
                }
                if end(stream) {
                    return End::Asleep;
                }
            }
            Step::Blocked => match readiness(stream) {
                Ok(Some(readiness)) => return End::Blocked(readiness),
                // The one who has the lease now goes on, or it is over.
                Ok(None) => {}
                Err(failure) => stream.give_up(failure),
            },
            Step::Stalled(pause) => return End::Stalled(pause),
            Step::Rest if end(stream) => return End::Asleep,
            Step::Rest => stream.wait_for_lease(),
        }
    }
}

/// Writes on the calling thread, up to `offset`, while nobody else does and it
/// is quick. True if all up to there is settled.
pub fn write_here(stream: &Stream, offset: u64) -> bool {
    while stream.settled() < offset {
        if !stream.is_quick() || !matches!(step(stream), Step::Went(_)) {
            return false;
        }
    }
    true
}

/// Ends the job, unless there is something to do after all.
fn end(stream: &Stream) -> bool {
    if let Some(mut lease) = stream.lease_for_rest() {
        let rest = AssertUnwindSafe(|| {
            lease.target().rest();
            lease.rested();
        });
        // A lease that comes to no answer has failed the stream.
        let _is_answered = catch_unwind(rest);
    }
    stream.end_job()
}

/// What is waited for; `None` if somebody else has the target.
fn readiness(stream: &Stream) -> Result<Option<Readiness>, Failure> {
    catch_unwind(AssertUnwindSafe(|| stream.readiness()))
        .map_err(|_| Failure::Unanswered)?
        .transpose()
        .map_err(|error| Failure::from_io(&error))
}
