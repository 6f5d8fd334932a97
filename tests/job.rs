//! The write job: when it ends and how it is found, gives way, lingers.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    cell::{Cell, RefCell},
    hint::spin_loop,
    sync::{Arc, mpsc::channel},
    thread,
    time::Instant,
};

use bytes::Bytes;
use rustix::{io::Errno, pipe::PipeFlags};
use spillway::{
    control_block::Status,
    error::Failure,
    stream::Stream,
    writer::{self, End, Step},
};

use common::{
    Answer::{Interrupted, Nothing, Panic, Take, WouldBlock},
    Bell, Feeder, Full, PATIENCE, is_asleep, is_status, offset, panic_quietly, pattern, scripted,
    step_to_the_end,
};
use linux::{MEBIBYTE, MidWrite, NOSPC, Piped, os, refuse, until_it_waits};

/// Whether JavaScript sees that there is no job: whoever puts something finds it, once.
fn sleeps(feeder: &mut Feeder) -> bool {
    feeder.next_slab(1);
    feeder.fill(b"!") && !feeder.append(b"")
}

#[test]
fn a_job_ends_asleep_when_all_is_written() {
    let (stream, script, _, mut feeder) = scripted([Take(1), Interrupted, Take(2)]);
    feeder.next_slab(8);
    assert!(!feeder.fill(b"abc"), "a stream that was just made is to be scheduled");
    feeder.append(&pattern(100_000));
    assert!(matches!(writer::run(&stream, || false), End::Asleep));
    assert_eq!(script.count_taken(), 100_003);
    assert!(!stream.control().is_parked());
    assert!(sleeps(&mut feeder));
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!(script.count_taken(), 100_004);
    assert!(sleeps(&mut feeder));
}

#[test]
fn a_sleeper_is_found_by_a_chunk_as_by_bytes_in_a_slab() {
    let (stream, script, _, mut feeder) = scripted([]);
    assert!(!feeder.append(b"abc"), "a stream that was just made is to be scheduled");
    assert!(!is_asleep(&stream));
    for chunk in [&b"def"[..], b"", b"ghi"] {
        assert!(matches!(writer::run(&stream, || true), End::Asleep));
        assert!(is_asleep(&stream) && !stream.control().is_parked());
        assert!(feeder.append(chunk));
        assert!(!feeder.append(b"!"), "it is found already");
    }
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef!!ghi!");
}

#[test]
fn a_sleeper_sleeps_on_until_something_is_put_into_a_new_slab() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    feeder.next_slab(8);
    feeder.next_slab(8);
    assert!(is_asleep(&stream), "there is nothing to write");
    // Up to the very position at which it fell asleep.
    assert!(feeder.fill(b"def"));
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn nothing_is_left_of_what_comes_just_as_a_job_falls_asleep() {
    let (stream, _, _, mut feeder) = scripted([]);
    thread::scope(|scope| {
        let (schedule, scheduled) = channel();
        let written = &stream;
        scope.spawn(move || {
            for () in scheduled {
                writer::run(written, || true);
            }
        });
        schedule.send(()).expect("it writes");
        for round in 0..60_000 {
            // A job falls asleep some time after it has counted what it wrote:
            // each round meets it a little later.
            for _ in 0..round % 128 {
                spin_loop();
            }
            let slept = if round % 3 == 0 {
                feeder.append(b"a")
            } else {
                if feeder.room() == 0 {
                    // Often it is filled up to the same position as the last one was.
                    feeder.next_slab(1 + round % 2);
                }
                feeder.fill(b"b")
            };
            if slept {
                schedule.send(()).expect("it writes");
            }
            let end = Instant::now() + PATIENCE;
            for look in 1_u32.. {
                if stream.control().settled() == offset(feeder.accepted) {
                    break;
                }
                assert!(Instant::now() < end, "it sleeps, and a byte is left: round {round}");
                // Where there is but one core the job needs it.
                if look % 1_000 == 0 {
                    thread::yield_now();
                }
            }
        }
    });
}

#[test]
fn bytes_that_come_when_a_job_finds_nothing_left_are_written_by_it() {
    // JavaScript sees that there is a job, so it schedules none.
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"a");
    let feeder = RefCell::new(feeder);
    let (writes, left) = (Cell::new(0), Cell::new(3));
    let end = writer::run(&stream, || {
        // It asks after a little write, and once more after a step that found nothing.
        let found_nothing = writes.replace(script.writes()) == script.writes();
        if found_nothing && left.get() > 0 {
            left.set(left.get() - 1);
            assert!(!feeder.borrow_mut().fill(b"b"), "it is awake");
        }
        true
    });
    assert!(matches!(end, End::Asleep));
    assert_eq!((script.taken(), left.get()), (b"abbb".to_vec(), 0));
}

#[test]
fn a_job_gives_way_after_its_quota_if_others_wait() {
    let (stream, script, _, mut feeder) = scripted([]);
    let mebibyte = pattern(1 << 20);
    for _ in 0..3 {
        feeder.append(&mebibyte);
    }
    let mut rounds = 0;
    while let End::GaveWay = writer::run(&stream, || true) {
        rounds += 1;
        assert_eq!(script.count_taken(), rounds << 20);
        feeder.next_slab(1);
        assert!(!feeder.fill(b"!"), "who gave way comes back by himself");
    }
    assert_eq!((rounds, script.count_taken()), (3, feeder.accepted));
}

#[test]
fn a_job_goes_on_after_its_quota_if_nobody_waits() {
    let (stream, script, _, mut feeder) = scripted([]);
    let mebibyte = pattern(1 << 20);
    for _ in 0..3 {
        feeder.append(&mebibyte);
    }
    assert!(matches!(writer::run(&stream, || false), End::Asleep));
    assert_eq!(script.count_taken(), feeder.accepted);
}

#[test]
fn a_job_ends_with_the_stream() {
    for answer in [refuse(NOSPC), Nothing, Panic("in a job")] {
        let (stream, _, bell, mut feeder) = scripted([Take(1), answer]);
        feeder.append(b"abc");
        assert!(matches!(writer::run(&stream, || false), End::Asleep));
        assert!(stream.failure().is_some());
        assert_eq!(bell.count(), 1);
    }
}

#[test]
fn a_target_that_can_not_say_when_it_has_room_ends_the_stream() {
    let (stream, script, bell, mut feeder) = scripted([Take(1), WouldBlock]);
    feeder.append(b"abc");
    assert!(matches!(writer::run(&stream, || false), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::MFILE)), 1));
    assert_eq!(script.taken(), b"a");
}

#[test]
fn a_target_that_panics_when_asked_for_its_readiness_ends_the_stream() {
    let (target, is_let_go) = Full::new(|| panic_quietly("who knows when"));
    let bell = Bell::default();
    let stream = Stream::new(bell.listener());
    stream.give(target);
    Feeder::new(&stream).append(b"abc");
    assert!(matches!(writer::run(&stream, || false), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(Failure::Unanswered), 1));
    assert!(is_status(&stream, Status::Failed));
    is_let_go.try_recv().expect("the target is let go");
}

#[test]
fn little_writes_count_for_the_quota_too() {
    let (stream, script, _, mut feeder) = scripted((0..300).map(|_| Take(4 << 10)));
    feeder.append(&pattern(3 << 19));
    assert!(matches!(writer::run(&stream, || true), End::GaveWay));
    assert_eq!((script.writes(), script.count_taken()), (128, 1 << 19));
}

#[test]
fn a_stream_has_one_job() {
    let (stream, _, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert!(stream.request_job());
    assert!(!stream.request_job());
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert!(stream.request_job(), "that one has ended");
}

#[test]
fn a_job_that_gives_way_or_blocks_is_there_still() {
    let (stream, _, _, mut feeder) = scripted([]);
    feeder.append(&pattern(1 << 20));
    assert!(stream.request_job());
    assert!(matches!(writer::run(&stream, || true), End::GaveWay));
    assert!(!stream.request_job());
    let pipe = Piped::new(PipeFlags::CLOEXEC);
    pipe.stream.append(Bytes::from_static(&MEBIBYTE));
    assert!(pipe.stream.request_job());
    assert!(matches!(writer::run(&pipe.stream, || true), End::Blocked(_)));
    assert!(!pipe.stream.request_job());
}

#[test]
fn a_job_that_finds_another_with_the_lease_goes_on_when_that_is_answered() {
    let held = MidWrite::new();
    let (stream, (tell, told)) = (Arc::clone(&held.stream), channel());
    let job = thread::spawn(move || {
        tell.send(rustix::thread::gettid()).expect("the test listens");
        matches!(writer::run(&stream, || true), End::Asleep)
    });
    until_it_waits(told.recv().expect("it starts"));
    assert!(!job.is_finished());
    let (step, stream, script, _) = held.end(Take(2));
    assert_eq!(step, Step::Went(2));
    assert!(job.join().expect("a job does not panic"));
    assert_eq!((script.taken(), is_asleep(&stream)), (b"abcdef".to_vec(), true));
}
