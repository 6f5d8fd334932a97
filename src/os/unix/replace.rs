//! A file that takes the place of another at once, when it is whole.

use std::{
    ffi::{CStr, OsStr, OsString},
    fs,
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    process, ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rustix::{
    fs::{
        Access, AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, Stat, Uid, accessat, fchmod,
        fchown, flock, fsync, linkat, open, openat, renameat, statat, unlinkat,
    },
    io::Errno,
};

use crate::error::in_call;

/// Links that lead from one to the next, at most: as Linux has it.
const LINKS: usize = 40;

/// The end of the names of temporary files.
const SUFFIX: &[u8] = b".spillway";

/// Bytes of the file's own name in that of its temporary file, at most: a name has 255.
const NAME: usize = 160;

/// The file that is replaced, and the temporary one that is written.
#[derive(Debug)]
pub struct Replacement {
    folder: OwnedFd,
    path: PathBuf,
    name: OsString,
    temporary: OsString,
    /// What was there.
    old: Option<Stat>,
    /// Whether nothing may be there at the end.
    is_exclusive: bool,
    /// Whether the temporary file has a name.
    is_named: bool,
}

impl Replacement {
    /// Looks at the file at `path`.
    ///
    /// # Errors
    /// Those of an `open(2)` that would write to it.
    pub fn prepare(path: &CStr, is_exclusive: bool) -> io::Result<Self> {
        let path = follow(Path::new(OsStr::from_bytes(path.to_bytes())))?;
        if path.as_os_str().as_bytes().ends_with(b"/") {
            return Err(Errno::ISDIR.into());
        }
        let name = path.file_name().ok_or(Errno::ISDIR)?.to_owned();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let old = look(folder.as_fd(), &name)?;
        if is_exclusive && old.is_some() {
            return Err(Errno::EXIST.into());
        }
        let temporary = temporary_name(&name);
        let is_named = !has_unnamed(folder.as_fd());
        Ok(Self { folder, path: parent.to_owned(), name, temporary, old, is_exclusive, is_named })
    }

    /// What is to be opened: a path, and the flags for `open(2)`.
    #[must_use]
    pub fn request(&self) -> (Vec<u8>, i32) {
        let (path, flags) = if self.is_named {
            (self.path.join(&self.temporary), OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY)
        } else {
            (self.path.clone(), unnamed() | OFlags::WRONLY)
        };
        (path.into_os_string().into_vec(), flags.bits().cast_signed())
    }

    /// The temporary file is open: from now on it is known to belong to a process that lives.
    pub fn claim(&self, file: BorrowedFd<'_>) {
        // Where there are no locks the name tells the process.
        let _ = flock(file, FlockOperation::NonBlockingLockShared);
    }

    /// Gives the temporary file the mode and the owner of the old one, and removes those that dead processes have left.
    ///
    /// # Errors
    /// When the mode can't be set.
    pub fn begin(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        remove_left(self.folder.as_fd(), &self.path, &self.name);
        let Some(old) = &self.old else { return Ok(()) };
        // Root alone may give files away.
        let _ = fchown(file, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
        Ok(fchmod(file, Mode::from_raw_mode(old.st_mode))?)
    }

    /// Has the temporary file take the place of the old one.
    ///
    /// # Errors
    /// Those of `linkat(2)`, `renameat(2)` and `fsync(2)`.
    pub fn commit(&mut self, file: BorrowedFd<'_>, is_durable: bool) -> io::Result<()> {
        if is_durable {
            fsync(file).map_err(in_call("fsync"))?;
        }
        if !self.is_named {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, path, &self.folder, &*self.temporary, AtFlags::SYMLINK_FOLLOW)
                .map_err(in_call("link"))?;
            self.is_named = true;
        }
        if self.is_exclusive {
            linkat(&self.folder, &*self.temporary, &self.folder, &*self.name, AtFlags::empty())
                .map_err(in_call("link"))?;
            self.abandon();
        } else {
            renameat(&self.folder, &*self.temporary, &self.folder, &*self.name).map_err(in_call("rename"))?;
            self.is_named = false;
        }
        if is_durable { fsync(&self.folder).map_err(in_call("fsync")) } else { Ok(()) }
    }

    /// Removes the temporary file.
    pub fn abandon(&mut self) {
        if std::mem::take(&mut self.is_named) {
            // It may be gone, or was never made.
            let _ = unlinkat(&self.folder, &*self.temporary, AtFlags::empty());
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The file that `path` leads to, through links: it need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().map_or(target.clone(), |folder| folder.join(&target)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

/// What is at `name` now, if it is a file that may be written.
fn look(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<Stat>> {
    let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => accessat(folder, name, Access::WRITE_OK, AtFlags::EACCESS)?,
        FileType::Directory => return Err(Errno::ISDIR.into()),
        _ => return Err(Errno::INVAL.into()),
    }
    Ok(Some(stat))
}

/// The name of a new temporary file: it tells the process and when that began, and the number is no other's, of another
/// copy of this library in the process neither.
fn temporary_name(name: &OsStr) -> OsString {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut temporary = prefix_of(name);
    let number = ptr::from_ref(&COUNT).addr() as u64 + COUNT.fetch_add(1, Relaxed);
    temporary.extend(format!("{}-{}-{number}", process::id(), own_start()).bytes());
    temporary.extend(SUFFIX);
    OsString::from_vec(temporary)
}

/// Removes the temporary files for the file at `path` of processes that are dead.
pub(crate) fn remove_left_of(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let folder = open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    remove_left(folder.as_fd(), parent, name);
    Ok(())
}

fn prefix_of(name: &OsStr) -> Vec<u8> {
    let name = name.as_bytes();
    [b".", &name[..name.len().min(NAME)], b"."].concat()
}

/// Removes the temporary files for `name` of processes that are dead.
fn remove_left(folder: BorrowedFd<'_>, path: &Path, name: &OsStr) {
    let prefix = prefix_of(name);
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let entry = entry.file_name();
        let process = entry.as_bytes().strip_prefix(&prefix[..]).and_then(|rest| rest.strip_suffix(SUFFIX));
        if let Some(process) = process.and_then(|bytes| std::str::from_utf8(bytes).ok())
            && is_left(folder, &entry, process)
        {
            let _ = unlinkat(folder, &*entry, AtFlags::empty());
        }
    }
}

/// Whether nobody has the temporary file any more.
fn is_left(folder: BorrowedFd<'_>, entry: &OsStr, process: &str) -> bool {
    let mut parts = process.splitn(3, '-').map(str::parse::<u64>);
    let (Some(Ok(id)), Some(Ok(start)), Some(Ok(_))) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if start_of(id) == Some(start) {
        return false;
    }
    // A process that is not seen from here, in another container, still has its lock.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(folder, entry, flags, Mode::empty())
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

fn own_start() -> u64 {
    static START: OnceLock<u64> = OnceLock::new();
    *START.get_or_init(|| start_of(process::id().into()).unwrap_or_default())
}

/// When a process began, in ticks since the system did. `None`: there is no such process, or nothing tells.
fn start_of(id: u64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the name, which is in brackets.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// The flag for a file that has no name.
#[cfg(target_os = "linux")]
fn unnamed() -> OFlags {
    OFlags::TMPFILE
}

#[cfg(not(target_os = "linux"))]
fn unnamed() -> OFlags {
    OFlags::empty()
}

/// Whether the file system has files without a name.
fn has_unnamed(folder: BorrowedFd<'_>) -> bool {
    cfg!(target_os = "linux")
        && Path::new("/proc/self/fd").exists()
        && openat(folder, c".", unnamed() | OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).is_ok()
}
