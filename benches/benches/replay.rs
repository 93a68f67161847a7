//! What it costs to spend a code: the replay table, and DashMap doing the same.
//!
//! `cold` works on 64 MiB of slots, far more than the caches hold, kept at half its capacity of
//! living codes; `grouped` prefetches eight codes before it redeems them, as the gateway does with
//! the codes that one turn of the event loop brings. All but DashMap's include the hash, the mark
//! of time and the second look at the clock (24 ns by itself). With two threads the figure is the
//! time per code of each thread. `mapped` is the same on a table in a file, as the gateway has it, of
//! the directory that `YANMA_BENCH_DIR` names (else the system's for temporary files).

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dashmap::DashMap;

use clock::{Clock, Reading};
use keyring::code::{CodeIdentity, IssuedAt, KeyId, Serial};
use keyring::time::UnixMillis;
use keyring::verify::TimeRules;
use replay::{Birth, Codes, Replay, Store};

const COLD_SLOTS: usize = 8 * 1_024 * 1_024;
const HOT_SLOTS: usize = 2_048;
const GROUP: u64 = 8;
const RULES: TimeRules = TimeRules { skew_ms: 2_000, display_days: 180 };

/// Codes as they are issued: so many a second that after 80 s half of the slots are living.
struct Issuer {
    clock: Clock,
    start_s: i64,
    per_second: u64,
    issued: AtomicU64,
}

impl Issuer {
    fn new(slots: usize) -> Self {
        let clock = Clock::system();
        let per_second = u64::try_from(slots / 160).expect("few");
        Self { start_s: clock.now().seconds(), clock, per_second, issued: AtomicU64::new(0) }
    }

    /// The numbers of `count` fresh codes.
    fn take(&self, count: u64) -> std::ops::Range<u64> {
        let first = self.issued.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    fn code(&self, number: u64) -> CodeIdentity {
        let second = self.start_s + i64::try_from(number / self.per_second).expect("few");
        CodeIdentity {
            key_id: KeyId::new(7001).expect("not zero"),
            issued_at: IssuedAt::new(u32::try_from(second).expect("before 2106")),
            serial: Serial::new(number),
        }
    }
}

struct Bench {
    replay: Replay,
    issuer: Issuer,
}

impl Bench {
    fn new(slots: usize) -> Self {
        Self::over(Replay::new(slots, None).expect("memory"), slots)
    }

    /// On a table in a file, which is unlinked and so is gone with the process.
    fn mapped(slots: usize) -> Self {
        let directory = std::env::var_os("YANMA_BENCH_DIR").map(std::path::PathBuf::from);
        let directory = directory.unwrap_or_else(std::env::temp_dir);
        let path = directory.join(format!("yanma-bench-{}", std::process::id()));
        let mut options = std::fs::File::options();
        let file = options.read(true).write(true).create_new(true).open(&path).expect("a file");
        std::fs::remove_file(&path).expect("a file of ours");
        let now = Clock::system().now();
        let file_id = replay::open_file_id(&file).expect("a file's number");
        let (key, boot) = ([7; 16], 0);
        let store = Store::Local;
        let birth = Birth {
            key,
            boot,
            file: file_id,
            store,
            fence: None,
            skew_ms: 0,
            high_water_mark: now,
        };
        replay::create::<Codes>(&file, slots, &birth).expect("room for the table");
        let Ok(replay) = replay::map(&file, slots, store, boot) else {
            panic!("the table is there")
        };
        // No other process uses the file: lease and promise never end.
        replay.renew_lease(Reading { now, boot_ns: i64::MAX / 2 });
        replay.promise(UnixMillis::new(i64::MAX));
        Self::over(replay, slots)
    }

    /// A table in its steady state: every slot was used before.
    fn over(replay: Replay, slots: usize) -> Self {
        let bench = Self { replay, issuer: Issuer::new(slots) };
        for number in bench.issuer.take(u64::try_from(slots).expect("few") * 3) {
            bench.redeem(&bench.issuer.code(number));
        }
        bench
    }

    fn redeem(&self, code: &CodeIdentity) {
        let judged_at: UnixMillis = code.issued_at.millis();
        let redemption = self.replay.redeem(code, judged_at, &RULES, &self.issuer.clock);
        let _spent = black_box(redemption.expect("a fresh code and a free slot"));
    }

    fn singly(&self, count: u64) {
        for _ in 0..count / GROUP {
            let group = self.issuer.take(GROUP);
            group.for_each(|number| self.redeem(&self.issuer.code(number)));
        }
    }

    fn grouped(&self, count: u64) {
        for _ in 0..count / GROUP {
            let group = self.issuer.take(GROUP);
            for number in group.clone() {
                let _hash = self.replay.prefetch(&self.issuer.code(number));
            }
            group.for_each(|number| self.redeem(&self.issuer.code(number)));
        }
    }
}

/// Runs `work(count)` on so many threads at once.
fn timed(clock: &Clock, threads: u32, count: u64, work: impl Fn(u64) + Sync) -> Duration {
    let start = clock.instant();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work(count));
        }
        work(count);
    });
    Duration::from_nanos(start.elapsed_ns(clock))
}

fn replay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    for (where_, cold) in [("", Bench::new(COLD_SLOTS)), ("mapped_", Bench::mapped(COLD_SLOTS))] {
        let clock = &cold.issuer.clock;
        for threads in [1, 2] {
            group.bench_function(format!("{where_}insert_cold/{threads}_threads"), |bencher| {
                bencher
                    .iter_custom(|count| timed(clock, threads, count, |count| cold.singly(count)));
            });
            let name = format!("{where_}insert_cold_grouped/{threads}_threads");
            group.bench_function(name, |bencher| {
                bencher
                    .iter_custom(|count| timed(clock, threads, count, |count| cold.grouped(count)));
            });
        }
    }
    let hot = Bench::new(HOT_SLOTS);
    let clock = &hot.issuer.clock;
    group.bench_function("insert_hot", |bencher| {
        bencher.iter_custom(|count| timed(clock, 1, count, |count| hot.singly(count)));
    });
    let code = hot.issuer.code(hot.issuer.take(1).start);
    hot.redeem(&code);
    group.bench_function("used_hot", |bencher| {
        let judged_at = code.issued_at.millis();
        bencher.iter(|| hot.replay.redeem(&code, judged_at, &RULES, clock).is_err());
    });
    group.finish();
}

/// DashMap holding as many codes as the cold table has living ones. It forgets nothing: what a
/// sweep would cost is not counted.
fn dashmap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    let issuer = Issuer::new(COLD_SLOTS);
    let map = DashMap::with_capacity(COLD_SLOTS);
    let insert = |count: u64| {
        for number in issuer.take(count) {
            let code = issuer.code(number);
            assert!(map.insert(code, ()).is_none(), "fresh");
        }
    };
    let living = u64::try_from(COLD_SLOTS / 2).expect("few");
    insert(living);
    for threads in [1, 2] {
        group.bench_function(format!("dashmap_insert_cold/{threads}_threads"), |bencher| {
            bencher.iter_custom(|count| {
                if map.len() > COLD_SLOTS {
                    map.clear();
                    insert(living);
                }
                timed(&issuer.clock, threads, count, insert)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = replay, dashmap
}
criterion_main!(benches);
