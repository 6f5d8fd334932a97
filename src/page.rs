//! Where the levels of the streams of a JS thread stand: many in one page, over
//! which JS has one buffer. A level is small, a buffer of JS is not, and is slow to make.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use crate::level::Level;

/// Levels side by side.
#[derive(Debug)]
pub struct Page {
    /// Counted from 0 in its thread.
    number: u32,
    levels: [Level; Page::LEVELS as usize],
    /// A bit for each level that a stream has.
    taken: AtomicU64,
}

impl Page {
    /// Levels in a page.
    const LEVELS: u32 = u64::BITS;

    fn new(number: u32) -> Arc<Self> {
        Arc::new(Self { number, levels: std::array::from_fn(|_| Level::default()), taken: AtomicU64::new(0) })
    }

    /// A level that no stream has. Only one thread takes; any gives back.
    fn take(self: &Arc<Self>) -> Option<Place> {
        let index = self.taken.load(SeqCst).trailing_ones();
        (index < Self::LEVELS).then(|| {
            self.taken.fetch_or(1 << index, SeqCst);
            let place = Place { page: Arc::clone(self), index };
            place.reset();
            place
        })
    }

    /// All levels, as JS sees them.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }
}

/// The level of one stream, for as long as it lives.
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

    /// Where in the page the level begins, in 32-bit words.
    #[must_use]
    pub fn first_word(&self) -> u32 {
        self.index * Level::WORDS
    }
}

impl Deref for Place {
    type Target = Level;

    fn deref(&self) -> &Level {
        &self.page.levels[self.index as usize]
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
    /// The page that had a free level last.
    last: usize,
}

impl Pages {
    /// A level for a new stream.
    ///
    /// # Panics
    /// After some 2^38 streams at once.
    pub fn take(&mut self) -> Place {
        let (before, from) = self.pages.split_at(self.last);
        let place = from.iter().chain(before).find_map(Page::take).unwrap_or_else(|| {
            let number = u32::try_from(self.pages.len()).expect("memory ends before that");
            let page = Page::new(number);
            let place = page.take().expect("a new page has all its levels");
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
    use crate::level::Status;

    fn take_many(pages: &mut Pages, count: u32) -> Vec<Place> {
        (0..count).map(|_| pages.take()).collect()
    }

    fn where_is(place: &Place) -> (u32, u32) {
        (place.page(), place.first_word())
    }

    #[test]
    fn each_stream_has_a_level_of_its_own_where_js_looks_for_it() {
        let mut pages = Pages::default();
        let places = take_many(&mut pages, Page::LEVELS + 2);
        assert_eq!(where_is(&places[0]), (0, 0));
        assert_eq!(where_is(&places[63]), (0, 63 * Level::WORDS));
        assert_eq!(where_is(&places[65]), (1, Level::WORDS));
        places[65].set_status(Status::Open);
        let levels = pages.get(1).expect("they do not fit into one").levels();
        let bytes = (&raw const *places[65]).addr() - levels.as_ptr().addr();
        assert_eq!(bytes, (4 * Level::WORDS) as usize);
        assert_eq!(format!("{:?}", places[64]), format!("{:?}", places[0]), "its neighbour is as it was");
    }

    #[test]
    fn a_level_that_is_given_back_is_taken_again_as_new() {
        let mut pages = Pages::default();
        let place = pages.take();
        let fresh = format!("{place:?}");
        place.count_stall();
        assert!(!place.fill(5));
        place.set_descriptor(7);
        let other = pages.take();
        drop(place);
        let again = pages.take();
        assert_eq!((other.first_word(), again.first_word()), (Level::WORDS, 0));
        assert_eq!(format!("{again:?}"), fresh);
    }

    #[test]
    fn pages_that_are_there_are_filled_before_there_are_more() {
        let mut pages = Pages::default();
        let mut places = take_many(&mut pages, Page::LEVELS * 2);
        places.remove(3);
        assert_eq!(where_is(&pages.take()), (0, 3 * Level::WORDS));
        assert!(pages.get(2).is_none());
    }

    #[test]
    fn a_level_outlives_the_pages_of_its_thread() {
        let mut pages = Pages::default();
        let place = pages.take();
        drop(pages);
        place.count_stall();
        assert_eq!(place.stalls(), 1);
    }
}
