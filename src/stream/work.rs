//! What is to be done with a target.

use super::opening::Opening;
use crate::{queue::Batch, target::Settle};

/// What the stream is to do, besides writing what is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Nothing.
    Flow,
    /// To settle the bytes up to this offset, though more are queued.
    Settle(u64),
    /// To settle all, and to end.
    Finish,
    /// The same of a target that has concluded.
    End,
    /// To end.
    Abandon,
}

/// What the holder of a lease is to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// Open the file.
    Open(Opening),
    /// Have the target take this.
    Take(Batch),
    /// Have it bring down what it has taken, in this way.
    Settle(Settle),
    /// Have it do what it can of its end.
    Conclude,
    /// Have it end.
    Finish,
    /// Have it end, and leave nothing behind.
    Abandon,
}

/// Why there is no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// All is written.
    Empty,
    /// Another has the lease, or nothing can be written (any more).
    Rest,
}
