//! The process-wide tokio runtime on which streams are drained.
//!
//! It is our own and is never shut down: it outlives every worker thread, and
//! at the end of the process it is not needed (see [`flush`](crate::drain::flush)).

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, OnceLock},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Builder, Runtime},
    select,
    time::sleep,
};

use crate::{
    drain::{self, End},
    error::Failure,
    os::{self, Readiness},
    ready::Ready,
    stream::Stream,
};

/// Threads that write, whatever the number of streams. As many as libuv's
/// pool has by default, for the same reason: several disks, or several slow ones.
const THREADS: usize = 4;

/// Time between two tries where nothing tells that a try is worth it. A delay
/// that nobody feels, and a hundred system calls a second.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// How long a thread that has run out of jobs searches for more before it sleeps.
/// To wake one costs JS several microseconds. `docs/design.md`, "The write job", has the measurements.
const SEARCH: Duration = Duration::from_micros(40);

/// Streams whose job has no thread yet.
static READY: LazyLock<Ready<Arc<Stream>>> = LazyLock::new(Ready::default);

/// Starts the runtime, once.
///
/// # Errors
/// When the system gives no thread or no epoll instance.
pub fn start() -> io::Result<()> {
    if RUNTIME.get().is_none() {
        let build = || {
            Builder::new_multi_thread()
                .worker_threads(1)
                .max_blocking_threads(THREADS)
                .thread_name("spillway")
                .enable_io()
                .enable_time()
                .build()
        };
        // Without a thread tokio panics.
        let runtime = catch_unwind(build).unwrap_or_else(|_| Err(os::no_thread()))?;
        // Of two threads that come here at once one keeps its runtime.
        if let Err(second) = RUNTIME.set(runtime) {
            second.shutdown_background();
        }
    }
    Ok(())
}

/// Has `stream` drained, soon. Only for one whose drainer no one else has
/// scheduled, and only after [`start`].
pub fn schedule(stream: Arc<Stream>) {
    let Some(runtime) = RUNTIME.get() else { return };
    if READY.push(stream) {
        spawn(runtime);
    }
}

fn spawn(runtime: &'static Runtime) {
    let spawn = || runtime.spawn_blocking(move || work(runtime));
    // Without any thread tokio panics.
    if catch_unwind(AssertUnwindSafe(spawn)).is_err() {
        while let Some(stream) = READY.pop() {
            stream.give_up(Failure::from_io(&os::no_thread()));
        }
    }
}

/// Runs jobs until there are none.
fn work(runtime: &'static Runtime) {
    loop {
        while let Some(stream) = READY.pop() {
            drain(runtime, stream);
        }
        let start = Instant::now();
        let is_patient = || {
            thread::yield_now();
            start.elapsed() < SEARCH
        };
        match READY.search(is_patient) {
            0 => return,
            1 => {}
            // The second is not to wait for the end of the first.
            _ => spawn(runtime),
        }
    }
}

fn drain(runtime: &'static Runtime, stream: Arc<Stream>) {
    match drain::run(&stream, || READY.count() > 0) {
        End::Asleep => {}
        End::GaveWay => schedule(stream),
        End::Blocked(readiness) => {
            runtime.spawn(resume(stream, until_writable(readiness)));
        }
        End::Stalled(time) => {
            runtime.spawn(resume(stream, pause(time)));
        }
    }
}

/// Waits until the target has room. What can't be watched is to be asked again after a pause.
async fn until_writable(readiness: Readiness) -> io::Result<()> {
    if !readiness.writable().await? {
        pause(PAUSE).await?;
    }
    Ok(())
}

async fn pause(time: Duration) -> io::Result<()> {
    sleep(time).await;
    Ok(())
}

/// Goes on with `stream` when its target is `ready`, unless there is nothing left to write.
async fn resume(stream: Arc<Stream>, ready: impl Future<Output = io::Result<()>>) {
    select! {
        ready = ready => match ready {
            Ok(()) => schedule(stream),
            Err(error) => stream.give_up(Failure::from_io(&error)),
        },
        () = stream.until_cut() => {}
    }
}
