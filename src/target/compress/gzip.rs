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
    level: flate2::Compression,
    threads: usize,
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
            level: flate2::Compression::new(compression.level.unsigned_abs()),
            threads: compression.threads as usize,
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
        for block in side_by_side(&blocks, self.level) {
            out.append(&mut block?);
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
        if self.input.len() - self.compressed < PART * self.threads {
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

type Block<'a> = (&'a [u8], &'a [u8]);

/// Compresses each block, with the dictionary before it. The first is done here,
/// and what the system gives no thread for.
fn side_by_side(blocks: &[Block<'_>], level: flate2::Compression) -> Vec<io::Result<Vec<u8>>> {
    let Some((first, others)) = blocks.split_first() else { return Vec::new() };
    thread::scope(|scope| {
        let spawn = |block| thread::Builder::new().spawn_scoped(scope, move || deflate(block, level)).ok();
        let threads: Vec<_> = others.iter().map(|block| (block, spawn(block))).collect();
        let rest = threads.into_iter().map(|(block, thread)| match thread {
            Some(thread) => thread.join().unwrap_or_else(|_| Err(ErrorKind::Other.into())),
            None => deflate(block, level),
        });
        std::iter::once_with(|| deflate(first, level)).chain(rest).collect()
    })
}

fn deflate((dictionary, bytes): &Block<'_>, level: flate2::Compression) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(level, false);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary).map_err(io::Error::other)?;
    }
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        compress.compress_vec(&bytes[done..], &mut out, FlushCompress::Sync).map_err(io::Error::other)?;
        // All is out if there was room to spare.
        if compress.total_in() == bytes.len() as u64 && out.len() < out.capacity() {
            return Ok(out);
        }
        out.reserve(out.capacity());
    }
}
