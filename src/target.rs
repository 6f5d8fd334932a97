//! Where the bytes go: the seam between the write job and the kernel. A stage
//! that does something to the bytes is a target around a target.

/// What a stage leaves to its inner target.
macro_rules! delegate {
    ($($method:ident),+) => {
        $(delegate!(@ $method);)+
    };
    (@ has_unsettled) => {
        fn has_unsettled(&self) -> bool {
            self.inner.has_unsettled()
        }
    };
    (@ settle) => {
        fn settle(&mut self, how: Settle) -> io::Result<()> {
            self.inner.settle(how)
        }
    };
    (@ change) => {
        fn change(&mut self, change: &Change) -> io::Result<()> {
            self.inner.change(change)
        }
    };
    (@ conclude) => {
        fn conclude(&mut self) -> io::Result<()> {
            self.inner.conclude()
        }
    };
    (@ begin) => {
        fn begin(&mut self) -> io::Result<()> {
            self.inner.begin()
        }
    };
    (@ rest) => {
        fn rest(&mut self) {
            self.inner.rest();
        }
    };
    (@ abandon) => {
        fn abandon(&mut self) {
            self.inner.abandon();
        }
    };
    (@ readiness) => {
        fn readiness(&self) -> io::Result<Readiness> {
            self.inner.readiness()
        }
    };
}

mod atomic;
mod compress;
mod digest;
mod durable;
mod rotate;
mod stages;

use std::io::{self, ErrorKind, IoSlice};

pub use compress::{Compression, Format};
pub use digest::{Algorithm, Digests};
pub(crate) use rotate::Found;
pub use rotate::{Calendar, Keep, News, Period, Rotation, Rules};
pub use stages::Stages;

use crate::{
    os::{Input, Readiness},
    stream::Request,
};

/// How much is to be done before bytes count as settled; each does what the ones before it do, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settle {
    /// The kernel has them, so that a reader of the file finds them.
    Written,
    /// They are on the device, and what is needed to find them there: `fdatasync(2)`.
    Data,
    /// All that the system knows of the file is: `fsync(2)`.
    All,
}

/// At its place in the queue another file comes in the place of the one that is written.
#[derive(Debug)]
pub enum Change {
    /// This one, which is opened then.
    Reopen(Request),
    /// The next one of a stream that rotates, if it is time for that.
    Turn,
}

/// Something that takes bytes in order. One thread at a time uses it.
///
/// Errors of all calls: `Interrupted`: nothing was done, it is called again.
/// `WouldBlock`: it is called again, and goes on where it was, when
/// [`readiness`](Self::readiness) says so. Any other: the target is broken.
pub trait Target: Send {
    /// Takes as much of `bytes` as it can at once and gives how much that was.
    /// The next call goes on behind it.
    ///
    /// # Errors
    /// As all calls.
    fn write(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Takes up to `most` bytes from `source`, from `position` or where it stands, and gives how many.
    ///
    /// # Errors
    /// As all calls, but after any that is not `Interrupted` or `WouldBlock`, and after 0, they
    /// are read, and given to [`write`](Self::write): then it shows who has failed.
    fn copy(&mut self, source: &Input, position: Option<u64>, most: u64) -> io::Result<u64> {
        let _ = (source, position, most);
        Err(ErrorKind::Unsupported.into())
    }

    /// Whether it has taken bytes that are not down yet.
    fn has_unsettled(&self) -> bool {
        false
    }

    /// Brings down what it has taken.
    ///
    /// # Errors
    /// As all calls.
    fn settle(&mut self, how: Settle) -> io::Result<()> {
        let _ = how;
        Ok(())
    }

    /// Has what comes from now on go to another file.
    ///
    /// # Errors
    /// As all calls; after any the bytes go on into the old one.
    fn change(&mut self, change: &Change) -> io::Result<()> {
        let _ = change;
        Err(ErrorKind::Unsupported.into())
    }

    /// Whether a write takes no longer than to have another thread make it, as
    /// into a regular file.
    fn is_quick(&self) -> bool {
        false
    }

    /// A burst of writes begins. Called on the JavaScript thread, so it must not wait.
    ///
    /// # Errors
    /// The target is broken.
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Nothing is to be written for the time being: lets go of what it need not hold.
    fn rest(&mut self) {}

    /// Whether it holds nothing that must be let go of by a call: it may just be
    /// dropped. A stage that has unsettled bytes, or an end to write, does not rest.
    fn is_resting(&self) -> bool {
        true
    }

    /// All bytes have come: does what it can of its end before other streams have had their turn, so that they share
    /// the rest. It is asked for by those alone that [must end](crate::stream::Stream::must_end).
    ///
    /// # Errors
    /// As all calls.
    fn conclude(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// All bytes have come: brings down what it has, and ends, whether it has concluded or not.
    ///
    /// # Errors
    /// As all calls.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// No more bytes will come, and what it has made is not wanted.
    fn abandon(&mut self) {}

    /// What to wait for when a call has answered `WouldBlock`, the caller's own.
    ///
    /// # Errors
    /// When it can't be had.
    fn readiness(&self) -> io::Result<Readiness>;
}
