//! Closed files are compressed and removed, on a thread of their own.

use std::{
    ffi::CString,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{
    News, Rotation,
    plan::{self, Tidying},
};
use crate::{
    error::in_open,
    os::{self, Claim, Replacement},
    source::{Outcome, Piece, Source},
    target::{Compression, Format, Stages, Target},
};

/// One file of the process is compressed at a time: other threads write.
static COMPRESSING: Mutex<()> = Mutex::new(());

/// Does what is to be done now with the closed files. False: some could not be compressed, since somebody has them.
pub(super) fn tidy(rotation: &Rotation) -> io::Result<bool> {
    let found = os::list(rotation.folder()).map_err(in_open("scandir"))?;
    let active = os::look(&rotation.path).map_err(in_open("stat"))?.map_or(0, |seen| seen.size);
    let Tidying { remove, compress, unfinished } = plan::tidy(&rotation.rules, found, active, rotation.now());
    for name in unfinished {
        os::remove_left_of(&rotation.folder().join(name)).map_err(in_open("open"))?;
    }
    for name in remove {
        remove_file(&rotation.folder().join(name))?;
    }
    let Some(compression) = rotation.rules.compress else { return Ok(true) };
    let mut is_all = true;
    for name in compress {
        let path = rotation.folder().join(name);
        match pack(&path, compression) {
            Ok(Some((path, size))) => rotation.tell(News::Rotated(path, size)),
            Ok(None) => is_all = false,
            // The plain file stays; the next may be more lucky.
            Err(error) => rotation.tell(News::warning(&error)),
        }
    }
    Ok(is_all)
}

/// Another process may have been quicker.
fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(in_open("unlink")(error)),
        _ => Ok(()),
    }
}

/// Puts a compressed file in the place of that at `path`, and gives its path and its bytes. `None`: not now.
fn pack(path: &Path, compression: Compression) -> io::Result<Option<(PathBuf, u64)>> {
    let _turn = COMPRESSING.lock();
    let Some(claim) = os::claim(path).map_err(in_open("open"))? else { return Ok(None) };
    let mut packed = path.to_owned().into_os_string();
    packed.push(match compression.format {
        Format::Gzip => ".gz",
        Format::Zstd => ".zst",
    });
    let packed = PathBuf::from(packed);
    if !compress(path, &packed, &claim, compression)? {
        return Ok(None);
    }
    // The order of files goes by it.
    os::keep_time(&packed, &claim).map_err(in_open("utime"))?;
    remove_file(path)?;
    Ok(Some((packed.clone(), fs::metadata(&packed)?.len())))
}

/// Makes the file at `packed`: it has its name when it is whole, and on the device. False: the plain one still grows.
fn compress(path: &Path, packed: &Path, claim: &Claim, compression: Compression) -> io::Result<bool> {
    let replacement = Replacement::prepare(&to_c(packed)?, true).map_err(in_open("open"))?;
    let (temporary, flags) = replacement.request();
    let file = claim.create(&os::path_from(temporary), flags).map_err(in_open("open"))?;
    let stages = Stages {
        compress: Some(compression),
        replacement: Arc::new(Mutex::new(Some((replacement, true)))),
        ..Stages::default()
    };
    let mut target = stages.around_file(file);
    let source = Source::open(to_c(path)?, Some(0));
    match copy_all(&source, &mut *target) {
        // Somebody who takes no lock may write to it.
        Ok(size) if size == claim.size() => target.finish().map(|()| true),
        result => {
            target.abandon();
            result.map(|_| false)
        }
    }
}

/// Gives how many bytes that were.
fn copy_all(source: &Arc<Source>, target: &mut dyn Target) -> io::Result<u64> {
    let piece = Piece::new(Arc::clone(source), u64::MAX);
    loop {
        match piece.go_on(target) {
            Ok((_, true)) => break,
            Ok((_, false)) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(in_open("write")(error)),
        }
    }
    match source.outcome() {
        Some(Outcome::NotOpened(errno)) => Err(in_open("open")(io::Error::from_raw_os_error(errno))),
        Some(Outcome::NotRead(errno)) => Err(in_open("read")(io::Error::from_raw_os_error(errno))),
        _ => Ok(source.read()),
    }
}

fn to_c(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_encoded_bytes())?)
}
