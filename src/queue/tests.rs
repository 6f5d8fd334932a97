use super::*;

fn slab(text: &str) -> Arc<Slab> {
    let slab = Slab::new(64).expect("memory");
    slab.fill(0, text.as_bytes());
    slab
}

fn parts(batch: Option<Batch>) -> Vec<Bytes> {
    match batch {
        Some(Batch::Bytes(bytes)) => bytes,
        Some(Batch::Source(source)) => panic!("{source:?} is no bytes"),
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

fn source(left: u64) -> Source {
    let file = tempfile::tempfile().expect("a file for the test");
    Source { file: Arc::new(file), left }
}

#[test]
fn a_batch_has_bytes_or_a_source() {
    let mut queue = Queue::default();
    queue.attach(slab("abc"), 0);
    queue.append_source(source(10), 2);
    queue.seal(3);
    assert_eq!(text(queue.batch(100)), "ab");
    queue.advance(2);
    for left in [10, 4] {
        assert!(matches!(queue.batch(100), Some(Batch::Source(source)) if source.left == left));
        queue.advance(6.min(left));
    }
    assert_eq!(text(queue.batch(100)), "c");
}

#[test]
fn what_is_read_from_a_source_takes_its_place() {
    let mut queue = Queue::default();
    queue.append_source(source(5), 0);
    queue.append(Bytes::from_static(b"z"), 0);
    queue.replace_source(Bytes::from_static(b"ab"));
    assert_eq!(text(queue.batch(100)), "ab");
    queue.advance(2);
    queue.replace_source(Bytes::from_static(b"cde"));
    assert_eq!(text(queue.batch(100)), "cdez");
}

#[test]
fn a_source_is_truncated_as_bytes_are() {
    let mut queue = Queue::default();
    queue.append_source(source(5), 0);
    queue.truncate(3, 0);
    assert!(matches!(queue.batch(100), Some(Batch::Source(source)) if source.left == 3));
    queue.advance(3);
    assert!(queue.is_over());
}
