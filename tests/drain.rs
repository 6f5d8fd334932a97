//! The drain loop, stepped by hand into a target that answers by a script.
#![cfg(not(feature = "loom"))]

mod common;

use std::{
    cell::{Cell, RefCell},
    fs::{self, File as StdFile},
    io::{self, ErrorKind, IoSlice, Read},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::channel,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use rustix::{
    event::Timespec,
    fs::OFlags,
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal},
};
use signal_hook::consts::SIGUSR1;
use spillway::{
    drain::{self, End, Step},
    error::Failure,
    level::Status,
    slab::Slab,
    stream::Stream,
    target::{File, Target, is_writable},
};

use common::{
    Answer::{self, Call, Errno as Refuse, Interrupted, Nothing, Panic, Take, Unnamed, WouldBlock},
    Bell, Feeder, Held, PATIENCE, Script, count_descriptors, is_status, offset, pattern, request, scripted,
    step_to_the_end, word,
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
    let stream = Stream::waiting(bell.listener_that(move || look.store(gone.load(SeqCst), SeqCst)));
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
    let stream = Stream::waiting(bell.listener_that(move || {
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
    let (slab, chunk) = (Slab::new(8), Chunk::new(b"gh"));
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
    let stream = Stream::waiting(bell.listener_that(move || looked.store(look.is_dropped(), SeqCst)));
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
    let stream = Stream::waiting(bell.listener());
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
    fs::read_link(format!("/proc/self/fd/{}", word(stream, "descriptor")))
}

#[test]
fn the_first_step_opens_the_file_and_publishes_its_descriptor() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().canonicalize().expect("it is there").join("file");
    let bell = Bell::default();
    let stream = Stream::open(request(&path), bell.listener());
    let mut feeder = Feeder::new(&stream);
    feeder.append(b"early");
    assert!(is_status(&stream, Status::Opening) && !path.exists());
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
    let stream = Stream::open(request(&path), Bell::default().listener());
    assert_eq!(drain::step(&stream), Step::Went(0));
    assert!(!stream.cut());
    assert_eq!(descriptor_file(&stream).expect("still open"), path);
    assert_eq!(count_descriptors(&path), 1);
}

#[test]
fn a_descriptor_that_was_opened_here_is_closed_once_if_at_all() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().canonicalize().expect("it is there").join("file");
    let stream = Stream::open(request(&path), Bell::default().listener());
    stream.close();
    assert_eq!(drain::step(&stream), Step::Went(0), "there was nothing to close");
    assert!(!stream.cut());
    assert_eq!(count_descriptors(&path), 1);
    stream.close();
    assert_eq!(count_descriptors(&path), 0);
    // The number may belong to somebody else by now.
    let (reader, _writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe can be made");
    stream.close();
    drop(stream);
    rustix::fs::fcntl_getfl(&reader).expect("it is open");
}

#[test]
fn a_descriptor_that_js_brought_is_not_closed_as_one_that_was_opened_here() {
    let (stream, reader, _, mut feeder) = piped(PipeFlags::CLOEXEC);
    stream.close();
    feeder.append(b"abc");
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!(read_all(&reader), b"abc");
}

#[test]
fn a_file_that_can_not_be_opened_leaves_the_stream_to_whom_js_brings() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("missing").join("file");
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::open(request(&path), bell.listener());
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
}

#[test]
fn a_stream_that_waits_for_its_target_keeps_what_it_is_given() {
    let (bell, script) = (Bell::default(), Script::default());
    let stream = Stream::waiting(bell.listener());
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
    let stream = Stream::open(request(&path), bell.listener());
    Feeder::new(&stream).append(b"abc");
    assert!(!stream.cut());
    assert_eq!(drain::step(&stream), Step::Went(0));
    assert_eq!((drain::step(&stream), bell.count()), (Step::Rest, 1));
    assert_eq!(fs::read(&path).expect("it is there"), b"");
}

// ---- the drain job

/// Whether the drainer sleeps as JS sees it: it says that it must be roused.
fn sleeps(stream: &Stream, feeder: &mut Feeder) -> bool {
    feeder.next_slab(1);
    feeder.fill(b"!") && stream.rouse() && !stream.rouse()
}

#[test]
fn a_job_ends_asleep_when_all_is_written() {
    let (stream, script, _, mut feeder) = scripted([Take(1), Interrupted, Take(2)]);
    feeder.next_slab(8);
    assert!(!feeder.fill(b"abc"), "a stream that was just made is to be scheduled");
    feeder.append(&pattern(100_000));
    assert!(matches!(drain::run(&stream, || false), End::Asleep));
    assert_eq!(script.count_taken(), 100_003);
    assert!(sleeps(&stream, &mut feeder));
    assert!(matches!(drain::run(&stream, || true), End::Asleep));
    assert_eq!(script.count_taken(), 100_004);
    assert!(sleeps(&stream, &mut feeder));
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

/// A stream into a new pipe, and the reader's end, from which reads never wait.
fn piped(flags: PipeFlags) -> (Arc<Stream>, StdFile, Bell, Feeder) {
    let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).expect("it is open");
    let bell = Bell::default();
    let stream = Stream::waiting(bell.listener());
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

fn has_room(fd: impl AsFd) -> bool {
    is_writable(fd, Some(&Timespec::default())).expect("poll works")
}

#[test]
fn a_job_that_fills_a_pipe_ends_and_names_what_to_wait_for() {
    // Blocking or not: the writer's thread is never held.
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let (stream, reader, bell, mut feeder) = piped(flags);
        let bytes = pattern(200_000);
        feeder.append(&bytes);
        let mut read = Vec::new();
        while let End::Blocked(fd) = drain::run(&stream, || true) {
            assert!(!has_room(&fd));
            assert!(!stream.is_busy());
            assert_eq!(stream.level().written() as usize, read.len() + (64 << 10));
            feeder.next_slab(1);
            assert!(!feeder.fill(b"!"), "who waits for room comes back by itself");
            read.extend(read_all(&reader));
            assert!(has_room(&fd));
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
    assert!(sleeps(&stream, &mut feeder), "no job runs: JS says when there is more");
}

#[test]
fn a_flush_opens_the_file_that_no_job_has_opened_yet() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("file");
    let stream = Stream::open(request(&path), Bell::default().listener());
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
fn a_flush_of_a_stream_that_was_cut_has_nothing_to_do() {
    let (stream, script, _, mut feeder) = scripted([]);
    feeder.append(b"abc");
    assert!(!stream.cut());
    drain::flush(&stream, PATIENCE).expect("nothing is left");
    assert_eq!(script.writes(), 0);
}

/// Takes one byte at a time, at once: most of a step is the turn itself.
struct Sip;

impl Target for Sip {
    fn write(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(1)
    }

    fn readiness(&self) -> io::Result<OwnedFd> {
        unreachable!("it always has room")
    }
}

#[test]
fn a_flush_that_meets_the_end_of_the_turn_of_another_does_not_take_all_for_written() {
    let stream = Stream::waiting(Bell::default().listener());
    stream.give(Box::new(Sip));
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
    let (stream, script) = (Stream::waiting(Bell::default().listener()), Script::default());
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

// ---- two at once

#[test]
fn a_stream_that_fails_during_a_write_stays_failed_when_that_has_ended() {
    let held = MidWrite::new();
    // As `resume` does when the reactor refuses the descriptor.
    held.stream.fail(os(IO));
    let (_, stream, script, bell) = held.end(Take(2));
    assert_eq!(stream.failure(), Some(os(IO)));
    assert!(is_status(&stream, Status::Failed));
    assert_eq!((stream.level().written(), script.count_taken(), bell.count()), (2, 2, 1));
}
