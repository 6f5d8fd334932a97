//! A system that gives no more threads.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;

use std::{env, fs, path::Path, process::Command, thread};

use rustix::{
    io::Errno,
    param::page_size,
    process::{Resource, Rlimit, Uid, getrlimit, setrlimit},
};
use spillway::runtime;

use common::{
    Answer::Take,
    Bell, Held, Script,
    fed::{Fed, until},
    opening, pattern,
    unix::request,
};

/// Has `work` done by test `name` in a process of its own, which it may harm.
fn in_its_own_process(name: &str, work: impl FnOnce()) {
    const IS_OWN: &str = "SPILLWAY_TEST_HAS_ITS_OWN_PROCESS";
    if env::var_os(IS_OWN).is_some() {
        return work();
    }
    let program = env::current_exe().expect("Linux");
    let run = Command::new(program).args(["--exact", name, "--nocapture"]).env(IS_OWN, "").output();
    let output = run.expect("it can be started again");
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && texts[0].contains("1 passed"), "{}", texts.concat());
}

/// The number of threads that this user may have.
struct Threads(Rlimit);

impl Threads {
    /// Only in a process of its own.
    fn new() -> Self {
        let nobody = Uid::from_raw(65_534);
        // To root no thread is refused, and nor is it to the threads that root
        // makes. Who may not become another is not that root.
        let _ = rustix::thread::set_thread_res_uid(nobody, nobody, nobody);
        Self(getrlimit(Resource::Nproc))
    }

    /// From here on the kernel refuses each new thread.
    fn refuse(&self) {
        setrlimit(Resource::Nproc, Rlimit { current: Some(0), ..self.0 }).expect("it may be less");
        thread::Builder::new().spawn(|| ()).expect_err("the kernel refuses threads");
    }

    fn allow(&self) {
        setrlimit(Resource::Nproc, self.0).expect("it may be what it was");
    }
}

/// More streams than the pool has threads.
const MANY: usize = 20;

#[test]
fn a_runtime_that_gets_no_thread_is_an_error_and_may_be_started_later() {
    in_its_own_process("a_runtime_that_gets_no_thread_is_an_error_and_may_be_started_later", || {
        let threads = Threads::new();
        threads.refuse();
        for _ in 0..3 {
            let error = runtime::start().expect_err("it has no thread");
            assert_eq!(error.raw_os_error(), Some(Errno::AGAIN.raw_os_error()));
        }
        threads.allow();
        let script = Script::default();
        let mut fed = Fed::into(script.target());
        fed.put(b"abc");
        fed.until_written();
        assert_eq!(script.taken(), b"abc");
    });
}

#[test]
fn a_runtime_that_finds_no_room_for_its_threads_is_an_error_and_may_be_started_later() {
    in_its_own_process(
        "a_runtime_that_finds_no_room_for_its_threads_is_an_error_and_may_be_started_later",
        || {
            let before = getrlimit(Resource::As);
            let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
            let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number");
            let limit = |room: u64| {
                let current = Some(pages * page_size() as u64 + room);
                setrlimit(Resource::As, Rlimit { current, ..before }).expect("it may be less");
            };
            // Threads could be made, but others would find nothing.
            for room in [100 << 20, 600 << 20] {
                limit(room);
                let error = runtime::start().expect_err("there is no room");
                assert_eq!(error.raw_os_error(), Some(Errno::NOMEM.raw_os_error()));
            }
            limit(1 << 30);
            let mut fed = Fed::into(Script::default().target());
            fed.put(b"abc");
            fed.until_written();
        },
    );
}

#[test]
fn the_first_thread_serves_all_streams_when_the_system_gives_no_other() {
    in_its_own_process("the_first_thread_serves_all_streams_when_the_system_gives_no_other", || {
        let threads = Threads::new();
        runtime::start().expect("there are threads yet");
        threads.refuse();
        // More than once: the thread that has served them stays.
        for _ in 0..3 {
            let mut streams: Vec<_> = (0..MANY)
                .map(|_| {
                    let script = Script::new([Take(1)]);
                    (Fed::into(script.target()), script)
                })
                .collect();
            for (fed, _) in &mut streams {
                fed.put(&pattern(100_000));
            }
            for (fed, script) in &streams {
                fed.until_written();
                assert!(script.has_taken(&pattern(100_000)));
            }
            let bell = Bell::default();
            // A file that anybody may open.
            let mut file = Fed::scheduled(opening(request(Path::new("/dev/null")), bell.listener()), bell);
            file.put(b"abc");
            file.until_written();
            for (fed, _) in &streams {
                until("each job is over", || fed.jobs() == 0);
            }
        }
    });
}

#[test]
fn a_stream_that_gets_no_thread_waits_for_that_of_another() {
    in_its_own_process("a_stream_that_gets_no_thread_waits_for_that_of_another", || {
        let threads = Threads::new();
        runtime::start().expect("there are threads yet");
        threads.refuse();
        let (answer, held) = Held::new();
        let mut first = Fed::into(Script::new([answer]).target());
        first.put(b"abc");
        held.until_entered();
        let mut others: Vec<_> = (0..MANY).map(|_| Fed::into(Script::default().target())).collect();
        for other in &mut others {
            other.put(b"def");
            assert_eq!((other.stream.failure(), other.stream.settled()), (None, 0));
        }
        held.end(Take(usize::MAX));
        for fed in others.iter().chain([&first]) {
            fed.until_written();
        }
    });
}

#[test]
fn streams_behind_one_that_hangs_go_on_when_the_system_gives_threads_again() {
    in_its_own_process("streams_behind_one_that_hangs_go_on_when_the_system_gives_threads_again", || {
        for count in [1, MANY] {
            let threads = Threads::new();
            runtime::start().expect("there are threads yet");
            threads.refuse();
            let (answer, held) = Held::new();
            let mut first = Fed::into(Script::new([answer]).target());
            first.put(b"abc");
            held.until_entered();
            let mut others: Vec<_> = (0..count).map(|_| Fed::into(Script::default().target())).collect();
            for other in &mut others {
                other.put(b"def");
            }
            threads.allow();
            for other in &others {
                other.until_written();
            }
            assert_eq!(first.stream.settled(), 0, "it hangs yet");
            held.end(Take(usize::MAX));
            first.until_written();
        }
    });
}
