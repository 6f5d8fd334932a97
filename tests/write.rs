//! What is written: each byte once, in order, in writes of a size that the kernel takes.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{sync::Arc, thread};

use bytes::Bytes;
use spillway::{
    control_block::Status,
    slab::Slab,
    stream::Stream,
    writer::{self, Step},
};

use common::{
    Answer::{Call, Interrupted, Take, WouldBlock},
    Bell, Feeder, Script, is_status, offset, pattern, scripted, step_to_the_end,
};
use linux::{MEBIBYTE, MidWrite, Sip};

#[test]
fn slabs_and_chunks_are_written_in_the_order_they_came() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    assert!(!feeder.fill(b"one "), "it is awake");
    feeder.append(b"two ");
    feeder.append(b"three ");
    feeder.fill(b"four");
    feeder.next_slab(8);
    feeder.fill(b" five ");
    feeder.next_slab(8);
    feeder.next_slab(8);
    feeder.fill(b"six ");
    feeder.append(b"");
    feeder.append(b"seven");
    assert_eq!(writer::step(&stream), Step::Went(33));
    assert_eq!(writer::step(&stream), Step::Empty);
    assert_eq!(script.taken(), b"one two three four five six seven");
    assert_eq!(script.writes(), 1, "they go out together");
}

#[test]
fn what_is_filled_after_a_step_is_written_by_the_next() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"ab");
    assert_eq!(writer::step(&stream), Step::Went(2));
    feeder.fill(b"cd");
    assert_eq!(writer::step(&stream), Step::Went(2));
    assert_eq!(writer::step(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcd");
}

#[test]
fn what_is_filled_during_a_write_is_written_by_the_next() {
    let (stream, script, _, feeder) = scripted([]);
    let mut feeder = feeder;
    feeder.next_slab(8);
    feeder.fill(b"ab");
    script.then(Call(Box::new(move || {
        feeder.fill(b"cd");
        feeder.append(b"ef");
        Take(1)
    })));
    assert_eq!(writer::step(&stream), Step::Went(1));
    assert_eq!(writer::step(&stream), Step::Went(5));
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_short_write_goes_on_at_the_exact_byte_wherever_it_ended() {
    let parts = [&b"abc"[..], b"d", b"efgh", b"ij"];
    let whole = parts.concat();
    for first in 1..whole.len() {
        for second in 1..=whole.len() - first {
            let (stream, script, _, mut feeder) = scripted([Take(first), Take(second)]);
            // The first part lies in a slab, the others are chunks.
            feeder.next_slab(3);
            feeder.fill(parts[0]);
            for part in &parts[1..] {
                feeder.append(part);
            }
            assert_eq!(writer::step(&stream), Step::Went(first as u64));
            assert_eq!(stream.control().settled(), offset(first));
            assert_eq!(writer::step(&stream), Step::Went(second as u64));
            assert_eq!(script.taken(), whole[..first + second]);
            assert_eq!(step_to_the_end(&stream), Step::Empty);
            assert_eq!(script.taken(), whole, "after {first} and {second}");
            assert_eq!(stream.control().settled(), offset(whole.len()));
        }
    }
}

#[test]
fn one_byte_at_a_time_is_slow_but_whole() {
    let (stream, script, _, mut feeder) = scripted((0..64).map(|_| Take(1)));
    let bytes = pattern(64);
    for part in bytes.chunks(7) {
        feeder.next_slab(3);
        feeder.fill(&part[..part.len().min(3)]);
        feeder.append(&part[part.len().min(3)..]);
    }
    for count in 1..=64 {
        assert_eq!(writer::step(&stream), Step::Went(1));
        assert_eq!((stream.control().taken(), stream.control().settled()), (count, count));
    }
    assert_eq!(writer::step(&stream), Step::Empty);
    assert_eq!(script.taken(), bytes);
}

#[test]
fn a_write_has_at_most_a_mebibyte_unless_one_chunk_has_more() {
    let (stream, script, _, mut feeder) = scripted([]);
    let chunk = pattern(400 << 10);
    for _ in 0..5 {
        feeder.append(&chunk);
    }
    feeder.append(&pattern(3 << 20));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    let sizes: Vec<usize> = script.offers().iter().map(|segments| segments.iter().sum()).collect();
    assert_eq!(sizes, [800 << 10, 800 << 10, 400 << 10, 3 << 20]);
    assert_eq!(script.count_taken(), feeder.accepted);
}

#[test]
fn a_write_has_at_most_as_many_segments_as_the_kernel_takes() {
    let (stream, script, _, mut feeder) = scripted([]);
    for byte in pattern(2500) {
        feeder.append(&[byte]);
    }
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.offers().iter().map(Vec::len).collect::<Vec<_>>(), [1024, 1024, 452]);
    assert_eq!(script.taken(), pattern(2500));
}

#[test]
fn the_whole_count_goes_on_where_the_offsets_begin_anew() {
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(Sip(usize::MAX)));
    for _ in 0..4_096 {
        stream.append(Bytes::from_static(&MEBIBYTE));
    }
    stream.append(Bytes::from_static(b"abc"));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(
        (stream.settled(), stream.control().taken(), stream.control().settled()),
        ((4 << 30) + 3, 3, 3)
    );
}

#[test]
fn an_interrupted_write_is_tried_again_without_loss() {
    let (stream, script, bell, mut feeder) = scripted([Take(2), Interrupted, Interrupted, Take(1)]);
    feeder.append(b"abcdef");
    for went in [2, 0, 0, 1, 3] {
        assert_eq!(writer::step(&stream), Step::Went(went));
    }
    assert_eq!(writer::step(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef");
    assert_eq!(bell.count(), 0, "nobody waited");
}

#[test]
fn a_full_target_blocks_and_then_goes_on_where_it_was() {
    let (stream, script, _, mut feeder) = scripted([WouldBlock, Take(4), WouldBlock, WouldBlock]);
    feeder.append(b"abcdef");
    let steps = [Step::Blocked, Step::Went(4), Step::Blocked, Step::Blocked, Step::Went(2), Step::Empty];
    for step in steps {
        assert_eq!(writer::step(&stream), step);
    }
    assert_eq!(script.taken(), b"abcdef");
    assert_eq!(stream.failure(), None);
}

#[test]
fn while_one_is_in_a_write_another_has_nothing_to_do() {
    let held = MidWrite::new();
    assert_eq!(writer::step(&held.stream), Step::Rest);
    assert_eq!(held.script.writes(), 1);
    let (step, stream, script, _) = held.end(Take(2));
    assert_eq!(step, Step::Went(2));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn two_who_step_at_once_write_each_byte_once_and_in_order() {
    let (stream, script, _, mut feeder) = scripted((0..2_000).map(|at| Take(1 + at % 3)));
    let bytes = pattern(4_000);
    for part in bytes.chunks(100) {
        feeder.append(part);
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while stream.control().settled() < 4_000 {
                    writer::step(&stream);
                }
            });
        }
    });
    assert_eq!(script.taken(), bytes);
}

#[test]
fn a_stream_without_a_slab_holds_no_slab_and_goes_on_in_another() {
    let (stream, script, _, mut feeder) = scripted([]);
    let slab = Slab::new(8).expect("memory");
    stream.attach(Arc::clone(&slab));
    slab.fill(0, b"abc");
    assert!(!stream.control().fill(3));
    stream.detach();
    assert_eq!(writer::step(&stream), Step::Went(3));
    assert_eq!(Arc::strong_count(&slab), 1);
    assert_eq!(writer::step(&stream), Step::Empty);
    feeder.append(b"de");
    feeder.next_slab(8);
    feeder.fill(b"fg");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdefg");
}

#[test]
fn a_target_that_comes_when_there_is_one_is_let_go() {
    let (stream, script, _, mut feeder) = scripted([]);
    let second = Script::default();
    stream.give(second.target());
    assert!(second.is_dropped() && !script.is_dropped());
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.count_taken(), second.count_taken()), (3, 0));
}

#[test]
fn a_stream_that_waits_for_its_target_keeps_what_it_is_given() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::new(bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert!(is_status(&stream, Status::Opening));
    assert_eq!(writer::step(&stream), Step::Rest);
    stream.give(script.target());
    feeder.fill(b"def");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef");
}
