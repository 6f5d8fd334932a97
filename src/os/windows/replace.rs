//! A file that takes the place of another at once, when it is whole.
//!
//! Whoever writes a temporary file has it open. So one that nobody has open was left by a process that is dead.

use std::{
    ffi::CStr,
    fs,
    io::{self, ErrorKind},
    os::windows::{fs::OpenOptionsExt, io::BorrowedHandle},
    path::{Path, PathBuf},
    process, ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_CANT_RESOLVE_FILENAME, ERROR_FILE_EXISTS, ERROR_INVALID_FUNCTION, WIN32_ERROR,
};

use super::{by_path, path_of};
use crate::error::in_call;

/// Links that lead from one to the next, at most: as Windows has it.
const LINKS: usize = 63;

/// The end of the names of temporary files.
const SUFFIX: &str = ".spillway";

/// Characters of the file's own name in that of its temporary file, at most: a name has 255 units of UTF-16.
const NAME: usize = 80;

/// What Node gives to `open` there: `O_CREAT`, `O_EXCL` and `O_WRONLY` of Microsoft's C runtime.
const FLAGS: i32 = 0x100 | 0x400 | 1;

/// The file that is replaced, and the temporary one that is written.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    temporary: PathBuf,
    /// Whether nothing may be there at the end.
    is_exclusive: bool,
    /// Whether the temporary file may be there.
    is_made: bool,
}

impl Replacement {
    /// Looks at the file at `path`.
    ///
    /// # Errors
    /// Those of an open for writing.
    pub fn prepare(path: &CStr, is_exclusive: bool) -> io::Result<Self> {
        let path = follow(path_of(path)?)?;
        look(&path, is_exclusive)?;
        let temporary = folder_of(&path).join(temporary_name(&path)?);
        Ok(Self { path, temporary, is_exclusive, is_made: true })
    }

    /// What is to be opened: a path, and the flags for `fs.open`.
    #[must_use]
    pub fn request(&self) -> (Vec<u8>, i32) {
        (self.temporary.to_string_lossy().into_owned().into(), FLAGS)
    }

    /// The temporary file is open, which says that it belongs to a process that lives.
    pub fn claim(&self, _: BorrowedHandle<'_>) {}

    /// Removes the temporary files that dead processes have left.
    ///
    /// # Errors
    /// None.
    pub fn begin(&self, _: BorrowedHandle<'_>) -> io::Result<()> {
        remove_left(&self.path);
        Ok(())
    }

    /// Has the temporary file take the place of the old one; if `is_durable`, when it is on the device.
    ///
    /// # Errors
    /// Those of `fs.rename`, `fs.link` and `fs.fsync` of Node.
    pub fn put(&mut self, file: BorrowedHandle<'_>, is_durable: bool) -> io::Result<()> {
        if is_durable {
            fs::File::from(file.try_clone_to_owned()?).sync_all().map_err(in_call("fsync"))?;
        }
        if self.is_exclusive {
            fs::hard_link(&self.temporary, &self.path).map_err(by_path).map_err(in_call("link"))?;
            self.abandon();
        } else {
            fs::rename(&self.temporary, &self.path).map_err(by_path).map_err(in_call("rename"))?;
            self.is_made = false;
        }
        Ok(())
    }

    /// A folder can't be synced.
    ///
    /// # Errors
    /// None.
    pub fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    /// Removes the temporary file.
    pub fn abandon(&mut self) {
        if std::mem::take(&mut self.is_made) {
            // It may be gone, or was never made.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn error(code: WIN32_ERROR) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}

/// The file that `path` leads to, through links: it need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        // What is no link, or not there, can't be read as one.
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = folder_of(&path).join(target);
    }
    Err(error(ERROR_CANT_RESOLVE_FILENAME))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether what is at `path` now, if anything, is a file that may be written.
fn look(path: &Path, is_exclusive: bool) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) if is_exclusive => Err(error(ERROR_FILE_EXISTS)),
        Ok(old) if old.is_dir() => Err(error(ERROR_INVALID_FUNCTION)),
        Ok(old) if old.permissions().readonly() => Err(by_path(error(ERROR_ACCESS_DENIED))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(by_path(error)),
    }
}

/// The name of a new temporary file: it tells the process and when that began, and the number is no other's, of another
/// copy of this library in the process neither.
fn temporary_name(path: &Path) -> io::Result<String> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let prefix = prefix_of(path).ok_or_else(|| error(ERROR_INVALID_FUNCTION))?;
    let number = ptr::from_ref(&COUNT).addr() as u64 + COUNT.fetch_add(1, Relaxed);
    Ok(format!("{prefix}{}-{}-{number}{SUFFIX}", process::id(), own_start()))
}

fn prefix_of(path: &Path) -> Option<String> {
    let name: String = path.file_name()?.to_string_lossy().chars().take(NAME).collect();
    Some(format!(".{name}."))
}

/// When this process first asked, in nanoseconds: another one of the same number has another.
fn own_start() -> u128 {
    static START: OnceLock<u128> = OnceLock::new();
    *START.get_or_init(|| SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos())
}

/// Removes the temporary files for `path` of processes that are dead.
fn remove_left(path: &Path) {
    let Some(prefix) = prefix_of(path) else { return };
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let process = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(SUFFIX));
        if process.is_some_and(is_process) && is_left(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether `text` is that of three numbers that stands in the name of a temporary file.
fn is_process(text: &str) -> bool {
    text.split('-').count() == 3 && text.split('-').all(|part| part.parse::<u128>().is_ok())
}

/// Whether nobody has the temporary file at `path` open.
fn is_left(path: &Path) -> bool {
    fs::OpenOptions::new().write(true).share_mode(0).open(path).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{ffi::CString, io::Write, os::windows::io::AsHandle};

    use super::*;

    fn c_path(path: &Path) -> CString {
        CString::new(path.to_str().expect("temporary paths are UTF-8")).expect("no NUL in a temporary path")
    }

    /// A replacement of the file at `path`, and its temporary file, with `new` in it.
    fn begin(path: &Path, is_exclusive: bool) -> (Replacement, fs::File) {
        let replacement = Replacement::prepare(&c_path(path), is_exclusive).expect("it may be replaced");
        // All may be done to what libuv opens.
        let mut file = fs::File::create_new(&replacement.temporary).expect("the name is new");
        file.write_all(b"new").expect("there is room");
        replacement.begin(file.as_handle()).expect("never fails");
        (replacement, file)
    }

    #[test]
    fn the_new_file_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        fs::write(&path, "old").expect("the file can be made");
        let (mut replacement, file) = begin(&path, false);
        assert_eq!(fs::read(&path).expect("it is there"), b"old");
        replacement.put(file.as_handle(), true).expect("it can be renamed");
        assert_eq!(fs::read(&path).expect("it is there"), b"new");
        drop((replacement, file));
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    }

    #[test]
    fn an_exclusive_one_replaces_nothing() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut replacement, file) = begin(&path, true);
        fs::write(&path, "other").expect("the file can be made");
        replacement.put(file.as_handle(), true).expect_err("there is one by now");
        drop((replacement, file));
        assert_eq!(fs::read(&path).expect("it is there"), b"other");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
        Replacement::prepare(&c_path(&path), true).expect_err("there is one");
    }

    #[test]
    fn what_nobody_has_open_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (_replacement, _file) = begin(&path, false);
        for name in [".file.1-2-3.spillway", ".file.1-2.spillway", ".other.1-2-3.spillway"] {
            fs::write(folder.path().join(name), "").expect("the file can be made");
        }
        remove_left(&path);
        assert!(!folder.path().join(".file.1-2-3.spillway").exists());
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 3);
    }

    #[test]
    fn a_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        Replacement::prepare(&c_path(folder.path()), false).expect_err("it is a folder");
    }
}
