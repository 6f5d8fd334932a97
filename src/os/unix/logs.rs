//! The files of a log that rotates, and their folder.
//!
//! A process that writes to such a file has a shared lock on it, so that nobody compresses and removes a file
//! that may still grow. The one with the exclusive lock on the folder may move files.

use std::{
    fs::{self, Metadata},
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{FlockOperation, Gid, Mode, OFlags, Stat, Timestamps, Uid, fchmod, fchown, flock, fstat, futimens},
    io::{Errno, retry_on_intr},
};

use super::File;
use crate::target::Found;

/// What a look at a file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The device and the inode.
    pub(crate) identity: (u64, u64),
    /// Its bytes.
    pub(crate) size: u64,
    /// When it was written to last, in milliseconds since 1970.
    pub(crate) modified: u64,
}

/// The file at `path`, if there is one.
pub(crate) fn look(path: &Path) -> io::Result<Option<Seen>> {
    match rustix::fs::stat(path) {
        Ok(stat) => Ok(Some(seen(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the file that was `seen` is the one at `path` now.
pub(crate) fn is_at(path: &Path, seen: Seen) -> io::Result<bool> {
    Ok(look(path)?.is_some_and(|there| there.identity == seen.identity))
}

#[allow(
    clippy::useless_conversion,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "as wide as ours on Linux alone"
)]
fn seen(stat: &Stat) -> Seen {
    Seen {
        identity: (stat.st_dev as u64, stat.st_ino.into()),
        size: stat.st_size as u64,
        modified: (stat.st_mtime.max(0) as u64) * 1000 + stat.st_mtime_nsec as u64 / 1_000_000,
    }
}

/// The names in `folder` that are text: others are none of ours.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(io::Result::transpose).collect()
}

/// All files of `folder`.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // One that is gone meanwhile, or whose name is no text, is none of ours.
        let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        if metadata.is_file() {
            found.push(Found { name, size: metadata.len(), modified: modified(&metadata) });
        }
    }
    Ok(found)
}

fn modified(metadata: &Metadata) -> u64 {
    let time = metadata.modified().unwrap_or(UNIX_EPOCH);
    since_1970(time)
}

fn since_1970(time: SystemTime) -> u64 {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The right to move files in a folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _folder: Option<OwnedFd>,
}

/// Locks `folder`. `None`: another has it.
pub(crate) fn lock_folder(folder: &Path) -> io::Result<Option<FolderLock>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(folder, flags, Mode::empty()) {
        // A folder that may be changed, but not be listed.
        Err(Errno::ACCESS) => return Ok(Some(FolderLock { _folder: None })),
        result => result?,
    };
    match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        // Where there are no locks, a move that replaces nothing is what there is.
        Ok(()) | Err(_) => Ok(Some(FolderLock { _folder: Some(fd) })),
    }
}

/// Gives the file at `from` the name `to`, which nobody may have.
pub(crate) fn move_aside(from: &Path, to: &Path) -> io::Result<()> {
    match rename_to_new(from, to) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if to.symlink_metadata().is_ok() {
                return Err(Errno::EXIST.into());
            }
            fs::rename(from, to)
        }
        result => Ok(result?),
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_to_new(from: &Path, to: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_to_new(_: &Path, _: &Path) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// The next file of a log, open.
#[derive(Debug)]
pub(crate) struct Log(OwnedFd);

impl Log {
    /// Opens the file at `path`, or makes it, with the mode and the owner of the old one. Gives what it
    /// is, too, if it is the one that is there: another may be about to compress the old one.
    pub(crate) fn open(path: &Path, old: &mut File) -> io::Result<Option<(Self, Seen)>> {
        let old = fstat(old.fd()?)?;
        let flags = OFlags::APPEND | OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = retry_on_intr(|| rustix::fs::open(path, flags, Mode::from_raw_mode(old.st_mode)))?;
        rustix::fs::fcntl_setfl(&fd, OFlags::APPEND)?;
        let stat = fstat(&fd)?;
        if stat.st_size == 0 {
            give(&fd, &stat, &old);
        }
        let seen = seen(&stat);
        let is_there = hold(&fd) && is_at(path, seen)?;
        Ok(is_there.then_some((Self(fd), seen)))
    }
}

/// Has `fd` have the mode and the owner that `old` has, as far as the process may set them.
fn give(fd: &OwnedFd, new: &Stat, old: &Stat) {
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
        let _ = fchown(fd, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
    }
    if new.st_mode != old.st_mode {
        let _ = fchmod(fd, Mode::from_raw_mode(old.st_mode));
    }
}

/// Says that `fd` is written to. False: somebody is about to compress it.
fn hold(fd: impl AsFd) -> bool {
    !matches!(flock(fd, FlockOperation::NonBlockingLockShared), Err(Errno::WOULDBLOCK))
}

impl File {
    /// What it is; and says that it is written to. `None`: somebody is about to compress it.
    pub(crate) fn hold(&mut self) -> io::Result<Option<Seen>> {
        let fd = self.fd()?;
        let seen = seen(&fstat(fd)?);
        Ok(hold(fd).then_some(seen))
    }

    /// Goes on in `log`.
    pub(crate) fn go_on_in(&mut self, log: Log) -> io::Result<()> {
        self.switch(log.0.as_fd())
    }

    /// Brings all down that was written to other files of the same file system, too.
    pub(crate) fn sync_all_files(&mut self) -> io::Result<()> {
        sync_all_files(self.fd()?)
    }
}

#[cfg(target_os = "linux")]
fn sync_all_files(fd: impl AsFd) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fd)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_all_files(_: impl AsFd) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// A closed file that nobody else compresses, and nobody writes to.
#[derive(Debug)]
pub(crate) struct Claim {
    fd: OwnedFd,
    stat: Stat,
}

/// Claims the file at `path`. `None`: somebody still writes to it, or compresses it, or it is gone.
pub(crate) fn claim(path: &Path) -> io::Result<Option<Claim>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        result => result?,
    };
    if matches!(flock(&fd, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK)) {
        return Ok(None);
    }
    let stat = fstat(&fd)?;
    // It may have been compressed and removed before the lock was had.
    Ok(is_at(path, seen(&stat))?.then_some(Claim { fd, stat }))
}

impl Claim {
    /// Its bytes.
    #[allow(clippy::cast_sign_loss, reason = "a size is not below 0")]
    pub(crate) fn size(&self) -> u64 {
        self.stat.st_size as u64
    }

    /// A new file at `path` for what is made of it, which is to be opened with `flags`.
    pub(crate) fn create(&self, path: &Path, flags: i32) -> io::Result<File> {
        let flags = OFlags::from_bits_retain(flags.cast_unsigned()) | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?;
        give(&fd, &fstat(&fd)?, &self.stat);
        File::owned(fd)
    }
}

/// Has the file at `path` have the time of the claimed one, by which the order of files is known.
pub(crate) fn keep_time(path: &Path, claim: &Claim) -> io::Result<()> {
    let stat = fstat(&claim.fd)?;
    let time = |seconds, nanoseconds| rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    #[allow(
        clippy::useless_conversion,
        clippy::cast_possible_wrap,
        clippy::unnecessary_cast,
        reason = "as wide as ours on Linux alone"
    )]
    let times = Timestamps {
        last_access: time(stat.st_atime as i64, (stat.st_atime_nsec as i64).into()),
        last_modification: time(stat.st_mtime as i64, (stat.st_mtime_nsec as i64).into()),
    };
    let fd = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(futimens(fd, &times)?)
}
