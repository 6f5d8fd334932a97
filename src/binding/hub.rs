//! What the streams of one JavaScript thread share.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::{self, Rc},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use napi::{
    Env, Error, Result, Status,
    bindgen_prelude::{BufferSlice, Function},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

use super::{
    milliseconds,
    rotation::Rotate,
    sink::{Pins, Sink},
};
use crate::{
    flush,
    page::Pages,
    runtime,
    slab::lend,
    stream::{self, Listener, Stream},
    target::{Algorithm, Compression, Format, Stages},
};

/// Calls JavaScript with the number of a stream for which a wake was requested.
type Wake = ThreadsafeFunction<u32, (), u32, Status, false, true>;

/// What is set for one stream: of its options, what concerns Rust.
#[napi(object)]
#[derive(Debug, Default)]
pub struct Settings {
    /// Which errors of a write are waited out.
    pub retry: Option<Retry>,
    /// Whether bytes count as written when they are on the device.
    pub durable: Option<bool>,
    /// How they are compressed, if they are.
    pub compress: Option<Compress>,
    /// The names of their digests.
    pub digest: Option<Vec<String>>,
    /// Whether it is the bytes of the file that are digested, as they are compressed.
    pub digest_of_file: Option<bool>,
    /// How the file is one of several, if it is.
    pub rotate: Option<Rotate>,
}

/// [`Compression`].
#[napi(object)]
#[derive(Debug)]
pub struct Compress {
    /// Whether it is zstd; else it is gzip.
    pub is_zstd: bool,
    /// As the format has it.
    pub level: i32,
    /// How many threads compress side by side.
    pub threads: u32,
}

impl From<Compress> for Compression {
    fn from(Compress { is_zstd, level, threads }: Compress) -> Self {
        let format = if is_zstd { Format::Zstd } else { Format::Gzip };
        Self { format, level, threads }
    }
}

impl Settings {
    /// `ear` hears of rotations.
    fn stages(&mut self, ear: Ear) -> Stages {
        let names = self.digest.take().unwrap_or_default();
        Stages {
            durable: self.durable.unwrap_or_default(),
            compress: self.compress.take().map(Compression::from),
            digest: names.iter().filter_map(|name| Algorithm::of_name(name)).collect(),
            digest_of_file: self.digest_of_file.unwrap_or_default(),
            rotation: self.rotate.take().map(|rotate| rotate.into_rotation(Box::new(ear))),
            ..Stages::default()
        }
    }
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

impl From<Retry> for stream::Retry {
    fn from(Retry { errnos, interval, limit }: Retry) -> Self {
        Self { errnos, interval: milliseconds(interval), limit: milliseconds(limit) }
    }
}

/// One per JavaScript thread: makes its streams, and waits for them when the thread ends.
#[napi]
pub struct Hub {
    wake: Arc<Wake>,
    streams: Rc<Streams>,
    pages: RefCell<Pages>,
}

/// The streams of a JavaScript thread that may have bytes left when it ends.
#[derive(Default)]
struct Streams(RefCell<Vec<Known>>);

/// What the end of the thread must know of a stream.
struct Known {
    stream: Weak<Stream>,
    /// The same, if there is something to be written behind what was accepted: though a program has dropped it without an end.
    unended: Option<Arc<Stream>>,
    /// How long the end waits for it.
    idle_timeout: Duration,
    pins: rc::Weak<Pins>,
}

impl Streams {
    fn living(&self) -> Vec<(Arc<Stream>, Duration)> {
        self.0
            .borrow()
            .iter()
            .filter_map(|known| Some((known.stream.upgrade()?, known.idle_timeout)))
            .collect()
    }

    fn add(&self, known: Known) {
        let mut streams = self.0.borrow_mut();
        // Amortised: the list is swept when it would have to grow.
        if streams.len() == streams.capacity() {
            streams.retain_mut(Known::is_alive);
        }
        streams.push(known);
    }

    /// The thread ends: nobody is left to hear what could not be written.
    fn end(&self) {
        flush::end_all(self.living());
        let start = Instant::now();
        for known in &*self.0.borrow() {
            known.release_pins(start);
        }
    }
}

impl Known {
    fn is_alive(&mut self) -> bool {
        self.unended.take_if(|stream| stream.is_over());
        self.stream.strong_count() > 0
    }

    /// The memory of pinned chunks goes with the thread: waits for a write that
    /// reads them, but for one that hangs not without end. Later, with the garbage
    /// of the thread, N-API would not let go of them any more.
    fn release_pins(&self, start: Instant) {
        let Some(pins) = self.pins.upgrade().filter(|pins| !pins.borrow().is_empty()) else { return };
        if let Some(stream) = self.stream.upgrade() {
            stream.wait_until_over(start + self.idle_timeout);
        }
        pins.borrow_mut().clear();
    }
}

#[napi]
impl Hub {
    /// `wake(number)` is called in a turn of its own whenever a wake that the stream of
    /// that number has requested is due; it does not keep the process alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, u32, ()>) -> Result<Self> {
        runtime::start()?;
        let wake = wake.build_threadsafe_function().weak::<true>().build()?;
        let streams = Rc::<Streams>::default();
        env.add_env_cleanup_hook(Rc::clone(&streams), |streams| {
            // Nobody is left to be told of a panic.
            let _result = catch_unwind(AssertUnwindSafe(|| streams.end()));
        })?;
        Ok(Self { wake: Arc::new(wake), streams, pages: RefCell::default() })
    }

    /// Stream `number`, which writes nothing before `Sink.open` or `Sink.give`,
    /// and then `Sink.release`. The end of the thread waits for it while it takes something within `exit_timeout` milliseconds.
    #[napi(catch_unwind)]
    pub fn create(&self, number: u32, exit_timeout: u32, settings: Option<Settings>) -> Sink {
        let mut settings = settings.unwrap_or_default();
        let place = self.pages.borrow_mut().take();
        let ear = Ear { wake: Arc::clone(&self.wake), number };
        let stream = Stream::with_stages(settings.stages(ear.clone()), place, Box::new(ear));
        stream.hold();
        if let Some(retry) = settings.retry.take() {
            stream.wait_out(retry.into());
        }
        let idle_timeout = milliseconds(exit_timeout);
        flush::at_exit(&stream, idle_timeout);
        let pins = Rc::<Pins>::default();
        self.streams.add(Known {
            stream: Arc::downgrade(&stream),
            unended: stream.has_trailer().then(|| Arc::clone(&stream)),
            idle_timeout,
            pins: Rc::downgrade(&pins),
        });
        Sink { stream, pins }
    }

    /// A new buffer over the control words of all streams of page `number`. Call it once.
    #[napi(catch_unwind)]
    pub fn words<'env>(&self, env: &'env Env, number: u32) -> Result<BufferSlice<'env>> {
        let pages = self.pages.borrow();
        let page = pages.get(number as usize).ok_or_else(|| Error::from_reason("there is no such page"))?;
        lend::words(env, page)
    }

    /// Waits until everything of all streams is written: their thread ends. `of_all`: of
    /// all streams of the process, which ends.
    #[napi(catch_unwind)]
    pub fn flush(&self, of_all: bool) {
        if of_all {
            flush::flush_process();
        } else {
            flush::flush_all(self.streams.living());
        }
    }
}

/// The listener of one stream.
#[derive(Clone)]
struct Ear {
    wake: Arc<Wake>,
    number: u32,
}

impl Listener for Ear {
    fn wake(&self) {
        // Fails only while the JavaScript thread ends, when nobody is left to be told.
        let _ = self.wake.call(self.number, ThreadsafeFunctionCallMode::NonBlocking);
    }
}
