//! The write loop: take a batch, write it, publish; then rest.
//!
//! [`step`] does one thing and never waits, so tests step it by hand.

use std::{
    io::{self, ErrorKind, IoSlice},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::Failure,
    os::{self, Readiness},
    stream::{Comer, Stream, Turn},
    target::Target,
};

/// How long a drainer that finds little to write naps before it looks again,
/// and sleeps if there is nothing. Waking a sleeper costs JS some
/// microseconds, a nap costs the machine one timer; and what comes meanwhile
/// goes out in one write. `docs/design.md`, "The write job", has the measurements.
pub const LINGER: Duration = Duration::from_micros(100);

/// A write of so many bytes is worth going on without a nap.
pub(crate) const ENOUGH: usize = 64 << 10;

/// How long the end of a thread waits for one stream before it looks after the next.
const SLICE: Duration = Duration::from_millis(10);

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
    /// The target refuses, or nobody reads it, and is to be asked again after this time.
    Stalled(Duration),
    /// Somebody else has the turn, or nothing can be written (any more).
    Rest,
}

/// Why a drain job ended.
#[derive(Debug)]
pub enum End {
    /// Whoever finds the sleeper schedules the next job.
    Asleep,
    /// Others wait for the thread: schedule it again, behind them.
    GaveWay,
    /// Schedule it again when the target has room.
    Blocked(Readiness),
    /// Schedule it again after this time.
    Stalled(Duration),
}

/// Opens the file, or writes one batch.
pub fn step(stream: &Stream) -> Step {
    step_as(Comer::Job, stream)
}

fn step_as(comer: Comer, stream: &Stream) -> Step {
    caught(|| try_step(comer, stream)).unwrap_or_else(|failure| {
        stream.failed(failure);
        Step::Rest
    })
}

/// What `work` gives, or its panic.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Failure::from_panic(&*payload))
}

fn try_step(comer: Comer, stream: &Stream) -> Step {
    match stream.begin(comer) {
        Turn::Open(request, pause) => {
            match os::open(&request) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if stream.found_no_reader(request, pause) { Step::Stalled(pause) } else { Step::Rest }
                }
                // The job is over if there is no descriptor, or while JS holds the
                // bytes back: it has another job scheduled.
                opened => {
                    if stream.opened(opened) {
                        Step::Went(0)
                    } else {
                        Step::Rest
                    }
                }
            }
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
                    stream.failed(Failure::wrote_nothing());
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
                    stream.blocked(target);
                    Step::Blocked
                }
                Err(error) => refused(stream, target, &error),
            }
        }
        Turn::Empty => Step::Empty,
        Turn::Rest => Step::Rest,
    }
}

/// Ends a turn in which `target` refused to write.
fn refused(stream: &Stream, target: Box<dyn Target>, error: &io::Error) -> Step {
    match stream.stalled(target, os::errno(error).unwrap_or_default()) {
        Ok(pause) => Step::Stalled(pause),
        Err(target) => {
            // Before JS is told, which may wait for the descriptor to be closed.
            drop(target);
            stream.failed(Failure::from_io(error));
            Step::Rest
        }
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
            Step::Blocked => match readiness(stream) {
                Ok(Some(readiness)) => return End::Blocked(readiness),
                // The one who has the turn now goes on.
                Ok(None) => {}
                Err(failure) => stream.give_up(failure),
            },
            Step::Stalled(pause) => return End::Stalled(pause),
            Step::Rest => return End::Asleep,
        }
    }
}

/// What the target waits for; `None` if somebody else has the turn.
fn readiness(stream: &Stream) -> Result<Option<Readiness>, Failure> {
    caught(|| stream.readiness())?.transpose().map_err(|error| Failure::from_io(&error))
}

/// How long a target may take nothing.
struct Patience {
    time: Duration,
    since: Instant,
    /// What it had taken by then.
    written: u64,
}

impl Patience {
    fn new(time: Duration, stream: &Stream) -> Self {
        Self { time, since: Instant::now(), written: stream.written() }
    }

    /// What is left of it: all, if the target has taken something since it was asked last.
    fn left(&mut self, stream: &Stream) -> Duration {
        let written = stream.written();
        if written > self.written {
            *self = Self { time: self.time, since: Instant::now(), written };
        }
        self.time.saturating_sub(self.since.elapsed())
    }
}

/// Writes everything of all `streams` on this thread, when it ends and no job
/// will, also what JS holds back. Each is given up when it has taken nothing
/// for the time beside it: they wait side by side.
pub fn flush_all(streams: impl IntoIterator<Item = (Arc<Stream>, Duration)>) {
    let is_stuck = |stream: &Stream, time| {
        let end = Instant::now() + time;
        let left = || end.saturating_duration_since(Instant::now());
        flush_while(stream, u64::MAX, left).is_err_and(|error| error.kind() == ErrorKind::TimedOut)
    };
    let mut streams: Vec<_> = streams.into_iter().collect();
    for (stream, _) in &streams {
        stream.release();
    }
    // What can be written without waiting costs no patience.
    streams.retain(|(stream, _)| is_stuck(stream, Duration::ZERO));
    let mut waiting: Vec<_> = streams
        .into_iter()
        .map(|(stream, time)| {
            let patience = Patience::new(time, &stream);
            (stream, patience)
        })
        .collect();
    while !waiting.is_empty() {
        // In turn, so that one does not use up the time of the others.
        waiting.retain_mut(|(stream, patience)| {
            let left = patience.left(stream);
            !left.is_zero() && is_stuck(stream, left.min(SLICE))
        });
    }
}

/// Writes everything on this thread.
///
/// # Errors
/// The failure of the stream; `TimedOut` if the target has taken nothing for
/// `patience`; `NotConnected` if JS has not brought the descriptor.
pub fn flush(stream: &Stream, patience: Duration) -> io::Result<()> {
    flush_until(stream, u64::MAX, patience)
}

/// [`flush`], but only until the kernel has taken the bytes up to `offset`.
///
/// # Errors
/// As those of [`flush`].
pub fn flush_until(stream: &Stream, offset: u64, patience: Duration) -> io::Result<()> {
    let mut patience = Patience::new(patience, stream);
    flush_while(stream, offset, || patience.left(stream))
}

/// [`flush_until`], waiting as long as there is time `left`. What the target
/// takes at once it is given, however long that takes.
fn flush_while(stream: &Stream, offset: u64, mut left: impl FnMut() -> Duration) -> io::Result<()> {
    while stream.written() < offset {
        let left = left();
        match step_as(Comer::Flush, stream) {
            // JS is to say when there is more.
            Step::Empty if stream.fall_asleep() => return Ok(()),
            Step::Went(_) | Step::Empty => continue,
            Step::Blocked => {
                if let Some(readiness) = readiness(stream).map_err(io::Error::other)? {
                    readiness.wait(left)?;
                }
            }
            Step::Stalled(pause) => thread::sleep(pause.min(left)),
            Step::Rest => match stream.outcome() {
                Some(outcome) => return outcome,
                None => stream.wait_for_turn(left),
            },
        }
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}
