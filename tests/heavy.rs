//! Streams that take the processor's time have threads of their own.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/staged.rs"]
mod staged;

use std::{num::NonZero, sync::Arc, thread};

use spillway::{
    pool::{Pool, THREADS},
    runtime,
    target::{Algorithm, Stages},
};

use common::{Answer::Take, Held};
use staged::Staged;

fn light() -> Stages {
    Stages::default()
}

fn heavy() -> Stages {
    Stages { digest: vec![Algorithm::Crc32], ..light() }
}

/// Streams that hold as many threads as there may be for their kind, while none hangs for long.
fn hold(kind: &Stages, count: usize) -> Vec<(Staged, Held)> {
    let hold = |_| {
        let (answer, held) = Held::new();
        let mut staged = Staged::new(kind.clone(), [answer]);
        staged.feeder.append(b"abc");
        runtime::schedule(&staged.stream);
        held.until_entered();
        (staged, held)
    };
    (0..count).map(hold).collect()
}

fn is_written(kind: Stages) {
    let mut staged = Staged::new(kind, []);
    staged.feeder.append(b"abc");
    assert!(!staged.feeder.wait());
    runtime::schedule(&staged.stream);
    staged.bell.until(1);
    assert_eq!(staged.script.taken(), b"abc");
}

#[test]
fn neither_keeps_the_other_from_being_written() {
    runtime::start().expect("a runtime");
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    for (busy, other, count) in [(heavy(), light(), processors), (light(), heavy(), THREADS)] {
        let held = hold(&busy, count);
        is_written(other);
        for (staged, held) in held {
            held.end(Take(3));
            runtime::schedule(&staged.stream);
        }
    }
}

#[test]
fn what_is_heavy_is_what_takes_the_processors_time() {
    let durable = Stages { durable: true, ..light() };
    for (kind, is_heavy) in [(light(), false), (durable, false), (heavy(), true)] {
        assert_eq!(kind.are_heavy(), is_heavy);
        assert_eq!(Staged::new(kind, []).stream.is_heavy(), is_heavy);
    }
}

#[test]
fn a_pool_has_as_many_threads_as_it_was_made_for() {
    for usual in [1, 2, 7] {
        let pool = Pool::<Arc<()>>::new(usual);
        for _ in 0..usual {
            assert!(pool.admit_thread());
            pool.start_thread();
        }
        assert!(!pool.admit_thread());
        assert!(pool.widen() && pool.admit_thread() && !pool.admit_thread());
    }
}
