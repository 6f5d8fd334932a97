//! The transitions, without anything that writes.

use std::{
    io::{self, IoSlice},
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;

use super::*;
use crate::{os::Readiness, slab::Slab};

/// Is never asked for anything: whether it may just be dropped.
struct Idler(bool);

impl Target for Idler {
    fn write(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        unreachable!("the state calls nobody")
    }

    fn is_resting(&self) -> bool {
        self.0
    }

    fn readiness(&self) -> io::Result<Readiness> {
        unreachable!("the state calls nobody")
    }
}

/// A state with a target and three bytes.
fn idle(is_resting: bool) -> State {
    let mut state = State::new();
    assert!(state.give(Box::new(Idler(is_resting))).is_ok());
    state.queue.append(Bytes::from_static(b"abc"), 0);
    state
}

/// Does the next work: at most `size` of the bytes are taken, if that is it.
fn work(state: &mut State, size: u64) -> String {
    let (target, work) = match state.lease(0) {
        Ok((target, work)) => (target.expect("nothing is opened"), work),
        Err(lack) => return format!("{lack:?}"),
    };
    assert!(state.is_leased() && state.has_work(0) && matches!(state.lease(0), Err(Lack::Rest)));
    match work {
        Work::Take(_) => state.take(size.min(3 - state.taken)),
        Work::Settle(_) => state.settle_taken(),
        _ => {}
    }
    drop(state.put_back(target));
    let name = format!("{work:?}");
    name.split('(').next().unwrap_or_default().to_owned()
}

#[test]
fn who_panics_over_what_is_to_be_done_leaves_no_lease() {
    let mut state = idle(true);
    state.queue.attach(Slab::new(8).expect("memory"), 0);
    // JavaScript says that it has filled more than there is.
    let panic = catch_unwind(AssertUnwindSafe(|| state.lease(9).is_ok()));
    assert!(panic.is_err() && !state.is_leased());
    assert_eq!(work(&mut state, 3), "Take");
}

#[test]
fn bytes_are_taken_then_settled() {
    let mut state = idle(true);
    for (work_now, settled) in [("Take", 0), ("Take", 0), ("Settle", 3), ("Empty", 3)] {
        assert_eq!(state.has_work(0), work_now != "Empty");
        assert_eq!((work(&mut state, 2).as_str(), state.settled), (work_now, settled));
    }
}

#[test]
fn bytes_up_to_an_offset_are_settled_as_soon_as_they_are_taken() {
    let mut state = idle(true);
    state.settle(2);
    let works: Vec<_> = (0..5).map(|_| work(&mut state, 2)).collect();
    assert_eq!(works, ["Take", "Settle", "Take", "Settle", "Empty"]);
}

#[test]
fn held_back_nothing_is_done_but_the_end() {
    let mut state = idle(false);
    state.is_held = true;
    assert!(!state.has_work(0) && !state.takes_bytes());
    assert_eq!(work(&mut state, 3), "Rest");
    state.finish(0);
    assert_eq!([work(&mut state, 3), work(&mut state, 0)], ["Take", "Finish"]);
}

#[test]
fn the_end_waits_for_a_target_that_is_to_be_told() {
    for (is_resting, end) in [(true, "Rest"), (false, "Finish")] {
        let mut state = idle(is_resting);
        state.finish(0);
        assert_eq!([work(&mut state, 3).as_str(), work(&mut state, 0).as_str()], ["Take", end]);
        assert_eq!(matches!(state.phase, Phase::Closed), is_resting);
    }
}

#[test]
fn a_cancel_overrules_all_else_and_stays() {
    let mut state = idle(false);
    state.finish(0);
    state.cancel(2, 0);
    state.finish(0);
    state.settle(1);
    assert_eq!([work(&mut state, 2), work(&mut state, 0)], ["Take", "Abandon"]);
}

#[test]
fn what_is_blocked_or_held_back_is_not_waited_for_after_a_cancel() {
    for (is_blocked, is_held) in [(false, false), (true, false), (false, true)] {
        let mut state = idle(true);
        if is_blocked {
            state.block();
        }
        state.is_held = is_held;
        state.cancel(3, 0);
        assert_eq!(state.is_over(), is_blocked || is_held);
    }
}

#[test]
fn a_target_that_blocks_after_a_cancel_is_asked_to_end() {
    let mut state = idle(false);
    state.cancel(3, 0);
    state.block();
    assert!(state.has_work(0) && !state.is_over());
    assert_eq!(work(&mut state, 3), "Abandon");
}

#[test]
fn a_target_that_comes_too_late_is_given_back_unless_it_is_to_be_told() {
    for is_resting in [true, false] {
        let mut state = State::new();
        state.cancel(0, 0);
        assert!(state.is_over(), "nobody has brought one");
        assert_eq!(state.give(Box::new(Idler(is_resting))).is_err(), is_resting);
        assert_eq!((state.is_over(), state.has_work(0)), (is_resting, !is_resting));
        assert!(state.give(Box::new(Idler(true))).is_err(), "one is enough");
    }
}

#[test]
fn a_target_rests_when_it_is_not_to_be_used() {
    let mut state = idle(false);
    assert!(state.lease_for_rest(0).is_none(), "there are bytes");
    state.is_held = true;
    let target = state.lease_for_rest(0).expect("not now");
    assert!(state.lease_for_rest(0).is_none(), "once");
    assert!(state.put_back(target).is_none());
    state.finish(0);
    assert!(state.lease_for_rest(0).is_none(), "it is to end");
    assert!(idle(true).lease_for_rest(0).is_none(), "it rests");
}
