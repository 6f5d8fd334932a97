//! Other files in the place of the one that is written, for JavaScript.

use std::{ffi::CString, sync::Arc};

use napi::{Error, Result};
use napi_derive::napi;

use super::{fault::Fault, hub::Compress, number, offset_of, sink::Sink};
use crate::{
    stream::{Listener, Request},
    target::{Calendar, Change, Compression, Keep, News, Period, Rotation, Rules},
};

/// When a file is closed, and what becomes of the closed ones. [`Rules`].
#[napi(object)]
#[derive(Debug)]
pub struct Rotate {
    /// The path of the file that is written: an absolute one.
    pub path: String,
    /// Whether folders that are missing are made.
    pub mkdir: bool,
    /// Most bytes in a file.
    pub size: Option<f64>,
    /// Whether each period has files of its own.
    pub is_timed: bool,
    /// Whether files are cut behind the ends of lines.
    pub by_lines: bool,
    /// How many closed files stay.
    pub keep: Option<u32>,
    /// How long closed files stay, in milliseconds.
    pub keep_for: Option<f64>,
    /// Most bytes of all files together.
    pub max_total: Option<f64>,
    /// How closed files are compressed, if they are.
    pub compress: Option<Compress>,
    /// How the names of closed files look: what stands between numbers.
    pub family: Vec<Vec<String>>,
}

impl Rotate {
    /// The rotation of a stream, of which `listener` hears.
    pub(super) fn into_rotation(self, listener: Box<dyn Listener>) -> Arc<Rotation> {
        let files = self.keep.map(|count| Keep::Files(count as usize));
        let rules = Rules {
            size: self.size.map(offset_of),
            is_timed: self.is_timed,
            by_lines: self.by_lines,
            keep: files.or(self.keep_for.map(|time| Keep::For(offset_of(time)))),
            max_total: self.max_total.map(offset_of),
            compress: self.compress.map(Compression::from),
            family: self.family,
        };
        Arc::new(Rotation::new(self.path.into(), self.mkdir, rules, listener))
    }
}

/// A part of time, and the names of files that are closed in there. [`Period`].
#[napi(object)]
#[derive(Debug)]
pub struct NamedPeriod {
    /// When it begins, in milliseconds since 1970.
    pub start: f64,
    /// What stands before the number of a file.
    pub before: String,
    /// What stands behind it.
    pub after: String,
    /// Digits of the number, at least.
    pub digits: u32,
    /// Whether the first file has no number, and a dot stands before that of the others.
    pub is_first_bare: bool,
}

impl From<NamedPeriod> for Period {
    fn from(NamedPeriod { start, before, after, digits, is_first_bare }: NamedPeriod) -> Self {
        Self { start: offset_of(start), before, after, digits: digits as usize, is_first_bare }
    }
}

/// What has become of a rotation: a file that is closed, or why something could not be done.
#[napi(object)]
#[derive(Debug)]
pub struct RotationNews {
    /// The path of the closed file.
    pub path: Option<String>,
    /// Its bytes.
    pub bytes: Option<f64>,
    /// Why something could not be done.
    pub fault: Option<Fault>,
}

impl From<News> for RotationNews {
    fn from(news: News) -> Self {
        match news {
            News::Rotated(path, bytes) => Self {
                path: Some(path.to_string_lossy().into_owned()),
                bytes: Some(number(bytes)),
                fault: None,
            },
            News::Warning(failure) => Self { path: None, bytes: None, fault: Some(failure.into()) },
        }
    }
}

#[napi]
impl Sink {
    /// Appends a change of the file: what lies behind it goes to the one at `path`, which is opened then.
    /// `flags` and `mode` are those of `open(2)`. It counts as one byte in the offsets of the stream.
    #[napi(catch_unwind)]
    pub fn append_reopen(&self, path: &[u8], flags: i32, mode: u16, mkdir: bool) -> Result<()> {
        let path = CString::new(path).map_err(Error::from)?;
        self.stream.append_change(Change::Reopen(Request { path, flags, mode, start: None, mkdir }));
        Ok(())
    }

    /// Appends a look whether it is time for the next file, which counts as one byte, too.
    #[napi(catch_unwind)]
    pub fn append_turn(&self) {
        self.stream.append_change(Change::Turn);
    }

    /// From now on a cut may be made behind what was filled.
    #[napi(catch_unwind)]
    pub fn seal(&self) {
        self.stream.seal();
    }

    /// The periods to come, in their order.
    #[napi(catch_unwind)]
    pub fn set_calendar(&self, periods: Vec<NamedPeriod>) {
        if let Some(rotation) = self.stream.rotation() {
            rotation.set_calendar(Calendar(periods.into_iter().map(Period::from).collect()));
        }
    }

    /// What has become of rotations since it was asked last.
    #[napi(catch_unwind)]
    pub fn rotation_news(&self) -> Vec<RotationNews> {
        let news = self.stream.rotation().map(Rotation::take_news).unwrap_or_default();
        news.into_iter().map(RotationNews::from).collect()
    }
}
