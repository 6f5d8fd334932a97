//! The core alone: what a change to queue, control block or slab costs, without Node.
//!
//! `cargo bench` compares with its last run.

#![expect(missing_docs, reason = "of what criterion generates")]

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use spillway::{control_block::ControlBlock, queue::Queue, slab::Slab};

const SLAB: usize = 64 << 10;
const LINE: &[u8] = &[b'x'; 100];
const MAX_BATCH: usize = 1 << 20;

fn control_block(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control block");
    group.throughput(Throughput::Elements(1));
    let block = ControlBlock::default();
    group.bench_function("fill", |bencher| bencher.iter(|| block.fill(black_box(100))));
    group.bench_function("publish to nobody", |bencher| {
        bencher.iter(|| block.publish(black_box(100), black_box(100)));
    });
    group.bench_function("wait and be told", |bencher| {
        let mut offset = 100_u64;
        bencher.iter(|| {
            offset += 1;
            let wanted = u32::try_from(offset & u64::from(u32::MAX)).expect("the lower half");
            block.wake_at(black_box(wanted)) || block.publish(offset, offset)
        });
    });
    group.finish();
}

fn slab(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("slab");
    let slab = Slab::new(SLAB).expect("memory");
    group.throughput(Throughput::Bytes(LINE.len() as u64));
    group.bench_function("fill with a line", |bencher| bencher.iter(|| slab.fill(black_box(0), LINE)));
    group.throughput(Throughput::Elements(1));
    group.bench_function("lend a range", |bencher| bencher.iter(|| slab.range(black_box(0), LINE.len())));
    group.finish();
}

/// Sixteen full slabs: a megabyte, as the default mark holds it.
fn full_queue(slab: &Arc<Slab>) -> Queue {
    let mut queue = Queue::default();
    for _ in 0..16 {
        queue.attach(Arc::clone(slab), SLAB);
    }
    queue.seal(SLAB);
    queue
}

fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    let slab = Slab::new(SLAB).expect("memory");
    let full = || full_queue(&slab);
    group.bench_function("a batch of sixteen slabs", |bencher| {
        bencher.iter_batched_ref(full, |queue| queue.batch(MAX_BATCH), BatchSize::SmallInput);
    });
    group.bench_function("advance past sixteen slabs", |bencher| {
        bencher.iter_batched_ref(full, |queue| queue.advance(MAX_BATCH as u64), BatchSize::SmallInput);
    });
    group.bench_function("advance by short writes", |bencher| {
        bencher.iter_batched_ref(
            full,
            |queue| (0..256).for_each(|_| queue.advance(4096)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("append a pinned chunk", |bencher| {
        bencher.iter_batched_ref(
            Queue::default,
            |queue| queue.append(Bytes::from_static(LINE), 0),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, control_block, slab, queue);
criterion_main!(benches);
