//! Waiting for many streams side by side, as at the end of a thread.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    pipe::PipeFlags,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use spillway::{
    error::Failure,
    flush::flush_all,
    runtime,
    stream::{Retry, Stream},
};

use common::{
    Answer::{self, Errno as Refuse, Interrupted, Panic, Take, WouldBlock},
    Bell, Feeder, Held, PATIENCE, Script,
    fed::linux::{PIPE_SIZE, Piped},
    opening, pattern, scripted,
    unix::request,
};

const NO_ROOM: i32 = Errno::NOSPC.raw_os_error();

/// Longer than any test.
const FAR: Duration = Duration::from_secs(6_000);

/// A stream with `bytes`, for which there is no job yet.
fn holding(bytes: &[u8], answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script) {
    runtime::start().expect("the runtime starts");
    let (stream, script, _, mut feeder) = scripted(answers);
    feeder.append(bytes);
    (stream, script)
}

/// Lets this process have as many descriptors as it may.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("it may have more");
}

#[test]
fn hundreds_of_stuck_streams_are_each_tried_and_waited_for_side_by_side() {
    const STUCK: u32 = 700;
    let idle_timeout = Duration::from_millis(500);
    allow_descriptors();
    let mut stuck: Vec<_> = (0..STUCK).map(|_| Piped::new(PipeFlags::CLOEXEC)).collect();
    for piped in &mut stuck {
        piped.fed.feeder.append(&pattern(100_000));
    }
    let bytes = pattern(3 << 20);
    let good: Vec<_> = (0..3).map(|_| holding(&bytes, [Take(1), Interrupted])).collect();
    let mut streams: Vec<_> = stuck.iter().map(|piped| Arc::clone(&piped.fed.stream)).collect();
    // One stands before those that are stuck, one between and one behind them.
    for (at, (stream, _)) in [0, 350, 702].into_iter().zip(&good) {
        streams.insert(at, Arc::clone(stream));
    }
    let start = Instant::now();
    flush_all(streams.into_iter().map(|stream| (stream, idle_timeout)));
    let elapsed = start.elapsed();
    for (at, piped) in stuck.iter().enumerate() {
        let settled = piped.fed.stream.settled();
        assert!((PIPE_SIZE / 2..=PIPE_SIZE).contains(&settled), "{settled} of stream {at}");
    }
    assert!(good.iter().all(|(_, script)| script.has_taken(&bytes)));
    assert!(elapsed >= idle_timeout, "a stuck one may get unstuck until then: {elapsed:?}");
    assert!(elapsed < STUCK / 10 * idle_timeout, "not once for each: {elapsed:?}");
}

#[test]
fn each_stream_has_its_own_time() {
    let short = Duration::from_millis(50);
    for is_first in [true, false] {
        let (answer, held) = Held::new();
        let (long, script) = holding(b"abc", [answer]);
        let (never, answers) = Held::new();
        let (stuck, _) = holding(b"abc", [never]);
        let mut streams = [(stuck, short), (long, FAR)];
        if is_first {
            streams.reverse();
        }
        let start = Instant::now();
        let ending = thread::spawn(move || {
            held.until_entered();
            // Who waits is to be past the time of the other by far.
            thread::sleep(5 * short);
            held.end(Take(usize::MAX));
        });
        flush_all(streams);
        // The time of the one that is stuck was not that of the other, and nor the other way round.
        assert!(start.elapsed() >= 5 * short);
        assert!(script.has_taken(b"abc"));
        ending.join().expect("no panic");
        answers.end(Take(usize::MAX));
    }
}

#[test]
fn only_what_may_yet_be_written_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let bytes = pattern(200_000);
    let make = |answers: Vec<Answer>| holding(&bytes, answers);
    let failing = make(vec![Take(1), Refuse(NO_ROOM)]);
    let mad = make(vec![Panic("in a job")]);
    // Its readiness can't be had.
    let full = make(vec![WouldBlock]);
    let cancelled = make(vec![]);
    cancelled.0.cancel(0);
    let waiting = Stream::new(Bell::default().listener());
    let unopened = opening(request(&path.join("missing")), Bell::default().listener());
    let opening = opening(request(&path), Bell::default().listener());
    for stream in [&waiting, &unopened, &opening] {
        Feeder::new(stream).append(&bytes);
    }
    let good = make(vec![Take(1)]);
    let streams = [&failing.0, &mad.0, &full.0, &cancelled.0, &waiting, &unopened, &opening, &good.0];
    let start = Instant::now();
    flush_all(streams.map(|stream| (Arc::clone(stream), PATIENCE)));
    assert!(start.elapsed() < PATIENCE);
    assert_eq!([&failing, &mad, &full, &cancelled].map(|(_, script)| script.count_taken()), [1, 0, 0, 0]);
    assert_eq!(failing.0.failure(), Some(Failure::Os(NO_ROOM)));
    assert_eq!(mad.0.failure(), Some(Failure::Unanswered));
    assert!(good.1.has_taken(&bytes));
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn what_javascript_holds_back_is_written_too() {
    let (stream, script) = holding(b"abc", []);
    stream.hold();
    runtime::schedule(&stream);
    flush_all([(stream, PATIENCE)]);
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_stalled_stream_is_waited_for_until_there_is_room() {
    let (stream, script) = holding(b"abc", (0..5).map(|_| Refuse(NO_ROOM)));
    let interval = Duration::from_millis(1);
    stream.wait_out(Retry { errnos: vec![NO_ROOM], interval, limit: FAR });
    flush_all([(Arc::clone(&stream), PATIENCE)]);
    assert_eq!((script.taken(), script.writes()), (b"abc".to_vec(), 6));
}

#[test]
fn a_flush_of_none_is_over_at_once() {
    let start = Instant::now();
    flush_all([]);
    assert!(start.elapsed() < PATIENCE);
}
