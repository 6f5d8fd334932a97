//! gzip by several threads: blocks side by side, each with the end of the one before
//! as its dictionary. Together they are one member.

use std::{
    io::{self, ErrorKind},
    thread,
};

use crc_fast::{CrcAlgorithm::Crc32IsoHdlc, Digest};
use flate2::{Compress, FlushCompress};

use super::{Compression, Encoder, PART};

/// How far back deflate looks.
const WINDOW: usize = 32 << 10;

/// RFC 1952: deflate, no name, no time, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// The end of a deflate stream: a last block that is empty.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// One member.
pub(super) struct Blocks {
    /// One for each thread.
    deflaters: Vec<Deflater>,
    /// The end of what was compressed, then what is not yet.
    input: Vec<u8>,
    /// How much of that was compressed.
    compressed: usize,
    checksum: Digest,
    size: u32,
    has_header: bool,
}

impl Blocks {
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            deflaters: (0..compression.threads).map(|_| Deflater::new(compression.level)).collect(),
            input: Vec::new(),
            compressed: 0,
            checksum: Digest::new(Crc32IsoHdlc),
            size: 0,
            has_header: false,
        }
    }

    /// Compresses all that there is.
    fn compress(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if !self.has_header {
            out.extend(HEADER);
            self.has_header = true;
        }
        let starts = (self.compressed..self.input.len()).step_by(PART);
        let blocks: Vec<_> = starts
            .map(|start| {
                let end = self.input.len().min(start + PART);
                (&self.input[start.saturating_sub(WINDOW)..start], &self.input[start..end])
            })
            .collect();
        for group in blocks.chunks(self.deflaters.len()) {
            side_by_side(group, &mut self.deflaters)?;
            for deflater in &mut self.deflaters[..group.len()] {
                out.append(&mut deflater.out);
            }
        }
        let keep = self.input.len().saturating_sub(WINDOW);
        self.input.drain(..keep);
        self.compressed = self.input.len();
        Ok(())
    }
}

impl Encoder for Blocks {
    #[expect(clippy::cast_possible_truncation, reason = "the format has it modulo 2^32")]
    fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.checksum.update(bytes);
        self.size = self.size.wrapping_add(bytes.len() as u32);
        self.input.extend_from_slice(bytes);
        if self.input.len() - self.compressed < PART * self.deflaters.len() {
            return Ok(());
        }
        self.compress(out)
    }

    #[expect(clippy::cast_possible_truncation, reason = "it has 32 bits")]
    fn end(mut self: Box<Self>, out: &mut Vec<u8>) -> io::Result<()> {
        self.compress(out)?;
        out.extend(LAST_BLOCK);
        out.extend((self.checksum.finalize() as u32).to_le_bytes());
        out.extend(self.size.to_le_bytes());
        Ok(())
    }
}

/// A dictionary, and the bytes behind it.
type Block<'a> = (&'a [u8], &'a [u8]);

/// Compresses each block by a deflater of its own. The first is done here,
/// and what the system gives no thread for.
fn side_by_side(blocks: &[Block<'_>], deflaters: &mut [Deflater]) -> io::Result<()> {
    let Some((first_deflater, deflaters)) = deflaters.split_first_mut() else { return Ok(()) };
    let Some((first_block, blocks)) = blocks.split_first() else { return Ok(()) };
    let mut refused = Vec::new();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, (block, deflater)) in blocks.iter().zip(deflaters.iter_mut()).enumerate() {
            match thread::Builder::new().spawn_scoped(scope, || deflater.deflate(block)) {
                Ok(thread) => threads.push(thread),
                Err(_) => refused.push(number),
            }
        }
        first_deflater.deflate(first_block)?;
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(ErrorKind::Other.into())))
    })?;
    refused.into_iter().try_for_each(|number| deflaters[number].deflate(&blocks[number]))
}

/// What compresses one block after the other: to make its tables anew would take some of the time of each.
struct Deflater {
    compress: Compress,
    out: Vec<u8>,
}

impl Deflater {
    fn new(level: i32) -> Self {
        let level = flate2::Compression::new(level.unsigned_abs());
        Self { compress: Compress::new(level, false), out: Vec::new() }
    }

    fn deflate(&mut self, (dictionary, bytes): &Block<'_>) -> io::Result<()> {
        let Self { compress, out } = self;
        compress.reset();
        if !dictionary.is_empty() {
            compress.set_dictionary(dictionary).map_err(io::Error::other)?;
        }
        out.reserve(bytes.len() / 2 + 64);
        loop {
            let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            compress.compress_vec(&bytes[done..], out, FlushCompress::Sync).map_err(io::Error::other)?;
            // All is out if there was room to spare.
            if compress.total_in() == bytes.len() as u64 && out.len() < out.capacity() {
                return Ok(());
            }
            out.reserve(out.capacity());
        }
    }
}
