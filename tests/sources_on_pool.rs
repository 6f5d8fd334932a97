//! Sources that the pool copies, and the reactor waits for.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/linux.rs"]
mod linux;

use std::{
    fs::{self, File as StdFile, OpenOptions},
    io::Write,
    iter,
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::{
    fs::{FileType, Mode},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};
use spillway::{
    flush,
    os::File,
    pool::THREADS,
    source::{Outcome, Piece, Source},
};

use common::{
    Answer::Errno as Refuse,
    PATIENCE, Script,
    fed::{
        Fed,
        linux::{Piped, read_exactly},
        until,
    },
    pattern,
    unix::count_descriptors,
};
use linux::{all, c_path, file, file_of, source_in};

/// A stream that copies a pipe.
struct Drain {
    fed: Fed,
    script: Script,
    source: Arc<Source>,
    /// Where to put what is to be copied.
    writer: StdFile,
    /// Of the pipe, in `/proc/self/fd`.
    name: PathBuf,
}

impl Drain {
    fn new(flags: PipeFlags) -> Self {
        let (reader, writer) = pipe_with(flags).expect("a pipe can be made");
        let name = file_of(reader.as_raw_fd());
        let (script, source) = (Script::default(), source_in(reader));
        let mut fed = Fed::into(script.target());
        fed.put_source(all(&source));
        // The writer waits for room, whatever the flags of the pipe.
        rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).expect("it is open");
        Self { fed, script, source, writer: writer.into(), name }
    }

    /// Waits until the pool has read all that there is, and waits for more: then there are, besides the
    /// writer's, the source's own descriptor and the one that lies with the reactor.
    fn until_starved(&self) {
        until("the reactor has a descriptor of the pipe", || count_descriptors(&self.name) == 3);
    }
}

#[test]
fn a_pipe_is_copied_until_its_end() {
    for flags in [PipeFlags::CLOEXEC, PipeFlags::NONBLOCK] {
        let Drain { mut fed, script, source, mut writer, name } = Drain::new(flags);
        fed.put(b"!");
        let bytes = pattern(1 << 20);
        for part in bytes.chunks(100_000) {
            writer.write_all(part).expect("it is read");
        }
        drop(writer);
        fed.until_written();
        assert!(script.has_taken(&[&bytes[..], b"!"].concat()));
        assert_eq!((source.outcome(), fed.stream.copied()), (Some(Outcome::Ended), 1 << 20));
        drop(source);
        until("it is closed", || count_descriptors(&name) == 0);
    }
}

#[test]
fn a_socket_is_copied_until_its_end() {
    let (ours, mut other) = UnixStream::pair().expect("a pair of sockets");
    let script = Script::default();
    let mut fed = Fed::into(script.target());
    fed.put_source(all(&source_in(ours)));
    let bytes = pattern(1 << 20);
    other.write_all(&bytes).expect("it is read");
    drop(other);
    fed.until_written();
    assert!(script.has_taken(&bytes));
}

#[test]
fn a_source_goes_through_a_full_pipe_into_a_slow_reader() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    let bytes = pattern(1 << 20);
    piped.fed.put_source(linux::piece(&bytes));
    piped.until_blocked();
    let Piped { fed, reader, writer: _writer, .. } = piped;
    let reading = thread::spawn(move || read_exactly(&reader, 1 << 20));
    fed.until_written();
    assert!(reading.join().expect("a pipe can be read") == bytes);
}

#[test]
fn a_fifo_is_waited_for_until_it_has_had_a_writer() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO can be made");
    let script = Script::default();
    let mut fed = Fed::into(script.target());
    fed.put_source(all(&Source::open(c_path(&path), None)));
    let name = path.canonicalize().expect("it is there");
    until("the reactor has a descriptor of it", || count_descriptors(&name) == 2);
    fs::write(&path, b"abc").expect("it has a reader");
    fed.until_written();
    assert_eq!(script.taken(), b"abc");
    until("it is closed", || count_descriptors(&name) == 0);
}

#[test]
fn starved_sources_hold_no_thread_and_go_on_when_they_have_something() {
    // Far more than the pool has threads.
    let mut drains: Vec<_> = iter::repeat_with(|| Drain::new(PipeFlags::CLOEXEC)).take(5 * THREADS).collect();
    let mut other = Fed::into(Script::default().target());
    for round in 0..3 {
        for drain in &drains {
            drain.until_starved();
            assert_eq!((drain.fed.jobs(), drain.script.count_taken()), (1, 3 * round));
        }
        other.put(b"abc");
        other.until_written();
        for drain in &mut drains {
            drain.writer.write_all(b"abc").expect("it has room");
        }
        for drain in &drains {
            until("it is copied", || drain.script.count_taken() == 3 * (round + 1));
        }
    }
    for Drain { fed, writer, .. } in drains {
        drop(writer);
        fed.until_written();
    }
}

#[test]
fn a_stop_ends_the_wait_and_what_comes_behind_is_written() {
    let Drain { mut fed, script, source, mut writer, name } = Drain::new(PipeFlags::CLOEXEC);
    writer.write_all(b"abc").expect("it has room");
    fed.put(b"!");
    until("it is copied", || script.count_taken() == 3);
    until("the reactor has a descriptor of the pipe", || count_descriptors(&name) == 3);
    fed.stream.stop_source(&source);
    fed.until_written();
    assert_eq!((script.taken(), source.outcome()), (b"abc!".to_vec(), Some(Outcome::Stopped)));
    drop(source);
    until("it is closed", || count_descriptors(&name) == 1);
}

#[test]
fn a_stop_at_any_time_ends_the_source() {
    for round in 0..50 {
        let Drain { fed, source, writer: _writer, .. } = Drain::new(PipeFlags::CLOEXEC);
        for _ in 0..round * 20 {
            std::hint::spin_loop();
        }
        fed.stream.stop_source(&source);
        fed.until_written();
    }
}

#[test]
fn a_cancel_ends_the_wait_and_lets_go_of_every_descriptor() {
    let drain = Drain::new(PipeFlags::CLOEXEC);
    drain.until_starved();
    let Drain { fed, script, source, writer: _writer, name } = drain;
    drop(source);
    fed.cancel();
    // Nobody has written or closed: it is the cancel that ends the waiting.
    fed.until_over();
    assert_eq!((count_descriptors(&name), fed.stream.failure()), (1, None));
    assert!(script.is_dropped());
}

#[test]
fn a_flush_gives_up_a_source_that_has_nothing_and_the_stream_lives_on() {
    let drain = Drain::new(PipeFlags::CLOEXEC);
    drain.until_starved();
    let Drain { mut fed, script, mut writer, .. } = drain;
    let error =
        flush::flush_until(&fed.stream, u64::MAX, Duration::from_millis(1)).expect_err("nothing comes");
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    writer.write_all(b"abc").expect("it has room");
    drop(writer);
    fed.put(b"!");
    flush::flush_until(&fed.stream, u64::MAX, PATIENCE).expect("it has ended");
    assert_eq!(script.taken(), b"abc!");
}

/// How often `fed` asks its target while it waits for it, though another stream has its turn meanwhile.
fn calls_in_vain(fed: &Fed) -> u64 {
    let before = fed.stream.calls();
    let mut other = Fed::into(Script::default().target());
    for _ in 0..100 {
        other.put(b"abc");
        other.until_written();
    }
    fed.stream.calls() - before
}

#[test]
fn a_full_target_is_not_asked_again_and_again_though_all_of_the_source_was_read() {
    let mut piped = Piped::new(PipeFlags::CLOEXEC);
    let source = source_in(file(&pattern(200_000)));
    piped.fed.put_source(Piece::new(Arc::clone(&source), 200_000));
    piped.until_blocked();
    assert_eq!((source.read(), calls_in_vain(&piped.fed)), (200_000, 0));
    // One that is stopped is as good as read.
    piped.fed.stream.stop_source(&source);
    piped.until_blocked();
    assert!(calls_in_vain(&piped.fed) <= 1, "a stop may have it asked once more");
    piped.fed.cancel();
    piped.fed.until_over();
}

#[test]
fn a_stall_is_waited_out_though_all_of_the_source_was_read() {
    let full = Errno::NOSPC.raw_os_error();
    let script = Script::new([Refuse(full)]);
    let far = Duration::from_secs(6_000);
    let mut fed = Fed::patient(script.target(), full, far, far);
    fed.put_source(Piece::new(source_in(file(b"abc")), 3));
    fed.bell.until(1);
    assert_eq!((calls_in_vain(&fed), script.count_taken()), (0, 0));
    fed.cancel();
    fed.until_over();
}

#[test]
fn sources_that_never_end_do_not_keep_others_from_the_pool() {
    let null = OpenOptions::new().write(true).open("/dev/null").expect("Linux");
    let mut hogs: Vec<_> = iter::repeat_with(|| {
        let target = File::share(null.as_raw_fd(), None).expect("it is open");
        (Fed::into(Box::new(target)), Source::open(c"/dev/zero".into(), None))
    })
    .take(5 * THREADS)
    .collect();
    for (fed, source) in &mut hogs {
        fed.put_source(all(source));
    }
    let mut other = Fed::into(Script::default().target());
    for _ in 0..10 {
        other.put(b"abc");
        other.until_written();
    }
    for (fed, source) in &hogs {
        let copied = fed.stream.copied();
        until("each has its turn again", || fed.stream.copied() > copied);
        fed.stream.stop_source(source);
        fed.until_written();
    }
}
