//! The words that JavaScript and Rust share for one stream: how much is filled,
//! taken and settled, and who waits for what.
//!
//! Every access on both sides is sequentially consistent. That a job has ended
//! is a bit beside the fill position, so that one swap both fills and finds it.
//! The other two handshakes have the same form: a side first publishes what it
//! did, then looks at what the other wants.
//!
//! | handshake | JavaScript | the write job |
//! |---|---|---|
//! | sleep | swaps its new `filled` in; was there [`ASLEEP`], it schedules a job | sets [`ASLEEP`], unless `filled` is no longer what it has written |
//! | park | stores `wake`, then loads `parked` and unparks a job | stores `parked`, then loads `wake` |
//! | wake | stores `wake_at`, `wake`, then loads `settled` | stores `settled`, then loads `wake`, `wake_at` |
//!
//! So at least one of the two sees the other, and no wake is lost:
//! `tests/handshake`. `lib/control-block.js` is the JavaScript side.

use crate::sync::{AtomicU32, SeqCst};

/// In `filled`: there is no job, and JavaScript, which takes this bit away, schedules one.
/// The sign bit, since JavaScript sees the word as an `Int32`.
pub const ASLEEP: u32 = 1 << 31;

/// Whether JavaScript is to be woken at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// No.
    None,
    /// For its own books: the job takes its time.
    Lazy,
    /// Because somebody waits: a producer for 'drain', a callback.
    Eager,
}

/// What has become of the descriptor, and of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The descriptor is not there yet.
    Opening,
    /// Bytes flow.
    Open,
    /// The open failed: the word `descriptor` has the errno.
    Unopened,
    /// Writing failed; nothing more will be written.
    Failed,
    /// The stream was cancelled before the file could be opened: nobody is to try.
    Abandoned,
}

/// The words of one stream, in the order in which JavaScript sees them. A cache
/// line of their own: two streams do not slow each other down.
///
/// Offsets count the bytes of the stream modulo 2^32.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct ControlBlock {
    /// Bytes filled in the live slab, and [`ASLEEP`]. Only ever swapped.
    pub(crate) filled: AtomicU32,
    /// 1 while the job is parked. Written by the job.
    pub(crate) parked: AtomicU32,
    /// Offset up to which the memory is free again. Written by the job.
    pub(crate) taken: AtomicU32,
    /// Offset up to which the bytes are down. Written by the job.
    pub(crate) settled: AtomicU32,
    /// A [`Wake`]: whether JavaScript is to be woken when `settled` reaches `wake_at`.
    pub(crate) wake: AtomicU32,
    /// The offset that JavaScript waits for. Written by JavaScript.
    pub(crate) wake_at: AtomicU32,
    /// A [`Status`]. Written by the job.
    pub(crate) status: AtomicU32,
    /// The descriptor that was opened here, or -1; why it was not opened, if the status is `Unopened`. Written by the job.
    pub(crate) descriptor: AtomicU32,
    /// Stalls begun and ended: odd while one lasts. Written by the job.
    pub(crate) stalls: AtomicU32,
}

impl ControlBlock {
    /// Makes the block that of a new stream: no other has it any more.
    pub fn reset(&self) {
        for word in [
            &self.filled,
            &self.parked,
            &self.taken,
            &self.settled,
            &self.wake,
            &self.wake_at,
            &self.status,
            &self.stalls,
        ] {
            word.store(0, SeqCst);
        }
        self.set_descriptor(-1);
    }

    /// Bytes filled in the live slab.
    #[must_use]
    pub fn filled(&self) -> usize {
        (self.filled.load(SeqCst) & !ASLEEP) as usize
    }

    /// Starts a new live slab at its first byte. JavaScript's thread only, inside a call from there.
    pub fn reset_filled(&self) {
        self.filled.fetch_and(ASLEEP, SeqCst);
    }

    /// The job has written the live slab up to `filled` and ends. False if
    /// JavaScript has filled more of it meanwhile.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "slabs are small")]
    pub fn fall_asleep(&self, filled: usize) -> bool {
        let asleep = filled as u32 | ASLEEP;
        let swapped = self.filled.compare_exchange(filled as u32, asleep, SeqCst, SeqCst);
        swapped.is_ok() || swapped == Err(asleep)
    }

    /// Whether JavaScript is to schedule the next job.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.filled.load(SeqCst) & ASLEEP != 0
    }

    /// Publishes whether the job is parked.
    pub fn set_parked(&self, parked: bool) {
        self.parked.store(parked.into(), SeqCst);
    }

    /// Whether the job is parked.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.parked.load(SeqCst) != 0
    }

    /// Publishes how far the bytes are taken and settled. True if JavaScript
    /// waits for that and is now to be woken, once.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "offsets are modulo 2^32")]
    pub fn publish(&self, taken: u64, settled: u64) -> bool {
        self.taken.store(taken as u32, SeqCst);
        self.settled.store(settled as u32, SeqCst);
        self.wake.load(SeqCst) != Wake::None as u32
            && has_reached(settled as u32, self.wake_at.load(SeqCst))
            && self.settle_wake()
    }

    /// True for the one of all callers at once who is to wake.
    fn settle_wake(&self) -> bool {
        self.wake.swap(Wake::None as u32, SeqCst) != Wake::None as u32
    }

    /// Whether somebody waits.
    #[must_use]
    pub fn is_eager(&self) -> bool {
        self.wake.load(SeqCst) == Wake::Eager as u32
    }

    /// Publishes the state of the stream.
    pub fn set_status(&self, status: Status) {
        self.status.store(status as u32, SeqCst);
    }

    /// Whether `status` was published last.
    #[must_use]
    pub fn is_status(&self, status: Status) -> bool {
        self.status.load(SeqCst) == status as u32
    }

    /// Publishes the descriptor that was opened, or -1; then `status` may become `Open`. Or an errno, before it becomes `Unopened`.
    pub fn set_descriptor(&self, descriptor: i32) {
        self.descriptor.store(descriptor.cast_unsigned(), SeqCst);
    }

    /// The descriptor that was opened here, or -1; an errno if the status is `Unopened`.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.descriptor.load(SeqCst).cast_signed()
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

    /// Offset up to which the memory is free again, modulo 2^32.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.taken.load(SeqCst)
    }

    /// Offset up to which the bytes are down, modulo 2^32.
    #[must_use]
    pub fn settled(&self) -> u32 {
        self.settled.load(SeqCst)
    }
}

/// Whether offset `at` has come to `wanted`. JavaScript never wants what is more than
/// 2^31 bytes ahead, so the sign of the difference decides.
fn has_reached(at: u32, wanted: u32) -> bool {
    at.wrapping_sub(wanted).cast_signed() >= 0
}

/// JavaScript's side of the handshakes, for tests that have none.
impl ControlBlock {
    /// Fills the live slab up to `filled`. True if there is no job: one is to be scheduled.
    #[must_use]
    pub fn fill(&self, filled: u32) -> bool {
        self.filled.swap(filled, SeqCst) & ASLEEP != 0
    }

    /// Requests a wake at `offset`. True if it is reached already and no one
    /// else will say so.
    #[must_use]
    pub fn wake_at(&self, offset: u32) -> bool {
        self.wake_at.store(offset, SeqCst);
        self.wake.store(Wake::Eager as u32, SeqCst);
        has_reached(self.settled(), offset) && self.settle_wake()
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    /// What is settled as soon as it is taken.
    fn publish(block: &ControlBlock, offset: u64) -> bool {
        block.publish(offset, offset)
    }

    #[test]
    fn a_wake_comes_once_and_only_when_its_offset_is_settled() {
        let block = ControlBlock::default();
        assert!(!publish(&block, 10), "nobody waits");
        assert!(!block.wake_at(30));
        assert!(!publish(&block, 29));
        assert!(!block.publish(31, 29), "it is taken, and not down");
        assert!(block.publish(31, 30));
        assert!(!publish(&block, 31), "woken already");
    }

    #[test]
    fn a_wake_at_what_is_settled_already_is_not_requested() {
        let block = ControlBlock::default();
        assert!(!publish(&block, 10));
        assert!(block.wake_at(10));
        assert!(!publish(&block, 11), "nobody waits");
    }

    #[test]
    fn offsets_go_on_past_four_gibibytes() {
        let block = ControlBlock::default();
        let four = u64::from(u32::MAX) + 1;
        assert!(!publish(&block, four - 5));
        assert!(!block.wake_at(5), "ten bytes ahead, across the wrap");
        assert!(!publish(&block, four + 4));
        assert!(publish(&block, four + 5));
        assert_eq!((block.taken(), block.settled()), (5, 5));
    }

    #[test]
    fn that_there_is_no_job_is_found_once() {
        let block = ControlBlock::default();
        assert!(block.fall_asleep(0));
        assert!(block.fill(0), "nothing to fill, but something to say");
        assert!(!block.fill(1));
        assert!(block.fall_asleep(1));
        assert!(block.fill(2));
    }

    #[test]
    fn no_job_ends_over_bytes_that_it_has_not_seen() {
        let block = ControlBlock::default();
        assert!(!block.fill(1));
        assert!(!block.fall_asleep(0));
        assert!(!block.fill(2), "it goes on");
        assert!(block.fall_asleep(2));
    }

    #[test]
    fn that_there_is_no_job_stands_through_a_change_of_slabs() {
        let block = ControlBlock::default();
        assert!(!block.fill(5));
        assert!(block.fall_asleep(5) && block.fall_asleep(5));
        block.reset_filled();
        assert_eq!(block.filled(), 0);
        assert!(block.fill(1));
    }
}
