//! Errors of a write that are waited out: a full disk's, say.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::error::Failure;

/// Which errors of a write are waited out, and how.
#[derive(Clone, Debug)]
pub struct Retry {
    /// These, by their `errno`.
    pub errnos: Vec<i32>,
    /// Time between two tries.
    pub interval: Duration,
    /// Time after which the error is the stream's after all.
    pub limit: Duration,
}

/// The stalls of one stream.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    policy: Option<Retry>,
    /// Since when the target refuses what is worth trying again, if it does.
    since: Option<Instant>,
    /// The `errno` of the last such refusal.
    errno: Option<i32>,
    /// The call that was refused, if that was no write.
    call: Option<&'static str>,
}

impl Stalls {
    pub(crate) fn set_policy(&mut self, policy: Retry) {
        self.policy = Some(policy);
    }

    /// The `errno` of the stall that lasts, or of the last one.
    pub(crate) fn errno(&self) -> Option<i32> {
        self.errno
    }

    /// Why the target refuses, in the stall that lasts, or did in the last one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let errno = self.errno?;
        Some(self.call.map_or(Failure::Os(errno), |call| Failure::Again(errno, call)))
    }

    /// It was this call that was refused.
    pub(crate) fn note_call(&mut self, error: &io::Error) {
        self.call = match Failure::from_io(error) {
            Failure::Again(_, call) => Some(call),
            _ => None,
        };
    }

    /// The target has refused with `errno` at the time `now`. Gives the time
    /// until the next try, and whether a stall begins with this; `None`: the
    /// error is final.
    pub(crate) fn refuse(&mut self, errno: i32, now: Instant) -> Option<(Duration, bool)> {
        let policy = self.policy.as_ref().filter(|policy| policy.errnos.contains(&errno))?;
        let begins = self.since.is_none();
        let since = *self.since.get_or_insert(now);
        let left = policy.limit.saturating_sub(now - since);
        if left.is_zero() {
            return None;
        }
        self.errno = Some(errno);
        Some((policy.interval.min(left), begins))
    }

    /// The target takes bytes. True if that ends a stall.
    pub(crate) fn end(&mut self) -> bool {
        self.since.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: i32 = 28;
    const SECOND: Duration = Duration::from_secs(1);

    fn stalls(limit: Duration) -> (Stalls, Instant) {
        let mut stalls = Stalls::default();
        stalls.set_policy(Retry { errnos: vec![FULL], interval: SECOND, limit });
        (stalls, Instant::now())
    }

    #[test]
    fn a_stall_begins_once_and_has_the_whole_limit() {
        let (mut stalls, start) = stalls(SECOND * 5);
        for _ in 0..2 {
            assert_eq!(stalls.refuse(FULL, start), Some((SECOND, true)));
            assert_eq!(stalls.refuse(FULL, start + SECOND * 4), Some((SECOND, false)));
            assert!(stalls.end());
        }
        assert!(!stalls.end(), "it has ended");
    }

    #[test]
    fn the_last_try_comes_at_the_limit() {
        let (mut stalls, start) = stalls(SECOND * 5);
        assert!(stalls.refuse(FULL, start).is_some());
        assert_eq!(stalls.refuse(FULL, start + SECOND * 9 / 2), Some((SECOND / 2, false)));
        assert_eq!(stalls.refuse(FULL, start + SECOND * 5), None);
    }

    #[test]
    fn other_errors_are_final() {
        let (mut stalls, start) = stalls(SECOND);
        assert_eq!(stalls.refuse(FULL + 1, start), None);
        assert_eq!(Stalls::default().refuse(FULL, start), None);
        assert_eq!(stalls.errno(), None);
    }
}
