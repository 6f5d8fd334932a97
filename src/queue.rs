//! What is accepted and not yet written, in order.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Buf, Bytes};

use crate::slab::Slab;

/// Most segments in one batch: `IOV_MAX` on Linux and macOS, see `writev(2)`.
const MAX_SEGMENTS: usize = 1024;

/// Sealed segments, then the live slab up to its fill mark.
///
/// ```text
///   [segment][segment] … [segment] | live slab: start ‥ mark
///    ▲ written from here                              ▲ filled up to here
/// ```
#[derive(Default)]
pub struct Queue {
    segments: VecDeque<Bytes>,
    live: Option<Live>,
    /// Nothing is taken in any more, and nothing given out.
    cut: bool,
}

/// The slab that JS fills.
struct Live {
    slab: Arc<Slab>,
    /// What lies below is in `segments`, or written.
    start: usize,
}

impl Queue {
    /// Puts what JS has filled of the live slab, up to `mark`, behind the other segments.
    pub fn seal(&mut self, mark: usize) {
        if let Some(live) = &mut self.live
            && live.start < mark
        {
            self.segments.push_back(live.slab.range(live.start, mark));
            live.start = mark;
        }
    }

    /// Seals the live slab at `mark`; JS goes on at the start of `slab`.
    pub fn attach(&mut self, slab: Arc<Slab>, mark: usize) {
        self.seal(mark);
        if !self.cut {
            self.live = Some(Live { slab, start: 0 });
        }
    }

    /// Lets go of the live slab, filled up to `mark`: JS fills it no more.
    pub fn detach(&mut self, mark: usize) {
        self.seal(mark);
        self.live = None;
        self.segments.shrink_to_fit();
    }

    /// Appends bytes that are not in a slab, behind what is filled up to `mark`.
    pub fn append(&mut self, bytes: Bytes, mark: usize) {
        self.seal(mark);
        if !self.cut && !bytes.is_empty() {
            self.segments.push_back(bytes);
        }
    }

    /// Whether anything is left when the live slab is filled up to `mark`.
    #[must_use]
    pub fn is_empty(&self, mark: usize) -> bool {
        self.segments.is_empty() && self.live.as_ref().is_none_or(|live| live.start >= mark)
    }

    /// The first segments, with at most `most` bytes unless the first alone
    /// has more: references to the bytes, not copies.
    #[must_use]
    pub fn batch(&self, most: usize) -> Vec<Bytes> {
        let mut size = 0;
        self.segments
            .iter()
            .take(MAX_SEGMENTS)
            .take_while(|segment| {
                size += segment.len();
                size <= most || size == segment.len()
            })
            .cloned()
            .collect()
    }

    /// Lets go of the first `count` bytes: they are written.
    pub fn advance(&mut self, mut count: usize) {
        while count > 0
            && let Some(first) = self.segments.front_mut()
        {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.segments.pop_front();
        }
    }

    /// Lets go of everything and takes in nothing more.
    pub fn cut(&mut self) {
        self.cut = true;
        self.segments.clear();
        self.live = None;
    }

    /// Lets go of all behind the first `keep` bytes of what is filled up to
    /// `mark`, and takes in nothing more.
    pub fn truncate(&mut self, mut keep: u64, mark: usize) {
        self.seal(mark);
        self.cut = true;
        self.live = None;
        let mut count = 0;
        for segment in &mut self.segments {
            if keep == 0 {
                break;
            }
            count += 1;
            // A segment that is longer than memory can be is kept whole.
            segment.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
            keep -= segment.len() as u64;
        }
        self.segments.truncate(count);
    }

    /// Whether nothing more is taken in: after [`cut`](Self::cut) or [`truncate`](Self::truncate).
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether nothing more is taken in, and nothing is left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.cut && self.segments.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slab(text: &str) -> Arc<Slab> {
        let slab = Slab::new(64).expect("memory");
        slab.fill(0, text.as_bytes());
        slab
    }

    fn text(batch: &[Bytes]) -> String {
        String::from_utf8(batch.concat()).expect("tests write ASCII")
    }

    #[test]
    fn keeps_slabs_and_chunks_in_the_order_they_came() {
        let mut queue = Queue::default();
        queue.attach(slab("abc"), 0);
        queue.append(Bytes::from_static(b"BIG"), 2);
        queue.seal(3);
        queue.attach(slab("xyz"), 3);
        queue.seal(1);
        assert_eq!(text(&queue.batch(100)), "abBIGcx");
    }

    #[test]
    fn a_slab_is_let_go_when_it_is_detached_and_written() {
        let mut queue = Queue::default();
        let abc = slab("abc");
        queue.attach(Arc::clone(&abc), 0);
        queue.detach(3);
        assert_eq!(text(&queue.batch(100)), "abc");
        assert!(Arc::strong_count(&abc) > 1);
        queue.advance(3);
        assert_eq!(Arc::strong_count(&abc), 1);
        assert!(queue.is_empty(3));
        queue.attach(slab("xyz"), 3);
        queue.seal(1);
        assert_eq!(text(&queue.batch(100)), "x");
    }

    #[test]
    fn takes_only_what_lies_below_the_mark() {
        let mut queue = Queue::default();
        queue.attach(slab("abcdef"), 0);
        assert!(queue.is_empty(0));
        assert!(!queue.is_empty(2));
        queue.seal(2);
        assert_eq!(text(&queue.batch(100)), "ab");
        queue.advance(2);
        assert!(queue.is_empty(2));
        queue.seal(6);
        assert_eq!(text(&queue.batch(100)), "cdef");
    }

    #[test]
    fn goes_on_within_a_segment_after_a_short_write() {
        let mut queue = Queue::default();
        for part in [&b"abc"[..], b"def", b"ghi"] {
            queue.append(Bytes::from_static(part), 0);
        }
        queue.advance(4);
        assert_eq!(text(&queue.batch(100)), "efghi");
        queue.advance(5);
        assert!(queue.is_empty(0));
    }

    #[test]
    fn a_batch_is_bounded_but_never_empty() {
        let mut queue = Queue::default();
        for part in [&b"abcdef"[..], b"gh", b"i"] {
            queue.append(Bytes::from_static(part), 0);
        }
        assert_eq!(text(&queue.batch(1)), "abcdef");
        assert_eq!(text(&queue.batch(8)), "abcdefgh");
        let mut many = Queue::default();
        for _ in 0..=MAX_SEGMENTS {
            many.append(Bytes::from_static(b"x"), 0);
        }
        assert_eq!(many.batch(usize::MAX).len(), MAX_SEGMENTS);
    }

    #[test]
    fn empty_chunks_leave_no_segment() {
        let mut queue = Queue::default();
        queue.append(Bytes::new(), 0);
        assert!(queue.is_empty(0));
    }

    #[test]
    fn truncated_it_keeps_the_first_bytes_and_takes_in_nothing() {
        for (keep, left) in
            [(0, ""), (1, "a"), (3, "abc"), (4, "abcB"), (6, "abcBIG"), (7, "abcBIGx"), (99, "abcBIGxyz")]
        {
            let mut queue = Queue::default();
            queue.attach(slab("abc"), 0);
            queue.append(Bytes::from_static(b"BIG"), 3);
            queue.attach(slab("xyz"), 3);
            queue.truncate(keep, 3);
            queue.append(Bytes::from_static(b"late"), 0);
            assert_eq!(text(&queue.batch(100)), left);
            assert_eq!(queue.is_over(), left.is_empty());
        }
    }

    #[test]
    fn once_cut_it_holds_and_takes_nothing() {
        let mut queue = Queue::default();
        queue.attach(slab("abc"), 0);
        queue.append(Bytes::from_static(b"x"), 3);
        queue.cut();
        assert!(queue.is_cut() && queue.is_empty(64));
        queue.append(Bytes::from_static(b"y"), 3);
        queue.attach(slab("abc"), 3);
        assert!(queue.is_empty(64));
    }
}
