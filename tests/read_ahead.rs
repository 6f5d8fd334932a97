//! Long files that one thread reads while another writes, where there are two processors.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    fs::{self, File as StdFile},
    io::{self, IoSlice, Seek},
    num::NonZero,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use parking_lot::Mutex;
use rustix::io::Errno;
use spillway::{
    os::Readiness,
    source::{Outcome, Piece, Source},
    target::Target,
};
use tempfile::TempDir;

use common::{
    fed::{Fed, until},
    pattern,
    unix::count_descriptors,
};
use linux::{all, source_in};

const SIZE: usize = (5 << 20) + 7;

/// Most bytes of one read, and of one write.
const LONG: u64 = 512 << 10;

/// The tests take turns: on two processors one file at a time is read so.
static ALONE: Mutex<()> = Mutex::new(());

/// Whether there is a thread for that.
fn has_two_processors() -> bool {
    thread::available_parallelism().is_ok_and(|count| count > NonZero::<usize>::MIN)
}

/// A file in memory, of which the descriptor stands where the source has read to.
struct Long {
    folder: TempDir,
    file: StdFile,
    bytes: Vec<u8>,
}

impl Long {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").expect("a folder for the test");
        let bytes = pattern(SIZE);
        fs::write(folder.path().join("file"), &bytes).expect("it can be made");
        let file = StdFile::open(folder.path().join("file")).expect("it is there");
        Self { folder, file, bytes }
    }

    fn source(&self) -> Arc<Source> {
        source_in(self.file.try_clone().expect("it is open"))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    /// How many descriptors of it are open besides the test's.
    fn others(&self) -> usize {
        count_descriptors(&self.path()) - 1
    }
}

fn position(mut file: &StdFile) -> u64 {
    file.stream_position().expect("it stands somewhere")
}

/// A target that does something in each write, before it takes the bytes.
struct Busy<F> {
    at_write: F,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl<F: FnMut(usize) -> io::Result<()> + Send> Target for Busy<F> {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.at_write)(self.taken.lock().len())?;
        let mut taken = self.taken.lock();
        for slice in bytes {
            taken.extend_from_slice(slice);
        }
        Ok(bytes.iter().map(|slice| slice.len()).sum())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it always has room")
    }
}

/// A stream that `at_write` looks at, and what it has taken.
fn busy(at_write: impl FnMut(usize) -> io::Result<()> + Send + 'static) -> (Fed, Arc<Mutex<Vec<u8>>>) {
    let taken = Arc::<Mutex<Vec<u8>>>::default();
    (Fed::into(Box::new(Busy { at_write, taken: Arc::clone(&taken) })), taken)
}

#[test]
fn what_comes_next_is_read_while_bytes_are_written() {
    let _alone = ALONE.lock();
    if !has_two_processors() {
        return;
    }
    let long = Long::new();
    let file = long.file.try_clone().expect("it is open");
    let (mut fed, taken) = busy(move |written| {
        let next = (written as u64 + 2 * LONG).min(SIZE as u64);
        until("it is read behind what is written", || position(&file) >= next);
        Ok(())
    });
    let source = long.source();
    fed.put_source(all(&source));
    fed.until_written();
    assert!(*taken.lock() == long.bytes);
    assert_eq!((source.outcome(), source.read()), (Some(Outcome::Ended), SIZE as u64));
    // The target has one, too.
    drop((source, fed));
    until("it is closed", || long.others() == 0);
}

#[test]
fn pieces_of_a_source_follow_one_another() {
    let _alone = ALONE.lock();
    let long = Long::new();
    let (mut fed, taken) = busy(|_| Ok(()));
    let source = long.source();
    for most in [2 << 20, 2 << 20, 3, 2 << 20] {
        fed.put_source(Piece::new(Arc::clone(&source), most));
    }
    fed.until_written();
    assert!(*taken.lock() == long.bytes);
    assert_eq!((source.outcome(), source.read()), (Some(Outcome::Ended), SIZE as u64));
}

#[test]
fn what_was_read_is_written_though_nobody_wants_more() {
    let _alone = ALONE.lock();
    let long = Long::new();
    let source = long.source();
    let (stop, writes) = (Arc::clone(&source), AtomicUsize::new(0));
    let (mut fed, taken) = busy(move |_| {
        if writes.fetch_add(1, SeqCst) == 1 {
            stop.stop();
        }
        Ok(())
    });
    fed.put_source(all(&source));
    fed.until_written();
    let taken = taken.lock();
    assert_eq!((taken.len() as u64, position(&long.file)), (source.read(), source.read()));
    assert!(taken.len() < SIZE && *taken == long.bytes[..taken.len()]);
}

#[test]
fn a_file_that_shrinks_meanwhile_ends_early() {
    let _alone = ALONE.lock();
    let long = Long::new();
    let path = long.path();
    let (mut fed, taken) = busy(move |written| {
        if written == 0 {
            StdFile::options().write(true).open(&path)?.set_len(3 * LONG)?;
        }
        Ok(())
    });
    let source = long.source();
    fed.put_source(all(&source));
    fed.until_written();
    assert!(*taken.lock() == long.bytes[..3 * (512 << 10)]);
    assert_eq!((source.outcome(), source.read()), (Some(Outcome::Ended), 3 * LONG));
}

#[test]
fn a_target_that_fails_leaves_no_descriptor() {
    let _alone = ALONE.lock();
    let long = Long::new();
    let (mut fed, _) = busy(|written| if written > 0 { Err(Errno::NOSPC.into()) } else { Ok(()) });
    let source = long.source();
    fed.put_source(all(&source));
    until("it fails", || fed.stream.failure().is_some());
    drop(source);
    until("it is closed", || long.others() == 0);
}
