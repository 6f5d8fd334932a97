//! The border to N-API: converts, decides nothing. `lib/control-block.js`,
//! `lib/write-buffer.js` and `lib/event-loop.js` are its callers; what users see is in `index.js`.
//!
//! A panic may not cross N-API: each function that JavaScript can call is `catch_unwind`, so that
//! it becomes an error there.

mod fault;
mod hub;
mod rotation;
mod sink;
mod slab;
mod source;
mod words;

use std::time::Duration;

use napi_derive::napi;

/// The version of the package that this addon was built from: `lib/native.js` takes no other.
#[napi]
#[must_use]
#[cfg_attr(test, allow(dead_code, reason = "nothing is exported to a test of the core"))]
pub(crate) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn milliseconds(time: u32) -> Duration {
    Duration::from_millis(time.into())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "JavaScript has validated `start` as a safe integer"
)]
fn position(start: f64) -> Option<u64> {
    (start >= 0.0).then_some(start as u64)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB, more than anybody writes")]
fn number(bytes: u64) -> f64 {
    bytes as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, as infinity is to")]
fn offset_of(offset: f64) -> u64 {
    offset as u64
}
