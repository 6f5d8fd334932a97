//! Targets of which a write hangs, and what becomes of the other streams.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    io::{self, ErrorKind, IoSlice},
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};
use spillway::{
    flush::{flush_all, flush_until},
    os::{File, Readiness},
    pool::THREADS,
    runtime,
    target::Target,
};

use common::{
    Answer::Take,
    Held, PATIENCE, Script,
    fed::{Fed, HANG, until},
    pattern,
};

/// Streams that hang at once: more than the pool has threads.
const HANGING: usize = 10;

/// A time after which something that hangs is given up.
const SHORT: Duration = Duration::from_millis(20);

/// Each test needs all threads of the pool.
static ALONE: Mutex<()> = Mutex::new(());

/// A stream of which a write hangs, until the test ends it.
struct Hung {
    fed: Fed,
    script: Script,
    held: Held,
}

impl Hung {
    /// A stream of which the next write hangs.
    fn new() -> Self {
        let (answer, held) = Held::new();
        let script = Script::new([answer]);
        let mut fed = Fed::into(script.target());
        fed.put(&pattern(100));
        Self { fed, script, held }
    }
}

/// So many streams of which a write hangs: each has a thread by now.
fn hung() -> Vec<Hung> {
    let hung: Vec<_> = (0..HANGING).map(|_| Hung::new()).collect();
    for hung in &hung {
        hung.held.until_entered();
    }
    hung
}

/// Has many other streams written.
fn write_others() {
    let mut others: Vec<_> = (0..30)
        .map(|_| {
            let script = Script::new([Take(1), Take(10)]);
            (Fed::into(script.target()), script)
        })
        .collect();
    for part in pattern(60_000).chunks(20_000) {
        for (fed, _) in &mut others {
            fed.put(part);
        }
    }
    for (fed, script) in &others {
        fed.until_written();
        assert!(script.has_taken(&pattern(60_000)));
    }
}

/// How many writes are under way, and how many at most there were at once.
#[derive(Clone, Default)]
struct Gauge {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// Takes its time, and is counted meanwhile.
struct Slow(Gauge);

impl Target for Slow {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let now = self.0.now.fetch_add(1, SeqCst) + 1;
        self.0.most.fetch_max(now, SeqCst);
        // Long enough for other threads to begin one, too.
        thread::sleep(Duration::from_millis(2));
        self.0.now.fetch_sub(1, SeqCst);
        Ok(bytes[0].len())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it always has room")
    }
}

/// The most threads that write at once, and how many that may be: if the
/// machine is so busy that all seem to hang, there are some more.
fn threads_at_work() -> (usize, usize) {
    let (gauge, start) = (Gauge::default(), Instant::now());
    let mut streams: Vec<_> = (0..100).map(|_| Fed::into(Box::new(Slow(gauge.clone())))).collect();
    for fed in &mut streams {
        fed.put(b"abc");
    }
    for fed in &streams {
        fed.until_written();
    }
    let hangs = start.elapsed().as_millis() / HANG.as_millis();
    (gauge.most.load(SeqCst), THREADS + usize::try_from(hangs).expect("tests are short"))
}

#[test]
fn streams_are_written_though_more_others_hang_than_the_pool_has_threads() {
    let _alone = ALONE.lock();
    let hung = hung();
    write_others();
    for hung in &hung {
        assert_eq!((hung.fed.stream.settled(), hung.fed.stream.failure()), (0, None));
        hung.held.end(Take(usize::MAX));
    }
    for hung in &hung {
        hung.fed.until_written();
    }
}

#[test]
fn streams_that_hung_go_on_where_they_were_and_lose_nothing() {
    let _alone = ALONE.lock();
    let mut hung = hung();
    let bytes = pattern(50_000);
    for hung in &mut hung {
        for part in bytes[100..].chunks(7_000) {
            hung.fed.put(part);
        }
        // No second job writes beside the one that hangs.
        assert_eq!((hung.fed.jobs(), hung.script.writes()), (1, 1));
    }
    for (at, hung) in hung.iter().enumerate() {
        hung.held.end(Take(1 + 11 * at));
    }
    for hung in &hung {
        hung.fed.until_written();
        assert!(hung.script.has_taken(&bytes));
    }
}

#[test]
fn there_are_no_more_threads_than_before_when_those_that_hung_are_back() {
    let _alone = ALONE.lock();
    for _ in 0..3 {
        let hung = hung();
        write_others();
        for hung in &hung {
            hung.held.end(Take(usize::MAX));
        }
        for hung in &hung {
            hung.fed.until_written();
            until("its job is over", || hung.fed.jobs() == 0);
        }
        let (most, limit) = threads_at_work();
        assert!((2..=limit).contains(&most), "{most} threads, and {limit} at most");
    }
}

#[test]
fn a_flush_gives_up_a_stream_that_hangs_and_later_goes_on() {
    let _alone = ALONE.lock();
    let hung = hung();
    for hung in &hung {
        let start = Instant::now();
        let error = flush_until(&hung.fed.stream, 100, SHORT).expect_err("it hangs");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT);
        hung.held.end(Take(3));
    }
    for hung in &hung {
        flush_until(&hung.fed.stream, 100, PATIENCE).expect("it goes on");
        assert!(hung.script.has_taken(&pattern(100)));
    }
}

#[test]
fn a_flush_of_all_writes_those_that_do_not_hang() {
    let _alone = ALONE.lock();
    let hung: Vec<_> = (0..HANGING).map(|_| Hung::new()).collect();
    let script = Script::new([Take(1)]);
    let mut good = Fed::into(script.target());
    good.put(&pattern(100_000));
    let streams = hung.iter().map(|hung| &hung.fed).chain([&good]).map(|fed| Arc::clone(&fed.stream));
    // Until the last has its thread, another must have been had for each that hangs.
    let idle_timeout = 40 * HANG;
    flush_all(streams.zip([idle_timeout; HANGING + 1]));
    assert!(script.has_taken(&pattern(100_000)));
    for hung in &hung {
        assert_eq!(hung.fed.stream.settled(), 0);
        hung.held.end(Take(usize::MAX));
        hung.fed.until_written();
    }
}

#[test]
fn a_stream_that_is_cancelled_while_it_hangs_is_over_when_its_write_ends() {
    let _alone = ALONE.lock();
    let mut hung = hung();
    for Hung { fed, .. } in &mut hung {
        fed.put(b"not to be written");
        fed.cancel();
        assert!(!fed.stream.is_over() && fed.bell.count() == 0);
    }
    for Hung { fed, script, held } in &hung {
        held.end(Take(50));
        fed.bell.until(1);
        assert!(fed.stream.is_over() && script.is_dropped());
        assert_eq!((script.taken(), script.writes()), (pattern(50), 1));
    }
    write_others();
}

/// A counter that holds who adds to it, since it is full; and a stream into it.
struct Counter {
    fd: OwnedFd,
    fed: Fed,
}

impl Counter {
    const FULL: u64 = u64::MAX - 1;

    fn new() -> Self {
        let fd = eventfd(0, EventfdFlags::CLOEXEC).expect("a counter can be made");
        rustix::io::write(&fd, &Self::FULL.to_ne_bytes()).expect("it has room yet");
        let target = File::share(fd.as_raw_fd(), None).expect("it is open");
        Self { fd, fed: Fed::into(Box::new(target)) }
    }

    /// Has the pool add `count`, in a piece of its own: a counter takes no other.
    fn add(&mut self, count: u64) {
        if self.fed.feeder.append(&count.to_ne_bytes()) {
            runtime::schedule(&self.fed.stream);
        }
    }

    /// What was added since the last time.
    fn read(&self) -> u64 {
        let mut count = [0; 8];
        rustix::io::read(&self.fd, &mut count).expect("there is something");
        u64::from_ne_bytes(count)
    }
}

#[test]
fn streams_into_counters_that_are_full_hang_until_these_are_read() {
    let _alone = ALONE.lock();
    let mut counters: Vec<_> = (0..HANGING).map(|_| Counter::new()).collect();
    for counter in &mut counters {
        counter.add(1);
        counter.add(20);
    }
    for counter in &counters {
        until("a thread adds to it", || counter.fed.stream.calls() == 1);
    }
    write_others();
    for counter in &counters {
        let error = flush_until(&counter.fed.stream, u64::MAX, SHORT).expect_err("it hangs");
        assert_eq!((error.kind(), counter.fed.stream.settled()), (ErrorKind::TimedOut, 0));
    }
    for counter in &counters {
        assert_eq!(counter.read(), Counter::FULL);
        counter.fed.until_written();
        assert_eq!(counter.read(), 21);
    }
    let (most, limit) = threads_at_work();
    assert!((2..=limit).contains(&most), "{most} threads, and {limit} at most");
}
