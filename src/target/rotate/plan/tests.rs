use super::*;
use crate::target::Format;

const HOUR: u64 = 3_600_000;

fn period(start: u64, before: &str) -> Period {
    Period { start, before: before.into(), after: ".log".into(), digits: 1, is_first_bare: false }
}

fn calendar() -> Calendar {
    Calendar(vec![period(HOUR, "one."), period(2 * HOUR, "two."), period(3 * HOUR, "three.")])
}

fn found(name: &str, size: u64, modified: u64) -> Found {
    Found { name: name.into(), size, modified }
}

fn family() -> Vec<Vec<String>> {
    vec![["app-", ".", ".log"].map(String::from).into()]
}

fn names(files: &[Found], rules: &Rules, active: u64, now: u64) -> (Vec<String>, Vec<String>) {
    let Tidying { remove, compress, .. } = tidy(rules, files.to_vec(), active, now);
    (remove, compress)
}

#[test]
fn a_file_is_full_with_the_chunk_that_would_pass_the_size() {
    let rules = Rules { size: Some(100), ..Rules::default() };
    let is_due = |size, next| is_due(&rules, &calendar(), Active { size, since: HOUR }, next, 3 * HOUR);
    assert!(!is_due(0, 1000), "it has a file of its own");
    assert!(!is_due(40, 60));
    assert!(is_due(40, 61));
    assert!(is_due(200, 1));
    assert!(!is_due(100, 0), "nothing is to be written");
}

#[test]
fn a_file_is_old_when_the_next_period_begins() {
    let rules = Rules { is_timed: true, ..Rules::default() };
    let is_due = |since, now| is_due(&rules, &calendar(), Active { size: 1, since }, 1, now);
    assert!(!is_due(HOUR, 2 * HOUR - 1));
    assert!(is_due(HOUR, 2 * HOUR));
    assert!(is_due(2 * HOUR - 1, 2 * HOUR));
    assert!(!is_due(2 * HOUR, 2 * HOUR));
    assert!(is_due(HOUR, 9 * HOUR));
    assert!(!is_due(3 * HOUR, 9 * HOUR), "nobody has told of a later one");
    assert!(!is_due(2 * HOUR, HOUR), "the clock was set back");
    assert!(!super::is_due(&rules, &calendar(), Active { size: 0, since: HOUR }, 1, 3 * HOUR), "it is empty");
}

#[test]
fn time_belongs_to_the_last_period_that_has_begun() {
    let calendar = calendar();
    let before = |time| calendar.at(time).map(|period| &*period.before);
    assert_eq!(
        [0, HOUR, 2 * HOUR - 1, 2 * HOUR, 99 * HOUR].map(before),
        [Some("one."), Some("one."), Some("one."), Some("two."), Some("three.")]
    );
    assert_eq!(Calendar::default().at(5), None);
}

#[test]
fn numbers_go_on_behind_the_highest_of_the_folder() {
    let next = |period: &Period, names: &[&str]| period.next_index(names.iter().copied());
    let plain = period(0, "app.");
    assert_eq!(next(&plain, &[]), 1);
    assert_eq!(next(&plain, &["app.1.log", "app.3.log.gz", "app.2.log.zst"]), 4);
    assert_eq!(next(&plain, &["app.x.log", "other.7.log", "app.log", "app.9.txt"]), 1);
    assert_eq!(next(&plain, &["app.18446744073709551615.log"]), u64::MAX);
    let padded = Period { digits: 3, ..plain.clone() };
    assert_eq!((padded.name(7), next(&padded, &["app.007.log"])), ("app.007.log".into(), 8));
    let bare = Period { before: "app".into(), is_first_bare: true, ..plain };
    assert_eq!((bare.name(1), bare.name(2)), ("app.log".into(), "app.2.log".into()));
    assert_eq!(next(&bare, &["app.log"]), 2);
    assert_eq!(next(&bare, &["app.log.gz", "app.5.log"]), 6);
    assert_eq!(next(&bare, &["apple.log", "app7.log"]), 1);
}

#[test]
fn the_newest_files_stay() {
    let files = [
        found("app-1.10.log", 1, 5),
        found("app-1.9.log", 1, 5),
        found("app-2.1.log.gz", 1, 9),
        found("app-0.1.log", 1, 1),
    ];
    let rules = |count| Rules { keep: Some(Keep::Files(count)), family: family(), ..Rules::default() };
    assert_eq!(names(&files, &rules(4), 0, 10).0, [""; 0]);
    assert_eq!(names(&files, &rules(2), 0, 10).0, ["app-0.1.log", "app-1.9.log"]);
    assert_eq!(names(&files, &rules(0), 0, 10).0.len(), 4);
}

#[test]
fn what_is_none_of_ours_stays() {
    let files = [
        "app.log",
        "app-1.log",
        "app-x.1.log",
        "app-1.1.log.bz2",
        "my-app-1.1.log",
        "app-1.1.log.tmp",
        "app-.1.log",
    ]
    .map(|name| found(name, 1, 1));
    let rules = Rules {
        keep: Some(Keep::Files(0)),
        max_total: Some(0),
        compress: Some(GZIP),
        family: family(),
        ..Rules::default()
    };
    assert_eq!(names(&files, &rules, 0, 10), (vec![], vec![]));
}

#[test]
fn old_files_go() {
    let files = [found("app-1.1.log", 1, 100), found("app-1.2.log", 1, 200), found("app-1.3.log", 1, 300)];
    let rules = Rules { keep: Some(Keep::For(100)), family: family(), ..Rules::default() };
    assert_eq!(names(&files, &rules, 0, 300).0, ["app-1.1.log"]);
    assert_eq!(names(&files, &rules, 0, 200).0, [""; 0]);
}

#[test]
fn all_files_together_stay_below_the_total() {
    let files = [found("app-1.1.log", 50, 1), found("app-1.2.log", 30, 2), found("app-1.3.log", 20, 3)];
    let rules = Rules { max_total: Some(60), family: family(), ..Rules::default() };
    assert_eq!(names(&files, &rules, 10, 9).0, ["app-1.1.log"]);
    assert_eq!(names(&files, &rules, 11, 9).0, ["app-1.1.log", "app-1.2.log"]);
    assert_eq!(names(&files, &rules, 70, 9).0.len(), 3);
    let rules = Rules { keep: Some(Keep::Files(1)), ..rules };
    assert_eq!(names(&files, &rules, 0, 9).0.len(), 2, "the stricter of the two counts");
}

const GZIP: Compression = Compression { format: Format::Gzip, level: 1, threads: 1 };

#[test]
fn what_is_compressed_already_is_not_compressed_again() {
    let files = [
        found("app-1.1.log", 9, 1),
        found("app-1.1.log.gz", 1, 1),
        found("app-1.2.log", 9, 2),
        found("app-1.3.log.zst", 1, 3),
    ];
    let rules = Rules { compress: Some(GZIP), family: family(), ..Rules::default() };
    assert_eq!(names(&files, &rules, 0, 9), (vec!["app-1.1.log".into()], vec!["app-1.2.log".into()]));
    let rules = Rules { keep: Some(Keep::Files(1)), ..rules };
    assert_eq!(names(&files, &rules, 0, 9).1, [""; 0], "what is to be removed is not compressed");
    let rules = Rules { compress: None, keep: None, ..rules };
    assert_eq!(names(&files, &rules, 0, 9), (vec![], vec![]));
}

#[test]
fn what_was_left_half_done_is_known_by_the_name_that_it_was_to_get() {
    let files = [
        ".app-1.1.log.gz.12-34-56.spillway",
        ".other.log.gz.1-2-3.spillway",
        ".app-1.1.log.spillway",
        ".spillway",
    ]
    .map(|name| found(name, 1, 1));
    let rules = Rules { family: family(), ..Rules::default() };
    let unfinished = tidy(&rules, files.to_vec(), 0, 9).unfinished;
    assert_eq!(unfinished.into_iter().collect::<Vec<_>>(), ["app-1.1.log.gz"]);
}
