//! The loop of `src/runtime.rs` around the real pool, told again without tokio.

use std::sync::{Arc, Weak};

use loom::thread::{JoinHandle, spawn};
use spillway::{
    pool::Pool,
    sync::{Condvar, Mutex},
};

/// What a job does: it may count what is done, and wait for that.
pub(crate) type Job = fn(&Mutex<u32>, &Condvar);

/// The threads of one pool.
pub(crate) struct Runtime {
    pub(crate) pool: Pool<Job>,
    pub(crate) done: Mutex<u32>,
    changed: Condvar,
    threads: parking_lot::Mutex<Vec<JoinHandle<()>>>,
    this: Weak<Self>,
}

impl Runtime {
    /// One in which so many threads hang, with one that has run out of jobs.
    pub(crate) fn new(hanging: usize) -> Arc<Self> {
        let runtime = Arc::new_cyclic(|this| Self {
            pool: Pool::default(),
            done: Mutex::new(0),
            changed: Condvar::new(),
            threads: parking_lot::Mutex::default(),
            this: this.clone(),
        });
        // Loom orders what was stored once, not what an atomic is made with.
        assert_eq!(runtime.pool.search(|| false), 0);
        assert!(runtime.pool.pop().is_none());
        assert!((0..hanging).all(|_| runtime.pool.admit_thread()));
        runtime.spawn();
        runtime
    }

    /// `runtime::spawn`, which nobody watches.
    fn spawn(&self) {
        if self.pool.admit_thread() {
            let this = self.this.upgrade().expect("the caller has it");
            let thread = spawn(move || this.work());
            self.threads.lock().push(thread);
        }
    }

    /// `runtime::push`.
    pub(crate) fn push(&self, job: Job) {
        if self.pool.push(job) {
            self.spawn();
        }
    }

    /// `runtime::work`, by threads without patience.
    fn work(&self) {
        loop {
            while let Some(job) = self.pool.pop() {
                job(&self.done, &self.changed);
            }
            match self.pool.search(|| false) {
                0 if self.pool.end_thread() => return,
                0 | 1 => {}
                _ => self.spawn(),
            }
        }
    }

    pub(crate) fn join(&self) {
        loop {
            let Some(thread) = self.threads.lock().pop() else { return };
            thread.join().expect("no thread panics");
        }
    }
}
