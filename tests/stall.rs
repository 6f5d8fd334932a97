//! Refusals that are waited out: a full disk's, say.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::io::Errno;
use spillway::{
    control_block::Status,
    stream::{Retry, Stream},
    writer::{self, End, Step},
};

use common::{
    Answer::{self, Interrupted, Take, WouldBlock},
    Bell, Feeder, Script, is_status, scripted, step_to_the_end,
};
use linux::{IO, MidWrite, NOSPC, os, refuse};

/// Between two tries. No test here lives to see one.
const PAUSE: Duration = Duration::from_secs(600);

const FAR: Duration = Duration::from_secs(6_000);

fn full_disks(interval: Duration, limit: Duration) -> Retry {
    let errnos = [NOSPC, Errno::DQUOT].map(Errno::raw_os_error).to_vec();
    Retry { errnos, interval, limit }
}

/// A scripted stream that waits for room on a disk.
fn patient(answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script, Bell, Feeder) {
    let scripted = scripted(answers);
    scripted.0.wait_out(full_disks(PAUSE, FAR));
    scripted
}

#[test]
fn a_refusal_that_is_waited_out_keeps_the_bytes_and_says_when_to_ask_again() {
    let (stream, script, _, mut feeder) = patient([Take(2), refuse(NOSPC), refuse(NOSPC)]);
    feeder.append(b"abcdef");
    assert_eq!(writer::step(&stream), Step::Went(2));
    for calls in 2..=3 {
        assert_eq!(writer::step(&stream), Step::Stalled(PAUSE));
        assert!(!script.is_dropped());
        assert_eq!((stream.failure(), stream.settled(), stream.calls()), (None, 2, calls));
    }
    assert!(is_status(&stream, Status::Open));
    feeder.append(b"ghi");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), stream.calls()), (b"abcdefghi".to_vec(), 4));
}

#[test]
fn a_stall_is_told_when_it_begins_and_when_bytes_go_again_and_no_more() {
    let other = Errno::DQUOT;
    let script = [refuse(NOSPC), refuse(other), Interrupted, WouldBlock, refuse(NOSPC), Take(1), Take(1)];
    let (stream, _, bell, mut feeder) = patient(script.into_iter().chain([refuse(other), Take(1)]));
    feeder.append(b"abcdef");
    let stalled = || Step::Stalled(PAUSE);
    let by = |errno: Errno| Some(errno.raw_os_error());
    assert_eq!((stream.control().stalls(), stream.stalled_by()), (0, None));
    for (step, stalls, told, reason) in [
        (stalled(), 1, 1, by(NOSPC)),
        (stalled(), 1, 1, by(other)),
        // What takes nothing does not end it.
        (Step::Went(0), 1, 1, by(other)),
        (Step::Blocked, 1, 1, by(other)),
        (stalled(), 1, 1, by(NOSPC)),
        (Step::Went(1), 2, 2, by(NOSPC)),
        (Step::Went(1), 2, 2, by(NOSPC)),
        (stalled(), 3, 3, by(other)),
        (Step::Went(1), 4, 4, by(other)),
        (Step::Went(3), 4, 4, by(other)),
        (Step::Empty, 4, 4, by(other)),
    ] {
        assert_eq!(writer::step(&stream), step);
        assert_eq!((stream.control().stalls(), stream.stalled_by()), (stalls, reason), "after {step:?}");
        assert_eq!(bell.count(), told, "after {step:?}");
    }
}

#[test]
fn who_waits_for_the_very_bytes_that_end_a_stall_is_woken_once_for_both() {
    let (stream, _, bell, mut feeder) = patient([refuse(NOSPC)]);
    feeder.append(b"abc");
    assert!(!feeder.wait());
    assert_eq!(writer::step(&stream), Step::Stalled(PAUSE));
    assert_eq!((bell.count(), writer::step(&stream)), (1, Step::Went(3)));
    assert_eq!((bell.count(), stream.control().stalls(), stream.control().is_eager()), (2, 2, false));
}

#[test]
fn after_a_stall_it_goes_on_at_the_exact_byte_wherever_the_last_write_ended() {
    let whole = b"abcdefghij";
    for first in 1..whole.len() {
        for second in 1..=whole.len() - first {
            let answers = [Take(first), refuse(NOSPC), Take(second), refuse(NOSPC)];
            let (stream, script, _, mut feeder) = patient(answers);
            // A slab, then chunks.
            feeder.next_slab(3);
            feeder.fill(&whole[..3]);
            feeder.append(&whole[3..4]);
            feeder.append(&whole[4..]);
            for step in [Step::Went(first as u64), Step::Stalled(PAUSE), Step::Went(second as u64)] {
                assert_eq!(writer::step(&stream), step);
            }
            assert_eq!(script.taken(), whole[..first + second]);
            while writer::step(&stream) != Step::Empty {}
            assert_eq!(script.taken(), whole, "after {first} and {second}");
        }
    }
}

#[test]
fn an_error_that_is_not_to_be_waited_out_fails_at_once_in_a_stall_too() {
    for stalls in 0..2 {
        let refusals = (0..stalls).map(|_| refuse(NOSPC));
        let (stream, script, bell, mut feeder) = patient(refusals.chain([refuse(IO)]));
        feeder.append(b"abc");
        for _ in 0..stalls {
            assert_eq!(writer::step(&stream), Step::Stalled(PAUSE));
        }
        assert_eq!(writer::step(&stream), Step::Rest);
        assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), stalls + 1));
        assert!(script.is_dropped() && is_status(&stream, Status::Failed));
    }
}

#[test]
fn without_a_limit_that_lets_it_wait_a_refusal_fails_at_once_and_is_no_stall() {
    let (stream, script, bell, mut feeder) = scripted([refuse(NOSPC)]);
    stream.wait_out(full_disks(PAUSE, Duration::ZERO));
    feeder.append(b"abc");
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    assert_eq!((stream.control().stalls(), stream.stalled_by()), (0, None));
    assert!(script.is_dropped());
}

#[test]
fn a_stall_that_comes_to_its_limit_fails_with_the_errno_of_the_last_refusal() {
    let limit = Duration::from_millis(100);
    let (stream, script, bell, mut feeder) = scripted([refuse(NOSPC), refuse(Errno::DQUOT)]);
    stream.wait_out(full_disks(PAUSE, limit));
    feeder.append(b"abc");
    match writer::step(&stream) {
        Step::Stalled(pause) => assert!(pause <= limit, "it is asked once more when the limit is reached"),
        step => panic!("{step:?}, though the limit is not reached"),
    }
    let start = Instant::now();
    while start.elapsed() < limit {
        thread::yield_now();
    }
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::DQUOT)), 2));
    assert!(script.is_dropped());
}

#[test]
fn each_stall_has_the_whole_limit_to_itself() {
    let limit = Duration::from_millis(100);
    let (stream, script, _, mut feeder) = scripted([refuse(NOSPC), Take(1), refuse(NOSPC)]);
    stream.wait_out(full_disks(PAUSE, limit));
    feeder.append(b"abc");
    assert!(matches!(writer::step(&stream), Step::Stalled(_)));
    let start = Instant::now();
    while start.elapsed() < limit {
        thread::yield_now();
    }
    assert_eq!(writer::step(&stream), Step::Went(1));
    assert!(matches!(writer::step(&stream), Step::Stalled(_)));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_cancel_during_a_stall_lets_go_of_the_target() {
    let (stream, script, bell, mut feeder) = patient([Take(1), refuse(NOSPC)]);
    feeder.append(b"abc");
    assert_eq!(writer::step(&stream), Step::Went(1));
    assert_eq!(writer::step(&stream), Step::Stalled(PAUSE));
    stream.cancel(3);
    assert!(stream.is_over() && script.is_dropped(), "the target takes nothing");
    assert_eq!((writer::step(&stream), bell.count(), stream.failure()), (Step::Rest, 1, None));
    assert_eq!((script.taken(), script.writes()), (b"a".to_vec(), 2));
}

#[test]
fn a_cancel_during_the_write_that_is_refused_wakes_once_and_lets_go() {
    let held = MidWrite::new();
    held.stream.wait_out(full_disks(PAUSE, FAR));
    held.stream.cancel(6);
    let (step, stream, script, bell) = held.end(refuse(NOSPC));
    assert_eq!((step, bell.count()), (Step::Stalled(PAUSE), 1));
    assert!(script.is_dropped() && stream.is_over());
    assert_eq!(writer::step(&stream), Step::Rest);
}

#[test]
fn a_job_ends_with_a_stall_and_says_when_the_next_is_due() {
    let (stream, script, _, mut feeder) = patient([Take(1), refuse(NOSPC)]);
    feeder.append(b"abc");
    assert!(matches!(writer::run(&stream, || true), End::Stalled(PAUSE)));
    assert_eq!(script.writes(), 2, "it does not ask again by itself");
    assert!(!feeder.append(b"def"), "who waits comes back by himself");
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!(script.taken(), b"abcdef");
}
