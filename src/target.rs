//! Where the bytes go: the seam between the drain loop and the kernel.

use std::{
    ffi::CString,
    io::{self, IoSlice},
};

use crate::os::Readiness;

/// Something that takes bytes in order.
pub trait Target: Send {
    /// Writes as much of `bytes` as can be written at once and gives how much
    /// that was. The next call goes on behind it.
    ///
    /// # Errors
    /// `Interrupted`: nothing was written, try again. `WouldBlock`: wait for
    /// [`readiness`](Self::readiness) first. Any other: the target is broken.
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;

    /// What to wait for when `write` has answered `WouldBlock`, the caller's own.
    ///
    /// # Errors
    /// When it can't be had.
    fn readiness(&self) -> io::Result<Readiness>;
}

/// A file that is still to be opened.
#[derive(Debug)]
pub struct Request {
    /// Its path, as `open(2)` takes it.
    pub path: CString,
    /// The `O_` flags of `open(2)`.
    pub flags: i32,
    /// Permission bits of a file that is created.
    pub mode: u16,
    /// Where the first byte goes; `None`: where the descriptor stands.
    pub start: Option<u64>,
}
