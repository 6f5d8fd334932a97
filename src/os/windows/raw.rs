//! The calls that are `unsafe`: descriptors that JS knows by their numbers, those of node.exe's
//! own C runtime, which node.exe alone can resolve; and what a file is.

use std::{
    ffi::c_int,
    io,
    os::windows::io::{AsRawHandle, BorrowedHandle, OwnedHandle, RawHandle},
};

use libloading::os::windows::Library;
use windows_sys::Win32::{
    Foundation::{ERROR_INVALID_HANDLE, INVALID_HANDLE_VALUE},
    Storage::FileSystem::{BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle},
};

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

/// The serial number of the volume of a file, and its index there.
///
/// # Errors
/// If `handle` stands for no file.
#[expect(unsafe_code, reason = "this is the module for it")]
pub(crate) fn identity(handle: BorrowedHandle<'_>) -> io::Result<(u64, u64)> {
    let mut told = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: an open handle, as it is borrowed, and room for the answer.
    if unsafe { GetFileInformationByHandle(handle.as_raw_handle(), &raw mut told) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let index = u64::from(told.nFileIndexHigh) << 32 | u64::from(told.nFileIndexLow);
    Ok((told.dwVolumeSerialNumber.into(), index))
}
