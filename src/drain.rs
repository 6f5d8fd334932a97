//! The write loop: take a batch, write it, publish; then rest.
//!
//! [`step`] does one thing and never waits, so tests step it by hand.

use std::{
    io::{self, ErrorKind, IoSlice},
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use rustix::event::Timespec;

use crate::{
    error::Failure,
    level::Watch,
    stream::{Stream, Turn},
    target::is_writable,
};

/// How long a drainer that finds little to write naps before it looks again,
/// and sleeps if there is nothing. Waking a sleeper costs JS some
/// microseconds, a nap costs the machine one timer; and what comes meanwhile
/// goes out in one write. `docs/design.md`, "The drainer", has the measurements.
pub const LINGER: Duration = Duration::from_micros(100);

/// A write of so many bytes is worth going on without a nap.
const ENOUGH: usize = 64 << 10;

/// Bytes after which a drain job lets another stream have its thread.
const QUOTA: usize = 8 << 20;

/// What one [`step`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Went on by this many bytes; there may be more to do.
    Went(usize),
    /// Everything is written.
    Empty,
    /// The target takes nothing now.
    Blocked,
    /// Somebody else has the turn, or nothing can be written (any more).
    Rest,
}

/// Why a drain job ended.
#[derive(Debug)]
pub enum End {
    /// Whoever rouses the stream schedules the next job.
    Asleep,
    /// Others wait for the thread: schedule it again, behind them.
    GaveWay,
    /// Schedule it again when this is writable.
    Blocked(OwnedFd),
}

/// Opens the file, or writes one batch. A panic on the way is the stream's failure.
pub fn step(stream: &Stream) -> Step {
    catch_unwind(AssertUnwindSafe(|| try_step(stream))).unwrap_or_else(|payload| {
        stream.fail(Failure::from_panic(&*payload));
        Step::Rest
    })
}

fn try_step(stream: &Stream) -> Step {
    match stream.begin() {
        Turn::Open(request) => {
            // Without a descriptor the job is over: JS brings one, and has another job scheduled.
            if stream.opened(request.open()) { Step::Went(0) } else { Step::Rest }
        }
        Turn::Write(mut target, batch) => {
            let slices: Vec<_> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
            let result = target.write(&slices);
            drop(slices);
            // Before `written` is published: who sees it may let go of the chunks.
            drop(batch);
            match result {
                Ok(0) => {
                    drop(target);
                    stream.fail(Failure::wrote_nothing());
                    Step::Rest
                }
                Ok(count) => {
                    stream.wrote(target, count);
                    Step::Went(count)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    stream.wrote(target, 0);
                    Step::Went(0)
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stream.wrote(target, 0);
                    Step::Blocked
                }
                Err(error) => {
                    // Before JS is told, which may wait for the descriptor to be closed.
                    drop(target);
                    stream.fail(Failure::from_io(&error));
                    Step::Rest
                }
            }
        }
        Turn::Empty => Step::Empty,
        Turn::Rest => Step::Rest,
    }
}

/// The drain job: steps until there is nothing to do. `is_wanted` says whether
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
                let is_little = (1..ENOUGH).contains(&count);
                if is_little && !stream.level().is_urgent() && !is_wanted() {
                    stream.nap(LINGER);
                }
            }
            Step::Empty => {
                let more = !is_wanted() && stream.nap(LINGER);
                if !more && stream.fall_asleep() {
                    return End::Asleep;
                }
            }
            Step::Blocked => match stream.readiness() {
                Some(Ok(fd)) => return End::Blocked(fd),
                Some(Err(error)) => stream.fail(Failure::from_io(&error)),
                // The one who has the turn now goes on.
                None => {}
            },
            Step::Rest => return End::Asleep,
        }
    }
}

/// Writes everything on this thread, when the process ends and no job will.
///
/// # Errors
/// The failure of the stream; `TimedOut` if that took longer than `time`;
/// `NotConnected` if JS has not brought the descriptor.
pub fn flush(stream: &Stream, time: Duration) -> io::Result<()> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match step(stream) {
            Step::Went(_) => {}
            Step::Empty => {
                // No job runs from here on: JS is to say when there is more.
                stream.level().set_watch(Watch::Asleep);
                return Ok(());
            }
            Step::Blocked => wait_until_writable(stream, left)?,
            Step::Rest => match stream.outcome() {
                Some(outcome) => return outcome,
                None => stream.wait_for_turn(left),
            },
        }
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

fn wait_until_writable(stream: &Stream, time: Duration) -> io::Result<()> {
    if let Some(fd) = stream.readiness() {
        is_writable(fd?, Timespec::try_from(time).ok().as_ref())?;
    }
    Ok(())
}
