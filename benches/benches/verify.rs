//! What verifying one code costs: the libraries, one code, a group of eight.

use std::hint::black_box;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use issuer::Issuer;
use keyring::{
    code::{Kinds, UnverifiedCode},
    p256::{GROUP_MAX, SigningKey},
    verify::{Rules, TimeRules},
};
use p256::ecdsa::{
    Signature,
    signature::{Signer as _, Verifier as _},
};

mod issuer;

const RULES: Rules =
    Rules { kinds: Kinds::PAYMENT, time: TimeRules { skew_ms: 2_000, display_days: 180 } };
/// As long as what a code signs: prefix and body.
const MESSAGE: [u8; 55] = [0x5a; 55];

/// The p256 crate and aws-lc-rs, hashing included: what the ratios are taken to.
fn libraries(criterion: &mut Criterion) {
    let signing_key = SigningKey::from_slice(&[7; 32]).expect("a scalar below the order");
    let key = *signing_key.verifying_key();
    let signature: Signature = signing_key.sign(&MESSAGE);
    let bytes = signature.to_bytes();
    let point = key.to_sec1_point(false);
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_bytes())
        .expect("aws-lc-rs takes a SEC 1 point");
    assert!(key.verify(&MESSAGE, &signature).is_ok());
    assert!(parsed.verify_sig(&MESSAGE, &bytes).is_ok());

    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    group.bench_function("p256", |b| {
        b.iter(|| {
            let signature = Signature::from_slice(black_box(&bytes)).expect("in range");
            key.verify(black_box(&MESSAGE), &signature)
        });
    });
    group.bench_function("aws_lc_rs", |b| {
        b.iter(|| parsed.verify_sig(black_box(&MESSAGE), black_box(&bytes)));
    });
    group.finish();
}

/// Our own way: every check of a code, seal included.
fn codes(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let (keys, now) = (&issuer.keys, issuer.key().not_before());
    let codes: Vec<UnverifiedCode> = (0..8).map(|serial| issuer.code(serial)).collect();
    let together: Vec<(&UnverifiedCode, &Rules)> =
        codes.iter().map(|code| (code, &RULES)).collect();
    assert_eq!(together.len(), GROUP_MAX);
    let one = issuer.code(0);
    assert!(keys.verify(&one, &RULES, now).is_ok());

    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    group.bench_function("single", |b| {
        b.iter(|| keys.verify(black_box(&one), &RULES, now));
    });
    group.throughput(Throughput::Elements(8));
    let mut out = Vec::with_capacity(GROUP_MAX);
    group.bench_function("group8", |b| {
        b.iter(|| {
            keys.verify_group(black_box(&together), now, &mut out);
            out.iter().filter(|answer| answer.is_ok()).count()
        });
    });
    assert!(out.iter().all(Result::is_ok), "the benchmarked codes are good");
    group.finish();
}

criterion_group!(benches, libraries, codes);
criterion_main!(benches);
