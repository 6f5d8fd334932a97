//! Loom models of the handshakes between JS and the drainer: every order in
//! which their accesses to the control words can come.
//!
//! `cargo test --features loom --release --test handshake`
//!
//! The control words are the real ones, [`Level`], and so are the functions on
//! both sides that touch them. [`Stream`](spillway::stream::Stream) locks with
//! `parking_lot`, which loom does not know, so what it and `drain::run` do
//! around the words is told again here; each function names what it mirrors.
//!
//! A model that can't fail proves nothing: where the order of two lines
//! matters, a test with the other order expects loom to find what goes wrong.
#![cfg(feature = "loom")]

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc::channel,
    },
    thread,
};
use spillway::level::{Level, Watch};

/// Control words of which each has been stored once, as loom wants it: the
/// value that an atomic is made with does not take part in its total order of
/// sequentially consistent accesses, so that loom would see it come back.
fn words() -> Level {
    let level = Level::default();
    level.reset_mark();
    level.set_watch(Watch::Awake);
    assert!(!level.publish(0));
    assert!(level.wait(0), "it is written, so nobody waits any more");
    level
}

// ---- sleep

/// How a drainer falls asleep.
#[derive(Clone, Copy)]
enum Sleep {
    /// As `Stream::fall_asleep` does.
    Right,
    /// Looks at the mark, then says that it sleeps.
    LooksFirst,
    /// Goes on without asking whether somebody else was roused.
    TakesNoTurn,
}

/// What JS does to have bytes drained.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    /// `Inlet.admit`: fills the slab and rouses a drainer that sleeps.
    Fill,
    /// Rouses it besides without having seen that it sleeps, as `Inlet.waitFor`
    /// may when somebody waits.
    Rouse,
}

/// What happens in one model.
#[derive(Clone, Copy)]
struct Scene {
    sleep: Sleep,
    /// Whether the drainer naps before it sleeps.
    naps: bool,
    puts: &'static [Put],
}

/// A stream with its drainers.
struct Model {
    level: Level,
    scene: Scene,
    /// Held for each access that stores `watch`, in scenes with more than one
    /// drainer. Loom does not know that no store comes between the two halves
    /// of a swap that did not see it, so that a swap of `Awake` for `Awake`
    /// would hide an `Asleep` stored after it; the lock tells it. It is held
    /// for one access at a time and takes no order of accesses away.
    order: Option<Mutex<()>>,
    /// Up to where the live slab is written. `Stream::state` guards it together
    /// with the look at the mark; nothing does here, which allows still more.
    drained: AtomicUsize,
    /// Whether somebody is drainer.
    has_drainer: AtomicBool,
}

impl Model {
    fn new(scene: Scene) -> Arc<Self> {
        let order = (scene.puts != [Put::Fill]).then(Mutex::default);
        let (drained, has_drainer) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { level: words(), scene, order, drained, has_drainer })
    }

    fn become_drainer(&self) {
        assert!(!self.has_drainer.swap(true, SeqCst), "two drainers at once");
    }

    fn set_watch(&self, watch: Watch) {
        let _order = self.order.as_ref().map(|order| order.lock().expect("nobody panics"));
        self.level.set_watch(watch);
    }

    fn rouse(&self) -> Watch {
        let _order = self.order.as_ref().map(|order| order.lock().expect("nobody panics"));
        self.level.rouse()
    }

    /// `Stream::is_drained`.
    fn is_drained(&self) -> bool {
        self.level.mark() == self.drained.load(SeqCst)
    }

    /// `drain::step`: true for `Went`, false for `Empty`.
    fn step(&self) -> bool {
        let mark = self.level.mark();
        if self.drained.load(SeqCst) == mark {
            return false;
        }
        self.drained.store(mark, SeqCst);
        true
    }

    /// `drain::run`.
    fn run(&self) {
        self.become_drainer();
        loop {
            if self.step() || (self.scene.naps && self.nap()) {
                continue;
            }
            if self.fall_asleep() {
                return;
            }
        }
    }

    /// `Stream::nap`, of which the time is over at once: loom has no clocks.
    fn nap(&self) -> bool {
        self.set_watch(Watch::Napping);
        self.set_watch(Watch::Awake);
        !self.is_drained()
    }

    /// `Stream::fall_asleep`.
    fn fall_asleep(&self) -> bool {
        // From here on JS may make another the drainer.
        self.has_drainer.store(false, SeqCst);
        let ends = match self.scene.sleep {
            Sleep::Right => {
                self.set_watch(Watch::Asleep);
                self.is_drained() || self.rouse() != Watch::Asleep
            }
            Sleep::LooksFirst => {
                let is_drained = self.is_drained();
                self.set_watch(Watch::Asleep);
                is_drained || self.rouse() != Watch::Asleep
            }
            Sleep::TakesNoTurn => {
                self.set_watch(Watch::Asleep);
                self.is_drained()
            }
        };
        if !ends {
            self.become_drainer();
        }
        ends
    }
}

/// JS puts one byte after the other; every order in which a drainer can see that.
fn plays(scene: Scene) {
    let mut builder = loom::model::Builder::new();
    // The orders of one put are few enough to see them all. For two the bound
    // keeps it to seconds; what goes wrong here shows with three.
    builder.preemption_bound = (scene.puts.len() > 1).then_some(5);
    builder.check(move || {
        let model = Model::new(scene);
        let schedule = || {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run())
        };
        let mut jobs = vec![schedule()];
        for (mark, put) in (1..).zip(scene.puts) {
            let must_rouse = model.level.fill(mark);
            // `Stream::rouse`.
            if (must_rouse || *put == Put::Rouse) && model.rouse() == Watch::Asleep {
                jobs.push(schedule());
            }
        }
        for job in jobs {
            job.join().expect("no job panics");
        }
        assert!(model.is_drained(), "everyone sleeps, and there is something to write");
        assert!(!model.has_drainer.load(SeqCst));
    });
}

#[test]
fn no_byte_is_left_when_the_drainer_sleeps_and_never_are_there_two() {
    for puts in [&[Put::Fill][..], &[Put::Fill, Put::Fill]] {
        plays(Scene { sleep: Sleep::Right, naps: false, puts });
    }
}

#[test]
fn nor_when_js_rouses_the_drainer_without_looking() {
    for puts in [&[Put::Rouse][..], &[Put::Fill, Put::Rouse], &[Put::Rouse, Put::Fill]] {
        plays(Scene { sleep: Sleep::Right, naps: false, puts });
    }
}

#[test]
fn nor_when_the_drainer_naps_before_it_sleeps() {
    for puts in [&[Put::Fill][..], &[Put::Rouse], &[Put::Fill, Put::Fill]] {
        plays(Scene { sleep: Sleep::Right, naps: true, puts });
    }
}

#[test]
#[should_panic(expected = "there is something to write")]
fn a_drainer_that_looks_before_it_says_that_it_sleeps_leaves_bytes() {
    plays(Scene { sleep: Sleep::LooksFirst, naps: false, puts: &[Put::Fill] });
}

#[test]
#[should_panic(expected = "two drainers at once")]
fn a_drainer_that_goes_on_without_having_roused_itself_is_one_too_many() {
    plays(Scene { sleep: Sleep::TakesNoTurn, naps: false, puts: &[Put::Fill] });
}

// ---- waiting

/// The drainer publishes three bytes, one by one, and says for how many of
/// them it told JS. `Stream::wrote` does that with no lock.
fn publishes(level: &Level, wanted: u32) -> usize {
    let mut told = 0;
    for _ in 0..3 {
        if level.publish(1) {
            assert!(level.written() >= wanted, "told too early");
            told += 1;
        }
    }
    told
}

/// JS waits for `wanted`, as `wait` does it, while the drainer publishes:
/// who tells it that it is reached, and how often.
fn waits(wanted: u32, wait: fn(&Level, u32) -> bool) {
    loom::model(move || {
        let level = Arc::new(words());
        let shared = Arc::clone(&level);
        let drainer = thread::spawn(move || publishes(&shared, wanted));
        let told_itself = usize::from(wait(&level, wanted));
        let told = drainer.join().expect("the drainer does not panic");
        assert_eq!(told + told_itself, 1, "times that JS is told");
        assert!(!level.is_urgent());
        assert!(!level.publish(1) && !level.wait(9), "it is told no more");
    });
}

#[test]
fn who_waits_for_an_offset_is_told_of_it_exactly_once() {
    for wanted in 0..=3 {
        waits(wanted, Level::wait);
    }
}

#[test]
#[should_panic(expected = "times that JS is told")]
fn who_looks_before_it_says_that_it_waits_may_not_be_told() {
    waits(3, |level, wanted| {
        let is_reached = level.written() >= wanted;
        // What this sees it may not use: it would be looking afterwards.
        let _ = level.wait(wanted);
        is_reached
    });
}

/// JS waits for one offset and, before that is reached, for a nearer one:
/// `Inlet.wait` does so when a wait for its own books becomes one for a
/// producer. It may be told twice, since the first wait may be taken for the
/// second, but not never, and not too early.
///
/// The way round, to a later offset, is out of loom's reach: the drainer may
/// end the first wait just before JS stores the second, and loom does not
/// order that store behind the swap which it did not see. There the argument
/// is this: let S be the last time JS stores that it waits, P the store of the
/// first `written` that is enough. If P comes before JS's look at `written`, JS
/// sees it and ends the waiting, or finds it ended since S. If not, S comes
/// before P and its look at `waiting`: the drainer ends it, or finds it ended
/// since S. Either way somebody tells JS after S.
#[test]
fn who_changes_to_a_nearer_offset_is_told_of_that() {
    loom::model(|| {
        let level = Arc::new(words());
        let (call, called) = channel();
        let shared = Arc::clone(&level);
        let drainer = thread::spawn(move || {
            for _ in 0..3 {
                // `Stream::wrote`: the listener has JS called, in a turn of its own.
                if shared.publish(1) {
                    call.send(()).expect("JS lives");
                }
            }
        });
        assert!(!level.wait(9), "it is never written");
        let told_itself = level.wait(2);
        if !told_itself {
            // Loom says so if nobody ever calls.
            called.recv().expect("somebody calls");
        }
        assert!(level.written() >= 2, "told too early");
        drainer.join().expect("the drainer does not panic");
        assert!(!level.publish(0), "what is reached is waited for no more");
    });
}

// ---- nap

/// A drainer that goes to nap while JS comes to wait urgently: one of the two
/// must see the other. `Stream::nap` up to its wait, and `Inlet.waitFor`.
fn naps(nap: fn(&Level) -> bool) {
    loom::model(move || {
        let level = Arc::new(words());
        let shared = Arc::clone(&level);
        let drainer = thread::spawn(move || nap(&shared));
        assert!(!level.wait(1), "nothing is written yet");
        let is_roused = level.rouse() == Watch::Napping;
        let is_seen = drainer.join().expect("the drainer does not panic");
        assert!(is_seen || is_roused, "somebody waits, and the drainer naps");
    });
}

#[test]
fn who_waits_urgently_is_seen_by_a_drainer_that_goes_to_nap_or_rouses_it() {
    naps(|level| {
        level.set_watch(Watch::Napping);
        level.is_urgent()
    });
}

#[test]
#[should_panic(expected = "somebody waits, and the drainer naps")]
fn a_drainer_that_looks_before_it_says_that_it_naps_may_nap_too_long() {
    naps(|level| {
        let is_seen = level.is_urgent();
        level.set_watch(Watch::Napping);
        is_seen
    });
}

#[test]
fn bytes_do_not_have_a_napping_drainer_roused() {
    // That it finds them by itself is `nor_when_the_drainer_naps_before_it_sleeps`.
    loom::model(|| {
        let level = Arc::new(words());
        let shared = Arc::clone(&level);
        let drainer = thread::spawn(move || {
            shared.set_watch(Watch::Napping);
            shared.set_watch(Watch::Awake);
        });
        assert!(!level.fill(1));
        drainer.join().expect("the drainer does not panic");
    });
}
