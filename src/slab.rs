//! Memory that Rust owns and JavaScript fills. All `unsafe` is here, and in the
//! `raw` module of each system.
//!
//! The argument, on which every block below rests:
//!
//! 1. The memory belongs to an `Arc`. Rust's readers hold one share and the
//!    JS buffer over it another, so neither a garbage collection nor the death
//!    of a worker frees it under the other.
//! 2. JS writes only at or above the fill position, then raises the mark
//!    (`lib/write-buffer.js`, `publish`). Rust reads only below the mark, after it has
//!    seen it raised. So no byte is ever read and written at once.
//! 3. A slab is filled anew only when all that was read from it is written:
//!    JS counts the bytes (`lib/write-buffer.js`, `recycle`).

use std::{io, slice, sync::Arc};

use bytes::Bytes;
use memmap2::{MmapMut, MmapRaw};

use crate::sync::Accesses;

/// A piece of memory that one stream at a time fills from its start.
pub struct Slab {
    memory: MmapRaw,
    /// What loom knows of it.
    accesses: Accesses,
}

impl Slab {
    /// A slab of `size` bytes. A mapping of its own: the system gives the
    /// memory page by page, as it is filled, and has it back when the slab
    /// goes. From the heap, thousands of short-lived slabs would stay there.
    ///
    /// # Errors
    /// When the system has no memory, or `size` is 0.
    pub fn new(size: usize) -> io::Result<Arc<Self>> {
        // A mapping has a page at least, of which JS would get a view of nothing, elsewhere.
        if size == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a slab has one byte at least"));
        }
        let memory = MmapMut::map_anon(size)?.into();
        Ok(Arc::new(Self { memory, accesses: Accesses::new(size) }))
    }

    /// The bytes from `start` up to `end`, which both lie at or below the fill
    /// mark. Holds the slab.
    ///
    /// # Panics
    /// If the range is not within the slab.
    #[must_use]
    pub fn range(self: &Arc<Self>, start: usize, end: usize) -> Bytes {
        assert!(
            start <= end && end <= self.memory.len(),
            "{start}..{end} is not within a slab of {} bytes",
            self.memory.len()
        );
        Bytes::from_owner(Range { slab: Arc::clone(self), start, end })
    }

    fn pointer(&self) -> *mut u8 {
        self.memory.as_mut_ptr()
    }
}

/// From here on a copy has a mapping of its own: from the heap, those of many
/// threads that have ended would stay.
const MAPPED_FROM: usize = 16 << 10;

/// A copy of `bytes`.
#[must_use]
pub fn copy(bytes: &[u8]) -> Bytes {
    if bytes.len() >= MAPPED_FROM
        && let Ok(slab) = Slab::new(bytes.len())
    {
        slab.fill(0, bytes);
        return slab.range(0, bytes.len());
    }
    Bytes::copy_from_slice(bytes)
}

/// Bytes of a slab below its fill position.
struct Range {
    slab: Arc<Slab>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for Range {
    #[expect(unsafe_code, reason = "this is the module for it")]
    fn as_ref(&self) -> &[u8] {
        self.slab.accesses.read(self.start..self.end);
        // SAFETY: `Slab::range` has checked the bounds; the slab is held by
        // `self`; and nobody writes below the mark (point 2).
        unsafe { slice::from_raw_parts(self.slab.pointer().add(self.start), self.end - self.start) }
    }
}

/// `Bytes` asks for the slice once and reads it until the end.
#[cfg(feature = "loom")]
impl Drop for Range {
    fn drop(&mut self) {
        // What unwinds is a model that has failed.
        if !std::thread::panicking() {
            self.slab.accesses.read(self.start..self.end);
        }
    }
}

/// What JS does with a slab, for tests that have no JS.
impl Slab {
    /// Fills the slab with `bytes` from `start`, which must be its fill position.
    ///
    /// # Panics
    /// If the bytes do not fit.
    #[expect(unsafe_code, reason = "this is the module for it")]
    pub fn fill(&self, start: usize, bytes: &[u8]) {
        assert!(start + bytes.len() <= self.memory.len(), "the bytes do not fit");
        self.accesses.write(start..start + bytes.len());
        // SAFETY: in bounds, as just checked; at the mark, where nobody reads
        // (point 2); and `bytes` can't lie in there, since it is borrowed.
        unsafe { self.pointer().add(start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }
}

#[cfg(not(feature = "loom"))]
pub(crate) mod lend {
    //! JS views of Rust's memory.

    use std::sync::Arc;

    use napi::{Env, Error, Result, bindgen_prelude::BufferSlice};

    use super::Slab;
    use crate::page::Page;

    /// A `Buffer` over the whole slab, which it holds until it is collected.
    pub(crate) fn slab<'env>(env: &'env Env, slab: &Arc<Slab>) -> Result<BufferSlice<'env>> {
        buffer(env, slab.pointer(), slab.memory.len(), Arc::clone(slab))
    }

    /// A `Buffer` over all control blocks of a page, which it holds until it is collected.
    pub(crate) fn words<'env>(env: &'env Env, page: &Arc<Page>) -> Result<BufferSlice<'env>> {
        let blocks = page.blocks();
        buffer(env, blocks.as_ptr().cast_mut().cast(), size_of_val(blocks), Arc::clone(page))
    }

    #[expect(unsafe_code, reason = "this is the module for it")]
    fn buffer<T: 'static>(env: &Env, memory: *mut u8, size: usize, owner: Arc<T>) -> Result<BufferSlice<'_>> {
        // SAFETY: `memory` points at `size` bytes that `owner` keeps until the
        // finaliser drops it. The bytes of a slab lie in a raw mapping, those
        // of a control block in atomics, so JS may write through a shared reference;
        // that it does so without a race is point 2, and the atomics.
        let buffer =
            unsafe { BufferSlice::from_external(env, memory, size, owner, |_env, owner| drop(owner)) }?;
        // Runtimes that can't share memory are given a copy.
        if buffer.as_ptr() == memory.cast_const() {
            Ok(buffer)
        } else {
            Err(Error::from_reason(
                "this JavaScript runtime does not share memory with addons, as spillway needs it",
            ))
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_the_slab_and_shows_its_bytes() {
        let slab = Slab::new(16).expect("memory");
        slab.fill(0, b"0123456789");
        let range = slab.range(2, 5);
        let weak = Arc::downgrade(&slab);
        drop(slab);
        assert_eq!(&range[..], b"234");
        assert!(weak.upgrade().is_some());
        drop(range);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn bytes_above_a_range_may_be_filled_while_it_is_read() {
        let slab = Slab::new(8).expect("memory");
        slab.fill(0, b"abc");
        let range = slab.range(0, 3);
        slab.fill(3, b"defgh");
        assert_eq!(&range[..], b"abc");
        assert_eq!(&slab.range(3, 8)[..], b"defgh");
    }

    #[test]
    fn a_slab_of_no_bytes_is_refused() {
        let error = Slab::new(0).err().expect("it would be none");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    #[should_panic(expected = "not within a slab of 8 bytes")]
    fn a_mark_beyond_the_slab_is_refused() {
        let _ = Slab::new(8).expect("memory").range(0, 9);
    }
}
