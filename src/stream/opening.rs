//! The open of a file, which is tried again while it is a FIFO that nobody reads.

use std::{
    ffi::CString,
    io::{self, ErrorKind},
    time::Duration,
};

use crate::os::{self, File};

/// Time until the second try to open a FIFO that nobody reads; each is twice
/// the one before. Nothing tells when a reader comes.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// The longest such time.
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// A file that is still to be opened.
#[derive(Debug)]
pub struct Request {
    /// Its path, as `open(2)` takes it.
    pub path: CString,
    /// The `O_` flags of `open(2)`.
    pub flags: i32,
    /// Permission bits of a file that is created.
    pub mode: u16,
    /// Where the first byte goes; `None`: where the descriptor stands.
    pub start: Option<u64>,
    /// Whether folders that are missing are made.
    pub mkdir: bool,
}

/// A request, and how often it was tried.
#[derive(Debug)]
pub(crate) struct Opening {
    request: Request,
    pause: Duration,
}

/// What has become of one try.
pub(crate) enum Opened {
    /// The file, and the number of its descriptor.
    File(File, i32),
    /// It is a FIFO that nobody reads: to be tried again after this time.
    Unread(Duration),
    /// It can't be opened, for this error.
    Not(io::Error),
}

impl Opening {
    pub(crate) fn new(request: Request) -> Self {
        Self { request, pause: FIRST_PAUSE }
    }

    /// Whether it was tried in vain.
    pub(crate) fn is_unread(&self) -> bool {
        self.pause > FIRST_PAUSE
    }

    fn open(&self) -> io::Result<(File, i32)> {
        match os::open(&self.request) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.request.mkdir => {
                os::make_folders(&self.request.path)?;
                os::open(&self.request)
            }
            result => result,
        }
    }

    /// Tries once.
    pub(crate) fn attempt(&mut self) -> Opened {
        match self.open() {
            Ok((file, number)) => Opened::File(file, number),
            Err(error) if is_unread(&error) => {
                let pause = self.pause;
                self.pause = LAST_PAUSE.min(pause * 2);
                Opened::Unread(pause)
            }
            Err(error) => Opened::Not(error),
        }
    }
}

fn is_unread(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}
