//! A file that takes the place of another at once, when all bytes have come.

use std::io::{self, IoSlice};

use super::{Settle, Target};
use crate::{
    error::in_call,
    os::{File, Input, Readiness, Replacement},
};

/// The temporary file.
pub(super) struct Atomic {
    inner: File,
    replacement: Replacement,
    is_durable: bool,
    has_begun: bool,
}

impl Atomic {
    pub(super) fn new(mut inner: File, replacement: Replacement, is_durable: bool) -> Self {
        // One that has no descriptor says so when it is written to.
        if let Ok(fd) = inner.fd() {
            replacement.claim(fd);
        }
        Self { inner, replacement, is_durable, has_begun: false }
    }

    /// Gives the file what the old one had, once.
    fn prepare(&mut self) -> io::Result<()> {
        if !self.has_begun {
            self.replacement.begin(self.inner.fd()?).map_err(in_call("fchmod"))?;
            self.has_begun = true;
        }
        Ok(())
    }
}

impl Target for Atomic {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.prepare()?;
        self.inner.write(bytes)
    }

    fn copy(&mut self, source: &Input, position: Option<u64>, most: u64) -> io::Result<u64> {
        self.prepare()?;
        self.inner.copy(source, position, most)
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        self.inner.settle(how)
    }

    /// It is to be renamed, or removed.
    fn is_resting(&self) -> bool {
        false
    }

    fn finish(&mut self) -> io::Result<()> {
        self.prepare()?;
        self.replacement.commit(self.inner.fd()?, self.is_durable)
    }

    fn abandon(&mut self) {
        self.replacement.abandon();
    }

    delegate!(begin, rest, readiness);
}
