//! Jobs that have found little to write, and look again after a while.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::time::Instant;

use parking_lot::Mutex;
use spillway::{flush::flush_until, runtime, writer::LINGER};

use common::{Answer::Take, PATIENCE, Script, fed::Fed, pattern, scripted};

/// No job lingers while another waits for its thread.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_job_that_finds_little_lingers_and_writes_what_comes_then() {
    let _alone = ALONE.lock();
    let script = Script::default();
    let mut fed = Fed::into(script.target());
    let end = Instant::now() + PATIENCE;
    let mut count = 0;
    // It lingers for a moment only, which may be missed.
    while !fed.stream.control().is_parked() {
        assert!(Instant::now() < end, "no job lingers");
        fed.put(b"!");
        count += 1;
    }
    fed.put(b"last");
    fed.until_written();
    assert_eq!(script.taken(), [&vec![b'!'; count][..], b"last"].concat());
}

#[test]
fn no_job_lingers_while_somebody_waits() {
    const WRITES: u32 = 20_000;
    let _alone = ALONE.lock();
    let (stream, _, _, mut feeder) = scripted((0..WRITES).map(|_| Take(1)));
    feeder.append(&pattern(WRITES as usize));
    runtime::start().expect("the runtime starts");
    let start = Instant::now();
    flush_until(&stream, u64::MAX, PATIENCE).expect("all is written");
    assert!(start.elapsed() < WRITES * LINGER, "{:?}", start.elapsed());
}
