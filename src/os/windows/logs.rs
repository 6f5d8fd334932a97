//! Logs do not rotate there yet: JavaScript refuses it before anybody comes here.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::File;
use crate::target::Found;

fn unsupported<T>() -> io::Result<T> {
    Err(ErrorKind::Unsupported.into())
}

/// What a look at a file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// By which it is known.
    pub(crate) identity: (u64, u64),
    /// Its bytes.
    pub(crate) size: u64,
    /// When it was written to last, in milliseconds since 1970.
    pub(crate) modified: u64,
}

/// The file at `path`, if there is one.
pub(crate) fn look(_path: &Path) -> io::Result<Option<Seen>> {
    unsupported()
}

/// Whether the file that was `seen` is the one at `path` now.
pub(crate) fn is_at(_path: &Path, _seen: Seen) -> io::Result<bool> {
    unsupported()
}

/// The names in `folder`.
pub(crate) fn names(_folder: &Path) -> io::Result<Vec<String>> {
    unsupported()
}

/// All files of `folder`.
pub(crate) fn list(_folder: &Path) -> io::Result<Vec<Found>> {
    unsupported()
}

/// The right to move files in a folder.
#[derive(Debug)]
pub(crate) struct FolderLock;

/// Locks `folder`.
pub(crate) fn lock_folder(_folder: &Path) -> io::Result<Option<FolderLock>> {
    unsupported()
}

/// Gives the file at `from` the name `to`.
pub(crate) fn move_aside(_from: &Path, _to: &Path) -> io::Result<()> {
    unsupported()
}

/// The next file of a log, open.
#[derive(Debug)]
pub(crate) struct Log;

impl Log {
    /// Opens the file at `path`, or makes it.
    pub(crate) fn open(_path: &Path, _old: &mut File) -> io::Result<Option<(Self, Seen)>> {
        unsupported()
    }
}

#[expect(clippy::unused_self, reason = "as elsewhere")]
impl File {
    /// What it is.
    pub(crate) fn hold(&mut self) -> io::Result<Option<Seen>> {
        unsupported()
    }

    /// Goes on in `log`.
    pub(crate) fn go_on_in(&mut self, _log: Log) -> io::Result<()> {
        unsupported()
    }

    /// Brings all down that was written to other files, too.
    pub(crate) fn sync_all_files(&mut self) -> io::Result<()> {
        unsupported()
    }
}

/// A closed file that nobody else compresses.
#[derive(Debug)]
pub(crate) struct Claim;

/// Claims the file at `path`.
pub(crate) fn claim(_path: &Path) -> io::Result<Option<Claim>> {
    unsupported()
}

#[expect(clippy::unused_self, reason = "as elsewhere")]
impl Claim {
    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        0
    }

    /// A new file at `path` for what is made of it.
    pub(crate) fn create(&self, _path: &Path, _flags: i32) -> io::Result<File> {
        unsupported()
    }
}

/// Has the file at `path` have the time of the claimed one.
pub(crate) fn keep_time(_path: &Path, _claim: &Claim) -> io::Result<()> {
    unsupported()
}

/// Removes the temporary files for the file at `path` of processes that are dead.
pub(crate) fn remove_left_of(_path: &Path) -> io::Result<()> {
    unsupported()
}

/// What is said while there is no room, or there are too many files.
pub(crate) fn errors_of_scarcity() -> [i32; 0] {
    []
}

/// The path that is written in `bytes`.
pub(crate) fn path_from(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
