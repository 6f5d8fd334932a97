//! Bytes that come from another descriptor: a file, a pipe, a socket.
//!
//! A [`Source`] is where they come from, and how far it was read. A [`Piece`] is an
//! entry of the queue: so many bytes of a source, or all that it has. How many that
//! will be nobody knows before, so a piece counts as one byte in the offsets of a
//! stream, and what was copied is counted beside them.

mod reader;

use std::{
    ffi::CString,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;

use crate::{
    os::{Input, Readiness},
    target::Target,
};
use reader::{Place, Reader, errno_of};

/// Why no more is read from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has no more.
    Ended,
    /// Nobody wants more.
    Stopped,
    /// It can't be opened, with this `errno`.
    NotOpened(i32),
    /// It can't be read, with this `errno`.
    NotRead(i32),
}

/// What is read from.
#[derive(Debug)]
pub struct Source {
    /// Locked by the job alone, which may wait for the system meanwhile.
    reader: Mutex<Reader>,
    outcome: Mutex<Option<Outcome>>,
    /// Bytes that were read.
    read: AtomicU64,
}

impl Source {
    /// Bytes of `input`, from `position` on, or from where it stands.
    #[must_use]
    pub fn new(input: Input, position: Option<u64>) -> Arc<Self> {
        Self::with_place(Place::Open(Arc::new(input)), position)
    }

    /// Bytes of the file at `path`, which is opened when its turn comes, from `position` on.
    #[must_use]
    pub fn open(path: CString, position: Option<u64>) -> Arc<Self> {
        Self::with_place(Place::Path(path), position)
    }

    fn with_place(place: Place, position: Option<u64>) -> Arc<Self> {
        let reader = Reader::new(place, position);
        Arc::new(Self { reader: Mutex::new(reader), outcome: Mutex::default(), read: AtomicU64::new(0) })
    }

    /// Bytes that were read so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(SeqCst)
    }

    /// Why no more is read, if so.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        *self.outcome.lock()
    }

    /// Has nothing more read. What was read is written.
    pub fn stop(&self) {
        self.end(Outcome::Stopped);
    }

    fn end(&self, outcome: Outcome) {
        self.outcome.lock().get_or_insert(outcome);
    }
}

/// An entry of the queue.
#[derive(Debug)]
pub struct Piece {
    source: Arc<Source>,
    /// How many bytes are still to be read.
    left: AtomicU64,
}

impl Piece {
    /// At most `most` bytes of `source`.
    #[must_use]
    pub fn new(source: Arc<Source>, most: u64) -> Arc<Self> {
        Arc::new(Self { source, left: AtomicU64::new(most) })
    }

    /// Has nothing more read for it.
    pub fn cut(&self) {
        self.left.store(0, SeqCst);
    }

    /// How many bytes are still to be read; 0: none.
    fn wanted(&self) -> u64 {
        if self.source.outcome().is_none() { self.left.load(SeqCst) } else { 0 }
    }

    fn wants_more(&self) -> bool {
        self.wanted() > 0
    }

    fn note_read(&self, count: u64) {
        self.source.read.fetch_add(count, SeqCst);
        // It may have been cut meanwhile.
        let _ = self.left.fetch_update(SeqCst, SeqCst, |left| Some(left.saturating_sub(count)));
    }

    /// Has `target` take some more. Gives how many bytes, and whether that was the last of it.
    ///
    /// # Errors
    /// Those of the target; `WouldBlock` also if the source has nothing now: see [`readiness`](Self::readiness).
    pub fn go_on(&self, target: &mut dyn Target) -> io::Result<(u64, bool)> {
        let mut reader = self.source.reader.lock();
        reader.open(self);
        let result = reader.go_on(self, target);
        let is_done = reader.has_nothing() && !self.wants_more();
        if is_done || result.is_err() {
            reader.release_helper();
        }
        result.map(|count| (count, is_done))
    }

    /// Whether it is the source that has answered `WouldBlock`, not the target.
    pub(crate) fn is_starved(&self) -> bool {
        self.source.reader.lock().is_starved()
    }

    /// What to wait for then. If that can't be had, nothing more is read.
    pub(crate) fn readiness(&self) -> Option<Readiness> {
        let reader = self.source.reader.lock();
        reader.input()?.readiness().map_err(|error| self.source.end(Outcome::NotRead(errno_of(&error)))).ok()
    }

    /// Whether nothing more is read for it.
    pub(crate) fn is_over(&self) -> bool {
        !self.wants_more()
    }
}
