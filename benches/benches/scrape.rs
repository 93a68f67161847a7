//! What a scrape of a large node costs: 20 routes, 35 channels, 100 keys, 15 registers, 8 workers.
//! It may take 5 ms. The admin thread makes the page, so that no worker waits for it.

use std::{
    hint::black_box,
    path::Path,
    sync::{Arc, atomic::AtomicU8},
    time::Duration,
};

use clock::Clock;
use criterion::{Criterion, criterion_group, criterion_main};
use gateway::{
    admin,
    code::requests::CodeRequests,
    config::Config,
    idempotency::{MessagesUnderWay, ResponseStore},
    metrics::{Metrics, WorkerId},
    readiness::Health,
    snapshot::{Current, Snapshot},
    upstream::endpoints::Endpoints,
    worker::Shared,
};
use keyring::{
    code::{IssuedAt, KeyId},
    key::{IssuerKey, KeyState, KeyTerms},
    key_set::KeySet,
    seal::SealSecret,
    suite::{PublicKey, SigningKey},
    time::UnixMillis,
};
use record::Record;
use replay::{Replay, directory::Tables};

const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
const WORKERS: usize = 8;
const ROUTES: usize = 20;
const CHANNELS: u32 = 35;
const KEYS: u32 = 100;
/// Five groups of three.
const GROUPS: usize = 5;
const SERIES_LEAST: usize = 4_400;

fn config() -> Config {
    let mut text = "replay.store = \"local\"\n[[backend]]\nname = \"settlement\"\n\
                    endpoints = [\"http://127.0.0.1:9001\", \"http://127.0.0.1:9002\"]\n"
        .to_owned();
    for route in 0..ROUTES {
        text.push_str(&format!(
            "[[route]]\npath = \"/pay/{route}\"\ncode = \"redeem\"\nbackend = \"settlement\"\n"
        ));
    }
    Config::parse(&text, Path::new("/"), Path::new("bench")).expect("a sound configuration")
}

fn key(number: u32) -> IssuerKey {
    let id = KeyId::new(7_001 + number).expect("not 0");
    let [a, b, c, d] = (number + 1).to_be_bytes();
    let mut scalar = [7; 32];
    scalar[28..].copy_from_slice(&[a, b, c, d]);
    let signing_key = SigningKey::from_slice(&scalar).expect("a scalar below the order");
    let terms = KeyTerms {
        id,
        channel: format!("channel-{}", number % CHANNELS).parse().expect("a channel"),
        state: KeyState::Active,
        not_before: START,
        not_after: START.plus_ms(86_400_000),
        environment: "bench".to_owned(),
    };
    let seal_key = SealSecret::new([7; SealSecret::BYTES]).derive(id);
    IssuerKey::new(terms, PublicKey::from(&signing_key), seal_key).expect("dates in order")
}

/// A node that has served on all its routes.
fn node() -> Shared {
    let (clock, _) = Clock::hand_set(START);
    let (metrics, endpoints) = (Metrics::new(WORKERS + 1), Endpoints::default());
    let names = |group| (0..3).map(|place| format!("register-{group}-{place}:6379")).collect();
    metrics.show_registers(&(0..GROUPS).map(names).collect::<Vec<Vec<String>>>());
    metrics.listener("0.0.0.0:7460");
    let keys = KeySet::new((0..KEYS).map(key).collect()).expect("ids are unique");
    let snapshot = Snapshot::new(config(), keys, &endpoints, &metrics);
    for worker in (0..WORKERS).map(WorkerId::new) {
        metrics.worker_begins(worker);
        for route in 0..ROUTES {
            let route = metrics.route(&format!("/pay/{route}"));
            (0..40).for_each(|power| route.duration.observe_ns(worker, 1 << power));
        }
    }
    Shared {
        clock,
        tables: Tables {
            codes: Replay::new(4_096, IssuedAt::from_time(START)).expect("memory"),
            passes: None,
        },
        pass_count: AtomicU8::new(0),
        responses: ResponseStore::new(),
        metrics,
        current: Current::new(snapshot),
        endpoints,
        health: Arc::new(Health::default()),
        record: Record::off(),
        bodies: Arc::default(),
        accounts: None,
        codes: CodeRequests::new(1_024),
        messages: MessagesUnderWay::default(),
    }
}

fn scrape(criterion: &mut Criterion) {
    let node = node();
    let page = admin::metrics_text(&node);
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series >= SERIES_LEAST, "{series} series: no large node");
    let name = format!("{series} series, {} KiB", page.len() >> 10);
    let mut group = criterion.benchmark_group("scrape");
    group.sample_size(20).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(3));
    group.bench_function(name, |b| b.iter(|| admin::metrics_text(black_box(&node))));
    group.finish();
}

criterion_group!(benches, scrape);
criterion_main!(benches);
