//! When JavaScript is woken: once, at the offset that it waits for, and when it can go on.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicBool, Ordering::SeqCst},
    mpsc::channel,
};

use bytes::Bytes;
use spillway::{
    stream::Stream,
    writer::{self, Step},
};

use common::{
    Answer::{self, Interrupted, Take, WouldBlock},
    Bell, Script, scripted, step_to_the_end,
};
use linux::{Chunk, NOSPC, os, refuse};

#[test]
fn who_waits_is_told_once_when_its_offset_is_reached() {
    let (stream, _, bell, mut feeder) = scripted([Take(3), Interrupted, Take(1), WouldBlock]);
    feeder.append(b"abcdef");
    assert!(!stream.control().wake_at(4));
    for (step, told) in [
        (Step::Went(3), 0),
        (Step::Went(0), 0),
        (Step::Went(1), 1),
        (Step::Blocked, 1),
        (Step::Went(2), 1),
        (Step::Empty, 1),
    ] {
        assert_eq!(writer::step(&stream), step);
        assert_eq!(bell.count(), told, "after {step:?}");
    }
    assert!(!stream.control().is_eager());
}

#[test]
fn who_waits_for_what_is_written_tells_itself() {
    let (stream, _, bell, mut feeder) = scripted([]);
    feeder.append(b"abcdef");
    assert_eq!(writer::step(&stream), Step::Went(6));
    assert!(feeder.wait());
    feeder.append(b"more");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(bell.count(), 0);
}

#[test]
fn who_waits_for_bytes_that_fail_is_told_of_the_failure_alone() {
    let (stream, _, bell, mut feeder) = scripted([Take(2), refuse(NOSPC)]);
    feeder.append(b"abcdef");
    assert!(!feeder.wait());
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!(bell.count(), 1);
    assert_eq!(stream.failure(), Some(os(NOSPC)));
}

#[test]
fn a_chunk_is_let_go_before_it_is_counted_as_taken() {
    // JavaScript takes its memory back as soon as it sees the count.
    let (bell, script) = (Bell::default(), Script::default());
    let (chunk, seen) = (Chunk::new(b"abcdef"), Arc::new(AtomicBool::new(false)));
    let (gone, look) = (chunk.gone(), Arc::clone(&seen));
    let stream = Stream::new(bell.listener_that(move || look.store(gone.load(SeqCst), SeqCst)));
    stream.give(script.target());
    stream.append(chunk.into());
    assert!(!stream.control().wake_at(6));
    assert_eq!(writer::step(&stream), Step::Went(6));
    assert_eq!(bell.count(), 1);
    assert!(seen.load(SeqCst));
}

/// Whether the lease is answered when JavaScript is told of the end of a write:
/// a cancel has nothing to wait for then.
fn is_over_when_told(answers: impl IntoIterator<Item = Answer>) -> bool {
    let (bell, script) = (Bell::default(), Script::new(answers));
    let known: Arc<OnceLock<Weak<Stream>>> = Arc::default();
    let (tell, told) = channel();
    let listened = Arc::clone(&known);
    let stream = Stream::new(bell.listener_that(move || {
        let stream = listened.get().and_then(Weak::upgrade).expect("it steps");
        stream.cancel(0);
        tell.send(stream.is_over()).expect("the test listens");
    }));
    known.set(Arc::downgrade(&stream)).expect("once");
    stream.give(script.target());
    stream.append(Bytes::from_static(b"ab"));
    assert!(!stream.control().wake_at(1));
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!(told.len(), 1);
    told[0]
}

#[test]
fn a_lease_is_answered_when_javascript_is_told() {
    assert!(is_over_when_told([Take(1)]));
    assert!(is_over_when_told([refuse(NOSPC)]));
}

#[test]
fn what_is_published_is_there_when_javascript_is_told() {
    let (bell, script) = (Bell::default(), Script::new([Take(2)]));
    let known: Arc<OnceLock<Weak<Stream>>> = Arc::default();
    let (tell, told) = channel();
    let listened = Arc::clone(&known);
    let stream = Stream::new(bell.listener_that(move || {
        let stream = listened.get().and_then(Weak::upgrade).expect("it steps");
        let control = stream.control();
        tell.send((control.taken(), control.settled(), stream.settled())).expect("the test listens");
    }));
    known.set(Arc::downgrade(&stream)).expect("once");
    stream.give(script.target());
    stream.append(Bytes::from_static(b"abc"));
    assert!(!stream.control().wake_at(2));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [(2, 2, 2)]);
}
