//! How files are opened: by the first step, and FIFOs when somebody reads them.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    fs::{self, File as StdFile},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags},
    io::Errno,
};
use spillway::{
    control_block::Status,
    stream::Stream,
    writer::{self, End, Step},
};

use common::{
    Bell, Feeder, Script, descriptor, is_status, opening, step_to_the_end,
    unix::{count_descriptors, request},
};

/// What the descriptor that JavaScript is told of stands for.
fn descriptor_file(stream: &Stream) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", descriptor(stream)))
}

#[test]
fn the_first_step_opens_the_file_and_publishes_its_descriptor() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().canonicalize().expect("it is there").join("file");
    let bell = Bell::default();
    let stream = opening(request(&path), bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"early");
    assert!(is_status(&stream, Status::Opening) && !path.exists());
    assert_eq!(descriptor(&stream), -1);
    assert_eq!(writer::step(&stream), Step::Went(0));
    assert!(is_status(&stream, Status::Open));
    assert_eq!(bell.count(), 1);
    assert_eq!(descriptor_file(&stream).expect("it is open"), path);
    assert_eq!(writer::step(&stream), Step::Went(5));
    feeder.append(b" and late");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(fs::read(&path).expect("it is there"), b"early and late");
    drop((stream, feeder));
    assert_eq!(bell.count(), 1);
}

#[test]
fn the_descriptor_of_a_file_opened_by_path_is_left_to_javascript() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().canonicalize().expect("it is there").join("file");
    let stream = opening(request(&path), Bell::default().listener());
    assert_eq!(writer::step(&stream), Step::Went(0));
    stream.cancel(0);
    assert!(stream.is_over());
    assert_eq!(descriptor_file(&stream).expect("still open"), path);
    assert_eq!(count_descriptors(&path), 1);
}

#[test]
fn a_file_that_could_not_be_opened_may_be_asked_for_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("soon").join("file");
    let stream = opening(request(&path), Bell::default().listener());
    assert_eq!(writer::step(&stream), Step::Rest);
    fs::create_dir(folder.path().join("soon")).expect("the folder can be made");
    stream.open(request(&path));
    assert!(is_status(&stream, Status::Opening));
    assert_eq!(stream.control().descriptor(), -1);
    assert_eq!(writer::step(&stream), Step::Went(0));
    assert!(is_status(&stream, Status::Open));
}

#[test]
fn a_file_that_can_not_be_opened_leaves_the_stream_to_whom_javascript_brings() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("missing").join("file");
    let (bell, script) = (Bell::default(), Script::default());
    let stream = opening(request(&path), bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!(bell.count(), 1);
    assert!(is_status(&stream, Status::Unopened));
    assert_eq!(stream.control().descriptor(), Errno::NOENT.raw_os_error());
    assert_eq!(stream.failure(), None, "what was accepted may still be written");
    assert_eq!(writer::step(&stream), Step::Rest);
    feeder.append(b"def");
    stream.give(script.target());
    assert!(is_status(&stream, Status::Open));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), bell.count()), (b"abcdef".to_vec(), 1));
    assert_eq!(descriptor(&stream), -1, "none was opened here");
}

#[test]
fn a_stream_that_was_cancelled_before_it_opened_opens_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let bell = Bell::default();
    let stream = opening(request(&path), bell.listener());
    Feeder::new(&stream).append(b"abc");
    stream.cancel(0);
    assert!(stream.is_over());
    assert_eq!((writer::step(&stream), bell.count()), (Step::Rest, 1));
    assert_eq!((writer::step(&stream), bell.count()), (Step::Rest, 1));
    assert!(is_status(&stream, Status::Open), "JavaScript has the descriptor to close");
    assert_eq!(fs::read(&path).expect("it is there"), b"");
}

/// A stream into a FIFO without a reader, and the FIFO's path.
fn unread(folder: &Path, bell: &Bell) -> (Arc<Stream>, PathBuf) {
    let path = folder.join("fifo");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO can be made");
    let stream = opening(request(&path), bell.listener());
    Feeder::new(&stream).append(b"abc");
    (stream, path)
}

/// The end of the FIFO from which reads never wait.
fn reader_of(path: &Path) -> StdFile {
    let mut options = fs::OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options.open(path).expect("it opens")
}

fn pause_of(step: Step) -> Duration {
    match step {
        Step::Stalled(pause) => pause,
        other => panic!("it is to be tried again, not {other:?}"),
    }
}

#[test]
fn a_fifo_is_tried_again_at_longer_and_longer_times_until_it_is_read() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let (stream, path) = unread(folder.path(), &bell);
    let pauses: Vec<_> = (0..12).map(|_| pause_of(writer::step(&stream))).collect();
    assert!(pauses.is_sorted() && pauses[0] < pauses[1], "{pauses:?}");
    assert_eq!(pauses[10], pauses[11], "there is a longest");
    assert_eq!(
        (bell.count(), stream.control().stalls()),
        (0, 0),
        "JavaScript waits for the descriptor, and is told of nothing else"
    );
    let reader = reader_of(&path);
    assert_eq!(writer::step(&stream), Step::Went(0));
    assert_eq!(bell.count(), 1);
    assert_eq!(writer::step(&stream), Step::Went(3));
    let mut bytes = [0; 3];
    (&reader).read_exact(&mut bytes).expect("they are written");
    assert_eq!(&bytes, b"abc");
}

#[test]
fn a_cancel_ends_the_wait_for_a_reader_and_javascript_is_told() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let (stream, _) = unread(folder.path(), &bell);
    pause_of(writer::step(&stream));
    stream.cancel(0);
    assert!(stream.is_over());
    assert!(is_status(&stream, Status::Abandoned));
    assert_eq!(bell.count(), 1);
    assert_eq!(writer::step(&stream), Step::Rest);
}

#[test]
fn a_cancel_before_the_first_try_is_told_by_who_finds_no_reader() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let (stream, _) = unread(folder.path(), &bell);
    stream.cancel(0);
    assert!(stream.is_over());
    assert_eq!((bell.count(), writer::step(&stream)), (0, Step::Rest));
    assert_eq!(bell.count(), 1);
}

/// A stream whose FIFO is open, and the FIFO's other end.
fn opened_fifo(folder: &Path) -> (Arc<Stream>, PathBuf, StdFile) {
    let (stream, path) = unread(folder, &Bell::default());
    let reader = reader_of(&path);
    assert_eq!(writer::step(&stream), Step::Went(0));
    (stream, path, reader)
}

#[test]
fn a_fifo_is_left_as_nodes_own_open_would_leave_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (stream, _path, _reader) = opened_fifo(&folder.path().canonicalize().expect("it is there"));
    let link = fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor(&stream))).expect("it is open");
    let flags = link.lines().find_map(|line| line.strip_prefix("flags:")).expect("Linux says so");
    let flags = u32::from_str_radix(flags.trim(), 8).expect("a number");
    assert_eq!(flags & OFlags::NONBLOCK.bits(), 0);
    assert_ne!(flags & OFlags::CLOEXEC.bits(), 0);
}

#[test]
fn a_fifo_has_a_second_descriptor_only_while_bytes_are_under_way() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (stream, path, reader) = opened_fifo(&folder.path().canonicalize().expect("it is there"));
    assert_eq!(count_descriptors(&path), 3, "the reader's, JavaScript's and ours");
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!(count_descriptors(&path), 2);
    drop((stream, reader));
    assert_eq!(count_descriptors(&path), 1, "JavaScript's is left to it");
}

#[test]
fn a_fifo_that_opens_after_a_cancel_is_let_go() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let folder = folder.path().canonicalize().expect("it is there");
    let (stream, path) = unread(&folder, &bell);
    let _reader = reader_of(&path);
    stream.cancel(0);
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert!(is_status(&stream, Status::Open) && stream.is_over());
    assert_eq!((stream.settled(), count_descriptors(&path)), (0, 2));
}

#[test]
fn a_file_opens_while_its_bytes_are_held_back() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = opening(request(&path), Bell::default().listener());
    stream.hold();
    Feeder::new(&stream).append(b"abc");
    assert_eq!(writer::step(&stream), Step::Rest);
    assert!(is_status(&stream, Status::Open));
    assert_eq!(fs::read(&path).expect("it is there"), b"");
    stream.release();
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(fs::read(&path).expect("it is there"), b"abc");
}
