//! What the stage, its background work and JavaScript share of one log.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

use super::{
    cut::Whole,
    parent,
    plan::{self, Active, Calendar, Period, Rules},
    tidy,
};
use crate::{error::Failure, runtime, stream::Listener};

/// How often it is tried again to compress a file that somebody has, after 1, 2, 4 … milliseconds: a child process that
/// begins has all files of this one until it is another program. A process that writes to it may have it for days.
const TIMES: u32 = 9;

/// What JavaScript is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A file is closed, and as it is to stay: its path and its bytes.
    Rotated(PathBuf, u64),
    /// Something could not be done, and all goes on without it.
    Warning(Failure),
}

impl News {
    pub(super) fn warning(error: &io::Error) -> Self {
        Self::Warning(Failure::from_io(error))
    }
}

/// Whether closed files are being tidied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tidying {
    Not,
    Now,
    /// And there is more to be done since.
    Again,
}

/// One log that rotates.
pub struct Rotation {
    /// The file that is written.
    pub(super) path: PathBuf,
    /// Whether folders that are missing are made.
    pub(super) mkdir: bool,
    pub(super) rules: Rules,
    calendar: Mutex<Calendar>,
    /// The time, in milliseconds since 1970.
    clock: fn() -> u64,
    /// Waits so long.
    pause: fn(Duration),
    news: Mutex<Vec<News>>,
    tidying: Mutex<Tidying>,
    listener: Box<dyn Listener>,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rotation").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Rotation {
    /// The log at `path`, which is absolute. `listener` hears of [`News`].
    #[must_use]
    pub fn new(path: PathBuf, mkdir: bool, rules: Rules, listener: Box<dyn Listener>) -> Self {
        Self {
            path,
            mkdir,
            rules,
            calendar: Mutex::default(),
            clock,
            pause: thread::sleep,
            news: Mutex::default(),
            tidying: Mutex::new(Tidying::Not),
            listener,
        }
    }

    /// The same by another clock, by which nobody waits, for tests.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> u64) -> Self {
        Self { clock, pause: |_| {}, ..self }
    }

    /// The periods to come, and the one of a file that is there.
    pub fn set_calendar(&self, calendar: Calendar) {
        *self.calendar.lock() = calendar;
    }

    /// What there is to be told.
    pub fn take_news(&self) -> Vec<News> {
        std::mem::take(&mut *self.news.lock())
    }

    pub(super) fn tell(&self, news: News) {
        self.news.lock().push(news);
        self.listener.wake();
    }

    pub(super) fn now(&self) -> u64 {
        (self.clock)()
    }

    pub(super) fn folder(&self) -> &Path {
        parent(&self.path)
    }

    pub(super) fn is_due(&self, active: Active, next: u64, now: u64) -> bool {
        plan::is_due(&self.rules, &self.calendar.lock(), active, next, now)
    }

    /// Bytes for which a file of `size` bytes has room.
    pub(super) fn room(&self, size: u64) -> u64 {
        self.rules.size.map_or(u64::MAX, |most| most.saturating_sub(size))
    }

    /// What is never cut.
    pub(super) fn whole(&self) -> Whole {
        if self.rules.by_lines { Whole::Lines } else { Whole::Chunks }
    }

    /// By which the file is named that is closed at the time `now`.
    pub(super) fn period(&self, active: Active, now: u64) -> Period {
        let time = if self.rules.is_timed { active.since } else { now };
        self.calendar.lock().at(time).cloned().unwrap_or_else(|| self.plain_period())
    }

    /// Where nobody has told of any period.
    fn plain_period(&self) -> Period {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Period { before: format!("{name}."), digits: 1, ..Period::default() }
    }

    /// The file is called `name` now, and has `size` bytes.
    pub(super) fn closed(self: &Arc<Self>, name: &str, size: u64) {
        if self.rules.compress.is_none() {
            self.tell(News::Rotated(self.folder().join(name), size));
        }
        self.request_tidying();
    }

    /// Has closed files compressed and removed, beside the writing.
    pub(super) fn request_tidying(self: &Arc<Self>) {
        if self.rules.compress.is_none() && self.rules.keep.is_none() && self.rules.max_total.is_none() {
            return;
        }
        let mut tidying = self.tidying.lock();
        if *tidying != Tidying::Not {
            *tidying = Tidying::Again;
            return;
        }
        *tidying = Tidying::Now;
        drop(tidying);
        let rotation = Arc::clone(self);
        runtime::spawn_beside(move || rotation.tidy_all());
    }

    fn tidy_all(&self) {
        let mut times = 0;
        loop {
            let is_all = tidy::tidy(self).unwrap_or_else(|error| {
                self.tell(News::warning(&error));
                true
            });
            if !is_all && times < TIMES {
                (self.pause)(Duration::from_millis(1 << times));
                times += 1;
                continue;
            }
            let mut tidying = self.tidying.lock();
            if *tidying == Tidying::Now {
                *tidying = Tidying::Not;
                return;
            }
            *tidying = Tidying::Now;
            times = 0;
        }
    }
}

fn clock() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
