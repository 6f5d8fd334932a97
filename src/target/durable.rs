//! A target whose bytes count as settled when they are on the device.

use std::io::{self, IoSlice};

use super::{Change, Settle, Target};
use crate::os::{Input, Readiness};

/// What comes while the device is busy is synced together.
pub(super) struct Durable {
    inner: Box<dyn Target>,
    has_unsynced: bool,
}

impl Durable {
    pub(super) fn new(inner: Box<dyn Target>) -> Self {
        Self { inner, has_unsynced: false }
    }

    /// Brings on the device what is not yet there.
    fn sync(&mut self) -> io::Result<()> {
        if self.has_unsynced { self.settle(Settle::Data) } else { Ok(()) }
    }
}

impl Target for Durable {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.has_unsynced = true;
        self.inner.write(bytes)
    }

    fn copy(&mut self, source: &Input, position: Option<u64>, most: u64) -> io::Result<u64> {
        self.has_unsynced = true;
        self.inner.copy(source, position, most)
    }

    fn has_unsettled(&self) -> bool {
        self.has_unsynced
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        self.inner.settle(how.max(Settle::Data))?;
        self.has_unsynced = false;
        Ok(())
    }

    /// Nobody syncs the old file any more.
    fn change(&mut self, change: &Change) -> io::Result<()> {
        self.sync()?;
        self.inner.change(change)
    }

    fn is_resting(&self) -> bool {
        !self.has_unsynced && self.inner.is_resting()
    }

    fn conclude(&mut self) -> io::Result<()> {
        self.sync()?;
        self.inner.conclude()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sync()?;
        self.inner.finish()
    }

    delegate!(begin, rest, abandon, readiness);
}
