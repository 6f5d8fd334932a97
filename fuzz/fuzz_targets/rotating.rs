//! Programs that libFuzzer writes, of streams into one log that rotates: its files must be what `tests/rotating.rs` has, too.
//!
//! `cargo +nightly fuzz run rotating`
#![no_main]

use libfuzzer_sys::{
    arbitrary::{Arbitrary, Result, Unstructured},
    fuzz_target,
};

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/common/log.rs"]
mod log;
#[path = "../../tests/common/rotating.rs"]
mod rotating;

mod draw;

use draw::many;
use rotating::{Op, Rotating, Wanted};

/// What happens to one log.
#[derive(Debug)]
struct Program {
    wanted: Wanted,
    ops: Vec<Op>,
}

impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let size = if input.ratio(1, 8)? {
            input.int_in_range(100..=10_000)?
        } else {
            input.int_in_range(1..=99)?
        };
        let keep = if input.ratio(1, 3)? { Some(input.int_in_range(0..=3)?) } else { None };
        let wanted = match input.int_in_range(0..=7)? {
            0 => Wanted::Compressed(size, keep),
            1..=2 => Wanted::Timed(size),
            _ => Wanted::Size(size, keep),
        };
        Ok(Self { wanted, ops: many(input, 100, op)? })
    }
}

fn op(input: &mut Unstructured<'_>) -> Result<Op> {
    let writer = usize::from(input.ratio(1, 4)?);
    Ok(match input.int_in_range(0..=20)? {
        0..=11 => Op::Write(writer, many(input, 6, size)?),
        12..=13 => Op::Look(writer),
        // It waits for the whole file system.
        14 if input.ratio(1, 8)? => Op::Sync(writer),
        14..=15 => Op::Renew(writer),
        16..=17 => Op::Pass(input.int_in_range(0..=1_499)?),
        18 => Op::Lock,
        19 => Op::Unlock,
        _ if input.ratio(1, 2)? => Op::Move,
        _ => Op::Remove,
    })
}

fn size(input: &mut Unstructured<'_>) -> Result<usize> {
    let most = if input.ratio(1, 8)? { 3_000 } else { 60 };
    input.int_in_range(1..=most)
}

fuzz_target!(|program: Program| {
    let mut rotating = Rotating::new(program.wanted);
    for op in &program.ops {
        rotating.apply(op);
    }
});
