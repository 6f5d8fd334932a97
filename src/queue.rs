//! What is accepted and not yet taken, in order.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Buf, Bytes};

use crate::{
    slab::Slab,
    source::Piece,
    target::{Change, Settle},
};

/// Most entries in one batch: `IOV_MAX` on Linux and macOS, see `writev(2)`.
const MAX_ENTRIES: usize = 1024;

/// What is accepted at once.
enum Entry {
    Bytes(Bytes),
    Source(Arc<Piece>),
    /// What lies before is to be settled so. It counts as one byte, as a source does.
    Barrier(Settle),
    /// What lies behind is for another file. It counts as one byte, too.
    Change(Arc<Change>),
}

impl Entry {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            // Nobody knows how many it will be.
            Self::Source(_) | Self::Barrier(_) | Self::Change(_) => 1,
        }
    }

    /// Keeps the first `size` bytes. False: of a source only what was read, which is not all, so that nothing can come behind it.
    fn truncate(&mut self, size: u64) -> bool {
        match self {
            // Bytes that are longer than memory can be are kept whole.
            Self::Bytes(bytes) => bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX)),
            Self::Source(piece) => {
                let is_whole = piece.is_over();
                piece.cut();
                return is_whole;
            }
            Self::Barrier(_) | Self::Change(_) => {}
        }
        true
    }

    fn advance(&mut self, count: u64) {
        match self {
            Self::Bytes(bytes) => bytes.advance(usize::try_from(count).unwrap_or(usize::MAX)),
            // They go when they are done.
            Self::Source(_) | Self::Barrier(_) | Self::Change(_) => {}
        }
    }
}

/// What a target is asked to take at once.
#[derive(Debug)]
pub enum Batch {
    /// References to the bytes, not copies.
    Bytes(Vec<Bytes>),
    /// What a source has.
    Source(Arc<Piece>),
    /// Another file, or the look whether it is time for one.
    Change(Arc<Change>),
}

/// Entries, then the live slab up to its fill position.
///
/// ```text
///   [entry][entry] … [entry] | live slab: start ‥ filled
///    ▲ written from here
/// ```
#[derive(Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    live: Option<Live>,
    /// Nothing is taken in any more.
    is_closed: bool,
}

/// The slab that JavaScript fills.
struct Live {
    slab: Arc<Slab>,
    /// What lies below is in `entries`, or taken.
    start: usize,
}

impl Queue {
    /// Puts what JavaScript has filled of the live slab, up to `filled`, behind the other entries.
    pub fn seal(&mut self, filled: usize) {
        if let Some(live) = &mut self.live
            && live.start < filled
        {
            self.entries.push_back(Entry::Bytes(live.slab.range(live.start, filled)));
            live.start = filled;
        }
    }

    /// Seals the live slab at `filled`; JavaScript goes on at the start of `slab`.
    pub fn attach(&mut self, slab: Arc<Slab>, filled: usize) {
        self.seal(filled);
        if !self.is_closed {
            self.live = Some(Live { slab, start: 0 });
        }
    }

    /// Lets go of the live slab, filled up to `filled`: JavaScript fills it no more.
    pub fn detach(&mut self, filled: usize) {
        self.seal(filled);
        self.live = None;
        self.entries.shrink_to_fit();
    }

    /// Appends bytes that are not in a slab, behind what is filled up to `filled`.
    pub fn append(&mut self, bytes: Bytes, filled: usize) {
        self.push(Entry::Bytes(bytes), filled);
    }

    /// Appends bytes of another descriptor, behind what is filled up to `filled`.
    pub fn append_source(&mut self, piece: Arc<Piece>, filled: usize) {
        self.push(Entry::Source(piece), filled);
    }

    /// Has what lies before settled so, and what is filled up to `filled`.
    pub fn append_barrier(&mut self, how: Settle, filled: usize) {
        self.push(Entry::Barrier(how), filled);
    }

    /// Has what is filled from `filled` on go to another file.
    pub fn append_change(&mut self, change: Change, filled: usize) {
        self.push(Entry::Change(Arc::new(change)), filled);
    }

    fn push(&mut self, entry: Entry, filled: usize) {
        self.seal(filled);
        if !self.is_closed && entry.len() > 0 {
            self.entries.push_back(entry);
        }
    }

    /// The source that comes first, if one does.
    #[must_use]
    pub fn first_source(&self) -> Option<&Piece> {
        match self.entries.front()? {
            Entry::Source(piece) => Some(piece),
            Entry::Bytes(_) | Entry::Barrier(_) | Entry::Change(_) => None,
        }
    }

    /// Takes the barrier that comes first, if one does.
    pub fn pop_barrier(&mut self) -> Option<Settle> {
        let Some(&Entry::Barrier(how)) = self.entries.front() else { return None };
        self.entries.pop_front();
        Some(how)
    }

    /// Whether anything is left when the live slab is filled up to `filled`.
    #[must_use]
    pub fn is_empty(&self, filled: usize) -> bool {
        self.entries.is_empty() && self.live.as_ref().is_none_or(|live| live.start >= filled)
    }

    /// The first entries, with at most `most` bytes unless the first alone
    /// has more. `None` if there are none.
    #[must_use]
    pub fn batch(&self, most: usize) -> Option<Batch> {
        match self.entries.front()? {
            Entry::Source(piece) => return Some(Batch::Source(Arc::clone(piece))),
            Entry::Change(change) => return Some(Batch::Change(Arc::clone(change))),
            Entry::Bytes(_) | Entry::Barrier(_) => {}
        }
        let mut size = 0;
        let bytes = self
            .entries
            .iter()
            .take(MAX_ENTRIES)
            .map_while(|entry| match entry {
                Entry::Bytes(bytes) => Some(bytes),
                Entry::Source(_) | Entry::Barrier(_) | Entry::Change(_) => None,
            })
            .take_while(|bytes| {
                size += bytes.len();
                size <= most || size == bytes.len()
            })
            .cloned()
            .collect();
        Some(Batch::Bytes(bytes))
    }

    /// Lets go of the first `count` bytes: they are taken.
    pub fn advance(&mut self, mut count: u64) {
        while count > 0
            && let Some(first) = self.entries.front_mut()
        {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.entries.pop_front();
        }
    }

    /// Lets go of everything and takes in nothing more.
    pub fn clear(&mut self) {
        self.is_closed = true;
        self.entries.clear();
        self.live = None;
    }

    /// Lets go of all behind the first `keep` bytes of what is filled up to
    /// `filled`, and takes in nothing more. Of a source only what was read is kept, and nothing behind one that was not
    /// read to its end.
    pub fn truncate(&mut self, mut keep: u64, filled: usize) {
        self.close(filled);
        let mut count = 0;
        for entry in &mut self.entries {
            if keep == 0 {
                break;
            }
            count += 1;
            let is_whole = entry.truncate(keep);
            keep = if is_whole { keep - entry.len() } else { 0 };
        }
        self.entries.truncate(count);
    }

    /// Takes in nothing more behind what is filled up to `filled`.
    pub fn close(&mut self, filled: usize) {
        self.seal(filled);
        self.is_closed = true;
        self.live = None;
    }

    /// Whether nothing more is taken in, and nothing is left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_closed && self.entries.is_empty()
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;
