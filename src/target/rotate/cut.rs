//! Where a file may be cut: between chunks, of which each slice has whole ones, or behind the ends of lines.

use std::io::IoSlice;

const NEWLINE: u8 = b'\n';

/// What is never cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// A slice.
    Chunks,
    /// A line, whatever chunks it comes in.
    Lines,
}

impl Whole {
    /// Bytes of the first piece that is never cut.
    pub(super) fn first(self, bytes: &[IoSlice<'_>]) -> usize {
        match self {
            Self::Chunks => bytes.first().map_or(0, |slice| slice.len()),
            Self::Lines => through_first_line(bytes),
        }
    }

    /// How many bytes, in whole pieces, fit into `room`: those of the first piece at least.
    pub(super) fn fitting(self, bytes: &[IoSlice<'_>], room: u64) -> usize {
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let fitting = match self {
            Self::Chunks => whole_slices(bytes, room),
            Self::Lines => whole_lines(bytes, room),
        };
        fitting.max(self.first(bytes))
    }

    /// Whether a piece ends behind the first `count` bytes, of which there is one at least.
    pub(super) fn ends(self, bytes: &[IoSlice<'_>], count: usize) -> bool {
        let mut end = 0;
        for slice in bytes {
            let start = end;
            end += slice.len();
            if count <= end {
                return match self {
                    Self::Chunks => count == end,
                    Self::Lines => count.checked_sub(start + 1).is_some_and(|last| slice[last] == NEWLINE),
                };
            }
        }
        false
    }
}

/// The first `count` bytes.
pub(super) fn prefix<'a>(bytes: &'a [IoSlice<'_>], mut count: usize) -> Vec<IoSlice<'a>> {
    let mut parts = Vec::with_capacity(bytes.len());
    for slice in bytes {
        let part = &slice[..slice.len().min(count)];
        if part.is_empty() {
            break;
        }
        parts.push(IoSlice::new(part));
        count -= part.len();
    }
    parts
}

fn whole_slices(bytes: &[IoSlice<'_>], room: usize) -> usize {
    let mut size = 0;
    for slice in bytes {
        if slice.len() > room - size {
            break;
        }
        size += slice.len();
    }
    size
}

/// All of them, if they fit: the last line may still go on.
fn whole_lines(bytes: &[IoSlice<'_>], room: usize) -> usize {
    let mut size = 0;
    let mut whole = 0;
    for slice in bytes {
        let part = &slice[..slice.len().min(room - size)];
        if let Some(last) = part.iter().rposition(|&byte| byte == NEWLINE) {
            whole = size + last + 1;
        }
        size += part.len();
        if part.len() < slice.len() {
            return whole;
        }
    }
    size
}

fn through_first_line(bytes: &[IoSlice<'_>]) -> usize {
    let mut size = 0;
    for slice in bytes {
        if let Some(end) = slice.iter().position(|&byte| byte == NEWLINE) {
            return size + end + 1;
        }
        size += slice.len();
    }
    size
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn slices<'a>(texts: &[&'a str]) -> Vec<IoSlice<'a>> {
        texts.iter().map(|text| IoSlice::new(text.as_bytes())).collect()
    }

    #[test]
    fn slices_are_whole() {
        let bytes = slices(&["abc", "de", "f"]);
        let fitting = |room| Whole::Chunks.fitting(&bytes, room);
        assert_eq!([0, 2, 3, 4, 5, 6, u64::MAX].map(fitting), [3, 3, 3, 3, 5, 6, 6]);
        let ends = |count| Whole::Chunks.ends(&bytes, count);
        assert_eq!([1, 2, 3, 4, 5, 6].map(ends), [false, false, true, false, true, true]);
    }

    #[test]
    fn lines_are_whole() {
        let bytes = slices(&["ab\nc", "d\nef", "g"]);
        let fitting = |room| Whole::Lines.fitting(&bytes, room);
        assert_eq!([0, 2, 3, 5, 6, 8].map(fitting), [3, 3, 3, 3, 6, 6]);
        assert_eq!(fitting(9), 9, "the last line may still go on");
        let ends = |count| Whole::Lines.ends(&bytes, count);
        assert_eq!([2, 3, 4, 6, 9].map(ends), [false, true, false, true, false]);
        assert_eq!(Whole::Lines.first(&slices(&["a", "b"])), 2);
    }

    #[test]
    fn a_prefix_may_end_within_a_slice() {
        let bytes = slices(&["abc", "de"]);
        let text = |count| prefix(&bytes, count).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!((text(0), text(3), text(4), text(9)), (vec![], vec![3], vec![3, 1], vec![3, 2]));
    }
}
