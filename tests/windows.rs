//! Streams drained by the pool into what Windows has.
#![cfg(all(windows, not(feature = "loom")))]

mod common;

use std::{
    fs,
    io::{self, ErrorKind, IoSlice, PipeReader, Read},
    os::windows::io::OwnedHandle,
    sync::Arc,
    time::Duration,
};

use spillway::{
    drain::{self, Step},
    error::Failure,
    os::{File, Readiness},
    runtime,
    stream::{Retry, Stream},
    target::Target,
};

use common::{
    Answer::{Errno as Refuse, Take},
    Bell, Feeder, PATIENCE, pattern, scripted,
};

/// A stream that the pool drains into `target`, and JS's part in that.
fn fed(target: Box<dyn Target>) -> (Arc<Stream>, Feeder, Bell) {
    runtime::start().expect("the system gives threads");
    let bell = Bell::default();
    let stream = Stream::new(bell.listener());
    stream.give(target);
    runtime::schedule(Arc::clone(&stream));
    let feeder = Feeder::new(&stream);
    (stream, feeder, bell)
}

/// Puts a chunk, and has the stream drained if nobody does.
fn put(stream: &Arc<Stream>, feeder: &mut Feeder, bytes: &[u8]) {
    if feeder.append(bytes) {
        runtime::schedule(Arc::clone(stream));
    }
}

/// Waits until all that was put is written.
fn until_written(stream: &Stream, feeder: &Feeder, bell: &Bell) {
    let rings = bell.count();
    if !feeder.wait() {
        stream.rouse();
        bell.until(rings + 1);
    }
    assert_eq!(stream.written(), feeder.accepted as u64);
}

/// A stream into a new pipe.
fn piped() -> (Arc<Stream>, Feeder, Bell, PipeReader) {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    let target = File::new(OwnedHandle::from(writer), None).expect("any handle will do");
    let (stream, feeder, bell) = fed(Box::new(target));
    (stream, feeder, bell, reader)
}

/// Waits until a write is in flight.
fn until_held(stream: &Stream) {
    while !stream.is_busy() {
        std::thread::yield_now();
    }
}

#[test]
fn a_file_gets_slabs_and_chunks_in_the_order_they_came() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let file = fs::File::create(&path).expect("it can be made");
    let target = File::new(file.into(), None).expect("any handle will do");
    let (stream, mut feeder, bell) = fed(Box::new(target));
    let bytes = pattern(4 << 20);
    for (at, part) in bytes.chunks(40_000).enumerate() {
        if at % 2 == 0 {
            put(&stream, &mut feeder, part);
        } else {
            feeder.next_slab(part.len());
            if feeder.fill(part) {
                runtime::schedule(Arc::clone(&stream));
            }
        }
    }
    until_written(&stream, &feeder, &bell);
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn a_full_pipe_is_waited_for() {
    let (stream, mut feeder, bell, mut reader) = piped();
    let bytes = pattern(300_000);
    put(&stream, &mut feeder, &bytes);
    let mut read = vec![0; bytes.len()];
    reader.read_exact(&mut read).expect("all of it comes");
    until_written(&stream, &feeder, &bell);
    assert!(read == bytes);
}

#[test]
fn a_flush_has_patience_with_a_full_pipe_while_a_job_is_held_by_it() {
    let (stream, mut feeder, _, mut reader) = piped();
    let bytes = pattern(1 << 20);
    put(&stream, &mut feeder, &bytes);
    until_held(&stream);
    let error = drain::flush(&stream, Duration::from_millis(20)).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let mut read = vec![0; bytes.len()];
    reader.read_exact(&mut read).expect("all of it comes");
    drain::flush(&stream, PATIENCE).expect("all is written");
    assert!(read == bytes);
}

#[test]
fn a_write_that_a_full_pipe_holds_ends_when_nobody_reads_any_more() {
    let (stream, mut feeder, bell, reader) = piped();
    put(&stream, &mut feeder, &pattern(1 << 20));
    until_held(&stream);
    assert!(stream.cut(), "a write is in flight");
    drop(reader);
    bell.until(1);
    assert!(!stream.is_busy());
}

/// Has no room so many times.
struct Coy(u32);

impl Target for Coy {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.0.checked_sub(1) {
            None => Ok(bytes[0].len()),
            Some(left) => {
                self.0 = left;
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        Ok(Readiness)
    }
}

#[test]
fn what_has_no_room_is_asked_again() {
    let (stream, mut feeder, bell) = fed(Box::new(Coy(3)));
    put(&stream, &mut feeder, b"abc");
    until_written(&stream, &feeder, &bell);
    assert_eq!(stream.calls(), 4);
    let stream = Stream::new(bell.listener());
    stream.give(Box::new(Coy(3)));
    Feeder::new(&stream).append(b"abc");
    drain::flush(&stream, PATIENCE).expect("sooner or later it has room");
}

#[test]
fn a_full_disk_is_waited_out_by_the_name_that_js_has_for_it() {
    const ERROR_DISK_FULL: i32 = 112;
    const ENOSPC: i32 = 4055;
    let (stream, script, _, mut feeder) = scripted([Refuse(ERROR_DISK_FULL), Take(3)]);
    let interval = Duration::from_millis(1);
    stream.wait_out(Retry { errnos: vec![ENOSPC], interval, limit: PATIENCE });
    feeder.append(b"abc");
    assert_eq!(drain::step(&stream), Step::Stalled(interval));
    assert_eq!(stream.stalled_by(), Some(ENOSPC));
    assert_eq!(drain::step(&stream), Step::Went(3));
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn an_error_is_told_by_the_number_that_js_has_for_it() {
    let (stream, _, _, mut feeder) = scripted([Refuse(109)]);
    feeder.append(b"abc");
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!(stream.failure(), Some(Failure::Os(4047)), "EPIPE");
}
