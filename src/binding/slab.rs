//! Memory that JavaScript fills.

use std::sync::Arc;

use napi::{Env, Result, bindgen_prelude::BufferSlice};
use napi_derive::napi;

use crate::slab::{self, lend};

/// A slab and the buffer through which JavaScript fills it.
#[napi]
pub struct Slab(pub(super) Arc<slab::Slab>);

#[napi]
impl Slab {
    /// A slab of `size` bytes.
    #[napi(constructor, catch_unwind)]
    pub fn new(size: u32) -> Result<Self> {
        Ok(Self(slab::Slab::new(size as usize)?))
    }

    /// A new buffer over the whole slab. Call it once.
    #[napi(catch_unwind)]
    pub fn bytes<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        lend::slab(env, &self.0)
    }
}
