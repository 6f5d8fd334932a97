//! What a flush writes on the thread that waits for it.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{fs, sync::Arc};

use spillway::{
    source::{Piece, Source},
    writer::{self, Step},
};

use common::{
    Bell, Feeder, descriptor, opening, scripted,
    unix::{count_descriptors, request},
};

const ALL: u64 = u64::MAX;

#[test]
fn a_regular_file_that_nobody_writes_is_written_here() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = opening(request(&path), Bell::default().listener());
    assert_eq!(writer::step(&stream), Step::Went(0));
    let mut feeder = Feeder::new(&stream);
    feeder.append(&vec![b'x'; 3 << 20]);
    feeder.append(b"last");
    assert!(writer::write_here(&stream, 3 << 20));
    assert_eq!(fs::metadata(&path).expect("it is there").len(), 3 << 20);
    assert!(!writer::write_here(&stream, ALL), "there are not so many");
    assert_eq!(fs::metadata(&path).expect("it is there").len(), (3 << 20) + 4);
    assert!(descriptor(&stream) >= 0);
    assert_eq!(count_descriptors(&path.canonicalize().expect("it is there")), 1);
}

#[test]
fn what_may_wait_is_left_to_the_job() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert!(!writer::write_here(&stream, ALL));
    assert_eq!(script.writes(), 0);
}

#[test]
fn what_is_held_back_stays_so() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = opening(request(&path), Bell::default().listener());
    stream.hold();
    assert_eq!(writer::step(&stream), Step::Rest);
    Feeder::new(&stream).append(b"abc");
    assert!(!writer::write_here(&stream, ALL));
    assert_eq!(fs::metadata(&path).expect("it is there").len(), 0);
}

#[test]
fn what_comes_from_a_source_is_left_to_the_job() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = opening(request(&path), Bell::default().listener());
    assert_eq!(writer::step(&stream), Step::Went(0));
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"abc");
    let source = Source::open(c"/proc/version".into(), None);
    feeder.append_source(Piece::new(Arc::clone(&source), 3));
    assert!(!writer::write_here(&stream, ALL));
    assert_eq!((fs::read(&path).expect("it is there"), source.read()), (b"abc".to_vec(), 0));
}
