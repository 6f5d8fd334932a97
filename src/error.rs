//! Why a stream failed, told once.

use std::io;

use thiserror::Error;

use crate::{os, target::Settle};

/// The one reason for which a stream writes no more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// The kernel refused: the positive `errno` of a write.
    #[error("write failed with errno {0}")]
    Os(i32),
    /// The kernel could not bring the bytes to the device: the positive `errno` of an `fdatasync`.
    #[error("fdatasync failed with errno {0}")]
    Datasync(i32),
    /// The same of an `fsync`.
    #[error("fsync failed with errno {0}")]
    Sync(i32),
    /// A write job has panicked: a bug of ours, told instead of an abort.
    #[error("the write job came to no answer: this is a bug in spillway")]
    Unanswered,
}

impl Failure {
    /// The failure behind an error of a [`Target`](crate::target::Target).
    /// An error without an errno is told as `EIO`.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        Self::Os(os::errno(error).unwrap_or(os::EIO))
    }

    /// The failure of a settle.
    #[must_use]
    pub fn of_settle(how: Settle, error: &io::Error) -> Self {
        let errno = os::errno(error).unwrap_or(os::EIO);
        match how {
            Settle::Written => Self::Os(errno),
            Settle::Data => Self::Datasync(errno),
            Settle::All => Self::Sync(errno),
        }
    }

    /// For a write that took nothing and gave no reason.
    #[must_use]
    pub fn wrote_nothing() -> Self {
        Self::Os(os::EIO)
    }
}
