//! A folder in which files are replaced. Those that are under way in it at the same time share its descriptor,
//! the search for what dead processes have left, and its sync.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    process,
    sync::{
        Arc, LazyLock, OnceLock, Weak,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;
use rustix::{
    fs::{Dir, FlockOperation, Mode, OFlags, flock, fsync, open, openat, unlinkat},
    io::Errno,
};

use super::super::descriptor::{Identity, inspect};

/// The end of the names of temporary files.
const SUFFIX: &[u8] = b".spillway";

/// Bytes of the file's own name in that of its temporary file, at most: a name has 255.
const NAME: usize = 160;

/// Those that are in use. A path may lead to another folder by now, so they are not known by that.
static IN_USE: LazyLock<Mutex<HashMap<Identity, Weak<Folder>>>> = LazyLock::new(Mutex::default);

/// One folder.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    identity: Identity,
    /// Files whose temporary ones nobody has looked for since they were prepared.
    unsought: Mutex<HashSet<Vec<u8>>>,
    /// How many names were given in it.
    changes: AtomicU64,
    synced: Mutex<Synced>,
}

/// What has become of the syncs.
#[derive(Debug, Default)]
struct Synced {
    /// How many changes are on the device.
    changes: u64,
    /// Why one has failed. The next would say that all is well.
    failure: Option<Errno>,
}

impl Folder {
    /// The folder that is at `path` now.
    pub(super) fn open(path: &Path) -> io::Result<Arc<Self>> {
        let fd = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let identity = inspect(fd.as_fd())?.1;
        let mut in_use = IN_USE.lock();
        if let Some(folder) = in_use.get(&identity).and_then(Weak::upgrade) {
            return Ok(folder);
        }
        let folder = Arc::new(Self {
            fd,
            identity,
            unsought: Mutex::default(),
            changes: AtomicU64::new(0),
            synced: Mutex::default(),
        });
        in_use.insert(identity, Arc::downgrade(&folder));
        Ok(folder)
    }

    /// Whether the file system has files without a name. It is asked once: the inode that it makes for that is
    /// one that ext4 steps over for a while, with all others of the kind, whenever it makes a file.
    pub(super) fn has_unnamed(&self) -> bool {
        static KNOWN: LazyLock<Mutex<HashMap<u64, bool>>> = LazyLock::new(Mutex::default);
        *KNOWN.lock().entry(self.identity.0).or_insert_with(|| {
            cfg!(target_os = "linux")
                && Path::new("/proc/self/fd").exists()
                && openat(&self.fd, c".", unnamed() | OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).is_ok()
        })
    }

    /// The temporary files of `name` are to be sought.
    pub(super) fn note(&self, name: &OsStr) {
        self.unsought.lock().insert(part_of(name).to_owned());
    }

    /// Removes what dead processes have left of `name`, unless another has done that since it was noted: one look
    /// into the folder is for all that are to be replaced in it.
    pub(super) fn tidy(&self, name: &OsStr) {
        let mut unsought = self.unsought.lock();
        if !unsought.contains(part_of(name)) {
            return;
        }
        if let Ok(entries) = Dir::read_from(&self.fd) {
            for entry in entries.flatten() {
                self.remove_if_left(entry.file_name().to_bytes(), &unsought);
            }
        }
        unsought.clear();
    }

    fn remove_if_left(&self, entry: &[u8], names: &HashSet<Vec<u8>>) {
        let Some((name, process)) = parts_of(entry) else { return };
        let entry = OsStr::from_bytes(entry);
        if names.contains(name) && is_left(self.fd.as_fd(), entry, process) {
            // Another may have been here before.
            let _ = unlinkat(&self.fd, entry, rustix::fs::AtFlags::empty());
        }
    }

    /// A name was given. Gives its number.
    pub(super) fn note_change(&self) -> u64 {
        self.changes.fetch_add(1, SeqCst) + 1
    }

    /// Brings the change of that number on the device: one sync is that of all changes before it.
    pub(super) fn sync(&self, change: u64) -> Result<(), Errno> {
        let mut synced = self.synced.lock();
        if synced.changes >= change {
            return Ok(());
        }
        if let Some(error) = synced.failure {
            return Err(error);
        }
        let changes = self.changes.load(SeqCst);
        let result = fsync(&self.fd);
        match result {
            Ok(()) => synced.changes = changes,
            // Nothing was done.
            Err(Errno::INTR) => {}
            Err(error) => synced.failure = Some(error),
        }
        result
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut in_use = IN_USE.lock();
        // It may be open anew by now.
        if in_use.get(&self.identity).is_some_and(|folder| folder.strong_count() == 0) {
            in_use.remove(&self.identity);
        }
    }
}

/// Removes the temporary files for the file at `path` of processes that are dead.
pub(crate) fn remove_left_of(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let folder = Folder::open(parent)?;
    folder.note(name);
    folder.tidy(name);
    Ok(())
}

/// The name of a new temporary file: it tells the process and when that began, and the number is no other's, of another
/// copy of this library in the process neither.
pub(super) fn temporary_name(name: &OsStr) -> OsString {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = std::ptr::from_ref(&COUNT).addr() as u64 + COUNT.fetch_add(1, SeqCst);
    let process = format!(".{}-{}-{number}", process::id(), own_start());
    OsString::from_vec([b".", part_of(name), process.as_bytes(), SUFFIX].concat())
}

/// The part of a file's name that is in that of its temporary file.
fn part_of(name: &OsStr) -> &[u8] {
    let name = name.as_bytes();
    &name[..name.len().min(NAME)]
}

/// The file's name and the process in the name of a temporary file, if `entry` is one.
fn parts_of(entry: &[u8]) -> Option<(&[u8], &str)> {
    let parts = entry.strip_prefix(b".")?.strip_suffix(SUFFIX)?;
    let dot = parts.iter().rposition(|&byte| byte == b'.')?;
    Some((&parts[..dot], std::str::from_utf8(&parts[dot + 1..]).ok()?))
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
pub(super) fn unnamed() -> OFlags {
    OFlags::TMPFILE
}

#[cfg(not(target_os = "linux"))]
pub(super) fn unnamed() -> OFlags {
    OFlags::empty()
}
