//! Loom runs the real `Stream`, the write job, the pool and the control block in
//! every order in which their threads can come:
//!
//! `cargo test --features loom --release --test handshake`
//!
//! Only JavaScript is told again, as `lib/control-block.js`, `lib/write-buffer.js` and
//! `binding::Sink` have it, and the loop of `runtime`, which needs tokio.
//! Slabs register each access, so loom also finds a byte that is read and filled
//! at once. `npm run test:mutants` shows what these models find.
#![cfg(feature = "loom")]

mod javascript;
mod runtime;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use loom::thread::spawn;
use spillway::{
    control_block::ControlBlock,
    error::Failure,
    pool::THREADS,
    stream::Stream,
    sync::{Condvar, Mutex},
};

use javascript::{Answer, JavaScript, LONG, SIZE, run, wait};
use runtime::Runtime;

/// Every order with at most so many switches away from a thread that could go on: all
/// of them would take hours, and what is wrong with a handshake shows with two.
fn model(preemptions: usize, scene: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(scene);
}

// ---- sleep

/// JavaScript puts bytes in by these steps beside a job.
fn puts(steps: &'static [fn(&mut JavaScript)]) {
    model(3, move || {
        let mut js = JavaScript::asleep(Answer::Take(SIZE));
        for step in steps {
            step(&mut js);
        }
        js.end();
    });
}

/// A byte more in the live slab.
const FILL: fn(&mut JavaScript) = |js| js.fill(1);
/// A big chunk.
const APPEND: fn(&mut JavaScript) = JavaScript::append;
/// A byte in the next slab.
const NEXT: fn(&mut JavaScript) = |js| {
    js.next_slab();
    js.fill(1);
};

#[test]
fn what_is_filled_while_a_job_falls_asleep_has_a_job() {
    puts(&[FILL, FILL]);
    puts(&[FILL, FILL, FILL]);
}

#[test]
fn a_chunk_that_is_appended_while_a_job_falls_asleep_has_a_job() {
    puts(&[FILL, APPEND]);
    puts(&[APPEND, FILL]);
}

#[test]
fn what_is_filled_in_the_next_slab_has_a_job_and_is_not_taken_for_the_last_one() {
    puts(&[FILL, NEXT]);
    puts(&[|js| js.fill(3), NEXT]);
}

#[test]
fn a_job_that_falls_asleep_has_brought_down_all_and_its_target_rests() {
    model(3, || {
        let mut js = JavaScript::asleep(Answer::Keep);
        js.fill(1);
        js.fill(1);
        js.end();
        js.stream.finish();
        assert!(js.stream.is_over(), "there is nothing to be asked for");
    });
}

#[test]
fn javascript_hears_of_the_begin_and_the_end_of_a_stall() {
    model(3, || {
        let mut js = JavaScript::asleep(Answer::Stall);
        js.fill(1);
        js.fill(1);
        js.end();
        assert_eq!((js.stream.control().stalls(), js.wakes()), (2, 2));
    });
}

#[test]
fn a_slab_is_filled_anew_when_nobody_reads_it() {
    puts(&[FILL, NEXT, NEXT]);
}

/// A stream that a job can't write to yet, until JavaScript lets it.
fn lets(begin: fn() -> JavaScript, let_it: fn(&JavaScript)) {
    model(3, move || {
        let mut js = begin();
        js.schedule();
        js.fill(1);
        let_it(&js);
        js.schedule();
        js.end();
    });
}

#[test]
fn what_was_held_back_is_written_when_it_is_released_though_a_job_ends() {
    let held = || {
        let js = JavaScript::new(Answer::Take(1));
        js.stream.hold();
        js
    };
    lets(held, |js| js.stream.release());
}

#[test]
fn what_waits_for_a_target_is_written_when_it_comes_though_a_job_ends() {
    lets(JavaScript::without_target, |js| js.give(Answer::Take(1)));
}

// ---- park

/// A job that would be parked for ever if it did not see who comes.
fn parks(come: fn(&Stream)) {
    model(4, move || {
        let js = JavaScript::new(Answer::Take(1));
        let stream = Arc::clone(&js.stream);
        let job = spawn(move || stream.linger(LONG));
        come(&js.stream);
        job.join().expect("the job does not panic");
        assert!(!js.stream.control().is_parked());
    });
}

#[test]
fn who_comes_unparks_the_job_or_is_seen_by_it() {
    parks(|stream| assert!(!wait(stream, 1), "nothing is written"));
    parks(|stream| stream.begin_wait(1));
    parks(Stream::finish);
    parks(|stream| stream.cancel(0));
}

// ---- wake

#[test]
fn javascript_hears_of_an_offset_exactly_once() {
    for wanted in 0..=2 {
        model(3, move || {
            let mut js = JavaScript::asleep(Answer::Take(1));
            js.fill(2);
            let told = usize::from(js.wait(wanted));
            js.end();
            assert_eq!(told + js.wakes(), 1, "times that JavaScript is told");
            assert!(!js.stream.control().is_eager());
        });
    }
}

/// JavaScript waits for these offsets, one after the other, while three bytes are settled.
fn waits(offsets: &'static [u32]) {
    model(5, move || {
        let control = Arc::new(ControlBlock::default());
        control.reset();
        let shared = Arc::clone(&control);
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let job = spawn(move || {
            for settled in 1..=3 {
                count.fetch_add(control.publish(settled, settled).into(), SeqCst);
            }
        });
        let own = offsets.iter().filter(|offset| shared.wake_at(**offset)).count();
        job.join().expect("the job does not panic");
        let count = told.load(SeqCst) + own;
        assert!((1..=offsets.len()).contains(&count), "times that JavaScript is told: {count}");
        assert!(!shared.is_eager() && !shared.publish(3, 3), "it is told no more");
    });
}

#[test]
fn who_waits_for_an_offset_is_told_of_it_once_and_who_changes_to_a_nearer_one_at_most_twice() {
    waits(&[0]);
    waits(&[1]);
    waits(&[3]);
    waits(&[9, 2]);
}

// ---- the end

/// JavaScript cancels at `offset` while two bytes are written, `most` at once.
fn cancels(answer: Answer, most: usize, offset: usize) {
    model(3, move || {
        let mut js = JavaScript::asleep(answer);
        js.fill(2);
        js.stream.cancel(offset as u64);
        let before = js.taken();
        let is_refused_late = answer == Answer::Stall && js.world.refusals.load(SeqCst) == 0;
        let is_over = js.stream.is_over();
        if is_over {
            // Nobody reads this any more.
            js.slab.fill(0, b"new");
        } else {
            js.schedule();
        }
        js.end_over(false);
        // By the end, unless that came before it looked, and by the stall, which may be the end.
        let most_wakes = 1 + js.stream.control().stalls() as usize;
        assert!(
            (usize::from(!is_over)..=most_wakes).contains(&js.wakes()),
            "times that JavaScript is told: {}",
            js.wakes()
        );
        let least = if answer == Answer::Stall { 0 } else { offset };
        let most = if is_refused_late { 0 } else { (before + most).max(offset).min(2) };
        assert!((least..=most).contains(&js.taken()), "{} bytes are written", js.taken());
    });
}

#[test]
fn a_cancelled_stream_writes_what_it_must_and_lets_go_of_its_target() {
    for offset in 0..=2 {
        cancels(Answer::Take(1), 1, offset);
        cancels(Answer::Keep, 2, offset);
        cancels(Answer::Trail, 2, offset);
    }
}

#[test]
fn a_cancelled_stream_waits_for_no_room() {
    (0..=2).for_each(|offset| cancels(Answer::Stall, 2, offset));
}

#[test]
fn a_stream_that_finishes_while_its_job_lingers_writes_all_and_lets_go_of_its_target() {
    for (answer, count) in [(Answer::Take(1), 1), (Answer::Take(1), 2), (Answer::Keep, 1), (Answer::Trail, 1)]
    {
        model(3, move || {
            let mut js = JavaScript::asleep(answer);
            js.fill(count);
            js.finish();
            js.end_over(false);
            assert_eq!(*js.world.taken.lock(), js.accepted);
            assert!(js.wakes() <= 1);
        });
    }
}

#[test]
fn who_gives_up_a_stream_ends_it_or_leaves_it_to_the_one_that_writes() {
    model(3, || {
        let mut js = JavaScript::asleep(Answer::Take(1));
        js.fill(1);
        js.stream.give_up(Failure::Unanswered);
        js.join();
        if js.stream.failure().is_none() {
            js.end();
        } else {
            js.end_over(true);
            assert_eq!((js.wakes(), js.world.abandoned.load(SeqCst)), (1, 1));
        }
    });
}

// ---- flush

#[test]
fn a_flush_ends_when_its_bytes_are_down_or_all_that_there_are() {
    for answer in [Answer::Take(1), Answer::Keep] {
        for offset in 1..=3 {
            model(2, move || {
                let mut js = JavaScript::asleep(answer);
                js.fill(2);
                js.flush(offset).expect("the target takes all");
                assert!(js.stream.settled() >= offset.min(2));
                js.fill(1);
                js.end();
            });
        }
    }
}

/// As at the end of the process, beside a worker.
#[test]
fn a_flush_of_another_thread_ends_and_leaves_no_byte_without_a_job() {
    model(3, || {
        let mut js = JavaScript::asleep(Answer::Take(1));
        let (stream, world) = (Arc::clone(&js.stream), Arc::clone(&js.world));
        let other = spawn(move || {
            stream.begin_wait(u64::MAX);
            if stream.request_job() {
                run(&stream, &world);
            }
            let result = stream.wait_until(u64::MAX, Instant::now() + LONG);
            stream.end_wait();
            result.expect("the target takes all");
        });
        js.fill(1);
        js.fill(1);
        other.join().expect("the flush does not panic");
        js.end();
    });
}

#[test]
fn a_flush_ends_when_the_stream_is_cancelled() {
    for offset in 0..=1 {
        model(3, move || {
            let mut js = JavaScript::asleep(Answer::Stall);
            js.fill(2);
            let stream = Arc::clone(&js.stream);
            let other = spawn(move || {
                stream.begin_wait(u64::MAX);
                let result = stream.wait_until(u64::MAX, Instant::now() + LONG);
                stream.end_wait();
                result.expect("the stream does not fail");
            });
            js.stream.cancel(offset);
            js.schedule();
            other.join().expect("the flush does not panic");
            js.end_over(false);
        });
    }
}

#[test]
fn a_flush_ends_when_the_stream_fails() {
    for answer in [Answer::Fail, Answer::Panic] {
        model(3, move || {
            let mut js = JavaScript::asleep(answer);
            js.fill(1);
            assert!(js.flush(1).is_err());
            js.end_over(true);
            assert_eq!(js.wakes(), 1);
        });
    }
}

// ---- the pool

fn does(done: &Mutex<u32>, changed: &Condvar) {
    *done.lock() += 1;
    changed.notify_all();
}

/// A job that hangs until another is done.
fn hangs(done: &Mutex<u32>, changed: &Condvar) {
    let mut done = done.lock();
    while *done == 0 {
        changed.wait(&mut done);
    }
    *done += 1;
}

#[test]
fn no_job_is_left_when_a_thread_ends() {
    for hanging in [0, THREADS - 1] {
        model(3, move || {
            let runtime = Runtime::new(hanging);
            runtime.push(does);
            runtime.push(does);
            runtime.join();
            assert_eq!((runtime.pool.count(), *runtime.done.lock()), (0, 2), "a job is left");
        });
    }
}

#[test]
fn no_job_waits_for_another_that_hangs_while_there_may_be_a_thread_more() {
    model(2, || {
        let runtime = Runtime::new(THREADS - 2);
        runtime.push(hangs);
        runtime.push(does);
        runtime.join();
        assert_eq!(*runtime.done.lock(), 2);
    });
}
