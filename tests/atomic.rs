//! A file that takes the place of another: every way in which that begins, ends and is left.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            ffi::OsStringExt,
            fs::{MetadataExt, PermissionsExt, symlink},
        },
    },
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use spillway::{
    flush,
    os::{File, Replacement},
    runtime,
    stream::Stream,
    target::Settle,
    writer::{self, End, Step},
};
use tempfile::TempDir;

use common::{Bell, Feeder, PATIENCE, step_to_the_end};
use linux::{c_path, piece};

const NEVER: Duration = Duration::ZERO;

/// A file to be replaced, in a folder of its own.
struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        Self { folder, path }
    }

    fn with_old() -> Self {
        let place = Self::new();
        fs::write(&place.path, "old").expect("it can be made");
        place
    }

    fn content(&self) -> String {
        fs::read_to_string(&self.path).expect("it is there")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("it is there").file_name().into_string().expect("ASCII"))
            .collect();
        names.sort();
        names
    }

    fn prepare(&self, is_exclusive: bool) -> io::Result<Replacement> {
        Replacement::prepare(&c_path(&self.path), is_exclusive)
    }

    /// A stream into it, with the descriptor that is JavaScript's.
    fn stream(&self, is_exclusive: bool) -> Replaced {
        let replacement = self.prepare(is_exclusive).expect("it can be replaced");
        let (path, flags) = replacement.request();
        let path = CString::new(path).expect("no NUL");
        let flags = OFlags::from_bits_retain(flags.cast_unsigned());
        let fd = open(path.as_c_str(), flags, Mode::from_raw_mode(0o644)).expect("it can be made");
        let stream = Stream::new(Bell::default().listener());
        stream.replace(replacement, false);
        stream.give_file(File::share(fd.as_raw_fd(), None).expect("it is open"));
        let feeder = Feeder::new(&stream);
        Replaced { stream, feeder, fd }
    }
}

struct Replaced {
    stream: Arc<Stream>,
    feeder: Feeder,
    fd: OwnedFd,
}

impl Replaced {
    fn write(&mut self, bytes: &[u8]) {
        self.feeder.append(bytes);
        assert_eq!(step_to_the_end(&self.stream), Step::Empty);
    }

    fn finish(&self) {
        self.stream.finish();
        assert_eq!(step_to_the_end(&self.stream), Step::Rest);
        assert!(self.stream.is_over());
    }
}

#[test]
fn the_old_file_is_there_until_the_end() {
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    replaced.feeder.append_barrier(Settle::All);
    replaced.write(b" one");
    assert_eq!(place.content(), "old");
    replaced.finish();
    assert_eq!((place.content().as_str(), place.names()), ("new one", vec!["file".to_owned()]));
    assert_eq!(replaced.stream.failure(), None);
    assert_eq!(
        rustix::fs::fstat(&replaced.fd).expect("it is open").st_ino,
        fs::metadata(&place.path).expect("it is there").ino(),
        "JavaScript's descriptor is that of the new file"
    );
}

#[test]
fn what_was_not_there_comes_at_the_end() {
    let place = Place::new();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    assert!(!place.path.exists());
    replaced.finish();
    assert_eq!((place.content().as_str(), place.names()), ("new", vec!["file".to_owned()]));
}

#[test]
fn the_mode_is_kept_and_it_is_given_with_the_first_byte_or_at_the_end() {
    for writes in [true, false] {
        let place = Place::with_old();
        fs::set_permissions(&place.path, fs::Permissions::from_mode(0o4640)).expect("it is ours");
        let mut replaced = place.stream(false);
        if writes {
            replaced.write(b"new");
        }
        replaced.finish();
        let mode = fs::metadata(&place.path).expect("it is there").mode() & 0o7777;
        assert_eq!(mode, 0o4640);
    }
}

#[test]
fn an_abandoned_one_leaves_the_old_file_and_no_other() {
    for bytes in [0, 1, 100_000] {
        let place = Place::with_old();
        let mut replaced = place.stream(false);
        if bytes > 0 {
            replaced.write(&vec![b'x'; bytes]);
        }
        replaced.stream.cancel(0);
        step_to_the_end(&replaced.stream);
        assert!(replaced.stream.is_over());
        assert_eq!((place.content().as_str(), place.names()), ("old", vec!["file".to_owned()]));
    }
}

#[test]
fn one_that_is_dropped_leaves_nothing_either() {
    let place = Place::with_old();
    drop(place.prepare(false).expect("it can be replaced"));
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    drop(replaced);
    assert_eq!((place.content().as_str(), place.names()), ("old", vec!["file".to_owned()]));
}

#[test]
fn the_end_of_a_thread_abandons_one_that_was_not_finished_and_waits_for_that() {
    runtime::start().expect("a runtime");
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    assert!(replaced.stream.must_end());
    flush::end_all(vec![(Arc::clone(&replaced.stream), PATIENCE)]);
    assert!(replaced.stream.is_over());
    assert_eq!((place.content().as_str(), place.names()), ("old", vec!["file".to_owned()]));
}

#[test]
fn the_end_of_a_thread_waits_for_one_that_was_finished() {
    runtime::start().expect("a runtime");
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.feeder.append(b"new");
    replaced.stream.finish();
    flush::end_all(vec![(Arc::clone(&replaced.stream), PATIENCE)]);
    assert_eq!((place.content().as_str(), place.names()), ("new", vec!["file".to_owned()]));
}

#[test]
fn an_exclusive_one_gives_way_to_whoever_comes_before_its_end() {
    let place = Place::with_old();
    assert_eq!(place.prepare(true).expect_err("it is there").kind(), io::ErrorKind::AlreadyExists);
    fs::remove_file(&place.path).expect("it is there");
    let mut first = place.stream(true);
    first.write(b"first");
    let second = place.stream(true);
    first.finish();
    assert_eq!((first.stream.failure(), place.content().as_str()), (None, "first"));
    second.finish();
    assert!(second.stream.failure().is_some_and(|failure| failure.to_string().starts_with("link")));
    assert_eq!((place.content().as_str(), place.names()), ("first", vec!["file".to_owned()]));
}

#[test]
fn one_that_comes_to_where_nothing_was_replaces_whoever_came_before() {
    let place = Place::new();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    fs::write(&place.path, "another's").expect("it can be made");
    replaced.finish();
    assert_eq!((replaced.stream.failure(), place.content().as_str()), (None, "new"));
    assert_eq!(place.names(), ["file"]);
}

#[test]
fn those_that_end_together_are_all_in_their_places_before_others_wait_for_the_sync_of_the_folder() {
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    replaced.stream.finish();
    let end = writer::run(&replaced.stream, || true);
    assert!(matches!(end, End::GaveWay), "{end:?}");
    assert_eq!((place.content().as_str(), replaced.stream.is_over()), ("new", false));
    assert!(matches!(writer::run(&replaced.stream, || true), End::Asleep));
    assert!(replaced.stream.is_over());
}

#[test]
fn nobody_waits_on_the_javascript_thread_for_an_end_that_takes_its_time() {
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    replaced.stream.finish();
    assert!(!replaced.stream.is_letting_go(), "it is synced first");
    let abandoned = place.stream(false);
    abandoned.stream.cancel(0);
    assert!(abandoned.stream.is_letting_go(), "to remove a file is no more than to close one");
}

#[test]
fn one_look_into_the_folder_is_for_all_that_were_prepared_before_it() {
    let place = Place::new();
    let first = place.stream(false);
    let second = place.stream(false);
    leave(&place, 4_194_303, 1);
    first.finish();
    assert_eq!(place.names(), ["file"]);
    let left = leave(&place, 4_194_303, 1);
    second.finish();
    assert_eq!(place.names(), [left, "file".to_owned()], "it came later than both");
    place.stream(false).finish();
    assert_eq!(place.names(), ["file"]);
}

#[test]
fn two_at_once_do_not_meet() {
    let place = Place::with_old();
    let (mut one, mut other) = (place.stream(false), place.stream(false));
    one.write(b"one");
    other.write(b"other");
    other.finish();
    assert_eq!(place.content(), "other");
    one.finish();
    assert_eq!((place.content().as_str(), place.names()), ("one", vec!["file".to_owned()]));
}

#[test]
fn what_other_files_have_is_copied_into_it() {
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.feeder.append(b"head ");
    replaced.feeder.append_source(piece(b"body"));
    replaced.finish();
    assert_eq!(place.content(), "head body");
}

#[test]
fn a_folder_that_is_gone_at_the_end_is_a_failure() {
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    replaced.write(b"new");
    fs::remove_file(&place.path).expect("it is there");
    fs::remove_dir(place.folder.path()).expect("it is empty");
    replaced.finish();
    assert!(replaced.stream.failure().is_some_and(|failure| failure.to_string().starts_with("link")));
    fs::create_dir(place.folder.path()).expect("for the test to remove it");
}

/// Makes a temporary file of a process of that number, which began at `start`.
fn leave(place: &Place, pid: u32, start: u64) -> String {
    let name = format!(".file.{pid}-{start}-{}.spillway", 7);
    fs::write(place.folder.path().join(&name), "left").expect("it can be made");
    name
}

fn start_of(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux");
    let fields = stat.rsplit_once(") ").expect("it has a name").1;
    fields.split(' ').nth(19).expect("it has a start").parse().expect("a number")
}

#[test]
fn what_dead_processes_have_left_is_removed_and_nothing_else() {
    let place = Place::new();
    let mine = process::id();
    let kept = leave(&place, mine, start_of(mine));
    // Its number is another's now; and one that no process has.
    leave(&place, mine, start_of(mine) + 1);
    leave(&place, 4_194_303, 1);
    let others = [".file2.4194303-1-7.spillway", ".file.4194303-1-x.spillway", ".file.4194303-1-7.other"];
    for other in others {
        fs::write(place.folder.path().join(other), "").expect("it can be made");
    }
    drop(place.prepare(false));
    assert_eq!(place.names().len(), 6, "nothing is removed before anything is written");
    place.stream(false).finish();
    let mut expected: Vec<_> =
        others.map(str::to_owned).into_iter().chain([kept, "file".to_owned()]).collect();
    expected.sort();
    assert_eq!(place.names(), expected);
}

#[test]
fn what_somebody_has_locked_is_not_left() {
    let place = Place::new();
    let name = leave(&place, 4_194_303, 1);
    // Of a process that is not seen from here, in another container say.
    let held = fs::File::open(place.folder.path().join(&name)).expect("it is there");
    flock(&held, FlockOperation::LockShared).expect("it is open");
    place.stream(false).finish();
    assert_eq!(place.names(), [name, "file".to_owned()]);
    drop(held);
    place.stream(false).finish();
    assert_eq!(place.names(), ["file"]);
}

#[test]
fn one_is_locked_before_its_first_byte() {
    let place = Place::new();
    let replaced = place.stream(false);
    let other = fs::File::open(format!("/proc/self/fd/{}", replaced.fd.as_raw_fd())).expect("it is open");
    flock(&other, FlockOperation::NonBlockingLockExclusive).expect_err("it is locked");
    replaced.finish();
}

#[test]
fn links_are_followed() {
    let place = Place::new();
    let real = place.folder.path().join("real");
    symlink("second", &place.path).expect("it can be made");
    symlink(&real, place.folder.path().join("second")).expect("it can be made");
    place.stream(false).finish();
    assert!(place.path.is_symlink() && !real.is_symlink());
    assert_eq!(place.content(), "");
}

#[test]
fn what_can_t_be_replaced_is_told_as_an_open_tells_it() {
    let place = Place::new();
    let folder = place.folder.path();
    symlink("loop", folder.join("loop")).expect("it can be made");
    fs::write(folder.join("plain"), "").expect("it can be made");
    for (path, errno) in [
        (folder.to_owned(), rustix::io::Errno::ISDIR),
        (folder.join("loop"), rustix::io::Errno::LOOP),
        (folder.join("missing/file"), rustix::io::Errno::NOENT),
        (folder.join("plain/file"), rustix::io::Errno::NOTDIR),
        (folder.join("new/"), rustix::io::Errno::ISDIR),
        (Path::new("/dev/null").to_owned(), rustix::io::Errno::INVAL),
    ] {
        let error = Replacement::prepare(&c_path(&path), false).expect_err("it is no file");
        assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()), "{}", path.display());
    }
}

#[test]
fn names_are_bytes_and_may_be_long() {
    for name in [vec![0xff, b'x'], vec![b'n'; 255]] {
        let mut place = Place::new();
        place.path = place.folder.path().join(std::ffi::OsString::from_vec(name));
        let mut replaced = place.stream(false);
        replaced.write(b"new");
        replaced.finish();
        assert_eq!(place.content(), "new");
    }
}

#[test]
fn a_step_at_a_time_the_file_is_the_old_or_the_new_one() {
    let place = Place::with_old();
    let mut replaced = place.stream(false);
    for _ in 0..3 {
        replaced.feeder.append(b"new ");
    }
    replaced.stream.finish();
    let mut step = Step::Empty;
    while !replaced.stream.is_over() {
        let expected = if step == Step::Concluded { "new new new " } else { "old" };
        assert_eq!(place.content(), expected);
        assert!(flush::flush_until(&replaced.stream, 0, NEVER).is_ok(), "nothing is waited for");
        step = writer::step(&replaced.stream);
    }
    assert_eq!((place.content().as_str(), step), ("new new new ", Step::Rest));
}
