//! Where the control blocks of the streams of a JS thread stand: many in one page, over
//! which JS has one buffer. A control block is small, a buffer of JS is not, and is slow to make.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use crate::control_block::ControlBlock;

/// The number of 32-bit words from one control block to the next.
#[expect(clippy::cast_possible_truncation, reason = "it is 16")]
const WORDS: u32 = (size_of::<ControlBlock>() / size_of::<u32>()) as u32;

/// Control blocks side by side.
#[derive(Debug)]
pub struct Page {
    /// Counted from 0 in its thread.
    number: u32,
    blocks: [ControlBlock; Page::BLOCKS as usize],
    /// A bit for each control block that a stream has.
    taken: AtomicU64,
}

impl Page {
    /// Control blocks in a page. Loom follows each word, so there it has no more than it needs.
    const BLOCKS: u32 = if cfg!(feature = "loom") { 1 } else { u64::BITS };

    fn new(number: u32) -> Arc<Self> {
        Arc::new(Self {
            number,
            blocks: std::array::from_fn(|_| ControlBlock::default()),
            taken: AtomicU64::new(0),
        })
    }

    /// A control block that no stream has. Only one thread takes; any gives back.
    fn take(self: &Arc<Self>) -> Option<Place> {
        let index = self.taken.load(SeqCst).trailing_ones();
        (index < Self::BLOCKS).then(|| {
            self.taken.fetch_or(1 << index, SeqCst);
            let place = Place { page: Arc::clone(self), index };
            place.reset();
            place
        })
    }

    /// All control blocks, as JS sees them.
    #[must_use]
    pub fn blocks(&self) -> &[ControlBlock] {
        &self.blocks
    }
}

/// The control block of one stream, for as long as it lives.
pub struct Place {
    page: Arc<Page>,
    index: u32,
}

impl Place {
    /// The number of the page.
    #[must_use]
    pub fn page(&self) -> u32 {
        self.page.number
    }

    /// Where in the page the control block begins, in 32-bit words.
    #[must_use]
    pub fn first_word(&self) -> u32 {
        self.index * WORDS
    }
}

impl Deref for Place {
    type Target = ControlBlock;

    fn deref(&self) -> &ControlBlock {
        &self.page.blocks[self.index as usize]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.page.taken.fetch_and(!(1 << self.index), SeqCst);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// The pages of one JS thread. They stay for the streams to come.
#[derive(Debug, Default)]
pub struct Pages {
    pages: Vec<Arc<Page>>,
    /// The page that had a free control block last.
    last: usize,
}

impl Pages {
    /// A control block for a new stream.
    ///
    /// # Panics
    /// After some 2^38 streams at once.
    pub fn take(&mut self) -> Place {
        let (before, from) = self.pages.split_at(self.last);
        let place = from.iter().chain(before).find_map(Page::take).unwrap_or_else(|| {
            let number = u32::try_from(self.pages.len()).expect("memory ends before that");
            let page = Page::new(number);
            let place = page.take().expect("a new page has all its control blocks");
            self.pages.push(page);
            place
        });
        self.last = place.page() as usize;
        place
    }

    /// The page of that number, if there is one.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Arc<Page>> {
        self.pages.get(number)
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;
    use crate::control_block::Status;

    fn take_many(pages: &mut Pages, count: u32) -> Vec<Place> {
        (0..count).map(|_| pages.take()).collect()
    }

    fn where_is(place: &Place) -> (u32, u32) {
        (place.page(), place.first_word())
    }

    #[test]
    fn each_stream_has_a_control_block_of_its_own_where_js_looks_for_it() {
        let mut pages = Pages::default();
        let places = take_many(&mut pages, Page::BLOCKS + 2);
        assert_eq!(where_is(&places[0]), (0, 0));
        assert_eq!(where_is(&places[63]), (0, 63 * WORDS));
        assert_eq!(where_is(&places[65]), (1, WORDS));
        places[65].set_status(Status::Open);
        let blocks = pages.get(1).expect("they do not fit into one").blocks();
        let bytes = (&raw const *places[65]).addr() - blocks.as_ptr().addr();
        assert_eq!(bytes, (4 * WORDS) as usize);
        assert_eq!(format!("{:?}", places[64]), format!("{:?}", places[0]), "its neighbour is as it was");
    }

    #[test]
    fn a_control_block_that_is_given_back_is_taken_again_as_new() {
        let mut pages = Pages::default();
        let place = pages.take();
        let fresh = format!("{place:?}");
        place.count_stall();
        assert!(!place.fill(5));
        place.set_descriptor(7);
        let other = pages.take();
        drop(place);
        let again = pages.take();
        assert_eq!((other.first_word(), again.first_word()), (WORDS, 0));
        assert_eq!(format!("{again:?}"), fresh);
    }

    #[test]
    fn pages_that_are_there_are_filled_before_there_are_more() {
        let mut pages = Pages::default();
        let mut places = take_many(&mut pages, Page::BLOCKS * 2);
        places.remove(3);
        assert_eq!(where_is(&pages.take()), (0, 3 * WORDS));
        assert!(pages.get(2).is_none());
    }

    #[test]
    fn a_control_block_outlives_the_pages_of_its_thread() {
        let mut pages = Pages::default();
        let place = pages.take();
        drop(pages);
        place.count_stall();
        assert_eq!(place.stalls(), 1);
    }
}
