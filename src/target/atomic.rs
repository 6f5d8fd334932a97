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
    progress: Progress,
}

/// How far it has come.
#[derive(PartialEq, Eq)]
enum Progress {
    Empty,
    /// It has what the old file had, but for the bytes.
    Begun,
    /// It is in the place of the old one.
    Put,
}

impl Atomic {
    pub(super) fn new(mut inner: File, replacement: Replacement, is_durable: bool) -> Self {
        // One that has no descriptor says so when it is written to.
        if let Ok(fd) = inner.fd() {
            replacement.claim(fd);
        }
        Self { inner, replacement, is_durable, progress: Progress::Empty }
    }

    /// Gives the file what the old one had, once.
    fn prepare(&mut self) -> io::Result<()> {
        if self.progress == Progress::Empty {
            self.replacement.begin(self.inner.fd()?).map_err(in_call("fchmod"))?;
            self.progress = Progress::Begun;
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

    /// Many that end together are put in their places first: then one sync of the folder is that of all.
    fn conclude(&mut self) -> io::Result<()> {
        self.prepare()?;
        if self.progress == Progress::Begun {
            self.replacement.put(self.inner.fd()?, self.is_durable)?;
            self.progress = Progress::Put;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.conclude()?;
        if self.is_durable { self.replacement.sync_folder() } else { Ok(()) }
    }

    fn abandon(&mut self) {
        self.replacement.abandon();
    }

    delegate!(begin, rest, readiness);
}
