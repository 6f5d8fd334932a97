//! Streams that wait for room on a disk, on the pool.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    io::{self, IoSlice},
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use rustix::io::Errno;
use spillway::{error::Failure, os::Readiness, target::Target};

use common::{
    PATIENCE, Script,
    fed::{Fed, until},
    is_asleep,
};

const NO_ROOM: i32 = Errno::NOSPC.raw_os_error();

/// Longer than any test.
const FAR: Duration = Duration::from_secs(6_000);

/// Has no room until it is told that there is some.
struct Disk {
    has_room: Arc<AtomicBool>,
    let_go: Sender<()>,
}

impl Target for Disk {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.has_room.load(SeqCst) { Ok(bytes[0].len()) } else { Err(Errno::NOSPC.into()) }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it never says that it would block")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Not every test listens.
        let _ = self.let_go.send(());
    }
}

/// A full disk, what is to be set when it has room, and who is told when it is let go.
fn disk() -> (Box<Disk>, Arc<AtomicBool>, Receiver<()>) {
    let (let_go, is_let_go) = channel();
    let has_room = Arc::new(AtomicBool::new(false));
    (Box::new(Disk { has_room: Arc::clone(&has_room), let_go }), has_room, is_let_go)
}

#[test]
fn stalled_streams_hold_no_thread_and_a_cancel_ends_their_waiting() {
    // More than the pool has threads.
    let mut stalled: Vec<_> = iter::repeat_with(|| {
        let (disk, _, is_let_go) = disk();
        (Fed::patient(disk, NO_ROOM, FAR, FAR), is_let_go)
    })
    .take(10)
    .collect();
    for (fed, _) in &mut stalled {
        fed.put(b"abc");
        fed.bell.until(1);
    }
    let mut other = Fed::into(Script::default().target());
    other.put(b"abc");
    other.until_written();
    for (fed, is_let_go) in &stalled {
        assert_eq!((fed.jobs(), fed.stream.control().stalls()), (1, 1));
        assert_eq!((fed.stream.failure(), fed.stream.calls()), (None, 1));
        fed.cancel();
        is_let_go.recv_timeout(PATIENCE).expect("the target is let go");
        // Nobody waits for the next try.
        fed.until_over();
    }
}

#[test]
fn a_stalled_stream_goes_on_by_itself_when_there_is_room() {
    let (disk, has_room, _) = disk();
    let mut fed = Fed::patient(disk, NO_ROOM, Duration::from_millis(1), FAR);
    fed.put(b"abc");
    until("it asks again and again", || fed.stream.calls() > 5);
    assert_eq!(
        (fed.bell.count(), fed.stream.control().stalls(), fed.stream.stalled_by()),
        (1, 1, Some(NO_ROOM))
    );
    fed.put(b"def");
    has_room.store(true, SeqCst);
    fed.until_written();
    assert_eq!(fed.stream.control().stalls(), 2);
    until("its job is over", || is_asleep(&fed.stream) && fed.jobs() == 0);
}

#[test]
fn a_stall_that_lasts_too_long_ends_the_stream_by_itself() {
    let (disk, _, is_let_go) = disk();
    let limit = Duration::from_millis(50);
    let start = Instant::now();
    // The limit comes before the next try would.
    let mut fed = Fed::patient(disk, NO_ROOM, FAR, limit);
    fed.put(b"abc");
    fed.bell.until(2);
    assert!(start.elapsed() >= limit);
    assert_eq!(fed.stream.failure(), Some(Failure::Os(NO_ROOM)));
    is_let_go.recv_timeout(PATIENCE).expect("the target is let go");
    until("its job is over", || fed.jobs() == 0);
}
