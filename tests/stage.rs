//! Stages: a target around a target, which does something to the bytes, holds
//! them back until they are to be settled, and has something to write at the end.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;
#[path = "common/stage.rs"]
mod stage;

use std::time::Duration;

use spillway::{
    error::Failure,
    flush::flush_until,
    stream::Retry,
    writer::{self, End, Step},
};

use common::{
    Answer::{Interrupted, Panic, Take, WouldBlock},
    step_to_the_end,
};
use linux::{NOSPC, os, refuse};
use stage::Staged;

#[test]
fn what_a_stage_holds_back_is_taken_and_settled_when_nothing_more_is_queued() {
    let mut staged = Staged::new([]);
    staged.feeder.append(b"abc");
    staged.feeder.append(b"de");
    assert!(!staged.feeder.wait());
    staged.step([Step::Went(3), Step::Went(2)]);
    assert_eq!((staged.offsets(), staged.bell.count()), ((5, 0), 0));
    assert_eq!(staged.script.count_taken(), 0);
    staged.step([Step::Went(0)]);
    assert_eq!((staged.offsets(), staged.bell.count()), ((5, 5), 1));
    staged.step([Step::Empty]);
    assert_eq!((staged.script.taken(), staged.journal.bytes()), (b"abcde|".to_vec(), 5));
}

#[test]
fn who_waits_is_told_when_its_bytes_are_down_and_not_before() {
    let mut staged = Staged::new([]);
    staged.feeder.append(b"0123456789");
    assert!(!staged.stream.control().wake_at(1));
    staged.step([Step::Went(8), Step::Went(2)]);
    assert_eq!((staged.script.count_taken(), staged.bell.count()), (8, 0), "not all that was taken is down");
    staged.step([Step::Went(0), Step::Empty]);
    assert_eq!((staged.script.taken(), staged.bell.count()), (b"0123456789|".to_vec(), 1));
}

#[test]
fn a_settle_goes_on_where_it_was_when_the_target_was_full() {
    let mut staged = Staged::new([Take(2), WouldBlock, Take(1), Interrupted, WouldBlock, Take(2)]);
    staged.feeder.append(b"abcde");
    staged.step([Step::Went(5), Step::Blocked, Step::Went(0), Step::Blocked]);
    assert_eq!((staged.script.taken(), staged.offsets()), (b"abc".to_vec(), (5, 0)));
    staged.step([Step::Went(0), Step::Empty]);
    assert_eq!((staged.script.taken(), staged.offsets()), (b"abcde|".to_vec(), (5, 5)));
}

#[test]
fn a_write_through_a_full_stage_goes_on_where_it_was() {
    let mut staged = Staged::new([Take(3), WouldBlock]);
    staged.feeder.append(b"0123456789");
    staged.step([Step::Went(8), Step::Blocked]);
    assert_eq!((staged.script.taken(), staged.offsets()), (b"012".to_vec(), (8, 0)));
    staged.step([Step::Went(2), Step::Went(0), Step::Empty]);
    assert_eq!(staged.script.taken(), b"0123456789|");
}

#[test]
fn what_somebody_waits_for_is_settled_before_more_is_taken() {
    let mut staged = Staged::new([]);
    for part in [b"abc", b"def", b"ghi"] {
        staged.feeder.append(part);
    }
    staged.step([Step::Went(3)]);
    // It has no time at all, and there is no job; but it says what it wants.
    flush_until(&staged.stream, 4, Duration::ZERO).expect_err("nobody writes");
    staged.step([Step::Went(3), Step::Went(0)]);
    assert_eq!((staged.script.taken(), staged.offsets()), (b"abcdef|".to_vec(), (6, 6)));
    staged.step([Step::Went(3), Step::Went(0), Step::Empty]);
    assert_eq!(staged.script.taken(), b"abcdef|ghi|");
}

#[test]
fn a_stage_that_finishes_writes_what_it_holds_and_its_end() {
    let mut staged = Staged::new([]);
    staged.feeder.append(b"abc");
    staged.step([Step::Went(3), Step::Went(0), Step::Empty]);
    staged.feeder.append(b"de");
    staged.stream.finish();
    assert!(!staged.stream.is_over());
    staged.step([Step::Went(2), Step::Rest]);
    assert_eq!((staged.script.taken(), staged.offsets()), (b"abc|de.".to_vec(), (5, 5)));
    assert!(staged.stream.is_over() && staged.script.is_dropped());
    assert_eq!((staged.journal.calls(), staged.bell.count()), (vec!["settle", "finish"], 1));
    staged.step([Step::Rest]);
}

#[test]
fn a_stage_finishes_though_no_byte_came() {
    let staged = Staged::new([]);
    staged.stream.finish();
    staged.stream.finish();
    staged.step([Step::Rest, Step::Rest]);
    assert_eq!((staged.script.taken(), staged.journal.calls()), (b".".to_vec(), vec!["finish"]));
    assert!(staged.stream.is_over() && staged.script.is_dropped());
}

#[test]
fn an_end_goes_on_where_it_was_when_the_target_was_full() {
    let mut staged = Staged::new([Take(1), WouldBlock, Interrupted, Take(2), WouldBlock]);
    staged.feeder.append(b"abc");
    staged.stream.finish();
    staged.step([Step::Went(3), Step::Blocked, Step::Went(0), Step::Blocked]);
    assert_eq!((staged.stream.is_over(), staged.offsets()), (false, (3, 0)));
    staged.step([Step::Rest]);
    assert_eq!((staged.script.taken(), staged.offsets()), (b"abc.".to_vec(), (3, 3)));
    assert_eq!((staged.stream.is_over(), staged.bell.count()), (true, 1));
}

#[test]
fn a_settle_or_an_end_that_fails_ends_the_stream_and_the_stage_is_abandoned() {
    for (finishes, calls) in [(false, ["settle", "abandon"]), (true, ["finish", "abandon"])] {
        let mut staged = Staged::new([Take(1), refuse(NOSPC)]);
        staged.feeder.append(b"abc");
        if finishes {
            staged.stream.finish();
        }
        assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
        assert_eq!((staged.stream.failure(), staged.bell.count()), (Some(os(NOSPC)), 1));
        assert_eq!((staged.journal.calls(), staged.offsets()), (calls.to_vec(), (3, 0)));
        assert!(staged.script.is_dropped() && staged.stream.is_over());
    }
}

#[test]
fn a_stage_that_panics_is_asked_for_nothing_more() {
    let mut staged = Staged::new([Panic("in a settle")]);
    staged.feeder.append(b"abc");
    assert!(matches!(writer::run(&staged.stream, || true), End::Asleep));
    assert_eq!((staged.stream.failure(), staged.bell.count()), (Some(Failure::Unanswered), 1));
    assert_eq!(staged.journal.calls(), ["settle"]);
    assert!(staged.script.is_dropped());
}

#[test]
fn a_cancel_abandons_a_stage_and_what_it_held_is_not_settled() {
    let mut staged = Staged::new([]);
    staged.feeder.append(b"abc");
    staged.step([Step::Went(3)]);
    staged.stream.cancel(0);
    assert!(!staged.stream.is_over(), "it is to be told");
    staged.step([Step::Rest]);
    assert!(staged.stream.is_over() && staged.script.is_dropped());
    assert_eq!((staged.journal.calls(), staged.bell.count()), (vec!["abandon"], 1));
    assert_eq!((staged.script.count_taken(), staged.offsets()), (0, (3, 0)));
    staged.step([Step::Rest]);
}

#[test]
fn a_cancel_in_an_end_that_waits_abandons_the_stage() {
    let mut staged = Staged::new([Take(1), WouldBlock]);
    staged.feeder.append(b"abc");
    staged.stream.finish();
    staged.step([Step::Went(3), Step::Blocked]);
    staged.stream.cancel(3);
    staged.step([Step::Rest]);
    assert_eq!((staged.journal.calls(), staged.bell.count()), (vec!["finish", "abandon"], 1));
    assert_eq!((staged.script.taken(), staged.offsets()), (b"a".to_vec(), (3, 0)));
}

#[test]
fn a_stall_in_a_settle_or_an_end_is_over_when_that_is() {
    for finishes in [false, true] {
        let mut staged = Staged::new([refuse(NOSPC), refuse(NOSPC)]);
        let pause = Duration::from_secs(600);
        let errnos = vec![NOSPC.raw_os_error()];
        staged.stream.wait_out(Retry { errnos, interval: pause, limit: 10 * pause });
        staged.feeder.append(b"abc");
        if finishes {
            staged.stream.finish();
        }
        staged.step([Step::Went(3), Step::Stalled(pause), Step::Stalled(pause)]);
        assert_eq!((staged.stream.control().stalls(), staged.bell.count()), (1, 1));
        assert!(matches!(writer::step(&staged.stream), Step::Went(0) | Step::Rest));
        assert_eq!((staged.stream.control().stalls(), staged.bell.count()), (2, 2));
        assert_eq!(staged.offsets(), (3, 3));
    }
}

#[test]
fn a_stage_hears_of_each_burst_and_of_its_end() {
    let mut staged = Staged::new([]);
    for _ in 0..2 {
        assert!(staged.stream.request_job());
        staged.feeder.append(b"abc");
        assert!(matches!(writer::run(&staged.stream, || true), End::Asleep));
    }
    assert_eq!(staged.journal.calls(), ["begin", "settle", "rest", "begin", "settle", "rest"]);
    assert_eq!(staged.script.taken(), b"abc|abc|");
}
