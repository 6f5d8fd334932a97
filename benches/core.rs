//! The core alone: what a change to queue, level or slab costs, without Node.
//!
//! `cargo bench` compares with its last run.

#![expect(missing_docs, reason = "of what criterion generates")]

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use spillway::{level::Level, queue::Queue, slab::Slab};

const SLAB: usize = 64 << 10;
const LINE: &[u8] = &[b'x'; 100];
const MAX_BATCH: usize = 1 << 20;

fn level(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("level");
    group.throughput(Throughput::Elements(1));
    let level = Level::default();
    group.bench_function("fill", |bencher| bencher.iter(|| level.fill(black_box(100))));
    group.bench_function("publish to nobody", |bencher| bencher.iter(|| level.publish(black_box(100))));
    group.bench_function("wait and be told", |bencher| {
        bencher.iter(|| level.wait(black_box(level.written().wrapping_add(1))) || level.publish(1));
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
        bencher.iter_batched_ref(full, |queue| queue.advance(MAX_BATCH), BatchSize::SmallInput);
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

criterion_group!(benches, level, slab, queue);
criterion_main!(benches);
