//! A file that takes the place of another at once, when it is whole.

mod folder;

use std::{
    ffi::{CStr, OsStr, OsString},
    fs,
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{
        Access, AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, Stat, Uid, accessat, fchmod,
        fchown, flock, fsync, linkat, renameat, statat, unlinkat,
    },
    io::Errno,
};

pub(crate) use folder::remove_left_of;
use folder::{Folder, temporary_name, unnamed};

use crate::error::in_call;

/// Links that lead from one to the next, at most: as Linux has it.
const LINKS: usize = 40;

/// The file that is replaced, and the temporary one that is written.
#[derive(Debug)]
pub struct Replacement {
    folder: Arc<Folder>,
    path: PathBuf,
    name: OsString,
    temporary: OsString,
    /// What was there.
    old: Option<Stat>,
    /// Whether nothing may be there at the end.
    is_exclusive: bool,
    /// Whether the temporary file has a name.
    is_named: bool,
    /// The number of the change that it has made in the folder.
    change: u64,
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
        let folder = Folder::open(parent)?;
        let old = look(folder.as_fd(), &name)?;
        if is_exclusive && old.is_some() {
            return Err(Errno::EXIST.into());
        }
        let temporary = temporary_name(&name);
        let is_named = !folder.has_unnamed();
        folder.note(&name);
        Ok(Self { folder, path: parent.to_owned(), name, temporary, old, is_exclusive, is_named, change: 0 })
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
        self.folder.tidy(&self.name);
        let Some(old) = &self.old else { return Ok(()) };
        // Root alone may give files away.
        let _ = fchown(file, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
        Ok(fchmod(file, Mode::from_raw_mode(old.st_mode))?)
    }

    /// Has the temporary file take the place of the old one; if `is_durable`, when it is on the device.
    ///
    /// # Errors
    /// Those of `linkat(2)`, `renameat(2)` and `fsync(2)`.
    pub fn put(&mut self, file: BorrowedFd<'_>, is_durable: bool) -> io::Result<()> {
        if is_durable {
            fsync(file).map_err(in_call("fsync"))?;
        }
        self.name(file)?;
        self.change = self.folder.note_change();
        Ok(())
    }

    /// Brings on the device what was put.
    ///
    /// # Errors
    /// Those of `fsync(2)`.
    pub fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync(self.change).map_err(in_call("fsync"))
    }

    /// Gives the temporary file the name that is wanted.
    fn name(&mut self, file: BorrowedFd<'_>) -> io::Result<()> {
        // What had nothing in its place needs no other name before, unless somebody has come since.
        let is_new = self.old.is_none() && !self.is_named;
        if self.is_exclusive || is_new {
            match self.link(file, &self.name) {
                Err(Errno::EXIST) if !self.is_exclusive => {}
                result => {
                    self.abandon();
                    return result.map_err(in_call("link"));
                }
            }
        }
        if !self.is_named {
            self.link(file, &self.temporary).map_err(in_call("link"))?;
            self.is_named = true;
        }
        renameat(&self.folder, &*self.temporary, &self.folder, &*self.name).map_err(in_call("rename"))?;
        self.is_named = false;
        Ok(())
    }

    /// Gives the temporary file one name more.
    fn link(&self, file: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
        if self.is_named {
            return linkat(&self.folder, &*self.temporary, &self.folder, name, AtFlags::empty());
        }
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, path, &self.folder, name, AtFlags::SYMLINK_FOLLOW)
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
