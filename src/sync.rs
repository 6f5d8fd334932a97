//! What threads share, so that loom can put its own in the place of each:
//! `cargo test --features loom` runs the real code in every order.

#[cfg(not(feature = "loom"))]
pub use real::*;

#[cfg(feature = "loom")]
pub use model::*;

#[cfg(not(feature = "loom"))]
mod real {
    pub use parking_lot::{Condvar, Mutex, MutexGuard};
    pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};

    use std::{ops::Range, time::Duration};

    /// Waits for `time` at most, or until somebody notifies.
    pub fn wait_for<T>(_: &Mutex<T>, changed: &Condvar, guard: &mut MutexGuard<'_, T>, time: Duration) {
        changed.wait_for(guard, time);
    }

    /// Accesses to memory: nobody looks whether they race.
    #[derive(Debug)]
    pub struct Accesses;

    impl Accesses {
        /// Those to `size` bytes.
        #[must_use]
        pub fn new(_size: usize) -> Self {
            Self
        }

        /// Somebody reads these bytes.
        pub fn read(&self, _range: Range<usize>) {}

        /// Somebody writes these bytes.
        pub fn write(&self, _range: Range<usize>) {}
    }
}

#[cfg(feature = "loom")]
mod model {
    use std::{
        ops::{Deref, DerefMut, Range},
        time::Duration,
    };

    use loom::cell::UnsafeCell;

    pub use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};

    /// As `parking_lot` has it: no panic poisons it.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    /// Its guard, which a wait takes and brings back.
    #[derive(Debug)]
    pub struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    /// As `parking_lot` has it.
    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        ///
        /// # Panics
        /// In a model that has failed.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().expect("a model that has failed ends")))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("only a wait takes it")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("only a wait takes it")
        }
    }

    impl Condvar {
        /// No thread waits yet.
        #[must_use]
        pub fn new() -> Self {
            Self::default()
        }

        /// Ends all waits.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }

        /// Waits until somebody notifies.
        ///
        /// # Panics
        /// In a model that has failed.
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.0.take().expect("only a wait takes it");
            guard.0 = Some(self.0.wait(inner).expect("a model that has failed ends"));
        }
    }

    /// A wait of this time or more lasts until somebody notifies.
    const LONG: Duration = Duration::from_secs(1);

    /// No time passes in a model. A short wait is over at once, or when others have had
    /// their turn; a long one would hide that nobody notifies, so it never ends by itself.
    pub fn wait_for<'a, T>(
        mutex: &'a Mutex<T>,
        changed: &Condvar,
        guard: &mut MutexGuard<'a, T>,
        time: Duration,
    ) {
        if time < LONG {
            drop(guard.0.take());
            *guard = mutex.lock();
        } else {
            changed.wait(guard);
        }
    }

    /// Accesses to memory, of which loom says if two race. The lock is one that loom does
    /// not know, so it orders nothing.
    #[derive(Debug)]
    pub struct Accesses(parking_lot::Mutex<Vec<UnsafeCell<()>>>);

    impl Accesses {
        /// Those to `size` bytes.
        #[must_use]
        pub fn new(size: usize) -> Self {
            Self(parking_lot::Mutex::new((0..size).map(|_| UnsafeCell::new(())).collect()))
        }

        /// Somebody reads these bytes.
        pub fn read(&self, range: Range<usize>) {
            self.0.lock()[range].iter().for_each(|byte| byte.with(|_| ()));
        }

        /// Somebody writes these bytes.
        pub fn write(&self, range: Range<usize>) {
            self.0.lock()[range].iter().for_each(|byte| byte.with_mut(|_| ()));
        }
    }
}
