//! Many streams at once, and a pool of a few threads.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    fs,
    io::{self, IoSlice},
    iter,
    path::Path,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Instant,
};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::pipe::PipeFlags;
use spillway::{os::Readiness, pool::THREADS, stream::Stream, target::Target};

use common::{
    Bell, PATIENCE, Script,
    fed::{
        Fed, HANG,
        linux::{Piped, is_closed_within, read_exactly},
        until,
    },
    opening, pattern,
    unix::request,
};

/// Each test counts the threads that it needs.
static ALONE: Mutex<()> = Mutex::new(());

/// A stream into a file that the pool opens.
fn open(path: &Path) -> Fed {
    let bell = Bell::default();
    Fed::scheduled(opening(request(path), bell.listener()), bell)
}

/// The names of the threads of this process.
fn thread_names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect()
}

fn runtime_threads() -> usize {
    thread_names().iter().filter(|name| name.trim() == "spillway").count()
}

/// How many threads the runtime may have when it has run since `start`: the
/// reactor's, the pool's, and those that it has if the machine is so busy that
/// all of the pool seem to hang.
fn threads_since(start: Instant) -> usize {
    let hangs = start.elapsed().as_millis() / HANG.as_millis();
    1 + THREADS + usize::try_from(hangs).expect("tests are short")
}

#[test]
fn two_hundred_streams_at_once_are_served_by_a_few_threads() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = |at: usize| folder.path().join(at.to_string());
    let bytes = pattern(200_000);
    let (before, start) = (thread_names().len(), Instant::now());
    let mut files: Vec<Fed> = (0..100).map(|at| open(&path(at))).collect();
    let mut pipes: Vec<_> = (0..100).map(|_| Piped::new(PipeFlags::CLOEXEC)).collect();
    let mut most = 0;
    for part in bytes.chunks(20_000) {
        for fed in files.iter_mut().chain(pipes.iter_mut().map(|piped| &mut piped.fed)) {
            fed.put(part);
        }
        most = most.max(runtime_threads());
    }
    // None of them holds a thread while it waits for room.
    for piped in &pipes {
        piped.until_blocked();
        most = most.max(runtime_threads());
    }
    let limit = threads_since(start);
    assert!((2..=limit).contains(&most), "{most} threads, and {limit} at most");
    // The other tests have threads, too, but nothing like one for each stream.
    let all = thread_names().len();
    assert!(all < before + 100, "{before} threads before and {all} now");
    for (at, fed) in files.iter().enumerate() {
        fed.until_written();
        assert!(fs::read(path(at)).expect("it is there") == bytes, "file {at}");
    }
    for Piped { fed, reader, writer, .. } in pipes {
        assert!(read_exactly(&reader, bytes.len()) == bytes);
        fed.until_written();
        fed.cancel();
        drop(writer);
        assert!(is_closed_within(&reader, PATIENCE), "each lets go of its pipe");
    }
    assert!(runtime_threads() <= threads_since(start));
}

static MEBIBYTE: [u8; 1 << 20] = [0; 1 << 20];

/// Takes all it is offered, and sees to it that there is always more.
struct Hog {
    stream: Arc<OnceLock<Weak<Stream>>>,
    stop: Arc<AtomicBool>,
}

impl Target for Hog {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(stream) = self.stream.get().and_then(Weak::upgrade)
            && !self.stop.load(SeqCst)
        {
            stream.append(Bytes::from_static(&MEBIBYTE));
        }
        Ok(bytes.iter().map(|slice| slice.len()).sum())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it always has room")
    }
}

#[test]
fn streams_that_never_come_to_an_end_do_not_keep_others_from_the_pool() {
    const HOGS: usize = 60;
    let _alone = ALONE.lock();
    let stop = Arc::new(AtomicBool::new(false));
    // Far more than the pool has threads.
    let hogs: Vec<Fed> = iter::repeat_with(|| {
        let known: Arc<OnceLock<Weak<Stream>>> = Arc::default();
        let hog = Hog { stream: Arc::clone(&known), stop: Arc::clone(&stop) };
        let mut fed = Fed::into(Box::new(hog));
        known.set(Arc::downgrade(&fed.stream)).expect("once");
        fed.put(&[0; 16 << 10]);
        fed
    })
    .take(HOGS)
    .collect();
    let mut fed = Fed::into(Script::default().target());
    for _ in 0..20 {
        fed.put(b"small");
        fed.until_written();
    }
    for hog in &hogs {
        let settled = hog.stream.settled();
        until("a hog has its turn again", || hog.stream.settled() != settled);
    }
    // It is not that the pool took them for hanging, and had a thread for each.
    assert!(runtime_threads() < HOGS / 2, "{} threads", runtime_threads());
    stop.store(true, SeqCst);
}
