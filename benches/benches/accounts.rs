//! What a look at an account costs, with ten million people listed. The clock is not read: it costs
//! 24 ns by itself, and a request reads it anyway.
//!
//! `miss_prefetched` brings the screen's lines of eight people near, does other work, and then looks
//! at them, as the gateway does with the codes that one turn of the event loop brings.

use std::{hint::black_box, sync::Arc, time::Duration};

use accounts::{
    Accounts, Claim, Looker,
    entry::{Entry, Relation},
};
use clock::{Clock, Reading};
use criterion::{Criterion, criterion_group, criterion_main};
use keyring::{
    code::{IssuedAt, Subject},
    key::Channel,
    time::UnixMillis,
};

const LISTED: u64 = 10_000_000;
const GROUP: u64 = 8;
const GROUP_PEOPLE: usize = 8;
const WORK_STEPS: usize = 200;
/// Strides over subjects without an order that a processor could foresee.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

struct Bench {
    looker: Looker,
    channel: Channel,
    next: u64,
}

impl Bench {
    fn new() -> Self {
        let people = usize::try_from(LISTED).expect("few");
        let accounts = Arc::new(Accounts::new(people, &[]));
        let entry = Entry::parse("holder.0", "2026-12-12").expect("an entry");
        for subject in 1..=LISTED {
            let subject = Subject::new(subject).expect("not zero");
            accounts.apply(subject, entry.facet(), Some(entry)).expect("room");
        }
        accounts.prove_fresh(0);
        Self { looker: accounts.looker(), channel: "wechat".parse().expect("a channel"), next: 0 }
    }

    fn subject(number: u64, is_listed: bool) -> Subject {
        let number = number.wrapping_mul(STRIDE);
        let subject = if is_listed { number % LISTED + 1 } else { number | 1 << 63 };
        Subject::new(subject).expect("not zero")
    }

    fn look(&mut self, subject: Subject) -> bool {
        let claim = Claim {
            subject,
            relation: Relation::ALL,
            channel: self.channel,
            epoch: Some(1),
            issued_at: IssuedAt::new(1),
        };
        let clock = || Reading { now: UnixMillis::new(0), boot_ns: 0 };
        self.looker.clear(black_box(&claim), 1_000, clock).is_ok()
    }

    /// Half a microsecond of other work, far less than the verification of a code: what is brought
    /// near comes meanwhile. No step begins before the one before it has ended.
    fn work(&self) {
        let steps = (0..WORK_STEPS)
            .fold(self.next, |number, _| black_box(number.wrapping_mul(STRIDE).rotate_left(7)));
        black_box(steps);
    }

    /// The time of `count` looks without that of bringing near, which other work hides.
    fn grouped(&mut self, count: u64) -> Duration {
        let clock = Clock::system();
        let mut spent_ns = 0;
        for _ in 0..count.div_ceil(GROUP) {
            let people: [Subject; GROUP_PEOPLE] = std::array::from_fn(|_| {
                self.next += 1;
                Self::subject(self.next, false)
            });
            people.iter().for_each(|subject| self.looker.prefetch(*subject));
            self.work();
            let start = clock.instant();
            people.iter().for_each(|subject| {
                black_box(self.look(*subject));
            });
            spent_ns += start.elapsed_ns(&clock);
        }
        Duration::from_nanos(spent_ns)
    }

    fn single(&mut self, is_listed: bool) -> bool {
        self.next += 1;
        self.look(Self::subject(self.next, is_listed))
    }
}

fn accounts(criterion: &mut Criterion) {
    let mut bench = Bench::new();
    let mut group = criterion.benchmark_group("accounts");
    group.bench_function("miss_prefetched", |bencher| {
        bencher.iter_custom(|count| bench.grouped(count));
    });
    group.bench_function("miss_cold", |bencher| bencher.iter(|| bench.single(false)));
    group.bench_function("listed", |bencher| bencher.iter(|| bench.single(true)));
    group.finish();
}

criterion_group!(benches, accounts);
criterion_main!(benches);
