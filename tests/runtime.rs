//! Streams that the pool writes, into files and into targets that fail.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    fs::{self, File as StdFile},
    os::fd::AsRawFd,
    path::Path,
    sync::mpsc::channel,
};

use parking_lot::Mutex;
use rustix::{io::Errno, pipe::PipeFlags};
use spillway::{
    control_block::Status, error::Failure, os::File, pool::THREADS_AT_MOST, runtime, stream::Stream,
};

use common::{
    Answer::{Errno as Refuse, Interrupted, Panic, Take},
    Bell, Full, PATIENCE, Script,
    fed::{
        Fed,
        linux::{Piped, is_closed_within, until_blocked},
        until,
    },
    is_asleep, is_status, opening, panic_quietly, pattern,
    unix::request,
};

/// More streams than the pool has threads.
const MANY: usize = 15;

/// A stream into a file that the pool opens.
fn open(path: &Path) -> Fed {
    let bell = Bell::default();
    Fed::scheduled(opening(request(path), bell.listener()), bell)
}

// ---- files

#[test]
fn a_file_gets_all_bytes() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = open(&path);
    let bytes = pattern(5 << 20);
    let mut rest = &bytes[..];
    // Small ones, big ones, and some that just fit.
    for size in [1, 10, 100, 1_000, 10_000, 16 << 10, 100_000, 65_536, 1 << 20].into_iter().cycle() {
        let (part, behind) = rest.split_at(rest.len().min(size));
        fed.put(part);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    fed.bell.until(1);
    assert!(is_status(&fed.stream, Status::Open));
    fed.until_written();
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn a_stream_without_a_job_gets_one_again_and_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = open(&path);
    fed.bell.until(1);
    let bytes = pattern(2_000);
    for part in bytes.chunks(2) {
        fed.put(part);
        fed.until_written();
    }
    assert_eq!(fs::read(&path).expect("it is there"), bytes);
    // And with nobody who waits: no job stays for nothing.
    for byte in &bytes[..20] {
        until("its job is over", || is_asleep(&fed.stream) && fed.jobs() == 0);
        fed.put(&[*byte]);
    }
    fed.until_written();
    assert_eq!(fs::read(&path).expect("it is there"), [&bytes[..], &bytes[..20]].concat());
}

#[test]
fn a_finished_stream_ends_when_all_is_down() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = open(&path);
    let bytes = pattern(3 << 20);
    fed.put(&bytes);
    fed.stream.finish();
    if !fed.stream.is_over() {
        runtime::schedule(&fed.stream);
    }
    fed.until_over();
    assert_eq!(fed.stream.settled(), bytes.len() as u64);
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn a_file_that_can_not_be_opened_is_left_to_javascript_and_then_goes_on() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut fed = open(&folder.path().join("missing").join("file"));
    fed.put(b"early ");
    fed.bell.until(1);
    assert!(is_status(&fed.stream, Status::Unopened));
    let file = StdFile::create(&path).expect("it can be made");
    fed.stream.give(Box::new(File::share(file.as_raw_fd(), None).expect("it is open")));
    runtime::schedule(&fed.stream);
    fed.put(b"and late");
    fed.until_written();
    assert_eq!(fs::read(&path).expect("it is there"), b"early and late");
}

#[test]
fn a_job_that_could_not_open_the_file_goes_on_when_javascript_brings_another() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let bell = Bell::default();
    // The job is held up at the very moment at which it has told JavaScript:
    // on a busy machine its thread may be put aside there.
    let (tell, told) = channel();
    let (go, gone_on) = channel();
    let gone_on = Mutex::new(gone_on);
    let listener = bell.listener_that(move || {
        // Later wakes are no part of this.
        if tell.send(()).is_ok() {
            gone_on.lock().recv_timeout(PATIENCE).expect("the test lets it go on");
        }
    });
    let stream = opening(request(&folder.path().join("missing").join("file")), listener);
    let mut fed = Fed::scheduled(stream, bell);
    told.recv_timeout(PATIENCE).expect("it says that it could not open");
    drop(told);
    let Piped { fed: other, reader, writer, name } = Piped::new(PipeFlags::CLOEXEC);
    other.cancel();
    other.until_over();
    fed.stream.give(Box::new(File::share(writer.as_raw_fd(), None).expect("it is open")));
    runtime::schedule(&fed.stream);
    fed.put(&pattern(300_000));
    assert_eq!(fed.jobs(), 1, "there is one already");
    go.send(()).expect("it waits");
    until_blocked(&name);
    assert_eq!(fed.jobs(), 1);
    fed.cancel();
    fed.until_over();
    drop(writer);
    assert!(is_closed_within(&reader, PATIENCE));
}

// ---- failures

#[test]
fn a_panic_on_the_pool_ends_one_stream_and_the_pool_serves_the_others() {
    let mut good = Fed::into(Script::default().target());
    good.put(b"before ");
    good.until_written();
    for _ in 0..MANY {
        let script = Script::new([Take(1), Panic("on the pool")]);
        let mut bad = Fed::into(script.target());
        bad.put(b"abc");
        bad.bell.until(1);
        assert_eq!(bad.stream.failure(), Some(Failure::Unanswered));
        assert!(is_status(&bad.stream, Status::Failed) && script.is_dropped());
        until("its job is over", || bad.jobs() == 0);
    }
    good.put(b"and after");
    good.until_written();
    let script = Script::new([Interrupted, Take(1)]);
    let mut other = Fed::into(script.target());
    other.put(b"abc");
    other.until_written();
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_fill_position_beyond_the_slab_ends_one_stream() {
    for _ in 0..MANY {
        let script = Script::default();
        let mut bad = Fed::into(script.target());
        bad.put(b"abc");
        bad.until_written();
        // As a program may write it into the words that it shares.
        if bad.stream.control().fill(1 << 30) {
            runtime::schedule(&bad.stream);
        }
        until("it fails", || bad.stream.failure() == Some(Failure::Unanswered));
        until("its job is over", || bad.jobs() == 0);
        assert!(script.is_dropped() && script.taken() == b"abc");
        bad.stream.detach();
    }
    let mut good = Fed::into(Script::default().target());
    good.put(b"abc");
    good.until_written();
}

#[test]
fn a_target_that_panics_when_asked_for_its_readiness_ends_one_stream() {
    for _ in 0..MANY {
        let (target, is_let_go) = Full::new(|| panic_quietly("who knows when"));
        let mut bad = Fed::into(target);
        bad.put(b"abc");
        bad.bell.until(1);
        assert_eq!(bad.stream.failure(), Some(Failure::Unanswered));
        assert!(is_status(&bad.stream, Status::Failed));
        is_let_go.recv_timeout(PATIENCE).expect("the target is let go");
        until("its job is over", || bad.jobs() == 0);
    }
    let mut good = Fed::into(Script::default().target());
    good.put(b"abc");
    good.until_written();
}

#[test]
fn a_listener_that_panics_does_not_harm_the_pool() {
    // More than the pool may ever have threads: each panic that ends one is one less.
    for _ in 0..THREADS_AT_MOST + MANY {
        let bell = Bell::default();
        let stream = Stream::new(bell.listener_that(|| panic_quietly("nobody listens")));
        stream.give(Full::new(|| Err(Errno::IO.into())).0);
        let mut bad = Fed::scheduled(stream, bell);
        bad.put(b"abc");
        until("it has failed", || bad.stream.failure().is_some());
        until("its job is over", || bad.jobs() == 0);
    }
    let mut good = Fed::into(Script::default().target());
    good.put(b"abc");
    good.until_written();
}

#[test]
fn an_error_ends_one_stream_and_is_told() {
    let script = Script::new([Take(1), Refuse(Errno::NOSPC.raw_os_error())]);
    let mut fed = Fed::into(script.target());
    fed.put(b"abc");
    fed.bell.until(1);
    assert_eq!(fed.stream.failure(), Some(Failure::Os(Errno::NOSPC.raw_os_error())));
    assert_eq!(fed.stream.settled(), 1);
    assert!(script.is_dropped());
}

// ---- jobs

#[test]
fn a_stream_that_is_scheduled_again_and_again_writes_each_byte_once() {
    let script = Script::new((0..1_000).map(|at| Take(1 + at % 5)));
    let mut fed = Fed::into(script.target());
    let bytes = pattern(20_000);
    for part in bytes.chunks(100) {
        runtime::schedule(&fed.stream);
        fed.put(part);
        assert!(fed.jobs() <= 1);
    }
    fed.until_written();
    assert!(script.taken() == bytes);
}

#[test]
fn what_is_held_back_is_written_when_it_is_released() {
    let script = Script::default();
    let mut fed = Fed::into(script.target());
    fed.stream.hold();
    fed.put(b"abc");
    until("its job is over", || fed.jobs() == 0);
    assert_eq!(script.writes(), 0);
    fed.stream.release();
    runtime::schedule(&fed.stream);
    fed.until_written();
    assert_eq!(script.taken(), b"abc");
}
