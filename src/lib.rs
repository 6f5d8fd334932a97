//! spillway: a file sink for Node whose bytes live in Rust.
//!
//! ```text
//!  write(chunk)                                         JS thread
//!    │ small: copied into the live slab                 slab    memory lent to JS
//!    │ big:   the chunk itself, pinned                  binding
//!    ▼
//!  what is accepted and not yet written, in order       queue
//!    ▼
//!  take a batch → write → publish                       drain   on the pool of runtime
//!    ▼                                                  target  of os: a file, a pipe
//!  control words: mark, written, who waits for what     level   shared with JS, in a page
//! ```
//!
//! `stream` ties these together for one stream, `error` says what went wrong.
//! Only `binding` (and the lending in `slab`) knows N-API; everything else is
//! tested by `cargo test` without Node.

// All `unsafe` is in `slab`; napi-derive's expansion in `binding` brings its own.
#[forbid(unsafe_code)]
pub mod drain;
#[forbid(unsafe_code)]
pub mod error;
#[forbid(unsafe_code)]
pub mod exit;
#[forbid(unsafe_code)]
pub mod level;
#[forbid(unsafe_code)]
pub mod os;
#[forbid(unsafe_code)]
pub mod page;
#[forbid(unsafe_code)]
pub mod queue;
#[forbid(unsafe_code)]
pub mod ready;
#[forbid(unsafe_code)]
pub mod runtime;
pub mod slab;
#[forbid(unsafe_code)]
pub mod stream;
#[forbid(unsafe_code)]
pub mod target;

#[cfg(not(feature = "loom"))]
mod binding;
