//! Bytes of other descriptors that are read and written, since the target takes no copies.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{fs, sync::Arc};

use bytes::Bytes;
use rustix::{fs::OFlags, io::Errno, pipe::PipeFlags};
use spillway::{
    os::Input,
    source::{Outcome, Piece, Source},
    stream::Stream,
    writer::{self, End, Step},
};

use common::{
    Answer::{self, Interrupted, Nothing, Take, WouldBlock},
    Bell, Script, panic_quietly, pattern, scripted, step_to_the_end,
};
use linux::{IO, NOSPC, all, c_path, file, os, piece, refuse, source, source_in};

/// A step that ends a piece without a byte.
const OVER: Step = Step::Went(0);

fn errno(errno: Errno) -> Outcome {
    Outcome::NotRead(errno.raw_os_error())
}

#[test]
fn a_source_is_written_in_its_place_and_counts_as_one_byte() {
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"one ");
    feeder.append_source(piece(b"two "));
    feeder.fill(b"3 ");
    feeder.append_source(piece(b"four "));
    feeder.append_source(piece(b""));
    feeder.append_source(piece(b"five"));
    assert!(!feeder.wait());
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"one two 3 four five");
    assert_eq!((stream.settled(), stream.control().taken(), bell.count()), (10, 10, 1));
    assert_eq!(stream.copied(), 13);
}

#[test]
fn it_counts_as_taken_when_its_last_byte_is_and_its_end_is_known() {
    let (stream, script, bell, mut feeder) = scripted([Take(1)]);
    feeder.append_source(piece(b"abc"));
    assert!(!feeder.wait());
    for (step, count) in [(Step::Went(1), 1), (Step::Went(2), 3)] {
        assert_eq!(writer::step(&stream), step);
        assert_eq!((stream.control().taken(), stream.copied(), bell.count()), (0, count, 0));
        assert_eq!(script.count_taken() as u64, count);
    }
    assert_eq!([writer::step(&stream), writer::step(&stream)], [OVER, Step::Empty]);
    assert_eq!((stream.control().taken(), stream.settled(), stream.copied(), bell.count()), (1, 1, 3, 1));
}

#[test]
fn a_piece_that_has_all_its_bytes_is_done_with_the_last() {
    let (stream, script, _, mut feeder) = scripted([]);
    let source = source(b"abcdef");
    feeder.append_source(Piece::new(Arc::clone(&source), 4));
    assert_eq!([writer::step(&stream), writer::step(&stream)], [Step::Went(4), Step::Empty]);
    assert_eq!((script.taken(), stream.settled()), (b"abcd".to_vec(), 1));
    assert_eq!((source.read(), source.outcome()), (4, None));
}

#[test]
fn the_next_piece_goes_on_where_the_last_ended() {
    for position in [None, Some(8)] {
        let (stream, script, _, mut feeder) = scripted([Take(1), Take(2)]);
        let input = Input::new(file(b"abcdefgh").into()).expect("it is open");
        let source = Source::new(input, position);
        for (most, mark) in [(3, "-"), (0, "-"), (2, "-"), (9, "-"), (9, "!")] {
            feeder.append_source(Piece::new(Arc::clone(&source), most));
            feeder.append(mark.as_bytes());
        }
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!(String::from_utf8_lossy(&script.taken()), "abc--de-fgh-!");
        assert_eq!((source.read(), stream.copied(), source.outcome()), (8, 8, Some(Outcome::Ended)));
    }
}

#[test]
fn a_source_that_ends_early_is_no_failure() {
    let (stream, script, bell, mut feeder) = scripted([]);
    let source = source(b"abc");
    feeder.append_source(Piece::new(Arc::clone(&source), 4));
    feeder.append(b"def");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), stream.settled(), stream.copied()), (b"abcdef".to_vec(), 4, 3));
    assert_eq!((stream.failure(), bell.count()), (None, 0));
    assert_eq!(source.outcome(), Some(Outcome::Ended));
}

#[test]
fn a_source_that_grows_is_read_up_to_where_it_ends_then() {
    let (stream, script, _, mut feeder) = scripted([]);
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    fs::write(&path, b"abc").expect("it can be made");
    let source = Source::open(c_path(&path), None);
    feeder.append_source(all(&source));
    assert_eq!(writer::step(&stream), Step::Went(3));
    fs::write(&path, b"abcdef").expect("it is there");
    assert_eq!([writer::step(&stream), writer::step(&stream)], [Step::Went(3), OVER]);
    fs::write(&path, b"abcdefghi").expect("it is there");
    feeder.append_source(all(&source));
    assert_eq!([writer::step(&stream), writer::step(&stream)], [OVER, Step::Empty]);
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_long_source_is_read_in_parts_of_which_none_is_lost() {
    let (stream, script, _, mut feeder) = scripted([Take(5), Interrupted, WouldBlock]);
    let bytes = pattern(600 << 10);
    feeder.append_source(piece(&bytes));
    feeder.append(b"end");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(script.has_taken(&[&bytes[..], b"end"].concat()));
    let most = script.offers().into_iter().flatten().max();
    assert_eq!(most, Some(256 << 10));
}

#[test]
fn what_was_read_is_kept_until_the_target_takes_it() {
    let (stream, script, _, mut feeder) = scripted([Take(1), Interrupted, WouldBlock]);
    let source = source(b"abcdef");
    feeder.append_source(all(&source));
    for step in [Step::Went(1), Step::Went(0), Step::Blocked, Step::Went(5), OVER, Step::Empty] {
        assert_eq!((writer::step(&stream), source.read()), (step, 6));
    }
    assert_eq!(script.offers(), [[6], [5], [5], [5]]);
    assert_eq!((script.taken(), stream.copied(), stream.calls()), (b"abcdef".to_vec(), 6, 5));
}

// ---- what can't be read

#[test]
fn a_source_that_can_not_be_read_ends_and_the_stream_lives_on() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let open = |flags| rustix::fs::open(folder.path(), flags, 0o600.into()).expect("it can be opened");
    let (_reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    let write_only = fs::File::create(folder.path().join("file")).expect("it can be made");
    for (source, error) in [
        (source_in(write_only), Errno::BADF),
        (source_in(writer), Errno::BADF),
        (source_in(open(OFlags::PATH)), Errno::BADF),
        (source_in(open(OFlags::DIRECTORY)), Errno::ISDIR),
    ] {
        let (stream, script, bell, mut feeder) = scripted([]);
        feeder.append_source(all(&source));
        feeder.append(b"abc");
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!((source.outcome(), source.read()), (Some(errno(error)), 0));
        assert_eq!((stream.failure(), bell.count(), stream.settled()), (None, 0, 4));
        assert_eq!(script.taken(), b"abc");
    }
}

#[test]
fn a_source_that_stands_nowhere_is_not_read_from_a_position() {
    let (reader, _writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    let source = Source::new(Input::new(reader).expect("it is open"), Some(1));
    let (stream, _, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(source.outcome(), Some(errno(Errno::SPIPE)));
}

#[test]
fn what_comes_behind_the_end_of_a_source_reads_nothing() {
    let (stream, script, _, mut feeder) = scripted([]);
    let source = source(b"abc");
    source.stop();
    for _ in 0..2 {
        feeder.append_source(all(&source));
    }
    feeder.append(b"!");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), source.read(), stream.settled()), (b"!".to_vec(), 0, 3));
    assert_eq!(source.outcome(), Some(Outcome::Stopped));
}

#[test]
fn a_file_is_opened_when_its_turn_comes() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"(");
    feeder.append_source(all(&Source::open(c_path(&path), Some(2))));
    feeder.append(b")");
    assert_eq!(writer::step(&stream), Step::Went(1));
    fs::write(&path, b"abcdef").expect("it can be made");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"(cdef)");
}

#[test]
fn a_file_that_can_not_be_opened_ends_its_piece_alone() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let source = Source::open(c_path(&folder.path().join("missing")), None);
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(all(&source));
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(source.outcome(), Some(Outcome::NotOpened(Errno::NOENT.raw_os_error())));
    assert_eq!((script.taken(), stream.failure(), stream.settled()), (b"abc".to_vec(), None, 4));
}

// ---- the end of the stream

#[test]
fn a_cancel_has_no_more_read_than_was() {
    // With the source unread, partly written, and all written but not known to be.
    for (steps, written) in [(0, ""), (1, "ab"), (2, "abcdef")] {
        let (stream, script, bell, mut feeder) = scripted([Take(2)]);
        let source = source(b"abcdef");
        feeder.append_source(all(&source));
        feeder.append(b"dropped");
        for _ in 0..steps {
            assert!(matches!(writer::step(&stream), Step::Went(_)));
        }
        let read = source.read();
        stream.cancel(1);
        assert_eq!(step_to_the_end(&stream), Step::Rest);
        let written = if read > 0 { "abcdef" } else { written };
        assert_eq!((script.taken(), source.read()), (written.as_bytes().to_vec(), read));
        assert_eq!((stream.settled(), stream.copied(), bell.count()), (1, read, 1));
        assert!(stream.is_over() && script.is_dropped());
    }
}

#[test]
fn behind_a_source_that_a_cancel_cuts_nothing_is_written() {
    for (steps, written) in [(0, "before"), (1, "before"), (2, "beforeabcdef")] {
        let (stream, script, _, mut feeder) = scripted([Take(6), Take(2)]);
        feeder.append(b"before");
        feeder.append_source(all(&source(b"abcdef")));
        feeder.append(b"behind");
        for _ in 0..steps {
            assert!(matches!(writer::step(&stream), Step::Went(_)));
        }
        stream.cancel(100);
        assert_eq!(step_to_the_end(&stream), Step::Rest);
        assert_eq!(script.taken(), written.as_bytes());
        assert!(stream.is_over() && script.is_dropped());
    }
}

#[test]
fn what_a_cancel_does_not_keep_is_not_written_though_it_was_read() {
    let (stream, script, _, mut feeder) = scripted([Take(2)]);
    let source = source(b"abcdef");
    feeder.append_source(all(&source));
    assert_eq!(writer::step(&stream), Step::Went(2));
    stream.cancel(0);
    assert!(stream.is_over() && script.is_dropped());
    assert_eq!((script.taken(), source.read(), stream.copied(), stream.settled()), (b"ab".to_vec(), 6, 2, 0));
}

#[test]
fn a_source_is_let_go_when_it_is_read_or_dropped() {
    let ends: [fn(&Stream); 4] = [
        |stream| assert_eq!(step_to_the_end(stream), Step::Empty),
        |stream| stream.cancel(0),
        |stream| {
            stream.cancel(1);
            assert_eq!(step_to_the_end(stream), Step::Rest);
        },
        |stream| stream.give_up(os(NOSPC)),
    ];
    for end in ends {
        let (stream, _, _, mut feeder) = scripted([]);
        let source = source(b"abc");
        feeder.append_source(all(&source));
        end(&stream);
        assert_eq!(Arc::strong_count(&source), 1);
    }
}

#[test]
fn nothing_is_read_of_what_comes_too_late() {
    let (stream, ..) = scripted([]);
    stream.cancel(0);
    let source = source(b"abc");
    stream.append_source(all(&source));
    assert_eq!(writer::step(&stream), Step::Rest);
    assert_eq!((Arc::strong_count(&source), source.read()), (1, 0));
}

/// A stream whose write of what was read is answered by `answer`.
fn answered(answer: Answer) -> (Arc<Stream>, Script, Bell) {
    let (stream, script, bell, mut feeder) = scripted([Take(1), answer]);
    feeder.append_source(piece(b"abc"));
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    (stream, script, bell)
}

#[test]
fn the_errors_of_a_write_are_those_of_any() {
    for (answer, failure) in [(refuse(NOSPC), os(NOSPC)), (Nothing, os(IO)), (Answer::Unnamed, os(IO))] {
        let (stream, script, bell) = answered(answer);
        assert_eq!((stream.failure(), bell.count()), (Some(failure), 1));
        assert_eq!((script.taken(), script.is_dropped(), stream.settled()), (b"a".to_vec(), true, 0));
    }
    let (stream, ..) = answered(Answer::Call(Box::new(|| panic_quietly("in a write"))));
    assert!(stream.failure().is_some());
}

#[test]
fn streams_that_share_a_source_go_on_where_the_other_ended() {
    let source = source(b"abcdef");
    for part in [b"abc", b"def"] {
        let (stream, script, _, _) = scripted([]);
        stream.append_source(Piece::new(Arc::clone(&source), 3));
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!(script.taken(), part);
    }
}

#[test]
fn a_job_gives_way_after_half_a_mebibyte_of_a_source_if_others_wait() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append_source(piece(&pattern((3 << 19) + 1)));
    stream.append(Bytes::from_static(b"!"));
    for rounds in 1..=3 {
        assert!(matches!(writer::run(&stream, || true), End::GaveWay));
        assert_eq!(script.count_taken(), rounds << 19);
    }
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
    assert_eq!((script.count_taken(), stream.copied()), ((3 << 19) + 2, (3 << 19) + 1));
}
