//! A digest that is made on a thread of its own, beside the others of the same bytes.

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;

use super::Hasher;

/// It has its thread from the first bytes on.
pub(super) struct Beside {
    hasher: Arc<Mutex<Box<dyn Hasher>>>,
    thread: Option<Thread>,
}

struct Thread {
    /// Has room for one part while another is under way.
    parts: SyncSender<Arc<Vec<u8>>>,
    handle: JoinHandle<()>,
}

impl Beside {
    pub(super) fn new(hasher: Box<dyn Hasher>) -> Self {
        Self { hasher: Arc::new(Mutex::new(hasher)), thread: None }
    }

    /// Digests `bytes` soon. Waits while there are too many before them.
    pub(super) fn add(&mut self, bytes: &Arc<Vec<u8>>) {
        if self.thread.is_none() {
            self.thread = Thread::start(&self.hasher);
        }
        match &self.thread {
            Some(thread) if thread.parts.send(Arc::clone(bytes)).is_ok() => {}
            // It has panicked.
            Some(_) => self.end(),
            // The system gives no thread.
            None => self.hasher.lock().add(bytes),
        }
    }

    /// The digest, when `last` has come, too.
    pub(super) fn digest(&mut self, last: &[u8]) -> Vec<u8> {
        self.end();
        let mut hasher = self.hasher.lock();
        hasher.add(last);
        hasher.digest()
    }

    /// Waits until all is digested. Panics if the thread has.
    fn end(&mut self) {
        let Some(Thread { parts, handle }) = self.thread.take() else { return };
        drop(parts);
        handle.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
}

impl Thread {
    /// `None`: the system gives none.
    fn start(hasher: &Arc<Mutex<Box<dyn Hasher>>>) -> Option<Self> {
        let hasher = Arc::clone(hasher);
        let (parts, received) = sync_channel::<Arc<Vec<u8>>>(1);
        let add_all = move || {
            for part in received {
                hasher.lock().add(&part);
            }
        };
        let handle = thread::Builder::new().spawn(add_all).ok()?;
        Some(Self { parts, handle })
    }
}
