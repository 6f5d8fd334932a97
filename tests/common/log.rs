//! A log that rotates in a folder of its own, and streams into it that are stepped by hand.

#![allow(dead_code, reason = "each test binary takes what it needs of this")]

use std::{
    cell::Cell,
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use spillway::{
    os::File,
    page::Pages,
    stream::Stream,
    target::{Calendar, Change, News, Period, Rotation, Rules, Stages},
    writer::{self, Step},
};
use tempfile::TempDir;

use crate::common::{Bell, Feeder};

thread_local! {
    /// What the clock shows, in milliseconds.
    pub(crate) static NOW: Cell<u64> = const { Cell::new(1000) };
}

/// A log in a folder of its own.
pub(crate) struct Log {
    folder: TempDir,
    rules: Rules,
}

/// A stream into it.
pub(crate) struct Writer {
    pub(crate) stream: Arc<Stream>,
    pub(crate) feeder: Feeder,
    pub(crate) bell: Bell,
}

fn period(start: u64, before: &str) -> Period {
    Period { start, before: before.into(), after: ".log".into(), digits: 1, is_first_bare: false }
}

impl Log {
    pub(crate) fn new(rules: Rules) -> Self {
        NOW.set(1000);
        let folder = tempfile::tempdir().expect("a folder for the test");
        let family = vec![["app-", ".", ".log"].map(String::from).into()];
        Self { folder, rules: Rules { family, ..rules } }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("app.log")
    }

    pub(crate) fn open(&self) -> Writer {
        let bell = Bell::default();
        let rotation =
            Rotation::new(self.path(), false, self.rules.clone(), bell.listener()).with_clock(|| NOW.get());
        rotation.set_calendar(Calendar(vec![
            period(0, "app-0."),
            period(2000, "app-2."),
            period(4000, "app-4."),
        ]));
        let stages = Stages { rotation: Some(Arc::new(rotation)), ..Stages::default() };
        let stream = Stream::with_stages(stages, Pages::default().take(), bell.listener());
        // Ours: of one that is opened by path JavaScript closes the descriptor.
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(self.path());
        let file = File::owned(file.expect("it can be opened").into());
        stream.give_file(file.expect("it is open"));
        let feeder = Feeder::new(&stream);
        Writer { stream, feeder, bell }
    }

    /// The files and what they have, in the order of their names; of compressed ones only the names.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .expect("it is there")
            .map(|entry| entry.expect("it is there"))
            .map(|entry| (entry.file_name().into_string().expect("ASCII"), read(&entry.path())))
            .collect();
        files.sort();
        files
    }

    pub(crate) fn contents(&self) -> Vec<String> {
        self.files().into_iter().map(|(name, content)| format!("{name}={content}")).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.files().into_iter().map(|(name, _)| name).collect()
    }
}

impl Writer {
    pub(crate) fn write(&mut self, chunks: &[&str]) {
        for chunk in chunks {
            self.feeder.append(chunk.as_bytes());
        }
        self.step();
    }

    pub(crate) fn look(&mut self) {
        self.stream.append_change(Change::Turn);
        self.feeder.accepted += 1;
        self.step();
    }

    pub(crate) fn step(&self) {
        while matches!(writer::step(&self.stream), Step::Went(_)) {}
    }

    pub(crate) fn news(&self) -> Vec<News> {
        self.stream.rotation().expect("it rotates").take_news()
    }
}
