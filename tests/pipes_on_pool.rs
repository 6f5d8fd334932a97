//! Streams that the pool and the reactor write into pipes.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    fs::File as StdFile,
    hint::spin_loop,
    io::{self, ErrorKind, IoSlice},
    os::fd::AsFd,
    thread,
};

use rustix::{io::Errno, pipe::PipeFlags};
use spillway::{control_block::Status, error::Failure, flush, os::Readiness, runtime, target::Target};

use common::{
    PATIENCE,
    fed::{
        Fed,
        linux::{PIPE_SIZE, Piped, is_closed_within, read_exactly, read_whole},
        until,
    },
    is_status, pattern,
    unix::count_descriptors,
};

#[test]
fn a_full_pipe_is_finished_when_its_reader_drains_it_later() {
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let mut piped = Piped::new(flags);
        let bytes = pattern(1 << 20);
        piped.fed.put(&bytes);
        piped.until_blocked();
        let Piped { fed, reader, writer, name } = piped;
        // A piece that ends with a line leaves the rest of its page free.
        assert!((PIPE_SIZE / 2..=PIPE_SIZE).contains(&fed.stream.settled()), "{}", fed.stream.settled());
        let reading = thread::spawn(move || (read_exactly(&reader, 1 << 20), reader));
        fed.until_written();
        let (read, reader) = reading.join().expect("a pipe can be read");
        assert!(read == bytes);
        // Between bursts JavaScript's descriptor is the only one.
        until("it rests", || count_descriptors(&name) == 2);
        fed.cancel();
        drop(writer);
        assert!(is_closed_within(&reader, PATIENCE));
    }
}

#[test]
fn what_comes_while_a_pipe_is_full_is_written_too() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    let bytes = pattern(300_000);
    let (first, rest) = bytes.split_at(100_000);
    piped.fed.put(first);
    piped.until_blocked();
    for part in rest.chunks(10_000) {
        piped.fed.put(part);
    }
    let Piped { fed, reader, .. } = piped;
    let reading = thread::spawn(move || read_exactly(&reader, 300_000));
    fed.until_written();
    assert!(reading.join().expect("a pipe can be read") == bytes);
}

#[test]
fn a_stream_that_waits_for_room_gets_no_second_job() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    piped.fed.put(&pattern(300_000));
    piped.until_blocked();
    for _ in 0..100 {
        runtime::schedule(&piped.fed.stream);
    }
    assert_eq!((piped.fed.jobs(), piped.fed.stream.calls()), (1, 2));
}

#[test]
fn a_cancel_on_a_full_pipe_lets_go_of_every_descriptor() {
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let mut piped = Piped::new(flags);
        piped.fed.put(&pattern(300_000));
        piped.until_blocked();
        let Piped { fed, reader, writer, name } = piped;
        fed.cancel();
        // Nobody has read: it is the cancel that ends the waiting for room.
        fed.bell.until(1);
        assert!(fed.stream.is_over());
        fed.until_over();
        assert_eq!(count_descriptors(&name), 2, "the reader's and JavaScript's");
        drop(writer);
        assert!(is_closed_within(&reader, PATIENCE));
        let written = usize::try_from(fed.stream.settled()).expect("it is small");
        assert!(read_whole(reader) == pattern(300_000)[..written]);
        assert_eq!((fed.stream.failure(), fed.bell.count()), (None, 1));
    }
}

#[test]
fn a_cancel_before_the_pool_comes_to_a_full_pipe_lets_go_too() {
    // The cancel comes at any time: before the job, in it, or behind it.
    for round in 0..50 {
        let Piped { mut fed, reader, writer, .. } = Piped::new(PipeFlags::CLOEXEC);
        fed.put(&pattern(200_000));
        for _ in 0..round * 20 {
            spin_loop();
        }
        fed.cancel();
        fed.until_over();
        drop(writer);
        assert!(is_closed_within(&reader, PATIENCE), "round {round}");
        let written = usize::try_from(fed.stream.settled()).expect("it is small");
        assert!(read_whole(reader) == pattern(200_000)[..written]);
    }
}

#[test]
fn a_pipe_that_nobody_reads_any_more_ends_the_stream_with_epipe() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    piped.fed.put(&pattern(300_000));
    piped.until_blocked();
    let Piped { fed, reader, writer: _writer, name } = piped;
    drop(reader);
    fed.bell.until(1);
    assert_eq!(fed.stream.failure(), Some(Failure::Os(Errno::PIPE.raw_os_error())));
    assert!(is_status(&fed.stream, Status::Failed));
    until("it lets go of the pipe", || count_descriptors(&name) == 1);
}

#[test]
fn a_flush_waits_for_a_slow_pipe() {
    for _ in 0..20 {
        let Piped { mut fed, reader, writer: _writer, .. } = Piped::new(PipeFlags::CLOEXEC);
        let bytes = pattern(400_000);
        let reading = thread::spawn(move || read_exactly(&reader, 400_000));
        for part in bytes.chunks(50_000) {
            fed.put(part);
        }
        flush::flush_until(&fed.stream, u64::MAX, PATIENCE).expect("it is read");
        assert_eq!(fed.stream.settled(), 400_000);
        assert!(reading.join().expect("a pipe can be read") == bytes);
    }
}

/// Says so many times that it would block, and can't be waited for: it is a regular file.
struct Coy {
    refusals: u32,
    file: StdFile,
}

impl Target for Coy {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.refusals == 0 {
            return Ok(bytes[0].len());
        }
        self.refusals -= 1;
        Err(ErrorKind::WouldBlock.into())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.file.as_fd().try_clone_to_owned().map(Readiness::from)
    }
}

#[test]
fn what_the_reactor_can_not_wait_for_is_asked_again() {
    let file = tempfile::tempfile().expect("a file for the test");
    let mut fed = Fed::into(Box::new(Coy { refusals: 3, file }));
    fed.put(b"abc");
    fed.until_written();
    assert_eq!(fed.stream.calls(), 4);
}
