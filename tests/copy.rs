//! Bytes of other descriptors that the target copies itself.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::io::Errno;
use spillway::{
    error::Failure,
    source::{Outcome, Piece, Source},
    stream::Stream,
    writer::{self, End, Step},
};

use common::{
    Answer::{self, Interrupted, Nothing, Panic, Take, Unnamed, WouldBlock},
    copying, pattern, step_to_the_end,
};
use linux::{NOSPC, all, os, piece, refuse, source};

/// A step that ends a piece without a byte.
const OVER: Step = Step::Went(0);

#[test]
fn a_source_is_copied_in_its_place_and_goes_on_where_it_was() {
    let (stream, script, bell, mut feeder) = copying([Take(2), Interrupted, WouldBlock, Take(1)]);
    feeder.append(b"(");
    feeder.append_source(Piece::new(source(b"abcdef and more"), 6));
    feeder.append(b")");
    assert!(!stream.control().wake_at(2));
    for (step, settled, told) in [
        (Step::Went(1), 1, 0),
        (Step::Went(2), 1, 0),
        (Step::Went(0), 1, 0),
        (Step::Blocked, 1, 0),
        (Step::Went(1), 1, 0),
        (Step::Went(3), 2, 1),
        (Step::Went(1), 3, 1),
        (Step::Empty, 3, 1),
    ] {
        assert_eq!(writer::step(&stream), step);
        assert_eq!((stream.settled(), bell.count()), (settled, told));
    }
    assert_eq!((script.taken(), script.asked()), (b"(abcdef)".to_vec(), vec![6, 4, 4, 4, 3]));
    assert_eq!(stream.copied(), 6);
}

/// Most bytes that a target is asked to copy at once.
const CALL: usize = 512 << 10;

#[test]
fn a_copy_gives_way_after_each_of_its_calls() {
    let (stream, script, _, mut feeder) = copying([]);
    let bytes = pattern(2 * CALL + 5);
    feeder.append_source(piece(&bytes));
    for rounds in 1..=2 {
        assert!(matches!(writer::run(&stream, || true), End::GaveWay));
        assert_eq!(script.count_taken(), rounds * CALL);
    }
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert!(script.has_taken(&bytes));
    // The last finds the end, and a read confirms it.
    assert_eq!((script.asked(), script.writes()), (vec![CALL as u64; 4], 0));
}

#[test]
fn what_a_target_does_not_copy_it_is_given_to_write() {
    for answer in [Nothing, Unnamed, refuse(Errno::XDEV), refuse(NOSPC), refuse(Errno::BADF)] {
        let (stream, script, _, mut feeder) = copying([Take(2), answer]);
        let source = source(b"abcdef");
        for _ in 0..2 {
            feeder.append_source(Piece::new(Arc::clone(&source), 3));
        }
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        // And is not asked to copy any more of it.
        assert_eq!((script.taken(), script.asked()), (b"abcdef".to_vec(), vec![3, 1]));
        assert_eq!((script.offers(), stream.copied()), (vec![vec![1], vec![3]], 6));
        // Another source it is.
        feeder.append_source(piece(b"ghi"));
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!((script.taken(), script.asked().len()), (b"abcdefghi".to_vec(), 4));
    }
}

#[test]
fn the_error_of_a_copy_that_a_write_meets_too_is_the_targets() {
    let (stream, script, bell, mut feeder) = copying([Take(1), refuse(NOSPC)]);
    let source = source(b"abc");
    feeder.append_source(all(&source));
    script.then(refuse(NOSPC));
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    assert_eq!((script.taken(), script.is_dropped(), source.outcome()), (b"a".to_vec(), true, None));
}

#[test]
fn the_error_of_a_copy_that_a_read_meets_too_is_the_sources() {
    let (stream, script, _, mut feeder) = copying([refuse(Errno::ISDIR)]);
    let folder = tempfile::tempdir().expect("a folder for the test");
    let source = Source::open(linux::c_path(folder.path()), None);
    feeder.append_source(all(&source));
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(source.outcome(), Some(Outcome::NotRead(Errno::ISDIR.raw_os_error())));
    assert_eq!((stream.failure(), script.taken()), (None, b"abc".to_vec()));
}

#[test]
fn a_copied_source_that_ends_early_is_no_failure() {
    let (stream, script, bell, mut feeder) = copying([]);
    let source = source(b"abc");
    feeder.append_source(Piece::new(Arc::clone(&source), 4));
    stream.append(Bytes::from_static(b"def"));
    for step in [Step::Went(3), OVER, Step::Went(3), Step::Empty] {
        assert_eq!(writer::step(&stream), step);
    }
    assert_eq!((script.taken(), script.asked()), (b"abcdef".to_vec(), vec![4, 1]));
    assert_eq!((stream.failure(), bell.count(), source.outcome()), (None, 0, Some(Outcome::Ended)));
}

#[test]
fn a_copy_that_panics_ends_the_stream() {
    let (stream, script, bell, mut feeder) = copying([Take(1), Panic("in a copy")]);
    let source = source(b"abc");
    feeder.append_source(all(&source));
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(Failure::Unanswered), 1));
    assert_eq!((script.taken(), script.is_dropped()), (b"a".to_vec(), true));
    assert_eq!((Arc::strong_count(&source), source.read()), (1, 1));
}

#[test]
fn nothing_more_is_copied_after_a_cancel() {
    let (stream, script, bell, mut feeder) = copying([Take(1)]);
    let source = source(b"abcdef");
    feeder.append(b"(");
    feeder.append_source(all(&source));
    feeder.append(b")");
    assert_eq!([writer::step(&stream), writer::step(&stream)], [Step::Went(1), Step::Went(1)]);
    stream.cancel(3);
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((script.taken(), source.read(), stream.settled()), (b"(a".to_vec(), 1, 2));
    assert_eq!((bell.count(), script.asked().len()), (1, 1));
    assert!(stream.is_over() && script.is_dropped());
}

/// What is copied of `abcdef` by `answer` when `then` is done in the middle of the copy, and how often
/// JavaScript was told.
fn meanwhile(then: fn(&Stream, &Source), answer: Answer) -> (String, usize) {
    let known: Arc<Mutex<Weak<Stream>>> = Arc::default();
    let source = source(b"abcdef");
    let (called, stopped) = (Arc::clone(&known), Arc::clone(&source));
    let call = move || {
        then(&called.lock().upgrade().expect("it copies"), &stopped);
        answer
    };
    let (stream, script, bell, mut feeder) = copying([Answer::Call(Box::new(call))]);
    *known.lock() = Arc::downgrade(&stream);
    feeder.append_source(all(&source));
    feeder.append(b"!");
    step_to_the_end(&stream);
    let taken = String::from_utf8(script.taken()).expect("tests write ASCII");
    let rest = taken.trim_end_matches('!');
    assert_eq!((stream.copied(), source.read()), (rest.len() as u64, rest.len() as u64));
    (taken, bell.count())
}

#[test]
fn a_cancel_in_a_copy_is_over_when_that_is_done() {
    let told = |text: &str| (text.to_owned(), 1);
    assert_eq!(meanwhile(|stream, _| stream.cancel(0), Take(2)), told("ab"));
    assert_eq!(meanwhile(|stream, _| stream.cancel(1), Take(2)), told("ab"));
    assert_eq!(meanwhile(|stream, _| stream.cancel(2), Take(2)), told("ab"), "behind it comes nothing");
    for answer in [Interrupted, Nothing, refuse(NOSPC)] {
        assert_eq!(meanwhile(|stream, _| stream.cancel(2), answer), told(""), "no more is read");
    }
    assert_eq!(meanwhile(|stream, _| stream.cancel(0), WouldBlock), told(""), "nobody waits for it");
    assert_eq!(meanwhile(|stream, _| stream.cancel(2), WouldBlock), told(""), "nobody waits for it");
}

#[test]
fn a_source_that_is_stopped_in_a_copy_is_done_with_that() {
    for (answer, taken) in [(Take(2), "ab!"), (Interrupted, "!"), (WouldBlock, "!"), (Nothing, "!")] {
        assert_eq!(meanwhile(Stream::stop_source, answer), (taken.to_owned(), 0));
    }
}
