//! The process-wide tokio runtime: timers, the reactor, and the threads of the pool.
//!
//! It is our own and is never shut down: it outlives every worker thread.

use std::{
    io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Runtime},
    select,
    time::sleep,
};

use crate::{
    error::Failure,
    os::{self, Readiness},
    pool::{Pool, THREADS, THREADS_AT_MOST},
    stream::Stream,
    writer::{self, End},
};

/// Time between two tries where nothing tells that a try is worth it. A delay
/// that nobody feels, and a hundred system calls a second.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// How long a thread that has run out of jobs searches for more before it sleeps.
/// To wake one costs JavaScript several microseconds. `docs/internals/tried.md` has the measurements.
const SEARCH: Duration = Duration::from_micros(40);

/// How long jobs wait while all threads are in a call, until there is one thread more.
const HANG: Duration = Duration::from_millis(50);

/// Threads stay, so that there is one when the system gives no more.
const KEEP_ALIVE: Duration = Duration::from_secs(u32::MAX as u64);

/// The stack of a thread: enough to tell of a panic. It counts where `RLIMIT_AS` limits what may be mapped.
const STACK: usize = 512 << 10;

/// What each thread may have mapped: its stack, and the heap that glibc makes for it.
const MAPPED_BY_THREAD: u64 = STACK as u64 + (64 << 20);

/// What is to be left for others, where `RLIMIT_AS` limits what may be mapped: V8 and libuv end the process if they get
/// none. glibc takes 64 MiB more for a moment, to align a heap.
const LEFT: u64 = 320 << 20;

/// Threads that are made at once: the reactor's, and the first of the pool.
const FIRST_THREADS: usize = 2;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

type Jobs = Pool<Arc<Stream>>;

static POOL: LazyLock<Jobs> = LazyLock::new(Pool::default);

/// For what takes the processor's time, which must not keep others from being written: a thread for each processor.
static HEAVY: LazyLock<Jobs> =
    LazyLock::new(|| Pool::new(thread::available_parallelism().map_or(1, NonZero::get)));

fn pool_of(stream: &Stream) -> &'static Jobs {
    if stream.is_heavy() { &HEAVY } else { &POOL }
}

/// Starts the runtime and the first thread of the pool, once.
///
/// # Errors
/// When the system gives no thread, no memory or no epoll instance.
pub fn start() -> io::Result<()> {
    if RUNTIME.get().is_some() {
        return Ok(());
    }
    os::check_room((THREADS as u64 + 1) * MAPPED_BY_THREAD + LEFT)?;
    try_threads()?;
    let build = || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(THREADS_AT_MOST)
            .thread_keep_alive(KEEP_ALIVE)
            .thread_name("spillway")
            .thread_stack_size(STACK)
            .enable_io()
            .enable_time()
            .build()?;
        drop(runtime.spawn_blocking(|| ()));
        Ok(runtime)
    };
    // Without a thread tokio panics: another has taken what was there a moment ago.
    let runtime = catch_unwind(build).unwrap_or_else(|_| Err(os::no_thread()))?;
    // Of two threads that come here at once one keeps its runtime.
    if let Err(second) = RUNTIME.set(runtime) {
        second.shutdown_background();
    }
    Ok(())
}

/// Whether the system gives as many threads at once as there are to be at first.
fn try_threads() -> io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let wait = |gate: Arc<Mutex<()>>| move || drop(gate.lock());
    let threads: io::Result<Vec<_>> = (0..FIRST_THREADS)
        .map(|_| thread::Builder::new().stack_size(STACK).spawn(wait(Arc::clone(&gate))))
        .collect();
    drop(closed);
    for thread in threads? {
        // It does nothing that could panic.
        let _result = thread.join();
    }
    Ok(())
}

/// Does `work` on a thread that no stream waits for; here, where there is none.
pub(crate) fn spawn_beside(work: impl FnOnce() + Send + 'static) {
    match RUNTIME.get() {
        Some(runtime) => drop(runtime.spawn_blocking(work)),
        None => work(),
    }
}

/// Threads that may read while others write: one for each processor, but for one that writes.
static HELPERS: LazyLock<AtomicUsize> =
    LazyLock::new(|| AtomicUsize::new(thread::available_parallelism().map_or(0, |count| count.get() - 1)));

/// The right to a thread that reads while another writes.
#[derive(Debug)]
pub(crate) struct Helper(&'static Runtime);

impl Helper {
    /// `None`: all are taken.
    pub(crate) fn take() -> Option<Self> {
        let runtime = RUNTIME.get()?;
        HELPERS.fetch_update(SeqCst, SeqCst, |free| free.checked_sub(1)).ok().map(|_| Self(runtime))
    }

    /// Has it do `work`.
    pub(crate) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.0.spawn_blocking(work));
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        HELPERS.fetch_add(1, SeqCst);
    }
}

/// Has a job for `stream`, if there is none. Only after [`start`].
pub fn schedule(stream: &Arc<Stream>) {
    if stream.request_job() {
        push(Arc::clone(stream));
    }
}

fn push(stream: Arc<Stream>) {
    let Some(runtime) = RUNTIME.get() else { return };
    let pool = pool_of(&stream);
    if pool.push(stream) {
        spawn(runtime, pool);
    }
}

/// Has the job go on when others had the thread.
fn push_back(runtime: &'static Runtime, pool: &'static Jobs, stream: Arc<Stream>) {
    if pool.push_back(stream) {
        spawn(runtime, pool);
    }
}

/// Has one thread more, if the pool may have it.
fn spawn(runtime: &'static Runtime, pool: &'static Jobs) {
    if pool.admit_thread() {
        // What the system gives no thread for is done by the threads that there are.
        drop(runtime.spawn_blocking(move || work(runtime, pool)));
    }
    if pool.begin_watch() {
        runtime.spawn(watch(runtime, pool));
    }
}

/// Has one thread more whenever all of them hang in a call while jobs wait.
/// One that the system has refused so far is asked for again.
async fn watch(runtime: &'static Runtime, pool: &'static Jobs) {
    loop {
        let taken = pool.taken();
        sleep(HANG).await;
        if pool.end_watch_if_idle() {
            return;
        }
        if pool.taken() != taken {
            continue;
        }
        if pool.widen() {
            spawn(runtime, pool);
        } else if pool.is_starting() {
            // For whatever it is given, a new thread begins with what was there first.
            drop(runtime.spawn_blocking(|| ()));
        }
    }
}

/// Runs jobs until there are none.
fn work(runtime: &'static Runtime, pool: &'static Jobs) {
    pool.start_thread();
    loop {
        while let Some(stream) = pool.pop() {
            let widened = pool.widened();
            run(runtime, pool, stream);
            if pool.dismiss_thread(widened) {
                return;
            }
        }
        let start = Instant::now();
        let is_patient = || {
            thread::yield_now();
            start.elapsed() < SEARCH
        };
        match pool.search(is_patient) {
            0 => {
                if pool.end_thread() {
                    return;
                }
            }
            1 => {}
            // The second is not to wait for the end of the first.
            _ => spawn(runtime, pool),
        }
    }
}

fn run(runtime: &'static Runtime, pool: &'static Jobs, stream: Arc<Stream>) {
    // A panic is the stream's failure, and the thread goes on.
    let end = catch_unwind(AssertUnwindSafe(|| writer::run(&stream, || pool.count() > 0)));
    match end {
        Ok(End::Asleep) => {}
        Ok(End::GaveWay) => push_back(runtime, pool, stream),
        Ok(End::Blocked(readiness)) => {
            runtime.spawn(resume(stream, until_ready(readiness)));
        }
        Ok(End::Stalled(time)) => {
            runtime.spawn(resume(stream, pause(time)));
        }
        Err(_) => {
            stream.give_up(Failure::Unanswered);
            // For the job to come to its end.
            push(stream);
        }
    }
}

/// Waits until the target has room, or the source more. What can't be watched is to be asked again after a pause.
async fn until_ready(readiness: Readiness) -> io::Result<()> {
    if !readiness.ready().await? {
        pause(PAUSE).await?;
    }
    Ok(())
}

async fn pause(time: Duration) -> io::Result<()> {
    sleep(time).await;
    Ok(())
}

/// Goes on with the job when what it waits for is `ready`, or nobody wants that any more.
async fn resume(stream: Arc<Stream>, ready: impl Future<Output = io::Result<()>>) {
    select! {
        ready = ready => if let Err(error) = ready {
            stream.give_up(Failure::from_io(&error));
        },
        () = stream.until_unwanted() => {}
    }
    push(stream);
}
