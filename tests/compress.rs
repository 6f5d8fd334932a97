//! Compressed bytes: whatever the target answers, what it has taken in the end is
//! what other programs read.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;
#[path = "common/staged.rs"]
mod staged;

use std::{io::Read, sync::Arc, time::Duration};

use flate2::{
    bufread,
    read::{GzDecoder, MultiGzDecoder},
};
use spillway::{
    flush, runtime,
    stream::Retry,
    target::{Compression, Format, Settle, Stages},
    writer::{self, Step},
};

use common::{
    Answer::{self, Interrupted, Take, WouldBlock},
    PATIENCE, pattern, step_to_the_end,
};
use linux::{IO, NOSPC, os, piece, refuse};
use staged::Staged;

const GZIP: Compression = Compression { format: Format::Gzip, level: 6, threads: 1 };
const GZIP_BY_THREE: Compression = Compression { threads: 3, ..GZIP };
const ZSTD: Compression = Compression { format: Format::Zstd, level: 3, threads: 1 };
const ZSTD_BY_TWO: Compression = Compression { threads: 2, ..ZSTD };
const ALL: [Compression; 4] = [GZIP, GZIP_BY_THREE, ZSTD, ZSTD_BY_TWO];

fn staged(compression: Compression, answers: impl IntoIterator<Item = Answer>) -> Staged {
    Staged::new(Stages { compress: Some(compression), ..Stages::default() }, answers)
}

/// Bytes that do not get much fewer.
fn noise(count: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        seed.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

fn decode(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression.format {
        Format::Gzip => {
            let mut decoded = Vec::new();
            MultiGzDecoder::new(bytes).read_to_end(&mut decoded).expect("it is whole");
            decoded
        }
        Format::Zstd => zstd::decode_all(bytes).expect("it is whole"),
    }
}

/// The sizes of the members that gzip's bytes have.
fn members(mut bytes: &[u8]) -> Vec<usize> {
    let mut sizes = Vec::new();
    while !bytes.is_empty() {
        let mut decoder = bufread::GzDecoder::new(bytes);
        sizes.push(decoder.read_to_end(&mut Vec::new()).expect("it is whole"));
        bytes = decoder.into_inner();
    }
    sizes
}

#[test]
fn whatever_the_target_answers_the_bytes_are_those_that_were_given() {
    let bytes = [noise(200_000), pattern(300_000), vec![0; 400_000], noise(3)].concat();
    for compression in ALL {
        for size in [1, 7, 4_000, 100_000] {
            let answers = (0..5_000).map(|at| match at % 7 {
                0 => Interrupted,
                3 | 4 => WouldBlock,
                _ => Take(size),
            });
            let mut staged = staged(compression, answers);
            for part in bytes.chunks(170_001) {
                staged.feeder.append(part);
            }
            staged.stream.finish();
            assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
            assert!(
                decode(compression, &staged.script.taken()) == bytes,
                "{compression:?}, {size} at a time"
            );
            assert_eq!(staged.stream.file_bytes(), staged.script.count_taken() as u64);
            assert_eq!(staged.stream.settled(), bytes.len() as u64);
            assert!(staged.stream.is_over() && staged.script.is_dropped());
        }
    }
}

#[test]
fn a_part_is_compressed_at_a_time() {
    for (compression, part) in [(GZIP, 128 << 10), (GZIP_BY_THREE, 384 << 10), (ZSTD, 128 << 10)] {
        let mut staged = staged(compression, []);
        staged.feeder.append(&vec![b'x'; 1 << 20]);
        assert_eq!(writer::step(&staged.stream), Step::Went(part));
        assert_eq!(staged.stream.control().settled(), u32::try_from(part).expect("it is little"));
    }
}

#[test]
fn what_was_compressed_goes_before_more_is_taken() {
    let mut staged = staged(GZIP, [WouldBlock, Take(1), WouldBlock]);
    staged.feeder.append(&noise(256 << 10));
    let part = 128 << 10;
    // There is enough of it now; what comes next has to wait.
    let steps = [Step::Went(part), Step::Blocked, Step::Blocked, Step::Went(part)];
    for step in steps {
        assert_eq!(writer::step(&staged.stream), step);
    }
    assert!(staged.script.count_taken() > 64 << 10);
}

#[test]
fn a_barrier_ends_a_member_and_two_of_them_end_one() {
    let mut staged = staged(GZIP, []);
    for (part, how) in [(&b"abc"[..], Settle::Written), (b"de", Settle::Data), (b"", Settle::Data)] {
        staged.feeder.append(part);
        staged.feeder.append_barrier(how);
        assert_eq!(step_to_the_end(&staged.stream), Step::Empty);
    }
    assert_eq!(members(&staged.script.taken()), [3, 2]);
    let settled: Vec<_> = staged.script.settled().into_iter().map(|(how, _)| how).collect();
    assert_eq!(settled, [Settle::Written, Settle::Data, Settle::Data]);
    staged.feeder.append(b"fghi");
    staged.stream.finish();
    assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
    assert_eq!(members(&staged.script.taken()), [3, 2, 4]);
}

#[test]
fn a_member_that_the_target_takes_bit_by_bit_is_ended_once() {
    for compression in ALL {
        let mut staged = staged(compression, [Take(1), WouldBlock, Interrupted, Take(3), WouldBlock]);
        staged.feeder.append(b"abc");
        staged.feeder.append_barrier(Settle::Written);
        assert_eq!(step_to_the_end(&staged.stream), Step::Empty);
        assert_eq!(decode(compression, &staged.script.taken()), b"abc");
    }
}

#[test]
fn a_stream_of_no_bytes_has_one_empty_member() {
    for compression in ALL {
        let staged = staged(compression, [Take(2), WouldBlock]);
        staged.stream.finish();
        assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
        assert!(staged.script.count_taken() > 0);
        assert_eq!(decode(compression, &staged.script.taken()), b"");
    }
    let mut staged = staged(GZIP, []);
    staged.feeder.append_barrier(Settle::Written);
    step_to_the_end(&staged.stream);
    staged.stream.finish();
    step_to_the_end(&staged.stream);
    assert_eq!(members(&staged.script.taken()), [0], "not a second one");
}

#[test]
fn a_full_disk_is_waited_out_in_a_write_a_settle_and_the_end() {
    let bytes = noise(300_000);
    for compression in ALL {
        let answers = (0..40).map(|at| if at % 2 == 0 { refuse(NOSPC) } else { Take(50_000) });
        let mut staged = staged(compression, answers);
        let errnos = vec![NOSPC.raw_os_error()];
        staged.stream.wait_out(Retry { errnos, interval: Duration::ZERO, limit: Duration::MAX });
        staged.feeder.append(&bytes);
        staged.feeder.append_barrier(Settle::Written);
        staged.feeder.append(&bytes);
        staged.stream.finish();
        while !staged.stream.is_over() {
            writer::step(&staged.stream);
        }
        assert_eq!(staged.stream.failure(), None);
        assert!(staged.stream.control().stalls() >= 2);
        assert!(decode(compression, &staged.script.taken()) == [&bytes[..], &bytes].concat());
    }
}

#[test]
fn a_failure_leaves_a_prefix() {
    let mut staged = staged(GZIP, [Take(70_000), refuse(IO)]);
    let bytes = noise(300_000);
    staged.feeder.append(&bytes);
    assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
    assert_eq!((staged.stream.failure(), staged.bell.count()), (Some(os(IO)), 1));
    let mut prefix = Vec::new();
    GzDecoder::new(&staged.script.taken()[..]).read_to_end(&mut prefix).expect_err("it is cut off");
    assert!(!prefix.is_empty() && bytes.starts_with(&prefix));
}

#[test]
fn a_cancel_writes_no_end() {
    let mut staged = staged(GZIP, []);
    staged.feeder.append(b"abc");
    step_to_the_end(&staged.stream);
    staged.stream.cancel(0);
    assert_eq!(writer::step(&staged.stream), Step::Rest);
    assert!(staged.stream.is_over() && staged.script.is_dropped());
    assert_eq!(staged.script.count_taken(), 0);
}

#[test]
fn sources_are_compressed_in_their_place() {
    for compression in ALL {
        let mut staged = staged(compression, []);
        let bytes = noise(600_000);
        staged.feeder.append(b"head");
        staged.feeder.append_source(piece(&bytes));
        staged.feeder.append(b"tail");
        staged.stream.finish();
        assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
        assert!(decode(compression, &staged.script.taken()) == [b"head", &bytes[..], b"tail"].concat());
        assert_eq!(staged.stream.copied(), 600_000);
    }
}

#[test]
fn the_end_of_a_thread_makes_it_whole() {
    runtime::start().expect("a runtime");
    for compression in ALL {
        let mut staged = staged(compression, []);
        staged.feeder.append(b"abc");
        flush::end_all(vec![(Arc::clone(&staged.stream), PATIENCE)]);
        assert_eq!(decode(compression, &staged.script.taken()), b"abc");
        assert!(staged.stream.wait_until_over(std::time::Instant::now() + PATIENCE));
    }
}
