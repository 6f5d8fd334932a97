//! Waiting for what was accepted, which the pool writes.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    fs,
    io::{self, ErrorKind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    io::Errno,
    pipe::PipeFlags,
};
use spillway::{
    error::Failure,
    flush::{flush_all, flush_until},
    os::Readiness,
    runtime,
    stream::{Retry, Stream},
};

use common::{
    Answer::{Errno as Refuse, Interrupted, Nothing, Panic, Take},
    Bell, Feeder, Full, Held, PATIENCE, Script,
    fed::{
        linux::{PIPE_SIZE, Piped, read_exactly},
        until,
    },
    opening, panic_quietly, pattern, scripted,
    unix::request,
};

const NO_ROOM: i32 = Errno::NOSPC.raw_os_error();

/// A time for which a test can wait.
const SHORT: Duration = Duration::from_millis(20);

/// Longer than any test.
const FAR: Duration = Duration::from_secs(6_000);

/// All that there is.
const ALL: u64 = u64::MAX;

/// Waits until `stream` is settled up to `offset`.
fn flush(stream: &Arc<Stream>, offset: u64, idle_timeout: Duration) -> io::Result<()> {
    runtime::start().expect("the runtime starts");
    flush_until(stream, offset, idle_timeout)
}

/// What the stream has failed with, as a flush tells it.
fn failure_of(error: &io::Error) -> Option<&Failure> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

// ---- how far

#[test]
fn a_flush_has_the_pool_write_everything() {
    let (stream, script, _, mut feeder) = scripted([Take(3), Interrupted, Take(1)]);
    feeder.next_slab(8);
    feeder.fill(b"abcdef");
    feeder.append(&pattern(3 << 20));
    flush(&stream, ALL, PATIENCE).expect("all is written");
    assert!(script.has_taken(&[b"abcdef", &pattern(3 << 20)[..]].concat()));
    assert_eq!(stream.settled(), feeder.accepted as u64);
}

#[test]
fn a_flush_up_to_an_offset_takes_short_writes_until_it_is_there_and_waits_for_no_more() {
    let (answer, held) = Held::new();
    let (stream, script, _, mut feeder) = scripted([Take(2), Interrupted, Take(2), Take(2), answer]);
    feeder.append(b"abcdefghi");
    for offset in [0, 1, 5, 6, 3] {
        flush(&stream, offset, PATIENCE).expect("it is reached");
        assert!(stream.settled() >= offset);
    }
    held.until_entered();
    assert_eq!((stream.settled(), script.taken()), (6, b"abcdef".to_vec()));
    let error = flush(&stream, 7, SHORT).expect_err("it is held up");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    held.end(Take(usize::MAX));
    flush(&stream, 7, PATIENCE).expect("it is reached");
    assert_eq!(script.taken(), b"abcdefghi");
}

#[test]
fn a_flush_up_to_an_offset_that_is_never_put_waits_for_all_there_is() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    flush(&stream, 1_000, PATIENCE).expect("all is written");
    assert_eq!(script.taken(), b"abc");
    flush(&stream, 1_000, Duration::ZERO).expect("there is nothing to wait for");
}

#[test]
fn flushes_one_after_another_leave_nothing_out() {
    let (stream, script, _, mut feeder) = scripted((0..5_000).map(|at| Take(1 + at % 40)));
    for round in 0..2_000 {
        feeder.append(&[b'x'; 64]);
        // The next bytes come at any time of the job, which may be about to end.
        flush(&stream, ALL, PATIENCE).expect("nothing fails");
        assert_eq!(script.count_taken(), feeder.accepted, "round {round}");
    }
}

#[test]
fn flushes_side_by_side_each_come_to_their_offset() {
    let (stream, script, _, mut feeder) = scripted((0..400).map(|_| Take(1)));
    feeder.append(&pattern(400));
    runtime::start().expect("the runtime starts");
    thread::scope(|scope| {
        for offset in [400, 7, ALL, 250] {
            let (stream, script) = (&stream, &script);
            scope.spawn(move || {
                flush_until(stream, offset, PATIENCE).expect("it is reached");
                assert!(script.count_taken() as u64 >= offset.min(400));
            });
        }
    });
    assert!(script.has_taken(&pattern(400)));
}

// ---- for how long

#[test]
fn a_flush_gives_up_on_a_pipe_that_stays_full_and_may_come_again() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    let bytes = pattern(100_000);
    piped.fed.put(&bytes);
    for _ in 0..2 {
        let start = Instant::now();
        let error = flush(&piped.fed.stream, ALL, SHORT).expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT);
    }
    let settled = piped.fed.stream.settled();
    assert!((PIPE_SIZE / 2..=PIPE_SIZE).contains(&settled), "{settled}");
    assert_eq!((piped.fed.stream.failure(), piped.fed.bell.count()), (None, 0));
    let Piped { fed, reader, .. } = piped;
    let reading = thread::spawn(move || (read_exactly(&reader, 100_000), reader));
    flush(&fed.stream, ALL, PATIENCE).expect("there is room again");
    assert!(reading.join().expect("a pipe can be read").0 == bytes);
}

/// A stream whose target takes a byte after two stalls of 10 ms, and that
/// again and again; and the time in which it takes `count`.
fn slow(count: u32) -> (Arc<Stream>, Script, Duration) {
    let answers = (0..count).flat_map(|_| [Refuse(NO_ROOM), Refuse(NO_ROOM), Take(1)]);
    let (stream, script, _, mut feeder) = scripted(answers);
    let interval = Duration::from_millis(10);
    stream.wait_out(Retry { errnos: vec![NO_ROOM], interval, limit: FAR });
    feeder.append(&pattern(count as usize));
    (stream, script, 2 * count * interval)
}

#[test]
fn no_flush_gives_up_what_takes_something_now_and_then() {
    runtime::start().expect("the runtime starts");
    let idle_timeout = Duration::from_millis(700);
    let one = |stream: &Arc<Stream>| flush_until(stream, ALL, idle_timeout).expect("it takes something");
    let all = |stream: &Arc<Stream>| flush_all([(Arc::clone(stream), idle_timeout)]);
    thread::scope(|scope| {
        for flush in [&one as &(dyn Fn(&Arc<Stream>) + Sync), &all] {
            scope.spawn(move || {
                let (stream, script, time) = slow(50);
                assert!(time > idle_timeout);
                flush(&stream);
                assert!(script.has_taken(&pattern(50)));
            });
        }
    });
}

#[test]
fn a_flush_gives_a_stalled_stream_up_in_time_and_it_goes_on_later() {
    let (stream, script, bell, mut feeder) = scripted([Take(1), Refuse(NO_ROOM)]);
    stream.wait_out(Retry { errnos: vec![NO_ROOM], interval: Duration::from_secs(1), limit: FAR });
    feeder.append(b"abc");
    let error = flush(&stream, ALL, SHORT).expect_err("it takes nothing");
    assert_eq!((error.kind(), stream.failure()), (ErrorKind::TimedOut, None));
    bell.until(1);
    assert_eq!(stream.control().stalls(), 1);
    flush(&stream, ALL, PATIENCE).expect("there is room again");
    assert_eq!((script.taken(), stream.control().stalls()), (b"abc".to_vec(), 2));
}

// ---- what is not to be written

#[test]
fn a_flush_gives_the_failure_of_the_stream() {
    for answer in [Refuse(NO_ROOM), Nothing, Panic("in a job")] {
        let (stream, _, bell, mut feeder) = scripted([Take(1), answer]);
        feeder.append(b"abc");
        for _ in 0..2 {
            let error = flush(&stream, ALL, PATIENCE).expect_err("it has failed");
            assert!(failure_of(&error).is_some() && failure_of(&error) == stream.failure().as_ref());
        }
        bell.until(1);
        assert_eq!((stream.settled(), bell.count()), (1, 1));
    }
}

#[test]
fn a_flush_gives_the_reason_why_nobody_can_wait_for_the_target() {
    let refuse: fn() -> io::Result<Readiness> = || Err(Errno::IO.into());
    for (readiness, failure) in [
        (refuse, Failure::Os(Errno::IO.raw_os_error())),
        (|| panic_quietly("who knows when"), Failure::Unanswered),
    ] {
        let stream = Stream::new(Bell::default().listener());
        stream.give(Full::new(readiness).0);
        Feeder::new(&stream).append(b"abc");
        let error = flush(&stream, ALL, PATIENCE).expect_err("it is full");
        assert_eq!(failure_of(&error), Some(&failure));
    }
}

#[test]
fn a_flush_of_a_stream_that_was_cancelled_has_nothing_to_do() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    stream.cancel(0);
    flush(&stream, ALL, PATIENCE).expect("nothing is left");
    assert_eq!(script.writes(), 0);
}

#[test]
fn a_cancel_ends_a_flush() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    piped.fed.put(&pattern(300_000));
    piped.until_blocked();
    let stream = Arc::clone(&piped.fed.stream);
    let flushing = thread::spawn(move || flush_until(&stream, ALL, FAR));
    piped.fed.cancel();
    flushing.join().expect("no panic").expect("nothing is left");
}

#[test]
fn a_flush_of_a_stream_without_a_target_says_so() {
    let (stream, script) = (Stream::new(Bell::default().listener()), Script::default());
    Feeder::new(&stream).append(b"abc");
    let error = flush(&stream, ALL, PATIENCE).expect_err("JavaScript has not brought it");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    stream.give(script.target());
    flush(&stream, ALL, PATIENCE).expect("all is written");
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_flush_does_not_release_what_is_held_back() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    stream.hold();
    let error = flush(&stream, ALL, SHORT).expect_err("it is held back");
    assert_eq!((error.kind(), script.writes()), (ErrorKind::TimedOut, 0));
    stream.release();
    flush(&stream, ALL, PATIENCE).expect("all is written");
    assert_eq!(script.taken(), b"abc");
}

// ---- opening

#[test]
fn a_flush_has_the_file_opened() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = opening(request(&path), Bell::default().listener());
    Feeder::new(&stream).append(b"last words");
    flush(&stream, ALL, PATIENCE).expect("all is written");
    assert_eq!(fs::read(&path).expect("it is there"), b"last words");
}

#[test]
fn a_flush_into_a_file_that_can_not_be_opened_says_so() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let stream = opening(request(&folder.path().join("missing").join("file")), Bell::default().listener());
    Feeder::new(&stream).append(b"abc");
    let error = flush(&stream, ALL, PATIENCE).expect_err("JavaScript is to open it");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

#[test]
fn a_flush_gives_up_on_a_fifo_that_stays_unread_and_a_reader_gets_all() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO can be made");
    let stream = opening(request(&path), Bell::default().listener());
    Feeder::new(&stream).append(b"abc");
    let start = Instant::now();
    let error = flush(&stream, ALL, SHORT).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= SHORT);
    let reading = thread::spawn(move || read_exactly(&fs::File::open(path).expect("it is there"), 3));
    flush(&stream, ALL, PATIENCE).expect("it is read");
    assert_eq!(reading.join().expect("it can be read"), b"abc");
}

#[test]
fn a_flush_leaves_no_job_behind() {
    let (stream, _, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    flush(&stream, ALL, PATIENCE).expect("all is written");
    // The other share is the feeder's.
    until("its job is over", || Arc::strong_count(&stream) == 2);
}
