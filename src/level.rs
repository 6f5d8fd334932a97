//! How much is accepted and written, and who waits for what: the control words
//! that JS and the drainer share.
//!
//! Each word has one writer, or is only ever swapped. Every access on both
//! sides is sequentially consistent, and both handshakes have the same form:
//! a side first publishes what it did, then looks at what the other wants.
//!
//! | handshake | JS | drainer |
//! |---|---|---|
//! | sleep | stores `mark`, then loads `watch` and rouses a sleeper | stores `watch = Asleep`, then loads `mark` once more |
//! | waiting | stores `wanted`, `waiting`, then loads `written` | adds to `written`, then loads `waiting`, `wanted` |
//!
//! So at least one of the two sees the other, and no wake-up is lost.
//! `tests/handshake.rs` checks that with loom; `lib/inlet.js` is the JS side.

#[cfg(not(feature = "loom"))]
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

#[cfg(feature = "loom")]
use loom::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Whether the drainer looks at the fill mark by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// It looks again before it sleeps: JS need not say anything.
    Awake,
    /// Nobody looks: JS must rouse it.
    Asleep,
    /// It looks again within [`LINGER`](crate::drain::LINGER); JS rouses it when it waits itself.
    Napping,
}

impl Watch {
    fn from_word(word: u32) -> Self {
        match word {
            1 => Self::Asleep,
            2 => Self::Napping,
            _ => Self::Awake,
        }
    }
}

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
}

/// The control words of one stream, in the order in which JS sees them.
///
/// Offsets count the bytes of the stream modulo 2^32.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Level {
    /// Bytes filled in the live slab. Written by JS.
    mark: AtomicU32,
    /// A [`Watch`].
    watch: AtomicU32,
    /// Offset up to which the kernel has taken the bytes. Written by the drainer.
    written: AtomicU32,
    /// A [`Waiting`]: whether JS waits for `written` to reach `wanted`.
    waiting: AtomicU32,
    /// The offset that JS waits for. Written by JS.
    wanted: AtomicU32,
    /// A [`Status`]. Written by the drainer.
    status: AtomicU32,
    /// The descriptor that was opened, once `status` is `Open`. Written by the drainer.
    descriptor: AtomicU32,
}

impl Level {
    /// The number of 32-bit words in a `Level`.
    pub const WORDS: usize = 7;

    /// Bytes filled in the live slab.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.mark.load(SeqCst) as usize
    }

    /// Starts a new live slab at its first byte. JS thread only, inside a call from JS.
    pub fn reset_mark(&self) {
        self.mark.store(0, SeqCst);
    }

    /// Publishes that the drainer is in state `watch`.
    pub fn set_watch(&self, watch: Watch) {
        self.watch.store(watch as u32, SeqCst);
    }

    /// Makes the drainer [`Watch::Awake`] and gives what it was. Of all who
    /// rouse a sleeper just one is told `Asleep`, and has to schedule it.
    #[must_use]
    pub fn rouse(&self) -> Watch {
        Watch::from_word(self.watch.swap(Watch::Awake as u32, SeqCst))
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

    /// Publishes the descriptor that was opened; then `status` may become `Open`.
    pub fn set_descriptor(&self, descriptor: i32) {
        self.descriptor.store(descriptor.cast_unsigned(), SeqCst);
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
    /// Fills the live slab up to `mark`. True if the drainer must be roused.
    #[must_use]
    pub fn fill(&self, mark: u32) -> bool {
        self.mark.store(mark, SeqCst);
        self.watch.load(SeqCst) == Watch::Asleep as u32
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
    fn one_of_two_who_rouse_a_sleeper_schedules_it() {
        let level = Level::default();
        level.set_watch(Watch::Asleep);
        assert!(level.fill(1));
        assert_eq!(level.rouse(), Watch::Asleep);
        assert_eq!(level.rouse(), Watch::Awake);
        assert!(!level.fill(2));
    }

    #[test]
    fn a_napping_drainer_need_not_be_roused_for_bytes() {
        let level = Level::default();
        level.set_watch(Watch::Napping);
        assert!(!level.fill(1));
        assert_eq!(level.rouse(), Watch::Napping);
    }
}
