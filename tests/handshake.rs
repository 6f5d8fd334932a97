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
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc::channel,
    },
    thread,
};
use spillway::{
    level::{ASLEEP, Level},
    ready::Ready,
};

/// Control words of which each has been stored once, as loom wants it: the
/// value that an atomic is made with does not take part in its total order of
/// sequentially consistent accesses, so that loom would see it come back.
fn words() -> Level {
    let level = Level::default();
    level.reset_mark();
    level.set_napping(false);
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
    /// Stores that it sleeps, whatever the mark is by then.
    Stores,
    /// Lets go of the lock between its look and its sleep.
    Unlocked,
    /// Looks once more when it sleeps, and goes on though another may have
    /// been scheduled for what it sees.
    LooksAgain,
}

/// What JS does to have something drained.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    /// `WriteBuffer.publish`: a byte more in the live slab.
    Fill,
    /// `WriteBuffer.pin` of a big chunk: appends it, then looks for a sleeper.
    Append,
    /// Looks for a sleeper, then appends.
    LooksFirst,
    /// `WriteBuffer.nextSlab`, then a byte into the new slab.
    NextSlab,
    /// The same, but it takes the drainer of the new slab for awake.
    Forgets,
}

/// What happens in one model.
#[derive(Clone, Copy)]
struct Scene {
    sleep: Sleep,
    /// Whether the drainer naps before it sleeps.
    naps: bool,
    puts: &'static [Put],
}

/// `Queue`, in which a chunk counts as much as a byte.
#[derive(Default)]
struct Queue {
    /// What is no longer in the live slab, or never was.
    sealed: u32,
    /// What lies below in the live slab is sealed.
    start: u32,
    written: u32,
}

impl Queue {
    fn seal(&mut self, mark: u32) {
        if self.start < mark {
            self.sealed += mark - self.start;
            self.start = mark;
        }
    }

    fn is_empty(&self, mark: u32) -> bool {
        self.sealed == 0 && self.start >= mark
    }
}

/// A stream with its drainers.
struct Model {
    level: Level,
    scene: Scene,
    /// `Stream::state`, with its lock.
    queue: Mutex<Queue>,
    /// Whether somebody is drainer.
    has_drainer: AtomicBool,
}

impl Model {
    fn new(scene: Scene) -> Arc<Self> {
        let (queue, has_drainer) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { level: words(), scene, queue, has_drainer })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nobody panics")
    }

    fn mark(&self) -> u32 {
        u32::try_from(self.level.mark()).expect("a few bytes")
    }

    /// `Stream::append`.
    fn append(&self) {
        let mut queue = self.lock();
        queue.seal(self.mark());
        queue.sealed += 1;
    }

    /// `Stream::attach`.
    fn attach(&self, reset_mark: impl FnOnce(&Level)) {
        let mut queue = self.lock();
        queue.seal(self.mark());
        queue.start = 0;
        reset_mark(&self.level);
    }

    fn become_drainer(&self) {
        assert!(!self.has_drainer.swap(true, SeqCst), "two drainers at once");
    }

    /// `drain::step`: true for `Went`, false for `Empty`.
    fn step(&self) -> bool {
        let batch = {
            let mut queue = self.lock();
            queue.seal(self.mark());
            queue.sealed
        };
        if batch == 0 {
            return false;
        }
        // The write itself is made without the lock.
        let mut queue = self.lock();
        queue.sealed -= batch;
        queue.written += batch;
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
        let queue = self.lock();
        self.level.set_napping(true);
        self.level.set_napping(false);
        !queue.is_empty(self.mark())
    }

    /// `Stream::fall_asleep`.
    fn fall_asleep(&self) -> bool {
        // As soon as it sleeps JS may make another the drainer.
        self.has_drainer.store(false, SeqCst);
        let sleeps = self.says_that_it_sleeps();
        if !sleeps {
            self.become_drainer();
        }
        sleeps
    }

    fn says_that_it_sleeps(&self) -> bool {
        let queue = self.lock();
        let mark = self.mark();
        let is_empty = queue.is_empty(mark);
        match self.scene.sleep {
            Sleep::Right => is_empty && self.level.fall_asleep(mark as usize),
            Sleep::Stores => {
                if is_empty {
                    let _ = self.level.fill(mark | ASLEEP);
                }
                is_empty
            }
            Sleep::Unlocked => {
                drop(queue);
                is_empty && self.level.fall_asleep(mark as usize)
            }
            Sleep::LooksAgain => {
                let sleeps = is_empty && self.level.fall_asleep(mark as usize);
                sleeps && queue.is_empty(self.mark())
            }
        }
    }
}

/// The JS side of a stream.
struct Js {
    model: Arc<Model>,
    mark: u32,
    jobs: Vec<thread::JoinHandle<()>>,
}

impl Js {
    fn schedule(&mut self) {
        let model = Arc::clone(&self.model);
        self.jobs.push(thread::spawn(move || model.run()));
    }

    /// `WriteBuffer.publish`.
    fn admit(&mut self, size: u32) {
        self.mark += size;
        if self.model.level.fill(self.mark) {
            self.schedule();
        }
    }

    fn attach(&mut self, reset_mark: impl FnOnce(&Level)) {
        self.model.attach(reset_mark);
        self.mark = 0;
    }

    fn put(&mut self, put: Put) {
        match put {
            Put::Fill => self.admit(1),
            Put::Append => {
                self.model.append();
                self.admit(0);
            }
            Put::LooksFirst => {
                self.admit(0);
                self.model.append();
            }
            Put::NextSlab => {
                self.attach(Level::reset_mark);
                self.admit(1);
            }
            Put::Forgets => {
                self.attach(|level| {
                    let _ = level.fill(0);
                });
                self.admit(1);
            }
        }
    }
}

/// JS puts one thing after the other; every order in which a drainer can see that.
fn plays(scene: Scene) {
    let mut builder = loom::model::Builder::new();
    // The orders of one put are few enough to see them all. For more the bound
    // keeps it to seconds (without it: to a minute); what goes wrong here shows with two.
    builder.preemption_bound = (scene.puts.len() > 1).then_some(5);
    builder.check(move || {
        let model = Model::new(scene);
        let mut js = Js { model: Arc::clone(&model), mark: 0, jobs: Vec::new() };
        js.schedule();
        for put in scene.puts {
            js.put(*put);
        }
        for job in js.jobs {
            job.join().expect("no job panics");
        }
        let written = model.lock().written as usize;
        assert_eq!(written, scene.puts.len(), "everyone sleeps: what is written, and what was put");
        assert!(!model.has_drainer.load(SeqCst));
        assert!(model.level.fill(js.mark), "and the next one finds the sleeper");
    });
}

fn plays_each(naps: bool, scenes: &[&'static [Put]]) {
    for puts in scenes {
        plays(Scene { sleep: Sleep::Right, naps, puts });
    }
}

#[test]
fn no_byte_is_left_when_the_drainer_sleeps_and_never_are_there_two() {
    plays_each(false, &[&[Put::Fill], &[Put::Fill, Put::Fill], &[Put::Fill, Put::Fill, Put::Fill]]);
}

#[test]
fn nor_is_a_chunk() {
    plays_each(false, &[&[Put::Append], &[Put::Append, Put::Append]]);
    plays_each(false, &[&[Put::Fill, Put::Append], &[Put::Append, Put::Fill]]);
}

#[test]
fn nor_what_is_put_into_a_new_slab() {
    // The second is filled up to the very mark at which the drainer may have left the first.
    plays_each(false, &[&[Put::NextSlab], &[Put::Fill, Put::NextSlab], &[Put::NextSlab, Put::NextSlab]]);
    plays_each(false, &[&[Put::Append, Put::NextSlab], &[Put::NextSlab, Put::Append]]);
}

#[test]
fn nor_when_the_drainer_naps_before_it_sleeps() {
    plays_each(true, &[&[Put::Fill], &[Put::Append], &[Put::NextSlab]]);
    plays_each(true, &[&[Put::Fill, Put::Fill], &[Put::Fill, Put::Append], &[Put::Fill, Put::NextSlab]]);
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn a_drainer_that_does_not_compare_the_mark_before_it_sleeps_leaves_bytes() {
    plays(Scene { sleep: Sleep::Stores, naps: false, puts: &[Put::Fill] });
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn a_drainer_that_looks_without_the_lock_leaves_chunks() {
    plays(Scene { sleep: Sleep::Unlocked, naps: false, puts: &[Put::Append] });
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn a_drainer_that_looks_without_the_lock_takes_a_new_slab_for_the_old_one() {
    plays(Scene { sleep: Sleep::Unlocked, naps: false, puts: &[Put::Fill, Put::NextSlab] });
}

#[test]
#[should_panic(expected = "two drainers at once")]
fn a_drainer_that_goes_on_after_it_said_that_it_sleeps_is_one_too_many() {
    plays(Scene { sleep: Sleep::LooksAgain, naps: false, puts: &[Put::Fill] });
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn who_looks_for_a_sleeper_before_he_appends_may_leave_the_chunk() {
    plays(Scene { sleep: Sleep::Right, naps: false, puts: &[Put::LooksFirst] });
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn who_takes_the_drainer_of_a_new_slab_for_awake_may_leave_its_bytes() {
    plays(Scene { sleep: Sleep::Right, naps: false, puts: &[Put::Forgets] });
}

// ---- the turn

/// Who comes for the turn. `stream::Comer`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comer {
    Job,
    Flush,
}

/// What a turn is for, and how it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// As `Stream` does it.
    Right,
    /// A job that is turned away says so when it has let go of the lock.
    SaysLater,
    /// JS asks whether a job was turned away before it flushes, and not afterwards.
    AsksEarly,
    /// Who has written looks for a cut before it gives back the turn, not as it does.
    LooksEarly,
}

/// `stream::State`, as far as it is about turns.
#[derive(Default)]
struct State {
    queue: Queue,
    is_busy: bool,
    is_cut: bool,
    /// The target is let go.
    is_released: bool,
    turned_away: bool,
}

/// A stream for which two may come at once: a job and JS.
struct Shared {
    level: Level,
    order: Order,
    state: Mutex<State>,
    /// Times that JS is woken.
    wakes: AtomicUsize,
}

impl Shared {
    fn new(order: Order) -> Arc<Self> {
        Arc::new(Self { level: words(), order, state: Mutex::default(), wakes: AtomicUsize::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics")
    }

    fn mark(&self) -> u32 {
        u32::try_from(self.level.mark()).expect("a few bytes")
    }

    /// `Stream::begin`, of which a batch is one byte. True if that is to be written.
    fn begin(&self, comer: Comer) -> Option<bool> {
        let mut state = self.lock();
        if state.is_busy {
            if self.order == Order::SaysLater {
                drop(state);
                state = self.lock();
            }
            state.turned_away |= comer == Comer::Job;
            return None;
        }
        if state.is_released {
            return None;
        }
        state.queue.seal(self.mark());
        state.is_busy = state.queue.sealed > 0;
        Some(state.is_busy)
    }

    /// `Stream::wrote`.
    fn wrote(&self) {
        let mut state = self.lock();
        // A cut leaves nothing.
        state.queue.sealed = state.queue.sealed.saturating_sub(1);
        state.queue.written += 1;
        assert!(!self.level.publish(1), "nobody waits");
        drop(state);
        if self.end_turn() {
            self.wakes.fetch_add(1, SeqCst);
        }
    }

    /// `Stream::end_turn`.
    fn end_turn(&self) -> bool {
        let mut state = self.lock();
        let is_over = state.is_cut;
        if self.order == Order::LooksEarly {
            drop(state);
            state = self.lock();
        }
        state.is_busy = false;
        state.is_released |= is_over;
        is_over
    }

    /// `drain::step`: true for `Went`, false for `Empty`, `None` for `Rest`.
    fn step(&self, comer: Comer) -> Option<bool> {
        let is_begun = self.begin(comer)?;
        if is_begun {
            self.wrote();
        }
        Some(is_begun)
    }

    /// `Stream::fall_asleep`.
    fn fall_asleep(&self) -> bool {
        let mut state = self.lock();
        let mark = self.mark();
        let sleeps = state.queue.is_empty(mark) && self.level.fall_asleep(mark as usize);
        state.turned_away &= !sleeps;
        sleeps
    }

    /// `drain::run`.
    fn run(&self) {
        while let Some(went) = self.step(Comer::Job) {
            if !went && self.fall_asleep() {
                return;
            }
        }
    }

    /// `drain::flush_until` without patience.
    fn flush_until(&self, offset: u32) {
        while self.lock().queue.written < offset {
            match self.step(Comer::Flush) {
                Some(true) => {}
                Some(false) if !self.fall_asleep() => {}
                _ => return,
            }
        }
    }

    /// `Stream::has_turned_away`.
    fn has_turned_away(&self) -> bool {
        std::mem::take(&mut self.lock().turned_away)
    }

    /// `Stream::cut`.
    fn cut(&self) -> bool {
        let mut state = self.lock();
        state.is_cut = true;
        state.queue.sealed = 0;
        state.is_released |= !state.is_busy;
        state.is_busy
    }
}

/// JS beside the jobs that it has scheduled.
struct Owner {
    shared: Arc<Shared>,
    mark: u32,
    jobs: Vec<thread::JoinHandle<()>>,
}

impl Owner {
    fn new(order: Order) -> Self {
        Self { shared: Shared::new(order), mark: 0, jobs: Vec::new() }
    }

    fn schedule(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.jobs.push(thread::spawn(move || shared.run()));
    }

    /// `WriteBuffer.publish`.
    fn fill(&mut self, size: u32) {
        self.mark += size;
        if self.shared.level.fill(self.mark) {
            self.schedule();
        }
    }

    /// `Sink::flush`.
    fn flush(&mut self, offset: u32) {
        let asked = self.shared.order == Order::AsksEarly && self.shared.has_turned_away();
        self.shared.flush_until(offset);
        let is_due =
            if self.shared.order == Order::AsksEarly { asked } else { self.shared.has_turned_away() };
        if is_due {
            self.schedule();
        }
    }

    fn join(&mut self) {
        for job in self.jobs.drain(..) {
            job.join().expect("no job panics");
        }
    }
}

/// JS fills two bytes, flushes up to `offset`, and fills so many more, beside a job.
fn flushes(order: Order, offset: u32, more: u32) {
    let mut builder = loom::model::Builder::new();
    // It keeps this to seconds; what goes wrong here shows with two.
    builder.preemption_bound = Some(4);
    builder.check(move || {
        let mut js = Owner::new(order);
        js.fill(2);
        js.schedule();
        js.flush(offset);
        if more > 0 {
            js.fill(more);
        }
        js.join();
        let written = js.shared.lock().queue.written;
        assert_eq!(written, js.mark, "everyone is done: what is written, and what was put");
        assert!(js.shared.level.fill(js.mark), "and the next one finds the sleeper");
    });
}

#[test]
fn a_flush_beside_a_job_leaves_no_byte_without_a_job() {
    // To an offset on the way, to the end, and to one that is never put.
    for offset in 1..=3 {
        flushes(Order::Right, offset, 0);
    }
}

#[test]
fn nor_does_it_leave_what_is_put_after_it() {
    for offset in 1..=3 {
        flushes(Order::Right, offset, 1);
    }
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn a_job_that_says_too_late_that_it_was_turned_away_may_leave_bytes() {
    flushes(Order::SaysLater, 1, 0);
}

#[test]
#[should_panic(expected = "what is written, and what was put")]
fn who_asks_for_jobs_that_were_turned_away_before_it_flushes_may_leave_bytes() {
    flushes(Order::AsksEarly, 1, 0);
}

/// JS cuts while a job writes one batch after the other.
fn cuts(order: Order) {
    loom::model(move || {
        let mut js = Owner::new(order);
        js.fill(2);
        js.schedule();
        let is_busy = js.shared.cut();
        let before = js.shared.level.written();
        js.join();
        let woken = js.shared.wakes.load(SeqCst);
        assert_eq!(woken, usize::from(is_busy), "JS is woken when the write in flight has ended");
        assert!(js.shared.lock().is_released, "the target is let go");
        assert!(js.shared.level.written() - before <= u32::from(is_busy), "no write begins after a cut");
    });
}

#[test]
fn a_cut_lets_go_of_the_target_and_js_is_woken_once_if_a_write_was_in_flight() {
    cuts(Order::Right);
}

#[test]
#[should_panic(expected = "JS is woken when the write in flight has ended")]
fn who_looks_for_a_cut_before_it_gives_back_the_turn_may_not_wake() {
    cuts(Order::LooksEarly);
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
/// `ControlBlock.wakeAt` does so when a wait for its own books becomes one for a
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
/// must see the other. `Stream::nap` up to its wait, and `ControlBlock.wakeAt`.
fn naps(nap: fn(&Level) -> bool, wait: fn(&Level) -> bool) {
    loom::model(move || {
        let level = Arc::new(words());
        let shared = Arc::clone(&level);
        let drainer = thread::spawn(move || nap(&shared));
        let is_roused = wait(&level);
        let is_seen = drainer.join().expect("the drainer does not panic");
        assert!(is_seen || is_roused, "somebody waits, and the drainer naps");
    });
}

/// Naps unless somebody waits.
fn looks_when_it_naps(level: &Level) -> bool {
    level.set_napping(true);
    level.is_urgent()
}

/// Waits, and rouses who naps.
fn looks_when_it_waits(level: &Level) -> bool {
    assert!(!level.wait(1), "nothing is written yet");
    level.is_napping()
}

#[test]
fn who_waits_urgently_is_seen_by_a_drainer_that_goes_to_nap_or_rouses_it() {
    naps(looks_when_it_naps, looks_when_it_waits);
}

#[test]
#[should_panic(expected = "somebody waits, and the drainer naps")]
fn a_drainer_that_looks_before_it_says_that_it_naps_may_nap_too_long() {
    let nap = |level: &Level| {
        let is_seen = level.is_urgent();
        level.set_napping(true);
        is_seen
    };
    naps(nap, looks_when_it_waits);
}

#[test]
#[should_panic(expected = "somebody waits, and the drainer naps")]
fn who_looks_for_a_napper_before_he_says_that_he_waits_may_not_rouse_it() {
    let wait = |level: &Level| {
        let is_roused = level.is_napping();
        assert!(!level.wait(1), "nothing is written yet");
        is_roused
    };
    naps(looks_when_it_naps, wait);
}

// ---- search

/// `work` of the runtime, by a thread without patience. Jobs for which it would
/// wake another thread it runs itself, later than that would.
fn works(ready: &Ready<()>) {
    loop {
        while ready.pop().is_some() {}
        if ready.search(|| false) == 0 {
            return;
        }
    }
}

/// A thread that has run out of jobs, and another that brings one.
fn brings(bring: fn(&Ready<()>)) {
    loom::model(move || {
        let ready = Arc::new(Ready::default());
        // Stored once, as `words` are.
        assert_eq!(ready.search(|| false), 0);
        assert!(ready.pop().is_none());
        let other = {
            let ready = Arc::clone(&ready);
            thread::spawn(move || bring(&ready))
        };
        works(&ready);
        other.join().expect("it ends");
        assert_eq!(ready.count(), 0, "a job is left");
    });
}

#[test]
fn no_job_is_left_by_a_thread_that_searches() {
    brings(|ready| {
        if ready.push(()) {
            works(ready);
        }
    });
}

#[test]
#[should_panic(expected = "a job is left")]
fn who_looks_for_a_searching_thread_before_it_pushes_may_leave_its_job() {
    brings(|ready| {
        let is_searching = ready.is_searching();
        let _ = ready.push(());
        if !is_searching {
            works(ready);
        }
    });
}
