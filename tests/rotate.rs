//! A log that rotates, stepped by hand: the clock is the test's, the folder a real one, without a runtime, so that
//! closed files are tidied within the step.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;
#[path = "common/log.rs"]
mod log;

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
};

use rustix::fs::{FlockOperation, flock};
use spillway::{
    error::Failure,
    stream::Request,
    target::{Change, Compression, Format, Keep, News, Rules, Settle},
    writer::{self, Step},
};

use common::{Bell, Feeder};
use linux::c_path;
use log::{Log, NOW};

/// The flags of a log.
const APPEND: i32 = 0o2000 | 0o100 | 0o1;

fn by_size(size: u64) -> Rules {
    Rules { size: Some(size), ..Rules::default() }
}

const GZIP: Compression = Compression { format: Format::Gzip, level: 6, threads: 1 };

#[test]
fn a_file_is_cut_between_chunks_and_a_long_one_has_its_own() {
    let log = Log::new(by_size(5));
    let mut writer = log.open();
    writer.write(&["ab", "cd", "e", "f", "longer than five", "gh"]);
    assert_eq!(
        log.contents(),
        ["app-0.1.log=abcde", "app-0.2.log=f", "app-0.3.log=longer than five", "app.log=gh"]
    );
    let paths: Vec<_> = (1..=3).map(|index| log.folder().join(format!("app-0.{index}.log"))).collect();
    let sizes = [5, 1, 16];
    let expected: Vec<_> =
        paths.into_iter().zip(sizes).map(|(path, size)| News::Rotated(path, size)).collect();
    assert_eq!(writer.news(), expected);
    assert!(writer.bell.count() >= 3);
    assert_eq!(fs::metadata(log.path()).expect("it is there").permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_new_stream_goes_on_where_the_folder_is() {
    let log = Log::new(by_size(4));
    log.open().write(&["abc"]);
    log.open().write(&["d", "e"]);
    log.open().write(&["fgh", "i"]);
    assert_eq!(log.contents(), ["app-0.1.log=abcd", "app-0.2.log=efgh", "app.log=i"]);
}

#[test]
fn each_period_has_files_of_its_own() {
    let log = Log::new(Rules { is_timed: true, ..Rules::default() });
    let mut writer = log.open();
    NOW.set(1999);
    writer.write(&["a"]);
    writer.look();
    assert_eq!(log.contents(), ["app.log=a"]);
    NOW.set(2000);
    writer.write(&["b"]);
    assert_eq!(log.contents(), ["app-0.1.log=a", "app.log=b"]);
    NOW.set(4001);
    writer.look();
    assert_eq!(
        log.contents(),
        ["app-0.1.log=a", "app-2.1.log=b", "app.log="],
        "also when nothing is written"
    );
    NOW.set(9000);
    writer.look();
    assert_eq!(log.names().len(), 3, "an empty file is not closed");
}

#[test]
fn an_empty_file_is_of_the_period_in_which_something_is_written() {
    let log = Log::new(Rules { is_timed: true, ..Rules::default() });
    let mut writer = log.open();
    writer.look();
    NOW.set(2000);
    writer.look();
    NOW.set(4000);
    writer.write(&["a"]);
    writer.write(&["b"]);
    assert_eq!(log.contents(), ["app.log=ab"]);
}

#[test]
fn an_old_file_is_closed_before_the_first_write() {
    let log = Log::new(Rules { is_timed: true, ..Rules::default() });
    fs::write(log.path(), "old").expect("it can be made");
    // It was written to now, which is after all periods that are known.
    NOW.set(1000);
    log.open().write(&["a"]);
    assert_eq!(log.contents(), ["app.log=olda"]);
    let file = OpenOptions::new().append(true).open(log.path()).expect("it is there");
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1999)).expect("it is ours");
    NOW.set(2500);
    log.open().write(&["b"]);
    assert_eq!(log.contents(), ["app-0.1.log=olda", "app.log=b"]);
}

#[test]
fn closed_files_are_compressed_and_removed() {
    let log = Log::new(Rules { compress: Some(GZIP), keep: Some(Keep::Files(2)), ..by_size(3) });
    let mut writer = log.open();
    writer.write(&["abc", "def", "ghi", "jkl"]);
    assert_eq!(log.names(), ["app-0.2.log.gz", "app-0.3.log.gz", "app.log"]);
    let news = writer.news();
    assert_eq!(news.len(), 3);
    assert!(
        matches!(&news[2], News::Rotated(path, size) if path.ends_with("app-0.3.log.gz") && *size > 3),
        "{news:?}"
    );
}

#[test]
fn what_another_still_writes_to_is_not_compressed() {
    let log = Log::new(Rules { compress: Some(GZIP), ..by_size(3) });
    let (mut one, mut other) = (log.open(), log.open());
    one.write(&["ab"]);
    other.write(&["c"]);
    one.write(&["def"]);
    assert_eq!(log.contents(), ["app-0.1.log=abc", "app.log=def"], "the other has not followed yet");
    other.write(&["ghi"]);
    assert_eq!(
        log.names(),
        ["app-0.1.log.gz", "app-0.2.log", "app.log"],
        "now it has, and the first is closed"
    );
    one.look();
    other.look();
    assert_eq!(log.names(), ["app-0.1.log.gz", "app-0.2.log.gz", "app.log"]);
    assert_eq!(fs::read_to_string(log.path()).expect("it is there"), "ghi");
}

#[test]
fn while_another_moves_files_the_old_one_is_gone_on_with() {
    let log = Log::new(by_size(3));
    let mut writer = log.open();
    writer.write(&["abc"]);
    let folder = OwnedFd::from(fs::File::open(log.folder()).expect("it is there"));
    flock(&folder, FlockOperation::LockExclusive).expect("it can be locked");
    writer.write(&["d"]);
    assert_eq!(log.contents(), ["app.log=abcd"]);
    drop(folder);
    writer.write(&["e"]);
    assert_eq!(log.contents(), ["app-0.1.log=abcd", "app.log=e"]);
    assert_eq!(writer.news().len(), 1, "nothing is wrong");
}

#[test]
fn a_file_that_was_moved_or_removed_is_begun_anew() {
    let log = Log::new(by_size(100));
    let mut writer = log.open();
    writer.write(&["a"]);
    fs::rename(log.path(), log.folder().join("moved")).expect("it can be moved");
    writer.write(&["b"]);
    fs::remove_file(log.path()).expect("it can be removed");
    writer.write(&["c"]);
    assert_eq!(log.contents(), ["app.log=c", "moved=a"]);
}

#[test]
fn where_a_new_file_is_needed_and_can_not_be_had_the_stream_fails_and_names_the_call() {
    let log = Log::new(by_size(3));
    let mut writer = log.open();
    writer.write(&["abc"]);
    fs::remove_dir_all(log.folder()).expect("it can be removed");
    writer.write(&["d"]);
    assert_eq!(writer.stream.failure(), Some(Failure::Again(2, "open")));
}

#[test]
fn what_the_writes_behind_a_short_one_bring_is_never_cut() {
    let log = Log::new(by_size(3));
    let mut writer = log.open();
    writer.feeder.next_slab(100);
    let _ = writer.feeder.fill(b"ab");
    writer.stream.seal();
    let _ = writer.feeder.fill(b"cd");
    writer.step();
    assert_eq!(log.contents(), ["app-0.1.log=ab", "app.log=cd"], "the end of an entry is that of a chunk");
}

#[test]
fn a_sync_reaches_the_closed_files_too() {
    let log = Log::new(by_size(3));
    let mut writer = log.open();
    writer.write(&["abc", "def"]);
    writer.feeder.append_barrier(Settle::All);
    writer.step();
    assert_eq!(writer.stream.failure(), None);
    assert_eq!(writer.stream.settled(), 7);
}

#[test]
fn reopen_has_what_follows_go_to_the_other_file() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = |name: &str| folder.path().join(name);
    let request = |name: &str| Request {
        path: c_path(&path(name)),
        flags: APPEND,
        mode: 0o600,
        start: None,
        mkdir: true,
    };
    let stream = common::opening(request("one"), Bell::default().listener());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"before");
    stream.append_change(Change::Reopen(request("a/two")));
    feeder.append(b"after");
    while matches!(writer::step(&stream), Step::Went(_)) {}
    let read = |name: &str| fs::read_to_string(path(name)).expect("it is there");
    assert_eq!((read("one"), read("a/two")), ("before".into(), "after".into()));
    assert_eq!(stream.settled(), 12);
    fs::File::create(path("b")).and_then(|mut file| file.write_all(b"x")).expect("it can be made");
    stream.append_change(Change::Reopen(request("b/two")));
    while matches!(writer::step(&stream), Step::Went(_)) {}
    assert_eq!(stream.failure(), Some(Failure::Again(20, "open")));
}
