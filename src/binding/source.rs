//! Another descriptor, whose bytes a stream is to copy.

use std::{ffi::CString, sync::Arc};

use napi::{Error, Result, bindgen_prelude::Either};
use napi_derive::napi;

use super::{fault::Fault, number, position};
use crate::{
    os::Input,
    source::{self, Outcome},
};

/// What is read from. It holds a descriptor of its own until it is closed and copied.
#[napi]
pub struct Source {
    pub(super) source: Option<Arc<source::Source>>,
    /// Its device and inode; of a file that is opened later they are not known.
    identity: Option<(u64, u64)>,
}

#[napi]
impl Source {
    /// Reads from what descriptor `fd` stands for: from `start` on, or where it stands if that
    /// is below 0. Or why that can't be: `EBADF`, `EMFILE` and their like.
    #[napi(catch_unwind)]
    pub fn share(fd: i32, start: f64) -> Either<Source, Fault> {
        let shared = Input::share(fd).and_then(|input| Ok((input.identity()?, input)));
        match shared {
            Ok((identity, input)) => Either::A(Self {
                source: Some(source::Source::new(input, position(start))),
                identity: Some(identity),
            }),
            Err(error) => Either::B(Fault::from_io(&error)),
        }
    }

    /// Reads the file at `path`, which is opened when its turn comes: from `start` on, or from its
    /// beginning if that is below 0.
    #[napi(factory, catch_unwind)]
    pub fn open(path: &[u8], start: f64) -> Result<Self> {
        let path = CString::new(path).map_err(Error::from)?;
        Ok(Self { source: Some(source::Source::open(path, position(start))), identity: None })
    }

    /// Whether it is the file with this device and inode.
    #[napi(catch_unwind)]
    pub fn is_file(&self, device: f64, inode: f64) -> bool {
        self.identity.is_some_and(|(dev, ino)| (number(dev), number(ino)) == (device, inode))
    }

    /// Bytes that were read so far.
    #[napi(catch_unwind)]
    pub fn read(&self) -> f64 {
        self.source.as_ref().map_or(0.0, |source| number(source.read()))
    }

    /// Whether nothing more is read: it has ended, was stopped or has failed.
    #[napi(catch_unwind)]
    pub fn is_over(&self) -> bool {
        self.source.as_ref().is_none_or(|source| source.outcome().is_some())
    }

    /// Why it can't be read, if so.
    #[napi(catch_unwind)]
    pub fn fault(&self) -> Option<Fault> {
        match self.source.as_ref()?.outcome()? {
            Outcome::NotOpened(errno) | Outcome::NotRead(errno) => Some(Fault::from_errno(errno)),
            Outcome::Ended | Outcome::Stopped => None,
        }
    }

    /// Whether that is since it can't be opened.
    #[napi(catch_unwind)]
    pub fn is_unopened(&self) -> bool {
        self.source.as_ref().is_some_and(|source| matches!(source.outcome(), Some(Outcome::NotOpened(_))))
    }

    /// Lets go of it. What was appended is copied all the same.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.source = None;
    }
}
