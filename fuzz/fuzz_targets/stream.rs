//! Programs that libFuzzer writes, against the model of a stream that
//! `tests/model.rs` has, too.
//!
//! `cargo +nightly fuzz run stream`
#![no_main]

use libfuzzer_sys::{
    arbitrary::{Arbitrary, Result, Unstructured},
    fuzz_target,
};

#[path = "../../tests/common/mod.rs"]
mod common;

mod draw;

use spillway::target::Settle;

use common::model::{Kind, Limit, Op, Other, Pair, Reply};
use draw::many;

/// An errno that ends a stream, whatever is waited out.
const FINAL: i32 = spillway::os::EIO;

/// What happens to one stream.
#[derive(Debug)]
struct Program {
    limit: Limit,
    replies: Vec<Reply>,
    /// What the target answers when it is to copy, if it can.
    copies: Option<Vec<Reply>>,
    /// What it answers when it is to settle.
    settles: Vec<Reply>,
    ops: Vec<Op>,
}

impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let limit = if input.ratio(1, 10)? { Limit::Passed } else { Limit::Far };
        let replies = many(input, 64, reply)?;
        let copies = if input.ratio(1, 2)? { Some(many(input, 32, reply)?) } else { None };
        let settles = many(input, 16, reply)?;
        // Fewer than a batch has segments: the model knows no batches.
        let ops = many(input, 400, op)?;
        Ok(Self { limit, replies, copies, settles, ops })
    }
}

fn op(input: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match input.int_in_range(0..=20)? {
        0..=3 => Op::Fill(size(input)?, small(input)? + 1),
        4 => Op::Attach(small(input)? + 1),
        5 => Op::Detach,
        6..=7 => Op::Append(size(input)?),
        8 => Op::Wait(small(input)?),
        9..=11 => Op::Step,
        12 => Op::Job,
        13..=14 => Op::Source(kind(input)?, size(input)?, most(input)?),
        15 => Op::Piece(most(input)?),
        16 => Op::Pour(small(input)?),
        17 => {
            if input.ratio(1, 2)? {
                Op::Dry
            } else {
                Op::Stop
            }
        }
        18 => Op::Finish,
        19 => Op::Barrier(*input.choose(&[Settle::Written, Settle::Data, Settle::All])?),
        _ => {
            if input.ratio(1, 8)? {
                Op::GiveUp
            } else {
                Op::Cancel(small(input)?)
            }
        }
    })
}

fn kind(input: &mut Unstructured<'_>) -> Result<Kind> {
    Ok(*input.choose(&[Kind::File, Kind::Positioned, Kind::Pipe, Kind::Unreadable])?)
}

/// How much of a source is wanted: less than it has, more, or all.
fn most(input: &mut Unstructured<'_>) -> Result<usize> {
    if input.ratio(1, 3)? { Ok(usize::MAX) } else { small(input) }
}

fn reply(input: &mut Unstructured<'_>) -> Result<Reply> {
    Ok(match input.int_in_range(0..=15)? {
        0..=5 => Reply::Take(small(input)? + 1),
        6 => Reply::Take(usize::MAX),
        7..=8 => Reply::Interrupted,
        9..=10 => Reply::WouldBlock,
        11..=12 => Reply::Stall,
        13..=14 => Reply::Meets(other(input)?, small(input)? + 1),
        _ => *input.choose(&[Reply::Errno(FINAL), Reply::Nothing, Reply::Panic])?,
    })
}

fn other(input: &mut Unstructured<'_>) -> Result<Other> {
    Ok(match input.int_in_range(0..=5)? {
        0 => Other::Finish,
        1 => Other::Cancel(small(input)?),
        _ => Other::Step,
    })
}

fn small(input: &mut Unstructured<'_>) -> Result<usize> {
    input.int_in_range(0..=63)
}

/// The size of a chunk.
fn size(input: &mut Unstructured<'_>) -> Result<usize> {
    if input.ratio(1, 8)? { input.int_in_range(0..=2_000) } else { small(input) }
}

fuzz_target!(|program: Program| {
    let mut pair = Pair::new(program.limit, program.replies, program.copies);
    pair.settle_by(program.settles);
    for op in &program.ops {
        pair.apply(op);
    }
    pair.finish();
});
