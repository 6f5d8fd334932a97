//! Barriers: what lies before one is settled before what lies behind counts as settled.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    io::{Seek, SeekFrom},
    os::fd::AsRawFd,
    sync::Arc,
    time::Duration,
};

use rustix::io::Errno;
use spillway::{
    error::Failure,
    flush::flush_until,
    os::File,
    page::Pages,
    stream::{Retry, Stream},
    target::{
        Settle::{self, All, Data, Written},
        Stages,
    },
    writer::{self, Step},
};

use common::{
    Answer::{self, Interrupted, Panic, Take, WouldBlock},
    Bell, Feeder, Script, scripted, step_to_the_end,
};
use linux::{IO, MEBIBYTE, NOSPC, Piped, os, piece, refuse};

/// A stream into a scripted target that settles by `answers`.
fn settling(answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script, Bell, Feeder) {
    let fed = scripted([]);
    for answer in answers {
        fed.1.then_settle(answer);
    }
    fed
}

/// The same, with a stage that has all bytes on the device.
fn durable() -> (Arc<Stream>, Script, Feeder) {
    let script = Script::default();
    let stages = Stages { durable: true, ..Stages::default() };
    let stream = Stream::with_stages(stages, Pages::default().take(), Bell::default().listener());
    stream.give(script.target());
    let feeder = Feeder::new(&stream);
    (stream, script, feeder)
}

fn steps(stream: &Stream, expected: impl IntoIterator<Item = Step>) {
    for (number, step) in expected.into_iter().enumerate() {
        assert_eq!(writer::step(stream), step, "step {number}");
    }
}

fn offsets(stream: &Stream) -> (u32, u32) {
    (stream.control().taken(), stream.control().settled())
}

#[test]
fn what_lies_before_is_taken_then_settled() {
    let (stream, script, bell, mut feeder) = settling([]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    assert!(!feeder.wait());
    steps(&stream, [Step::Went(3)]);
    assert_eq!((offsets(&stream), bell.count()), ((3, 3), 0));
    steps(&stream, [Step::Went(0)]);
    assert_eq!((script.settled(), offsets(&stream), bell.count()), (vec![(Data, 3)], (4, 4), 1));
    steps(&stream, [Step::Empty]);
}

#[test]
fn what_lies_behind_may_be_taken_before_but_is_not_settled() {
    let (stream, script, _, mut feeder) = settling([]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    feeder.append(b"de");
    steps(&stream, [Step::Went(3), Step::Went(2)]);
    assert_eq!((script.taken(), offsets(&stream)), (b"abcde".to_vec(), (6, 3)));
    steps(&stream, [Step::Went(0), Step::Empty]);
    assert_eq!((script.settled(), offsets(&stream)), (vec![(Data, 5)], (6, 6)));
}

#[test]
fn those_that_are_under_way_together_are_settled_at_once_in_the_way_that_is_most() {
    for (how, expected) in [([Written, Data, Written], Data), ([Data, All, Data], All)] {
        let (stream, script, _, mut feeder) = settling([]);
        for how in how {
            feeder.append(b"abc");
            feeder.append_barrier(how);
        }
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!((script.settled(), offsets(&stream)), (vec![(expected, 9)], (12, 12)));
    }
}

#[test]
fn one_that_has_nothing_before_it_is_settled_too() {
    let (stream, script, bell, mut feeder) = settling([]);
    assert!(!feeder.append_barrier(Data));
    assert!(!feeder.wait());
    steps(&stream, [Step::Went(0), Step::Empty]);
    assert_eq!((script.settled(), bell.count()), (vec![(Data, 0)], 1));
}

#[test]
fn no_more_than_a_mebibyte_is_taken_before_that() {
    let (stream, script, _, mut feeder) = settling([]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    for _ in 0..3 {
        feeder.append(&MEBIBYTE);
    }
    let mebibyte = 1 << 20;
    steps(&stream, [Step::Went(3), Step::Went(mebibyte), Step::Went(0), Step::Went(mebibyte)]);
    assert_eq!(script.settled(), [(Data, 3 + (1 << 20))]);
    steps(&stream, [Step::Went(mebibyte), Step::Empty]);
}

#[test]
fn a_flush_waits_for_it_and_has_it_settled_before_more_is_taken() {
    let (stream, script, _, mut feeder) = settling([]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    feeder.append(b"def");
    // There is no job, but it says what it wants.
    flush_until(&stream, 4, Duration::ZERO).expect_err("nobody writes");
    steps(&stream, [Step::Went(3)]);
    flush_until(&stream, 4, Duration::ZERO).expect_err("it is written, and not settled");
    // The barrier is passed with the next batch.
    steps(&stream, [Step::Went(0), Step::Went(3), Step::Empty]);
    assert_eq!(script.settled(), [(Data, 3)]);
    flush_until(&stream, 4, Duration::ZERO).expect("it is settled");
}

#[test]
fn a_source_before_it_is_copied_first() {
    let (stream, script, _, mut feeder) = settling([]);
    feeder.append_source(piece(b"abcdef"));
    feeder.append_barrier(Data);
    feeder.append_source(piece(b"ghi"));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), offsets(&stream)), (b"abcdefghi".to_vec(), (3, 3)));
    assert_eq!(script.settled().len(), 1);
}

#[test]
fn a_settle_that_is_interrupted_or_blocked_is_asked_for_again() {
    let (stream, script, _, mut feeder) = settling([Interrupted, WouldBlock]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    steps(&stream, [Step::Went(3), Step::Went(0), Step::Blocked]);
    assert_eq!(offsets(&stream), (3, 3));
    steps(&stream, [Step::Went(0), Step::Empty]);
    assert_eq!((script.settled().len(), offsets(&stream)), (3, (4, 4)));
}

#[test]
fn a_failure_ends_the_stream_and_what_lies_behind_is_not_settled() {
    for (answer, failure) in [(refuse(IO), os(IO)), (Panic("in a settle"), Failure::Unanswered)] {
        let (stream, script, bell, mut feeder) = settling([answer]);
        feeder.append(b"abc");
        feeder.append_barrier(Data);
        feeder.append(b"def");
        feeder.append_barrier(Data);
        assert_eq!(step_to_the_end(&stream), Step::Rest);
        assert_eq!((stream.failure(), bell.count()), (Some(failure), 1));
        assert_eq!((script.settled().len(), stream.settled()), (1, 3), "once");
        assert!(script.is_dropped());
    }
}

#[test]
fn what_a_stage_can_t_write_in_a_settle_is_waited_out() {
    let (stream, script, _, mut feeder) = settling([refuse(NOSPC)]);
    let pause = Duration::from_secs(600);
    stream.wait_out(Retry { errnos: vec![NOSPC.raw_os_error()], interval: pause, limit: 10 * pause });
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    steps(&stream, [Step::Went(3), Step::Stalled(pause), Step::Went(0), Step::Empty]);
    assert_eq!((script.settled().len(), stream.control().stalls()), (2, 2));
}

#[test]
fn a_sync_that_fails_is_final_whatever_is_waited_out_and_says_which_call_it_was() {
    for (how, call) in [(Data, "fdatasync"), (All, "fsync")] {
        let mut piped = Piped::new(rustix::pipe::PipeFlags::empty());
        let stream = &piped.stream;
        let errnos = vec![Errno::INVAL.raw_os_error()];
        stream.wait_out(Retry { errnos, interval: Duration::ZERO, limit: Duration::MAX });
        piped.feeder.append(b"abc");
        piped.feeder.append_barrier(how);
        assert_eq!(step_to_the_end(stream), Step::Rest);
        // A pipe has no device.
        assert_eq!(stream.failure(), Some(Failure::Call(Errno::INVAL.raw_os_error(), call)));
    }
}

#[test]
fn a_file_is_synced() {
    for how in [Written, Data, All] {
        let mut file = tempfile::tempfile().expect("a file for the test");
        let stream = Stream::new(Bell::default().listener());
        stream.give(Box::new(File::share(file.as_raw_fd(), None).expect("it is open")));
        let mut feeder = Feeder::new(&stream);
        feeder.append(b"abc");
        feeder.append_barrier(how);
        assert_eq!((step_to_the_end(&stream), offsets(&stream)), (Step::Empty, (4, 4)));
        assert_eq!(file.seek(SeekFrom::End(0)).expect("it is open"), 3);
    }
}

#[test]
fn a_cancel_drops_it() {
    let (stream, script, bell, mut feeder) = settling([]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    feeder.append(b"def");
    steps(&stream, [Step::Went(3), Step::Went(3)]);
    stream.cancel(0);
    steps(&stream, [Step::Rest]);
    assert_eq!((script.settled(), offsets(&stream)), (vec![], (7, 3)));
    assert!(stream.is_over() && script.is_dropped());
    assert!(bell.count() <= 1);
}

#[test]
fn an_end_waits_for_it() {
    let (stream, script, bell, mut feeder) = settling([]);
    feeder.append(b"abc");
    feeder.append_barrier(Data);
    feeder.append(b"def");
    stream.finish();
    steps(&stream, [Step::Went(3), Step::Went(3)]);
    assert!(!stream.is_over(), "it is still to be settled");
    steps(&stream, [Step::Went(0), Step::Rest]);
    assert_eq!((script.settled(), offsets(&stream), bell.count()), (vec![(Data, 6)], (7, 7), 1));
    assert!(stream.is_over() && script.is_dropped());
}

#[test]
fn one_that_comes_too_late_is_not_taken_in() {
    let (stream, script, _, mut feeder) = settling([]);
    stream.finish();
    feeder.append_barrier(Data);
    steps(&stream, [Step::Rest]);
    assert_eq!(script.settled(), []);
}

#[test]
fn durable_bytes_are_settled_when_they_are_on_the_device() {
    let (stream, script, mut feeder) = durable();
    feeder.append(b"abc");
    feeder.append(b"def");
    steps(&stream, [Step::Went(6)]);
    assert_eq!(offsets(&stream), (6, 0));
    steps(&stream, [Step::Went(0), Step::Empty]);
    assert_eq!((script.settled(), offsets(&stream)), (vec![(Data, 6)], (6, 6)));
    feeder.append_barrier(All);
    steps(&stream, [Step::Went(0), Step::Empty]);
    assert_eq!(script.settled()[1..], [(All, 6)]);
}

#[test]
fn durable_bytes_of_who_never_pauses_are_settled_mebibyte_by_mebibyte() {
    let (stream, script, mut feeder) = durable();
    for _ in 0..3 {
        feeder.append(&MEBIBYTE);
    }
    let mebibyte = 1 << 20;
    let round = || [Step::Went(mebibyte), Step::Went(0)];
    steps(&stream, round().into_iter().chain(round()));
    feeder.append(b"abc");
    steps(&stream, round());
    steps(&stream, [Step::Went(3), Step::Went(0), Step::Empty]);
    assert_eq!(script.settled().len(), 4);
}

#[test]
fn durable_bytes_that_could_not_be_synced_fail_the_stream_for_good() {
    let (stream, script, mut feeder) = durable();
    script.then_settle(refuse(IO));
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), offsets(&stream)), (Some(os(IO)), (3, 0)));
    stream.finish();
    assert_eq!((writer::step(&stream), script.settled().len()), (Step::Rest, 1));
}

#[test]
fn durable_bytes_are_synced_at_the_end() {
    let (stream, script, mut feeder) = durable();
    feeder.append(b"abc");
    stream.finish();
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((script.settled(), offsets(&stream)), (vec![(Data, 3)], (3, 3)));
    assert!(stream.is_over() && script.is_dropped());
}

#[test]
fn durable_bytes_that_are_taken_bit_by_bit_are_settled_once() {
    let script = Script::new([Take(1), Interrupted, Take(1), WouldBlock]);
    let stages = Stages { durable: true, ..Stages::default() };
    let stream = Stream::with_stages(stages, Pages::default().take(), Bell::default().listener());
    stream.give(script.target());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"abcdef");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), script.settled()), (b"abcdef".to_vec(), vec![(Settle::Data, 6)]));
}
