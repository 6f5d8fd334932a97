//! The jobs that have no thread yet, and how a thread that has run out of jobs
//! finds the next one without being woken.
//!
//! At most one thread searches. Who pushes a job looks afterwards whether one
//! does; the one that searches looks for jobs after it has said that it searches
//! no more. So at least one of the two sees the other: `tests/handshake.rs`.

use std::collections::VecDeque;

#[cfg(not(feature = "loom"))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[cfg(feature = "loom")]
use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};
#[cfg(not(feature = "loom"))]
use parking_lot::{Mutex, MutexGuard};

/// Jobs in the order in which they came.
#[derive(Debug)]
pub struct Ready<T> {
    jobs: Mutex<VecDeque<T>>,
    /// How many there are, for those that only look.
    count: AtomicUsize,
    is_searching: AtomicBool,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self { jobs: Mutex::default(), count: AtomicUsize::new(0), is_searching: AtomicBool::new(false) }
    }
}

impl<T> Ready<T> {
    #[cfg(not(feature = "loom"))]
    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.jobs.lock()
    }

    #[cfg(feature = "loom")]
    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.jobs.lock().expect("a model that has failed ends")
    }

    /// Puts `job` behind the others. True if no thread searches: one is to be woken for it.
    #[must_use]
    pub fn push(&self, job: T) -> bool {
        let mut jobs = self.lock();
        jobs.push_back(job);
        self.count.store(jobs.len(), SeqCst);
        drop(jobs);
        !self.is_searching()
    }

    /// Takes the first job.
    pub fn pop(&self) -> Option<T> {
        let mut jobs = self.lock();
        let job = jobs.pop_front();
        self.count.store(jobs.len(), SeqCst);
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
        self.is_searching.store(false, SeqCst);
        self.count()
    }
}
