//! Sources that have nothing now: pipes, sockets, FIFOs without a writer. No thread is held by a read.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    fs::{File as StdFile, OpenOptions},
    io::{Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    sync::Arc,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::{FileType, Mode, OFlags},
    pipe::{PipeFlags, pipe_with},
};
use spillway::{
    os::Readiness,
    source::{Outcome, Source},
    stream::Stream,
    writer::{self, End, Step},
};
use tempfile::TempDir;

use common::{
    Answer::{Take, WouldBlock},
    pattern, scripted, step_to_the_end,
    unix::count_descriptors,
};
use linux::{all, c_path, file_of, source_in};

/// A pipe: the source of its bytes, where to put them, and its name in `/proc/self/fd`.
fn pipe(flags: PipeFlags) -> (Arc<Source>, StdFile, PathBuf) {
    let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
    let name = file_of(reader.as_raw_fd());
    (source_in(reader), writer.into(), name)
}

fn has_bytes(readiness: &Readiness) -> bool {
    let fd = readiness.as_fd();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).expect("poll works") > 0
}

/// Runs the job of a stream whose source has nothing.
fn run_dry(stream: &Stream) -> Readiness {
    match writer::run(stream, || true) {
        End::Blocked(readiness) => readiness,
        end => panic!("{end:?}, and its source has nothing"),
    }
}

/// Runs the job of a stream of which everything can be written.
fn run_to_the_end(stream: &Stream) {
    assert!(matches!(writer::run(stream, || true), End::Asleep));
}

/// Has what is put into `writer` copied from `source` until that is closed.
fn copies_until_its_end(source: &Arc<Source>, mut writer: impl Write) {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"(");
    feeder.append_source(all(source));
    feeder.append(b")");
    for part in [b"abc", b"def"] {
        let readiness = run_dry(&stream);
        assert!(!has_bytes(&readiness));
        assert_eq!(writer::step(&stream), Step::Blocked, "it may be asked again");
        writer.write_all(part).expect("it has room");
        assert!(has_bytes(&readiness));
    }
    let readiness = run_dry(&stream);
    drop(writer);
    assert!(has_bytes(&readiness), "its end is worth a look");
    run_to_the_end(&stream);
    assert_eq!((script.taken(), source.outcome()), (b"(abcdef)".to_vec(), Some(Outcome::Ended)));
    assert_eq!((stream.settled(), stream.copied()), (3, 6));
}

#[test]
fn a_pipe_is_waited_for_whatever_its_flags() {
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let (source, writer, _) = pipe(flags);
        copies_until_its_end(&source, writer);
    }
}

#[test]
fn a_socket_is_waited_for_whatever_its_flags() {
    for is_nonblocking in [false, true] {
        let (ours, other) = UnixStream::pair().expect("a pair of sockets");
        ours.set_nonblocking(is_nonblocking).expect("it is open");
        copies_until_its_end(&source_in(ours), other);
    }
}

#[test]
fn the_flags_of_a_descriptor_that_others_have_stay_as_they_are() {
    let (reader, mut writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    let source = source_in(reader.try_clone().expect("it is open"));
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    run_dry(&stream);
    assert!(!rustix::fs::fcntl_getfl(&reader).expect("it is open").contains(OFlags::NONBLOCK));
    rustix::io::write(&mut writer, b"abc").expect("it has room");
    run_dry(&stream);
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_device_that_may_keep_a_reader_waiting_is_waited_for() {
    let counter = eventfd(0, EventfdFlags::CLOEXEC).expect("Linux");
    let (stream, script, _, mut feeder) = scripted([]);
    let source = source_in(counter.try_clone().expect("it is open"));
    feeder.append_source(all(&source));
    assert!(!has_bytes(&run_dry(&stream)));
    rustix::io::write(&counter, &3_u64.to_ne_bytes()).expect("it has room");
    run_dry(&stream);
    assert_eq!(script.taken(), 3_u64.to_ne_bytes());
}

/// A FIFO, and the source of its bytes.
fn fifo() -> (TempDir, PathBuf, Arc<Source>) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO can be made");
    let source = Source::open(c_path(&path), None);
    (folder, path, source)
}

#[test]
fn a_fifo_is_waited_for_before_it_has_a_writer() {
    let (_folder, path, source) = fifo();
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    run_dry(&stream);
    let mut writer = OpenOptions::new().write(true).open(&path).expect("it has a reader");
    let readiness = run_dry(&stream);
    assert!(!has_bytes(&readiness), "that it has a writer is not worth a look");
    writer.write_all(b"abc").expect("it has room");
    run_dry(&stream);
    drop(writer);
    assert!(has_bytes(&readiness));
    run_to_the_end(&stream);
    assert_eq!((script.taken(), source.outcome()), (b"abc".to_vec(), Some(Outcome::Ended)));
}

#[test]
fn what_a_writer_leaves_in_a_fifo_between_two_looks_is_not_lost() {
    let (_folder, path, source) = fifo();
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    run_dry(&stream);
    std::fs::write(&path, b"abc").expect("it has a reader");
    run_to_the_end(&stream);
    assert_eq!((script.taken(), source.outcome()), (b"abc".to_vec(), Some(Outcome::Ended)));
}

#[test]
fn a_source_that_is_stopped_is_not_waited_for() {
    let (source, mut writer, name) = pipe(PipeFlags::CLOEXEC);
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    feeder.append_source(all(&source));
    feeder.append(b"!");
    writer.write_all(b"abc").expect("it has room");
    drop(run_dry(&stream));
    writer.write_all(b"def").expect("it has room");
    stream.stop_source(&source);
    run_to_the_end(&stream);
    assert_eq!((script.taken(), stream.settled(), stream.copied()), (b"abc!".to_vec(), 3, 3));
    assert_eq!((source.outcome(), bell.count()), (Some(Outcome::Stopped), 0));
    drop(source);
    assert_eq!(count_descriptors(&name), 1, "the writer's");
}

#[test]
fn what_was_read_of_a_source_that_is_stopped_is_written() {
    let (source, mut writer, _) = pipe(PipeFlags::CLOEXEC);
    let (stream, script, _, mut feeder) = scripted([Take(1), WouldBlock]);
    feeder.append_source(all(&source));
    writer.write_all(b"abc").expect("it has room");
    assert_eq!([writer::step(&stream), writer::step(&stream)], [Step::Went(1), Step::Blocked]);
    writer.write_all(b"def").expect("it has room");
    stream.stop_source(&source);
    assert_eq!([writer::step(&stream), writer::step(&stream)], [Step::Went(2), Step::Empty]);
    assert_eq!((script.taken(), stream.settled()), (b"abc".to_vec(), 1));
}

#[test]
fn a_cancel_does_not_wait_for_a_source_that_has_nothing() {
    for offset in [0, 1, 9] {
        let (source, mut writer, name) = pipe(PipeFlags::CLOEXEC);
        let (stream, script, _, mut feeder) = scripted([]);
        feeder.append_source(all(&source));
        feeder.append(b"dropped");
        writer.write_all(b"abc").expect("it has room");
        drop((run_dry(&stream), source));
        assert_eq!(count_descriptors(&name), 2, "the writer's and ours");
        stream.cancel(offset);
        assert!(stream.is_over() && script.is_dropped());
        assert_eq!((script.taken(), stream.copied()), (b"abc".to_vec(), 3));
        assert_eq!(count_descriptors(&name), 1);
    }
}

#[test]
fn a_source_that_has_something_again_is_read_by_the_next_job() {
    let (source, mut writer, _) = pipe(PipeFlags::CLOEXEC);
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    let bytes = pattern(100_000);
    for part in bytes.chunks(30_000) {
        drop(run_dry(&stream));
        writer.write_all(part).expect("it has room");
    }
    drop(writer);
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(script.has_taken(&bytes));
}

#[test]
fn others_may_read_a_pipe_too() {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    let [mut other, mut writer] = [reader.try_clone().expect("it is open"), writer].map(StdFile::from);
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source_in(OwnedFd::from(reader))));
    writer.write_all(b"abc").expect("it has room");
    let mut taken = [0];
    other.read_exact(&mut taken).expect("it is there");
    run_dry(&stream);
    assert_eq!((taken, script.taken()), ([b'a'], b"bc".to_vec()));
    writer.write_all(b"def").expect("it has room");
    other.read_exact(&mut [0; 3]).expect("it is there");
    run_dry(&stream);
    assert_eq!(script.taken(), b"bc");
}
