//! What is to be done with the files of a log that rotates: decided from what the folder and the clock
//! show, and from nothing else, so that a restart and another process decide the same.

use std::{cmp::Ordering, collections::BTreeSet};

use crate::target::Compression;

/// When a file is closed, and what becomes of the closed ones.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Most bytes in one file, unless one chunk alone has more.
    pub size: Option<u64>,
    /// Whether each period has files of its own.
    pub is_timed: bool,
    /// Whether files are cut behind the end of a line, whatever chunks it comes in; else between chunks.
    pub by_lines: bool,
    /// Which closed files stay.
    pub keep: Option<Keep>,
    /// Most bytes of all files together.
    pub max_total: Option<u64>,
    /// How closed files are compressed, if they are.
    pub compress: Option<Compression>,
    /// How the names of closed files look: what stands between numbers. One of the forms is enough.
    pub family: Vec<Vec<String>>,
}

/// Which closed files stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many.
    Files(usize),
    /// Those that were written to within so many milliseconds.
    For(u64),
}

/// A part of time, and the names of the files that are closed in there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// When it begins, in milliseconds since 1970. It ends where the next one begins.
    pub start: u64,
    /// What stands before the number of the file.
    pub before: String,
    /// What stands behind it.
    pub after: String,
    /// Digits of the number, at least.
    pub digits: usize,
    /// Whether the first file has no number, and a dot stands before that of the others.
    pub is_first_bare: bool,
}

impl Period {
    /// The name of file `index`: they count from 1.
    #[must_use]
    pub fn name(&self, index: u64) -> String {
        let Self { before, after, digits, is_first_bare, .. } = self;
        match (is_first_bare, index) {
            (true, 1) => format!("{before}{after}"),
            (true, _) => format!("{before}.{index}{after}"),
            (false, _) => format!("{before}{index:0digits$}{after}"),
        }
    }

    /// The number of the file that is called `name`, compressed or not.
    fn index_of(&self, name: &str) -> Option<u64> {
        let number = plain_name(name).strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        if !self.is_first_bare {
            return number.parse().ok();
        }
        if number.is_empty() { Some(1) } else { number.strip_prefix('.')?.parse().ok() }
    }

    /// The number of the next file, when the folder has files of these names.
    pub fn next_index<'a>(&self, names: impl Iterator<Item = &'a str>) -> u64 {
        names.filter_map(|name| self.index_of(name)).max().map_or(1, |index| index.saturating_add(1))
    }
}

/// The periods that JavaScript, which knows where days begin and end, has told of, in their order.
#[derive(Clone, Debug, Default)]
pub struct Calendar(pub Vec<Period>);

impl Calendar {
    /// The period of `time`. What comes behind the last that is known belongs to that.
    #[must_use]
    pub fn at(&self, time: u64) -> Option<&Period> {
        let begun = self.0.partition_point(|period| period.start <= time);
        self.0.get(begun.saturating_sub(1))
    }
}

/// The file that is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Active {
    /// Its bytes.
    pub(super) size: u64,
    /// When it was written to first, as far as that is known.
    pub(super) since: u64,
}

/// Whether a chunk of `next` bytes is for another file than `active`, at the time `now`.
#[must_use]
pub(super) fn is_due(rules: &Rules, calendar: &Calendar, active: Active, next: u64, now: u64) -> bool {
    let is_full = rules.size.is_some_and(|size| active.size.saturating_add(next) > size);
    let start = |time| calendar.at(time).map(|period| period.start);
    let is_old = || rules.is_timed && start(active.since) < start(now);
    active.size > 0 && (is_full || is_old())
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// When it was written to last, in milliseconds since 1970.
    pub(crate) modified: u64,
}

/// What is to be done with closed files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tidying {
    /// These are removed.
    pub(super) remove: Vec<String>,
    /// These are compressed then, the oldest first.
    pub(super) compress: Vec<String>,
    /// What was to be called so may have been left half done.
    pub(super) unfinished: BTreeSet<String>,
}

/// What is to be done with the closed files among `found`, while the open one has `active` bytes.
#[must_use]
pub(super) fn tidy(rules: &Rules, mut found: Vec<Found>, active: u64, now: u64) -> Tidying {
    let unfinished = found.iter().filter_map(|file| unfinished(&file.name));
    let unfinished = unfinished.filter(|name| is_of(&rules.family, name)).map(str::to_owned).collect();
    let mut tidying = Tidying { unfinished, ..Tidying::default() };
    found.retain(|file| is_of(&rules.family, &file.name));
    found.sort_by(by_age);
    if rules.compress.is_some() {
        // The compressed file has its name when it is whole: the process ended before the plain one was removed.
        let names: BTreeSet<_> = found.iter().map(|file| file.name.clone()).collect();
        let is_done = |name: &str| SUFFIXES.iter().any(|suffix| names.contains(&format!("{name}{suffix}")));
        found.retain(|file| {
            !is_done(&file.name) || {
                tidying.remove.push(file.name.clone());
                false
            }
        });
    }
    let kept = found.split_off(first_kept(rules, &found, active, now));
    tidying.remove.extend(found.into_iter().map(|file| file.name));
    if rules.compress.is_some() {
        tidying.compress =
            kept.into_iter().map(|file| file.name).filter(|name| plain_name(name) == name).collect();
    }
    tidying
}

/// How many of `found`, the oldest first, do not stay.
fn first_kept(rules: &Rules, found: &[Found], active: u64, now: u64) -> usize {
    let by_keep = match rules.keep {
        None => 0,
        Some(Keep::Files(count)) => found.len().saturating_sub(count),
        Some(Keep::For(time)) => found.partition_point(|file| file.modified.saturating_add(time) < now),
    };
    let Some(most) = rules.max_total else { return by_keep };
    let mut total = active;
    let newest_first = found.iter().rev().take_while(|file| {
        total = total.saturating_add(file.size);
        total <= most
    });
    by_keep.max(found.len() - newest_first.count())
}

/// The ends of the names of compressed files.
const SUFFIXES: [&str; 2] = [".gz", ".zst"];

/// The name of the file before it was compressed.
fn plain_name(name: &str) -> &str {
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// The names that the closed file `name` may have, in the order in which it gets them.
pub(super) fn names_of(name: &str) -> impl Iterator<Item = String> {
    [""].iter().chain(&SUFFIXES).map(move |suffix| format!("{name}{suffix}"))
}

/// The name that a temporary file was to get: see `os::Replacement`.
fn unfinished(name: &str) -> Option<&str> {
    let (name, _number) = name.strip_prefix('.')?.strip_suffix(".spillway")?.rsplit_once('.')?;
    Some(name)
}

/// Whether a file of that name is one of ours.
fn is_of(family: &[Vec<String>], name: &str) -> bool {
    family.iter().any(|texts| is_of_form(texts, plain_name(name)))
}

fn is_of_form(texts: &[String], mut name: &str) -> bool {
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            let rest = name.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if rest.len() == name.len() {
                return false;
            }
            name = rest;
        }
        let Some(rest) = name.strip_prefix(&**text) else { return false };
        name = rest;
    }
    name.is_empty()
}

/// The older one first; of those of one instant, the one of the lower numbers.
fn by_age(one: &Found, other: &Found) -> Ordering {
    one.modified
        .cmp(&other.modified)
        .then_with(|| numbers(&one.name).cmp(&numbers(&other.name)))
        .then_with(|| one.name.cmp(&other.name))
}

fn numbers(name: &str) -> Vec<u64> {
    name.split(|letter: char| !letter.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;
