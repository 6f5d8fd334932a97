//! Why a stream failed, told once.

use std::{any::Any, io};

use thiserror::Error;

use crate::os;

/// The one reason for which a stream writes no more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// The kernel refused: the positive `errno` of a write.
    #[error("write failed with errno {0}")]
    Os(i32),
    /// The drain job panicked: a bug of ours, told instead of an abort.
    #[error("the drain job panicked: {0}")]
    Panic(String),
}

impl Failure {
    /// The failure behind an error of [`Target::write`](crate::target::Target::write).
    /// An error without an errno is told as `EIO`.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        Self::Os(os::errno(error).unwrap_or(os::EIO))
    }

    /// The failure behind what [`std::panic::catch_unwind`] caught.
    #[must_use]
    pub fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Self::Panic(text)
    }

    /// For a write that took nothing and gave no reason.
    #[must_use]
    pub fn wrote_nothing() -> Self {
        Self::Os(os::EIO)
    }
}
