//! What is counted of a stream.

use std::sync::atomic::Ordering::Relaxed;

use super::Stream;
use crate::error::Failure;

impl Stream {
    /// Bytes that are down: the whole count, of which the control block has the lower half.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.state.lock().settled
    }

    /// Bytes that were copied from sources. In the offsets each source counts as one byte.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.state.lock().copied
    }

    /// The digest of that number, when the target has ended.
    #[must_use]
    pub fn digest(&self, number: usize) -> Option<Vec<u8>> {
        self.stages.digests.get()?.get(number).cloned()
    }

    /// Bytes that compression has put into the file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.stages.file_bytes.load(Relaxed)
    }

    /// Writes that the target was asked for, those that it refused among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Why the target refuses, in the stall that lasts, or did in the last one.
    #[must_use]
    pub fn stall(&self) -> Option<Failure> {
        self.state.lock().stalls.failure()
    }

    /// The `errno` of the stall that lasts, or of the last one.
    #[must_use]
    pub fn stalled_by(&self) -> Option<i32> {
        self.state.lock().stalls.errno()
    }
}
