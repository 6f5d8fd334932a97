//! Random programs of streams that write to one log that rotates, and what its files must be: `tests/rotating.rs` and
//! `fuzz/` draw programs for it.

use std::{collections::BTreeMap, fs, io::Read, os::fd::OwnedFd, path::Path};

use flate2::read::MultiGzDecoder;
use rustix::fs::{FlockOperation, flock};
use spillway::target::{Compression, Format, Keep, News, Rules, Settle};

use crate::{
    common::stretch,
    log::{Log, NOW, Writer},
};

/// Streams that write at the same time.
const WRITERS: usize = 2;

/// When a file was written to that somebody else has begun: long after all periods that are known.
const LATELY: u64 = u64::MAX;

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A stream is given chunks of these sizes.
    Write(usize, Vec<usize>),
    /// It is to look whether it is time.
    Look(usize),
    /// It is to bring all down.
    Sync(usize),
    /// It is gone, and another takes its place.
    Renew(usize),
    /// Time passes.
    Pass(u64),
    /// Somebody has the lock of the folder.
    Lock,
    Unlock,
    /// Somebody moves the file away, or removes it.
    Move,
    Remove,
}

/// By which rules the log rotates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// By size, and so many closed files stay.
    Size(u64, Option<usize>),
    /// The same, and they are compressed.
    Compressed(u64, Option<usize>),
    /// By size and time.
    Timed(u64),
}

impl Wanted {
    fn rules(self) -> Rules {
        let by_size = |size, keep: Option<usize>| Rules {
            size: Some(size),
            keep: keep.map(Keep::Files),
            ..Rules::default()
        };
        match self {
            Self::Size(size, keep) => by_size(size, keep),
            Self::Compressed(size, keep) => {
                let compress = Some(Compression { format: Format::Gzip, level: 1, threads: 1 });
                Rules { compress, ..by_size(size, keep) }
            }
            Self::Timed(size) => Rules { is_timed: true, ..by_size(size, None) },
        }
    }
}

/// A file that was closed.
#[derive(Debug, PartialEq, Eq)]
struct Closed {
    name: String,
    content: Vec<u8>,
}

/// What a stream knows of the file that it writes to.
#[derive(Clone, Copy)]
struct Known {
    /// Its number.
    file: u64,
    since: Option<u64>,
}

/// What the log is, without streams.
struct Model {
    rules: Rules,
    /// The file that is written, if it is there, with its number.
    active: Option<Vec<u8>>,
    number: u64,
    known: [Known; WRITERS],
    closed: Vec<Closed>,
    moved: Vec<Vec<u8>>,
    is_locked: bool,
    /// What the streams are to tell.
    told: [Vec<(String, u64)>; WRITERS],
}

impl Model {
    fn new(rules: Rules) -> Self {
        let known = [Known { file: 0, since: None }; WRITERS];
        Self {
            rules,
            active: None,
            number: 0,
            known,
            closed: vec![],
            moved: vec![],
            is_locked: false,
            told: Default::default(),
        }
    }

    /// A stream opens the log, or follows it.
    fn open(&mut self, writer: usize) {
        if self.active.is_none() {
            self.active = Some(vec![]);
            self.number += 1;
        }
        let is_empty = self.active.as_ref().is_none_or(Vec::is_empty);
        self.known[writer] = Known { file: self.number, since: (!is_empty).then_some(LATELY) };
    }

    /// What a stream does before it writes `next` bytes.
    fn turn(&mut self, writer: usize, next: usize) {
        if self.active.is_none() || self.known[writer].file != self.number {
            self.open(writer);
        }
        let now = NOW.get();
        let size = self.active.as_ref().map_or(0, Vec::len);
        let since = if size > 0 { self.known[writer].since.unwrap_or(LATELY) } else { now };
        self.known[writer].since = (size > 0 || next > 0).then_some(since);
        let is_full = self.rules.size.is_some_and(|most| (size + next) as u64 > most);
        let is_old = self.rules.is_timed && period(since) < period(now);
        if size > 0 && (is_full || is_old) && !self.is_locked {
            self.rotate(writer, if self.rules.is_timed { since } else { now });
            self.known[writer].since = (next > 0).then_some(now);
        }
    }

    fn rotate(&mut self, writer: usize, time: u64) {
        let content = self.active.take().expect("it has been looked at");
        let before = format!("app-{}.", period(time));
        let indices = self.closed.iter().filter_map(|closed| closed.name.strip_prefix(&before));
        let index =
            indices.filter_map(|rest| rest.strip_suffix(".log")?.parse::<u64>().ok()).max().unwrap_or(0) + 1;
        let name = format!("{before}{index}.log");
        self.told[writer].push((name.clone(), content.len() as u64));
        self.closed.push(Closed { name, content });
        if let Some(Keep::Files(most)) = self.rules.keep {
            self.closed.drain(..self.closed.len().saturating_sub(most));
        }
        self.open(writer);
    }

    fn write(&mut self, writer: usize, chunk: &[u8]) {
        self.turn(writer, chunk.len());
        self.active.as_mut().expect("it is written to").extend_from_slice(chunk);
    }
}

/// The number in the names of the files of that time: see `log.rs`.
fn period(time: u64) -> u64 {
    (time / 2000).min(2) * 2
}

/// The streams and the model, which are to agree.
pub(crate) struct Rotating {
    log: Log,
    writers: [Writer; WRITERS],
    model: Model,
    lock: Option<OwnedFd>,
    put: usize,
}

impl Rotating {
    pub(crate) fn new(wanted: Wanted) -> Self {
        let log = Log::new(wanted.rules());
        let mut model = Model::new(wanted.rules());
        let writers = std::array::from_fn(|number| {
            model.open(number);
            log.open()
        });
        Self { log, writers, model, lock: None, put: 0 }
    }

    /// Does `op` to both.
    ///
    /// # Panics
    /// If they do not agree.
    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Write(writer, sizes) => self.write(*writer, sizes),
            Op::Look(writer) => {
                self.model.turn(*writer, 0);
                self.writers[*writer].look();
            }
            Op::Sync(writer) => {
                self.writers[*writer].feeder.append_barrier(Settle::All);
                self.writers[*writer].step();
            }
            Op::Renew(writer) => {
                self.tells(*writer);
                self.model.open(*writer);
                self.writers[*writer] = self.log.open();
            }
            Op::Pass(time) => NOW.set(NOW.get() + time),
            Op::Lock => self.lock(),
            Op::Unlock => {
                self.lock = None;
                self.model.is_locked = false;
            }
            Op::Move => self.move_away(),
            Op::Remove => {
                if self.model.active.take().is_some() {
                    fs::remove_file(self.log.path()).expect("it is there");
                }
            }
        }
        self.agrees();
    }

    fn write(&mut self, writer: usize, sizes: &[usize]) {
        for size in sizes {
            let chunk = stretch(self.put..self.put + size);
            self.put += size;
            self.model.write(writer, &chunk);
            self.writers[writer].feeder.append(&chunk);
        }
        self.writers[writer].step();
    }

    fn lock(&mut self) {
        if self.lock.is_none() {
            let folder = OwnedFd::from(fs::File::open(self.log.folder()).expect("it is there"));
            flock(&folder, FlockOperation::NonBlockingLockExclusive).expect("nobody has it between steps");
            self.lock = Some(folder);
            self.model.is_locked = true;
        }
    }

    fn move_away(&mut self) {
        if let Some(content) = self.model.active.take() {
            let to = self.log.folder().join(format!("moved {}", self.model.moved.len()));
            fs::rename(self.log.path(), to).expect("it is there");
            self.model.moved.push(content);
        }
    }

    /// What the stream has told since it was asked last.
    fn tells(&mut self, writer: usize) {
        let expected = std::mem::take(&mut self.model.told[writer]);
        let news = self.writers[writer].news();
        assert_eq!(self.writers[writer].stream.failure(), None);
        let told = news.iter().map(|news| match news {
            News::Rotated(path, size) => (name(path), *size),
            News::Warning(failure) => panic!("{failure:?}"),
        });
        let told: Vec<_> = told.collect();
        // Compressed files are told by who compresses them, when nobody writes to them any more.
        if self.model.rules.compress.is_none() {
            assert_eq!(told, expected);
        }
    }

    fn agrees(&mut self) {
        for writer in 0..WRITERS {
            self.tells(writer);
        }
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.log.folder()).expect("it is there") {
            let path = entry.expect("it is there").path();
            let (name, content) = read(&path);
            assert!(files.insert(name, content).is_none(), "it is there twice: {}", path.display());
        }
        let mut expected = BTreeMap::new();
        let Model { active, closed, moved, .. } = &self.model;
        expected.extend(closed.iter().map(|Closed { name, content }| (name.clone(), content.clone())));
        expected.extend(
            moved.iter().enumerate().map(|(number, content)| (format!("moved {number}"), content.clone())),
        );
        expected.extend(active.iter().map(|content| (String::from("app.log"), content.clone())));
        assert_eq!(files, expected);
    }
}

fn name(path: &Path) -> String {
    path.file_name().expect("a file").to_str().expect("ASCII").into()
}

/// The name of the file before it was compressed, and what it has.
fn read(path: &Path) -> (String, Vec<u8>) {
    let (name, content) = (name(path), fs::read(path).expect("it is there"));
    let Some(plain) = name.strip_suffix(".gz") else { return (name, content) };
    let mut unpacked = vec![];
    MultiGzDecoder::new(&*content).read_to_end(&mut unpacked).expect("it is whole");
    (plain.into(), unpacked)
}
