//! Files, pipes and consoles that are written to.

use std::{
    fs,
    io::{self, ErrorKind, IoSlice, Seek, SeekFrom, Write},
    os::windows::{
        fs::FileExt,
        io::{AsHandle, BorrowedHandle, OwnedHandle},
    },
};

use super::{Readiness, raw};
use crate::{
    error::in_call,
    target::{Settle, Target},
    writer::ENOUGH,
};

/// A file, pipe or console.
#[derive(Debug)]
pub struct File {
    file: fs::File,
    /// Where the next byte goes, when the caller keeps count.
    position: Option<u64>,
}

impl File {
    /// Writes to `handle`, from `start` on if that is given. One that was
    /// opened for appending appends, whatever `start` says.
    ///
    /// # Errors
    /// None.
    pub fn new(handle: OwnedHandle, start: Option<u64>) -> io::Result<Self> {
        Ok(Self { file: handle.into(), position: start })
    }

    /// Writes to a duplicate of descriptor number `number`, which belongs to JS.
    ///
    /// # Errors
    /// If no such descriptor is open, or node.exe does not say which handle it is.
    pub fn share(number: i32, start: Option<u64>) -> io::Result<Self> {
        Self::new(raw::duplicate(number)?, start)
    }

    /// The handle.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
    pub(crate) fn fd(&mut self) -> io::Result<BorrowedHandle<'_>> {
        Ok(self.file.as_handle())
    }

    /// Writes what of `bytes` there is room for. A pipe that was told not to
    /// wait takes all of a write or nothing: it is offered half, and half of that.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut part = bytes;
        loop {
            let count = self.write_one(part)?;
            if count > 0 || part.len() <= 1 {
                return Ok(count);
            }
            part = &part[..part.len() / 2];
        }
    }

    fn write_one(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(position) = self.position else { return self.file.write(bytes) };
        // Where the handle stands is JS's business, too. As in Node a write to
        // a position leaves it as it was. A pipe stands nowhere.
        let before = self.file.stream_position();
        let written = self.file.seek_write(bytes, position);
        if let Ok(before) = before {
            let _ = self.file.seek(SeekFrom::Start(before));
        }
        let count = written?;
        self.position = Some(position + count as u64);
        Ok(count)
    }
}

impl Target for File {
    /// Windows has no `writev` for what is buffered by the system. One call
    /// for each slice is what Node makes, too; to copy them together would cost
    /// more, since what is small was put together in a slab before.
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut total = 0;
        for slice in bytes {
            let count = match self.write_some(slice) {
                Ok(count) => count,
                Err(error) if total == 0 => return Err(error),
                // The next write meets it again.
                Err(_) => break,
            };
            total += count;
            // A pipe may hold the thread at each slice: what is written is told soon.
            if count < slice.len() || total >= ENOUGH {
                break;
            }
        }
        // As a pipe answers that is full and was told not to wait.
        if total == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(total) }
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        match how {
            Settle::Written => Ok(()),
            Settle::Data => self.file.sync_data().map_err(in_call("fdatasync")),
            Settle::All => self.file.sync_all().map_err(in_call("fsync")),
        }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        Ok(Readiness)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, path::Path};

    use super::{
        super::{EBADF, EPIPE, errno},
        *,
    };

    fn slices<'a>(parts: &[&'a [u8]]) -> Vec<IoSlice<'a>> {
        parts.iter().map(|part| IoSlice::new(part)).collect()
    }

    /// A target that writes to `path`, which holds `0123456789`, and a second handle on the same file.
    fn target(path: &Path, options: &mut fs::OpenOptions, start: Option<u64>) -> (File, fs::File) {
        fs::write(path, "0123456789").expect("the file can be made");
        let file = options.open(path).expect("it opens");
        let other = file.try_clone().expect("it is open");
        (File::new(file.into(), start).expect("any handle will do"), other)
    }

    #[test]
    fn slices_are_written_one_behind_the_other() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, _) = target(&path, fs::OpenOptions::new().write(true), None);
        assert_eq!(file.write(&slices(&[b"ab", b"", b"cde"])).expect("there is room"), 5);
        assert_eq!(file.write(&slices(&[b"f"])).expect("there is room"), 1);
        assert_eq!(fs::read(&path).expect("it is there"), b"abcdef6789");
    }

    #[test]
    fn a_write_ends_soon_after_enough_bytes() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, _) = target(&path, fs::OpenOptions::new().write(true), None);
        let chunk = vec![b'x'; ENOUGH - 1];
        let count = file.write(&slices(&[&chunk, &chunk, &chunk])).expect("there is room");
        assert_eq!(count, 2 * chunk.len());
    }

    #[test]
    fn a_positioned_file_keeps_its_own_count_and_leaves_the_handle_where_it_stood() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, mut other) = target(&path, fs::OpenOptions::new().write(true), Some(2));
        for part in [&b"ab"[..], b"cd"] {
            assert_eq!(file.write(&slices(&[part])).expect("there is room"), 2);
        }
        other.write_all(b"!").expect("there is room");
        assert_eq!(fs::read(&path).expect("it is there"), b"!1abcd6789");
    }

    #[test]
    fn what_was_opened_for_appending_appends_whatever_the_start() {
        for start in [None, Some(2)] {
            let folder = tempfile::tempdir().expect("a folder for the test");
            let path = folder.path().join("file");
            let (mut file, _) = target(&path, fs::OpenOptions::new().append(true), start);
            assert_eq!(file.write(&slices(&[b"ab"])).expect("there is room"), 2);
            fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .and_then(|mut file| file.write_all(b"-"))
                .expect("room");
            assert_eq!(file.write(&slices(&[b"cd"])).expect("there is room"), 2);
            assert_eq!(fs::read(&path).expect("it is there"), b"0123456789ab-cd");
        }
    }

    #[test]
    fn who_may_not_write_is_told_that_the_descriptor_is_no_good() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (mut file, _) = target(&folder.path().join("file"), fs::OpenOptions::new().read(true), None);
        let error = file.write(&slices(&[b"ab"])).expect_err("it is open for reading");
        assert_eq!(errno(&error), Some(EBADF));
    }

    #[test]
    fn a_pipe_takes_bytes_until_nobody_reads() {
        // A start means nothing to a pipe, as in Node.
        for start in [None, Some(7)] {
            let (mut reader, writer) = io::pipe().expect("a pipe can be made");
            let mut file = File::new(OwnedHandle::from(writer), start).expect("any handle will do");
            assert_eq!(file.write(&slices(&[b"ab", b"c"])).expect("there is room"), 3);
            let mut bytes = [0; 3];
            reader.read_exact(&mut bytes).expect("they are there");
            assert_eq!(&bytes, b"abc");
            drop(reader);
            let error = file.write(&slices(&[b"d"])).expect_err("nobody reads");
            assert_eq!(errno(&error), Some(EPIPE));
        }
    }

    #[test]
    fn what_is_synced_is_there() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        let (mut file, _) = target(&path, fs::OpenOptions::new().write(true), None);
        file.write(&slices(&[b"ab"])).expect("there is room");
        for how in [Settle::Written, Settle::Data, Settle::All] {
            file.settle(how).expect("it is a file");
        }
        assert_eq!(fs::read(&path).expect("it is there"), b"ab23456789");
    }
}
