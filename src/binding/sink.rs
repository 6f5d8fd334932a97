//! The native half of one stream.

use std::{
    cell::RefCell,
    collections::VecDeque,
    ffi::CString,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use napi::{
    Error, Result,
    bindgen_prelude::{Buffer, Either},
};
use napi_derive::napi;

use super::{
    fault::Fault, milliseconds, number, offset_of, position, slab::Slab, source::Source, words::Settled,
};
use crate::{
    flush,
    os::{File, Replacement},
    runtime,
    slab::copy,
    source::Piece,
    stream::{Request, Stream},
    target::Settle,
    writer::{self, Step},
};

/// How long JavaScript waits for a descriptor to be let go of.
/// That takes a thread some microseconds, unless the system is slow to close the descriptor.
const END_TIMEOUT: Duration = Duration::from_millis(5);

/// A chunk that is written from where JavaScript has it.
struct Pin(Arc<Buffer>);

impl AsRef<[u8]> for Pin {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Pinned chunks, held until the queue has let go of them, so that it is
/// always the JavaScript thread that lets go of the JavaScript value.
pub(super) type Pins = RefCell<VecDeque<Arc<Buffer>>>;

/// A file that is to be opened.
#[napi(object)]
pub struct Place {
    /// Its path.
    pub path: Buffer,
    /// The flags for `open(2)`.
    pub flags: i32,
}

/// The native half of one stream.
#[napi]
pub struct Sink {
    pub(super) stream: Arc<Stream>,
    pub(super) pins: Rc<Pins>,
}

#[napi]
impl Sink {
    /// The number of the page with the control words: see `Hub.words`.
    #[napi(catch_unwind)]
    pub fn page(&self) -> u32 {
        self.stream.control().page()
    }

    /// The number of the first control word in the page.
    #[napi(catch_unwind)]
    pub fn first_word(&self) -> u32 {
        self.stream.control().first_word()
    }

    /// Opens the file at `path`: JavaScript is woken when the control words tell how
    /// that went. `flags` and `mode` are those of `open(2)`; a `start` below 0 means none.
    /// `mkdir`: folders that are missing are made.
    /// `now`: on this thread, before it returns, but for a FIFO that nobody reads.
    #[napi(catch_unwind)]
    pub fn open(&self, path: &[u8], flags: i32, mode: u16, start: f64, mkdir: bool, now: bool) -> Result<()> {
        let path = CString::new(path).map_err(Error::from)?;
        self.stream.open(Request { path, flags, mode, start: position(start), mkdir });
        if !now || matches!(writer::step(&self.stream), Step::Stalled(_)) {
            self.schedule();
        }
        Ok(())
    }

    /// Has the stream write to what descriptor `fd` stands for, or gives why
    /// it can't: `EBADF`, `EMFILE` and their like.
    #[napi(catch_unwind)]
    pub fn give(&self, fd: i32, start: f64) -> Option<Fault> {
        match File::share(fd, position(start)) {
            Ok(file) => {
                self.stream.give_file(file);
                None
            }
            Err(error) => Some(Fault::from_io(&error)),
        }
    }

    /// Has what is opened or given next take the place of the file at `path`, when it is whole: gives what is to be
    /// opened for that, or why that can't be. `exclusive`: nothing may be there. `durable`: it is on the device before.
    #[napi(catch_unwind)]
    pub fn replace(&self, path: &[u8], exclusive: bool, durable: bool) -> Result<Either<Place, Fault>> {
        let path = CString::new(path).map_err(Error::from)?;
        Ok(match Replacement::prepare(&path, exclusive) {
            Ok(replacement) => {
                let (path, flags) = replacement.request();
                self.stream.replace(replacement, durable);
                Either::A(Place { path: path.into(), flags })
            }
            Err(error) => Either::B(Fault::from_io(&error)),
        })
    }

    /// From now on bytes are written.
    #[napi(catch_unwind)]
    pub fn release(&self) {
        self.stream.release();
        self.schedule();
    }

    /// What JavaScript fills from now on is `slab`, from its start. The slab that was
    /// filled so far is free when all its bytes are taken.
    #[napi(catch_unwind)]
    pub fn attach(&self, slab: &Slab) {
        self.stream.attach(Arc::clone(&slab.0));
    }

    /// JavaScript fills its slab no more.
    #[napi(catch_unwind)]
    pub fn detach(&self) {
        self.stream.detach();
    }

    /// Appends `chunk` as it is: it must not change until it is taken.
    #[napi(catch_unwind)]
    pub fn pin(&self, chunk: Buffer) {
        let chunk = Arc::new(chunk);
        self.stream.append(Bytes::from_owner(Pin(Arc::clone(&chunk))));
        self.pins.borrow_mut().push_back(chunk);
    }

    /// Appends a copy of `chunk`.
    #[napi(catch_unwind)]
    pub fn append(&self, chunk: &[u8]) {
        self.stream.append(copy(chunk));
    }

    /// Appends what `source` has, but at most `most` bytes: one byte in the offsets of the stream, however many they are.
    #[napi(catch_unwind)]
    pub fn append_source(&self, source: &Source, most: f64) {
        if let Some(source) = &source.source {
            self.stream.append_source(Piece::new(Arc::clone(source), offset_of(most)));
        }
    }

    /// Appends a barrier, behind which nothing is settled before what lies before it is settled in this way.
    /// It counts as one byte in the offsets of the stream.
    #[napi(catch_unwind)]
    pub fn append_barrier(&self, how: Settled) {
        self.stream.append_barrier(match how {
            Settled::Written => Settle::Written,
            Settled::Data => Settle::Data,
            Settled::All => Settle::All,
        });
    }

    /// Has nothing more read from `source`. What was read is written.
    #[napi(catch_unwind)]
    pub fn stop_source(&self, source: &Source) {
        if let Some(source) = &source.source {
            self.stream.stop_source(source);
        }
    }

    /// Bytes that were copied from sources.
    #[napi(catch_unwind)]
    pub fn copied(&self) -> f64 {
        number(self.stream.copied())
    }

    /// The digest of that number, when all is finished.
    #[napi(catch_unwind)]
    pub fn digest(&self, number: u32) -> Option<Buffer> {
        self.stream.digest(number as usize).map(Buffer::from)
    }

    /// Bytes that compression has put into the file.
    #[napi(catch_unwind)]
    pub fn file_bytes(&self) -> f64 {
        number(self.stream.file_bytes())
    }

    /// Lets go of the pinned chunks that are taken (or never will be) and
    /// gives the number of those that are left.
    #[napi(catch_unwind)]
    pub fn unpin(&self) -> u32 {
        let mut pins = self.pins.borrow_mut();
        while let Some(chunk) = pins.pop_front() {
            if let Err(held) = Arc::try_unwrap(chunk) {
                pins.push_front(held);
                break;
            }
        }
        u32::try_from(pins.len()).unwrap_or(u32::MAX)
    }

    /// Has a job for the stream, if there is none.
    #[napi(catch_unwind)]
    pub fn schedule(&self) {
        runtime::schedule(&self.stream);
    }

    /// Waits until the bytes up to `offset` are settled, or all of them, while the
    /// target takes something within `idle_timeout` milliseconds. Gives why that
    /// was not to be: `ETIMEDOUT`, or `ENOTCONN` if the file is not open, or the
    /// failure of the stream. `here`: what can be written quickly is written on this
    /// thread, which is done sooner than another is woken.
    #[napi(catch_unwind)]
    pub fn flush(&self, offset: f64, idle_timeout: u32, here: bool) -> Option<Fault> {
        let offset = offset_of(offset);
        if here && writer::write_here(&self.stream, offset) {
            return None;
        }
        let result = flush::flush_until(&self.stream, offset, milliseconds(idle_timeout));
        result.err().map(|error| Fault::from_io(&error))
    }

    /// Unparks the job.
    #[napi(catch_unwind)]
    pub fn unpark(&self) {
        self.stream.unpark();
    }

    /// All is written: lets go of the descriptor, if there is one of ours.
    #[napi(catch_unwind)]
    pub fn finish(&self) {
        self.stream.finish();
        self.let_go();
    }

    /// Drops what lies behind `offset`, writes what lies before it if the
    /// target takes it at once, and lets go of the descriptor, if there is one of ours.
    /// JavaScript is woken when that is over.
    #[napi(catch_unwind)]
    pub fn cancel(&self, offset: f64) {
        self.stream.cancel(offset_of(offset));
        self.let_go();
    }

    /// Has a job let go of the target. If that is all there is to do, what
    /// JavaScript does next finds it done.
    fn let_go(&self) {
        if self.stream.is_over() {
            return;
        }
        self.schedule();
        if self.stream.is_letting_go() {
            self.stream.wait_until_over(Instant::now() + END_TIMEOUT);
        }
    }

    /// Bytes that are down: the whole count, where the word `Settled` has not enough of it.
    #[napi(catch_unwind)]
    pub fn settled(&self) -> f64 {
        number(self.stream.settled())
    }

    /// Writes that the target was asked for.
    #[napi(catch_unwind)]
    pub fn calls(&self) -> f64 {
        number(self.stream.calls())
    }

    /// Why the target refuses to write, in the stall that lasts, or did in the last one.
    #[napi(catch_unwind)]
    pub fn stall(&self) -> Option<Fault> {
        self.stream.stall().map(Fault::from)
    }

    /// Whether nothing is written, and nothing will be, after a `cancel`.
    #[napi(catch_unwind)]
    pub fn is_over(&self) -> bool {
        self.stream.is_over()
    }

    /// Why the stream failed, if it has.
    #[napi(catch_unwind)]
    pub fn fault(&self) -> Option<Fault> {
        self.stream.failure().map(Fault::from)
    }
}
