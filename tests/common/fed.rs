//! A stream that the pool writes, and what JavaScript does for it.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use spillway::{
    runtime,
    source::Piece,
    stream::{Retry, Stream},
    target::Target,
};

use super::{Bell, Feeder, PATIENCE};

/// Time for which all threads of the pool are in a call before it has one more.
pub(crate) const HANG: Duration = Duration::from_millis(50);

/// A stream that the pool writes, and JavaScript's part in that.
pub(crate) struct Fed {
    pub(crate) stream: Arc<Stream>,
    pub(crate) bell: Bell,
    pub(crate) feeder: Feeder,
}

impl Fed {
    /// A stream into `target`.
    pub(crate) fn into(target: Box<dyn Target>) -> Self {
        let bell = Bell::default();
        let stream = Stream::new(bell.listener());
        stream.give(target);
        Self::scheduled(stream, bell)
    }

    /// A stream into `target` that waits for room on a disk, which is missing if `errno` says so.
    pub(crate) fn patient(target: Box<dyn Target>, errno: i32, interval: Duration, limit: Duration) -> Self {
        let bell = Bell::default();
        let stream = Stream::new(bell.listener());
        stream.wait_out(Retry { errnos: vec![errno], interval, limit });
        stream.give(target);
        Self::scheduled(stream, bell)
    }

    pub(crate) fn scheduled(stream: Arc<Stream>, bell: Bell) -> Self {
        runtime::start().expect("the runtime starts");
        runtime::schedule(&stream);
        let feeder = Feeder::new(&stream);
        Self { stream, bell, feeder }
    }

    /// How many jobs the stream has: those that are queued, run, or wait for something.
    pub(crate) fn jobs(&self) -> usize {
        // The other shares are this one and the feeder's.
        Arc::strong_count(&self.stream) - 2
    }

    /// Puts a chunk as JavaScript does: a small one into the slab, a big one as it is.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let has_no_job = if bytes.len() >= 16 << 10 {
            self.feeder.append(bytes)
        } else {
            if bytes.len() > self.feeder.room() {
                self.feeder.next_slab(64 << 10);
            }
            self.feeder.fill(bytes)
        };
        if has_no_job {
            runtime::schedule(&self.stream);
        }
    }

    /// Puts what a source has.
    pub(crate) fn put_source(&mut self, piece: Arc<Piece>) {
        if self.feeder.append_source(piece) {
            runtime::schedule(&self.stream);
        }
    }

    /// Waits until everything that was put is down, as JavaScript does for 'finish'.
    pub(crate) fn until_written(&self) {
        let mut woken = self.bell.count();
        while !self.feeder.wait() {
            if self.stream.control().is_parked() {
                self.stream.unpark();
            }
            // It may be about something else, such as the descriptor.
            woken += 1;
            self.bell.until(woken);
            assert_eq!(self.stream.failure(), None);
        }
        assert_eq!(self.stream.settled(), self.feeder.accepted as u64);
    }

    /// Drops what is not written, and ends, as JavaScript does when a stream is destroyed.
    pub(crate) fn cancel(&self) {
        self.stream.cancel(0);
        if !self.stream.is_over() {
            runtime::schedule(&self.stream);
        }
    }

    /// Waits until nothing is written, and nothing will be.
    pub(crate) fn until_over(&self) {
        until("it is over, and so is its job", || self.stream.is_over() && self.jobs() == 0);
    }
}

/// Looks again and again until `holds` is true.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
pub(crate) mod linux {
    use std::{
        fs::{self, File as StdFile},
        io::Read,
        os::fd::{AsFd, AsRawFd, OwnedFd},
        path::{Path, PathBuf},
        time::Duration,
    };

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        fs::OFlags,
        pipe::{PipeFlags, pipe_with},
    };
    use spillway::os::File;

    use super::{super::unix::count_descriptors, Fed, until};

    /// Bytes for which a new pipe has room.
    pub(crate) const PIPE_SIZE: u64 = 64 << 10;

    /// A stream into a pipe.
    pub(crate) struct Piped {
        pub(crate) fed: Fed,
        /// Its reads wait for the writer, whatever the flags of the pipe.
        pub(crate) reader: StdFile,
        /// JavaScript's descriptor.
        pub(crate) writer: OwnedFd,
        /// Of the pipe, in `/proc/self/fd`.
        pub(crate) name: PathBuf,
    }

    impl Piped {
        pub(crate) fn new(flags: PipeFlags) -> Self {
            let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
            rustix::fs::fcntl_setfl(&reader, OFlags::empty()).expect("it is open");
            let name = fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd())).expect("Linux");
            let target = File::share(writer.as_raw_fd(), None).expect("it is open");
            Self { fed: Fed::into(Box::new(target)), reader: reader.into(), writer, name }
        }

        /// Waits until the pool has filled the pipe and waits for room.
        pub(crate) fn until_blocked(&self) {
            until_blocked(&self.name);
        }
    }

    /// Waits until a job has filled the pipe `name` and waits for room: then
    /// there are, besides the reader's and JavaScript's, the stream's own
    /// descriptor and the one that lies with the reactor.
    pub(crate) fn until_blocked(name: &Path) {
        until("the reactor has a descriptor of the pipe", || count_descriptors(name) == 4);
    }

    /// Waits, for `time` at most, until no descriptor of the writer's end is
    /// open any more, whatever still lies in the pipe. False: there is one.
    pub(crate) fn is_closed_within(reader: impl AsFd, time: Duration) -> bool {
        let time = Timespec::try_from(time).expect("short");
        // A hang-up is told whether it was asked for or not, and room for reading is not asked for.
        poll(&mut [PollFd::new(&reader, PollFlags::empty())], Some(&time)).expect("poll works") > 0
    }

    /// All that comes until the writer's end is closed.
    pub(crate) fn read_whole(mut reader: StdFile) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    }

    /// The next `count` bytes.
    pub(crate) fn read_exactly(mut reader: &StdFile, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        reader.read_exact(&mut bytes).expect("a pipe can be read");
        bytes
    }
}
