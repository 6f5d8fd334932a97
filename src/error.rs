//! Why a stream failed, told once.

use std::io;

use thiserror::Error;

use crate::os;

/// The one reason for which a stream writes no more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// The kernel refused: the positive `errno` of a write.
    #[error("write failed with errno {0}")]
    Os(i32),
    /// The same of another call, of that name.
    #[error("{1} failed with errno {0}")]
    Call(i32, &'static str),
    /// The same of one that may be tried again: nothing was done.
    #[error("{1} failed with errno {0}")]
    Again(i32, &'static str),
    /// A write job has panicked: a bug of ours, told instead of an abort.
    #[error("the write job came to no answer: this is a bug in spillway")]
    Unanswered,
}

impl Failure {
    /// The failure behind an error of a [`Target`](crate::target::Target).
    /// An error without an errno is told as `EIO`.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(failure) => failure.clone(),
            None => Self::Os(os::errno(error).unwrap_or(os::EIO)),
        }
    }

    /// For a write that took nothing and gave no reason.
    #[must_use]
    pub fn wrote_nothing() -> Self {
        Self::Os(os::EIO)
    }
}

/// Has an error say that it is that of `syscall`, and not of a write. It is final then, whatever is waited
/// out: the system forgets what a sync could not bring down, and the next one says that all is well.
pub(crate) fn in_call<E: Into<io::Error>>(syscall: &'static str) -> impl Fn(E) -> io::Error {
    move |error| {
        let error = error.into();
        // Nothing was done: it is asked for again.
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        io::Error::other(Failure::Call(os::errno(&error).unwrap_or(os::EIO), syscall))
    }
}

/// The same of one that opens or moves a file, which may be waited out as a write.
pub(crate) fn in_open<E: Into<io::Error>>(syscall: &'static str) -> impl Fn(E) -> io::Error {
    move |error| {
        let error = error.into();
        match error.get_ref() {
            Some(_) => error,
            None => io::Error::other(Failure::Again(os::errno(&error).unwrap_or(os::EIO), syscall)),
        }
    }
}

/// The `errno` by which an error is known that may be waited out.
pub(crate) fn errno_to_wait_out(error: &io::Error) -> Option<i32> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()) {
        Some(Failure::Again(errno, _)) => Some(*errno),
        _ => os::errno(error),
    }
}
