//! Streams that finish: all that came before is written, and then the target is let go.

#![cfg(not(feature = "loom"))]

mod common;

use spillway::writer::{self, Step};

use common::{
    Answer::{Take, WouldBlock},
    scripted, step_to_the_end,
};

#[test]
fn a_stream_that_finishes_writes_all_that_came_before_and_lets_go() {
    let (stream, script, bell, mut feeder) = scripted([Take(1), WouldBlock]);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    feeder.append(b"def");
    stream.finish();
    feeder.append(b"late");
    feeder.next_slab(8);
    feeder.fill(b"later");
    for step in [Step::Went(1), Step::Blocked, Step::Went(5), Step::Rest] {
        assert!(!stream.is_over() && !script.is_dropped(), "before {step:?}");
        assert_eq!(writer::step(&stream), step);
        if step == Step::Went(5) {
            break;
        }
    }
    assert!(stream.is_over() && script.is_dropped());
    assert_eq!((script.taken(), bell.count()), (b"abcdef".to_vec(), 1));
    assert_eq!(writer::step(&stream), Step::Rest);
}

#[test]
fn a_stream_that_finishes_with_nothing_left_is_over_at_once() {
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    for _ in 0..2 {
        stream.finish();
        assert!(stream.is_over() && script.is_dropped());
    }
    assert_eq!((stream.failure(), bell.count()), (None, 0));
}

#[test]
fn a_cancel_of_a_stream_that_finishes_drops_the_rest() {
    let (stream, script, _, mut feeder) = scripted([Take(1)]);
    feeder.append(b"abc");
    stream.finish();
    assert_eq!(writer::step(&stream), Step::Went(1));
    stream.cancel(0);
    assert!(stream.is_over() && script.is_dropped());
    assert_eq!(script.taken(), b"a");
}

#[test]
fn a_stream_that_finishes_writes_what_was_held_back() {
    let (stream, script, _, mut feeder) = scripted([]);
    stream.hold();
    feeder.append(b"abc");
    stream.finish();
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((script.taken(), stream.is_over()), (b"abc".to_vec(), true));
}
