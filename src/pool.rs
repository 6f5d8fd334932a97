//! The jobs that have no thread, and how many threads there may be for them.
//!
//! A thread that has run out of jobs searches for the next one for a while, so
//! that nobody has to wake it. At most one thread searches. A thread that pushes a job
//! looks afterwards whether one does; the one that searches looks for jobs
//! after it has said that it searches no more. So at least one of the two sees
//! the other: `tests/handshake`.

use std::collections::VecDeque;

use crate::sync::{AtomicBool, AtomicUsize, Mutex, SeqCst};

/// Threads that write, whatever the number of streams. As many as libuv's
/// pool has by default, for the same reason: several disks, or several slow ones.
pub const THREADS: usize = 4;

/// Threads at most, those that hang in a call among them.
pub const THREADS_AT_MOST: usize = 256;

/// The threads of a pool.
#[derive(Debug)]
struct Threads {
    count: usize,
    /// How many of these do not run yet, since the system has given none so far.
    starting: usize,
    /// How many there may be, and how many while none hangs.
    limit: usize,
    usual: usize,
    /// Whether somebody looks if they hang.
    is_watched: bool,
}

/// Jobs that wait.
#[derive(Debug)]
struct Lines<T> {
    /// In the order in which they came.
    new: VecDeque<T>,
    /// Those that gave way to others, in the order in which they did.
    gave_way: VecDeque<T>,
    /// Whether the next is one that gave way, if there are both.
    is_second_next: bool,
}

impl<T> Lines<T> {
    fn count(&self) -> usize {
        self.new.len() + self.gave_way.len()
    }

    /// One of each in turn: a line of a log waits for one copy, not for all of them, and copies go on beside many lines.
    fn pop(&mut self) -> Option<T> {
        let is_second = if self.is_second_next { !self.gave_way.is_empty() } else { self.new.is_empty() };
        self.is_second_next = !is_second;
        if is_second { self.gave_way.pop_front() } else { self.new.pop_front() }
    }
}

/// Jobs, and the threads that there may be for them.
#[derive(Debug)]
pub struct Pool<T> {
    jobs: Mutex<Lines<T>>,
    /// How many there are, for those that only look.
    count: AtomicUsize,
    /// How many were taken.
    taken: AtomicUsize,
    is_searching: AtomicBool,
    threads: Mutex<Threads>,
    /// How often there was one thread more because all were hanging.
    widened: AtomicUsize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new(THREADS)
    }
}

impl<T> Pool<T> {
    /// A pool of at most `usual` threads, while none hangs.
    #[must_use]
    pub fn new(usual: usize) -> Self {
        let threads = Threads { count: 0, starting: 0, limit: usual, usual, is_watched: false };
        Self {
            jobs: Mutex::new(Lines {
                new: VecDeque::new(),
                gave_way: VecDeque::new(),
                is_second_next: false,
            }),
            count: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            is_searching: AtomicBool::new(false),
            threads: Mutex::new(threads),
            widened: AtomicUsize::new(0),
        }
    }

    /// Has `job` wait. True if no thread searches: there is to be one more.
    #[must_use]
    pub fn push(&self, job: T) -> bool {
        self.change(|jobs| jobs.new.push_back(job));
        !self.is_searching()
    }

    /// Has `job`, which has given way to others, wait behind those that did before.
    #[must_use]
    pub fn push_back(&self, job: T) -> bool {
        self.change(|jobs| jobs.gave_way.push_back(job));
        !self.is_searching()
    }

    fn change<R>(&self, change: impl FnOnce(&mut Lines<T>) -> R) -> R {
        let mut jobs = self.jobs.lock();
        let result = change(&mut jobs);
        self.count.store(jobs.count(), SeqCst);
        result
    }

    /// Takes the job that is the next.
    pub fn pop(&self) -> Option<T> {
        let job = self.change(Lines::pop);
        self.taken.fetch_add(1, SeqCst);
        job
    }

    /// The number of jobs.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(SeqCst)
    }

    /// Whether a thread searches.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        self.is_searching.load(SeqCst)
    }

    /// Searches while there is no job and `is_patient`, if no other thread does.
    /// The number of jobs that there are then for this thread and others.
    pub fn search(&self, is_patient: impl Fn() -> bool) -> usize {
        if self.is_searching.swap(true, SeqCst) {
            return 0;
        }
        while self.count() == 0 && is_patient() {}
        // Not stored: loom would not order that behind the swap of another that looked meanwhile.
        self.is_searching.swap(false, SeqCst);
        self.count()
    }

    /// Whether there may be one thread more. If so, it counts.
    #[must_use]
    pub fn admit_thread(&self) -> bool {
        let mut threads = self.threads.lock();
        let is_admitted = threads.count < threads.limit;
        threads.count += usize::from(is_admitted);
        threads.starting += usize::from(is_admitted);
        is_admitted
    }

    /// A thread that was admitted runs.
    pub fn start_thread(&self) {
        self.threads.lock().starting -= 1;
    }

    /// Whether a thread that was admitted does not run yet.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.threads.lock().starting > 0
    }

    /// A thread has found no job, and ends. False if there is one after all.
    #[must_use]
    pub fn end_thread(&self) -> bool {
        let mut threads = self.threads.lock();
        // A thread that pushes a job counts it first, and then asks for a thread.
        let ends = self.count() == 0;
        threads.count -= usize::from(ends);
        ends
    }

    /// How often there was one thread more because all were hanging.
    #[must_use]
    pub fn widened(&self) -> usize {
        self.widened.load(SeqCst)
    }

    /// Whether a thread is to end after a job that it began when the pool was
    /// `widened` so often: if it was taken for hanging, there is another in its place.
    #[must_use]
    pub fn dismiss_thread(&self, widened: usize) -> bool {
        if self.widened() == widened {
            return false;
        }
        let mut threads = self.threads.lock();
        let ends = threads.limit > threads.usual;
        threads.limit -= usize::from(ends);
        threads.count -= usize::from(ends);
        ends
    }

    /// How many jobs were taken: if none is while some wait, all threads hang.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(SeqCst)
    }

    /// Whether the caller is to look whether the threads hang, since nobody
    /// does. The only one that there is has a thread of its own for certain.
    #[must_use]
    pub fn begin_watch(&self) -> bool {
        let mut threads = self.threads.lock();
        threads.count > 1 && !std::mem::replace(&mut threads.is_watched, true)
    }

    /// Whether there is nothing to be watched any more.
    #[must_use]
    pub fn end_watch_if_idle(&self) -> bool {
        let mut threads = self.threads.lock();
        threads.is_watched = self.count() > 0;
        !threads.is_watched
    }

    /// All threads hang: there may be one more. False if there are too many, or
    /// if one is still to come.
    #[must_use]
    pub fn widen(&self) -> bool {
        let mut threads = self.threads.lock();
        let is_wider = threads.limit < THREADS_AT_MOST && threads.starting == 0;
        threads.limit += usize::from(is_wider);
        self.widened.fetch_add(usize::from(is_wider), SeqCst);
        is_wider
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;
