//! The drain loop, stepped by hand into a target that answers by a script.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{
    cell::{Cell, RefCell},
    fs::{self, File as StdFile},
    hint::spin_loop,
    io::{self, ErrorKind, IoSlice, Read},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal},
};
use signal_hook::consts::SIGUSR1;
use spillway::{
    drain::{self, End, Step},
    error::Failure,
    level::Status,
    os::{File, Readiness},
    slab::Slab,
    stream::{Retry, Stream},
    target::Target,
};

use common::{
    Answer::{self, Call, Errno as Refuse, Interrupted, Nothing, Panic, Take, Unnamed, WouldBlock},
    Bell, Feeder, Full, Held, PATIENCE, Script, descriptor, is_asleep, is_status, offset, opening,
    panic_quietly, pattern, scripted, step_to_the_end,
    unix::{count_descriptors, request},
};

const NOSPC: Errno = Errno::NOSPC;
const IO: Errno = Errno::IO;

fn os(errno: Errno) -> Failure {
    Failure::Os(errno.raw_os_error())
}

fn refuse(errno: Errno) -> Answer {
    Refuse(errno.raw_os_error())
}

// ---- bytes in order

#[test]
fn slabs_and_chunks_are_written_in_the_order_they_came() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    assert!(!feeder.fill(b"one "), "it is awake");
    feeder.append(b"two ");
    feeder.append(b"three ");
    feeder.fill(b"four");
    feeder.next_slab(8);
    feeder.fill(b" five ");
    feeder.next_slab(8);
    feeder.next_slab(8);
    feeder.fill(b"six ");
    feeder.append(b"");
    feeder.append(b"seven");
    assert_eq!(drain::step(&stream), Step::Went(feeder.accepted));
    assert_eq!(drain::step(&stream), Step::Empty);
    assert_eq!(script.taken(), b"one two three four five six seven");
    assert_eq!(script.writes(), 1, "they go out together");
}

#[test]
fn what_is_filled_after_a_step_is_written_by_the_next() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"ab");
    assert_eq!(drain::step(&stream), Step::Went(2));
    feeder.fill(b"cd");
    assert_eq!(drain::step(&stream), Step::Went(2));
    assert_eq!(drain::step(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcd");
}

#[test]
fn what_is_filled_during_a_write_is_written_by_the_next() {
    let (stream, script, _, feeder) = scripted([]);
    let mut feeder = feeder;
    feeder.next_slab(8);
    feeder.fill(b"ab");
    script.then(Call(Box::new(move || {
        feeder.fill(b"cd");
        feeder.append(b"ef");
        Take(1)
    })));
    assert_eq!(drain::step(&stream), Step::Went(1));
    assert_eq!(drain::step(&stream), Step::Went(5));
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_short_write_goes_on_at_the_exact_byte_wherever_it_ended() {
    let parts = [&b"abc"[..], b"d", b"efgh", b"ij"];
    let whole = parts.concat();
    for first in 1..whole.len() {
        for second in 1..=whole.len() - first {
            let (stream, script, _, mut feeder) = scripted([Take(first), Take(second)]);
            // The first part lies in a slab, the others are chunks.
            feeder.next_slab(3);
            feeder.fill(parts[0]);
            for part in &parts[1..] {
                feeder.append(part);
            }
            assert_eq!(drain::step(&stream), Step::Went(first));
            assert_eq!(stream.level().written(), offset(first));
            assert_eq!(drain::step(&stream), Step::Went(second));
            assert_eq!(script.taken(), whole[..first + second]);
            assert_eq!(step_to_the_end(&stream), Step::Empty);
            assert_eq!(script.taken(), whole, "after {first} and {second}");
            assert_eq!(stream.level().written(), offset(whole.len()));
        }
    }
}

#[test]
fn one_byte_at_a_time_is_slow_but_whole() {
    let (stream, script, _, mut feeder) = scripted((0..64).map(|_| Take(1)));
    let bytes = pattern(64);
    for part in bytes.chunks(7) {
        feeder.next_slab(3);
        feeder.fill(&part[..part.len().min(3)]);
        feeder.append(&part[part.len().min(3)..]);
    }
    for written in 1..=64 {
        assert_eq!(drain::step(&stream), Step::Went(1));
        assert_eq!(stream.level().written(), written);
    }
    assert_eq!(drain::step(&stream), Step::Empty);
    assert_eq!(script.taken(), bytes);
}

#[test]
fn a_write_has_at_most_a_mebibyte_unless_one_chunk_has_more() {
    let (stream, script, _, mut feeder) = scripted([]);
    let chunk = pattern(400 << 10);
    for _ in 0..5 {
        feeder.append(&chunk);
    }
    feeder.append(&pattern(3 << 20));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    let sizes: Vec<usize> = script.offers().iter().map(|segments| segments.iter().sum()).collect();
    assert_eq!(sizes, [800 << 10, 800 << 10, 400 << 10, 3 << 20]);
    assert_eq!(script.count_taken(), feeder.accepted);
}

#[test]
fn a_write_has_at_most_as_many_segments_as_the_kernel_takes() {
    let (stream, script, _, mut feeder) = scripted([]);
    for byte in pattern(2500) {
        feeder.append(&[byte]);
    }
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.offers().iter().map(Vec::len).collect::<Vec<_>>(), [1024, 1024, 452]);
    assert_eq!(script.taken(), pattern(2500));
}

#[test]
fn the_whole_count_goes_on_where_the_offsets_begin_anew() {
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(Sip(usize::MAX)));
    for _ in 0..4_096 {
        stream.append(Bytes::from_static(&MEBIBYTE));
    }
    stream.append(Bytes::from_static(b"abc"));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((stream.written(), stream.level().written()), ((4 << 30) + 3, 3));
}

// ---- what the kernel answers

#[test]
fn an_interrupted_write_is_tried_again_without_loss() {
    let (stream, script, bell, mut feeder) = scripted([Take(2), Interrupted, Interrupted, Take(1)]);
    feeder.append(b"abcdef");
    for went in [2, 0, 0, 1, 3] {
        assert_eq!(drain::step(&stream), Step::Went(went));
    }
    assert_eq!(drain::step(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef");
    assert_eq!(bell.count(), 0, "nobody waited");
}

#[test]
fn a_full_target_blocks_and_then_goes_on_where_it_was() {
    let (stream, script, _, mut feeder) = scripted([WouldBlock, Take(4), WouldBlock, WouldBlock]);
    feeder.append(b"abcdef");
    let steps = [Step::Blocked, Step::Went(4), Step::Blocked, Step::Blocked, Step::Went(2), Step::Empty];
    for step in steps {
        assert_eq!(drain::step(&stream), step);
    }
    assert_eq!(script.taken(), b"abcdef");
    assert_eq!(stream.failure(), None);
}

/// A stream of ten bytes of which four are written when `answer` ends it.
fn ended_by(answer: Answer) -> (Arc<Stream>, Script, Bell) {
    let (stream, script, bell, mut feeder) = scripted([Take(4), answer]);
    feeder.append(b"0123456789");
    assert_eq!(drain::step(&stream), Step::Went(4));
    assert_eq!((bell.count(), stream.failure()), (0, None));
    assert!(is_status(&stream, Status::Open));
    assert_eq!(drain::step(&stream), Step::Rest);
    feeder.append(b"too late");
    assert_eq!(drain::step(&stream), Step::Rest, "it stays failed");
    assert_eq!(script.taken(), b"0123");
    assert_eq!(stream.level().written(), 4);
    assert!(is_status(&stream, Status::Failed));
    assert!(!stream.is_busy());
    assert!(script.is_dropped(), "a failed stream holds no target");
    (stream, script, bell)
}

#[test]
fn an_error_ends_the_stream_and_its_errno_is_told() {
    let (stream, script, bell) = ended_by(refuse(NOSPC));
    assert_eq!(stream.failure(), Some(os(NOSPC)));
    assert_eq!((bell.count(), script.writes()), (1, 2));
}

#[test]
fn an_error_without_an_errno_is_told_as_eio() {
    let (stream, _, bell) = ended_by(Unnamed);
    assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), 1));
}

#[test]
fn a_write_of_nothing_is_told_as_eio() {
    let (stream, _, bell) = ended_by(Nothing);
    assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), 1));
}

#[test]
fn a_panic_in_the_target_ends_the_stream_and_its_message_is_told() {
    let failure = Some(Failure::Panic("the target is out of its mind".into()));
    let (stream, _, bell) = ended_by(Panic("the target is out of its mind"));
    assert_eq!((stream.failure(), bell.count()), (failure.clone(), 1));
    // A message that was put together is another type than one that was not.
    let put_together = |what: &'static str| Call(Box::new(move || panic!("the target is {what}")));
    let (stream, _, bell) = ended_by(put_together("out of its mind"));
    assert_eq!((stream.failure(), bell.count()), (failure, 1));
}

#[test]
fn a_panic_without_a_text_ends_the_stream_all_the_same() {
    let (stream, _, bell) = ended_by(Call(Box::new(|| std::panic::panic_any(7))));
    assert_eq!((stream.failure(), bell.count()), (Some(Failure::Panic(String::new())), 1));
}

#[test]
fn a_failed_stream_lets_go_of_what_it_held() {
    let (stream, script, _, _) = scripted([refuse(NOSPC)]);
    let (first, second) = (Chunk::new(b"abc"), Chunk::new(b"def"));
    let gone = [first.gone(), second.gone()];
    stream.append(first.into());
    stream.append(second.into());
    assert_eq!(drain::step(&stream), Step::Rest);
    assert!(gone.iter().all(|gone| gone.load(SeqCst)));
    let late = Chunk::new(b"ghi");
    let gone = late.gone();
    stream.append(late.into());
    assert!(gone.load(SeqCst), "it takes in nothing more");
    assert_eq!(script.count_taken(), 0);
}

static MEBIBYTE: [u8; 1 << 20] = [0; 1 << 20];

/// A chunk of which one can see whether the stream still holds it.
struct Chunk {
    bytes: &'static [u8],
    gone: Arc<AtomicBool>,
}

impl Chunk {
    fn new(bytes: &'static [u8]) -> Self {
        Self { bytes, gone: Arc::default() }
    }

    fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }
}

impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        Self::from_owner(chunk)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.gone.store(true, SeqCst);
    }
}

// ---- waiting

#[test]
fn who_waits_is_told_once_when_its_offset_is_reached() {
    let (stream, _, bell, mut feeder) = scripted([Take(3), Interrupted, Take(1), WouldBlock]);
    feeder.append(b"abcdef");
    assert!(!stream.level().wait(4));
    for (step, told) in [
        (Step::Went(3), 0),
        (Step::Went(0), 0),
        (Step::Went(1), 1),
        (Step::Blocked, 1),
        (Step::Went(2), 1),
        (Step::Empty, 1),
    ] {
        assert_eq!(drain::step(&stream), step);
        assert_eq!(bell.count(), told, "after {step:?}");
    }
    assert!(!stream.level().is_urgent());
}

#[test]
fn who_waits_for_what_is_written_tells_itself() {
    let (stream, _, bell, mut feeder) = scripted([]);
    feeder.append(b"abcdef");
    assert_eq!(drain::step(&stream), Step::Went(6));
    assert!(feeder.wait());
    feeder.append(b"more");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(bell.count(), 0);
}

#[test]
fn who_waits_for_bytes_that_fail_is_told_of_the_failure_alone() {
    let (stream, _, bell, mut feeder) = scripted([Take(2), refuse(NOSPC)]);
    feeder.append(b"abcdef");
    assert!(!feeder.wait());
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!(bell.count(), 1);
    assert_eq!(stream.failure(), Some(os(NOSPC)));
}

#[test]
fn a_chunk_is_let_go_before_it_is_counted_as_written() {
    // JS takes its memory back as soon as it sees the count.
    let (bell, script) = (Bell::default(), Script::default());
    let (chunk, seen) = (Chunk::new(b"abcdef"), Arc::new(AtomicBool::new(false)));
    let (gone, look) = (chunk.gone(), Arc::clone(&seen));
    let stream = Stream::new(bell.listener_that(move || look.store(gone.load(SeqCst), SeqCst)));
    stream.give(script.target());
    stream.append(chunk.into());
    assert!(!stream.level().wait(6));
    assert_eq!(drain::step(&stream), Step::Went(6));
    assert_eq!(bell.count(), 1);
    assert!(seen.load(SeqCst));
}

#[test]
fn it_has_ended_its_turn_when_it_tells() {
    // Whoever is told may look at once whether a write is in flight.
    let (bell, script) = (Bell::default(), Script::new([Take(1), refuse(NOSPC)]));
    let known: Arc<OnceLock<Weak<Stream>>> = Arc::default();
    let (tell, told) = channel();
    let listened = Arc::clone(&known);
    let stream = Stream::new(bell.listener_that(move || {
        let stream = listened.get().and_then(Weak::upgrade).expect("it steps");
        tell.send(stream.is_busy()).expect("the test listens");
    }));
    known.set(Arc::downgrade(&stream)).expect("once");
    stream.give(script.target());
    stream.append(Bytes::from_static(b"ab"));
    assert!(!stream.level().wait(1));
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [false, false]);
}

// ---- whose turn it is

/// A stream of six bytes in mid-write on another thread.
struct MidWrite {
    stream: Arc<Stream>,
    script: Script,
    bell: Bell,
    feeder: Feeder,
    held: Held,
    thread: JoinHandle<Step>,
}

impl MidWrite {
    fn new() -> Self {
        let (answer, held) = Held::new();
        let (stream, script, bell, mut feeder) = scripted([answer]);
        feeder.append(b"abc");
        feeder.append(b"def");
        let drained = Arc::clone(&stream);
        let thread = thread::spawn(move || drain::step(&drained));
        held.until_entered();
        Self { stream, script, bell, feeder, held, thread }
    }

    /// Lets the write end with `answer`; gives what it made of the step.
    fn end(self, answer: Answer) -> (Step, Arc<Stream>, Script, Bell) {
        self.held.end(answer);
        let step = self.thread.join().expect("a step does not panic");
        (step, self.stream, self.script, self.bell)
    }
}

#[test]
fn while_one_is_in_a_write_another_has_nothing_to_do() {
    let held = MidWrite::new();
    assert!(held.stream.is_busy());
    assert_eq!(drain::step(&held.stream), Step::Rest);
    assert_eq!(held.script.writes(), 1);
    let (step, stream, script, _) = held.end(Take(2));
    assert_eq!(step, Step::Went(2));
    assert!(!stream.is_busy());
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn two_who_step_at_once_write_each_byte_once_and_in_order() {
    let (stream, script, _, mut feeder) = scripted((0..2_000).map(|at| Take(1 + at % 3)));
    let bytes = pattern(4_000);
    for part in bytes.chunks(100) {
        feeder.append(part);
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while stream.level().written() < 4_000 {
                    drain::step(&stream);
                }
            });
        }
    });
    assert_eq!(script.taken(), bytes);
}

// ---- cut

#[test]
fn a_cut_drops_what_no_write_has_begun() {
    let (stream, script, bell, mut feeder) = scripted([Take(2)]);
    feeder.next_slab(8);
    feeder.fill(b"abcdef");
    feeder.append(b"ghi");
    assert_eq!(drain::step(&stream), Step::Went(2));
    assert!(!stream.cut(), "no write is in flight");
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!(script.taken(), b"ab");
    assert_eq!(stream.level().written(), 2);
    assert_eq!(bell.count(), 0, "there was nothing to wait for");
}

#[test]
fn nothing_is_taken_in_after_a_cut() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    assert!(!stream.cut());
    feeder.fill(b"ab");
    feeder.append(b"cd");
    feeder.next_slab(8);
    feeder.fill(b"ef");
    let (slab, chunk) = (Slab::new(8).expect("memory"), Chunk::new(b"gh"));
    let gone = chunk.gone();
    stream.attach(Arc::clone(&slab));
    stream.append(chunk.into());
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!(script.writes(), 0);
    assert!(gone.load(SeqCst) && Arc::strong_count(&slab) == 1, "nor is it held");
}

#[test]
fn a_cut_during_a_write_is_told_so_and_woken_when_that_has_ended() {
    let held = MidWrite::new();
    assert!(held.stream.cut());
    assert!(held.stream.is_busy());
    assert_eq!(held.bell.count(), 0, "it has not ended");
    let (step, stream, script, bell) = held.end(Take(usize::MAX));
    assert_eq!((step, bell.count()), (Step::Went(6), 1));
    assert!(!stream.is_busy());
    assert_eq!((stream.level().written(), script.taken()), (6, b"abcdef".to_vec()));
    assert!(!stream.cut(), "no write is in flight any more");
}

#[test]
fn a_write_that_is_short_is_not_gone_on_with_after_a_cut() {
    for count in 1..6 {
        let held = MidWrite::new();
        assert!(held.stream.cut());
        let (step, stream, script, bell) = held.end(Take(count));
        assert_eq!((step, bell.count()), (Step::Went(count), 1));
        assert_eq!(drain::step(&stream), Step::Rest);
        assert_eq!((stream.level().written(), script.count_taken()), (offset(count), count));
        assert_eq!((script.writes(), bell.count()), (1, 1));
    }
}

#[test]
fn a_write_that_comes_to_nothing_ends_a_cut_too() {
    for (answer, expected) in [(Interrupted, Step::Went(0)), (WouldBlock, Step::Blocked)] {
        let held = MidWrite::new();
        assert!(held.stream.cut());
        let (step, stream, script, bell) = held.end(answer);
        assert_eq!((step, bell.count()), (expected, 1));
        assert_eq!(drain::step(&stream), Step::Rest);
        assert_eq!((stream.level().written(), script.writes()), (0, 1));
    }
}

#[test]
fn a_write_that_fails_or_panics_after_a_cut_wakes_once() {
    for answer in [refuse(NOSPC), Panic("in mid-write")] {
        let held = MidWrite::new();
        assert!(held.stream.cut());
        let (step, stream, script, bell) = held.end(answer);
        assert_eq!((step, bell.count()), (Step::Rest, 1));
        assert!(stream.failure().is_some() && !stream.is_busy());
        assert_eq!((stream.level().written(), script.count_taken()), (0, 0));
    }
}

#[test]
fn what_comes_in_during_a_write_is_dropped_by_a_cut_in_that_write() {
    let mut held = MidWrite::new();
    held.feeder.append(b"more");
    assert!(held.stream.cut());
    held.feeder.append(b"still more");
    let (_, stream, script, _) = held.end(Take(usize::MAX));
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_cut_lets_go_of_all_but_what_the_write_in_flight_reads() {
    let (answer, held) = Held::new();
    let (stream, _, bell, _) = scripted([answer]);
    // Too big to go out with the first.
    let chunks = [Chunk::new(&MEBIBYTE), Chunk::new(&MEBIBYTE)];
    let gone = chunks.each_ref().map(Chunk::gone);
    for chunk in chunks {
        stream.append(chunk.into());
    }
    let seen = || gone.each_ref().map(|gone| gone.load(SeqCst));
    thread::scope(|scope| {
        scope.spawn(|| drain::step(&stream));
        held.until_entered();
        assert!(stream.cut());
        assert_eq!(seen(), [false, true]);
        held.end(Take(usize::MAX));
    });
    assert_eq!((seen(), bell.count()), ([true, true], 1));
}

#[test]
fn a_cut_lets_go_of_the_target() {
    let (stream, script, bell, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert!(!script.is_dropped(), "more may come");
    assert!(!stream.cut());
    assert!(script.is_dropped());
    assert_eq!((script.taken(), bell.count()), (b"abc".to_vec(), 0));
}

/// Whether the target is let go when JS is told of the end of a write that
/// was cut. JS may close its own descriptor then, and expects that whoever
/// reads from the pipe sees the end of it.
fn is_let_go_when_told(answer: Answer) -> bool {
    let (go_on, held) = Held::new();
    let (bell, script, seen) = (Bell::default(), Script::new([go_on]), Arc::new(AtomicBool::new(false)));
    let (looked, look) = (Arc::clone(&seen), script.clone());
    let stream = Stream::new(bell.listener_that(move || looked.store(look.is_dropped(), SeqCst)));
    stream.give(script.target());
    stream.append(Bytes::from_static(b"abcdef"));
    thread::scope(|scope| {
        scope.spawn(|| drain::step(&stream));
        held.until_entered();
        assert!(stream.cut());
        assert!(!script.is_dropped(), "it is written to");
        held.end(answer);
    });
    assert_eq!(bell.count(), 1);
    seen.load(SeqCst)
}

#[test]
fn a_cut_during_a_write_lets_go_of_the_target_before_js_is_told_that_it_has_ended() {
    for answer in [Take(2), Take(usize::MAX), Interrupted, WouldBlock] {
        assert!(is_let_go_when_told(answer));
    }
}

#[test]
fn a_write_that_fails_lets_go_of_the_target_before_js_is_told() {
    for (name, answer) in [("panic", Panic("in mid-write")), ("nothing", Nothing), ("errno", refuse(NOSPC))] {
        assert!(is_let_go_when_told(answer), "{name}");
    }
}

#[test]
fn a_cut_does_not_make_a_failure_forgotten() {
    let (stream, _, bell) = ended_by(refuse(NOSPC));
    assert!(!stream.cut());
    assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    assert!(is_status(&stream, Status::Failed));
}

#[test]
fn a_target_that_comes_after_a_cut_is_let_go() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::new(bell.listener());
    Feeder::new(&stream).append(b"abc");
    assert!(!stream.cut());
    stream.give(script.target());
    assert!(script.is_dropped());
}

#[test]
fn a_target_that_comes_when_there_is_one_is_let_go() {
    let (stream, script, _, mut feeder) = scripted([]);
    let second = Script::default();
    stream.give(second.target());
    assert!(second.is_dropped() && !script.is_dropped());
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.count_taken(), second.count_taken()), (3, 0));
}

// ---- opening

/// What the descriptor that JS is told of stands for.
fn descriptor_file(stream: &Stream) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", descriptor(stream)))
}

#[test]
fn the_first_step_opens_the_file_and_publishes_its_descriptor() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().canonicalize().expect("it is there").join("file");
    let bell = Bell::default();
    let stream = opening(request(&path), bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"early");
    assert!(is_status(&stream, Status::Opening) && !path.exists());
    assert_eq!(descriptor(&stream), -1);
    assert_eq!(drain::step(&stream), Step::Went(0));
    assert!(is_status(&stream, Status::Open));
    assert_eq!(bell.count(), 1);
    assert_eq!(descriptor_file(&stream).expect("it is open"), path);
    assert_eq!(drain::step(&stream), Step::Went(5));
    feeder.append(b" and late");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(fs::read(&path).expect("it is there"), b"early and late");
    drop((stream, feeder));
    assert_eq!(bell.count(), 1);
}

#[test]
fn the_descriptor_of_a_file_opened_by_path_is_left_to_js() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().canonicalize().expect("it is there").join("file");
    let stream = opening(request(&path), Bell::default().listener());
    assert_eq!(drain::step(&stream), Step::Went(0));
    assert!(!stream.cut());
    assert_eq!(descriptor_file(&stream).expect("still open"), path);
    assert_eq!(count_descriptors(&path), 1);
}

#[test]
fn a_file_that_can_not_be_opened_leaves_the_stream_to_whom_js_brings() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("missing").join("file");
    let (bell, script) = (Bell::default(), Script::default());
    let stream = opening(request(&path), bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!(bell.count(), 1);
    assert!(is_status(&stream, Status::Unopened));
    assert_eq!(stream.failure(), None, "Node's own open is to tell the error");
    assert_eq!(drain::step(&stream), Step::Rest);
    feeder.append(b"def");
    stream.give(script.target());
    assert!(is_status(&stream, Status::Open));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), bell.count()), (b"abcdef".to_vec(), 1));
    assert_eq!(descriptor(&stream), -1, "none was opened here");
}

#[test]
fn a_stream_that_waits_for_its_target_keeps_what_it_is_given() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::new(bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert!(is_status(&stream, Status::Opening));
    assert_eq!(drain::step(&stream), Step::Rest);
    stream.give(script.target());
    feeder.fill(b"def");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_stream_that_was_cut_before_it_opened_opens_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let bell = Bell::default();
    let stream = opening(request(&path), bell.listener());
    Feeder::new(&stream).append(b"abc");
    assert!(!stream.cut());
    assert_eq!(drain::step(&stream), Step::Went(0));
    assert_eq!((drain::step(&stream), bell.count()), (Step::Rest, 1));
    assert_eq!(fs::read(&path).expect("it is there"), b"");
}

// ---- the drain job

/// Whether the drainer sleeps as JS sees it: whoever puts something finds it, once.
fn sleeps(feeder: &mut Feeder) -> bool {
    feeder.next_slab(1);
    feeder.fill(b"!") && !feeder.append(b"")
}

#[test]
fn a_job_ends_asleep_when_all_is_written() {
    let (stream, script, _, mut feeder) = scripted([Take(1), Interrupted, Take(2)]);
    feeder.next_slab(8);
    assert!(!feeder.fill(b"abc"), "a stream that was just made is to be scheduled");
    feeder.append(&pattern(100_000));
    assert!(matches!(drain::run(&stream, || false), End::Asleep));
    assert_eq!(script.count_taken(), 100_003);
    assert!(!stream.level().is_napping());
    assert!(sleeps(&mut feeder));
    assert!(matches!(drain::run(&stream, || true), End::Asleep));
    assert_eq!(script.count_taken(), 100_004);
    assert!(sleeps(&mut feeder));
}

#[test]
fn a_sleeper_is_found_by_a_chunk_as_by_bytes_in_a_slab() {
    let (stream, script, _, mut feeder) = scripted([]);
    assert!(!feeder.append(b"abc"), "a stream that was just made is to be scheduled");
    assert!(!is_asleep(&stream));
    for chunk in [&b"def"[..], b"", b"ghi"] {
        assert!(matches!(drain::run(&stream, || true), End::Asleep));
        assert!(is_asleep(&stream) && !stream.level().is_napping());
        assert!(feeder.append(chunk));
        assert!(!feeder.append(b"!"), "it is found already");
    }
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdef!!ghi!");
}

#[test]
fn a_sleeper_sleeps_on_until_something_is_put_into_a_new_slab() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"abc");
    assert!(matches!(drain::run(&stream, || true), End::Asleep));
    feeder.next_slab(8);
    feeder.next_slab(8);
    assert!(is_asleep(&stream), "there is nothing to write");
    // Up to the very mark at which it fell asleep.
    assert!(feeder.fill(b"def"));
    assert!(matches!(drain::run(&stream, || true), End::Asleep));
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn nothing_is_left_of_what_comes_just_as_a_job_falls_asleep() {
    let (stream, _, _, mut feeder) = scripted([]);
    thread::scope(|scope| {
        let (schedule, scheduled) = channel();
        let drained = &stream;
        scope.spawn(move || {
            for () in scheduled {
                drain::run(drained, || true);
            }
        });
        schedule.send(()).expect("it drains");
        for round in 0..60_000 {
            // A job falls asleep some time after it has counted what it wrote:
            // each round meets it a little later.
            for _ in 0..round % 128 {
                spin_loop();
            }
            let slept = if round % 3 == 0 {
                feeder.append(b"a")
            } else {
                if feeder.room() == 0 {
                    // Often it is filled up to the same mark as the last one was.
                    feeder.next_slab(1 + round % 2);
                }
                feeder.fill(b"b")
            };
            if slept {
                schedule.send(()).expect("it drains");
            }
            let end = Instant::now() + PATIENCE;
            for look in 1_u32.. {
                if stream.level().written() == offset(feeder.accepted) {
                    break;
                }
                assert!(Instant::now() < end, "it sleeps, and a byte is left: round {round}");
                // Where there is but one core the job needs it.
                if look % 1_000 == 0 {
                    thread::yield_now();
                }
            }
        }
    });
}

#[test]
fn bytes_that_come_when_a_job_finds_nothing_left_are_written_by_it() {
    // JS sees a drainer that is awake, so it does not rouse it.
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.next_slab(8);
    feeder.fill(b"a");
    let feeder = RefCell::new(feeder);
    let (writes, left) = (Cell::new(0), Cell::new(3));
    let end = drain::run(&stream, || {
        // It asks after a little write, and once more after a step that found nothing.
        let found_nothing = writes.replace(script.writes()) == script.writes();
        if found_nothing && left.get() > 0 {
            left.set(left.get() - 1);
            assert!(!feeder.borrow_mut().fill(b"b"), "it is awake");
        }
        true
    });
    assert!(matches!(end, End::Asleep));
    assert_eq!((script.taken(), left.get()), (b"abbb".to_vec(), 0));
}

#[test]
fn a_job_gives_way_after_its_quota_if_others_wait() {
    let (stream, script, _, mut feeder) = scripted([]);
    let mebibyte = pattern(1 << 20);
    for _ in 0..20 {
        feeder.append(&mebibyte);
    }
    let mut rounds = 0;
    while let End::GaveWay = drain::run(&stream, || true) {
        rounds += 1;
        assert_eq!(script.count_taken(), rounds * (8 << 20));
        feeder.next_slab(1);
        assert!(!feeder.fill(b"!"), "who gave way comes back by himself");
    }
    assert_eq!((rounds, script.count_taken()), (2, feeder.accepted));
}

#[test]
fn a_job_goes_on_after_its_quota_if_nobody_waits() {
    let (stream, script, _, mut feeder) = scripted([]);
    let mebibyte = pattern(1 << 20);
    for _ in 0..20 {
        feeder.append(&mebibyte);
    }
    assert!(matches!(drain::run(&stream, || false), End::Asleep));
    assert_eq!(script.count_taken(), feeder.accepted);
}

#[test]
fn a_job_that_finds_another_in_a_write_leaves_it_alone() {
    let held = MidWrite::new();
    assert!(matches!(drain::run(&held.stream, || false), End::Asleep));
    held.end(Take(usize::MAX));
}

#[test]
fn a_job_ends_with_the_stream() {
    for answer in [refuse(NOSPC), Nothing, Panic("in a job")] {
        let (stream, _, bell, mut feeder) = scripted([Take(1), answer]);
        feeder.append(b"abc");
        assert!(matches!(drain::run(&stream, || false), End::Asleep));
        assert!(stream.failure().is_some());
        assert_eq!(bell.count(), 1);
    }
}

#[test]
fn a_target_that_can_not_say_when_it_has_room_ends_the_stream() {
    let (stream, script, bell, mut feeder) = scripted([Take(1), WouldBlock]);
    feeder.append(b"abc");
    assert!(matches!(drain::run(&stream, || false), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::MFILE)), 1));
    assert_eq!(script.taken(), b"a");
}

#[test]
fn a_target_that_panics_when_asked_for_its_readiness_ends_the_stream() {
    let (target, is_let_go) = Full::new(|| panic_quietly("who knows when"));
    let bell = Bell::default();
    let stream = Stream::new(bell.listener());
    stream.give(target);
    Feeder::new(&stream).append(b"abc");
    assert!(matches!(drain::run(&stream, || false), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(Failure::Panic("who knows when".into())), 1));
    assert!(is_status(&stream, Status::Failed));
    is_let_go.try_recv().expect("the target is let go");
}

/// A stream into a new pipe, and the reader's end, from which reads never wait.
fn piped(flags: PipeFlags) -> (Arc<Stream>, StdFile, Bell, Feeder) {
    let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).expect("it is open");
    let bell = Bell::default();
    let stream = Stream::new(bell.listener());
    stream.give(Box::new(File::new(writer, None).expect("it is open")));
    let feeder = Feeder::new(&stream);
    (stream, reader.into(), bell, feeder)
}

/// What lies in the pipe now.
fn read_all(mut reader: &StdFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    match reader.read_to_end(&mut bytes) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        Ok(_) => panic!("the writer's end is closed"),
    }
    bytes
}

fn has_room(readiness: &Readiness) -> bool {
    readiness.wait(Duration::ZERO).expect("poll works")
}

#[test]
fn a_job_that_fills_a_pipe_ends_and_names_what_to_wait_for() {
    // Blocking or not: the writer's thread is never held.
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let (stream, reader, bell, mut feeder) = piped(flags);
        let bytes = pattern(200_000);
        feeder.append(&bytes);
        let mut read = Vec::new();
        while let End::Blocked(readiness) = drain::run(&stream, || true) {
            assert!(!has_room(&readiness));
            assert!(!stream.is_busy());
            assert_eq!(stream.level().written() as usize, read.len() + (64 << 10));
            feeder.next_slab(1);
            assert!(!feeder.fill(b"!"), "who waits for room comes back by itself");
            read.extend(read_all(&reader));
            assert!(has_room(&readiness));
        }
        read.extend(read_all(&reader));
        assert_eq!(read[..bytes.len()], bytes);
        assert_eq!((read.len(), bell.count()), (feeder.accepted, 0));
    }
}

#[test]
fn a_job_learns_that_nobody_reads_any_more() {
    let (stream, reader, bell, mut feeder) = piped(PipeFlags::CLOEXEC);
    feeder.append(&pattern(200_000));
    assert!(matches!(drain::run(&stream, || true), End::Blocked(_)));
    drop(reader);
    assert!(matches!(drain::run(&stream, || true), End::Asleep));
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::PIPE)), 1));
}

// ---- the flush at the end

#[test]
fn a_flush_writes_everything_on_the_calling_thread() {
    let (stream, script, _, mut feeder) = scripted([]);
    let (tell, told) = channel();
    for answer in [Take(3), Interrupted, Take(1), Take(usize::MAX)] {
        let tell = tell.clone();
        script.then(Call(Box::new(move || {
            tell.send(thread::current().id()).expect("the test listens");
            answer
        })));
    }
    feeder.next_slab(8);
    feeder.fill(b"abcdef");
    feeder.append(&pattern(3 << 20));
    drain::flush(&stream, PATIENCE).expect("all is written");
    assert_eq!(script.count_taken(), feeder.accepted);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [thread::current().id(); 4]);
    assert!(sleeps(&mut feeder), "no job runs: JS says when there is more");
}

#[test]
fn a_flush_writes_what_is_taken_at_once_however_short_the_patience() {
    let (stream, script, _, mut feeder) = scripted((0..500).map(|at| Take(1 + at % 3)));
    let bytes = pattern(2_000);
    feeder.append(&bytes);
    drain::flush(&stream, Duration::ZERO).expect("it need not wait");
    assert_eq!(script.taken(), bytes);
    let (stream, _reader, _, mut feeder) = piped(PipeFlags::CLOEXEC);
    feeder.append(&pattern(100_000));
    let error = drain::flush(&stream, Duration::ZERO).expect_err("nobody reads");
    assert_eq!((error.kind(), stream.level().written()), (ErrorKind::TimedOut, 64 << 10));
}

#[test]
fn a_flush_opens_the_file_that_no_job_has_opened_yet() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = opening(request(&path), Bell::default().listener());
    Feeder::new(&stream).append(b"last words");
    drain::flush(&stream, PATIENCE).expect("all is written");
    assert_eq!(fs::read(&path).expect("it is there"), b"last words");
}

/// Waits until the thread of this number waits for something.
fn until_it_waits(thread: Pid) {
    let stat = format!("/proc/self/task/{}/stat", thread.as_raw_pid());
    // The state stands behind the name, which is in brackets.
    while !fs::read_to_string(&stat).expect("it lives").contains(") S ") {
        thread::yield_now();
    }
}

#[test]
fn a_flush_waits_for_the_turn_of_another_and_writes_the_rest() {
    let held = MidWrite::new();
    let (tell, told) = channel();
    let flushed = Arc::clone(&held.stream);
    let thread = thread::spawn(move || {
        tell.send(rustix::thread::gettid()).expect("the test listens");
        drain::flush(&flushed, PATIENCE).map(|()| flushed.level().written())
    });
    until_it_waits(told.recv().expect("it starts"));
    let (_, _, script, _) = held.end(Take(2));
    let written = thread.join().expect("a flush does not panic").expect("all is written");
    assert_eq!((written, script.taken()), (6, b"abcdef".to_vec()));
}

#[test]
fn a_flush_gives_up_when_the_turn_of_another_does_not_end() {
    let held = MidWrite::new();
    let error = drain::flush(&held.stream, Duration::from_millis(20)).expect_err("it is held up");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let (step, _, script, _) = held.end(Take(usize::MAX));
    assert_eq!((step, script.taken()), (Step::Went(6), b"abcdef".to_vec()));
}

#[test]
fn a_flush_gives_up_on_a_pipe_that_stays_full() {
    let (stream, reader, _, mut feeder) = piped(PipeFlags::CLOEXEC);
    let bytes = pattern(100_000);
    feeder.append(&bytes);
    let error = drain::flush(&stream, Duration::from_millis(20)).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let mut read = read_all(&reader);
    assert_eq!(stream.level().written() as usize, read.len());
    assert!(!stream.is_busy());
    drain::flush(&stream, PATIENCE).expect("there is room again");
    read.extend(read_all(&reader));
    assert_eq!(read, bytes);
}

#[test]
fn a_flush_writes_on_as_a_full_pipe_gets_room() {
    let (stream, reader, _, mut feeder) = piped(PipeFlags::CLOEXEC);
    // From here on its reads wait.
    rustix::fs::fcntl_setfl(&reader, OFlags::empty()).expect("it is open");
    let bytes = pattern(1 << 20);
    feeder.append(&bytes);
    thread::scope(|scope| {
        let read = scope.spawn(|| {
            let mut bytes = vec![0; 1 << 20];
            (&reader).read_exact(&mut bytes).map(|()| bytes)
        });
        drain::flush(&stream, PATIENCE).expect("it is read");
        assert_eq!(read.join().expect("no panic").expect("it is written"), bytes);
    });
}

#[test]
fn a_flush_gives_the_failure_of_the_stream() {
    for answer in [refuse(NOSPC), Nothing, Panic("in a flush")] {
        let (stream, _, bell, mut feeder) = scripted([Take(1), answer]);
        feeder.append(b"abc");
        for _ in 0..2 {
            let error = drain::flush(&stream, PATIENCE).expect_err("it has failed");
            let told = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()).cloned();
            assert!(told.is_some() && told == stream.failure());
        }
        assert_eq!(bell.count(), 1);
    }
}

#[test]
fn a_flush_gives_the_reason_why_nobody_can_wait_for_the_target() {
    let refuse: fn() -> io::Result<Readiness> = || Err(IO.into());
    for (readiness, failure) in
        [(refuse, os(IO)), (|| panic_quietly("who knows when"), Failure::Panic("who knows when".into()))]
    {
        let stream = Stream::new(Bell::default().listener());
        stream.give(Full::new(readiness).0);
        Feeder::new(&stream).append(b"abc");
        let error = drain::flush(&stream, PATIENCE).expect_err("it is full");
        assert_eq!(error.get_ref().and_then(|inner| inner.downcast_ref()), Some(&failure));
    }
}

#[test]
fn a_flush_of_a_stream_that_was_cut_has_nothing_to_do() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert!(!stream.cut());
    drain::flush(&stream, PATIENCE).expect("nothing is left");
    assert_eq!(script.writes(), 0);
}

/// Takes at most so many bytes at a time, at once, and looks at none: most of
/// a step is the turn itself.
struct Sip(usize);

impl Target for Sip {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(bytes[0].len().min(self.0))
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it always has room")
    }
}

#[test]
fn a_flush_that_meets_the_end_of_the_turn_of_another_does_not_take_all_for_written() {
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(Sip(1)));
    let mut feeder = Feeder::new(&stream);
    let stop = AtomicBool::new(false);
    let early = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                drain::step(&stream);
            }
        });
        let early = (0..20_000).find_map(|_| {
            feeder.append(&[b'x'; 64]);
            drain::flush(&stream, PATIENCE).expect("nothing fails");
            let left = feeder.accepted - stream.level().written() as usize;
            (left > 0).then_some(left)
        });
        stop.store(true, SeqCst);
        early
    });
    assert_eq!(early, None, "bytes that were left");
}

#[test]
fn a_flush_of_a_stream_without_a_target_says_so() {
    let (stream, script) = (Stream::new(Bell::default().listener()), Script::default());
    Feeder::new(&stream).append(b"abc");
    let error = drain::flush(&stream, PATIENCE).expect_err("JS has not brought it");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    stream.give(script.target());
    drain::flush(&stream, PATIENCE).expect("all is written");
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_signal_does_not_end_a_flush() {
    let seen = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGUSR1, Arc::clone(&seen)).expect("a handler can be set");
    let (stream, reader, _, mut feeder) = piped(PipeFlags::CLOEXEC);
    let bytes = pattern(100_000);
    feeder.append(&bytes);
    let (tell, told) = channel();
    let (result, read) = thread::scope(|scope| {
        let flush = scope.spawn(|| {
            tell.send(rustix::thread::gettid()).expect("the test listens");
            drain::flush(&stream, PATIENCE)
        });
        let thread = told.recv().expect("it starts");
        // Sooner or later it waits for room; a signal then is what no
        // SA_RESTART restarts, see signal(7).
        for _ in 0..2_000 {
            seen.store(false, SeqCst);
            // By the number of the thread: it is the one that the kernel prefers.
            if rustix::process::kill_process(thread, Signal::USR1).is_err() {
                break;
            }
            while !seen.load(SeqCst) && !flush.is_finished() {
                thread::yield_now();
            }
        }
        let mut read = Vec::new();
        while !flush.is_finished() {
            read.extend(read_all(&reader));
            thread::yield_now();
        }
        (flush.join().expect("a flush does not panic"), read)
    });
    result.expect("it has all the time it needs");
    assert_eq!([read, read_all(&reader)].concat(), bytes);
}

// ---- the flush of all

/// A pipe whose owner is told each time that there is no room in it.
struct Told(File, Sender<()>);

impl Target for Told {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(bytes).inspect_err(|_| self.1.send(()).expect("the test listens"))
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.0.readiness()
    }
}

/// A stream into a pipe that nobody reads, with more than that takes; and
/// whoever is to be told when it takes nothing.
fn stuck() -> (Arc<Stream>, OwnedFd, Receiver<()>) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    let (tell, told) = channel();
    let stream = Stream::new(Bell::default().listener());
    stream.give(Box::new(Told(File::new(writer, None).expect("it is open"), tell)));
    Feeder::new(&stream).append(&pattern(100_000));
    (stream, reader, told)
}

#[test]
fn stuck_streams_do_not_use_up_the_time_of_others() {
    let patience = Duration::from_secs(1);
    let (first, _first_reader, told) = stuck();
    let others: Vec<_> = (1..8).map(|_| stuck()).collect();
    let (slow, reader, _, mut feeder) = piped(PipeFlags::CLOEXEC);
    rustix::fs::fcntl_setfl(&reader, OFlags::empty()).expect("it is open");
    let bytes = pattern((64 << 10) + 6 * (16 << 10));
    feeder.append(&bytes);
    let (healthy, script, _, mut feeder) = scripted([Take(1), Interrupted]);
    feeder.append(&pattern(3 << 20));
    // The slow and the healthy one stand between those that are stuck.
    let mut streams = vec![Arc::clone(&first)];
    streams.extend(others.iter().map(|(stream, ..)| Arc::clone(stream)));
    let stuck = streams.clone();
    streams.splice(4..4, [Arc::clone(&slow), healthy]);
    // A piece of the slow one is read each time that the first is found stuck.
    let slowly = |mut reader: StdFile, told: Receiver<()>| {
        let mut read = Vec::new();
        for () in told {
            reader.by_ref().take(16 << 10).read_to_end(&mut read).expect("a pipe can be read");
        }
        reader.read_to_end(&mut read).expect("a pipe can be read");
        read
    };
    let start = Instant::now();
    let (read, elapsed, written) = thread::scope(|scope| {
        let reading = scope.spawn(|| slowly(reader, told));
        drain::flush_all(streams.into_iter().map(|stream| (stream, patience)));
        let seen = (start.elapsed(), slow.level().written());
        // It is the end of both pipes that ends the reading.
        assert!(!slow.cut() && !first.cut());
        (reading.join().expect("no panic"), seen.0, seen.1)
    });
    assert_eq!(script.count_taken(), feeder.accepted);
    assert_eq!(written, offset(bytes.len()));
    assert!(read == bytes);
    assert!(stuck.iter().all(|stream| stream.level().written() == 64 << 10));
    assert!(elapsed >= patience, "a stuck one may get unstuck until then: {elapsed:?}");
    assert!(elapsed < 4 * patience, "not once for each: {elapsed:?}");
}

#[test]
fn a_flush_of_all_waits_for_none_that_it_could_write_or_will_never_write() {
    let patience = PATIENCE;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let bytes = pattern(200_000);
    let make = |answers: Vec<Answer>| {
        let (stream, script, _, mut feeder) = scripted(answers);
        feeder.append(&bytes);
        (stream, script)
    };
    let failing = make(vec![Take(1), refuse(NOSPC)]);
    let mad = make(vec![Panic("in a flush")]);
    // Its readiness can't be had.
    let full = make(vec![WouldBlock]);
    let cut = make(vec![]);
    assert!(!cut.0.cut());
    let waiting = Stream::new(Bell::default().listener());
    let unopened = opening(request(&path.join("missing")), Bell::default().listener());
    let opening = opening(request(&path), Bell::default().listener());
    for stream in [&waiting, &unopened, &opening] {
        Feeder::new(stream).append(&bytes);
    }
    let good = make(vec![Take(1)]);
    let streams = [&failing.0, &mad.0, &full.0, &cut.0, &waiting, &unopened, &opening, &good.0];
    let start = Instant::now();
    drain::flush_all(streams.map(|stream| (Arc::clone(stream), patience)));
    assert!(start.elapsed() < patience);
    assert_eq!([&failing, &mad, &full, &cut].map(|(_, script)| script.count_taken()), [1, 0, 0, 0]);
    assert_eq!(failing.0.failure(), Some(os(NOSPC)));
    assert!(good.1.has_taken(&bytes) && is_asleep(&good.0));
    assert!(fs::read(&path).expect("it is there") == bytes);
}

#[test]
fn a_flush_of_all_goes_on_with_a_stream_when_the_turn_of_another_has_ended() {
    let held = MidWrite::new();
    let (stuck, _reader, told) = stuck();
    thread::scope(|scope| {
        let streams = [Arc::clone(&held.stream), Arc::clone(&stuck)];
        let flush =
            scope.spawn(move || drain::flush_all(streams.into_iter().map(|stream| (stream, PATIENCE))));
        // It has been past the held one, and found the other stuck, and comes again.
        for _ in 0..5 {
            told.recv_timeout(PATIENCE).expect("it looks at each again");
        }
        assert_eq!((held.script.writes(), flush.is_finished()), (1, false));
        let (step, stream, script, _) = held.end(Take(2));
        assert_eq!(step, Step::Went(2));
        while stream.level().written() < 6 {
            assert!(!flush.is_finished(), "it has {PATIENCE:?}");
            thread::yield_now();
        }
        assert_eq!(script.taken(), b"abcdef");
        // Then nothing is left to wait for. The flush may just look whether there is room.
        let _is_in_its_turn = stuck.cut();
        flush.join().expect("a flush does not panic");
    });
}

#[test]
fn a_flush_of_none_is_over_at_once() {
    let start = Instant::now();
    drain::flush_all([]);
    assert!(start.elapsed() < PATIENCE);
}

// ---- a refusal that is waited out

/// Between two tries. No test here lives to see one.
const PAUSE: Duration = Duration::from_secs(600);

const FAR: Duration = Duration::from_secs(6_000);

fn full_disks(interval: Duration, limit: Duration) -> Retry {
    let errnos = [NOSPC, Errno::DQUOT].map(Errno::raw_os_error).to_vec();
    Retry { errnos, interval, limit }
}

/// A scripted stream that waits for room on a disk.
fn patient(answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script, Bell, Feeder) {
    let scripted = scripted(answers);
    scripted.0.wait_out(full_disks(PAUSE, FAR));
    scripted
}

#[test]
fn a_refusal_that_is_waited_out_keeps_the_bytes_and_says_when_to_ask_again() {
    let (stream, script, _, mut feeder) = patient([Take(2), refuse(NOSPC), refuse(NOSPC)]);
    feeder.append(b"abcdef");
    assert_eq!(drain::step(&stream), Step::Went(2));
    for calls in 2..=3 {
        assert_eq!(drain::step(&stream), Step::Stalled(PAUSE));
        assert!(!stream.is_busy() && !script.is_dropped());
        assert_eq!((stream.failure(), stream.level().written(), stream.calls()), (None, 2, calls));
    }
    assert!(is_status(&stream, Status::Open));
    feeder.append(b"ghi");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), stream.calls()), (b"abcdefghi".to_vec(), 4));
}

#[test]
fn a_stall_is_told_when_it_begins_and_when_bytes_go_again_and_no_more() {
    let other = Errno::DQUOT;
    let script = [refuse(NOSPC), refuse(other), Interrupted, WouldBlock, refuse(NOSPC), Take(1), Take(1)];
    let (stream, _, bell, mut feeder) = patient(script.into_iter().chain([refuse(other), Take(1)]));
    feeder.append(b"abcdef");
    let stalled = || Step::Stalled(PAUSE);
    let by = |errno: Errno| Some(errno.raw_os_error());
    assert_eq!((stream.level().stalls(), stream.stalled_by()), (0, None));
    for (step, stalls, told, reason) in [
        (stalled(), 1, 1, by(NOSPC)),
        (stalled(), 1, 1, by(other)),
        // What takes nothing does not end it.
        (Step::Went(0), 1, 1, by(other)),
        (Step::Blocked, 1, 1, by(other)),
        (stalled(), 1, 1, by(NOSPC)),
        (Step::Went(1), 2, 2, by(NOSPC)),
        (Step::Went(1), 2, 2, by(NOSPC)),
        (stalled(), 3, 3, by(other)),
        (Step::Went(1), 4, 4, by(other)),
        (Step::Went(3), 4, 4, by(other)),
        (Step::Empty, 4, 4, by(other)),
    ] {
        assert_eq!(drain::step(&stream), step);
        assert_eq!((stream.level().stalls(), stream.stalled_by()), (stalls, reason), "after {step:?}");
        assert_eq!(bell.count(), told, "after {step:?}");
    }
}

#[test]
fn who_waits_for_the_very_bytes_that_end_a_stall_is_woken_once_for_both() {
    let (stream, _, bell, mut feeder) = patient([refuse(NOSPC)]);
    feeder.append(b"abc");
    assert!(!feeder.wait());
    assert_eq!(drain::step(&stream), Step::Stalled(PAUSE));
    assert_eq!((bell.count(), drain::step(&stream)), (1, Step::Went(3)));
    assert_eq!((bell.count(), stream.level().stalls(), stream.level().is_urgent()), (2, 2, false));
}

#[test]
fn after_a_stall_it_goes_on_at_the_exact_byte_wherever_the_last_write_ended() {
    let whole = b"abcdefghij";
    for first in 1..whole.len() {
        for second in 1..=whole.len() - first {
            let answers = [Take(first), refuse(NOSPC), Take(second), refuse(NOSPC)];
            let (stream, script, _, mut feeder) = patient(answers);
            // A slab, then chunks.
            feeder.next_slab(3);
            feeder.fill(&whole[..3]);
            feeder.append(&whole[3..4]);
            feeder.append(&whole[4..]);
            for step in [Step::Went(first), Step::Stalled(PAUSE), Step::Went(second)] {
                assert_eq!(drain::step(&stream), step);
            }
            assert_eq!(script.taken(), whole[..first + second]);
            while drain::step(&stream) != Step::Empty {}
            assert_eq!(script.taken(), whole, "after {first} and {second}");
        }
    }
}

#[test]
fn an_error_that_is_not_to_be_waited_out_fails_at_once_in_a_stall_too() {
    for stalls in 0..2 {
        let refusals = (0..stalls).map(|_| refuse(NOSPC));
        let (stream, script, bell, mut feeder) = patient(refusals.chain([refuse(IO)]));
        feeder.append(b"abc");
        for _ in 0..stalls {
            assert_eq!(drain::step(&stream), Step::Stalled(PAUSE));
        }
        assert_eq!(drain::step(&stream), Step::Rest);
        assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), stalls + 1));
        assert!(script.is_dropped() && is_status(&stream, Status::Failed));
    }
}

#[test]
fn without_a_limit_that_lets_it_wait_a_refusal_fails_at_once_and_is_no_stall() {
    let (stream, script, bell, mut feeder) = scripted([refuse(NOSPC)]);
    stream.wait_out(full_disks(PAUSE, Duration::ZERO));
    feeder.append(b"abc");
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    assert_eq!((stream.level().stalls(), stream.stalled_by()), (0, None));
    assert!(script.is_dropped());
}

#[test]
fn a_stall_that_comes_to_its_limit_fails_with_the_errno_of_the_last_refusal() {
    let limit = Duration::from_millis(100);
    let (stream, script, bell, mut feeder) = scripted([refuse(NOSPC), refuse(Errno::DQUOT)]);
    stream.wait_out(full_disks(PAUSE, limit));
    feeder.append(b"abc");
    match drain::step(&stream) {
        Step::Stalled(pause) => assert!(pause <= limit, "it is asked once more when the limit is reached"),
        step => panic!("{step:?}, though the limit is not reached"),
    }
    let start = Instant::now();
    while start.elapsed() < limit {
        thread::yield_now();
    }
    assert_eq!(drain::step(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(Errno::DQUOT)), 2));
    assert!(script.is_dropped());
}

#[test]
fn each_stall_has_the_whole_limit_to_itself() {
    let limit = Duration::from_millis(100);
    let (stream, script, _, mut feeder) = scripted([refuse(NOSPC), Take(1), refuse(NOSPC)]);
    stream.wait_out(full_disks(PAUSE, limit));
    feeder.append(b"abc");
    assert!(matches!(drain::step(&stream), Step::Stalled(_)));
    let start = Instant::now();
    while start.elapsed() < limit {
        thread::yield_now();
    }
    assert_eq!(drain::step(&stream), Step::Went(1));
    assert!(matches!(drain::step(&stream), Step::Stalled(_)));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abc");
}

#[test]
fn a_cut_during_a_stall_lets_go_of_the_target() {
    let (stream, script, bell, mut feeder) = patient([Take(1), refuse(NOSPC)]);
    feeder.append(b"abc");
    assert_eq!(drain::step(&stream), Step::Went(1));
    assert_eq!(drain::step(&stream), Step::Stalled(PAUSE));
    assert!(!stream.cut(), "no write is in flight");
    assert!(script.is_dropped());
    assert_eq!((drain::step(&stream), bell.count(), stream.failure()), (Step::Rest, 1, None));
    assert_eq!((script.taken(), script.writes()), (b"a".to_vec(), 2));
}

#[test]
fn a_cut_during_the_write_that_is_refused_wakes_once_and_lets_go() {
    let held = MidWrite::new();
    held.stream.wait_out(full_disks(PAUSE, FAR));
    assert!(held.stream.cut());
    let (step, stream, script, bell) = held.end(refuse(NOSPC));
    assert_eq!((step, bell.count()), (Step::Stalled(PAUSE), 1));
    assert!(script.is_dropped() && !stream.is_busy());
    assert_eq!(drain::step(&stream), Step::Rest);
}

#[test]
fn a_job_ends_with_a_stall_and_says_when_the_next_is_due() {
    let (stream, script, _, mut feeder) = patient([Take(1), refuse(NOSPC)]);
    feeder.append(b"abc");
    assert!(matches!(drain::run(&stream, || true), End::Stalled(PAUSE)));
    assert_eq!(script.writes(), 2, "it does not ask again by itself");
    assert!(!feeder.append(b"def"), "who waits comes back by himself");
    assert!(matches!(drain::run(&stream, || true), End::Asleep));
    assert_eq!(script.taken(), b"abcdef");
}

#[test]
fn a_flush_gives_a_stalled_stream_up_in_time_and_later_goes_on() {
    // One is for the flush that has no time, and two for the other: when it comes, and when its time is over.
    let refusals = (0..3).map(|_| refuse(NOSPC));
    let (stream, script, _, mut feeder) = patient([Take(1)].into_iter().chain(refusals));
    feeder.append(b"abc");
    let start = Instant::now();
    for patience in [Duration::ZERO, Duration::from_millis(20)] {
        let error = drain::flush(&stream, patience).expect_err("it takes nothing");
        assert_eq!((error.kind(), stream.failure()), (ErrorKind::TimedOut, None));
    }
    assert!(start.elapsed() < PAUSE, "it does not wait for the next try");
    drain::flush(&stream, PATIENCE).expect("there is room again");
    assert_eq!((script.taken(), stream.level().stalls()), (b"abc".to_vec(), 2));
}

#[test]
fn a_flush_asks_a_stalled_stream_again_and_again() {
    let (stream, script, _, mut feeder) = scripted((0..5).map(|_| refuse(NOSPC)));
    stream.wait_out(full_disks(Duration::from_millis(1), FAR));
    feeder.append(b"abc");
    drain::flush(&stream, PATIENCE).expect("there is room at last");
    assert_eq!((script.taken(), script.writes()), (b"abc".to_vec(), 6));
}

/// Has no room, and says so to all who come.
struct Refusing {
    name: &'static str,
    asked: Arc<Mutex<Vec<&'static str>>>,
}

impl Target for Refusing {
    fn write(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        self.asked.lock().push(self.name);
        Err(NOSPC.into())
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("it never says that it would block")
    }
}

#[test]
fn a_flush_of_all_gives_each_stream_up_in_its_own_time() {
    let asked: Arc<Mutex<Vec<_>>> = Arc::default();
    let refusing = |name, patience: u64| {
        let stream = Stream::new(Bell::default().listener());
        stream.wait_out(full_disks(Duration::from_millis(1), FAR));
        stream.give(Box::new(Refusing { name, asked: Arc::clone(&asked) }));
        Feeder::new(&stream).append(b"abc");
        (stream, Duration::from_millis(patience))
    };
    let streams = [refusing("long", 600), refusing("none", 0), refusing("short", 150)];
    let start = Instant::now();
    drain::flush_all(streams);
    assert!(start.elapsed() >= Duration::from_millis(600));
    let asked = asked.lock();
    let count = |name| asked.iter().filter(|other| **other == name).count();
    assert_eq!(count("none"), 1);
    let last = asked.iter().rposition(|name| *name == "short").expect("it is asked");
    let after = asked[last..].iter().filter(|name| **name == "long").count();
    assert!(count("short") > 1 && after > 1, "{} and {after}", count("short"));
}

/// Takes a byte after two short waits: 40 of them last longer than the patience of those who flush.
#[test]
fn a_flush_does_not_give_up_what_takes_something_now_and_then() {
    const SLOWLY: Duration = Duration::from_millis(200);
    let flush = |stream: &Arc<Stream>| drain::flush(stream, SLOWLY).expect("it takes something");
    let flush_all = |stream: &Arc<Stream>| drain::flush_all([(Arc::clone(stream), SLOWLY)]);
    for flush in [&flush as &dyn Fn(&Arc<Stream>), &flush_all] {
        let answers = (0..40).flat_map(|_| [refuse(NOSPC), refuse(NOSPC), Take(1)]);
        let (stream, script, _, mut feeder) = scripted(answers);
        stream.wait_out(full_disks(Duration::from_millis(10), FAR));
        let bytes = pattern(40);
        feeder.append(&bytes);
        let start = Instant::now();
        flush(&stream);
        assert!(start.elapsed() > SLOWLY);
        assert!(script.has_taken(&bytes));
    }
}

// ---- the flush up to an offset

#[test]
fn a_flush_up_to_an_offset_stops_there_or_less_than_a_batch_behind() {
    const BATCH: usize = 800 << 10;
    for (offset, batches) in [(0, 0), (1, 1), (BATCH, 1), (BATCH + 1, 2), (2 * BATCH, 2)] {
        let (stream, script, _, mut feeder) = scripted([]);
        for _ in 0..5 {
            feeder.append(&pattern(400 << 10));
        }
        drain::flush_until(&stream, offset as u64, Duration::ZERO).expect("it need not wait");
        assert_eq!((script.writes(), script.count_taken()), (batches, batches * BATCH), "for {offset}");
        assert!(!is_asleep(&stream), "a job is to write the rest");
        assert_eq!(step_to_the_end(&stream), Step::Empty);
        assert_eq!(script.count_taken(), feeder.accepted);
    }
}

#[test]
fn a_flush_up_to_an_offset_takes_short_writes_until_it_is_there() {
    let (stream, script, _, mut feeder) = scripted((0..9).map(|_| Take(2)));
    feeder.append(b"abcdefghi");
    drain::flush_until(&stream, 5, Duration::ZERO).expect("it need not wait");
    assert_eq!((script.taken(), script.writes()), (b"abcdef".to_vec(), 3));
}

#[test]
fn a_flush_up_to_an_offset_that_is_never_put_writes_all_there_is() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    drain::flush_until(&stream, 1_000, PATIENCE).expect("all is written");
    assert_eq!((script.taken(), is_asleep(&stream)), (b"abc".to_vec(), true));
}

#[test]
fn a_flush_up_to_an_offset_that_another_reaches_writes_nothing() {
    for (offset, written) in [(2, 2), (3, 6)] {
        let held = MidWrite::new();
        let (tell, told) = channel();
        let flushed = Arc::clone(&held.stream);
        let thread = thread::spawn(move || {
            tell.send(rustix::thread::gettid()).expect("the test listens");
            drain::flush_until(&flushed, offset, PATIENCE).map(|()| flushed.written())
        });
        until_it_waits(told.recv().expect("it starts"));
        let (.., script, _) = held.end(Take(2));
        let flushed = thread.join().expect("a flush does not panic");
        assert_eq!(flushed.expect("it is reached"), written);
        assert_eq!(script.count_taken() as u64, written);
    }
}

// ---- a job that comes during a flush

/// A job comes for the turn, and is told that it is over.
fn visit(stream: &Arc<Stream>) -> Answer {
    let stream = Arc::downgrade(stream);
    Call(Box::new(move || {
        let stream = stream.upgrade().expect("it is written to");
        assert!(matches!(drain::run(&stream, || true), End::Asleep));
        Take(2)
    }))
}

#[test]
fn a_job_that_a_flush_turned_away_is_told_of_once() {
    let (stream, script, _, mut feeder) = scripted([]);
    script.then(visit(&stream));
    feeder.append(b"abcdef");
    assert!(!stream.has_turned_away());
    drain::flush_until(&stream, 1, PATIENCE).expect("it need not wait");
    assert_eq!(script.taken(), b"ab");
    assert!(stream.has_turned_away() && !stream.has_turned_away());
}

#[test]
fn a_job_that_a_flush_turned_away_is_not_missed_when_all_is_written() {
    // It sleeps: whoever puts more has a job scheduled, and that one is enough.
    let (stream, script, _, mut feeder) = scripted([]);
    script.then(visit(&stream));
    feeder.append(b"abcdef");
    drain::flush(&stream, PATIENCE).expect("it need not wait");
    assert!(is_asleep(&stream) && !stream.has_turned_away());
}

#[test]
fn a_flush_that_is_turned_away_itself_has_no_second_job_scheduled() {
    let held = MidWrite::new();
    drain::flush(&held.stream, Duration::ZERO).expect_err("it is held up");
    assert!(!held.stream.has_turned_away(), "the job is there and goes on");
    held.end(Take(usize::MAX));
}

// ---- a stream that rests

#[test]
fn a_stream_that_rests_holds_no_slab_and_goes_on_in_another() {
    let (stream, script, _, mut feeder) = scripted([]);
    let slab = Slab::new(8).expect("memory");
    stream.attach(Arc::clone(&slab));
    slab.fill(0, b"abc");
    assert!(!stream.level().fill(3));
    stream.detach();
    assert_eq!(drain::step(&stream), Step::Went(3));
    assert_eq!(Arc::strong_count(&slab), 1);
    assert_eq!(drain::step(&stream), Step::Empty);
    feeder.append(b"de");
    feeder.next_slab(8);
    feeder.fill(b"fg");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(script.taken(), b"abcdefg");
}

// ---- a cut that waits

#[test]
fn a_cut_that_waits_returns_when_the_write_in_flight_has_ended() {
    for (answer, written) in [(Take(2), 2), (WouldBlock, 0), (refuse(NOSPC), 0), (Panic("in mid-write"), 0)] {
        let mut held = MidWrite::new();
        held.feeder.append(b"more");
        let (stream, (tell, told)) = (Arc::clone(&held.stream), channel());
        let cut = thread::spawn(move || {
            tell.send(rustix::thread::gettid()).expect("the test listens");
            stream.cut_and_wait();
            stream.is_busy()
        });
        until_it_waits(told.recv().expect("it starts"));
        assert!(held.stream.is_busy() && !cut.is_finished(), "the write has not ended");
        let (_, stream, script, bell) = held.end(answer);
        assert!(!cut.join().expect("a cut does not panic"), "it saw the end of the write");
        assert_eq!(drain::step(&stream), Step::Rest);
        assert_eq!((stream.level().written(), script.count_taken()), (written, written as usize));
        assert_eq!((script.writes(), script.is_dropped(), bell.count()), (1, true, 1));
    }
}

#[test]
fn after_a_cut_that_waits_nobody_reads_from_any_chunk() {
    // Their memory goes with the thread that made them.
    for answer in [Take(2), Take(usize::MAX), Interrupted, refuse(NOSPC), Panic("in mid-write")] {
        let (go_on, held) = Held::new();
        let (stream, ..) = scripted([go_on]);
        // Too big to go out with the first.
        let chunks = [Chunk::new(&MEBIBYTE), Chunk::new(&MEBIBYTE)];
        let gone = chunks.each_ref().map(Chunk::gone);
        for chunk in chunks {
            stream.append(chunk.into());
        }
        thread::scope(|scope| {
            scope.spawn(|| drain::step(&stream));
            held.until_entered();
            let cut = scope.spawn(|| {
                stream.cut_and_wait();
                gone.each_ref().map(|gone| gone.load(SeqCst))
            });
            held.end(answer);
            assert_eq!(cut.join().expect("a cut does not panic"), [true, true]);
        });
    }
}

#[test]
fn a_cut_that_waits_does_not_when_no_write_is_in_flight() {
    let bell = Bell::default();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let opening = opening(request(&folder.path().join("file")), bell.listener());
    let waiting = Stream::new(bell.listener());
    let (ready, script, ..) = scripted([]);
    let (failed, ..) = ended_by(refuse(NOSPC));
    for stream in [opening, waiting, ready, failed] {
        Feeder::new(&stream).append(b"abc");
        for _ in 0..2 {
            stream.cut_and_wait();
        }
    }
    assert_eq!((script.writes(), script.is_dropped(), bell.count()), (0, true, 0));
}

// ---- giving up

#[test]
fn a_failure_from_outside_during_a_write_is_ignored_and_the_outcome_of_that_counts() {
    for (answer, status, failure) in [
        (Take(2), Status::Open, None),
        (WouldBlock, Status::Open, None),
        (refuse(NOSPC), Status::Failed, Some(os(NOSPC))),
        (Panic("in mid-write"), Status::Failed, Some(Failure::Panic("in mid-write".into()))),
    ] {
        let held = MidWrite::new();
        // As `resume` does when the reactor refuses the descriptor.
        held.stream.give_up(os(IO));
        assert!(held.stream.is_busy() && held.stream.failure().is_none());
        assert!(is_status(&held.stream, Status::Open));
        assert_eq!(held.bell.count(), 0);
        let (_, stream, script, bell) = held.end(answer);
        assert_eq!((stream.failure(), bell.count()), (failure.clone(), usize::from(failure.is_some())));
        assert!(is_status(&stream, status));
        let end = step_to_the_end(&stream);
        assert_eq!(end, if failure.is_some() { Step::Rest } else { Step::Empty });
        assert_eq!(script.taken(), if failure.is_some() { &b""[..] } else { b"abcdef" });
    }
}

#[test]
fn a_stream_that_nobody_writes_is_given_up_at_once_and_only_once() {
    let (bell, script) = (Bell::default(), Script::default());
    let (seen, look) = (Arc::new(AtomicBool::new(false)), script.clone());
    let looked = Arc::clone(&seen);
    let stream = Stream::new(bell.listener_that(move || looked.store(look.is_dropped(), SeqCst)));
    stream.give(script.target());
    let chunk = Chunk::new(b"abc");
    let gone = chunk.gone();
    stream.append(chunk.into());
    for failure in [os(NOSPC), os(IO)] {
        stream.give_up(failure);
        assert_eq!((stream.failure(), bell.count()), (Some(os(NOSPC)), 1));
    }
    assert!(seen.load(SeqCst), "the target is let go before JS is told");
    assert!(gone.load(SeqCst) && is_status(&stream, Status::Failed) && !stream.is_busy());
    assert_eq!((drain::step(&stream), script.writes()), (Step::Rest, 0));
}

#[test]
fn a_stream_that_is_given_up_before_it_opened_opens_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let (bell, script) = (Bell::default(), Script::default());
    let stream = opening(request(&path), bell.listener());
    stream.give_up(os(IO));
    assert_eq!((drain::step(&stream), stream.failure()), (Step::Rest, Some(os(IO))));
    stream.give(script.target());
    assert!(is_status(&stream, Status::Failed) && script.is_dropped());
    assert_eq!((path.exists(), descriptor(&stream), bell.count()), (false, -1, 1));
}

#[test]
fn a_stream_is_not_given_up_that_waits_for_its_target_or_is_cut() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::new(bell.listener());
    stream.give_up(os(IO));
    assert_eq!(stream.failure(), None);
    Feeder::new(&stream).append(b"abc");
    stream.give(script.target());
    assert_eq!((step_to_the_end(&stream), script.taken()), (Step::Empty, b"abc".to_vec()));
    assert!(!stream.cut());
    stream.give_up(os(IO));
    assert_eq!((stream.failure(), bell.count()), (None, 0));
    assert!(is_status(&stream, Status::Open));
}

// ---- a FIFO that nobody reads

/// A stream into a FIFO without a reader, and the FIFO's path.
fn unread(folder: &Path, bell: &Bell) -> (Arc<Stream>, PathBuf) {
    let path = folder.join("fifo");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO can be made");
    let stream = opening(request(&path), bell.listener());
    Feeder::new(&stream).append(b"abc");
    (stream, path)
}

fn pause_of(step: Step) -> Duration {
    match step {
        Step::Stalled(pause) => pause,
        other => panic!("it is to be tried again, not {other:?}"),
    }
}

#[test]
fn a_fifo_is_tried_again_at_longer_and_longer_times_until_it_is_read() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let (stream, path) = unread(folder.path(), &bell);
    let pauses: Vec<_> = (0..12).map(|_| pause_of(drain::step(&stream))).collect();
    assert!(pauses.is_sorted() && pauses[0] < pauses[1], "{pauses:?}");
    assert_eq!(pauses[10], pauses[11], "there is a longest");
    assert_eq!(
        (bell.count(), stream.level().stalls()),
        (0, 0),
        "JS waits for the descriptor, and is told of nothing else"
    );
    let reader = fs::OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(&path)
        .expect("it opens");
    assert_eq!(drain::step(&stream), Step::Went(0));
    assert_eq!(bell.count(), 1);
    assert_eq!(drain::step(&stream), Step::Went(3));
    let mut bytes = [0; 3];
    (&reader).read_exact(&mut bytes).expect("they are written");
    assert_eq!(&bytes, b"abc");
}

#[test]
fn a_cut_ends_the_wait_for_a_reader_and_js_is_told() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let (stream, _) = unread(folder.path(), &bell);
    pause_of(drain::step(&stream));
    assert!(!stream.cut());
    assert_eq!(bell.count(), 1);
    assert_eq!(drain::step(&stream), Step::Rest);
}

#[test]
fn a_cut_before_the_first_try_is_told_by_who_finds_no_reader() {
    let (folder, bell) = (tempfile::tempdir().expect("a folder for the test"), Bell::default());
    let (stream, _) = unread(folder.path(), &bell);
    assert!(!stream.cut());
    assert_eq!((bell.count(), drain::step(&stream)), (0, Step::Rest));
    assert_eq!(bell.count(), 1);
}

#[test]
fn a_flush_gives_up_on_a_fifo_that_stays_unread() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (stream, _) = unread(folder.path(), &Bell::default());
    let error = drain::flush(&stream, Duration::from_millis(20)).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}
