//! Figures, at ten million people. Run with
//! `cargo test -p accounts --release -- --ignored --nocapture local::tests::speed`.

use std::{fs, io::Write as _, path::Path, sync::Arc, time::Instant};

use clock::Clock;
use keyring::code::Subject;

use super::{NAMES, at, freeze};
use crate::{
    accounts::Accounts,
    change::{Change, Operation},
    entry::Entry,
    local::{LocalStore, check},
    memory::Blocks,
};

const PEOPLE: u64 = 10_000_000;
/// Spreads subjects, as vouchers' numbers are.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

fn figure(what: &str, count: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let rate = num_per_second(count, seconds);
    let _ = writeln!(std::io::stdout(), "{what}: {count} in {seconds:.2} s, {rate}/s");
}

fn num_per_second(count: u64, seconds: f64) -> String {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    format!("{:.0}", count / seconds)
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn open(path: &Path, people: u64) -> LocalStore {
    let capacity = usize::try_from(people).unwrap();
    LocalStore::open(path, Arc::new(Accounts::new(capacity, &["accounts.db"])), at(0)).unwrap()
}

fn fill(path: &Path) {
    let store = open(path, 100);
    let connection = store.connection_for_tests();
    let sql = "WITH RECURSIVE each(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM each WHERE i < ?)
        INSERT INTO state SELECT i * 37 + 1000000000000, CASE WHEN i % 5 = 0 THEN 'floor.wechat'
        WHEN i % 3 = 0 THEN 'hotline.0' ELSE 'holder.0' END, CASE WHEN i % 5 = 0
        THEN '3 1800000000' WHEN i % 2 = 0 THEN '2026-12-12' ELSE '-' END, i FROM each";
    connection.execute(sql, [PEOPLE]).unwrap();
}

#[test]
#[ignore = "it takes a minute and half a gigabyte of disk"]
fn load_export_and_check() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    fill(&path);
    let mut start = Instant::now();
    let store = open(&path, PEOPLE);
    figure("load", PEOPLE, start);
    start = Instant::now();
    let table = store.accounts().table();
    let entries: usize = Blocks::new(table).map(|block| block.len()).sum();
    figure("export, in blocks", u64::try_from(entries).unwrap(), start);
    drop(store);
    start = Instant::now();
    check(&path).unwrap();
    figure("check", PEOPLE, start);
    let bytes = fs::metadata(&path).unwrap().len();
    let _ = writeln!(std::io::stdout(), "file: {} bytes an entry", bytes / PEOPLE);
}

#[test]
#[ignore = "it takes half a minute"]
fn memory_of_a_person() {
    let before = resident_kib();
    let accounts = Accounts::new(usize::try_from(PEOPLE).unwrap(), &[]);
    let entry = Entry::parse("holder.0", "2026-12-12").unwrap();
    for number in 1..=PEOPLE {
        let subject = Subject::new(number.wrapping_mul(STRIDE)).unwrap();
        accounts.apply(subject, entry.facet(), Some(entry)).unwrap();
    }
    let kib = resident_kib() - before;
    let each = num_per_second(kib * 1_024 / 1_000, 10_000.0);
    let _ = writeln!(std::io::stdout(), "memory: {each} bytes a person");
    assert!(kib * 1_024 <= 52 * PEOPLE, "{kib} KiB");
}

#[test]
#[ignore = "it takes half a minute"]
fn changes_and_import() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("accounts.db"), 2_000_000);
    let clock = Clock::system();
    let mut start = Instant::now();
    for subject in 1..=2_000 {
        store.change(&[freeze(subject)], NAMES, clock.reading()).unwrap();
    }
    figure("changes, one a request", 2_000, start);
    let entry = Entry::parse("hotline.0", "2026-12-12").unwrap();
    let merge = |number: u64| Change {
        subject: Subject::new(number.wrapping_mul(STRIDE)).unwrap(),
        operation: Operation::Merge(entry),
    };
    start = Instant::now();
    for part in 0..1_000 {
        let part: Vec<Change> = (part * 1_000 + 1..=part * 1_000 + 1_000).map(merge).collect();
        store.change(&part, NAMES, clock.reading()).unwrap();
    }
    figure("import, 1,000 a request, in no order", 1_000_000, start);
}
