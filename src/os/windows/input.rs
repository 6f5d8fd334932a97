//! What a source reads from: files, pipes and consoles.
//!
//! Nothing tells whether a pipe or a console has something to read. A read of one that
//! has nothing holds its thread until somebody writes or the last writer goes; neither
//! the stop of a source nor a cancel ends that.

use std::{
    ffi::CStr,
    fs,
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::windows::{
        fs::{FileExt, OpenOptionsExt},
        io::{AsHandle, OwnedHandle},
    },
};

use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_BACKUP_SEMANTICS;

use super::{Readiness, by_path, path_of, raw};

/// A handle of ours that is only read from.
#[derive(Debug)]
pub struct Input {
    file: fs::File,
}

impl Input {
    /// Opens the file at `path`, in UTF-8, for reading.
    ///
    /// # Errors
    /// As `fs.open` of Node.
    pub fn open(path: &CStr) -> io::Result<Self> {
        let path = path_of(path)?;
        // So that a folder can be opened, as in Node: it is the read that fails.
        let opened = fs::OpenOptions::new().read(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path);
        opened.map(|file| Self { file }).map_err(by_path)
    }

    /// Reads from what descriptor `number` stands for, whatever becomes of the number.
    ///
    /// # Errors
    /// If no such descriptor is open, or node.exe does not say which handle it is.
    pub fn share(number: i32) -> io::Result<Self> {
        Self::new(raw::duplicate(number)?)
    }

    /// Whether it is read by another thread while one writes: that was not tried here.
    #[expect(clippy::unused_self, reason = "as elsewhere")]
    pub(crate) fn copies_by_page(&self) -> bool {
        false
    }

    /// The bytes that it has now, if it says so.
    pub(crate) fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Reads from `handle`.
    ///
    /// # Errors
    /// None.
    pub fn new(handle: OwnedHandle) -> io::Result<Self> {
        Ok(Self { file: handle.into() })
    }

    /// The volume and the index of the file: `dev` and `ino` of Node. What is no file has 0 and 0.
    ///
    /// # Errors
    /// None.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        Ok(raw::identity(self.file.as_handle()).unwrap_or_default())
    }

    /// Reads into `buffer`, from `position` or where it stands. 0: that is its end.
    ///
    /// # Errors
    /// As `fs.read` of Node; never `WouldBlock`.
    pub fn read(&self, buffer: &mut [u8], position: Option<u64>) -> io::Result<usize> {
        let mut file = &self.file;
        let Some(position) = position else { return file.read(buffer) };
        // Where the handle stands is JS's business, too. As in Node a read from
        // a position leaves it as it was. A pipe stands nowhere.
        let before = file.stream_position();
        let read = file.seek_read(buffer, position);
        if let Ok(before) = before {
            let _ = file.seek(SeekFrom::Start(before));
        }
        match read {
            // `read` says by itself that this is the end.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(0),
            read => read,
        }
    }

    /// What to wait for when a read has answered `WouldBlock`, as none does.
    ///
    /// # Errors
    /// None.
    pub fn readiness(&self) -> io::Result<Readiness> {
        Ok(Readiness)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::CString, io::Write, path::Path};

    use super::{super::errno, *};

    fn c_path(path: &Path) -> CString {
        CString::new(path.to_str().expect("temporary paths are UTF-8")).expect("no NUL in a temporary path")
    }

    /// A file with `0123456789`, opened in both ways.
    fn file(folder: &Path) -> (Input, fs::File, Input) {
        let path = folder.join("file");
        fs::write(&path, "0123456789").expect("the file can be made");
        let file = fs::File::open(&path).expect("it is there");
        let shared = Input::new(file.try_clone().expect("it is open").into()).expect("any handle will do");
        (shared, file, Input::open(&c_path(&path)).expect("it is there"))
    }

    fn read(input: &Input, position: Option<u64>) -> Vec<u8> {
        let mut bytes = [0; 4];
        let count = input.read(&mut bytes, position).expect("it can be read");
        bytes[..count].to_vec()
    }

    #[test]
    fn a_file_is_read_where_it_stands_for_all_who_share_the_handle() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (shared, mut file, opened) = file(folder.path());
        assert_eq!(read(&shared, None), b"0123");
        file.seek(SeekFrom::Current(1)).expect("it can be sought");
        assert_eq!([read(&shared, None), read(&shared, None), read(&shared, None)].concat(), b"56789");
        assert_eq!(read(&opened, None), b"0123", "a file that is opened has a place of its own");
    }

    #[test]
    fn a_read_from_a_position_leaves_the_handle_where_it_stood() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (shared, ..) = file(folder.path());
        assert_eq!(read(&shared, None), b"0123");
        assert_eq!(
            [read(&shared, Some(8)), read(&shared, Some(10)), read(&shared, Some(99))].concat(),
            b"89"
        );
        assert_eq!(read(&shared, None), b"4567");
    }

    #[test]
    fn a_pipe_is_read_until_its_last_writer_goes() {
        for position in [None, Some(7)] {
            let (reader, mut writer) = io::pipe().expect("a pipe can be made");
            let input = Input::new(reader.into()).expect("any handle will do");
            writer.write_all(b"abc").expect("there is room");
            drop(writer);
            assert_eq!([read(&input, position), read(&input, position)].concat(), b"abc");
        }
    }

    #[test]
    fn one_file_has_one_identity_and_a_pipe_has_none() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (shared, _, opened) = file(folder.path());
        let identity = shared.identity().expect("never fails");
        assert_eq!(opened.identity().expect("never fails"), identity);
        assert_ne!(identity, (0, 0));
        let (reader, _writer) = io::pipe().expect("a pipe can be made");
        assert_ne!(
            Input::new(reader.into()).and_then(|pipe| pipe.identity()).expect("never fails"),
            identity
        );
    }

    #[test]
    fn what_can_not_be_opened_or_read_is_told_by_the_numbers_of_libuv() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let missing = Input::open(&c_path(&folder.path().join("missing"))).expect_err("nobody has made it");
        assert_eq!(errno(&missing), Some(super::super::ENOENT));
        let write_only = fs::File::create(folder.path().join("file")).expect("it can be made");
        let input = Input::new(write_only.into()).expect("any handle will do");
        let error = input.read(&mut [0], None).expect_err("it is open for writing");
        assert_eq!(errno(&error), Some(super::super::EBADF));
        let folder = Input::open(&c_path(folder.path())).expect("a folder can be opened");
        let error = folder.read(&mut [0], None).expect_err("it can't be read");
        assert_eq!(errno(&error), Some(super::super::EISDIR));
    }
}
