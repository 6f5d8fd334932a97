//! A plain model of a stream, and the real one beside it: one thread, every
//! answer that a kernel can give. `tests/model.rs` and `fuzz/` draw programs for it.

use std::{
    collections::VecDeque,
    io::{self, Seek, Write},
    mem,
    sync::Arc,
    time::Duration,
};

use spillway::{
    control_block::Status,
    error::Failure,
    os,
    queue::Source,
    stream::{Retry, Stream},
    writer::{self, End, Step},
};

use super::{
    Answer, Bell, Feeder, NO_DESCRIPTOR, PATIENCE, Script, is_asleep, is_status, offset, scripted, stretch,
};

/// What JavaScript or the job does next.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// JavaScript fills the live slab with so many bytes, or a new slab, of at least
    /// this size, if they do not fit.
    Fill(usize, usize),
    /// JavaScript goes on in a new slab, whatever is left of the last.
    Attach(usize),
    /// JavaScript lets go of its slab.
    Detach,
    /// JavaScript appends a chunk of so many bytes.
    Append(usize),
    /// It appends so many bytes of another descriptor.
    Source(usize),
    /// JavaScript waits for the offset that is so far ahead of what is written.
    Wait(usize),
    /// The job takes a step.
    Step,
    /// The job runs until it ends.
    Job,
    /// Somebody else says that nothing more can be written.
    GiveUp,
    /// JavaScript has put everything.
    Finish,
    /// It drops what lies behind the offset that is so far ahead of what is written.
    Cancel(usize),
}

/// Who comes while a write is in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Other {
    /// Somebody who would write.
    Step,
    Finish,
    Cancel(usize),
}

/// What the target answers to a write, as [`Answer`] but for what can be printed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Takes so many bytes at most.
    Take(usize),
    /// The same, but another comes meanwhile.
    Meets(Other, usize),
    Interrupted,
    WouldBlock,
    /// Refuses with what is waited out, if anything is.
    Stall,
    Errno(i32),
    Nothing,
    Panic,
}

/// What the system says of a full disk, which is waited out.
pub(crate) const WAITED_OUT: i32 = if cfg!(windows) { 112 } else { 28 };

/// What JavaScript is told of what the system says.
pub(crate) fn told(code: i32) -> i32 {
    os::errno(&io::Error::from_raw_os_error(code)).expect("it has one")
}

/// What is waited out has a limit far off, or none that lets it be waited out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Far,
    Passed,
}

/// So long is a pause; nobody takes one here.
const PAUSE: Duration = Duration::from_millis(1);

fn retry(limit: Limit) -> Retry {
    let limit = if limit == Limit::Far { 100 * PATIENCE } else { Duration::ZERO };
    Retry { errnos: vec![told(WAITED_OUT)], interval: PAUSE, limit }
}

const PANIC: &str = "as the program has it";

/// An errno that no target answers.
const GIVEN_UP: i32 = 200;

/// What a stream is, without anything that makes it fast.
#[expect(clippy::struct_excessive_bools, reason = "a model says each thing by itself")]
struct Model {
    accepted: Vec<u8>,
    /// Where the bytes of other descriptors begin that were not read yet.
    sources: VecDeque<usize>,
    written: usize,
    /// Nothing more is accepted.
    is_closed: bool,
    is_cancelled: bool,
    /// All is written that ever will be, and nothing is held.
    has_ended: bool,
    failure: Option<Failure>,
    /// There is no job.
    is_asleep: bool,
    /// The target took nothing when it was asked last.
    is_blocked: bool,
    /// What JavaScript waits for.
    wanted: Option<usize>,
    wakes: usize,
    calls: u64,
    /// Stalls begun and ended.
    stalls: u32,
    stalled_by: Option<i32>,
    limit: Limit,
    replies: VecDeque<Reply>,
}

impl Model {
    fn new(limit: Limit, replies: Vec<Reply>) -> Self {
        Self {
            accepted: Vec::new(),
            sources: VecDeque::new(),
            written: 0,
            is_closed: false,
            is_cancelled: false,
            has_ended: false,
            failure: None,
            is_asleep: false,
            is_blocked: false,
            wanted: None,
            wakes: 0,
            calls: 0,
            stalls: 0,
            stalled_by: None,
            limit,
            replies: replies.into(),
        }
    }

    /// True if there was no job.
    fn put(&mut self, bytes: &[u8]) -> bool {
        // What comes too late is not accepted.
        if !self.is_closed {
            self.accepted.extend_from_slice(bytes);
        }
        mem::take(&mut self.is_asleep)
    }

    /// As [`put`](Self::put), but the bytes are to be read.
    fn put_source(&mut self, bytes: &[u8]) -> bool {
        if !self.is_closed && !bytes.is_empty() {
            self.sources.push_back(self.accepted.len());
        }
        self.put(bytes)
    }

    fn is_over(&self) -> bool {
        self.has_ended || self.failure.is_some()
    }

    /// Whether that was the last of it. Then nothing is held any more.
    fn end_if_done(&mut self) -> bool {
        self.has_ended |= !self.is_over() && self.is_closed && self.written == self.accepted.len();
        self.has_ended
    }

    fn finish(&mut self) {
        self.is_closed = true;
        self.end_if_done();
    }

    fn cancel(&mut self, end: usize) {
        self.is_closed = true;
        self.is_cancelled = true;
        self.truncate(if self.is_blocked { 0 } else { end });
        self.end_if_done();
    }

    /// Drops what is not written, behind `end`.
    fn truncate(&mut self, end: usize) {
        self.accepted.truncate(end.max(self.written));
        let end = self.accepted.len();
        self.sources.retain(|start| *start < end);
    }

    /// True if JavaScript is to tell itself.
    fn wait(&mut self, wanted: usize) -> bool {
        self.wanted = (wanted > self.written).then_some(wanted);
        self.wanted.is_none()
    }

    /// Steps until there is nothing to do. True if it is to be done again after a pause.
    fn job(&mut self) -> bool {
        loop {
            match self.step() {
                // No scripted target can say when it has room.
                Step::Blocked if !self.is_over() => _ = self.fail(Failure::Os(told(NO_DESCRIPTOR))),
                Step::Went(_) | Step::Blocked => {}
                Step::Stalled(_) => return true,
                Step::Empty => {
                    self.is_asleep = true;
                    return false;
                }
                Step::Rest => return false,
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
        if self.written == self.accepted.len() {
            return Step::Empty;
        }
        self.calls += 1;
        self.is_blocked = false;
        if self.sources.front() == Some(&self.written) {
            self.sources.pop_front();
            return Step::Went(0);
        }
        match self.replies.pop_front().unwrap_or(Reply::Take(usize::MAX)) {
            Reply::Take(most) => self.take(most.min(self.batch())),
            Reply::Meets(other, most) => self.meet(other, most),
            Reply::Interrupted => self.go_on(Step::Went(0), false),
            Reply::WouldBlock => {
                self.block();
                self.go_on(Step::Blocked, false)
            }
            Reply::Stall => self.stall(),
            Reply::Errno(errno) => self.fail(Failure::Os(told(errno))),
            Reply::Nothing => self.fail(Failure::Os(os::EIO)),
            Reply::Panic => self.fail(Failure::Unanswered),
        }
    }

    /// The size of what is offered at once: all up to what is to be read first.
    fn batch(&self) -> usize {
        self.sources.front().unwrap_or(&self.accepted.len()) - self.written
    }

    /// JavaScript is woken if it waits for that, or it was the last.
    fn go_on(&mut self, step: Step, is_awaited: bool) -> Step {
        let is_last = self.end_if_done();
        self.wakes += usize::from(is_awaited || is_last);
        step
    }

    fn take(&mut self, count: usize) -> Step {
        self.written += count;
        let is_told = self.wanted.is_some_and(|wanted| wanted <= self.written);
        if is_told {
            self.wanted = None;
        }
        let resumes = self.is_stalled();
        self.stalls += u32::from(resumes);
        self.go_on(Step::Went(count as u64), is_told || resumes)
    }

    fn meet(&mut self, other: Other, most: usize) -> Step {
        let count = most.min(self.batch());
        match other {
            Other::Step => {}
            Other::Finish => self.is_closed = true,
            Other::Cancel(ahead) => {
                self.is_closed = true;
                self.is_cancelled = true;
                // What is under way can't be dropped.
                self.truncate(self.written + ahead.max(count));
            }
        }
        self.take(count)
    }

    fn is_stalled(&self) -> bool {
        self.stalls % 2 == 1
    }

    /// Nobody waits for the target once the stream is cancelled.
    fn block(&mut self) {
        self.is_blocked = true;
        if self.is_cancelled {
            self.truncate(0);
        }
    }

    fn stall(&mut self) -> Step {
        let errno = told(WAITED_OUT);
        if self.limit == Limit::Passed {
            return self.fail(Failure::Os(errno));
        }
        let begins = !self.is_stalled();
        self.stalls += u32::from(begins);
        self.stalled_by = Some(errno);
        self.block();
        self.go_on(Step::Stalled(PAUSE), begins)
    }

    fn fail(&mut self, failure: Failure) -> Step {
        self.is_closed = true;
        self.failure = Some(failure);
        self.wakes += 1;
        Step::Rest
    }
}

/// The answer of the scripted target of `stream` that stands for `reply`.
fn answer(stream: &Arc<Stream>, reply: Reply) -> Answer {
    match reply {
        Reply::Take(most) => Answer::Take(most),
        Reply::Meets(other, most) => {
            let stream = Arc::downgrade(stream);
            Answer::Call(Box::new(move || {
                come(other, &stream.upgrade().expect("it is written to"));
                Answer::Take(most)
            }))
        }
        Reply::Interrupted => Answer::Interrupted,
        Reply::WouldBlock => Answer::WouldBlock,
        Reply::Stall => Answer::Errno(WAITED_OUT),
        Reply::Errno(errno) => Answer::Errno(errno),
        Reply::Nothing => Answer::Nothing,
        Reply::Panic => Answer::Panic(PANIC),
    }
}

/// Another comes while a write is in flight.
fn come(other: Other, stream: &Stream) {
    match other {
        Other::Step => assert_eq!(writer::step(stream), Step::Rest, "the target is leased"),
        Other::Finish => stream.finish(),
        Other::Cancel(ahead) => stream.cancel(stream.settled() + ahead as u64),
    }
    assert!(!stream.is_over(), "a write is under way");
}

/// `bytes` in another descriptor.
fn source(bytes: &[u8]) -> Source {
    let mut file = tempfile::tempfile().expect("a file for the test");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("it can be written");
    Source { file: Arc::new(file), left: bytes.len() as u64 }
}

/// The stream and its model, which are to agree.
pub(crate) struct Pair {
    stream: Arc<Stream>,
    script: Script,
    bell: Bell,
    feeder: Feeder,
    model: Model,
    /// Bytes put so far, accepted or not.
    put: usize,
}

impl Pair {
    /// A stream whose target answers by `replies`; behind them it takes everything.
    pub(crate) fn new(limit: Limit, replies: Vec<Reply>) -> Self {
        let (stream, script, bell, feeder) = scripted([]);
        stream.wait_out(retry(limit));
        for reply in &replies {
            script.then(answer(&stream, *reply));
        }
        Self { stream, script, bell, feeder, model: Model::new(limit, replies), put: 0 }
    }

    /// Bytes of which each stretch can be told from any other.
    fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        let start = self.put;
        self.put += count;
        stretch(start..self.put)
    }

    /// Does `op` to both.
    ///
    /// # Panics
    /// If they do not agree.
    pub(crate) fn apply(&mut self, op: &Op) {
        match *op {
            Op::Fill(count, room) => {
                let bytes = self.next_bytes(count);
                if count > self.feeder.room() {
                    self.feeder.next_slab(room.max(count));
                }
                if self.feeder.room() > 0 {
                    assert_eq!(self.feeder.fill(&bytes), self.model.put(&bytes));
                }
            }
            Op::Attach(size) => self.feeder.next_slab(size),
            Op::Detach => self.feeder.detach(),
            Op::Append(count) => {
                let bytes = self.next_bytes(count);
                assert_eq!(self.feeder.append(&bytes), self.model.put(&bytes));
            }
            Op::Source(count) => {
                let bytes = self.next_bytes(count);
                self.stream.append_source(source(&bytes));
                // Nothing more is put, but said.
                assert_eq!(self.feeder.append(b""), self.model.put_source(&bytes));
            }
            Op::Wait(ahead) => {
                let wanted = self.model.written + ahead;
                assert_eq!(self.stream.control().wake_at(offset(wanted)), self.model.wait(wanted));
            }
            Op::Step => assert_eq!(writer::step(&self.stream), self.model.step()),
            Op::Job => self.job(),
            Op::GiveUp => {
                self.stream.give_up(Failure::Os(GIVEN_UP));
                self.model.give_up();
            }
            Op::Finish => {
                self.stream.finish();
                self.model.finish();
            }
            Op::Cancel(ahead) => {
                let end = self.model.written + ahead;
                self.stream.cancel(end as u64);
                self.model.cancel(end);
            }
        }
        self.agrees();
    }

    fn job(&mut self) {
        // Others wait for the thread, so that it does not linger.
        let end = writer::run(&self.stream, || true);
        let is_stalled = self.model.job();
        assert_eq!(is_stalled, matches!(end, End::Stalled(PAUSE)));
        assert_eq!(!is_stalled, matches!(end, End::Asleep));
    }

    fn agrees(&self) {
        let Model { accepted, written, failure, .. } = &self.model;
        assert!(self.script.has_taken(&accepted[..*written]), "a prefix of what was accepted");
        let (control, count) = (self.stream.control(), offset(*written));
        assert_eq!((control.taken(), control.settled()), (count, count));
        assert_eq!(self.stream.settled(), *written as u64);
        assert_eq!(is_asleep(&self.stream), self.model.is_asleep);
        assert_eq!(&self.stream.failure(), failure);
        let status = if failure.is_some() { Status::Failed } else { Status::Open };
        assert!(is_status(&self.stream, status));
        assert_eq!(self.script.is_dropped(), self.model.is_over());
        assert_eq!(self.stream.is_over(), self.model.is_over());
        assert_eq!(control.is_eager(), self.model.wanted.is_some());
        assert_eq!(self.bell.count(), self.model.wakes);
        assert_eq!(self.stream.calls(), self.model.calls);
        assert_eq!(control.stalls(), self.model.stalls);
        assert_eq!(self.stream.stalled_by(), self.model.stalled_by);
    }

    /// Steps to the end; then all is written that ever will be, and nothing is held.
    ///
    /// # Panics
    /// If the two do not agree.
    pub(crate) fn finish(mut self) {
        loop {
            let step = writer::step(&self.stream);
            assert_eq!(step, self.model.step());
            self.agrees();
            match step {
                Step::Went(_) | Step::Blocked | Step::Stalled(_) => {}
                Step::Empty => {
                    assert_eq!(self.script.count_taken(), self.model.accepted.len());
                    break;
                }
                Step::Rest => {
                    assert!(self.model.is_over());
                    break;
                }
            }
        }
        self.stream.cancel(0);
        assert!(self.script.is_dropped() && self.stream.is_over());
    }
}
