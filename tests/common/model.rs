//! A plain model of a stream, and the real one beside it: one thread, every
//! answer that a kernel can give. `tests/model.rs` and `fuzz/` draw programs for it.

use std::{collections::VecDeque, io, mem, sync::Arc, time::Duration};

use spillway::{
    drain::{self, End, Step},
    error::Failure,
    level::Status,
    os,
    stream::{Retry, Stream},
};

use super::{
    Answer, Bell, Feeder, NO_DESCRIPTOR, PATIENCE, Script, is_asleep, is_status, offset, scripted, stretch,
};

/// What JS or the drainer does next.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// JS fills the live slab with so many bytes, or a new slab, of at least
    /// this size, if they do not fit.
    Fill(usize, usize),
    /// JS goes on in a new slab, whatever is left of the last.
    Attach(usize),
    /// JS lets go of its slab.
    Detach,
    /// JS appends a chunk of so many bytes.
    Append(usize),
    /// JS waits for the offset that is so far ahead of what is written.
    Wait(usize),
    /// The drainer takes a step.
    Step,
    /// A job drains the stream.
    Job,
    /// JS does, without patience, up to the offset that is so far ahead of what is written.
    Flush(usize),
    /// Somebody else says that nothing more can be written.
    GiveUp,
    /// JS drops the rest.
    Cut,
}

/// Who comes while a write is in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Other {
    Job,
    Flush,
    Cut,
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

/// What JS is told of what the system says.
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
    calls: u64,
    /// Stalls begun and ended.
    stalls: u32,
    stalled_by: Option<i32>,
    /// A job ended since it came while another had the turn.
    turned_away: bool,
    limit: Limit,
    replies: VecDeque<Reply>,
}

impl Model {
    fn new(limit: Limit, replies: Vec<Reply>) -> Self {
        Self {
            accepted: Vec::new(),
            written: 0,
            is_cut: false,
            failure: None,
            is_asleep: false,
            wanted: None,
            wakes: 0,
            calls: 0,
            stalls: 0,
            stalled_by: None,
            turned_away: false,
            limit,
            replies: replies.into(),
        }
    }

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

    fn sleep(&mut self) {
        self.is_asleep = true;
        self.turned_away = false;
    }

    /// Steps until there is nothing to do. True if it is to be done again after a pause.
    fn job(&mut self) -> bool {
        loop {
            match self.step() {
                Step::Went(_) => {}
                // No scripted target can say when it has room.
                Step::Blocked => _ = self.fail(Failure::Os(told(NO_DESCRIPTOR))),
                Step::Stalled(_) => return true,
                Step::Empty => {
                    self.sleep();
                    return false;
                }
                Step::Rest => return false,
            }
        }
    }

    /// True if everything up to `end` is written that ever will be.
    fn flush(&mut self, end: usize) -> bool {
        while self.written < end {
            match self.step() {
                Step::Went(_) => {}
                // As above, but there is no job that would end the stream.
                Step::Blocked | Step::Stalled(_) => return false,
                Step::Empty => {
                    self.sleep();
                    return true;
                }
                Step::Rest => return self.failure.is_none(),
            }
        }
        true
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
        match self.replies.pop_front().unwrap_or(Reply::Take(usize::MAX)) {
            Reply::Take(most) => self.take(most),
            Reply::Meets(other, most) => self.meet(other, most),
            Reply::Interrupted => Step::Went(0),
            Reply::WouldBlock => Step::Blocked,
            Reply::Stall => self.stall(),
            Reply::Errno(errno) => self.fail(Failure::Os(told(errno))),
            Reply::Nothing => self.fail(Failure::Os(os::EIO)),
            Reply::Panic => self.fail(Failure::Panic(PANIC.into())),
        }
    }

    fn take(&mut self, most: usize) -> Step {
        let count = most.min(self.accepted.len() - self.written);
        self.written += count;
        let is_told = self.wanted.is_some_and(|wanted| wanted <= self.written);
        if is_told {
            self.wanted = None;
        }
        let resumes = self.is_stalled();
        self.stalls += u32::from(resumes);
        self.wakes += usize::from(is_told || resumes);
        Step::Went(count)
    }

    fn meet(&mut self, other: Other, most: usize) -> Step {
        let wakes = self.wakes;
        let step = self.take(most);
        match other {
            Other::Job => self.turned_away = true,
            Other::Flush => {}
            Other::Cut => {
                self.cut();
                // For all that there is to tell.
                self.wakes = wakes + 1;
            }
        }
        step
    }

    fn is_stalled(&self) -> bool {
        self.stalls % 2 == 1
    }

    fn stall(&mut self) -> Step {
        let errno = told(WAITED_OUT);
        if self.limit == Limit::Passed {
            return self.fail(Failure::Os(errno));
        }
        if !self.is_stalled() {
            self.stalls += 1;
            self.wakes += 1;
        }
        self.stalled_by = Some(errno);
        Step::Stalled(PAUSE)
    }

    fn fail(&mut self, failure: Failure) -> Step {
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
        Other::Job => assert!(matches!(drain::run(stream, || true), End::Asleep)),
        Other::Flush => drop(drain::flush(stream, Duration::ZERO).expect_err("it has no patience")),
        Other::Cut => assert!(stream.cut(), "a write is in flight"),
    }
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
            Op::Wait(ahead) => {
                let wanted = self.model.written + ahead;
                assert_eq!(self.stream.level().wait(offset(wanted)), self.model.wait(wanted));
            }
            Op::Step => assert_eq!(drain::step(&self.stream), self.model.step()),
            Op::Job => self.job(),
            Op::Flush(ahead) => self.flush(self.model.written + ahead),
            Op::GiveUp => {
                self.stream.give_up(Failure::Os(GIVEN_UP));
                self.model.give_up();
            }
            Op::Cut => {
                assert!(!self.stream.cut(), "nobody else writes");
                self.model.cut();
            }
        }
        self.agrees();
    }

    fn job(&mut self) {
        // Others wait for the thread, so that it does not nap.
        let end = drain::run(&self.stream, || true);
        let is_stalled = self.model.job();
        assert_eq!(is_stalled, matches!(end, End::Stalled(PAUSE)));
        assert_eq!(!is_stalled, matches!(end, End::Asleep));
    }

    /// As `Sink::flush` of `src/binding.rs` does it.
    fn flush(&mut self, end: usize) {
        let flushed = drain::flush_until(&self.stream, end as u64, Duration::ZERO);
        assert_eq!(flushed.is_ok(), self.model.flush(end));
        let is_due = self.stream.has_turned_away();
        assert_eq!(is_due, mem::take(&mut self.model.turned_away));
        if is_due {
            self.job();
        }
    }

    fn agrees(&self) {
        let Model { accepted, written, is_cut, failure, .. } = &self.model;
        assert!(self.script.has_taken(&accepted[..*written]), "a prefix of what was accepted");
        assert_eq!(self.stream.level().written(), offset(*written));
        assert_eq!(self.stream.written(), *written as u64);
        assert_eq!(is_asleep(&self.stream), self.model.is_asleep);
        assert_eq!(&self.stream.failure(), failure);
        let status = if failure.is_some() { Status::Failed } else { Status::Open };
        assert!(is_status(&self.stream, status));
        assert_eq!(self.script.is_dropped(), *is_cut || failure.is_some());
        assert_eq!(self.stream.level().is_urgent(), self.model.wanted.is_some());
        assert_eq!(self.bell.count(), self.model.wakes);
        assert_eq!(self.stream.calls(), self.model.calls);
        assert_eq!(self.stream.level().stalls(), self.model.stalls);
        assert_eq!(self.stream.stalled_by(), self.model.stalled_by);
    }

    /// Steps to the end; then all is written that ever will be, and nothing is held.
    ///
    /// # Panics
    /// If the two do not agree.
    pub(crate) fn finish(mut self) {
        loop {
            let step = drain::step(&self.stream);
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
        assert!(!self.stream.cut());
        assert!(self.script.is_dropped());
    }
}
