//! A plain model of a stream, and the real one beside it: one thread, every
//! answer that a kernel can give. `tests/model.rs` and `fuzz/` draw programs for it.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, PipeWriter, Seek, SeekFrom, Write},
    mem,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use spillway::{
    control_block::Status,
    error::Failure,
    os::{self, Input},
    source::{Outcome, Piece, Source},
    stream::{Retry, Stream},
    target::Settle,
    writer::{self, End, Step},
};

use super::{Answer, Bell, Feeder, NO_DESCRIPTOR, PATIENCE, Script, is_asleep, is_status, offset, stretch};

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
    /// It appends what another descriptor has, so many bytes, but at most so many as the last number says.
    Source(Kind, usize, usize),
    /// It appends at most so many bytes more of the last such descriptor.
    Piece(usize),
    /// It has what was put before settled.
    Barrier(Settle),
    /// Somebody puts so many bytes into that, if it is a pipe.
    Pour(usize),
    /// Nobody puts more into it.
    Dry,
    /// JavaScript wants no more of it.
    Stop,
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

/// What bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file, from where it stands.
    File,
    /// A file, from a position.
    Positioned,
    /// A pipe, which may have nothing now.
    Pipe,
    /// What can't be read.
    Unreadable,
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

/// Why a job has not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    None,
    Stalled,
    Starved,
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

/// What it says of a descriptor that is not for reading.
const UNREADABLE: i32 = if cfg!(windows) { 5 } else { 9 };

/// Most bytes in a pipe, which has room for as many in the smallest portions.
const MOST_IN_PIPE: usize = 4_000;

const PANIC: &str = "as the program has it";

/// An errno that no target answers.
const GIVEN_UP: i32 = 200;

/// What counts as one byte in the offsets.
#[derive(Clone, Copy)]
enum Unit {
    Byte(u8),
    /// What lies before is to be settled.
    Barrier(Settle),
    /// So much, at most, of the source with this number.
    Piece(usize, usize),
}

/// What a source is.
struct Well {
    kind: Kind,
    bytes: Vec<u8>,
    /// Those that were read. All but the last are in the target, too.
    read: usize,
    /// Those that were read and not written.
    ahead: Range<usize>,
    /// Somebody may put more into it.
    is_open: bool,
    may_copy: bool,
    is_starved: bool,
    outcome: Option<Outcome>,
}

impl Well {
    fn new(kind: Kind, bytes: Vec<u8>) -> Self {
        Self {
            kind,
            bytes,
            read: 0,
            ahead: 0..0,
            is_open: kind == Kind::Pipe,
            may_copy: true,
            is_starved: false,
            outcome: None,
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    fn wants_more(&self, left: usize) -> bool {
        left > 0 && self.outcome.is_none()
    }

    /// What a read of `most` bytes gives.
    fn available(&self, most: usize) -> usize {
        most.min(self.bytes.len() - self.read)
    }

    /// Reads what is to be written next, if that is wanted. False: it has nothing now.
    fn fill(&mut self, left: usize) -> bool {
        self.is_starved = false;
        if !self.ahead.is_empty() || !self.wants_more(left) {
            return true;
        }
        let count = self.available(left);
        match self.kind {
            Kind::Unreadable => self.end(Outcome::NotRead(told(UNREADABLE))),
            _ if count == 0 && self.is_open => self.is_starved = true,
            _ if count == 0 => self.end(Outcome::Ended),
            _ => {
                self.ahead = self.read..self.read + count;
                self.read += count;
            }
        }
        !self.is_starved
    }
}

/// What a stream is, without anything that makes it fast.
#[expect(clippy::struct_excessive_bools, reason = "a model says each thing by itself")]
struct Model {
    accepted: Vec<Unit>,
    sources: Vec<Well>,
    /// Up to where the target has taken what was accepted, and up to where it is down.
    written: usize,
    settled: usize,
    /// How the barriers that were passed want it.
    barrier: Option<Settle>,
    /// Those two as JavaScript knows them.
    published: (usize, usize),
    /// All bytes that the target has taken.
    taken: Vec<u8>,
    /// How many of them were a source's.
    copied: u64,
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
    /// The replies to what the target is to copy, if it can; behind them it copies all.
    copies: Option<VecDeque<Reply>>,
    /// The replies to what it is to settle; behind them all goes well.
    settles: VecDeque<Reply>,
    /// How it was to settle each time.
    settled_how: Vec<Settle>,
}

impl Model {
    fn new(limit: Limit, replies: Vec<Reply>, copies: Option<Vec<Reply>>) -> Self {
        Self {
            accepted: Vec::new(),
            sources: Vec::new(),
            written: 0,
            settled: 0,
            barrier: None,
            published: (0, 0),
            taken: Vec::new(),
            copied: 0,
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
            copies: copies.map(VecDeque::from),
            settles: VecDeque::new(),
            settled_how: Vec::new(),
        }
    }

    /// True if there was no job.
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.accept(bytes.iter().map(|byte| Unit::Byte(*byte)))
    }

    /// As [`put`](Self::put), but it is `most` bytes of the last source.
    fn put_piece(&mut self, most: usize) -> bool {
        self.accept([Unit::Piece(self.sources.len() - 1, most)])
    }

    /// As [`put`](Self::put), but it is a barrier.
    fn put_barrier(&mut self, how: Settle) -> bool {
        self.accept([Unit::Barrier(how)])
    }

    fn accept(&mut self, units: impl IntoIterator<Item = Unit>) -> bool {
        // What comes too late is not accepted.
        if !self.is_closed {
            self.accepted.extend(units);
        }
        mem::take(&mut self.is_asleep)
    }

    fn is_over(&self) -> bool {
        self.has_ended || self.failure.is_some()
    }

    /// Whether that was the last of it. Then nothing is held any more.
    fn end_if_done(&mut self) -> bool {
        let is_done = self.written >= self.accepted.len() && (self.barrier.is_none() || self.is_cancelled);
        self.has_ended |= !self.is_over() && self.is_closed && is_done;
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

    /// Drops what is not written, behind `end`, and behind what is not read to its end. Nothing more is read.
    fn truncate(&mut self, end: usize) {
        self.accepted.truncate(end.max(self.written));
        for at in self.written..self.accepted.len() {
            let Unit::Piece(number, left) = &mut self.accepted[at] else { continue };
            if self.sources[*number].wants_more(std::mem::take(left)) {
                self.accepted.truncate(at + 1);
                break;
            }
        }
    }

    /// True if JavaScript is to tell itself.
    fn wait(&mut self, wanted: usize) -> bool {
        self.wanted = (wanted > self.settled).then_some(wanted);
        self.wanted.is_none()
    }

    /// Steps until there is nothing to do. Says why it did not come to its end.
    fn job(&mut self) -> Pause {
        loop {
            match self.step() {
                Step::Blocked if self.is_starved() => return Pause::Starved,
                // No scripted target can say when it has room.
                Step::Blocked if !self.is_over() => _ = self.fail(Failure::Os(told(NO_DESCRIPTOR))),
                Step::Went(_) | Step::Blocked | Step::Concluded => {}
                Step::Stalled(_) => return Pause::Stalled,
                Step::Empty => {
                    self.is_asleep = true;
                    return Pause::None;
                }
                Step::Rest => return Pause::None,
            }
        }
    }

    /// Whether it is a source that has nothing now.
    fn is_starved(&self) -> bool {
        !self.is_over()
            && matches!(self.accepted.get(self.written), Some(Unit::Piece(number, _)) if self.sources[*number].is_starved)
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
        while let Some(Unit::Barrier(how)) = self.accepted.get(self.written) {
            self.barrier = self.barrier.max(Some(*how));
            self.written += 1;
        }
        let Some(first) = self.accepted.get(self.written).copied() else { return self.settle() };
        self.calls += 1;
        self.is_blocked = false;
        match first {
            Unit::Piece(number, left) => self.copy(number, left),
            Unit::Byte(_) | Unit::Barrier(_) => self.write(),
        }
    }

    /// What is taken is brought down, when nothing more is to be taken now.
    fn settle(&mut self) -> Step {
        let Some(how) = self.barrier else { return Step::Empty };
        // Nobody waits for the device once the stream is cancelled.
        if self.is_cancelled {
            return self.go_on(Step::Rest, false);
        }
        self.settled_how.push(how);
        let reply = self.settles.pop_front().unwrap_or(Reply::Take(0));
        if let Err(step) = self.reply(reply) {
            return step;
        }
        self.barrier = None;
        self.take(0, 0)
    }

    /// The target is offered all up to what comes from a source.
    fn write(&mut self) -> Step {
        let byte = |unit: &Unit| if let Unit::Byte(byte) = unit { Some(*byte) } else { None };
        let batch: Vec<u8> = self.accepted[self.written..].iter().map_while(byte).collect();
        match self.offer(batch.len()) {
            Ok(count) => {
                self.taken.extend_from_slice(&batch[..count]);
                self.take(count, count)
            }
            Err(step) => step,
        }
    }

    /// What a target makes of `size` bytes: how many it takes, or what the step comes to.
    fn offer(&mut self, size: usize) -> Result<usize, Step> {
        let reply = self.replies.pop_front().unwrap_or(Reply::Take(usize::MAX));
        self.reply(reply).and_then(|most| match most.min(size) {
            0 => Err(self.fail(Failure::Os(os::EIO))),
            count => Ok(count),
        })
    }

    /// How many bytes a target would take that replies so, or what the step comes to.
    fn reply(&mut self, reply: Reply) -> Result<usize, Step> {
        Err(match reply {
            Reply::Take(most) => return Ok(most),
            Reply::Nothing => return Ok(0),
            Reply::Meets(other, most) => {
                self.meet(other);
                return Ok(most);
            }
            Reply::Interrupted => self.go_on(Step::Went(0), false),
            Reply::WouldBlock => self.blocked(),
            Reply::Stall => self.stall(),
            Reply::Errno(errno) => self.fail(Failure::Os(told(errno))),
            Reply::Panic => self.fail(Failure::Unanswered),
        })
    }

    /// The target copies, or takes what was read.
    fn copy(&mut self, number: usize, left: usize) -> Step {
        match self.copy_unread(number, left) {
            Ok(0) => self.read_and_write(number, self.left(left)),
            Ok(count) => self.copied(number, count, self.left(left) - count.min(self.left(left))),
            Err(step) => step,
        }
    }

    /// How many bytes the target copies, or what the step comes to.
    fn copy_unread(&mut self, number: usize, left: usize) -> Result<usize, Step> {
        let well = &self.sources[number];
        if !well.may_copy || !well.ahead.is_empty() || !well.wants_more(left) {
            return Ok(0);
        }
        let available = well.available(left);
        let reply = match &mut self.copies {
            Some(copies) => copies.pop_front().unwrap_or(Reply::Take(usize::MAX)),
            None => Reply::Nothing,
        };
        let count = match reply {
            Reply::Take(most) => most.min(available),
            Reply::Meets(other, most) => {
                self.meet(other);
                most.min(available)
            }
            Reply::Interrupted => return Err(self.go_on(Step::Went(0), false)),
            Reply::WouldBlock => return Err(self.blocked()),
            Reply::Panic => return Err(self.fail(Failure::Unanswered)),
            // Whose fault it is shows when it is read and written.
            Reply::Stall | Reply::Errno(_) | Reply::Nothing => 0,
        };
        let well = &mut self.sources[number];
        let unread = well.read..well.read + count;
        well.read = unread.end;
        well.may_copy = count > 0;
        self.taken.extend_from_slice(&well.bytes[unread]);
        Ok(count)
    }

    fn read_and_write(&mut self, number: usize, left: usize) -> Step {
        let well = &mut self.sources[number];
        let before = well.read;
        if !well.fill(left) {
            return self.blocked();
        }
        let left = left - (well.read - before);
        let ahead = well.ahead.clone();
        self.set_left(left);
        if ahead.is_empty() {
            return self.copied(number, 0, left);
        }
        match self.offer(ahead.len()) {
            Ok(count) => {
                let well = &mut self.sources[number];
                well.ahead.start += count;
                self.taken.extend_from_slice(&well.bytes[ahead][..count]);
                self.copied(number, count, self.left(left))
            }
            Err(step) => step,
        }
    }

    /// `count` bytes of a source are taken, of which `left` more are wanted.
    fn copied(&mut self, number: usize, count: usize, left: usize) -> Step {
        self.set_left(left);
        self.copied += count as u64;
        let well = &self.sources[number];
        let is_done = well.ahead.is_empty() && !well.wants_more(left);
        self.take(is_done.into(), count)
    }

    /// How many bytes more are wanted of the piece that comes first; `left` if that was dropped meanwhile.
    fn left(&self, left: usize) -> usize {
        if let Some(Unit::Piece(_, left)) = self.accepted.get(self.written) { *left } else { left }
    }

    fn set_left(&mut self, now: usize) {
        if let Some(Unit::Piece(_, left)) = self.accepted.get_mut(self.written) {
            *left = now;
        }
    }

    /// JavaScript is woken if it waits for that, or it was the last.
    fn go_on(&mut self, step: Step, is_awaited: bool) -> Step {
        let is_last = self.end_if_done();
        self.wakes += usize::from(is_awaited || is_last);
        step
    }

    /// What counts as `units` in the offsets is taken: `count` bytes.
    fn take(&mut self, units: usize, count: usize) -> Step {
        self.written += units;
        if self.barrier.is_none() {
            self.settled = self.written;
        }
        self.published = (self.written, self.settled);
        let is_told = self.wanted.is_some_and(|wanted| wanted <= self.settled);
        if is_told {
            self.wanted = None;
        }
        let resumes = self.is_stalled();
        self.stalls += u32::from(resumes);
        self.go_on(Step::Went(count as u64), is_told || resumes)
    }

    /// Another comes while the target is asked. What it is asked for can't be dropped.
    fn meet(&mut self, other: Other) {
        match other {
            Other::Step => {}
            Other::Finish => self.is_closed = true,
            Other::Cancel(ahead) => {
                self.is_closed = true;
                self.is_cancelled = true;
                self.truncate(self.settled + ahead);
            }
        }
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

    fn blocked(&mut self) -> Step {
        self.block();
        self.go_on(Step::Blocked, false)
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
pub(crate) fn answer(stream: &Arc<Stream>, reply: Reply) -> Answer {
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

/// Another descriptor with `bytes`. If it is a pipe, more can be put into the other end.
pub(crate) fn source(kind: Kind, bytes: &[u8]) -> (Arc<Source>, Option<PipeWriter>) {
    let (input, position, writer) = match kind {
        Kind::File => (Input::new(file(bytes).into()), None, None),
        Kind::Positioned => (Input::new(file(bytes).into()), Some(BEFORE.len() as u64), None),
        Kind::Pipe => {
            let (reader, mut writer) = io::pipe().expect("a pipe can be made");
            writer.write_all(bytes).expect("it has room");
            (Input::new(reader.into()), None, Some(writer))
        }
        Kind::Unreadable => {
            let (_reader, writer) = io::pipe().expect("a pipe can be made");
            (Input::new(writer.into()), None, None)
        }
    };
    (Source::new(input.expect("it is open"), position), writer)
}

/// What is in a file before the bytes of a source.
const BEFORE: &[u8] = b"none";

/// A file with `bytes` behind others; it stands between them.
fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file for the test");
    file.write_all(&[BEFORE, bytes].concat()).expect("it can be written");
    file.seek(SeekFrom::Start(BEFORE.len() as u64)).expect("it can be sought");
    file
}

/// The last source, and the other end of it if it is a pipe.
struct Last {
    source: Arc<Source>,
    writer: Option<PipeWriter>,
}

/// The stream and its model, which are to agree.
pub(crate) struct Pair {
    stream: Arc<Stream>,
    script: Script,
    bell: Bell,
    feeder: Feeder,
    model: Model,
    last: Option<Last>,
    /// Bytes put so far, accepted or not.
    put: usize,
}

impl Pair {
    /// A stream whose target answers by `replies`, and by `copies` if it can copy;
    /// behind them it takes everything.
    pub(crate) fn new(limit: Limit, replies: Vec<Reply>, copies: Option<Vec<Reply>>) -> Self {
        let (script, bell) = (Script::default(), Bell::default());
        let stream = Stream::new(bell.listener());
        stream.give(script.target());
        stream.wait_out(retry(limit));
        for reply in &replies {
            script.then(answer(&stream, *reply));
        }
        if let Some(copies) = &copies {
            script.copy(copies.iter().map(|reply| answer(&stream, *reply)));
        }
        let feeder = Feeder::new(&stream);
        let model = Model::new(limit, replies, copies);
        Self { stream, script, bell, feeder, model, last: None, put: 0 }
    }

    /// The target settles by `replies`; behind them all goes well.
    pub(crate) fn settle_by(&mut self, replies: Vec<Reply>) {
        for reply in &replies {
            self.script.then_settle(answer(&self.stream, *reply));
        }
        self.model.settles = replies.into();
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
            Op::Source(kind, count, most) => self.next_source(kind, count, most),
            Op::Piece(most) => self.piece(most),
            Op::Barrier(how) => assert_eq!(self.feeder.append_barrier(how), self.model.put_barrier(how)),
            Op::Pour(count) => self.pour(count),
            Op::Dry => self.dry(),
            Op::Stop => self.stop(),
            Op::Wait(ahead) => {
                let wanted = self.model.settled + ahead;
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

    fn next_source(&mut self, kind: Kind, count: usize, most: usize) {
        // Windows can't say that a pipe has nothing.
        let kind = if cfg!(windows) && kind == Kind::Pipe { Kind::File } else { kind };
        self.dry();
        let count = match kind {
            Kind::File | Kind::Positioned => count,
            Kind::Pipe => count.min(MOST_IN_PIPE),
            Kind::Unreadable => 0,
        };
        let bytes = self.next_bytes(count);
        let (source, writer) = source(kind, &bytes);
        self.model.sources.push(Well::new(kind, bytes));
        self.last = Some(Last { source, writer });
        self.piece(most);
    }

    fn piece(&mut self, most: usize) {
        if let Some(Last { source, .. }) = &self.last {
            let piece = Piece::new(Arc::clone(source), most as u64);
            assert_eq!(self.feeder.append_source(piece), self.model.put_piece(most));
        }
    }

    fn pour(&mut self, count: usize) {
        let Some(Last { writer: Some(_), .. }) = &self.last else { return };
        let room = self.model.sources.last().map_or(0, |well| MOST_IN_PIPE - (well.bytes.len() - well.read));
        let bytes = self.next_bytes(count.min(room));
        if let (Some(Last { writer: Some(writer), .. }), Some(well)) =
            (&mut self.last, self.model.sources.last_mut())
        {
            // Nobody reads what was let go of.
            let _ = writer.write_all(&bytes);
            well.bytes.extend(bytes);
        }
    }

    /// Nobody puts more into the last source.
    fn dry(&mut self) {
        if let (Some(last), Some(well)) = (&mut self.last, self.model.sources.last_mut()) {
            last.writer = None;
            well.is_open = false;
        }
    }

    fn stop(&mut self) {
        if let (Some(last), Some(well)) = (&self.last, self.model.sources.last_mut()) {
            self.stream.stop_source(&last.source);
            well.end(Outcome::Stopped);
        }
    }

    fn job(&mut self) {
        // Others wait for the thread, so that it does not linger.
        let end = writer::run(&self.stream, || true);
        let pause = match end {
            End::Asleep => Pause::None,
            End::Stalled(PAUSE) => Pause::Stalled,
            End::Blocked(_) => Pause::Starved,
            end => panic!("{end:?}"),
        };
        assert_eq!(pause, self.model.job());
    }

    fn agrees(&self) {
        let Model { taken, copied, settled, published, failure, .. } = &self.model;
        assert!(self.script.has_taken(taken), "what was accepted, in order");
        assert_eq!(self.stream.copied(), *copied);
        let control = self.stream.control();
        assert_eq!((control.taken(), control.settled()), (offset(published.0), offset(published.1)));
        assert_eq!(self.stream.settled(), *settled as u64);
        let how: Vec<_> = self.script.settled().into_iter().map(|(how, _)| how).collect();
        assert_eq!(how, self.model.settled_how);
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
        if let (Some(last), Some(well)) = (&self.last, self.model.sources.last()) {
            assert_eq!((last.source.read(), last.source.outcome()), (well.read as u64, well.outcome));
        }
    }

    /// Steps to the end; then all is written that ever will be, and nothing is held.
    ///
    /// # Panics
    /// If the two do not agree.
    pub(crate) fn finish(mut self) {
        self.dry();
        loop {
            let step = writer::step(&self.stream);
            assert_eq!(step, self.model.step());
            self.agrees();
            match step {
                Step::Went(_) | Step::Blocked | Step::Concluded | Step::Stalled(_) => {}
                Step::Empty => {
                    assert_eq!(self.model.written, self.model.accepted.len());
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
        assert!(self.last.is_none_or(|last| Arc::strong_count(&last.source) == 1), "no source is held");
    }
}
