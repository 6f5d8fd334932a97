//! What JavaScript holds back, and what it cancels: nothing is written before the
//! hold is lifted, and of what is cancelled only what lies before the offset.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use bytes::Bytes;
use spillway::{
    slab::Slab,
    stream::Stream,
    writer::{self, Step},
};

use common::{
    Answer::{self, Interrupted, Panic, Take, WouldBlock},
    Bell, Feeder, Held, Script, offset, scripted, step_to_the_end,
};
use linux::{Chunk, MEBIBYTE, MidWrite, NOSPC, refuse};

#[test]
fn nothing_is_written_before_the_hold_is_lifted() {
    let (stream, script, _, mut feeder) = scripted([]);
    stream.hold();
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(script.writes(), 0);
    stream.release();
    assert_eq!(writer::step(&stream), Step::Went(3));
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_cancel_writes_what_lies_before_its_offset_and_lets_go() {
    for keep in 1..=6_u64 {
        let (stream, script, bell, mut feeder) = scripted([Take(1)]);
        feeder.next_slab(8);
        feeder.fill(b"abc");
        feeder.append(b"def");
        assert_eq!(writer::step(&stream), Step::Went(1));
        let is_to_come = keep > 1;
        stream.cancel(keep);
        assert_eq!(!stream.is_over(), is_to_come);
        feeder.fill(b"gh");
        while writer::step(&stream) != Step::Rest {}
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
    assert_eq!(writer::step(&stream), Step::Blocked);
    stream.cancel(3);
    assert!(stream.is_over() && script.is_dropped());
}

#[test]
fn a_target_that_takes_nothing_after_a_cancel_is_let_go() {
    let (stream, script, bell, mut feeder) = scripted([WouldBlock]);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    stream.cancel(3);
    assert!(!stream.is_over());
    assert_eq!(writer::step(&stream), Step::Blocked);
    assert!(stream.is_over() && script.is_dropped());
    assert_eq!((script.count_taken(), bell.count()), (0, 1));
}

#[test]
fn what_is_held_back_is_dropped_by_a_cancel() {
    let (stream, script, _, mut feeder) = scripted([]);
    stream.hold();
    feeder.next_slab(8);
    feeder.fill(b"abc");
    stream.cancel(3);
    assert!(stream.is_over());
    stream.release();
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(script.writes(), 0);
}

#[test]
fn a_cancel_drops_what_no_write_has_begun() {
    let (stream, script, bell, mut feeder) = scripted([Take(2)]);
    feeder.next_slab(8);
    feeder.fill(b"abcdef");
    feeder.append(b"ghi");
    assert_eq!(writer::step(&stream), Step::Went(2));
    stream.cancel(0);
    assert!(stream.is_over(), "no write is in flight");
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(script.taken(), b"ab");
    assert_eq!(stream.control().settled(), 2);
    assert_eq!(bell.count(), 0, "there was nothing to wait for");
}

#[test]
fn nothing_is_taken_in_after_a_cancel() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    stream.cancel(0);
    assert!(stream.is_over());
    feeder.fill(b"ab");
    feeder.append(b"cd");
    feeder.next_slab(8);
    feeder.fill(b"ef");
    let (slab, chunk) = (Slab::new(8).expect("memory"), Chunk::new(b"gh"));
    let gone = chunk.gone();
    stream.attach(Arc::clone(&slab));
    stream.append(chunk.into());
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(script.writes(), 0);
    assert!(gone.load(SeqCst) && Arc::strong_count(&slab) == 1, "nor is it held");
}

#[test]
fn a_cancel_during_a_write_is_over_when_that_has_ended_and_is_told() {
    let held = MidWrite::new();
    held.stream.cancel(0);
    assert!(!held.stream.is_over());
    assert_eq!(held.bell.count(), 0, "it has not ended");
    let (step, stream, script, bell) = held.end(Take(usize::MAX));
    assert_eq!((step, bell.count()), (Step::Went(6), 1));
    assert!(stream.is_over());
    assert_eq!((stream.control().settled(), script.taken()), (6, b"abcdef".to_vec()));
}

#[test]
fn a_write_that_is_short_is_not_gone_on_with_after_a_cancel() {
    for count in 1..6 {
        let held = MidWrite::new();
        held.stream.cancel(0);
        let (step, stream, script, bell) = held.end(Take(count));
        assert_eq!((step, bell.count()), (Step::Went(count as u64), 1));
        assert_eq!(writer::step(&stream), Step::Rest);
        assert_eq!((stream.control().settled(), script.count_taken()), (offset(count), count));
        assert_eq!((script.writes(), bell.count()), (1, 1));
    }
}

#[test]
fn a_write_that_comes_to_nothing_ends_a_cancel_too() {
    for (answer, expected) in [(Interrupted, Step::Went(0)), (WouldBlock, Step::Blocked)] {
        let held = MidWrite::new();
        held.stream.cancel(0);
        let (step, stream, script, bell) = held.end(answer);
        assert_eq!((step, bell.count()), (expected, 1));
        assert_eq!(writer::step(&stream), Step::Rest);
        assert_eq!((stream.control().settled(), script.writes()), (0, 1));
    }
}

#[test]
fn a_write_that_fails_or_panics_after_a_cancel_wakes_once() {
    for answer in [refuse(NOSPC), Panic("in mid-write")] {
        let held = MidWrite::new();
        held.stream.cancel(0);
        let (step, stream, script, bell) = held.end(answer);
        assert_eq!((step, bell.count()), (Step::Rest, 1));
        assert!(stream.failure().is_some() && stream.is_over());
        assert_eq!((stream.control().settled(), script.count_taken()), (0, 0));
    }
}

#[test]
fn what_comes_in_during_a_write_is_dropped_by_a_cancel_in_that_write() {
    let mut held = MidWrite::new();
    held.feeder.append(b"more");
    held.stream.cancel(0);
    held.feeder.append(b"still more");
    let (_, stream, script, _) = held.end(Take(usize::MAX));
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_cancel_lets_go_of_all_but_what_the_write_in_flight_reads() {
    let (answer, held) = Held::new();
    let (stream, _, bell, _) = scripted([answer]);
    // Too big to go out with the first.
    let chunks = [Chunk::new(&MEBIBYTE), Chunk::new(&MEBIBYTE)];
    let gone = chunks.each_ref().map(Chunk::gone);
    for chunk in chunks {
        stream.append(chunk.into());
    }
    let seen = || gone.each_ref().map(|gone| gone.load(SeqCst));
    thread::scope(|scope| {
        scope.spawn(|| writer::step(&stream));
        held.until_entered();
        stream.cancel(0);
        assert_eq!(seen(), [false, true]);
        held.end(Take(usize::MAX));
    });
    assert_eq!((seen(), bell.count()), ([true, true], 1));
}

#[test]
fn a_cancel_lets_go_of_the_target() {
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(!script.is_dropped(), "more may come");
    stream.cancel(0);
    assert!(stream.is_over());
    assert!(script.is_dropped());
    assert_eq!((script.taken(), bell.count()), (b"abc".to_vec(), 0));
}

/// Whether the target is let go when JavaScript is told of the end of a write that
/// was cut. JavaScript may close its own descriptor then, and expects that whoever
/// reads from the pipe sees the end of it.
fn is_let_go_when_told(answer: Answer) -> bool {
    let (go_on, held) = Held::new();
    let (bell, script, seen) = (Bell::default(), Script::new([go_on]), Arc::new(AtomicBool::new(false)));
    let (looked, look) = (Arc::clone(&seen), script.clone());
    let stream = Stream::new(bell.listener_that(move || looked.store(look.is_dropped(), SeqCst)));
    stream.give(script.target());
    stream.append(Bytes::from_static(b"abcdef"));
    thread::scope(|scope| {
        scope.spawn(|| writer::step(&stream));
        held.until_entered();
        stream.cancel(0);
        assert!(!script.is_dropped(), "it is written to");
        held.end(answer);
    });
    assert_eq!(bell.count(), 1);
    seen.load(SeqCst)
}

#[test]
fn a_cancel_during_a_write_lets_go_of_the_target_before_javascript_is_told_that_it_has_ended() {
    for answer in [Take(2), Take(usize::MAX), Interrupted, WouldBlock] {
        assert!(is_let_go_when_told(answer));
    }
}

#[test]
fn a_target_that_comes_after_a_cancel_is_let_go() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::new(bell.listener());
    Feeder::new(&stream).append(b"abc");
    stream.cancel(0);
    assert!(stream.is_over());
    stream.give(script.target());
    assert!(script.is_dropped());
}

#[test]
fn a_cancel_during_a_write_keeps_what_lies_before_its_offset() {
    for (keep, taken) in [(1, 2), (2, 2), (3, 3), (5, 5), (6, 6), (9, 6)] {
        let held = MidWrite::new();
        held.stream.cancel(keep);
        let (step, stream, script, bell) = held.end(Take(2));
        assert_eq!((step, stream.is_over()), (Step::Went(2), taken == 2), "for {keep}");
        assert_eq!(step_to_the_end(&stream), Step::Rest);
        assert_eq!(script.taken(), b"abcdef"[..taken]);
        assert_eq!((stream.is_over(), bell.count()), (true, 1));
    }
}

#[test]
fn of_several_cancels_the_least_offset_counts() {
    for (first, second) in [(2, 5), (5, 2)] {
        let (stream, script, bell, mut feeder) = scripted([]);
        feeder.append(b"abcdef");
        stream.cancel(first);
        stream.cancel(second);
        assert_eq!(step_to_the_end(&stream), Step::Rest);
        assert_eq!((script.taken(), bell.count()), (b"ab".to_vec(), 1));
    }
}
