//! Digests of the bytes that pass.

use std::{
    io::{self, IoSlice},
    sync::{Arc, OnceLock},
    thread,
};

use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc32IsoHdlc};
use sha2::digest::DynDigest;

use super::{Change, Settle, Target};
use crate::os::Readiness;

/// From so many bytes on each digest is made on a thread of its own.
const WORTH_A_THREAD: usize = 128 << 10;

/// What can be digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// The CRC-32 of zlib and gzip.
    Crc32,
    /// The CRC-32 of iSCSI, by Castagnoli.
    Crc32c,
    /// BLAKE3.
    Blake3,
}

impl Algorithm {
    /// The one of that name, in lower case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha512" => Self::Sha512,
            "crc32" => Self::Crc32,
            "crc32c" => Self::Crc32c,
            "blake3" => Self::Blake3,
            _ => return None,
        })
    }

    fn hasher(self) -> Box<dyn Hasher> {
        match self {
            Self::Md5 => Box::<md5::Md5>::default(),
            Self::Sha1 => Box::<sha1::Sha1>::default(),
            Self::Sha256 => Box::<sha2::Sha256>::default(),
            Self::Sha512 => Box::<sha2::Sha512>::default(),
            Self::Crc32 => Box::new(crc_fast::Digest::new(Crc32IsoHdlc)),
            Self::Crc32c => Box::new(crc_fast::Digest::new(Crc32Iscsi)),
            Self::Blake3 => Box::<blake3::Hasher>::default(),
        }
    }
}

/// The digests of a stream, in the order in which they were wanted: there when the target has ended.
pub type Digests = Arc<OnceLock<Vec<Vec<u8>>>>;

trait Hasher: Send {
    fn add(&mut self, bytes: &[u8]);
    fn digest(&mut self) -> Vec<u8>;
}

macro_rules! hasher {
    ($($name:ty),+) => {$(
        impl Hasher for $name {
            fn add(&mut self, bytes: &[u8]) {
                DynDigest::update(self, bytes);
            }

            fn digest(&mut self) -> Vec<u8> {
                self.finalize_reset().into()
            }
        }
    )+};
}

hasher!(md5::Md5, sha1::Sha1, sha2::Sha256, sha2::Sha512);

impl Hasher for crc_fast::Digest {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    /// As a number of 32 bits is written.
    fn digest(&mut self) -> Vec<u8> {
        self.finalize().to_be_bytes()[4..].into()
    }
}

impl Hasher for blake3::Hasher {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn digest(&mut self) -> Vec<u8> {
        self.finalize().as_bytes().into()
    }
}

/// A target whose bytes are digested.
pub(super) struct Digesting {
    inner: Box<dyn Target>,
    hashers: Vec<Box<dyn Hasher>>,
    digests: Digests,
}

impl Digesting {
    pub(super) fn new(inner: Box<dyn Target>, algorithms: &[Algorithm], digests: Digests) -> Self {
        Self { inner, hashers: algorithms.iter().map(|algorithm| algorithm.hasher()).collect(), digests }
    }

    /// Digests `bytes`: side by side if they are many.
    fn add(&mut self, bytes: &[&[u8]]) {
        let size: usize = bytes.iter().map(|part| part.len()).sum();
        let Some((last, others)) = self.hashers.split_last_mut() else { return };
        if size < WORTH_A_THREAD {
            for hasher in others {
                add_all(hasher, bytes);
            }
            return add_all(last, bytes);
        }
        // Where the system gives no thread it is done here.
        let mut left = Vec::new();
        thread::scope(|scope| {
            for (number, hasher) in others.iter_mut().enumerate() {
                if thread::Builder::new().spawn_scoped(scope, || add_all(hasher, bytes)).is_err() {
                    left.push(number);
                }
            }
            add_all(last, bytes);
        });
        for number in left {
            add_all(&mut others[number], bytes);
        }
    }
}

fn add_all(hasher: &mut Box<dyn Hasher>, bytes: &[&[u8]]) {
    for part in bytes {
        hasher.add(part);
    }
}

/// The first `count` bytes.
fn first<'a>(bytes: &'a [IoSlice<'_>], mut count: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for slice in bytes {
        let part = &slice[..slice.len().min(count)];
        parts.push(part);
        count -= part.len();
        if count == 0 {
            break;
        }
    }
    parts
}

impl Target for Digesting {
    /// Copies must be seen: they come by here, too.
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.add(&first(bytes, count));
        Ok(count)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish()?;
        // It may be asked twice, if the inner one has to wait.
        self.digests.get_or_init(|| self.hashers.iter_mut().map(|hasher| hasher.digest()).collect());
        Ok(())
    }

    /// It has an end.
    fn is_resting(&self) -> bool {
        false
    }

    delegate!(has_unsettled, settle, change, conclude, begin, rest, abandon, readiness);
}
