//! How streams fail: errors of the kernel, panics, and what others say of them. It is told once.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use rustix::io::Errno;
use spillway::{
    control_block::Status,
    error::Failure,
    os::Readiness,
    stream::Stream,
    target::Target,
    writer::{self, End, Step},
};

use common::{
    Answer::{self, Call, Nothing, Panic, Take, Unnamed, WouldBlock},
    Bell, Feeder, Script, descriptor, is_status, opening, panic_quietly, scripted, step_to_the_end,
    unix::request,
};
use linux::{Chunk, IO, MidWrite, NOSPC, ended_by, os, refuse};

#[test]
fn an_error_ends_the_stream_and_its_errno_is_told() {
    let (stream, script, bell) = ended_by(refuse(NOSPC));
    assert_eq!(stream.failure(), Some(os(NOSPC)));
    assert_eq!((bell.count(), script.writes()), (1, 2));
}

#[test]
fn an_error_without_an_errno_is_told_as_eio() {
    let (stream, _, bell) = ended_by(Unnamed);
    assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), 1));
}

#[test]
fn a_write_of_nothing_is_told_as_eio() {
    let (stream, _, bell) = ended_by(Nothing);
    assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), 1));
}

#[test]
fn a_panic_in_the_target_ends_the_stream_and_is_told() {
    let panic = || Call(Box::new(|| std::panic::resume_unwind(Box::new(7))));
    for answer in [Panic("the target is out of its mind"), panic()] {
        let (stream, _, bell) = ended_by(answer);
        assert_eq!((stream.failure(), bell.count()), (Some(Failure::Unanswered), 1));
    }
}

/// Refuses the first write, or panics in it, and tells whether it was abandoned.
struct Refusing {
    panics: bool,
    is_abandoned: Arc<AtomicBool>,
}

impl Target for Refusing {
    fn write(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.panics {
            panic_quietly("in a write");
        }
        Err(NOSPC.into())
    }

    fn abandon(&mut self) {
        self.is_abandoned.store(true, SeqCst);
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it never says that it would block")
    }
}

#[test]
fn a_target_that_fails_is_abandoned_and_one_that_panics_is_asked_for_nothing_more() {
    for panics in [false, true] {
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let stream = Stream::new(Bell::default().listener());
        stream.give(Box::new(Refusing { panics, is_abandoned: Arc::clone(&is_abandoned) }));
        stream.append(Bytes::from_static(b"abc"));
        assert_eq!(writer::step(&stream), Step::Rest);
        assert_eq!((is_abandoned.load(SeqCst), stream.is_over()), (!panics, true));
    }
}

#[test]
fn a_failed_stream_lets_go_of_what_it_held() {
    let (stream, script, _, _) = scripted([refuse(NOSPC)]);
    let (first, second) = (Chunk::new(b"abc"), Chunk::new(b"def"));
    let gone = [first.gone(), second.gone()];
    stream.append(first.into());
    stream.append(second.into());
    assert_eq!(writer::step(&stream), Step::Rest);
    assert!(gone.iter().all(|gone| gone.load(SeqCst)));
    let late = Chunk::new(b"ghi");
    let gone = late.gone();
    stream.append(late.into());
    assert!(gone.load(SeqCst), "it takes in nothing more");
    assert_eq!(script.count_taken(), 0);
}

/// What is seen of the target when JavaScript is told that the write ended
/// with `answer`: JavaScript may close its own descriptor then, and expects
/// that whoever reads from the pipe sees the end of it.
fn is_let_go_when_told(answer: Answer) -> bool {
    let (bell, script, seen) = (Bell::default(), Script::new([answer]), Arc::new(AtomicBool::new(false)));
    let (looked, look) = (Arc::clone(&seen), script.clone());
    let stream = Stream::new(bell.listener_that(move || looked.store(look.is_dropped(), SeqCst)));
    stream.give(script.target());
    stream.append(Bytes::from_static(b"abcdef"));
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(bell.count(), 1);
    seen.load(SeqCst)
}

#[test]
fn a_write_that_fails_lets_go_of_the_target_before_javascript_is_told() {
    for (name, answer) in [("panic", Panic("in mid-write")), ("nothing", Nothing), ("errno", refuse(NOSPC))] {
        assert!(is_let_go_when_told(answer), "{name}");
    }
}

#[test]
fn a_failure_from_outside_during_a_write_is_ignored_and_the_outcome_of_that_counts() {
    for (answer, status, failure) in [
        (Take(2), Status::Open, None),
        (WouldBlock, Status::Open, None),
        (refuse(NOSPC), Status::Failed, Some(os(NOSPC))),
        (Panic("in mid-write"), Status::Failed, Some(Failure::Unanswered)),
    ] {
        let held = MidWrite::new();
        // As `resume` does when the reactor refuses the descriptor.
        held.stream.give_up(os(IO));
        assert_eq!((writer::step(&held.stream), held.stream.failure()), (Step::Rest, None));
        assert!(is_status(&held.stream, Status::Open));
        assert_eq!(held.bell.count(), 0);
        let (_, stream, script, bell) = held.end(answer);
        assert_eq!((stream.failure(), bell.count()), (failure.clone(), usize::from(failure.is_some())));
        assert!(is_status(&stream, status));
        let end = step_to_the_end(&stream);
        assert_eq!(end, if failure.is_some() { Step::Rest } else { Step::Empty });
        assert_eq!(script.taken(), if failure.is_some() { &b""[..] } else { b"abcdef" });
    }
}

#[test]
fn a_stream_that_nobody_writes_is_given_up_at_once_and_only_once() {
    let (bell, script) = (Bell::default(), Script::default());
    let (seen, look) = (Arc::new(AtomicBool::new(false)), script.clone());
    let looked = Arc::clone(&seen);
    let stream = Stream::new(bell.listener_that(move || looked.store(look.is_dropped(), SeqCst)));
    stream.give(script.target());
    let chunk = Chunk::new(b"abc");
    let gone = chunk.gone();
    stream.append(chunk.into());
    for failure in [os(NOSPC), os(IO)] {
        stream.give_up(failure);
        assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    }
    assert!(seen.load(SeqCst), "the target is let go before JavaScript is told");
    assert!(gone.load(SeqCst) && is_status(&stream, Status::Failed) && stream.is_over());
    assert_eq!((writer::step(&stream), script.writes()), (Step::Rest, 0));
}

#[test]
fn a_stream_that_is_given_up_before_it_opened_opens_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let (bell, script) = (Bell::default(), Script::default());
    let stream = opening(request(&path), bell.listener());
    stream.give_up(os(IO));
    assert_eq!((writer::step(&stream), stream.failure()), (Step::Rest, Some(os(IO))));
    stream.give(script.target());
    assert!(is_status(&stream, Status::Failed) && script.is_dropped());
    assert_eq!((path.exists(), descriptor(&stream), bell.count()), (false, -1, 1));
}

#[test]
fn a_stream_is_not_given_up_that_waits_for_its_target_or_is_over() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::new(bell.listener());
    stream.give_up(os(IO));
    assert_eq!(stream.failure(), None);
    Feeder::new(&stream).append(b"abc");
    stream.give(script.target());
    assert_eq!((step_to_the_end(&stream), script.taken()), (Step::Empty, b"abc".to_vec()));
    stream.cancel(0);
    assert!(stream.is_over());
    stream.give_up(os(IO));
    assert_eq!((stream.failure(), bell.count()), (None, 0));
    assert!(is_status(&stream, Status::Open));
}

#[test]
fn a_cancel_does_not_make_a_failure_forgotten() {
    let (stream, _, bell) = ended_by(refuse(NOSPC));
    stream.cancel(0);
    stream.finish();
    assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    assert!(is_status(&stream, Status::Failed));
}

#[test]
fn a_burst_that_can_not_begin_ends_the_stream() {
    let (script, bell) = (Script::default(), Bell::default());
    let stream = Stream::new(bell.listener());
    stream.give(Box::new(Beginning(script.target(), vec![Ok(()), Err(Errno::BADF.into())].into())));
    let mut feeder = Feeder::new(&stream);
    assert!(stream.request_job() && !stream.request_job(), "one job is enough");
    feeder.append(b"abc");
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!((script.taken(), bell.count()), (b"abc".to_vec(), 0));
    feeder.append(b"def");
    assert!(stream.request_job(), "the other has ended");
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::BADF)), 1));
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!((script.count_taken(), script.is_dropped()), (3, true));
}

/// A target that answers to the begin of each burst by a script.
struct Beginning(Box<dyn Target>, VecDeque<io::Result<()>>);

impl Target for Beginning {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn begin(&mut self) -> io::Result<()> {
        self.1.pop_front().expect("it is asked once for each burst")
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.0.readiness()
    }
}
