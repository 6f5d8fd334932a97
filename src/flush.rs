//! Waiting for what was accepted: `flushSync()`, the end of a thread, that of
//! the process. The jobs write; here is only waited.
//!
//! JavaScript flushes when Node emits `'exit'`. If it never hears of that,
//! since a program has replaced `process.emit`, `exit(3)` does, but for what
//! Node's `Writable` still holds.

use std::{
    io::{self, ErrorKind},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{runtime, stream::Stream};

/// How long one stream is waited for before it is looked after the others, and the time.
const SLICE: Duration = Duration::from_millis(10);

/// How long a stream is waited for at least, unless its target refuses: a
/// thread is to have tried it. One that hangs does not say that it refuses.
const TRY: Duration = Duration::from_millis(100);

/// A stream that is waited for.
struct Wait {
    stream: Arc<Stream>,
    offset: u64,
    /// How long its target may take nothing.
    idle_timeout: Duration,
    /// Since when it has.
    since: Instant,
    /// What it had taken by then.
    progress: u64,
}

impl Wait {
    fn begin(stream: &Arc<Stream>, offset: u64, idle_timeout: Duration) -> Self {
        let progress = stream.progress();
        stream.begin_wait(offset);
        runtime::schedule(stream);
        Self { stream: Arc::clone(stream), offset, idle_timeout, since: Instant::now(), progress }
    }

    /// When the stream is given up, unless the target takes something until then.
    fn end(&mut self) -> Instant {
        let progress = self.stream.progress();
        if progress > self.progress {
            (self.progress, self.since) = (progress, Instant::now());
        }
        let time = if self.stream.is_stuck() { self.idle_timeout } else { self.idle_timeout.max(TRY) };
        self.since + time
    }

    /// Waits for `slice` at most. `None`: it goes on.
    fn go_on(&mut self, slice: Duration) -> Option<io::Result<()>> {
        let end = self.end().min(Instant::now() + slice);
        let result = self.stream.wait_until(self.offset, end);
        let is_late = matches!(&result, Err(error) if error.kind() == ErrorKind::TimedOut);
        (!is_late || self.end() <= Instant::now()).then_some(result)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.stream.end_wait();
    }
}

/// Waits until the bytes up to `offset` are settled, or all that there are.
///
/// # Errors
/// The failure of the stream; `TimedOut` if the target has taken nothing for
/// `idle_timeout`; `NotConnected` if JavaScript has not brought it.
pub fn flush_until(stream: &Arc<Stream>, offset: u64, idle_timeout: Duration) -> io::Result<()> {
    let mut wait = Wait::begin(stream, offset, idle_timeout);
    loop {
        if let Some(result) = wait.go_on(SLICE) {
            return result;
        }
    }
}

/// Waits until everything of all `streams` is settled, also what JavaScript
/// holds back, when its thread ends. Each is given up when it has taken nothing
/// for the time beside it: they wait side by side.
pub fn flush_all(streams: impl IntoIterator<Item = (Arc<Stream>, Duration)>) {
    let begin = |(stream, idle_timeout): (Arc<Stream>, Duration)| {
        stream.release();
        Wait::begin(&stream, u64::MAX, idle_timeout)
    };
    let mut waits: Vec<_> = streams.into_iter().map(begin).collect();
    while !waits.is_empty() {
        // The first that has to wait waits for all: their jobs go on meanwhile.
        let mut slice = SLICE;
        waits.retain_mut(|wait| {
            let goes_on = wait.go_on(slice).is_none();
            if goes_on {
                slice = Duration::ZERO;
            }
            goes_on
        });
    }
}

/// JavaScript's thread ends: waits as [`flush_all`] does until all `streams` are whole, and until those that end
/// nobody any more have left nothing behind.
pub fn end_all(streams: Vec<(Arc<Stream>, Duration)>) {
    for (stream, _) in &streams {
        stream.make_whole();
    }
    flush_all(streams.iter().cloned());
    for (stream, _) in &streams {
        stream.cancel(0);
        runtime::schedule(stream);
    }
    flush_all(streams.into_iter().filter(|(stream, _)| stream.must_end()));
}

/// The streams of the whole process, each with the time for which its end waits for it.
static STREAMS: Mutex<Vec<(Weak<Stream>, Duration)>> = Mutex::new(Vec::new());

/// Has `stream` flushed when the process ends, for which it waits while the
/// target takes nothing for `idle_timeout`.
pub fn at_exit(stream: &Arc<Stream>, idle_timeout: Duration) {
    exit::register();
    let mut streams = STREAMS.lock();
    // Amortised: the list is swept when it would have to grow.
    if streams.len() == streams.capacity() {
        streams.retain(|(stream, _)| stream.strong_count() > 0);
    }
    streams.push((Arc::downgrade(stream), idle_timeout));
}

/// Waits as [`flush_all`] does for all streams of the process.
pub fn flush_process() {
    let streams = STREAMS.lock();
    let living: Vec<_> =
        streams.iter().filter_map(|(stream, time)| Some((stream.upgrade()?, *time))).collect();
    // Other threads may make streams meanwhile.
    drop(streams);
    flush_all(living);
}

#[cfg(unix)]
mod exit {
    use std::{
        panic::catch_unwind,
        sync::{Once, Weak},
    };

    use super::{STREAMS, end_all};
    use crate::os;

    pub(super) fn register() {
        static REGISTERED: Once = Once::new();
        // Without it JavaScript still does what it can.
        REGISTERED.call_once(|| {
            let _is_registered = os::at_exit(flush);
        });
    }

    extern "C" fn flush() {
        // Nobody is left to be told of a panic.
        let _result = catch_unwind(|| {
            let streams = std::mem::take(&mut *STREAMS.lock());
            let living = |(stream, time): (Weak<_>, _)| Some((stream.upgrade()?, time));
            end_all(streams.into_iter().filter_map(living).collect());
        });
    }
}

/// On Windows the other threads are gone by then, and locks that they held are not free.
#[cfg(windows)]
mod exit {
    pub(super) fn register() {}
}
