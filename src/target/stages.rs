//! What is done to the bytes of one stream on their way to the file.

use std::sync::{Arc, atomic::AtomicU64};

use parking_lot::Mutex;

use super::{
    Algorithm, Compression, Digests, Target,
    atomic::Atomic,
    compress::Compressing,
    digest::Digesting,
    durable::Durable,
    rotate::{Rotating, Rotation},
};
use crate::os::{File, Replacement};

/// The stages that a stream is to have, from its options.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// Bytes count as settled when they are on the device.
    pub durable: bool,
    /// How they are compressed, if they are.
    pub compress: Option<Compression>,
    /// What they are digested by.
    pub digest: Vec<Algorithm>,
    /// Whether it is the bytes of the file that are digested, as they are compressed.
    pub digest_of_file: bool,
    /// Their digests, when the target has ended.
    pub digests: Digests,
    /// How many bytes compression has made of them.
    pub file_bytes: Arc<AtomicU64>,
    /// What the file is to replace when it is whole, and whether it is to be on the device before.
    pub replacement: Arc<Mutex<Option<(Replacement, bool)>>>,
    /// How the file is one of several, if it is.
    pub rotation: Option<Arc<Rotation>>,
}

impl Stages {
    /// Whether they take much of the processor's time.
    #[must_use]
    pub fn are_heavy(&self) -> bool {
        self.compress.is_some() || !self.digest.is_empty()
    }

    /// Puts the stages around `file`.
    #[must_use]
    pub fn around_file(&self, file: File) -> Box<dyn Target> {
        if let Some(rotation) = &self.rotation {
            return self.around(Box::new(Rotating::new(file, Arc::clone(rotation))));
        }
        match self.replacement.lock().take() {
            Some((replacement, is_durable)) => {
                self.around(Box::new(Atomic::new(file, replacement, is_durable)))
            }
            None => self.around(Box::new(file)),
        }
    }

    /// Puts the stages around `target`.
    #[must_use]
    pub fn around(&self, mut target: Box<dyn Target>) -> Box<dyn Target> {
        if self.durable {
            target = Box::new(Durable::new(target));
        }
        if self.digest_of_file {
            target = self.digesting(target);
        }
        if let Some(compression) = self.compress {
            target = Box::new(Compressing::new(target, compression, Arc::clone(&self.file_bytes)));
        }
        if self.digest_of_file { target } else { self.digesting(target) }
    }

    fn digesting(&self, target: Box<dyn Target>) -> Box<dyn Target> {
        if self.digest.is_empty() {
            return target;
        }
        Box::new(Digesting::new(target, &self.digest, Arc::clone(&self.digests)))
    }
}
