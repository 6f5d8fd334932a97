//! The border to N-API: converts, decides nothing. `lib/control-block.js`,
//! `lib/write-buffer.js` and `lib/event-loop.js` are its callers; what users see is in `index.js`.

use std::{
    cell::RefCell,
    collections::VecDeque,
    ffi::CString,
    io::{self, ErrorKind},
    rc::{self, Rc},
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use napi::{
    Env, Error, Result, Status,
    bindgen_prelude::{Buffer, BufferSlice, Function},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

use crate::{
    drain::{self, Step},
    error::Failure,
    exit,
    os::{self, File},
    page::Pages,
    runtime,
    slab::{self, lend},
    stream::{self, Listener, Stream},
    target::Request,
};

/// Where each control word stands, see `level.rs`.
#[napi]
#[derive(Debug)]
pub enum Word {
    /// Bytes filled in the live slab; below 0 while the drainer sleeps.
    Mark,
    /// 1 while the drainer naps.
    Napping,
    /// Offset up to which the kernel has taken the bytes.
    Written,
    /// Whether JS waits for `Wanted`, and how urgently.
    Waiting,
    /// The offset that JS waits for.
    Wanted,
    /// What has become of the descriptor, and of the stream.
    Status,
    /// The descriptor that was opened here, or -1.
    Descriptor,
    /// Stalls begun and ended: odd while one lasts.
    Stalls,
}

/// A slab and the buffer through which JS fills it.
#[napi]
pub struct Slab(Arc<slab::Slab>);

#[napi]
impl Slab {
    /// A slab of `size` bytes.
    #[napi(constructor)]
    pub fn new(size: u32) -> Result<Self> {
        Ok(Self(slab::Slab::new(size as usize)?))
    }

    /// A new buffer over the whole slab. Call it once.
    #[napi]
    pub fn bytes<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        lend::slab(env, &self.0)
    }
}

/// Calls JS with the number of the stream that has news.
type Wake = ThreadsafeFunction<u32, (), u32, Status, false, true>;

/// What is set for one stream: of its options, what concerns Rust.
#[napi(object)]
#[derive(Debug)]
pub struct Settings {
    /// How long, in milliseconds, the end of the thread waits for it while it takes nothing.
    pub exit_timeout: u32,
    /// Which errors of a write are waited out.
    pub retry: Option<Retry>,
}

/// [`stream::Retry`], its times in milliseconds.
#[napi(object)]
#[derive(Debug)]
pub struct Retry {
    /// These, by their `errno`.
    pub errnos: Vec<i32>,
    /// The time between two tries.
    pub interval: u32,
    /// The time after which the error is the stream's after all.
    pub limit: u32,
}

/// One per JS thread: makes its streams, and empties them when the thread ends.
#[napi]
pub struct Hub {
    wake: Arc<Wake>,
    streams: Streams,
    pages: RefCell<Pages>,
}

/// The streams of a JS thread that may have bytes left when it ends.
type Streams = Rc<RefCell<Vec<Known>>>;

/// What the end of the thread must know of a stream.
struct Known {
    stream: Weak<Stream>,
    /// How long the end waits for it.
    patience: Duration,
    pins: rc::Weak<Pins>,
}

fn living(streams: &Streams) -> Vec<(Arc<Stream>, Duration)> {
    let streams = streams.borrow();
    streams.iter().filter_map(|known| Some((known.stream.upgrade()?, known.patience))).collect()
}

fn milliseconds(time: u32) -> Duration {
    Duration::from_millis(time.into())
}

#[napi]
impl Hub {
    /// `wake(number)` is called in a turn of its own whenever the stream of
    /// that number has news; it does not keep the process alive.
    #[napi(constructor)]
    pub fn new(env: Env, wake: Function<'_, u32, ()>) -> Result<Self> {
        runtime::start()?;
        let wake = wake.build_threadsafe_function().weak::<true>().build()?;
        let streams = Streams::default();
        env.add_env_cleanup_hook(Rc::clone(&streams), move |streams| {
            // JS is gone: nobody is left to hear what could not be written.
            drain::flush_all(living(&streams));
            for (stream, _) in living(&streams) {
                // The memory of a pinned chunk goes with the thread.
                stream.cut_and_wait();
            }
            // Later, with the garbage of the thread, N-API would not let go of them any more.
            for pins in streams.borrow().iter().filter_map(|known| known.pins.upgrade()) {
                pins.borrow_mut().clear();
            }
        })?;
        Ok(Self { wake: Arc::new(wake), streams, pages: RefCell::default() })
    }

    /// Stream `number`, which writes nothing before `Sink.open` or `Sink.give`,
    /// and then `Sink.release`.
    #[napi]
    pub fn create(&self, number: u32, settings: Settings) -> Sink {
        let place = self.pages.borrow_mut().take();
        let stream = Stream::with_level(place, self.listener(number));
        stream.hold();
        self.sink(stream, settings)
    }

    /// A new buffer over the control words of all streams of page `number`. Call it once.
    #[napi]
    pub fn words<'env>(&self, env: &'env Env, number: u32) -> Result<BufferSlice<'env>> {
        let pages = self.pages.borrow();
        let page = pages.get(number as usize).ok_or_else(|| Error::from_reason("there is no such page"))?;
        lend::words(env, page)
    }

    /// Writes everything of all streams on this thread, which ends.
    #[napi]
    pub fn flush(&self) {
        drain::flush_all(living(&self.streams));
    }

    fn listener(&self, number: u32) -> Box<dyn Listener> {
        Box::new(Ear { wake: Arc::clone(&self.wake), number })
    }

    fn sink(&self, stream: Arc<Stream>, settings: Settings) -> Sink {
        if let Some(Retry { errnos, interval, limit }) = settings.retry {
            stream.wait_out(stream::Retry {
                errnos,
                interval: milliseconds(interval),
                limit: milliseconds(limit),
            });
        }
        let mut streams = self.streams.borrow_mut();
        // Amortised: the list is swept when it would have to grow.
        if streams.len() == streams.capacity() {
            streams.retain(|known| known.stream.strong_count() > 0);
        }
        let pins = Rc::<Pins>::default();
        let patience = milliseconds(settings.exit_timeout);
        exit::watch(&stream, patience);
        streams.push(Known { stream: Arc::downgrade(&stream), patience, pins: Rc::downgrade(&pins) });
        Sink { stream, pins }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "JS has validated `start` as a safe integer"
)]
fn position(start: f64) -> Option<u64> {
    (start >= 0.0).then_some(start as u64)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB, more than anybody writes")]
fn number(bytes: u64) -> f64 {
    bytes as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, as infinity is to")]
fn offset_of(offset: f64) -> u64 {
    offset as u64
}

/// The listener of one stream.
struct Ear {
    wake: Arc<Wake>,
    number: u32,
}

impl Listener for Ear {
    fn wake(&self) {
        // Fails only while the JS thread ends, when nobody is left to be told.
        let _ = self.wake.call(self.number, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

/// Why a stream failed.
#[napi(object)]
#[derive(Debug)]
pub struct Fault {
    /// The positive errno, or 0.
    pub errno: i32,
    /// What to say when there is no errno.
    pub message: String,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let errno = match failure {
            Failure::Os(errno) => errno,
            Failure::Panic(_) => 0,
        };
        Self { errno, message: failure.to_string() }
    }
}

impl Fault {
    fn from_errno(errno: i32) -> Self {
        Failure::Os(errno).into()
    }

    /// Of an error of [`drain::flush`].
    fn from_io(error: &io::Error) -> Self {
        match (error.kind(), error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>())) {
            (_, Some(failure)) => failure.clone().into(),
            (ErrorKind::TimedOut, None) => Self::from_errno(os::ETIMEDOUT),
            (ErrorKind::NotConnected, None) => Self::from_errno(os::ENOTCONN),
            (_, None) => Failure::from_io(error).into(),
        }
    }
}

/// A chunk that is written from where JS has it.
struct Pin(Arc<Buffer>);

impl AsRef<[u8]> for Pin {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Pinned chunks, held until the queue has let go of them, so that it is
/// always the JS thread that lets go of the JS value.
type Pins = RefCell<VecDeque<Arc<Buffer>>>;

/// The native half of one stream.
#[napi]
pub struct Sink {
    stream: Arc<Stream>,
    pins: Rc<Pins>,
}

#[napi]
impl Sink {
    /// The number of the page with the control words: see `Hub.words`.
    #[napi]
    pub fn page(&self) -> u32 {
        self.stream.level().page()
    }

    /// The number of the first control word in the page.
    #[napi]
    pub fn first_word(&self) -> u32 {
        self.stream.level().first_word()
    }

    /// Opens the file at `path`: JS is woken when the control words tell how
    /// that went. `flags` and `mode` are those of `open(2)`; a `start` below 0 means none.
    #[napi]
    pub fn open(&self, path: &[u8], flags: i32, mode: u16, start: f64) -> Result<()> {
        let path = CString::new(path).map_err(Error::from)?;
        self.stream.open(Request { path, flags, mode, start: position(start) });
        runtime::schedule(Arc::clone(&self.stream));
        Ok(())
    }

    /// [`open`](Self::open) on this thread, before it returns. A FIFO that
    /// nobody reads is opened later.
    #[napi]
    pub fn open_now(&self, path: &[u8], flags: i32, mode: u16, start: f64) -> Result<()> {
        let path = CString::new(path).map_err(Error::from)?;
        self.stream.open(Request { path, flags, mode, start: position(start) });
        if let Step::Stalled(_) = drain::step(&self.stream) {
            runtime::schedule(Arc::clone(&self.stream));
        }
        Ok(())
    }

    /// Brings the stream a duplicate of descriptor `fd`, or gives why there is
    /// none: `EBADF`, `EMFILE` and their like.
    #[napi]
    pub fn give(&self, fd: i32, start: f64) -> Option<Fault> {
        match File::duplicate(fd, position(start)) {
            Ok(file) => {
                self.stream.give(Box::new(file));
                None
            }
            Err(error) => Some(Fault::from_io(&error)),
        }
    }

    /// From now on bytes are written.
    #[napi]
    pub fn release(&self) {
        self.stream.release();
        runtime::schedule(Arc::clone(&self.stream));
    }

    /// What JS fills from now on is `slab`, from its start. The slab that was
    /// filled so far is free when all its bytes are written.
    #[napi]
    pub fn attach(&self, slab: &Slab) {
        self.stream.attach(Arc::clone(&slab.0));
    }

    /// JS fills its slab no more.
    #[napi]
    pub fn detach(&self) {
        self.stream.detach();
    }

    /// Appends `chunk` as it is: it must not change until it is written.
    #[napi]
    pub fn pin(&self, chunk: Buffer) {
        let chunk = Arc::new(chunk);
        self.stream.append(Bytes::from_owner(Pin(Arc::clone(&chunk))));
        self.pins.borrow_mut().push_back(chunk);
    }

    /// Appends a copy of `chunk`.
    #[napi]
    pub fn append(&self, chunk: &[u8]) {
        self.stream.append(Bytes::copy_from_slice(chunk));
    }

    /// Lets go of the pinned chunks that are written (or never will be) and
    /// gives the number of those that are left.
    #[napi]
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

    /// Has the stream drained. To be called by whoever finds the drainer asleep.
    #[napi]
    pub fn schedule(&self) {
        runtime::schedule(Arc::clone(&self.stream));
    }

    /// Writes on this thread until the kernel has taken the bytes up to
    /// `offset`, or all of them, and waits for at most `patience` milliseconds.
    /// Gives why that was not to be: `ETIMEDOUT`, or `ENOTCONN` if the file is
    /// not open, or the failure of the stream.
    #[napi]
    pub fn flush(&self, offset: f64, patience: u32) -> Option<Fault> {
        let result = drain::flush_until(&self.stream, offset_of(offset), milliseconds(patience));
        if self.stream.has_turned_away() {
            runtime::schedule(Arc::clone(&self.stream));
        }
        result.err().map(|error| Fault::from_io(&error))
    }

    /// Ends the nap of the drainer.
    #[napi]
    pub fn rouse(&self) {
        self.stream.rouse();
    }

    /// Drops what lies behind `offset`, writes what lies before it if the
    /// target takes it at once, and lets go of the descriptor, if it is a
    /// duplicate of ours. True if that is not over: JS is woken when it is.
    #[napi]
    pub fn cancel(&self, offset: f64) -> bool {
        self.stream.cancel_from(offset_of(offset))
    }

    /// Bytes that the kernel has taken: the whole count, where the word `Written` has not enough of it.
    #[napi]
    pub fn written(&self) -> f64 {
        number(self.stream.written())
    }

    /// Writes that the target was asked for.
    #[napi]
    pub fn calls(&self) -> f64 {
        number(self.stream.calls())
    }

    /// Why the target refuses to write, in the stall that lasts, or did in the last one.
    #[napi]
    pub fn stall(&self) -> Option<Fault> {
        self.stream.stalled_by().map(Fault::from_errno)
    }

    /// Whether nothing is written, and nothing will be, after a `cancel`.
    #[napi]
    pub fn is_over(&self) -> bool {
        self.stream.is_over()
    }

    /// Why the stream failed, if it has.
    #[napi]
    pub fn fault(&self) -> Option<Fault> {
        self.stream.failure().map(Fault::from)
    }
}
