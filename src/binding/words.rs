//! What the control words mean, for JavaScript.

use std::mem::offset_of;

use napi_derive::napi;

use crate::control_block::{self, ControlBlock};

/// Where each control word stands.
#[napi]
#[derive(Debug)]
pub enum Word {
    /// Bytes filled in the live slab; below 0 while there is no job.
    Filled,
    /// 1 while the job is parked.
    Parked,
    /// Offset up to which the memory is free again.
    Taken,
    /// Offset up to which the bytes are down.
    Settled,
    /// A `Wake`.
    Wake,
    /// The offset at which JavaScript is to be woken.
    WakeAt,
    /// A `Status`.
    Status,
    /// The descriptor that was opened here, or -1.
    Descriptor,
    /// Stalls begun and ended: odd while one lasts.
    Stalls,
}

/// Whether JavaScript is to be woken at an offset.
#[napi]
#[derive(Debug)]
pub enum Wake {
    /// No.
    None,
    /// For its own books.
    Lazy,
    /// Because somebody waits.
    Eager,
}

/// How far bytes are brought down: each does what the ones before it do, too.
#[napi]
#[derive(Debug)]
pub enum Settled {
    /// To the kernel, and so that all can be read.
    Written,
    /// To the device: `fdatasync`.
    Data,
    /// With all that the system knows of the file: `fsync`.
    All,
}

/// What has become of the descriptor, and of the stream.
#[napi]
#[derive(Debug)]
pub enum Status {
    /// The descriptor is not there yet.
    Opening,
    /// Bytes flow.
    Open,
    /// The open failed: the word `Descriptor` has the errno.
    Unopened,
    /// Writing failed; nothing more will be written.
    Failed,
    /// The stream was cancelled before the file could be opened: nobody is to try.
    Abandoned,
}

/// Both sides mean the same word by its number, and the same by what is in there.
macro_rules! assert_same {
    ($($word:ident: $field:ident),+; $($name:ident: $($value:ident),+);+) => {
        const _: () = {
            $(assert!(offset_of!(ControlBlock, $field) == Word::$word as usize * size_of::<u32>());)+
            $($(assert!($name::$value as u32 == control_block::$name::$value as u32);)+)+
        };
    };
}

assert_same!(
    Filled: filled, Parked: parked, Taken: taken, Settled: settled, Wake: wake, WakeAt: wake_at,
    Status: status, Descriptor: descriptor, Stalls: stalls;
    Wake: None, Lazy, Eager;
    Status: Opening, Open, Unopened, Failed, Abandoned
);
