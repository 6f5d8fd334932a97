//! Random programs through stages: what the file has in the end, and when a barrier is settled. See `common/through.rs`.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/staged.rs"]
mod staged;
#[path = "common/through.rs"]
mod through;

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm},
};

use spillway::target::Settle;

use common::model::Reply;
use through::{Form, Op, Through, Wanted};

fn wanted() -> impl Strategy<Value = Wanted> {
    let form =
        prop::sample::select(vec![Form::Plain, Form::Durable, Form::Gzip, Form::GzipByTwo, Form::Zstd]);
    (form, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(form, digest, of_file, is_atomic)| Wanted { form, digest, of_file, is_atomic })
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0_usize..40, 4 => 40_usize..3_000, 1 => 3_000_usize..200_000]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => size().prop_map(Op::Fill),
        10 => size().prop_map(Op::Append),
        3 => size().prop_map(Op::Source),
        10 => prop::sample::select(vec![Settle::Written, Settle::Data, Settle::All]).prop_map(Op::Barrier),
        30 => Just(Op::Step),
        5 => Just(Op::Steps),
        1 => Just(Op::MakeWhole),
        1 => Just(Op::Finish),
        1 => (0_usize..50).prop_map(Op::Cancel),
    ]
}

fn good() -> impl Strategy<Value = Reply> {
    prop_oneof![
        6 => (1_usize..5_000).prop_map(Reply::Take),
        2 => Just(Reply::Take(usize::MAX)),
        2 => Just(Reply::Interrupted),
        2 => Just(Reply::WouldBlock),
    ]
}

fn last() -> impl Strategy<Value = Reply> {
    prop_oneof![Just(Reply::Stall), Just(Reply::Errno(5)), Just(Reply::Nothing), Just(Reply::Panic)]
}

fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let ends = prop_oneof![3 => Just(None), 1 => last().prop_map(Some)];
    (prop::collection::vec(good(), 0..20), ends).prop_map(|(mut replies, end)| {
        replies.extend(end);
        replies
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/through.txt"))),
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_file_has_what_was_put_whatever_is_done_to_the_bytes(
        wanted in wanted(),
        replies in replies(),
        settles in prop::collection::vec(prop_oneof![9 => good(), 1 => last()], 0..10),
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let mut through = Through::new(wanted, &replies, &settles);
        for op in ops {
            through.apply(op);
        }
        through.finish();
    }
}
