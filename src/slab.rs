//! Memory that Rust owns and JS fills, the descriptor that JS lends, and the
//! end of the process: all the `unsafe` of spillway.
//!
//! The argument, on which every block below rests:
//!
//! 1. The memory belongs to an `Arc`. Rust's readers hold one share and the
//!    JS buffer over it another, so neither a garbage collection nor the death
//!    of a worker frees it under the other.
//! 2. JS writes only at or above the fill mark, then raises the mark
//!    (`lib/write-buffer.js`, `publish`). Rust reads only below the mark, after it has
//!    seen it raised. So no byte is ever read and written at once.
//! 3. A slab is filled anew only when all that was read from it is written:
//!    JS counts the bytes (`lib/write-buffer.js`, `recycle`).

use std::{io, slice, sync::Arc};

use bytes::Bytes;
use memmap2::{MmapMut, MmapRaw};

/// A piece of memory that one stream at a time fills from its start.
pub struct Slab {
    memory: MmapRaw,
}

impl Slab {
    /// A slab of `size` bytes. A mapping of its own: the system gives the
    /// memory page by page, as it is filled, and has it back when the slab
    /// goes. From the heap, thousands of short-lived slabs would stay there.
    ///
    /// # Errors
    /// When the system has no memory, or `size` is 0.
    pub fn new(size: usize) -> io::Result<Arc<Self>> {
        let memory = MmapMut::map_anon(size)?.into();
        Ok(Arc::new(Self { memory }))
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

/// Bytes of a slab below its fill mark.
struct Range {
    slab: Arc<Slab>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for Range {
    #[expect(unsafe_code, reason = "this is the module for it")]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `Slab::range` has checked the bounds; the slab is held by
        // `self`; and nobody writes below the mark (point 2).
        unsafe { slice::from_raw_parts(self.slab.pointer().add(self.start), self.end - self.start) }
    }
}

/// What JS does with a slab, for tests that have no JS.
impl Slab {
    /// Fills the slab with `bytes` from `start`, which must be its fill mark.
    ///
    /// # Panics
    /// If the bytes do not fit.
    #[expect(unsafe_code, reason = "this is the module for it")]
    pub fn fill(&self, start: usize, bytes: &[u8]) {
        assert!(start + bytes.len() <= self.memory.len(), "the bytes do not fit");
        // SAFETY: in bounds, as just checked; at the mark, where nobody reads
        // (point 2); and `bytes` can't lie in there, since it is borrowed.
        unsafe { self.pointer().add(start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }
}

#[cfg(unix)]
pub(crate) mod descriptor {
    //! Descriptors that JS knows by their numbers.

    use std::{
        io,
        os::fd::{BorrowedFd, OwnedFd, RawFd},
    };

    use tokio::io::{Interest, unix::AsyncFd};

    /// A duplicate of descriptor number `fd`, which belongs to JS. What JS does to
    /// its number later can't reach the duplicate.
    ///
    /// # Errors
    /// `EBADF` if no such descriptor is open.
    #[expect(unsafe_code, reason = "this is the module for it")]
    pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
        if fd < 0 {
            return Err(rustix::io::Errno::BADF.into());
        }
        // SAFETY: not -1, as just checked. Should the number not be open, the
        // kernel says so; it is borrowed for this one call, on the thread of its owner.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        borrowed.try_clone_to_owned()
    }

    /// Registers `fd` with the reactor of the current runtime, to wait until it is writable.
    ///
    /// # Errors
    /// `EPERM` for what can't be waited for, such as a regular file.
    #[expect(unsafe_code, reason = "this is the module for it")]
    pub(crate) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
        // SAFETY: an `OwnedFd` gives the same open descriptor each time it is
        // asked, and `AsyncFd` owns it until it has deregistered it.
        unsafe { AsyncFd::register_with_interest(fd, Interest::WRITABLE) }.map_err(io::Error::from)
    }
}

#[cfg(unix)]
pub(crate) mod process {
    //! The end of the process.

    /// Registers `work` to be called by `exit(3)`, on the thread that calls it.
    /// False if the system has no room for it.
    #[expect(unsafe_code, reason = "this is the module for it")]
    pub(crate) fn at_exit(work: extern "C" fn()) -> bool {
        // SAFETY: takes any function, which stays where it is: Node unloads no addon.
        unsafe { libc::atexit(work) == 0 }
    }
}

#[cfg(windows)]
pub(crate) mod descriptor {
    //! Descriptors that JS knows by their numbers: those of node.exe's own C
    //! runtime, which node.exe alone can resolve.

    use std::{
        ffi::c_int,
        io,
        os::windows::io::{BorrowedHandle, OwnedHandle, RawHandle},
    };

    use libloading::os::windows::Library;
    use windows_sys::Win32::Foundation::{ERROR_INVALID_HANDLE, INVALID_HANDLE_VALUE};

    /// What libuv's `uv.h` declares.
    type GetHandle = unsafe extern "C" fn(c_int) -> RawHandle;

    /// A duplicate of the handle behind descriptor number `fd`, which belongs
    /// to JS. What JS does to its number later can't reach the duplicate.
    ///
    /// # Errors
    /// `ERROR_INVALID_HANDLE` if no such descriptor is open.
    #[expect(unsafe_code, reason = "this is the module for it")]
    pub(crate) fn duplicate(fd: c_int) -> io::Result<OwnedHandle> {
        let handle = handle_of(fd)?;
        // SAFETY: an open handle, as its descriptor is; it is borrowed for this
        // one call, on the thread of its owner.
        let borrowed = unsafe { BorrowedHandle::borrow_raw(handle) };
        borrowed.try_clone_to_owned()
    }

    #[expect(unsafe_code, reason = "this is the module for it")]
    fn handle_of(fd: c_int) -> io::Result<RawHandle> {
        let host = Library::this().map_err(io::Error::other)?;
        // SAFETY: the function of this name is libuv's, of this type.
        let get = unsafe { host.get::<GetHandle>(c"uv_get_osfhandle") }.map_err(io::Error::other)?;
        // SAFETY: it takes any number, as Node's `fs` hands it any, and answers
        // with an invalid handle if there is none.
        let handle = unsafe { get(fd) };
        // -2 is said of a standard stream that the process does not have.
        if handle == INVALID_HANDLE_VALUE || handle as isize == -2 {
            return Err(io::Error::from_raw_os_error(ERROR_INVALID_HANDLE.cast_signed()));
        }
        Ok(handle)
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

    /// A `Buffer` over all levels of a page, which it holds until it is collected.
    pub(crate) fn words<'env>(env: &'env Env, page: &Arc<Page>) -> Result<BufferSlice<'env>> {
        let levels = page.levels();
        buffer(env, levels.as_ptr().cast_mut().cast(), size_of_val(levels), Arc::clone(page))
    }

    #[expect(unsafe_code, reason = "this is the module for it")]
    fn buffer<T: 'static>(env: &Env, memory: *mut u8, size: usize, owner: Arc<T>) -> Result<BufferSlice<'_>> {
        // SAFETY: `memory` points at `size` bytes that `owner` keeps until the
        // finaliser drops it. The bytes of a slab lie in a raw mapping, those
        // of a `Level` in atomics, so JS may write through a shared reference;
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
    #[should_panic(expected = "not within a slab of 8 bytes")]
    fn a_mark_beyond_the_slab_is_refused() {
        let _ = Slab::new(8).expect("memory").range(0, 9);
    }
}
