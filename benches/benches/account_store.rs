//! What the store of one node costs: loading, exporting and checking ten million people, changes, an
//! import, and the memory of a person. `cargo test` runs it with a thousand people, without figures
//! that mean anything.

use std::{fs, io::Write as _, path::Path, sync::Arc, time::Duration};

use accounts::{
    Accounts, Blocks,
    change::{Change, Operation},
    entry::{Cause, Entry, Relation},
    local::{LocalStore, check},
};
use clock::Clock;
use keyring::code::Subject;
use rusqlite::Connection;

/// Nothing that is asked of files, numbers and the database fails here.
const SOUND: &str = "the bench's own files and numbers are sound";
const NAMES: (&str, &str) = ("bench", "B-1");
/// Changes that are made one by one: as many as there are people, at most.
const CHANGES: u64 = 2_000;
/// Changes of one request of an import.
const PART: u64 = 1_000;
/// What the issue of account states allows.
const BYTES_MAX: u64 = 52;
/// Spreads subjects, as vouchers' numbers are.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Since when: by the clock, and by this thread's processor time, which other programs do not
/// lengthen.
struct Start(Clock, clock::Instant, u64);

impl Start {
    fn now() -> Self {
        let clock = Clock::system();
        let now = clock.instant();
        Self(clock, now, Self::processor_ns())
    }

    fn processor_ns() -> u64 {
        let text = fs::read_to_string("/proc/thread-self/schedstat").expect(SOUND);
        text.split(' ').next().expect(SOUND).parse().expect(SOUND)
    }

    fn figure(&self, what: &str, count: u64) {
        let on_processor = Self::processor_ns() - self.2;
        let seconds = [self.1.elapsed_ns(&self.0), on_processor]
            .map(|ns| Duration::from_nanos(ns).as_secs_f64());
        let [rate, own] = seconds.map(|seconds| num_per_second(count, seconds));
        let _ = writeln!(
            std::io::stdout(),
            "{what}: {count} in {:.2} s, {rate}/s; of processor time {own}/s",
            seconds[0]
        );
    }
}

fn num_per_second(count: u64, seconds: f64) -> String {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    format!("{:.0}", count / seconds)
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect(SOUND);
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect(SOUND);
    line.trim().trim_end_matches(" kB").trim().parse().expect(SOUND)
}

fn open(path: &Path, people: u64) -> LocalStore {
    let capacity = usize::try_from(people).expect(SOUND);
    let accounts = Arc::new(Accounts::new(capacity, &["accounts.db"]));
    LocalStore::open(path, accounts, Clock::system().reading()).expect(SOUND)
}

fn subject(number: u64) -> Subject {
    Subject::new(number.wrapping_mul(STRIDE)).expect(SOUND)
}

fn fill(path: &Path, people: u64) {
    drop(open(path, people));
    let sql = "WITH RECURSIVE each(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM each WHERE i < ?)
        INSERT INTO state SELECT i * 37 + 1000000000000, CASE WHEN i % 5 = 0 THEN 'floor.wechat'
        WHEN i % 3 = 0 THEN 'hotline.0' ELSE 'holder.0' END, CASE WHEN i % 5 = 0
        THEN '3 1800000000' WHEN i % 2 = 0 THEN '2026-12-12' ELSE '-' END, i FROM each";
    Connection::open(path).expect(SOUND).execute(sql, [people]).expect(SOUND);
}

fn load_export_and_check(people: u64) {
    let directory = tempfile::tempdir().expect(SOUND);
    let path = directory.path().join("accounts.db");
    fill(&path, people);
    let mut start = Start::now();
    let store = open(&path, people);
    start.figure("load", people);
    start = Start::now();
    let entries: usize = Blocks::new(store.accounts().table()).map(|block| block.len()).sum();
    start.figure("export, in blocks", u64::try_from(entries).expect(SOUND));
    drop(store);
    start = Start::now();
    check(&path).expect(SOUND);
    start.figure("check", people);
}

/// The allocator's own bytes count, so it is the first that runs.
fn memory_of_a_person(people: u64) {
    let before = resident_kib();
    let accounts = Accounts::new(usize::try_from(people).expect(SOUND), &[]);
    let entry = Entry::parse("holder.0", "2026-12-12").expect(SOUND);
    for number in 1..=people {
        accounts.apply(subject(number), entry.facet(), Some(entry)).expect(SOUND);
    }
    let bytes = (resident_kib() - before) * 1_024 / people;
    let _ = writeln!(std::io::stdout(), "memory: {bytes} bytes a person, at most {BYTES_MAX}");
}

fn changes_and_import(people: u64) {
    let directory = tempfile::tempdir().expect(SOUND);
    let mut store = open(&directory.path().join("accounts.db"), 2 * people);
    let clock = Clock::system();
    let mut start = Start::now();
    let count = CHANGES.min(people / 2);
    let operation =
        Operation::Freeze { cause: Cause::Hotline, relation: Relation::ALL, until: None };
    for number in 1..=count {
        let change = Change { subject: subject(number), operation };
        store.change(&[change], NAMES, clock.reading()).expect(SOUND);
    }
    start.figure("changes, one a request", count);
    let merge = Operation::Merge(Entry::parse("hotline.0", "2026-12-12").expect(SOUND));
    start = Start::now();
    let parts = (people / PART / 10).max(1);
    for part in 0..parts {
        let numbers = part * PART + 1..=(part + 1) * PART;
        let part: Vec<Change> =
            numbers.map(|number| Change { subject: subject(number), operation: merge }).collect();
        store.change(&part, NAMES, clock.reading()).expect(SOUND);
    }
    start.figure("import, 1,000 a request, in no order", parts * PART);
}

fn main() {
    let measures = std::env::args().any(|argument| argument == "--bench");
    let people = if measures { 10_000_000 } else { 1_000 };
    memory_of_a_person(people);
    load_export_and_check(people);
    changes_and_import(people);
}
