//! Pipes and sockets: they hold no thread, get whole lines, and are held only
//! while bytes are under way.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    fs::File as StdFile,
    io::{ErrorKind, Read},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use bytes::Bytes;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::Errno,
    pipe::PipeFlags,
};
use spillway::{
    os::{File, Readiness},
    stream::Stream,
    writer::{self, End, Step},
};

use common::{Bell, Feeder, pattern, step_to_the_end};
use linux::{MEBIBYTE, Piped, os};

fn has_room(readiness: &Readiness) -> bool {
    let fd = readiness.as_fd();
    let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())).expect("poll works") > 0
}

fn flags_of(fd: &OwnedFd) -> OFlags {
    rustix::fs::fcntl_getfl(fd).expect("it is open")
}

/// Runs the job of a stream of which everything can be written.
fn run_to_the_end(stream: &Stream) {
    assert!(matches!(writer::run(stream, || true), End::Asleep));
}

#[test]
fn a_job_that_fills_a_pipe_ends_and_names_what_to_wait_for() {
    // Blocking or not: the writer's thread is never held.
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let mut pipe = Piped::new(flags);
        let bytes = pattern(200_000);
        pipe.feeder.append(&bytes);
        let mut read = Vec::new();
        while let End::Blocked(readiness) = writer::run(&pipe.stream, || true) {
            assert!(!has_room(&readiness));
            pipe.feeder.next_slab(1);
            assert!(!pipe.feeder.fill(b"!"), "who waits for room comes back by itself");
            let count = pipe.stream.settled() - read.len() as u64;
            let more = pipe.read();
            assert_eq!(more.len() as u64, count);
            read.extend(more);
            assert!(has_room(&readiness));
        }
        read.extend(pipe.read());
        assert_eq!(read[..bytes.len()], bytes);
        assert_eq!((read.len(), pipe.bell.count()), (pipe.feeder.accepted, 0));
    }
}

#[test]
fn a_pipe_is_filled_to_the_last_byte() {
    let mut pipe = Piped::new(PipeFlags::CLOEXEC);
    let size = rustix::pipe::fcntl_getpipe_size(&pipe.writer).expect("it is a pipe");
    pipe.feeder.append(&MEBIBYTE);
    assert!(matches!(writer::run(&pipe.stream, || true), End::Blocked(_)));
    assert_eq!(pipe.read().len(), size);
}

#[test]
fn a_blocking_pipe_stays_a_blocking_one_for_others() {
    let pipe = Piped::new(PipeFlags::CLOEXEC);
    pipe.stream.append(Bytes::from_static(&MEBIBYTE));
    assert!(matches!(writer::run(&pipe.stream, || true), End::Blocked(_)));
    assert!(!flags_of(&pipe.writer).contains(OFlags::NONBLOCK));
}

#[test]
fn a_job_learns_that_nobody_reads_any_more() {
    let mut pipe = Piped::new(PipeFlags::CLOEXEC);
    pipe.feeder.append(&pattern(200_000));
    assert!(matches!(writer::run(&pipe.stream, || true), End::Blocked(_)));
    drop(pipe.reader);
    run_to_the_end(&pipe.stream);
    assert_eq!((pipe.stream.failure(), pipe.bell.count()), (Some(os(Errno::PIPE)), 1));
}

/// The sizes of the pieces that a pipe is given of `bytes`.
fn pieces(bytes: &[&[u8]]) -> Vec<usize> {
    // One that keeps the pieces apart: a read gets no more than one.
    let mut pipe = Piped::new(PipeFlags::NONBLOCK | PipeFlags::DIRECT);
    for part in bytes {
        pipe.feeder.append(part);
    }
    run_to_the_end(&pipe.stream);
    let mut sizes = Vec::new();
    let mut piece = vec![0; 1 << 16];
    while let Ok(size) = pipe.reader.read(&mut piece) {
        sizes.push(size);
    }
    sizes
}

#[test]
fn pipes_get_pieces_of_whole_lines() {
    let line = |size: usize| [vec![b'x'; size - 1], vec![b'\n']].concat();
    let ten = line(1_000).repeat(10);
    assert_eq!(pieces(&[&ten]), [4_000, 4_000, 2_000]);
    // It does not matter how they came.
    let chunks: Vec<_> = ten.chunks(300).collect();
    assert_eq!(pieces(&chunks), [4_000, 4_000, 2_000]);
    assert_eq!(pieces(&[&line(4_096), &line(1), &line(4_095)]), [4_096, 4_096]);
    assert_eq!(pieces(&[b"a line\n", b"and what has no end"]), [26], "all that there is goes out");
}

#[test]
fn a_line_that_is_longer_than_a_piece_comes_in_several() {
    assert_eq!(pieces(&[&[b'x'; 10_000]]), [4_096, 4_096, 1_808]);
    let long = [b"short\n", &[b'x'; 5_000][..], b"\nshort\n"].concat();
    assert_eq!(pieces(&[&long]), [6, 4_096, 911]);
}

#[test]
fn a_descriptor_is_held_only_while_bytes_are_under_way() {
    let pipe = Piped::new(PipeFlags::CLOEXEC);
    assert_eq!(pipe.count_descriptors(), 3, "the reader's, JavaScript's and ours");
    for _ in 0..3 {
        run_to_the_end(&pipe.stream);
        assert_eq!(pipe.count_descriptors(), 2);
        pipe.stream.append(Bytes::from_static(b"abc"));
        assert!(pipe.stream.request_job());
        assert_eq!(pipe.count_descriptors(), 3, "a burst begins");
    }
    run_to_the_end(&pipe.stream);
    assert_eq!(pipe.read(), b"abcabcabc");
}

#[test]
fn a_descriptor_is_held_while_its_pipe_is_full() {
    let pipe = Piped::new(PipeFlags::CLOEXEC);
    pipe.stream.append(Bytes::from_static(&MEBIBYTE));
    let End::Blocked(readiness) = writer::run(&pipe.stream, || true) else { panic!("the pipe has room") };
    drop(readiness);
    assert_eq!(pipe.count_descriptors(), 3);
}

#[test]
fn a_stream_that_rests_lets_go_at_once_and_another_when_its_job_comes() {
    let resting = Piped::new(PipeFlags::CLOEXEC);
    run_to_the_end(&resting.stream);
    resting.stream.cancel(0);
    assert_eq!((resting.stream.is_over(), resting.count_descriptors()), (true, 2));
    for end in [Stream::finish, |stream: &Stream| stream.cancel(0)] {
        let pipe = Piped::new(PipeFlags::CLOEXEC);
        end(&pipe.stream);
        assert_eq!(
            (pipe.stream.is_over(), pipe.count_descriptors()),
            (false, 3),
            "it is to be let go by its job"
        );
        run_to_the_end(&pipe.stream);
        assert_eq!((pipe.stream.is_over(), pipe.count_descriptors(), pipe.bell.count()), (true, 2, 1));
    }
}

#[test]
fn a_full_pipe_is_let_go_after_a_cancel() {
    let pipe = Piped::new(PipeFlags::CLOEXEC);
    pipe.stream.append(Bytes::from_static(&MEBIBYTE));
    let End::Blocked(readiness) = writer::run(&pipe.stream, || true) else { panic!("the pipe has room") };
    drop(readiness);
    pipe.stream.cancel(1 << 20);
    run_to_the_end(&pipe.stream);
    assert_eq!((pipe.stream.is_over(), pipe.count_descriptors(), pipe.bell.count()), (true, 2, 1));
}

#[test]
fn a_number_that_stands_for_another_file_gets_nothing() {
    let mut pipe = Piped::new(PipeFlags::CLOEXEC);
    run_to_the_end(&pipe.stream);
    let other = Piped::new(PipeFlags::CLOEXEC);
    rustix::io::dup2(&other.writer, &mut pipe.writer).expect("both are open");
    pipe.stream.append(Bytes::from_static(b"abc"));
    assert!(pipe.stream.request_job());
    assert_eq!((pipe.stream.failure(), pipe.bell.count()), (Some(os(Errno::BADF)), 1));
    run_to_the_end(&pipe.stream);
    assert!(other.read().is_empty());
}

#[test]
fn a_number_that_is_used_anew_during_a_burst_does_not_matter() {
    let mut pipe = Piped::new(PipeFlags::CLOEXEC);
    pipe.stream.append(Bytes::from_static(b"abc"));
    let other = Piped::new(PipeFlags::CLOEXEC);
    rustix::io::dup2(&other.writer, &mut pipe.writer).expect("both are open");
    assert_eq!(step_to_the_end(&pipe.stream), Step::Empty);
    let mut bytes = [0; 3];
    pipe.reader.read_exact(&mut bytes).expect("they are written");
    assert_eq!((&bytes, other.read()), (b"abc", Vec::new()));
}

#[test]
fn a_number_that_stands_for_nothing_is_refused() {
    for number in [-1, i32::MAX] {
        let error = File::share(number, None).expect_err("no such descriptor is open");
        assert_eq!(error.raw_os_error(), Some(Errno::BADF.raw_os_error()));
    }
}

#[test]
fn a_file_that_is_shared_is_written_from_its_start_on_through_all_bursts() {
    let file = tempfile::tempfile().expect("a file for the test");
    rustix::io::pwrite(&file, b"0123456789", 0).expect("it can be written");
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(File::share(file.as_raw_fd(), Some(2)).expect("it is open")));
    let mut feeder = Feeder::new(&stream);
    for part in [&b"ab"[..], b"cd"] {
        feeder.append(part);
        assert!(stream.request_job());
        run_to_the_end(&stream);
    }
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes).expect("it can be read");
    assert_eq!(bytes, b"01abcd6789", "JavaScript's own position is as it was");
}

#[test]
fn a_socket_holds_no_thread_though_it_is_a_blocking_one() {
    let (reader, writer) = UnixStream::pair().expect("sockets can be made");
    reader.set_nonblocking(true).expect("it is open");
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(File::share(writer.as_raw_fd(), None).expect("it is open")));
    let bytes = pattern(1 << 20);
    Feeder::new(&stream).append(&bytes);
    let (mut read, mut blocked) = (Vec::new(), 0);
    let mut reader = StdFile::from(OwnedFd::from(reader));
    while let End::Blocked(_) = writer::run(&stream, || false) {
        blocked += 1;
        let error = reader.read_to_end(&mut read).expect_err("the writer's end is open");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    let _would_block = reader.read_to_end(&mut read).expect_err("the writer's end is open");
    assert!(read == bytes && blocked > 0);
    assert!(!flags_of(&OwnedFd::from(writer)).contains(OFlags::NONBLOCK));
}
