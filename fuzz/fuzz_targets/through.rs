//! Programs that libFuzzer writes, through stages: the file must be what was put, as `tests/through.rs` has it, too.
//!
//! `cargo +nightly fuzz run through`
#![no_main]

use libfuzzer_sys::{
    arbitrary::{Arbitrary, Result, Unstructured},
    fuzz_target,
};

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/common/staged.rs"]
mod staged;
#[path = "../../tests/common/through.rs"]
mod through;

mod draw;

use spillway::target::Settle;

use common::model::Reply;
use draw::many;
use through::{Form, Op, Through, Wanted};

/// What happens to one stream.
#[derive(Debug)]
struct Program {
    wanted: Wanted,
    replies: Vec<Reply>,
    settles: Vec<Reply>,
    ops: Vec<Op>,
}

impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let forms = [Form::Plain, Form::Durable, Form::Gzip, Form::GzipByTwo, Form::Zstd];
        let wanted = Wanted {
            form: *input.choose(&forms)?,
            digest: input.arbitrary()?,
            of_file: input.arbitrary()?,
            is_atomic: input.ratio(1, 8)?,
        };
        let (replies, settles) = (many(input, 64, reply)?, many(input, 16, reply)?);
        Ok(Self { wanted, replies, settles, ops: many(input, 200, op)? })
    }
}

fn op(input: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match input.int_in_range(0..=15)? {
        0..=3 => Op::Fill(size(input)?),
        4..=5 => Op::Append(size(input)?),
        6 => Op::Source(size(input)?),
        7..=8 => Op::Barrier(*input.choose(&[Settle::Written, Settle::Data, Settle::All])?),
        9..=12 => Op::Step,
        13 => Op::Steps,
        14 => *input.choose(&[Op::Finish, Op::MakeWhole])?,
        _ => Op::Cancel(input.int_in_range(0..=63)?),
    })
}

fn reply(input: &mut Unstructured<'_>) -> Result<Reply> {
    Ok(match input.int_in_range(0..=15)? {
        0..=5 => Reply::Take(input.int_in_range(1..=5_000)?),
        6..=8 => Reply::Take(usize::MAX),
        9..=11 => Reply::Interrupted,
        12..=14 => Reply::WouldBlock,
        _ => *input.choose(&[Reply::Stall, Reply::Errno(spillway::os::EIO), Reply::Nothing, Reply::Panic])?,
    })
}

/// The size of a chunk: seldom that of more than a part, which is compressed at a time.
fn size(input: &mut Unstructured<'_>) -> Result<usize> {
    let most = if input.ratio(1, 32)? { 300_000 } else { 2_000 };
    input.int_in_range(0..=most)
}

fuzz_target!(|program: Program| {
    let mut through = Through::new(program.wanted, &program.replies, &program.settles);
    for op in program.ops {
        through.apply(op);
    }
    through.finish();
});
