//! Why a stream failed, for JavaScript.

use std::io::{self, ErrorKind};

use napi_derive::napi;

use crate::{error::Failure, os};

/// Why a stream failed.
#[napi(object)]
#[derive(Debug)]
pub struct Fault {
    /// The positive errno, or 0.
    pub errno: i32,
    /// What to say when there is no errno.
    pub message: String,
    /// The system call, where it is not the one that the caller has asked for.
    pub syscall: Option<String>,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let (errno, syscall) = match failure {
            Failure::Os(errno) => (errno, None),
            Failure::Call(errno, syscall) | Failure::Again(errno, syscall) => (errno, Some(syscall)),
            Failure::Unanswered => (0, None),
        };
        Self { errno, message: failure.to_string(), syscall: syscall.map(str::to_owned) }
    }
}

impl Fault {
    pub(super) fn from_errno(errno: i32) -> Self {
        Failure::Os(errno).into()
    }

    /// Of an error of [`crate::flush`].
    pub(super) fn from_io(error: &io::Error) -> Self {
        match (error.kind(), error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>())) {
            (_, Some(failure)) => failure.clone().into(),
            (ErrorKind::TimedOut, None) => Self::from_errno(os::ETIMEDOUT),
            (ErrorKind::NotConnected, None) => Self::from_errno(os::ENOTCONN),
            (_, None) => Failure::from_io(error).into(),
        }
    }
}
