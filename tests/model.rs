//! Random programs against a plain model of a stream: one thread, every answer
//! that a kernel can give.
#![cfg(not(feature = "loom"))]

mod common;

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm, TestCaseResult},
};
use spillway::{
    drain::{self, End, Step},
    error::Failure,
    level::Status,
    stream::Stream,
};

use common::{Answer, Bell, Feeder, Script, is_status, offset, stretch};

/// What JS or the drainer does next.
#[derive(Clone, Debug)]
enum Op {
    /// JS fills the live slab with so many bytes, or a new slab, of at least
    /// this size, if they do not fit.
    Fill(usize, usize),
    /// JS goes on in a new slab, whatever is left of the last.
    Attach(usize),
    /// JS appends a chunk of so many bytes.
    Append(usize),
    /// JS waits for the offset that is so far ahead of what is written.
    Wait(usize),
    /// The drainer takes a step.
    Step,
    /// A job drains the stream.
    Job,
    /// The end of the thread does.
    Flush,
    /// Somebody else says that nothing more can be written.
    GiveUp,
    /// JS drops the rest.
    Cut,
}

/// What the target answers to a write, as [`Answer`] but for what can be printed.
#[derive(Clone, Copy, Debug)]
enum Reply {
    /// Takes so many bytes at most.
    Take(usize),
    Interrupted,
    WouldBlock,
    Errno(i32),
    Nothing,
    Panic,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Take(most) => Self::Take(most),
            Reply::Interrupted => Self::Interrupted,
            Reply::WouldBlock => Self::WouldBlock,
            Reply::Errno(errno) => Self::Errno(errno),
            Reply::Nothing => Self::Nothing,
            Reply::Panic => Self::Panic("as the program has it"),
        }
    }
}

/// The size of a chunk.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0_usize), 8 => 1_usize..20, 1 => 20_usize..2_000]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        40 => (size(), 1_usize..64).prop_map(|(count, room)| Op::Fill(count, room)),
        5 => (0_usize..64).prop_map(Op::Attach),
        20 => size().prop_map(Op::Append),
        10 => (0_usize..50).prop_map(Op::Wait),
        60 => Just(Op::Step),
        10 => Just(Op::Job),
        5 => Just(Op::Flush),
        1 => Just(Op::GiveUp),
        1 => Just(Op::Cut),
    ]
}

/// A reply of a target that lives on.
fn good() -> impl Strategy<Value = Reply> {
    prop_oneof![
        6 => (1_usize..40).prop_map(Reply::Take),
        2 => Just(Reply::Take(usize::MAX)),
        2 => Just(Reply::Interrupted),
        2 => Just(Reply::WouldBlock),
    ]
}

fn last() -> impl Strategy<Value = Reply> {
    prop_oneof![
        3 => (1_i32..130).prop_filter("told by other means", |errno| !matches!(errno, 4 | 11)).prop_map(Reply::Errno),
        1 => Just(Reply::Nothing),
        1 => Just(Reply::Panic),
    ]
}

/// What the target answers, in order; behind that it takes everything.
fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let ends = prop_oneof![3 => Just(None), 2 => last().prop_map(Some)];
    (prop::collection::vec(good(), 0..40), ends).prop_map(|(mut replies, end)| {
        replies.extend(end);
        replies
    })
}

/// The errno with which a scripted target refuses its readiness.
const NO_DESCRIPTOR: i32 = 24;

/// An errno that no target answers.
const GIVEN_UP: i32 = 200;

/// What a stream is, without anything that makes it fast.
#[derive(Default)]
struct Model {
    accepted: Vec<u8>,
    written: usize,
    is_cut: bool,
    failure: Option<Failure>,
    /// Nobody drains.
    is_asleep: bool,
    /// What JS waits for.
    wanted: Option<usize>,
    wakes: usize,
    replies: VecDeque<Reply>,
}

impl Model {
    /// True if the drainer slept.
    fn put(&mut self, bytes: &[u8]) -> bool {
        // What comes too late is not accepted.
        if !self.is_over() {
            self.accepted.extend_from_slice(bytes);
        }
        mem::take(&mut self.is_asleep)
    }

    fn is_over(&self) -> bool {
        self.is_cut || self.failure.is_some()
    }

    fn cut(&mut self) {
        self.is_cut = true;
        self.accepted.truncate(self.written);
    }

    /// True if JS is to tell itself.
    fn wait(&mut self, wanted: usize) -> bool {
        self.wanted = (wanted > self.written).then_some(wanted);
        self.wanted.is_none()
    }

    /// Steps until there is nothing to do.
    fn job(&mut self) {
        loop {
            match self.step() {
                Step::Went(_) => {}
                // No scripted target can say when it has room.
                Step::Blocked => _ = self.fail(Failure::Os(NO_DESCRIPTOR)),
                Step::Empty => return self.is_asleep = true,
                Step::Stalled(_) => unreachable!("nothing is waited out"),
                Step::Rest => return,
            }
        }
    }

    /// True if everything is written that ever will be.
    fn flush(&mut self) -> bool {
        loop {
            match self.step() {
                Step::Went(_) => {}
                // As above, but there is no job that would end the stream.
                Step::Blocked => return false,
                Step::Stalled(_) => unreachable!("nothing is waited out"),
                Step::Empty => {
                    self.is_asleep = true;
                    return true;
                }
                Step::Rest => return self.failure.is_none(),
            }
        }
    }

    fn give_up(&mut self) {
        if !self.is_over() {
            self.fail(Failure::Os(GIVEN_UP));
        }
    }

    fn step(&mut self) -> Step {
        if self.is_over() {
            return Step::Rest;
        }
        let left = self.accepted.len() - self.written;
        if left == 0 {
            return Step::Empty;
        }
        match self.replies.pop_front().unwrap_or(Reply::Take(usize::MAX)) {
            Reply::Take(most) => {
                let count = most.min(left);
                self.written += count;
                if self.wanted.is_some_and(|wanted| wanted <= self.written) {
                    self.wanted = None;
                    self.wakes += 1;
                }
                Step::Went(count)
            }
            Reply::Interrupted => Step::Went(0),
            Reply::WouldBlock => Step::Blocked,
            Reply::Errno(errno) => self.fail(Failure::Os(errno)),
            Reply::Nothing => self.fail(Failure::Os(5)),
            Reply::Panic => self.fail(Failure::Panic("as the program has it".into())),
        }
    }

    fn fail(&mut self, failure: Failure) -> Step {
        self.failure = Some(failure);
        self.wakes += 1;
        Step::Rest
    }
}

/// The stream and its model, which are to agree.
struct Pair {
    stream: Arc<Stream>,
    script: Script,
    bell: Bell,
    feeder: Feeder,
    model: Model,
    /// Bytes put so far, accepted or not.
    put: usize,
}

impl Pair {
    fn new(replies: Vec<Reply>) -> Self {
        let (stream, script, bell, feeder) = common::scripted(replies.iter().copied().map(Answer::from));
        let model = Model { replies: replies.into(), ..Model::default() };
        Self { stream, script, bell, feeder, model, put: 0 }
    }

    /// Bytes of which each stretch can be told from any other.
    fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        let start = self.put;
        self.put += count;
        stretch(start..self.put)
    }

    fn apply(&mut self, op: &Op) -> TestCaseResult {
        match *op {
            Op::Fill(count, room) => {
                let bytes = self.next_bytes(count);
                if count > self.feeder.room() {
                    self.feeder.next_slab(room.max(count));
                }
                if self.feeder.room() > 0 {
                    prop_assert_eq!(self.feeder.fill(&bytes), self.model.put(&bytes));
                }
            }
            Op::Attach(size) => self.feeder.next_slab(size),
            Op::Append(count) => {
                let bytes = self.next_bytes(count);
                prop_assert_eq!(self.feeder.append(&bytes), self.model.put(&bytes));
            }
            Op::Wait(ahead) => {
                let wanted = self.model.written + ahead;
                prop_assert_eq!(self.stream.level().wait(offset(wanted)), self.model.wait(wanted));
            }
            Op::Step => prop_assert_eq!(drain::step(&self.stream), self.model.step()),
            Op::Job => {
                // Others wait for the thread, so that it does not nap.
                prop_assert!(matches!(drain::run(&self.stream, || true), End::Asleep));
                self.model.job();
            }
            Op::Flush => {
                let flushed = drain::flush(&self.stream, Duration::ZERO);
                prop_assert_eq!(flushed.is_ok(), self.model.flush());
            }
            Op::GiveUp => {
                self.stream.give_up(Failure::Os(GIVEN_UP));
                self.model.give_up();
            }
            Op::Cut => {
                prop_assert!(!self.stream.cut(), "nobody else writes");
                self.model.cut();
            }
        }
        self.agrees()
    }

    fn agrees(&self) -> TestCaseResult {
        let Model { accepted, written, is_cut, failure, is_asleep, wanted, wakes, .. } = &self.model;
        prop_assert!(self.script.has_taken(&accepted[..*written]), "a prefix of what was accepted");
        prop_assert_eq!(self.stream.level().written(), offset(*written));
        prop_assert_eq!(self.stream.written(), *written as u64);
        prop_assert_eq!(common::is_asleep(&self.stream), *is_asleep);
        prop_assert_eq!(&self.stream.failure(), failure);
        let status = if failure.is_some() { Status::Failed } else { Status::Open };
        prop_assert!(is_status(&self.stream, status));
        prop_assert_eq!(self.script.is_dropped(), *is_cut || failure.is_some());
        prop_assert_eq!(self.stream.level().is_urgent(), wanted.is_some());
        prop_assert_eq!(self.bell.count(), *wakes);
        Ok(())
    }

    /// Steps to the end; then all is written that ever will be.
    fn finish(mut self) -> TestCaseResult {
        loop {
            let step = drain::step(&self.stream);
            prop_assert_eq!(&step, &self.model.step());
            self.agrees()?;
            match step {
                Step::Went(_) | Step::Blocked | Step::Stalled(_) => {}
                Step::Empty => {
                    prop_assert_eq!(self.script.count_taken(), self.model.accepted.len());
                    break;
                }
                Step::Rest => {
                    prop_assert!(self.model.is_over());
                    break;
                }
            }
        }
        prop_assert!(!self.stream.cut());
        prop_assert!(self.script.is_dropped());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        // For a test in `tests` the default place is found by a guess that fails.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/model.txt"))),
        // ChaCha, not optimised, would take most of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_does_what_a_vector_of_bytes_would(
        ops in prop::collection::vec(op(), 0..120),
        replies in replies(),
    ) {
        let mut pair = Pair::new(replies);
        for op in &ops {
            pair.apply(op)?;
        }
        pair.finish()?;
    }
}
