//! The calls of the operating system, by the same names on each:
//!
//! - [`File`]: a [`Target`](crate::target::Target) that is a file, pipe, socket or terminal
//! - [`open`]: makes one of a path
//! - [`Input`]: what a source reads from
//! - `look`, `move_aside` and their like: what a log that rotates asks of its folder
//! - [`Readiness`]: what to wait for when a target has no room, or a source nothing
//! - [`errno`] and constants: an error as JS knows it
//! - [`no_thread`]: the error of a system that gives no thread
//! - [`check_room`]: whether memory may be mapped for threads

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
