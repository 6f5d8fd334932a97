//! spillway: a file sink for Node whose bytes live in Rust.
//!
//! ```text
//!  write(chunk)                                         the JavaScript thread
//!    │ small: copied into the live slab                 slab           memory lent to JavaScript
//!    │ big:   the chunk itself, pinned                  binding
//!    ▼
//!  what is accepted and not yet taken, in order         queue
//!    ▼
//!  lease → write → answer                               stream, writer on the threads of pool
//!    ▼                                                  target         of os: a file, a pipe
//!  taken, settled, who waits for what                   control_block  shared with JavaScript, in a page
//! ```
//!
//! `flush` waits for all that, `runtime` has the timers and the threads, `error`
//! says what went wrong. Only `binding` (and the lending in `slab`) knows N-API;
//! everything else is tested by `cargo test` without Node.

// All `unsafe` is in `slab` and `os`; napi-derive's expansion in `binding` brings its own.
#[forbid(unsafe_code)]
pub mod control_block;
#[forbid(unsafe_code)]
pub mod error;
#[forbid(unsafe_code)]
pub mod flush;
#[deny(unsafe_code)]
pub mod os;
#[forbid(unsafe_code)]
pub mod page;
#[forbid(unsafe_code)]
pub mod pool;
#[forbid(unsafe_code)]
pub mod queue;
#[forbid(unsafe_code)]
pub mod runtime;
#[deny(unsafe_code)]
pub mod slab;
#[forbid(unsafe_code)]
pub mod source;
#[forbid(unsafe_code)]
pub mod stream;
#[forbid(unsafe_code)]
pub mod sync;
#[forbid(unsafe_code)]
pub mod target;
#[forbid(unsafe_code)]
pub mod writer;

#[cfg(not(feature = "loom"))]
mod binding;
