//! What a pass costs: making one, reading and opening it, and what a forged one costs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use issuer::Issuer;
use keyring::{
    code::Kinds,
    pass::{Institution, PassKey, PassKeyId, PassKeyState, PassKeys, PassSecret, UnverifiedPass},
    verify::{Rules, TimeRules},
};

mod issuer;

const RULES: Rules = Rules {
    kinds: Kinds::BOTH,
    time: TimeRules { skew_ms: 2_000, display_days: 180 },
    recognise_late: false,
};

fn pass_keys() -> PassKeys {
    let id = PassKeyId::new(1).expect("1..=15");
    let secret = PassSecret::new([7; PassSecret::BYTES]);
    let key = PassKey::new(id, PassKeyState::Active, &secret);
    PassKeys::new(vec![key]).expect("one key")
}

fn read(text: &[u8]) -> UnverifiedPass {
    UnverifiedPass::parse(text).expect("40 letters")
}

fn pass(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let issuer_id = issuer.key().id();
    let (code, keys) = (issuer.code(1), issuer.keys.with_pass_keys(pass_keys()));
    let now = code.claims().issued_at.millis();
    let code = keys.verify(&code, &RULES, now).expect("a sound code");
    let hospital: Institution = "H37010000001".parse().expect("visible ASCII");
    let mint = |count| keys.mint_pass(&code, &hospital, code.issued_at(), count);
    let text = mint(5).expect("an active key").text;
    let opened = keys.open_pass(&read(text.as_bytes()), &hospital, now).expect("it opens");
    assert_eq!(opened.issuer(), issuer_id);
    // Another tag, so another mask: the issuer key that comes out is none.
    let mut forged = *text.as_bytes();
    forged.get_mut(5..17).expect("letters of the tag").rotate_right(1);
    assert!(keys.open_pass(&read(&forged), &hospital, now).is_err());
    let elsewhere = Institution::NONE;
    assert!(keys.open_pass(&read(text.as_bytes()), &elsewhere, now).is_err());

    let mut group = criterion.benchmark_group("pass");
    group.bench_function("mint", |b| b.iter(|| mint(black_box(5))));
    group.bench_function("parse", |b| b.iter(|| UnverifiedPass::parse(black_box(text.as_bytes()))));
    group.bench_function("open", |b| {
        b.iter(|| keys.open_pass(&read(black_box(text.as_bytes())), &hospital, now));
    });
    group.bench_function("open_forged", |b| {
        b.iter(|| keys.open_pass(&read(black_box(&forged)), &hospital, now));
    });
    group.bench_function("open_elsewhere", |b| {
        b.iter(|| keys.open_pass(&read(black_box(text.as_bytes())), &elsewhere, now));
    });
    group.finish();
}

criterion_group!(benches, pass);
criterion_main!(benches);
