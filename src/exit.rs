//! The streams of the whole process, for its end.
//!
//! JS writes what is left when Node emits `'exit'`. If it never hears of that,
//! since a program has replaced `process.emit`, `exit(3)` writes it, but for
//! what Node's `Writable` still holds.

use std::{
    panic::catch_unwind,
    sync::{Arc, Once, Weak},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{drain, stream::Stream};

/// Each with the time for which the end of the process waits for it.
static STREAMS: Mutex<Vec<(Weak<Stream>, Duration)>> = Mutex::new(Vec::new());

/// Has `stream` emptied when the process ends, for which it waits while the
/// target takes nothing for `patience`.
pub fn watch(stream: &Arc<Stream>, patience: Duration) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    let mut streams = STREAMS.lock();
    // Amortised: the list is swept when it would have to grow.
    if streams.len() == streams.capacity() {
        streams.retain(|(stream, _)| stream.strong_count() > 0);
    }
    streams.push((Arc::downgrade(stream), patience));
}

#[cfg(unix)]
fn register() {
    // Without it JS still does what it can.
    let _is_registered = crate::slab::process::at_exit(flush);
}

/// On Windows the other threads are gone by then, and locks that they held are not free.
#[cfg(windows)]
fn register() {}

#[cfg(unix)]
extern "C" fn flush() {
    // Nobody is left to be told of a panic.
    let _result = catch_unwind(|| {
        let streams = std::mem::take(&mut *STREAMS.lock());
        drain::flush_all(
            streams.into_iter().filter_map(|(stream, patience)| Some((stream.upgrade()?, patience))),
        );
    });
}
