//! Random programs against a plain model of a stream, which is in `common/model.rs`.
#![cfg(not(feature = "loom"))]

mod common;

use std::io::{self, ErrorKind};

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm},
};

use spillway::target::Settle;

use common::model::{Kind, Limit, Op, Other, Pair, Reply, WAITED_OUT, told};

/// The size of a chunk.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0_usize), 8 => 1_usize..20, 1 => 20_usize..2_000]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        40 => (size(), 1_usize..64).prop_map(|(count, room)| Op::Fill(count, room)),
        5 => (1_usize..64).prop_map(Op::Attach),
        5 => Just(Op::Detach),
        20 => size().prop_map(Op::Append),
        10 => (0_usize..50).prop_map(Op::Wait),
        60 => Just(Op::Step),
        10 => Just(Op::Job),
        6 => (kind(), size(), most()).prop_map(|(kind, count, most)| Op::Source(kind, count, most)),
        4 => most().prop_map(Op::Piece),
        3 => (0_usize..64).prop_map(Op::Pour),
        4 => how().prop_map(Op::Barrier),
        1 => Just(Op::Dry),
        1 => Just(Op::Stop),
        1 => Just(Op::GiveUp),
        1 => Just(Op::Finish),
        1 => (0_usize..50).prop_map(Op::Cancel),
    ]
}

fn how() -> impl Strategy<Value = Settle> {
    prop_oneof![Just(Settle::Written), Just(Settle::Data), Just(Settle::All)]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::File),
        3 => Just(Kind::Positioned),
        4 => Just(Kind::Pipe),
        1 => Just(Kind::Unreadable),
    ]
}

/// How much of a source is wanted: less than it has, more, or all.
fn most() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 0_usize..40, 1 => Just(usize::MAX)]
}

/// A reply of a target that lives on.
fn good() -> impl Strategy<Value = Reply> {
    prop_oneof![
        6 => (1_usize..40).prop_map(Reply::Take),
        2 => Just(Reply::Take(usize::MAX)),
        2 => Just(Reply::Interrupted),
        2 => Just(Reply::WouldBlock),
        3 => Just(Reply::Stall),
        2 => (other(), 1_usize..40).prop_map(|(other, most)| Reply::Meets(other, most)),
    ]
}

fn other() -> impl Strategy<Value = Other> {
    prop_oneof![4 => Just(Other::Step), 1 => Just(Other::Finish), 1 => (0_usize..50).prop_map(Other::Cancel)]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![9 => Just(Limit::Far), 1 => Just(Limit::Passed)]
}

/// Whether `errno` ends a stream, whatever is waited out.
fn is_final(errno: i32) -> bool {
    let kind = io::Error::from_raw_os_error(errno).kind();
    kind != ErrorKind::Interrupted && kind != ErrorKind::WouldBlock && told(errno) != told(WAITED_OUT)
}

fn last() -> impl Strategy<Value = Reply> {
    prop_oneof![
        3 => (1_i32..130).prop_filter("told by other means", |errno| is_final(*errno)).prop_map(Reply::Errno),
        1 => Just(Reply::Nothing),
        1 => Just(Reply::Panic),
    ]
}

/// What the target answers, in order; behind that it takes everything.
fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let ends = prop_oneof![3 => Just(None), 2 => last().prop_map(Some)];
    (prop::collection::vec(good(), 0..40), ends).prop_map(|(mut replies, end)| {
        replies.extend(end);
        replies
    })
}

/// The same for what it is to copy, if it can.
fn copies() -> impl Strategy<Value = Option<Vec<Reply>>> {
    prop::option::of(prop::collection::vec(prop_oneof![9 => good(), 1 => last()], 0..20))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        // For a test in `tests` the default place is found by a guess that fails.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/model.txt"))),
        // ChaCha, not optimised, would take most of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_does_what_a_vector_of_bytes_would(
        ops in prop::collection::vec(op(), 0..120),
        replies in replies(),
        copies in copies(),
        settles in prop::collection::vec(prop_oneof![9 => good(), 1 => last()], 0..10),
        limit in limit(),
    ) {
        let mut pair = Pair::new(limit, replies, copies);
        pair.settle_by(settles);
        for op in &ops {
            pair.apply(op);
        }
        pair.finish();
    }
}
