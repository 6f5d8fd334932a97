//! Bytes that come from another descriptor: a file, a pipe, a socket.
//!
//! A [`Source`] is where they come from, and how far it was read. A [`Piece`] is an
//! entry of the queue: so many bytes of a source, or all that it has. How many that
//! will be nobody knows before, so a piece counts as one byte in the offsets of a
//! stream, and what was copied is counted beside them.

use std::{
    ffi::CString,
    io::{self, ErrorKind, IoSlice},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;

use crate::{
    os::{self, Input, Readiness},
    target::Target,
};

/// Most bytes that are read at once.
const READ_SIZE: usize = 256 << 10;

/// Most bytes that a target is asked to copy at once: what others wait for meanwhile stays short.
const COPY_SIZE: u64 = 512 << 10;

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

/// A file is opened by the job that reads it.
#[derive(Debug)]
enum Place {
    Path(CString),
    Open(Input),
}

#[derive(Debug)]
struct Reader {
    place: Place,
    /// Where the next byte is, when the caller keeps count; else where the descriptor stands.
    position: Option<u64>,
    /// Whether the target may be asked for a copy.
    may_copy: bool,
    /// It had nothing to read when it was asked last, and has not ended.
    is_starved: bool,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not yet written.
    ahead: Range<usize>,
}

impl Source {
    /// Bytes of `input`, from `position` on, or from where it stands.
    #[must_use]
    pub fn new(input: Input, position: Option<u64>) -> Arc<Self> {
        Self::with_place(Place::Open(input), position)
    }

    /// Bytes of the file at `path`, which is opened when its turn comes, from `position` on.
    #[must_use]
    pub fn open(path: CString, position: Option<u64>) -> Arc<Self> {
        Self::with_place(Place::Path(path), position)
    }

    fn with_place(place: Place, position: Option<u64>) -> Arc<Self> {
        let reader = Reader {
            place,
            position,
            may_copy: true,
            is_starved: false,
            buffer: Box::default(),
            ahead: 0..0,
        };
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

    fn wants_more(&self) -> bool {
        self.left.load(SeqCst) > 0 && self.source.outcome().is_none()
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
        let count = match reader.copy(self, target)? {
            0 => {
                reader.fill(self)?;
                reader.write(target)?
            }
            count => count,
        };
        Ok((count, reader.ahead.is_empty() && !self.wants_more()))
    }

    /// Whether it is the source that has answered `WouldBlock`, not the target.
    pub(crate) fn is_starved(&self) -> bool {
        self.source.reader.lock().is_starved
    }

    /// What to wait for then. If that can't be had, nothing more is read.
    pub(crate) fn readiness(&self) -> Option<Readiness> {
        let reader = self.source.reader.lock();
        let Place::Open(input) = &reader.place else { return None };
        input.readiness().map_err(|error| self.source.end(Outcome::NotRead(errno_of(&error)))).ok()
    }

    /// Whether nothing more is read for it.
    pub(crate) fn is_over(&self) -> bool {
        !self.wants_more()
    }
}

impl Reader {
    fn open(&mut self, piece: &Piece) {
        let Place::Path(path) = &self.place else { return };
        if !piece.wants_more() {
            return;
        }
        match Input::open(path) {
            Ok(input) => self.place = Place::Open(input),
            Err(error) => piece.source.end(Outcome::NotOpened(errno_of(&error))),
        }
    }

    /// Has the target copy without a look at the bytes; 0: they are to be read. If that
    /// fails, a read or a write tells which of the two it is that fails, and how.
    fn copy(&mut self, piece: &Piece, target: &mut dyn Target) -> io::Result<u64> {
        let Place::Open(input) = &self.place else { return Ok(0) };
        if !self.may_copy || !self.ahead.is_empty() || !piece.wants_more() {
            return Ok(0);
        }
        let most = piece.left.load(SeqCst).min(COPY_SIZE);
        match target.copy(input, self.position, most) {
            Ok(count) if count > 0 => {
                self.advance(piece, count);
                Ok(count)
            }
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {
                Err(error)
            }
            // Some file systems say so though they have more.
            Ok(_) | Err(_) => {
                self.may_copy = false;
                Ok(0)
            }
        }
    }

    fn advance(&mut self, piece: &Piece, count: u64) {
        if let Some(position) = &mut self.position {
            *position += count;
        }
        piece.note_read(count);
    }

    /// Reads what is to be written next, if there is nothing.
    fn fill(&mut self, piece: &Piece) -> io::Result<()> {
        self.is_starved = false;
        let Place::Open(input) = &self.place else { return Ok(()) };
        if !self.ahead.is_empty() || !piece.wants_more() {
            return Ok(());
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; READ_SIZE].into();
        }
        let most = usize::try_from(piece.left.load(SeqCst)).unwrap_or(usize::MAX).min(READ_SIZE);
        match input.read(&mut self.buffer[..most], self.position) {
            Ok(0) => piece.source.end(Outcome::Ended),
            Ok(count) => {
                self.ahead = 0..count;
                self.advance(piece, count as u64);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.is_starved = true;
                return Err(error);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => piece.source.end(Outcome::NotRead(errno_of(&error))),
        }
        Ok(())
    }

    fn write(&mut self, target: &mut dyn Target) -> io::Result<u64> {
        if self.ahead.is_empty() {
            return Ok(0);
        }
        let count = target.write(&[IoSlice::new(&self.buffer[self.ahead.clone()])])?;
        if count == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        self.ahead.start += count;
        Ok(count as u64)
    }
}

fn errno_of(error: &io::Error) -> i32 {
    os::errno(error).unwrap_or(os::EIO)
}
