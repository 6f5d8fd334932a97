//! Bytes are compressed on their way: gzip, or zstd.
//!
//! Each settle ends a member (gzip) or a frame (zstd), so that all before it can be
//! read; what comes after begins the next one. A file of several is one for all
//! programs that read these formats.

mod gzip;

use std::{
    io::{self, ErrorKind, IoSlice, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{Change, Settle, Target};
use crate::os::Readiness;

/// Most bytes that are compressed at once for each thread: what others wait for meanwhile stays short.
const PART: usize = 128 << 10;

/// So many compressed bytes are worth a write.
const ENOUGH: usize = 64 << 10;

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How bytes are compressed.
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    /// The form of the file.
    pub format: Format,
    /// 0 to 9, or what zstd takes.
    pub level: i32,
    /// How many threads compress side by side.
    pub threads: u32,
}

/// What compresses into memory.
trait Encoder: Send {
    /// Compresses `bytes`. What is ready is appended to `out`.
    fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()>;

    /// Ends the member. Its last bytes are appended to `out`.
    fn end(self: Box<Self>, out: &mut Vec<u8>) -> io::Result<()>;
}

impl Compression {
    fn encoder(self) -> io::Result<Box<dyn Encoder>> {
        Ok(match self.format {
            Format::Gzip if self.threads > 1 => Box::new(gzip::Blocks::new(self)),
            Format::Gzip => {
                let level = flate2::Compression::new(self.level.unsigned_abs());
                Box::new(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Format::Zstd => Box::new(self.zstd()?),
        })
    }

    fn zstd(self) -> io::Result<Zstd> {
        let mut encoder = Zstd::new(Vec::new(), self.level)?;
        encoder.include_checksum(true)?;
        if self.threads > 1 {
            encoder.multithread(self.threads)?;
        }
        Ok(encoder)
    }
}

type Zstd = zstd::stream::write::Encoder<'static, Vec<u8>>;
type Gzip = flate2::write::GzEncoder<Vec<u8>>;

macro_rules! encoder {
    ($($name:ty),+) => {$(
        impl Encoder for $name {
            fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
                self.write_all(bytes)?;
                out.append(self.get_mut());
                Ok(())
            }

            fn end(self: Box<Self>, out: &mut Vec<u8>) -> io::Result<()> {
                out.append(&mut (*self).finish()?);
                Ok(())
            }
        }
    )+};
}

encoder!(Zstd, Gzip);

/// A target whose bytes are compressed.
pub(super) struct Compressing {
    inner: Box<dyn Target>,
    compression: Compression,
    /// Of the member that is being written, if one is.
    encoder: Option<Box<dyn Encoder>>,
    /// Whether there was one: a file without any is no file of either format.
    has_begun: bool,
    /// Compressed, but for the first `sent` not yet taken by the inner target.
    out: Vec<u8>,
    sent: usize,
    file_bytes: Arc<AtomicU64>,
}

impl Compressing {
    pub(super) fn new(inner: Box<dyn Target>, compression: Compression, file_bytes: Arc<AtomicU64>) -> Self {
        Self { inner, compression, encoder: None, has_begun: false, out: Vec::new(), sent: 0, file_bytes }
    }

    fn encoder(&mut self) -> io::Result<&mut Box<dyn Encoder>> {
        if self.encoder.is_none() {
            self.encoder = Some(self.compression.encoder()?);
            self.has_begun = true;
        }
        self.encoder.as_mut().ok_or_else(|| ErrorKind::OutOfMemory.into())
    }

    fn encode(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = std::mem::take(&mut self.out);
        let result = self.encoder().and_then(|encoder| encoder.encode(bytes, &mut out));
        self.out = out;
        result
    }

    /// Has the target take all that came so far, which can be read then.
    fn send_member(&mut self) -> io::Result<()> {
        self.end_member()?;
        self.send()
    }

    /// Ends the member. There is at least one, though it be empty.
    fn end_member(&mut self) -> io::Result<()> {
        if !self.has_begun {
            self.encoder()?;
        }
        self.encoder.take().map_or(Ok(()), |encoder| encoder.end(&mut self.out))
    }

    /// Has the inner target take what is compressed.
    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            let count = self.inner.write(&[IoSlice::new(&self.out[self.sent..])])?;
            if count == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            self.sent += count;
            self.file_bytes.fetch_add(count as u64, Relaxed);
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }
}

impl Target for Compressing {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        // What was taken before comes first: if it is refused, nothing more is taken.
        if self.out.len() - self.sent >= ENOUGH {
            self.send()?;
        }
        let most = PART * self.compression.threads as usize;
        let mut count = 0;
        for slice in bytes {
            let part = &slice[..slice.len().min(most - count)];
            self.encode(part)?;
            count += part.len();
            if count == most {
                break;
            }
        }
        Ok(count)
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        self.send_member()?;
        self.inner.settle(how)
    }

    /// The old file is whole, and the new one has a member of its own.
    fn change(&mut self, change: &Change) -> io::Result<()> {
        self.send_member()?;
        self.inner.change(change)?;
        self.has_begun = false;
        Ok(())
    }

    /// It has an end to write.
    fn is_resting(&self) -> bool {
        false
    }

    fn conclude(&mut self) -> io::Result<()> {
        self.send_member()?;
        self.inner.conclude()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.send_member()?;
        self.inner.finish()
    }

    delegate!(begin, rest, abandon, readiness);
}
