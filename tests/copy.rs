//! Bytes of other descriptors that the target copies itself.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, IoSlice, Read},
    sync::{Arc, Weak},
};

use bytes::Bytes;
use parking_lot::Mutex;
use spillway::{
    os::Readiness,
    stream::Stream,
    target::Target,
    writer::{self, End, Step},
};

use common::{
    Answer::{self, Interrupted, Panic, Take, WouldBlock},
    Bell, Script, panic_quietly, step_to_the_end,
};
use linux::{IO, NOSPC, os, refuse, source, source_of};

/// A target that copies by a script, and notes how much it was to copy at most.
struct Copier {
    target: Box<dyn Target>,
    answers: VecDeque<Answer>,
    asked: Arc<Mutex<Vec<u64>>>,
}

impl Target for Copier {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.target.write(bytes)
    }

    fn copy(&mut self, mut source: &File, most: u64) -> io::Result<u64> {
        self.asked.lock().push(most);
        let mut answer = self.answers.pop_front().unwrap_or(Take(usize::MAX));
        while let Answer::Call(call) = answer {
            answer = call();
        }
        match answer {
            Take(count) => {
                let mut bytes = vec![0; usize::try_from(most).expect("tests copy little").min(count)];
                let count = source.read(&mut bytes)?;
                if count == 0 {
                    return Ok(0);
                }
                Ok(self.target.write(&[IoSlice::new(&bytes[..count])])? as u64)
            }
            Interrupted => Err(io::ErrorKind::Interrupted.into()),
            WouldBlock => Err(io::ErrorKind::WouldBlock.into()),
            Answer::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
            Panic(message) => panic_quietly(message),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.target.readiness()
    }
}

/// A stream whose target copies, and how much it was to copy at most each time.
fn copying(answers: impl IntoIterator<Item = Answer>) -> (Arc<Stream>, Script, Bell, Arc<Mutex<Vec<u64>>>) {
    let (script, bell, asked) = (Script::default(), Bell::default(), Arc::default());
    let stream = Stream::new(bell.listener());
    let answers = answers.into_iter().collect();
    stream.give(Box::new(Copier { target: script.target(), answers, asked: Arc::clone(&asked) }));
    (stream, script, bell, asked)
}

#[test]
fn a_source_is_copied_in_its_place_and_goes_on_where_it_was() {
    let (stream, script, bell, asked) = copying([Take(2), Interrupted, WouldBlock, Take(1)]);
    stream.append(Bytes::from_static(b"("));
    stream.append_source(source_of(b"abcdef and more", 6));
    stream.append(Bytes::from_static(b")"));
    assert!(!stream.control().wake_at(4));
    for (step, told) in [
        (Step::Went(1), 0),
        (Step::Went(2), 0),
        (Step::Went(0), 0),
        (Step::Blocked, 0),
        (Step::Went(1), 1),
        (Step::Went(3), 1),
        (Step::Went(1), 1),
        (Step::Empty, 1),
    ] {
        assert_eq!(writer::step(&stream), step);
        assert_eq!((bell.count(), stream.settled()), (told, script.count_taken() as u64));
    }
    assert_eq!((script.taken(), asked.lock().clone()), (b"(abcdef)".to_vec(), vec![6, 4, 4, 4, 3]));
}

#[test]
fn a_target_that_copies_some_and_not_the_rest_is_given_that_to_write() {
    let (stream, script, _, asked) = copying([Take(2), Answer::Nothing]);
    stream.append_source(source(b"abcdef"));
    assert_eq!(step_to_the_end(&stream), Step::Empty);
    assert_eq!((script.taken(), asked.lock().len()), (b"abcdef".to_vec(), 2));
}

#[test]
fn a_copied_source_that_ends_early_fails_the_stream() {
    let (stream, script, bell, _) = copying([]);
    stream.append_source(source_of(b"abc", 4));
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((stream.failure(), bell.count()), (Some(os(IO)), 1));
    assert_eq!((script.taken(), script.is_dropped()), (b"abc".to_vec(), true));
}

#[test]
fn a_copy_that_fails_or_panics_ends_the_stream() {
    for answer in [refuse(NOSPC), Panic("in a copy")] {
        let (stream, script, bell, _) = copying([Take(1), answer]);
        stream.append_source(source(b"abc"));
        assert!(matches!(writer::run(&stream, || true), End::Asleep));
        assert!(stream.failure().is_some() && script.is_dropped());
        assert_eq!((script.taken(), bell.count()), (b"a".to_vec(), 1));
    }
}

#[test]
fn a_source_is_copied_up_to_the_offset_of_a_cancel() {
    let (stream, script, bell, asked) = copying([Take(1)]);
    stream.append_source(source(b"abcdef"));
    assert_eq!(writer::step(&stream), Step::Went(1));
    stream.cancel(4);
    assert_eq!(step_to_the_end(&stream), Step::Rest);
    assert_eq!((script.taken(), bell.count()), (b"abcd".to_vec(), 1));
    assert_eq!(*asked.lock(), [6, 3]);
}

/// What is copied by `answer` when the stream is cancelled at `offset` in the middle of a copy.
fn copied_in_a_cancel(offset: u64, answer: Answer) -> (Vec<u8>, usize) {
    let known: Arc<Mutex<Weak<Stream>>> = Arc::default();
    let called = Arc::clone(&known);
    let call = move || {
        called.lock().upgrade().expect("it copies").cancel(offset);
        answer
    };
    let (stream, script, bell, _) = copying([Answer::Call(Box::new(call))]);
    *known.lock() = Arc::downgrade(&stream);
    stream.append_source(source(b"abcdef"));
    while writer::step(&stream) != Step::Rest {}
    assert!(stream.is_over() && script.is_dropped());
    assert_eq!(stream.settled(), script.count_taken() as u64);
    (script.taken(), bell.count())
}

#[test]
fn a_cancel_in_a_copy_is_over_when_that_and_what_lies_before_its_offset_are_done() {
    assert_eq!(copied_in_a_cancel(0, Take(2)), (b"ab".to_vec(), 1));
    assert_eq!(copied_in_a_cancel(4, Take(2)), (b"abcd".to_vec(), 1));
    assert_eq!(copied_in_a_cancel(1, Take(2)), (b"ab".to_vec(), 1));
    assert_eq!(copied_in_a_cancel(4, WouldBlock), (Vec::new(), 1));
    assert_eq!(copied_in_a_cancel(4, Interrupted), (b"abcd".to_vec(), 1));
    // What is read then is cut to what is wanted.
    assert_eq!(copied_in_a_cancel(0, Answer::Nothing), (Vec::new(), 1));
    assert_eq!(copied_in_a_cancel(2, Answer::Nothing), (b"ab".to_vec(), 1));
}
