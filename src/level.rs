//! How much is accepted and written, and who waits for what: the control words
//! that JS and the drainer share.
//!
//! Every access on both sides is sequentially consistent. A sleeper is known by
//! a bit beside the fill mark, so that one swap both fills and finds it. The
//! other two handshakes have the same form: a side first publishes what it did,
//! then looks at what the other wants.
//!
//! | handshake | JS | drainer |
//! |---|---|---|
//! | sleep | swaps its new `mark` in; was there [`ASLEEP`], it schedules a job | sets [`ASLEEP`], unless `mark` is no longer the one it has drained |
//! | nap | stores `waiting`, then loads `napping` and rouses a napper | stores `napping`, then loads `waiting` |
//! | waiting | stores `wanted`, `waiting`, then loads `written` | adds to `written`, then loads `waiting`, `wanted` |
//!
//! So at least one of the two sees the other, and no wake-up is lost.
//! `tests/handshake.rs` checks that with loom; `lib/control-block.js` is the JS side.

#[cfg(not(feature = "loom"))]
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

#[cfg(feature = "loom")]
use loom::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// In `mark`: nobody drains, and JS, which takes this bit away, schedules a job.
/// The sign bit, since JS sees the word as an `Int32`.
pub const ASLEEP: u32 = 1 << 31;

/// Whether JS waits for an offset to be written, and how urgently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It doesn't.
    Not,
    /// For its own books: the drainer takes its time.
    Quietly,
    /// Because somebody does: a producer for 'drain', a callback.
    Urgently,
}

/// What has become of the descriptor, and of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The descriptor is not there yet.
    Opening,
    /// Bytes flow.
    Open,
    /// The open failed: Node's own open is to try.
    Unopened,
    /// Writing failed; nothing more will be written.
    Failed,
    /// The stream was cut before the file could be opened: nobody is to try.
    Abandoned,
}

/// The control words of one stream, in the order in which JS sees them. A cache
/// line of their own: two streams do not slow each other down.
///
/// Offsets count the bytes of the stream modulo 2^32.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Level {
    /// Bytes filled in the live slab, and [`ASLEEP`]. Only ever swapped.
    mark: AtomicU32,
    /// 1 while the drainer naps. Written by the drainer.
    napping: AtomicU32,
    /// Offset up to which the kernel has taken the bytes. Written by the drainer.
    written: AtomicU32,
    /// A [`Waiting`]: whether JS waits for `written` to reach `wanted`.
    waiting: AtomicU32,
    /// The offset that JS waits for. Written by JS.
    wanted: AtomicU32,
    /// A [`Status`]. Written by the drainer.
    status: AtomicU32,
    /// The descriptor that was opened here, or -1. Written by the drainer.
    descriptor: AtomicU32,
    /// Stalls begun and ended: odd while one lasts. Written by the drainer.
    stalls: AtomicU32,
}

impl Level {
    /// The number of 32-bit words from one `Level` to the next.
    pub const WORDS: u32 = 16;

    /// Makes the level that of a new stream: no other has it any more.
    pub fn reset(&self) {
        for word in [
            &self.mark,
            &self.napping,
            &self.written,
            &self.waiting,
            &self.wanted,
            &self.status,
            &self.stalls,
        ] {
            word.store(0, SeqCst);
        }
        self.set_descriptor(-1);
    }

    /// Bytes filled in the live slab.
    #[must_use]
    pub fn mark(&self) -> usize {
        (self.mark.load(SeqCst) & !ASLEEP) as usize
    }

    /// Starts a new live slab at its first byte. JS thread only, inside a call from JS.
    pub fn reset_mark(&self) {
        self.mark.fetch_and(ASLEEP, SeqCst);
    }

    /// The drainer has drained the live slab up to `mark` and falls asleep.
    /// False if JS has filled more of it meanwhile.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "slabs are small")]
    pub fn fall_asleep(&self, mark: usize) -> bool {
        let asleep = mark as u32 | ASLEEP;
        let swapped = self.mark.compare_exchange(mark as u32, asleep, SeqCst, SeqCst);
        swapped.is_ok() || swapped == Err(asleep)
    }

    /// Publishes whether the drainer naps.
    pub fn set_napping(&self, napping: bool) {
        self.napping.store(napping.into(), SeqCst);
    }

    /// Whether the drainer naps.
    #[must_use]
    pub fn is_napping(&self) -> bool {
        self.napping.load(SeqCst) != 0
    }

    /// Publishes that the kernel took `bytes` more. True if JS waits for that
    /// and is now to be told, once.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "offsets are modulo 2^32")]
    pub fn publish(&self, bytes: usize) -> bool {
        let written = self.written.load(SeqCst).wrapping_add(bytes as u32);
        self.written.store(written, SeqCst);
        self.waiting.load(SeqCst) != Waiting::Not as u32
            && reached(written, self.wanted.load(SeqCst))
            && self.stop_waiting()
    }

    /// True for the one of all callers at once who ended the waiting.
    fn stop_waiting(&self) -> bool {
        self.waiting.swap(Waiting::Not as u32, SeqCst) != Waiting::Not as u32
    }

    /// Whether somebody waits.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.waiting.load(SeqCst) == Waiting::Urgently as u32
    }

    /// Publishes the state of the stream.
    pub fn set_status(&self, status: Status) {
        self.status.store(status as u32, SeqCst);
    }

    /// Publishes the descriptor that was opened, or -1; then `status` may become `Open`.
    pub fn set_descriptor(&self, descriptor: i32) {
        self.descriptor.store(descriptor.cast_unsigned(), SeqCst);
    }

    /// Publishes that a stall has begun, or that it is over.
    pub fn count_stall(&self) {
        self.stalls.fetch_add(1, SeqCst);
    }

    /// Stalls begun and ended: odd while one lasts.
    #[must_use]
    pub fn stalls(&self) -> u32 {
        self.stalls.load(SeqCst)
    }

    /// Offset up to which the kernel has taken the bytes, modulo 2^32.
    #[must_use]
    pub fn written(&self) -> u32 {
        self.written.load(SeqCst)
    }
}

/// Whether offset `at` has come to `wanted`. JS never wants what is more than
/// 2^31 bytes ahead, so the sign of the difference decides.
fn reached(at: u32, wanted: u32) -> bool {
    at.wrapping_sub(wanted).cast_signed() >= 0
}

/// The JS side of the handshakes, for tests that have no JS.
impl Level {
    /// Fills the live slab up to `mark`. True if the drainer slept: a job is to be scheduled.
    #[must_use]
    pub fn fill(&self, mark: u32) -> bool {
        self.mark.swap(mark, SeqCst) & ASLEEP != 0
    }

    /// Waits for offset `wanted`. True if it is reached already and no one
    /// else will say so.
    #[must_use]
    pub fn wait(&self, wanted: u32) -> bool {
        self.wanted.store(wanted, SeqCst);
        self.waiting.store(Waiting::Urgently as u32, SeqCst);
        reached(self.written.load(SeqCst), wanted) && self.stop_waiting()
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    #[test]
    fn tells_a_waiter_once_and_only_when_its_offset_is_reached() {
        let level = Level::default();
        assert!(!level.publish(10), "nobody waits");
        assert!(!level.wait(30));
        assert!(!level.publish(19));
        assert!(level.publish(1));
        assert!(!level.publish(1), "told already");
    }

    #[test]
    fn a_waiter_for_what_is_written_already_is_told_by_itself() {
        let level = Level::default();
        assert!(!level.publish(10));
        assert!(level.wait(10));
        assert!(!level.publish(1), "it has stopped waiting");
    }

    #[test]
    fn offsets_go_on_past_four_gibibytes() {
        let level = Level::default();
        assert!(!level.publish(u32::MAX as usize - 4));
        assert!(!level.wait(5), "ten bytes ahead, across the wrap");
        assert!(!level.publish(9));
        assert!(level.publish(1));
        assert_eq!(level.written(), 5);
    }

    #[test]
    fn a_sleeper_is_found_once() {
        let level = Level::default();
        assert!(level.fall_asleep(0));
        assert!(level.fill(0), "nothing to fill, but something to say");
        assert!(!level.fill(1));
        assert!(level.fall_asleep(1));
        assert!(level.fill(2));
    }

    #[test]
    fn nobody_falls_asleep_over_bytes_that_he_has_not_seen() {
        let level = Level::default();
        assert!(!level.fill(1));
        assert!(!level.fall_asleep(0));
        assert!(!level.fill(2), "it is still awake");
        assert!(level.fall_asleep(2));
    }

    #[test]
    fn a_sleeper_sleeps_on_through_a_change_of_slabs() {
        let level = Level::default();
        assert!(!level.fill(5));
        assert!(level.fall_asleep(5) && level.fall_asleep(5));
        level.reset_mark();
        assert_eq!(level.mark(), 0);
        assert!(level.fill(1));
    }
}
