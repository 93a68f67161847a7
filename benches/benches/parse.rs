//! What a code costs before and after its signature: reading the text, writing it, the seal.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use issuer::Issuer;
use keyring::code::UnverifiedCode;

mod issuer;

fn parse(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let code = issuer.code(1);
    let digits = code.to_digits();
    let key = issuer.key();
    assert!(key.opens(&code), "the benchmarked seal opens");

    let mut group = criterion.benchmark_group("parse");
    group.bench_function("parse", |b| b.iter(|| UnverifiedCode::parse(black_box(&digits))));
    group.bench_function("to_digits", |b| b.iter(|| black_box(&code).to_digits()));
    group.bench_function("seal_open", |b| b.iter(|| key.opens(black_box(&code))));
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
