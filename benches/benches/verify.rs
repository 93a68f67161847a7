//! What verifying a signature costs, hashing included: the libraries, the engines, tables.
//!
//! Only the signature is measured here, as the libraries verify it. The bench `parse` measures
//! parsing and opening seals.

use std::hint::black_box;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use issuers::Issuers;
use keyring::suite::{Engine, GROUP_MAX, Verifier, VerifyingKey};
use p256::ecdsa::{
    Signature,
    signature::{Signer as _, Verifier as _},
};

mod issuers;

const MIB: u64 = 1 << 20;
/// The default of `verify_table_mib`.
const DEFAULT_BUDGET: u64 = 128 * MIB;
/// The budget for a node with 500 keys: a huge page for each key, and the generator's table.
const LARGE_BUDGET: u64 = 1_032 * MIB;
/// Messages in all. Their table entries are spread over all tables.
const MESSAGES: usize = 4_096;

/// The p256 crate and aws-lc-rs, hashing included: the reference of all ratios.
fn libraries(criterion: &mut Criterion) {
    let message = issuers::message(0);
    let signing_key = issuers::signing_key(0);
    let key = *signing_key.verifying_key();
    let signature: Signature = signing_key.sign(&message);
    let bytes = signature.to_bytes();
    let point = key.to_sec1_point(false);
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_bytes())
        .expect("aws-lc-rs takes a SEC 1 point");
    assert!(key.verify(&message, &signature).is_ok());
    assert!(parsed.verify_sig(&message, &bytes).is_ok());

    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    group.bench_function("p256", |b| {
        b.iter(|| {
            let signature = Signature::from_slice(black_box(&bytes)).expect("in range");
            key.verify(black_box(&message), &signature)
        });
    });
    group.bench_function("aws_lc_rs", |b| {
        b.iter(|| parsed.verify_sig(black_box(&message), black_box(&bytes)));
    });
    group.finish();
}

/// One code and eight codes of eight keys, by the best engine and by the portable one.
fn engines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    let best = Issuers::new(8, MESSAGES, Engine::best(), DEFAULT_BUDGET);
    for (name, issuers) in [
        ("single", &best),
        ("portable", &Issuers::new(8, MESSAGES, Engine::Portable, DEFAULT_BUDGET)),
    ] {
        let mut turn = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                turn += 1;
                issuers.verify::<1>(black_box(turn))
            });
        });
    }
    group.throughput(Throughput::Elements(8));
    group.bench_function("group8", |b| eight_at_once(b, &best));
    group.finish();
}

/// Groups of eight codes of random keys out of many. No cache holds the tables.
fn many_keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(8));
    for (name, keys, budget) in [
        ("group8_100_keys", 100, DEFAULT_BUDGET),
        ("group8_500_keys", 500, LARGE_BUDGET),
        ("group8_500_keys_default_budget", 500, DEFAULT_BUDGET),
    ] {
        let issuers = Issuers::new(keys, MESSAGES, Engine::best(), budget);
        group.bench_function(name, |b| eight_at_once(b, &issuers));
    }
    group.finish();
}

fn eight_at_once(b: &mut criterion::Bencher<'_>, issuers: &Issuers) {
    let mut turn = 0;
    b.iter(|| {
        turn += GROUP_MAX;
        issuers.verify::<GROUP_MAX>(black_box(turn))
    });
}

/// The table of one more key, of the width that 100 keys get by default.
fn tables(criterion: &mut Criterion) {
    let verifier = Verifier::new(Engine::Portable, |_| ()).expect("it runs anywhere");
    let others: Vec<VerifyingKey> = (1..100).map(issuers::verifying_key).collect();
    let build = |one_more: &VerifyingKey| {
        let keys: Vec<&VerifyingKey> = others.iter().chain([one_more]).collect();
        verifier.build_tables(&keys, DEFAULT_BUDGET).expect("memory for the tables")
    };
    build(&issuers::verifying_key(0));
    let mut group = criterion.benchmark_group("verify");
    group.bench_function("table_build", |b| {
        b.iter_batched(
            || issuers::verifying_key(0),
            |one_more| {
                assert_eq!(build(&one_more), 1, "the other tables are kept");
                one_more
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, libraries, engines, many_keys, tables);
criterion_main!(benches);
