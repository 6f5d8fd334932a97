use super::*;
use crate::{os::Input, source::Source};

fn slab(text: &str) -> Arc<Slab> {
    let slab = Slab::new(64).expect("memory");
    slab.fill(0, text.as_bytes());
    slab
}

fn parts(batch: Option<Batch>) -> Vec<Bytes> {
    match batch {
        Some(Batch::Bytes(bytes)) => bytes,
        Some(other) => panic!("{other:?} is no bytes"),
        None => Vec::new(),
    }
}

fn text(batch: Option<Batch>) -> String {
    String::from_utf8(parts(batch).concat()).expect("tests write ASCII")
}

#[test]
fn keeps_slabs_and_chunks_in_the_order_they_came() {
    let mut queue = Queue::default();
    queue.attach(slab("abc"), 0);
    queue.append(Bytes::from_static(b"BIG"), 2);
    queue.seal(3);
    queue.attach(slab("xyz"), 3);
    queue.seal(1);
    assert_eq!(text(queue.batch(100)), "abBIGcx");
}

#[test]
fn a_slab_is_let_go_when_it_is_detached_and_written() {
    let mut queue = Queue::default();
    let abc = slab("abc");
    queue.attach(Arc::clone(&abc), 0);
    queue.detach(3);
    assert_eq!(text(queue.batch(100)), "abc");
    assert!(Arc::strong_count(&abc) > 1);
    queue.advance(3);
    assert_eq!(Arc::strong_count(&abc), 1);
    assert!(queue.is_empty(3));
    queue.attach(slab("xyz"), 3);
    queue.seal(1);
    assert_eq!(text(queue.batch(100)), "x");
}

#[test]
fn takes_only_what_is_filled() {
    let mut queue = Queue::default();
    queue.attach(slab("abcdef"), 0);
    assert!(queue.is_empty(0));
    assert!(!queue.is_empty(2));
    queue.seal(2);
    assert_eq!(text(queue.batch(100)), "ab");
    queue.advance(2);
    assert!(queue.is_empty(2));
    queue.seal(6);
    assert_eq!(text(queue.batch(100)), "cdef");
}

#[test]
fn goes_on_within_an_entry_after_a_short_write() {
    let mut queue = Queue::default();
    for part in [&b"abc"[..], b"def", b"ghi"] {
        queue.append(Bytes::from_static(part), 0);
    }
    queue.advance(4);
    assert_eq!(text(queue.batch(100)), "efghi");
    queue.advance(5);
    assert!(queue.is_empty(0));
}

#[test]
fn a_batch_is_bounded_but_never_empty() {
    let mut queue = Queue::default();
    for part in [&b"abcdef"[..], b"gh", b"i"] {
        queue.append(Bytes::from_static(part), 0);
    }
    assert_eq!(text(queue.batch(1)), "abcdef");
    assert_eq!(text(queue.batch(8)), "abcdefgh");
    let mut many = Queue::default();
    for _ in 0..=MAX_ENTRIES {
        many.append(Bytes::from_static(b"x"), 0);
    }
    assert_eq!(parts(many.batch(usize::MAX)).len(), MAX_ENTRIES);
}

#[test]
fn empty_chunks_leave_no_entry() {
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
        assert_eq!(text(queue.batch(100)), left);
        assert_eq!(queue.is_over(), left.is_empty());
    }
}

#[test]
fn once_cleared_it_holds_and_takes_nothing() {
    let mut queue = Queue::default();
    queue.attach(slab("abc"), 0);
    queue.append(Bytes::from_static(b"x"), 3);
    queue.clear();
    assert!(queue.is_over() && queue.is_empty(64));
    queue.append(Bytes::from_static(b"y"), 3);
    queue.attach(slab("abc"), 3);
    assert!(queue.is_empty(64));
}

/// Four bytes and more of a source.
fn piece() -> Arc<Piece> {
    let file = tempfile::tempfile().expect("a file for the test");
    let input = Input::new(file.into()).expect("it is open");
    Piece::new(Source::new(input, None), 4)
}

#[test]
fn a_batch_has_bytes_or_a_source() {
    let mut queue = Queue::default();
    let piece = piece();
    queue.attach(slab("abc"), 0);
    queue.append_source(Arc::clone(&piece), 2);
    queue.seal(3);
    assert_eq!(text(queue.batch(100)), "ab");
    assert!(queue.first_source().is_none());
    queue.advance(2);
    assert!(matches!(queue.batch(100), Some(Batch::Source(first)) if Arc::ptr_eq(&first, &piece)));
    assert!(queue.first_source().is_some());
    queue.advance(1);
    assert_eq!(text(queue.batch(100)), "c");
}

#[test]
fn a_source_counts_as_one_byte_and_is_let_go_when_that_is_taken() {
    let mut queue = Queue::default();
    let piece = piece();
    queue.append(Bytes::from_static(b"ab"), 0);
    queue.append_source(Arc::clone(&piece), 0);
    queue.append(Bytes::from_static(b"cd"), 0);
    queue.advance(0);
    queue.advance(2);
    assert_eq!(Arc::strong_count(&piece), 2);
    queue.advance(2);
    assert_eq!((Arc::strong_count(&piece), text(queue.batch(100)).as_str()), (1, "d"));
}

#[test]
fn truncated_it_cuts_the_sources_that_it_keeps_and_lets_go_of_the_others() {
    for keep in 1..=4 {
        for is_read in [true, false] {
            let mut queue = Queue::default();
            let pieces = [piece(), piece()];
            if is_read {
                pieces[0].cut();
            }
            queue.append_source(Arc::clone(&pieces[0]), 0);
            queue.append(Bytes::from_static(b"ab"), 0);
            queue.append_source(Arc::clone(&pieces[1]), 0);
            queue.truncate(keep, 0);
            let is_kept = [true, is_read && keep == 4];
            assert_eq!(pieces.each_ref().map(|piece| Arc::strong_count(piece) == 2), is_kept);
            assert_eq!(pieces.map(|piece| piece.is_over()), is_kept);
            queue.advance(1);
            let text = text(queue.batch(100));
            let behind = ["", "a", "ab", "ab"][usize::try_from(keep - 1).expect("small")];
            assert_eq!(
                text,
                if is_read { behind } else { "" },
                "nothing comes behind what was not read to its end"
            );
        }
    }
}

#[test]
fn a_source_that_comes_too_late_is_let_go() {
    let mut queue = Queue::default();
    queue.close(0);
    let piece = piece();
    queue.append_source(Arc::clone(&piece), 0);
    assert!(queue.is_over());
    assert_eq!(Arc::strong_count(&piece), 1);
}
