//! Digests of the bytes that pass.

mod beside;

use std::{
    io::{self, IoSlice},
    sync::{Arc, OnceLock},
};

use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc32IsoHdlc};
use sha2::digest::DynDigest;

use beside::Beside;

use super::{Change, Settle, Target};
use crate::os::Readiness;

/// So many bytes are worth that another thread is woken for them.
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

    /// Whether it takes no more time than to hand the bytes to another thread.
    fn is_quick(self) -> bool {
        matches!(self, Self::Crc32 | Self::Crc32c)
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
    /// In the order in which they were wanted.
    hashers: Vec<Place>,
    /// What those beside have not got yet.
    gathered: Vec<u8>,
    digests: Digests,
}

/// Where a digest is made.
enum Place {
    Here(Box<dyn Hasher>),
    Beside(Beside),
}

impl Digesting {
    pub(super) fn new(inner: Box<dyn Target>, algorithms: &[Algorithm], digests: Digests) -> Self {
        let first = algorithms.iter().position(|algorithm| !algorithm.is_quick());
        let place = |(number, algorithm): (usize, &Algorithm)| {
            let is_here = algorithm.is_quick() || first == Some(number);
            let hasher = algorithm.hasher();
            if is_here { Place::Here(hasher) } else { Place::Beside(Beside::new(hasher)) }
        };
        let hashers = algorithms.iter().enumerate().map(place).collect();
        Self { inner, hashers, gathered: Vec::new(), digests }
    }

    /// Digests `bytes`.
    fn add(&mut self, bytes: &[&[u8]]) {
        let mut has_beside = false;
        for place in &mut self.hashers {
            match place {
                Place::Here(hasher) => add_all(hasher, bytes),
                Place::Beside(_) => has_beside = true,
            }
        }
        if !has_beside {
            return;
        }
        for part in bytes {
            self.gathered.extend_from_slice(part);
        }
        if self.gathered.len() >= WORTH_A_THREAD {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let bytes = Arc::new(std::mem::take(&mut self.gathered));
        for place in &mut self.hashers {
            if let Place::Beside(beside) = place {
                beside.add(&bytes);
            }
        }
    }
}

impl Place {
    /// The digest, when `left` has come, too, which those beside have not got.
    fn digest(&mut self, left: &[u8]) -> Vec<u8> {
        match self {
            Self::Here(hasher) => hasher.digest(),
            Self::Beside(beside) => beside.digest(left),
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
        let Self { hashers, gathered, digests, .. } = self;
        digests.get_or_init(|| hashers.iter_mut().map(|place| place.digest(gathered)).collect());
        Ok(())
    }

    /// It has an end.
    fn is_resting(&self) -> bool {
        false
    }

    delegate!(has_unsettled, settle, change, conclude, begin, rest, abandon, readiness);
}
