//! Files that are copied into files, as the kernel does it, and where it does not.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    fs::{self, File as StdFile, OpenOptions},
    io::{Seek, SeekFrom},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use rustix::io::Errno;
use spillway::{
    os::{File, Input},
    source::{Outcome, Piece, Source},
    stream::{Retry, Stream},
    writer::{self, End, Step},
};
use tempfile::TempDir;

use common::{
    Bell, Feeder, opening, pattern, step_to_the_end,
    unix::{count_descriptors, request},
};
use linux::{NOSPC, all, c_path, os, source_in};

/// Most that is read at once: who goes on by more has the kernel copy.
const READ_SIZE: u64 = 256 << 10;

/// A folder in memory, of which the kernel copies files whatever the disks are.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").expect("a folder for the test")
}

/// A stream into a new file.
fn into(path: &Path) -> (Arc<Stream>, Feeder) {
    let stream = opening(request(path), Bell::default().listener());
    assert_eq!(writer::step(&stream), Step::Went(0), "it opens");
    let feeder = Feeder::new(&stream);
    (stream, feeder)
}

/// A stream into what JavaScript has opened.
fn into_shared(file: &StdFile, start: Option<u64>) -> (Arc<Stream>, Feeder) {
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(File::share(file.as_raw_fd(), start).expect("it is open")));
    let feeder = Feeder::new(&stream);
    (stream, feeder)
}

/// A file with `bytes`, and its path.
fn file(folder: &Path, bytes: &[u8]) -> (StdFile, PathBuf) {
    let path = folder.join("source");
    fs::write(&path, bytes).expect("it can be made");
    (StdFile::open(&path).expect("it is there"), path)
}

fn position(mut file: &StdFile) -> u64 {
    file.stream_position().expect("it stands somewhere")
}

#[test]
fn a_file_is_copied_half_a_mebibyte_at_a_time() {
    let folder = folder();
    let bytes = pattern((3 << 19) + 5);
    let (stream, mut feeder) = into(&folder.path().join("file"));
    let source = source_in(file(folder.path(), &bytes).0);
    feeder.append(b"(");
    feeder.append_source(all(&source));
    feeder.append(b")");
    let steps: Vec<_> = (0..7).map(|_| writer::step(&stream)).collect();
    let went = [1, 1 << 19, 1 << 19, 1 << 19, 5, 0, 1].map(Step::Went);
    assert_eq!((steps, writer::step(&stream)), (went.into(), Step::Empty));
    let whole = [b"(", &bytes[..], b")"].concat();
    assert!(fs::read(folder.path().join("file")).expect("it is there") == whole);
    assert_eq!((source.outcome(), source.read()), (Some(Outcome::Ended), bytes.len() as u64));
}

#[test]
fn a_long_copy_gives_way_after_each_half_a_mebibyte_if_others_wait() {
    let folder = folder();
    let (stream, mut feeder) = into(&folder.path().join("file"));
    feeder.append_source(all(&source_in(file(folder.path(), &pattern(5 << 19)).0)));
    for rounds in 1..=5 {
        assert!(matches!(writer::run(&stream, || true), End::GaveWay));
        assert_eq!(stream.copied(), rounds << 19);
    }
    assert!(matches!(writer::run(&stream, || true), End::Asleep));
}

#[test]
fn positions_of_both_are_counted_and_leave_the_descriptors_where_they_stood() {
    let folder = folder();
    let (mut from, _) = file(folder.path(), b"0123456789");
    from.seek(SeekFrom::Start(9)).expect("it can be sought");
    let path = folder.path().join("file");
    let mut to = StdFile::create(&path).expect("it can be made");
    to.seek(SeekFrom::Start(7)).expect("it can be sought");
    let (stream, mut feeder) = into_shared(&to, Some(1));
    let input = Input::new(from.try_clone().expect("it is open").into()).expect("it is open");
    let source = Source::new(input, Some(2));
    for most in [3, 4] {
        feeder.append_source(Piece::new(Arc::clone(&source), most));
        feeder.append(b"-");
    }
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(fs::read(&path).expect("it is there"), b"\x00234-5678-");
    assert_eq!((position(&from), position(&to)), (9, 7));
}

#[test]
fn without_positions_the_descriptors_go_on_for_all_who_share_them() {
    let folder = folder();
    let (mut from, _) = file(folder.path(), b"0123456789");
    from.seek(SeekFrom::Start(2)).expect("it can be sought");
    let path = folder.path().join("file");
    let to = StdFile::create(&path).expect("it can be made");
    let (stream, mut feeder) = into_shared(&to, None);
    let source = source_in(from.try_clone().expect("it is open"));
    feeder.append_source(Piece::new(Arc::clone(&source), 3));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((position(&from), position(&to)), (5, 3));
    // Another reader has a share in the position.
    from.seek(SeekFrom::Start(8)).expect("it can be sought");
    feeder.append_source(all(&source));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((position(&from), position(&to)), (10, 5));
    assert_eq!(fs::read(&path).expect("it is there"), b"23489");
}

#[test]
fn what_is_opened_for_appending_is_read_and_written() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, b"before").expect("it can be made");
    let to = OpenOptions::new().append(true).open(&path).expect("it is there");
    let (stream, mut feeder) = into_shared(&to, None);
    let bytes = pattern(600 << 10);
    let source = source_in(file(folder.path(), &bytes).0);
    feeder.append_source(all(&source));
    assert_eq!(writer::step(&stream), Step::Went(READ_SIZE));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(fs::read(&path).expect("it is there") == [b"before", &bytes[..]].concat());
    assert_eq!((stream.failure(), source.outcome()), (None, Some(Outcome::Ended)));
}

#[test]
fn a_file_that_says_it_is_empty_is_read_all_the_same() {
    let folder = folder();
    let path = folder.path().join("file");
    let (stream, mut feeder) = into(&path);
    for source in [
        source_in(StdFile::open("/proc/version").expect("Linux")),
        Source::open(c"/proc/version".into(), Some(0)),
    ] {
        feeder.append_source(all(&source));
    }
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    let version = fs::read_to_string("/proc/version").expect("Linux");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), version.repeat(2));
}

#[test]
fn what_is_no_regular_file_is_read_and_written() {
    let folder = folder();
    let path = folder.path().join("file");
    let (stream, mut feeder) = into(&path);
    feeder.append_source(Piece::new(Source::open(c"/dev/zero".into(), None), 600 << 10));
    assert_eq!(writer::step(&stream), Step::Went(READ_SIZE));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(fs::read(&path).expect("it is there") == vec![0; 600 << 10]);
}

#[test]
fn the_kernel_s_refusal_of_a_source_is_no_failure_of_the_stream() {
    let folder = folder();
    let path = folder.path().join("file");
    let (stream, mut feeder) = into(&path);
    let write_only = StdFile::create(folder.path().join("other")).expect("it can be made");
    for (source, error) in [
        (source_in(write_only), Errno::BADF),
        (source_in(StdFile::open(folder.path()).expect("it is there")), Errno::ISDIR),
        (Source::open(c_path(folder.path()), Some(5)), Errno::ISDIR),
    ] {
        feeder.append_source(all(&source));
        feeder.append(b"!");
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!(source.outcome(), Some(Outcome::NotRead(error.raw_os_error())));
    }
    assert_eq!((stream.failure(), stream.copied()), (None, 0));
    assert_eq!(fs::read(&path).expect("it is there"), b"!!!");
}

#[test]
fn the_descriptor_of_a_source_is_closed_when_it_is_copied_or_dropped() {
    let ends: [fn(&Stream); 3] = [
        |stream| assert_eq!(step_to_the_end(stream), Step::Empty),
        |stream| stream.cancel(0),
        |stream| stream.give_up(os(NOSPC)),
    ];
    for end in ends {
        let folder = folder();
        let (stream, mut feeder) = into(&folder.path().join("file"));
        let (from, path) = file(folder.path(), &pattern(2 << 20));
        feeder.append_source(all(&source_in(from)));
        assert_eq!(writer::step(&stream), Step::Went(1 << 19));
        assert_eq!(count_descriptors(&path), 1);
        end(&stream);
        assert_eq!(count_descriptors(&path), 0);
    }
}

// ---- full disks

/// A file system of two mebibytes.
struct Disk(TempDir);

impl Disk {
    /// `None` where this process may not mount one.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Copies a file of more than half of the disk into `stream`.
    fn copy(&self, feeder: &mut Feeder) -> (Vec<u8>, Arc<Source>) {
        let bytes = pattern(1_300_000);
        let source = source_in(file(self.0.path(), &bytes).0);
        feeder.append_source(all(&source));
        (bytes, source)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

#[test]
fn a_disk_that_is_full_in_mid_copy_fails_the_stream_and_not_the_source() {
    let Some(disk) = Disk::new() else { return };
    let (stream, mut feeder) = into(&disk.path("file"));
    let (bytes, source) = disk.copy(&mut feeder);
    let Step::Went(first) = writer::step(&stream) else { panic!("there is room") };
    assert!(first > READ_SIZE, "{first}: the kernel copies");
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), source.outcome()), (Some(os(NOSPC)), None));
    let written = fs::read(disk.path("file")).expect("it is there");
    assert!((500_000..bytes.len()).contains(&written.len()), "{}", written.len());
    assert!(written == bytes[..written.len()]);
    assert_eq!(stream.copied(), written.len() as u64);
}

#[test]
fn a_copy_goes_on_at_the_exact_byte_when_a_full_disk_has_room_again() {
    let Some(disk) = Disk::new() else { return };
    let (stream, mut feeder) = into(&disk.path("file"));
    let pause = Duration::from_secs(600);
    stream.wait_out(Retry { errnos: vec![NOSPC.raw_os_error()], interval: pause, limit: 10 * pause });
    fs::write(disk.path("ballast"), vec![0; 512 << 10]).expect("there is room");
    let (bytes, _) = disk.copy(&mut feeder);
    feeder.append(b"end");
    assert_eq!(step_to_the_end(&stream), Step::Stalled(pause));
    let copied = stream.copied();
    assert_eq!(writer::step(&stream), Step::Stalled(pause));
    assert_eq!((stream.copied(), stream.settled(), stream.control().stalls()), (copied, 0, 1));
    fs::remove_file(disk.path("ballast")).expect("it is there");
    fs::remove_file(disk.path("source")).expect("it is there");
    // The source is open: its room is not free.
    assert_eq!(step_to_the_end(&stream), Step::Stalled(pause));
    let count = usize::try_from(stream.copied()).expect("it is small");
    assert!(copied < stream.copied() && count < bytes.len());
    assert!(fs::read(disk.path("file")).expect("it is there") == bytes[..count]);
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,size=4m"]).arg(disk.0.path());
    assert!(remount.output().is_ok_and(|output| output.status.success()));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(fs::read(disk.path("file")).expect("it is there") == [&bytes[..], b"end"].concat());
    assert_eq!((stream.settled(), stream.copied()), (4, bytes.len() as u64));
}

#[test]
fn a_device_that_is_full_fails_the_stream_and_not_the_source() {
    let folder = folder();
    let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    let (stream, mut feeder) = into_shared(&full, None);
    let source = source_in(file(folder.path(), b"abc").0);
    feeder.append_source(all(&source));
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), source.outcome(), stream.copied()), (Some(os(NOSPC)), None, 0));
}
