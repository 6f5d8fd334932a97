//! Two stages around a scripted target: one that counts, and one that holds bytes back.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use parking_lot::Mutex;
use spillway::{
    os::Readiness,
    stream::Stream,
    target::{Settle, Target},
    writer::{self, Step},
};

use crate::common::{Answer, Bell, Feeder, Script};

/// What a stage was asked for besides writes, and how many bytes it has taken.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<(Vec<&'static str>, u64)>>);

impl Journal {
    fn note(&self, call: &'static str) {
        self.0.lock().0.push(call);
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.0.lock().0.clone()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.lock().1
    }
}

/// Counts the bytes and the calls that go through it.
struct Counting {
    target: Box<dyn Target>,
    journal: Journal,
}

impl Target for Counting {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = self.target.write(bytes)?;
        self.journal.0.lock().1 += count as u64;
        Ok(count)
    }

    fn has_unsettled(&self) -> bool {
        self.target.has_unsettled()
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        self.journal.note("settle");
        self.target.settle(how)
    }

    fn begin(&mut self) -> io::Result<()> {
        self.journal.note("begin");
        self.target.begin()
    }

    fn rest(&mut self) {
        self.journal.note("rest");
        self.target.rest();
    }

    fn is_resting(&self) -> bool {
        self.target.is_resting()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.journal.note("finish");
        self.target.finish()
    }

    fn abandon(&mut self) {
        self.journal.note("abandon");
        self.target.abandon();
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.target.readiness()
    }
}

/// Most bytes that [`Holding`] holds back.
const ROOM: usize = 8;

/// Holds bytes back until they are to be settled, puts `|` behind them then, and `.` at the end.
struct Holding {
    target: Box<dyn Target>,
    held: Vec<u8>,
    /// The mark is among what is held.
    is_marked: bool,
}

impl Holding {
    /// Writes what is held.
    fn push(&mut self) -> io::Result<()> {
        while !self.held.is_empty() {
            let count = self.target.write(&[IoSlice::new(&self.held)])?;
            self.held.drain(..count);
        }
        Ok(())
    }

    /// Writes what is held, and `mark` behind it, once.
    fn push_with(&mut self, mark: u8) -> io::Result<()> {
        if !self.is_marked {
            self.held.push(mark);
            self.is_marked = true;
        }
        self.push()?;
        self.is_marked = false;
        Ok(())
    }
}

impl Target for Holding {
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.held.len() == ROOM {
            self.push()?;
        }
        let room = ROOM - self.held.len();
        let count = bytes[0].len().min(room);
        self.held.extend_from_slice(&bytes[0][..count]);
        Ok(count)
    }

    fn has_unsettled(&self) -> bool {
        !self.held.is_empty()
    }

    fn settle(&mut self, how: Settle) -> io::Result<()> {
        self.push_with(b'|')?;
        self.target.settle(how)
    }

    fn is_resting(&self) -> bool {
        false
    }

    fn finish(&mut self) -> io::Result<()> {
        self.push_with(b'.')?;
        self.target.finish()
    }

    fn abandon(&mut self) {
        self.held.clear();
        self.target.abandon();
    }

    fn readiness(&self) -> io::Result<Readiness> {
        self.target.readiness()
    }
}

/// A stream through both stages into a target that answers by a script.
pub(crate) struct Staged {
    pub(crate) stream: Arc<Stream>,
    pub(crate) script: Script,
    pub(crate) bell: Bell,
    pub(crate) feeder: Feeder,
    pub(crate) journal: Journal,
}

impl Staged {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let (script, bell, journal) = (Script::new(answers), Bell::default(), Journal::default());
        let stream = Stream::new(bell.listener());
        let holding = Holding { target: script.target(), held: Vec::new(), is_marked: false };
        stream.give(Box::new(Counting { target: Box::new(holding), journal: journal.clone() }));
        let feeder = Feeder::new(&stream);
        Self { stream, script, bell, feeder, journal }
    }

    /// Steps as `steps` say.
    pub(crate) fn step(&self, steps: impl IntoIterator<Item = Step>) {
        for (number, step) in steps.into_iter().enumerate() {
            assert_eq!(writer::step(&self.stream), step, "step {number}");
        }
    }

    /// Offsets up to which the bytes are taken and settled.
    pub(crate) fn offsets(&self) -> (u32, u32) {
        let control = self.stream.control();
        assert_eq!(u64::from(control.settled()), self.stream.settled());
        (control.taken(), control.settled())
    }
}
