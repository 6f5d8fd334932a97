//! What JavaScript holds back, and what it cancels: nothing is written before
//! the hold is lifted, and of what is cancelled only what lies before the offset.

#![cfg(not(feature = "loom"))]

mod common;

use spillway::drain::{self, Step};

use common::{
    Answer::{Take, WouldBlock},
    scripted,
};

#[test]
fn nothing_is_written_before_the_hold_is_lifted() {
    let (stream, script, _, mut feeder) = scripted([]);
    stream.hold();
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!(script.writes(), 0);
    stream.release();
    assert_eq!(drain::step(&stream), Step::Went(3));
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_cancel_writes_what_lies_before_its_offset_and_lets_go() {
    for keep in 1..=6_u64 {
        let (stream, script, bell, mut feeder) = scripted([Take(1)]);
        feeder.next_slab(8);
        feeder.fill(b"abc");
        feeder.append(b"def");
        assert_eq!(drain::step(&stream), Step::Went(1));
        let is_to_come = keep > 1;
        assert_eq!(stream.cancel_from(keep), is_to_come);
        feeder.fill(b"gh");
        while drain::step(&stream) != Step::Rest {}
        assert_eq!(script.taken(), b"abcdef"[..keep.max(1).try_into().expect("small")]);
        assert!(stream.is_over() && script.is_dropped());
        assert_eq!(bell.count(), usize::from(is_to_come), "JavaScript is told when it is over");
    }
}

#[test]
fn a_cancel_does_not_wait_for_a_target_that_takes_nothing() {
    let (stream, script, _, mut feeder) = scripted([WouldBlock]);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert_eq!(drain::step(&stream), Step::Blocked);
    assert!(!stream.cancel_from(3), "it is over at once");
    assert!(stream.is_over() && script.is_dropped());
}

#[test]
fn a_target_that_takes_nothing_after_a_cancel_is_let_go() {
    let (stream, script, bell, mut feeder) = scripted([WouldBlock]);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert!(stream.cancel_from(3));
    assert_eq!(drain::step(&stream), Step::Blocked);
    assert!(stream.is_over() && script.is_dropped());
    assert_eq!((script.count_taken(), bell.count()), (0, 1));
}

#[test]
fn what_is_held_back_is_dropped_by_a_cancel() {
    let (stream, script, _, mut feeder) = scripted([]);
    stream.hold();
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert!(!stream.cancel_from(3));
    stream.release();
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!(script.writes(), 0);
}

#[test]
fn a_flush_of_all_writes_what_is_held_back() {
    let (stream, script, _, mut feeder) = scripted([]);
    stream.hold();
    feeder.next_slab(8);
    feeder.fill(b"abc");
    drain::flush_all([(stream, std::time::Duration::ZERO)]);
    assert_eq!(script.taken(), b"abc");
}
