//! Bytes of other descriptors that are read and written, since the target takes no copies.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    fs::{File, OpenOptions},
    sync::Arc,
};

use bytes::Bytes;
use rustix::io::Errno;
use spillway::{
    queue::Source,
    stream::Stream,
    writer::{self, Step},
};

use common::{
    Answer::{Interrupted, Take, WouldBlock},
    pattern, scripted, step_to_the_end,
};
use linux::{IO, NOSPC, os, refuse, source, source_of};

#[test]
fn a_source_is_written_in_its_place() {
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"one ");
    stream.append_source(source(b"two "));
    feeder.fill(b"3 ");
    stream.append_source(source(b"four "));
    stream.append_source(source(b""));
    stream.append_source(source(b"five"));
    assert!(!stream.control().wake_at(19));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"one two 3 four five");
    assert_eq!((stream.settled(), stream.control().taken(), bell.count()), (19, 19, 1));
}

#[test]
fn no_byte_counts_as_taken_when_it_is_read() {
    let (stream, script, _, _) = scripted([Take(1)]);
    stream.append_source(source(b"abc"));
    for (step, taken) in [(Step::Went(0), 0), (Step::Went(1), 1), (Step::Went(2), 3), (Step::Empty, 3)] {
        assert_eq!(writer::step(&stream), step);
        assert_eq!((stream.control().taken(), script.count_taken()), (taken, taken as usize));
    }
}

#[test]
fn a_long_source_is_read_in_parts() {
    let (stream, script, _, _) = scripted([Take(5), Interrupted, WouldBlock]);
    let bytes = pattern(600 << 10);
    stream.append_source(source(&bytes));
    stream.append(Bytes::from_static(b"end"));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    let whole = [&bytes[..], b"end"].concat();
    assert!(script.has_taken(&whole));
    let most = script.offers().into_iter().flatten().max();
    assert_eq!(most, Some(256 << 10));
}

#[test]
fn a_source_that_ends_early_fails_the_stream_behind_what_it_had() {
    let (stream, script, bell, _) = scripted([]);
    stream.append_source(source_of(b"abc", 4));
    stream.append(Bytes::from_static(b"never"));
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), 1));
    assert_eq!((script.taken(), script.is_dropped(), stream.settled()), (b"abc".to_vec(), true, 3));
}

#[test]
fn a_source_that_can_not_be_read_fails_the_stream() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = File::create(folder.path().join("file")).expect("it can be made");
    let (stream, script, bell, _) = scripted([]);
    stream.append_source(Source { file: Arc::new(file), left: 3 });
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::BADF)), 1));
    assert!(script.is_dropped());
}

#[test]
fn a_source_is_written_up_to_the_offset_of_a_cancel() {
    // With the source unread, partly read, and half written.
    for (steps, answer) in [(0, Take(9)), (1, Take(9)), (2, Take(1))] {
        let (stream, script, bell, _) = scripted([answer]);
        stream.append_source(source(b"abcdef"));
        for _ in 0..steps {
            assert!(matches!(writer::step(&stream), Step::Went(_)));
        }
        stream.cancel(4);
        assert_eq!(step_to_the_end(&stream), Step::Rest);
        assert_eq!((script.taken(), bell.count()), (b"abcd".to_vec(), 1));
        assert!(stream.is_over() && script.is_dropped());
    }
}

#[test]
fn a_source_is_let_go_when_it_is_read_or_dropped() {
    let ends: [fn(&Stream); 3] = [
        |stream| assert_eq!(step_to_the_end(stream), Step::Empty),
        |stream| stream.cancel(0),
        |stream| stream.give_up(os(NOSPC)),
    ];
    for end in ends {
        let (stream, ..) = scripted([]);
        let source = source(b"abc");
        let file = Arc::clone(&source.file);
        stream.append_source(source);
        end(&stream);
        assert_eq!(Arc::strong_count(&file), 1);
    }
}

#[test]
fn nothing_is_read_of_what_comes_too_late() {
    let (stream, ..) = scripted([]);
    stream.cancel(0);
    let source = source(b"abc");
    let file = Arc::clone(&source.file);
    stream.append_source(source);
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!(Arc::strong_count(&file), 1);
}

#[test]
fn the_errors_of_a_write_are_those_of_any() {
    let (stream, script, _, _) = scripted([refuse(NOSPC)]);
    stream.append_source(source(b"abc"));
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), script.count_taken()), (Some(os(NOSPC)), 0));
}

#[test]
fn streams_that_share_a_source_go_on_where_the_other_ended() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    std::fs::write(&path, b"abcdef").expect("it can be made");
    let file = Arc::new(OpenOptions::new().read(true).open(&path).expect("it is there"));
    for part in [b"abc", b"def"] {
        let (stream, script, _, _) = scripted([]);
        stream.append_source(Source { file: Arc::clone(&file), left: 3 });
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!(script.taken(), part);
    }
}
