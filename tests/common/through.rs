//! A stream through stages, and what must hold of its file whatever happens to it: `tests/through.rs` and `fuzz/`
//! draw programs for it. Not what each step does is foretold, as in `model.rs`, but what the file has.

use std::{fs, io::Read, path::PathBuf, sync::Arc};

use flate2::{Crc, read::MultiGzDecoder};
use spillway::{
    source::{Piece, Source},
    target::{Algorithm, Compression, Format, Settle, Stages},
    writer::{self, Step},
};
use tempfile::TempDir;

use crate::{
    common::{
        Answer,
        model::{self, Kind, Other, Reply},
        stretch,
    },
    staged::Staged,
};

/// What is done to the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) form: Form,
    pub(crate) digest: bool,
    /// The digest is that of the file.
    pub(crate) of_file: bool,
    /// The target is a file that takes the place of another; else one that answers by a script.
    pub(crate) is_atomic: bool,
}

/// What the bytes become, and when they are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Durable,
    Gzip,
    GzipByTwo,
    Zstd,
}

/// What JavaScript or the job does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Fill(usize),
    Append(usize),
    /// The bytes of a file, so many.
    Source(usize),
    Barrier(Settle),
    /// JavaScript's thread ends.
    MakeWhole,
    Step,
    /// Steps until there is nothing to do.
    Steps,
    Finish,
    /// Drops what lies behind the offset that is so far ahead of what is settled.
    Cancel(usize),
}

/// What is in the file that is replaced.
const OLD: &[u8] = b"old";

/// The room of a slab.
const SLAB: usize = 3_000;

impl Wanted {
    fn compression(self) -> Option<Compression> {
        let (format, threads) = match self.form {
            Form::Plain | Form::Durable => return None,
            Form::Gzip => (Format::Gzip, 1),
            Form::GzipByTwo => (Format::Gzip, 2),
            Form::Zstd => (Format::Zstd, 1),
        };
        Some(Compression { format, level: 1, threads })
    }

    fn stages(self) -> Stages {
        Stages {
            durable: self.form == Form::Durable,
            compress: self.compression(),
            digest: if self.digest { vec![Algorithm::Crc32] } else { Vec::new() },
            digest_of_file: self.digest && self.of_file,
            ..Stages::default()
        }
    }

    /// How a barrier is settled that asks for `how`.
    fn least(self, how: Settle) -> Settle {
        if self.form == Form::Durable { how.max(Settle::Data) } else { how }
    }

    /// What can be read of `bytes`, which may be cut off.
    fn read(self, bytes: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        // An error says where they end.
        let _ = match self.form {
            Form::Plain | Form::Durable => (&mut &*bytes).read_to_end(&mut read),
            Form::Gzip | Form::GzipByTwo => MultiGzDecoder::new(bytes).read_to_end(&mut read),
            Form::Zstd => zstd::Decoder::new(bytes).expect("memory").read_to_end(&mut read),
        };
        read
    }
}

/// A barrier that is still to be settled.
struct Barrier {
    /// Where it lies, and how many bytes were put before it.
    offset: u64,
    put: usize,
    how: Settle,
}

/// A file that is replaced.
struct Replaced {
    folder: TempDir,
    path: PathBuf,
    #[cfg(target_os = "linux")]
    _file: std::os::fd::OwnedFd,
}

/// The stream, and what was put into it.
pub(crate) struct Through {
    wanted: Wanted,
    staged: Staged,
    replaced: Option<Replaced>,
    put: Vec<u8>,
    barriers: Vec<Barrier>,
    is_closed: bool,
    is_cancelled: bool,
    /// What is replaced is in its place, whatever comes then.
    has_concluded: bool,
}

impl Through {
    /// One whose target answers writes by `replies`, and settles by `settles`; behind them it does all.
    pub(crate) fn new(wanted: Wanted, replies: &[Reply], settles: &[Reply]) -> Self {
        let (staged, replaced) =
            if wanted.is_atomic { Self::replacing(wanted) } else { (Staged::new(wanted.stages(), []), None) };
        for reply in replies {
            staged.script.then(answer(&staged, *reply));
        }
        for reply in settles {
            staged.script.then_settle(answer(&staged, *reply));
        }
        Self {
            wanted,
            staged,
            replaced,
            put: Vec::new(),
            barriers: Vec::new(),
            is_closed: false,
            is_cancelled: false,
            has_concluded: false,
        }
    }

    #[cfg(target_os = "linux")]
    fn replacing(wanted: Wanted) -> (Staged, Option<Replaced>) {
        use std::{
            ffi::CString,
            os::{fd::AsRawFd, unix::ffi::OsStrExt},
        };

        use rustix::fs::{Mode, OFlags, open};
        use spillway::os::{File, Replacement};

        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("file");
        fs::write(&path, OLD).expect("it can be made");
        let c_path = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a temporary path");
        let replacement = Replacement::prepare(&c_path, false).expect("it can be replaced");
        let (temporary, flags) = replacement.request();
        let temporary = CString::new(temporary).expect("no NUL");
        let flags = OFlags::from_bits_retain(flags.cast_unsigned());
        let file = open(temporary.as_c_str(), flags, Mode::from_raw_mode(0o644)).expect("it can be made");
        let staged = Staged::waiting(wanted.stages());
        staged.stream.replace(replacement, false);
        staged.stream.give_file(File::share(file.as_raw_fd(), None).expect("it is open"));
        (staged, Some(Replaced { folder, path, _file: file }))
    }

    #[cfg(not(target_os = "linux"))]
    fn replacing(wanted: Wanted) -> (Staged, Option<Replaced>) {
        (Staged::new(wanted.stages(), []), None)
    }

    fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        let start = self.put.len();
        stretch(start..start + count)
    }

    /// What was put is accepted, unless it comes too late.
    fn accept(&mut self, bytes: &[u8]) {
        if !self.is_closed {
            self.put.extend_from_slice(bytes);
        }
    }

    /// Does `op`.
    ///
    /// # Panics
    /// If the file is not what it must be.
    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Fill(count) => {
                let bytes = self.next_bytes(count.min(SLAB));
                if bytes.len() > self.staged.feeder.room() {
                    self.staged.feeder.next_slab(SLAB);
                }
                if self.staged.feeder.room() > 0 {
                    self.staged.feeder.fill(&bytes);
                    self.accept(&bytes);
                }
            }
            Op::Append(count) => {
                let bytes = self.next_bytes(count);
                self.staged.feeder.append(&bytes);
                self.accept(&bytes);
            }
            Op::Source(count) => {
                let bytes = self.next_bytes(count);
                let source: Arc<Source> = model::source(Kind::File, &bytes).0;
                self.staged.feeder.append_source(Piece::new(source, u64::MAX));
                self.accept(&bytes);
            }
            Op::Barrier(how) => {
                self.staged.feeder.append_barrier(how);
                if !self.is_closed {
                    let offset = self.staged.feeder.accepted as u64;
                    self.barriers.push(Barrier { offset, put: self.put.len(), how: self.wanted.least(how) });
                }
            }
            // Offsets mean nothing behind it.
            Op::MakeWhole => {
                self.staged.stream.make_whole();
                self.is_closed = true;
                self.staged.stream.finish();
            }
            Op::Step => _ = self.step(),
            Op::Steps => self.steps(),
            Op::Finish => {
                self.staged.stream.finish();
                self.is_closed = true;
            }
            Op::Cancel(ahead) => {
                // What has ended stays as it is.
                self.is_cancelled |= !self.staged.stream.is_over();
                self.is_closed = true;
                self.staged.stream.cancel(self.staged.stream.settled() + ahead as u64);
            }
        }
        self.check_barriers();
    }

    fn step(&mut self) -> Step {
        let step = writer::step(&self.staged.stream);
        self.has_concluded |= step == Step::Concluded;
        step
    }

    fn steps(&mut self) {
        while matches!(self.step(), Step::Went(_) | Step::Blocked | Step::Concluded) {}
    }

    /// What lies before a barrier that is settled was in the file when that was settled so.
    fn check_barriers(&mut self) {
        // What becomes of barriers that were dropped says nothing, nor does what lies in a file without a name.
        if self.is_cancelled || self.replaced.is_some() {
            return;
        }
        let settled = self.staged.stream.settled();
        let taken = self.staged.script.taken();
        let asked = self.staged.script.settled();
        let (wanted, put) = (self.wanted, &self.put);
        self.barriers.retain(|barrier| {
            let is_settled = barrier.offset <= settled;
            if is_settled {
                let before = &put[..barrier.put];
                let is_down = |(how, count): &(Settle, usize)| {
                    *how >= barrier.how && wanted.read(&taken[..*count]).starts_with(before)
                };
                assert!(asked.iter().any(is_down), "what lies before a barrier is down");
            }
            !is_settled
        });
    }

    /// Ends the stream, if it has not ended, and compares the file.
    ///
    /// # Panics
    /// If it is not what it must be.
    pub(crate) fn finish(mut self) {
        self.apply(Op::Finish);
        self.steps();
        self.check_barriers();
        let Staged { stream, script, .. } = &self.staged;
        assert!(stream.is_over());
        let is_whole = stream.failure().is_none() && !self.is_cancelled;
        let file = match &self.replaced {
            Some(replaced) => fs::read(&replaced.path).expect("it is there, old or new"),
            None => script.taken(),
        };
        if self.replaced.is_some() && !is_whole && !self.has_concluded {
            assert_eq!(file, OLD);
        } else {
            let read = self.wanted.read(&file);
            assert!(self.put.starts_with(&read), "the file has what was put, in order");
            assert!(!is_whole || read == self.put, "the file has all that was put");
        }
        let digested = if self.wanted.of_file { &file } else { &self.put };
        let mut crc = Crc::new();
        crc.update(digested);
        let expected = (is_whole && self.wanted.digest).then(|| crc.sum().to_be_bytes().to_vec());
        assert_eq!(stream.digest(0), expected);
        if let Some(replaced) = &self.replaced {
            assert_eq!(fs::read_dir(replaced.folder.path()).expect("it is there").count(), 1);
        } else {
            assert!(script.is_dropped());
        }
    }
}

/// What another does meanwhile is no part of these programs.
fn answer(staged: &Staged, reply: Reply) -> Answer {
    let reply = if let Reply::Meets(Other::Finish | Other::Cancel(_), most) = reply {
        Reply::Take(most)
    } else {
        reply
    };
    model::answer(&staged.stream, reply)
}
