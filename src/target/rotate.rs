//! A log that rotates: when the file is full, or its time is over, it gets another name, and a new one is begun.
//!
//! Nothing is counted here. Before each write the stage looks what is in the folder, so that other processes
//! may write to the same files, and rotate them: [`plan`] decides.

mod cut;
mod plan;
mod rotation;
mod tidy;

use std::{
    io::{self, ErrorKind, IoSlice},
    path::Path,
    sync::Arc,
};

pub(crate) use plan::Found;
pub use plan::{Calendar, Keep, Period, Rules};
pub use rotation::{News, Rotation};

use super::{Change, Settle, Target};
use crate::{
    error::in_open,
    os::{self, File, Log, Readiness, Seen},
};
use cut::prefix;
use plan::Active;

/// How long, in milliseconds, the old file is gone on with when a new one could not be had.
const PAUSE: u64 = 1000;

/// How often in a row another process may be quicker.
const TRIES: usize = 16;

/// The file that is written.
pub(super) struct Rotating {
    inner: File,
    rotation: Arc<Rotation>,
    /// The device and the inode of the file; `None`: it is not to be written to.
    identity: Option<(u64, u64)>,
    /// When it was written to first, if it was.
    since: Option<u64>,
    /// Whether what comes next is the beginning of a chunk, or of a line.
    is_between: bool,
    /// No rotation is tried before this time.
    next_try: u64,
    /// Whether a file was closed that is not on the device for certain.
    has_unsynced: bool,
}

impl Rotating {
    pub(super) fn new(mut inner: File, rotation: Arc<Rotation>) -> Self {
        // A file that has no descriptor says so when it is written to.
        let seen = inner.hold().ok().flatten();
        rotation.request_tidying();
        Self {
            inner,
            rotation,
            identity: seen.map(|seen| seen.identity),
            since: seen.and_then(age),
            is_between: true,
            next_try: 0,
            has_unsynced: false,
        }
    }

    /// Goes on in the file in which the next chunk, of `next` bytes, is to be, and gives how many that has.
    fn turn(&mut self, next: u64) -> io::Result<u64> {
        for _ in 0..TRIES {
            let seen = os::look(&self.rotation.path).map_err(in_open("stat"))?;
            let Some(seen) = seen.filter(|seen| Some(seen.identity) == self.identity) else {
                self.follow()?;
                continue;
            };
            let now = self.rotation.now();
            let since = if seen.size > 0 { self.since.unwrap_or(seen.modified) } else { now };
            let active = Active { size: seen.size, since };
            let is_due = now >= self.next_try && self.rotation.is_due(active, next, now);
            if !is_due || !self.rotate(seen, active, now)? {
                // An empty file is of the time when something is written to it.
                self.since = (seen.size > 0 || next > 0).then_some(since);
                return Ok(seen.size);
            }
        }
        // Somebody moves the file away again and again: it is written to, wherever it is.
        Ok(0)
    }

    /// Goes on in the file that has the name now: another process has rotated, or somebody has removed it.
    fn follow(&mut self) -> io::Result<()> {
        let path = &self.rotation.path;
        let opened = match Log::open(path, &mut self.inner) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.rotation.mkdir => {
                std::fs::create_dir_all(self.rotation.folder()).map_err(in_open("mkdir"))?;
                Log::open(path, &mut self.inner)
            }
            result => result,
        };
        // `None`: it was moved at the same moment, and is looked for again.
        if let Some((log, seen)) = opened.map_err(in_open("open"))? {
            self.go_on_in(log, seen)?;
        }
        Ok(())
    }

    fn go_on_in(&mut self, log: Log, seen: Seen) -> io::Result<()> {
        self.inner.go_on_in(log)?;
        self.identity = Some(seen.identity);
        self.since = age(seen);
        self.has_unsynced = true;
        Ok(())
    }

    /// Closes the file and begins the next one. False: not now.
    fn rotate(&mut self, seen: Seen, active: Active, now: u64) -> io::Result<bool> {
        match self.try_to_rotate(seen, active, now) {
            Err(error) if is_passing(&error) => {
                self.rotation.tell(News::warning(&error));
                self.next_try = now.saturating_add(PAUSE);
                Ok(false)
            }
            result => result,
        }
    }

    fn try_to_rotate(&mut self, seen: Seen, active: Active, now: u64) -> io::Result<bool> {
        let rotation = Arc::clone(&self.rotation);
        let (folder, path) = (rotation.folder(), &*rotation.path);
        // Another process is at it: it is followed at the next write.
        let Some(_lock) = os::lock_folder(folder).map_err(in_open("open"))? else { return Ok(false) };
        // It may have done that before the lock was had.
        if !os::is_at(path, seen).map_err(in_open("stat"))? {
            return Ok(true);
        }
        let closed = match self.move_aside(active, now) {
            // Somebody who takes no lock has removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            result => result.map_err(in_open("rename"))?,
        };
        let opened = Log::open(path, &mut self.inner).map_err(in_open("open"));
        match opened.and_then(|opened| opened.map_or(Ok(()), |(log, seen)| self.go_on_in(log, seen))) {
            Ok(()) => {
                rotation.closed(&closed, seen.size);
                Ok(true)
            }
            Err(error) => {
                // If that can't be either, the next look shows that there is no such file.
                let _ = os::move_aside(&folder.join(closed), path);
                Err(error)
            }
        }
    }

    /// Gives the file the name of a closed one.
    fn move_aside(&self, active: Active, now: u64) -> io::Result<String> {
        let rotation = &self.rotation;
        let folder = rotation.folder();
        let names = os::names(folder).map_err(in_open("scandir"))?;
        let period = rotation.period(active, now);
        let first = period.next_index(names.iter().map(String::as_str));
        for index in first..=u64::MAX {
            let name = period.name(index);
            // A list that is made while a file gets another name may have it under neither.
            if plan::names_of(&name).any(|name| folder.join(name).symlink_metadata().is_ok()) {
                continue;
            }
            match os::move_aside(&rotation.path, &folder.join(&name)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                result => return result.map(|()| name),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }
}

/// When a file was written to, if it was.
fn age(seen: Seen) -> Option<u64> {
    (seen.size > 0).then_some(seen.modified)
}

/// Whether the old file can be gone on with: there is no room for a new one now.
fn is_passing(error: &io::Error) -> bool {
    let errno = crate::error::errno_to_wait_out(error).unwrap_or_default();
    os::errors_of_scarcity().contains(&errno)
}

impl Target for Rotating {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let whole = self.rotation.whole();
        let first = whole.first(bytes);
        let most = if self.is_between {
            let size = self.turn(first as u64)?;
            whole.fitting(bytes, self.rotation.room(size))
        } else {
            // The end of what was begun; behind that there may be a cut.
            first
        };
        let count = self.inner.write(&prefix(bytes, most))?;
        self.is_between = whole.ends(bytes, count);
        Ok(count)
    }

    fn change(&mut self, _: &Change) -> io::Result<()> {
        if self.is_between {
            self.turn(0)?;
        }
        self.rotation.request_tidying();
        Ok(())
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        if how > Settle::Written && self.has_unsynced {
            self.inner.sync_all_files().map_err(crate::error::in_call("syncfs"))?;
            self.has_unsynced = false;
        }
        self.inner.settle(how)
    }

    fn is_quick(&self) -> bool {
        self.inner.is_quick()
    }

    fn is_resting(&self) -> bool {
        self.inner.is_resting()
    }

    delegate!(begin, rest, readiness);
}

/// A path for the errors of a folder.
fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
