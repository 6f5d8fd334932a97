use std::{
    ffi::CString,
    fs,
    io::ErrorKind,
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{FileType, Mode, OFlags},
    pipe::PIPE_BUF,
};

use super::*;
use crate::stream::Request;

fn open_file(path: &Path, flags: OFlags, start: Option<u64>) -> io::Result<File> {
    let path = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a temporary path");
    let request = Request { path, flags: flags.bits().cast_signed(), mode: 0o666, start, mkdir: false };
    open(&request).map(|(file, _)| file)
}

fn close(file: File) {
    match file.descriptor {
        Descriptor::Lent(fd) => drop(ManuallyDrop::into_inner(fd)),
        Descriptor::Owned(_) | Descriptor::Shared { .. } => panic!("a regular file has one descriptor"),
    }
}

#[test]
fn a_positioned_file_keeps_its_own_count() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    fs::write(&path, "0123456789").expect("the file can be made");
    let mut file = open_file(&path, OFlags::WRONLY, Some(2)).expect("it opens");
    for part in [&b"ab"[..], b"cd"] {
        assert_eq!(file.write(&[IoSlice::new(part)]).expect("there is room"), 2);
    }
    close(file);
    assert_eq!(fs::read(&path).expect("it is there"), b"01abcd6789");
}

#[test]
fn a_regular_file_is_opened_without_traces_of_nonblock() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let mut file = open_file(&path, OFlags::WRONLY | OFlags::CREATE, None).expect("it opens");
    let flags = rustix::fs::fcntl_getfl(file.own().expect("it is open").0).expect("it is open");
    assert!(!flags.contains(OFlags::NONBLOCK));
    close(file);
}

// Elsewhere rustix makes no FIFO.
#[test]
#[cfg(target_os = "linux")]
fn a_fifo_that_nobody_reads_does_not_hold_the_thread() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO can be made");
    let error = open_file(&path, OFlags::WRONLY, None).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_full_pipe_answers_would_block_though_it_is_a_blocking_one() {
    let (_reader, writer) = rustix::pipe::pipe().expect("a pipe can be made");
    let mut file = File::share(writer.as_raw_fd(), None).expect("it is open");
    // Pieces that fill the pages of a pipe.
    let chunk = [0; 2 * PIPE_BUF];
    let mut total = 0;
    let error = loop {
        match file.write(&[IoSlice::new(&chunk)]) {
            Ok(count) => total += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(total >= 60_000, "{total}");
    let readiness = file.readiness().expect("it is open");
    assert!(!is_ready(readiness.as_fd(), PollFlags::OUT).expect("poll works"));
}

#[test]
fn the_readers_end_of_a_pipe_is_not_written_to() {
    let (reader, _writer) = rustix::pipe::pipe().expect("a pipe can be made");
    let mut file = File::share(reader.as_raw_fd(), None).expect("it is open");
    let error = file.write(&[IoSlice::new(b"abc")]).expect_err("it is for reading");
    assert_eq!(error.raw_os_error(), Some(Errno::BADF.raw_os_error()));
}
