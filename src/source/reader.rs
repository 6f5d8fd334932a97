//! Who reads a source, and how: the kernel copies the bytes, or they are read and written. While
//! one thread writes, another reads what comes next, if it is free for that: on two processors a file
//! in memory is copied in less than three quarters of the time that the kernel takes alone.

use std::{
    ffi::CString,
    io::{self, ErrorKind, IoSlice},
    ops::Range,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

use super::{Outcome, Piece};
use crate::{
    os::{self, Input},
    runtime::Helper,
    target::Target,
};

/// Most bytes that are read at once.
const READ_SIZE: usize = 256 << 10;

/// Most bytes of those that another thread reads, and of what a target is asked to copy at once: what
/// others wait for meanwhile stays short.
const LONG: usize = 512 << 10;

/// Least bytes of a file that is read by another thread.
const WORTH_A_THREAD: u64 = 2 << 20;

/// A file is opened by the job that reads it.
#[derive(Debug)]
pub(super) enum Place {
    Path(CString),
    Open(Arc<Input>),
}

#[derive(Debug)]
pub(super) struct Reader {
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
    /// Whether it may be read by another thread, once that is known.
    may_help: Option<bool>,
    /// The right to another thread, for the piece under way.
    helper: Option<Helper>,
    /// What that one reads.
    next: Option<Next>,
    /// The buffer that was written last.
    spare: Box<[u8]>,
}

impl Reader {
    pub(super) fn new(place: Place, position: Option<u64>) -> Self {
        Self {
            place,
            position,
            may_copy: true,
            is_starved: false,
            buffer: Box::default(),
            ahead: 0..0,
            may_help: None,
            helper: None,
            next: None,
            spare: Box::default(),
        }
    }

    pub(super) fn is_starved(&self) -> bool {
        self.is_starved
    }

    /// What is read from, once it is open.
    pub(super) fn input(&self) -> Option<&Arc<Input>> {
        match &self.place {
            Place::Open(input) => Some(input),
            Place::Path(_) => None,
        }
    }

    pub(super) fn open(&mut self, piece: &Piece) {
        let Place::Path(path) = &self.place else { return };
        if !piece.wants_more() {
            return;
        }
        match Input::open(path) {
            Ok(input) => self.place = Place::Open(Arc::new(input)),
            Err(error) => piece.source.end(Outcome::NotOpened(errno_of(&error))),
        }
    }

    /// Whether all that was read is written.
    pub(super) fn has_nothing(&self) -> bool {
        self.ahead.is_empty() && self.next.is_none()
    }

    /// Has some more copied, or read and written. Gives how many bytes.
    pub(super) fn go_on(&mut self, piece: &Piece, target: &mut dyn Target) -> io::Result<u64> {
        match self.copy(piece, target)? {
            0 => {
                self.fill(piece)?;
                self.read_ahead(piece);
                self.write(target)
            }
            count => Ok(count),
        }
    }

    /// Others may have the thread that reads for the piece.
    pub(super) fn release_helper(&mut self) {
        self.helper = None;
    }

    /// Has the target copy without a look at the bytes; 0: they are to be read. If that
    /// fails, a read or a write tells which of the two it is that fails, and how.
    fn copy(&mut self, piece: &Piece, target: &mut dyn Target) -> io::Result<u64> {
        let most = piece.wanted().min(LONG as u64);
        if !self.has_nothing() || most == 0 || self.has_help(piece) || !self.may_copy {
            return Ok(0);
        }
        let Some(input) = self.input() else { return Ok(0) };
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

    /// Whether another thread reads for the piece: if one is free, and it is worth it. Where the file
    /// system copies without moving the bytes, none is as fast.
    fn has_help(&mut self, piece: &Piece) -> bool {
        if self.helper.is_none() && piece.wanted() > LONG as u64 && self.may_help() {
            self.helper = Helper::take();
        }
        self.helper.is_some()
    }

    fn may_help(&mut self) -> bool {
        let Self { place: Place::Open(input), may_help, .. } = self else { return false };
        *may_help.get_or_insert_with(|| input.copies_by_page() && input.size() >= WORTH_A_THREAD)
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
        if !self.ahead.is_empty() {
            return Ok(());
        }
        let Some(result) = self.read(piece) else { return Ok(()) };
        match result {
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

    /// Fills the buffer, or has it from the other thread. What that has read is written, though nobody
    /// wants more: the descriptor stands behind it. `None`: nothing is wanted.
    fn read(&mut self, piece: &Piece) -> Option<io::Result<usize>> {
        if let Some(next) = self.next.take() {
            let (buffer, result) = next.wait();
            self.spare = std::mem::replace(&mut self.buffer, buffer);
            return Some(result);
        }
        let size = if self.helper.is_some() { LONG } else { READ_SIZE };
        let most = at_most(size, piece);
        let input = Arc::clone(self.input().filter(|_| most > 0)?);
        grow(&mut self.buffer, size);
        Some(input.read(&mut self.buffer[..most], self.position))
    }

    /// Has another thread read what comes behind that.
    fn read_ahead(&mut self, piece: &Piece) {
        let most = at_most(LONG, piece);
        if self.ahead.is_empty() || self.next.is_some() || most == 0 {
            return;
        }
        let (Some(helper), Some(input)) = (&self.helper, self.input().cloned()) else { return };
        let mut buffer = std::mem::take(&mut self.spare);
        grow(&mut buffer, LONG);
        self.next = Some(Next::begin(helper, input, buffer, most, self.position));
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

/// A read on another thread.
#[derive(Debug)]
struct Next(Receiver<(Box<[u8]>, io::Result<usize>)>);

impl Next {
    fn begin(
        helper: &Helper,
        input: Arc<Input>,
        mut buffer: Box<[u8]>,
        most: usize,
        position: Option<u64>,
    ) -> Self {
        let (tell, done) = sync_channel(1);
        helper.spawn(move || {
            let result = input.read(&mut buffer[..most], position);
            // Who hears of it may be the last that has the descriptor.
            drop(input);
            let _nobody_waits = tell.send((buffer, result));
        });
        Self(done)
    }

    /// The buffer, and how much was read.
    fn wait(&self) -> (Box<[u8]>, io::Result<usize>) {
        self.0.recv().unwrap_or_else(|_| (Box::default(), Err(ErrorKind::Other.into())))
    }
}

/// The descriptor is closed when its source is.
impl Drop for Next {
    fn drop(&mut self) {
        let _result = self.wait();
    }
}

fn at_most(size: usize, piece: &Piece) -> usize {
    usize::try_from(piece.wanted()).unwrap_or(usize::MAX).min(size)
}

fn grow(buffer: &mut Box<[u8]>, size: usize) {
    if buffer.len() < size {
        *buffer = vec![0; size].into();
    }
}

pub(super) fn errno_of(error: &io::Error) -> i32 {
    os::errno(error).unwrap_or(os::EIO)
}
