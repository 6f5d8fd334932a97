//! A process that has no descriptor left while a source is to be waited for.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::os::fd::AsRawFd;

use rustix::{
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use spillway::{
    source::Outcome,
    writer::{self, End},
};

use common::scripted;
use linux::{all, source_in};

// The limit is that of the whole process: here is no other test.
#[test]
fn a_source_that_can_not_be_waited_for_ends_and_the_stream_lives_on() {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    let source = source_in(reader);
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    feeder.append(b"abc");
    // Without gaps below it, the next descriptor would have this number.
    let _filler = writer.try_clone().expect("there are some left");
    let next = writer.try_clone().expect("there are some left").as_raw_fd();
    let limit = Rlimit { current: u64::try_from(next).ok(), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).expect("it may be lowered");
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!(source.outcome(), Some(Outcome::NotRead(Errno::MFILE.raw_os_error())));
    assert_eq!((script.taken(), stream.failure(), bell.count()), (b"abc".to_vec(), None, 0));
}
