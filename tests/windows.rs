//! Streams that the pool writes into what Windows has.
#![cfg(all(windows, not(feature = "loom")))]

mod common;

use std::{
    fs,
    io::{self, ErrorKind, IoSlice, PipeReader, Read, Seek, SeekFrom, Write},
    os::windows::io::OwnedHandle,
    sync::Arc,
    time::Duration,
};

use spillway::{
    error::Failure,
    flush::flush_until,
    os::{File, Input, Readiness},
    runtime,
    source::{Outcome, Piece, Source},
    stream::Retry,
    target::Target,
    writer::{self, Step},
};

use common::{
    Answer::{Errno as Refuse, Take},
    PATIENCE, Script,
    fed::{Fed, until},
    pattern, scripted,
};

/// All that there is.
const ALL: u64 = u64::MAX;

/// A stream into a new pipe.
fn piped() -> (Fed, PipeReader) {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    let target = File::new(OwnedHandle::from(writer), None).expect("any handle will do");
    (Fed::into(Box::new(target)), reader)
}

/// Waits until a write is under way that a full pipe holds.
fn until_held(fed: &Fed) {
    until("a write is under way", || fed.stream.calls() > 0);
}

#[test]
fn a_file_gets_slabs_and_chunks_in_the_order_they_came() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let file = fs::File::create(&path).expect("it can be made");
    let target = File::new(file.into(), None).expect("any handle will do");
    let mut fed = Fed::into(Box::new(target));
    let bytes = pattern(4 << 20);
    for (at, part) in bytes.chunks(40_000).enumerate() {
        if at % 2 == 0 {
            fed.put(part);
        } else {
            fed.feeder.next_slab(part.len());
            if fed.feeder.fill(part) {
                runtime::schedule(&fed.stream);
            }
        }
    }
    fed.until_written();
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn a_full_pipe_is_waited_for() {
    let (mut fed, mut reader) = piped();
    let bytes = pattern(300_000);
    fed.put(&bytes);
    let mut read = vec![0; bytes.len()];
    reader.read_exact(&mut read).expect("all of it comes");
    fed.until_written();
    assert!(read == bytes);
}

#[test]
fn a_flush_has_patience_with_a_full_pipe_that_holds_a_job() {
    let (mut fed, mut reader) = piped();
    let bytes = pattern(1 << 20);
    fed.put(&bytes);
    until_held(&fed);
    let error = flush_until(&fed.stream, ALL, Duration::from_millis(20)).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let mut read = vec![0; bytes.len()];
    reader.read_exact(&mut read).expect("all of it comes");
    flush_until(&fed.stream, ALL, PATIENCE).expect("all is written");
    assert!(read == bytes);
}

#[test]
fn full_pipes_hold_their_own_streams_alone() {
    // More than the pool has threads.
    let mut held: Vec<_> = (0..10).map(|_| piped()).collect();
    let bytes = pattern(1 << 20);
    for (fed, _) in &mut held {
        fed.put(&bytes);
    }
    for (fed, _) in &held {
        until_held(fed);
    }
    let script = Script::default();
    let mut other = Fed::into(script.target());
    other.put(b"abc");
    other.until_written();
    assert_eq!(script.taken(), b"abc");
    for (fed, mut reader) in held {
        let mut read = vec![0; bytes.len()];
        reader.read_exact(&mut read).expect("all of it comes");
        fed.until_written();
        assert!(read == bytes);
    }
}

#[test]
fn a_write_that_a_full_pipe_holds_ends_when_nobody_reads_any_more() {
    let (mut fed, reader) = piped();
    fed.put(&pattern(1 << 20));
    until_held(&fed);
    fed.cancel();
    assert!(!fed.stream.is_over(), "a write is under way");
    drop(reader);
    fed.bell.until(1);
    fed.until_over();
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
    let mut fed = Fed::into(Box::new(Coy(3)));
    fed.put(b"abc");
    fed.until_written();
    assert_eq!(fed.stream.calls(), 4);
    let mut fed = Fed::into(Box::new(Coy(3)));
    fed.put(b"abc");
    flush_until(&fed.stream, ALL, PATIENCE).expect("sooner or later it has room");
}

#[test]
fn a_full_disk_is_waited_out_by_the_name_that_javascript_has_for_it() {
    const ERROR_DISK_FULL: i32 = 112;
    const ENOSPC: i32 = 4055;
    let (stream, script, _, mut feeder) = scripted([Refuse(ERROR_DISK_FULL), Take(3)]);
    let interval = Duration::from_millis(1);
    stream.wait_out(Retry { errnos: vec![ENOSPC], interval, limit: PATIENCE });
    feeder.append(b"abc");
    assert_eq!(writer::step(&stream), Step::Stalled(interval));
    assert_eq!(stream.stalled_by(), Some(ENOSPC));
    assert_eq!(writer::step(&stream), Step::Went(3));
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn an_error_is_told_by_the_number_that_javascript_has_for_it() {
    let (stream, _, _, mut feeder) = scripted([Refuse(109)]);
    feeder.append(b"abc");
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(stream.failure(), Some(Failure::Os(4047)), "EPIPE");
}

/// All that is read from `handle`, from `position` or where it stands.
fn source(handle: impl Into<OwnedHandle>, position: Option<u64>) -> Arc<Source> {
    Source::new(Input::new(handle.into()).expect("any handle will do"), position)
}

fn all(source: &Arc<Source>) -> Arc<Piece> {
    Piece::new(Arc::clone(source), ALL)
}

#[test]
fn files_are_copied_from_a_position_or_where_they_stand() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let bytes = pattern(600_000);
    fs::write(&path, &bytes).expect("it can be made");
    let mut file = fs::File::open(&path).expect("it is there");
    file.seek(SeekFrom::Start(5)).expect("it can be sought");
    let script = Script::default();
    let mut fed = Fed::into(script.target());
    for position in [Some(7), None] {
        fed.put_source(all(&source(file.try_clone().expect("it is open"), position)));
    }
    fed.until_written();
    assert!(script.has_taken(&[&bytes[7..], &bytes[5..]].concat()));
    assert_eq!(file.stream_position().expect("it stands somewhere"), 600_000);
}

#[test]
fn a_pipe_is_copied_until_its_last_writer_goes() {
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let source = source(reader, None);
    let script = Script::default();
    let mut fed = Fed::into(script.target());
    fed.put_source(all(&source));
    fed.put(b"!");
    // A read holds a thread of the pool meanwhile, and no other stream.
    let mut other = Fed::into(Script::default().target());
    other.put(b"abc");
    other.until_written();
    let bytes = pattern(300_000);
    writer.write_all(&bytes).expect("it is read");
    drop(writer);
    fed.until_written();
    assert!(script.has_taken(&[&bytes[..], b"!"].concat()));
    assert_eq!(source.outcome(), Some(Outcome::Ended));
}
