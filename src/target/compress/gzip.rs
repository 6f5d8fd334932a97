//! gzip by several threads: blocks side by side, each with the end of the one before
//! as its dictionary. Together they are one member.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
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

/// Blocks of each worker that may be under way: one that it compresses, and the next.
const AHEAD: usize = 2;

/// One member.
pub(super) struct Blocks {
    level: i32,
    /// How many workers there may be.
    threads: usize,
    /// Those that there are: each comes with its first block.
    workers: Vec<Worker>,
    /// For the last block, and for those that there is no thread for.
    own: Deflater,
    /// What is under way, in order.
    pending: VecDeque<Pending>,
    /// Blocks that were begun.
    begun: usize,
    input: Vec<u8>,
    /// What lies before the input.
    before: Arc<Vec<u8>>,
    checksum: Digest,
    size: u32,
    has_header: bool,
}

/// A block that is not in the output yet.
enum Pending {
    /// The worker of this number has it.
    With(usize),
    Done(Vec<u8>),
}

impl Blocks {
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            level: compression.level,
            threads: compression.threads as usize,
            workers: Vec::new(),
            own: Deflater::new(compression.level),
            pending: VecDeque::new(),
            begun: 0,
            input: Vec::new(),
            before: Arc::default(),
            checksum: Digest::new(Crc32IsoHdlc),
            size: 0,
            has_header: false,
        }
    }

    /// Has the input compressed.
    fn begin_block(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.pending.len() == AHEAD * self.threads {
            self.receive(out)?;
        }
        let block = self.take_block();
        let number = self.begun % self.threads;
        self.begun += 1;
        if number == self.workers.len() {
            self.workers.extend(Worker::start(self.level));
        }
        let pending = match self.workers.get(number) {
            Some(worker) => worker.begin(block).map(|()| Pending::With(number)),
            None => self.own.deflate(&block).map(Pending::Done),
        };
        self.pending.push_back(pending?);
        Ok(())
    }

    fn take_block(&mut self) -> Block {
        let bytes = Arc::new(std::mem::take(&mut self.input));
        let before = std::mem::replace(&mut self.before, Arc::clone(&bytes));
        Block { before, bytes }
    }

    /// Waits for the first of those that are under way.
    fn receive(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if !self.has_header {
            out.extend(HEADER);
            self.has_header = true;
        }
        let mut block = match self.pending.pop_front() {
            Some(Pending::With(number)) => self.workers[number].end()?,
            Some(Pending::Done(block)) => block,
            None => Vec::new(),
        };
        out.append(&mut block);
        Ok(())
    }
}

impl Encoder for Blocks {
    #[expect(clippy::cast_possible_truncation, reason = "the format has it modulo 2^32")]
    fn encode(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.checksum.update(bytes);
        self.size = self.size.wrapping_add(bytes.len() as u32);
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(PART - self.input.len()));
            self.input.extend_from_slice(part);
            bytes = rest;
            if self.input.len() == PART {
                self.begin_block(out)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "it has 32 bits")]
    fn end(mut self: Box<Self>, out: &mut Vec<u8>) -> io::Result<()> {
        // Here: it is not to be waited for longer than for those before it.
        let block = self.take_block();
        let last = self.own.deflate(&block)?;
        self.pending.push_back(Pending::Done(last));
        while !self.pending.is_empty() {
            self.receive(out)?;
        }
        out.extend(LAST_BLOCK);
        out.extend((self.checksum.finalize() as u32).to_le_bytes());
        out.extend(self.size.to_le_bytes());
        Ok(())
    }
}

/// Bytes, and those before them, the end of which is their dictionary.
struct Block {
    before: Arc<Vec<u8>>,
    bytes: Arc<Vec<u8>>,
}

/// A thread that compresses one block after the other, until nobody has more for it.
struct Worker {
    blocks: Sender<Block>,
    done: Receiver<io::Result<Vec<u8>>>,
}

impl Worker {
    /// `None`: the system gives no thread.
    fn start(level: i32) -> Option<Self> {
        let (blocks, begun) = channel::<Block>();
        let (ended, done) = channel();
        let mut deflater = Deflater::new(level);
        let compress_all = move || {
            for block in begun {
                if ended.send(deflater.deflate(&block)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().spawn(compress_all).ok()?;
        Some(Self { blocks, done })
    }

    fn begin(&self, block: Block) -> io::Result<()> {
        self.blocks.send(block).map_err(|_| panicked())
    }

    fn end(&self) -> io::Result<Vec<u8>> {
        self.done.recv().map_err(|_| panicked())?
    }
}

fn panicked() -> io::Error {
    ErrorKind::Other.into()
}

/// What compresses one block after the other: to make its tables anew would take some of the time of each.
struct Deflater {
    compress: Compress,
}

impl Deflater {
    fn new(level: i32) -> Self {
        let level = flate2::Compression::new(level.unsigned_abs());
        Self { compress: Compress::new(level, false) }
    }

    fn deflate(&mut self, Block { before, bytes }: &Block) -> io::Result<Vec<u8>> {
        let compress = &mut self.compress;
        compress.reset();
        let dictionary = &before[before.len().saturating_sub(WINDOW)..];
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
}
