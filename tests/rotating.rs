//! Random programs of streams that write to one log that rotates, against a plain model of its files: see `common/rotating.rs`.
#![cfg(all(target_os = "linux", not(feature = "loom")))]

mod common;
#[path = "common/log.rs"]
mod log;
#[path = "common/rotating.rs"]
mod rotating;

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm},
};

use rotating::{Op, Rotating, Wanted};

fn wanted() -> impl Strategy<Value = Wanted> {
    let size = || prop_oneof![4 => 1_u64..100, 1 => 100_u64..10_000];
    let keep = || prop::option::weighted(0.3, 0_usize..4);
    prop_oneof![
        4 => (size(), keep()).prop_map(|(size, keep)| Wanted::Size(size, keep)),
        1 => (size(), keep()).prop_map(|(size, keep)| Wanted::Compressed(size, keep)),
        2 => size().prop_map(Wanted::Timed),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let writer = || prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    let size = prop_oneof![9 => 1_usize..60, 1 => 60_usize..3_000];
    prop_oneof![
        12 => (writer(), prop::collection::vec(size, 1..6)).prop_map(|(writer, sizes)| Op::Write(writer, sizes)),
        2 => writer().prop_map(Op::Look),
        1 => writer().prop_map(Op::Sync),
        2 => writer().prop_map(Op::Renew),
        2 => (0_u64..1_500).prop_map(Op::Pass),
        1 => Just(Op::Lock),
        2 => Just(Op::Unlock),
        1 => Just(Op::Move),
        1 => Just(Op::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/rotating.txt"))),
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_files_have_what_was_put_cut_between_chunks(wanted in wanted(), ops in prop::collection::vec(op(), 0..60)) {
        let mut rotating = Rotating::new(wanted);
        for op in &ops {
            rotating.apply(op);
        }
    }
}
