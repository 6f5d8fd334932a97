//! Digests of what the target has taken.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;
#[path = "common/staged.rs"]
mod staged;

use spillway::{
    target::{Algorithm, Compression, Format, Stages},
    writer::Step,
};

use common::{
    Answer::{self, Interrupted, Take, WouldBlock},
    pattern, step_to_the_end,
};
use linux::{IO, piece, refuse};
use staged::Staged;

const ALL: [&str; 7] = ["md5", "sha1", "sha256", "sha512", "crc32", "crc32c", "blake3"];

/// What the authors of each say that `abc` comes to; of `123456789` for the CRCs, their usual check.
const KNOWN: [(&str, &[u8], &str); 7] = [
    ("md5", b"abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("sha1", b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "sha512",
        b"abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    ("crc32", b"123456789", "cbf43926"),
    ("crc32c", b"123456789", "e3069283"),
    ("blake3", b"abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
];

fn stages(names: &[&str]) -> Stages {
    let digest = names.iter().map(|name| Algorithm::of_name(name).expect("it is known")).collect();
    Stages { digest, ..Stages::default() }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string has room");
        text
    })
}

/// The digests of `bytes`, written at once.
fn expected(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut staged = Staged::new(stages(&ALL), []);
    staged.feeder.append(bytes);
    finish(&staged);
    digests(&staged)
}

fn finish(staged: &Staged) {
    staged.stream.finish();
    assert_eq!(step_to_the_end(&staged.stream), Step::Rest);
}

fn digests(staged: &Staged) -> Vec<Vec<u8>> {
    (0..).map_while(|number| staged.stream.digest(number)).collect()
}

#[test]
fn each_is_what_its_authors_say() {
    for (name, bytes, digest) in KNOWN {
        let mut staged = Staged::new(stages(&[name]), []);
        for byte in bytes {
            staged.feeder.append(&[*byte]);
        }
        finish(&staged);
        assert_eq!(hex(&staged.stream.digest(0).expect("it has ended")), digest, "{name}");
        assert_eq!(staged.stream.digest(1), None);
    }
    assert_eq!(Algorithm::of_name("sha3"), None);
}

#[test]
fn each_of_a_list_is_what_it_is_alone() {
    for size in [0, 1, 100_000, 1_000_000] {
        let bytes = pattern(size);
        for name in ALL {
            let mut staged = Staged::new(stages(&[name]), []);
            staged.feeder.append(&bytes);
            finish(&staged);
            let place = ALL.iter().position(|other| *other == name).expect("it is one of them");
            assert_eq!(digests(&staged)[0], expected(&bytes)[place], "{name} of {size} bytes");
        }
    }
}

#[test]
fn however_the_target_takes_the_bytes_they_are_digested_once() {
    let bytes = pattern(1_000_000);
    let whole = expected(&bytes);
    for size in [1, 4_711, 200_000] {
        let answers = (0..3_000).map(|at| match at % 5 {
            0 => Interrupted,
            2 => WouldBlock,
            _ => Take(size),
        });
        let mut staged = Staged::new(stages(&ALL), answers);
        for part in bytes.chunks(77_777) {
            staged.feeder.append(part);
        }
        finish(&staged);
        assert!(staged.script.has_taken(&bytes));
        assert_eq!(digests(&staged), whole, "{size} at a time");
    }
}

#[test]
fn what_a_source_has_is_digested_although_the_target_could_copy_it() {
    let bytes = pattern(700_000);
    let mut staged = Staged::new(stages(&ALL), []);
    staged.script.copy([] as [Answer; 0]);
    staged.feeder.append(b"head");
    staged.feeder.append_source(piece(&bytes));
    finish(&staged);
    assert_eq!(digests(&staged), expected(&[b"head", &bytes[..]].concat()));
    assert_eq!(staged.script.asked(), [] as [u64; 0]);
}

#[test]
fn there_is_none_before_the_end_nor_after_a_failure_or_a_cancel() {
    let mut staged = Staged::new(stages(&ALL), []);
    staged.feeder.append(b"abc");
    step_to_the_end(&staged.stream);
    assert_eq!(staged.stream.digest(0), None);
    staged.stream.cancel(0);
    step_to_the_end(&staged.stream);
    assert_eq!(staged.stream.digest(0), None);
    let mut failed = Staged::new(stages(&ALL), [Take(1), refuse(IO)]);
    failed.feeder.append(b"abc");
    finish(&failed);
    assert_eq!((failed.stream.digest(0), failed.stream.failure().is_some()), (None, true));
}

#[test]
fn of_the_stream_or_of_the_file() {
    let compress = Some(Compression { format: Format::Gzip, level: 6, threads: 1 });
    for digest_of_file in [false, true] {
        let bytes = pattern(300_000);
        let answers = [Take(3), WouldBlock, Take(100)];
        let mut staged = Staged::new(Stages { compress, digest_of_file, ..stages(&ALL) }, answers);
        staged.feeder.append(&bytes);
        finish(&staged);
        let whole = if digest_of_file { expected(&staged.script.taken()) } else { expected(&bytes) };
        assert_eq!(digests(&staged), whole);
    }
}
