//! Two keepers on one database, and databases that cannot be used.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use clock::Reading;
use keyring::{
    code::{IssuedAt, Subject},
    time::UnixMillis,
};

use super::{LocalStore, StoreError};
use crate::{
    accounts::{Accounts, NotCleared},
    change::{Change, ChangeError, Operation},
    entry::{Cause, Relation},
    verdict::{Claim, Refused},
};

const NAMES: (&str, &str) = ("hotline-12393", "H-1");

fn at(boot_ms: i64) -> Reading {
    let now = UnixMillis::from_seconds(1_800_000_000).plus_ms(boot_ms);
    Reading { now, boot_ns: boot_ms * 1_000_000 }
}

fn open(path: &Path) -> Result<(LocalStore, Arc<Accounts>), StoreError> {
    let accounts = Arc::new(Accounts::new(1_000, &["accounts.db"]));
    Ok((LocalStore::open(path, Arc::clone(&accounts), at(0))?, accounts))
}

fn looked(accounts: &Accounts, subject: u64, boot_ms: i64) -> Result<(), NotCleared> {
    let claim = Claim {
        subject: Subject::new(subject).unwrap(),
        relation: Relation::ALL,
        channel: "wechat".parse().unwrap(),
        epoch: Some(1),
        issued_at: IssuedAt::new(1_800_000_000),
    };
    accounts.clear(&claim, 1_000, || at(boot_ms)).map(|_| ())
}

fn freeze(subject: u64) -> Change {
    let operation =
        Operation::Freeze { cause: Cause::Hotline, relation: Relation::ALL, until: None };
    Change { subject: Subject::new(subject).unwrap(), operation }
}

fn lift(subject: u64, freeze: u64) -> Change {
    let operation =
        Operation::Lift { cause: Cause::Hotline, relation: Relation::ALL, freeze: Some(freeze) };
    Change { subject: Subject::new(subject).unwrap(), operation }
}

const FROZEN: Result<(), NotCleared> = Err(NotCleared::Refused(Refused::Frozen));

#[test]
fn what_one_process_changes_the_other_follows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut one, ones) = open(&path).unwrap();
    let (mut other, others) = open(&path).unwrap();
    let largest = u64::MAX;
    let first = one.change(&[freeze(42), freeze(largest)], NAMES, at(10)).unwrap();
    assert_eq!((first[0].number, first[1].number), (Some(1), Some(2)));
    assert_eq!(looked(&ones, 42, 10), FROZEN);
    assert_eq!(looked(&others, 42, 10), Ok(()), "within the promise");
    other.poll(at(50)).unwrap();
    assert_eq!(looked(&others, 42, 50), FROZEN);
    assert_eq!(looked(&others, largest, 50), FROZEN);
    other.change(&[lift(42, 1)], NAMES, at(60)).unwrap();
    one.poll(at(100)).unwrap();
    assert_eq!(looked(&ones, 42, 100), Ok(()));
    assert_eq!(looked(&ones, 42, 1_101), Err(NotCleared::Unavailable));
}

#[test]
fn a_late_lift_undoes_no_later_freeze() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, accounts) = open(&directory.path().join("accounts.db")).unwrap();
    store.change(&[freeze(42)], NAMES, at(0)).unwrap();
    store.change(&[freeze(42)], NAMES, at(0)).unwrap();
    let late = store.change(&[freeze(43), lift(42, 1)], NAMES, at(0));
    assert!(matches!(late, Err(StoreError::Change(ChangeError::NewerFreeze { held: 2 }))));
    assert_eq!(looked(&accounts, 42, 0), FROZEN);
    assert_eq!(looked(&accounts, 43, 0), Ok(()), "all or none");
    assert!(store.change(&[lift(42, 2)], NAMES, at(0)).unwrap()[0].number.is_some());
    assert!(store.change(&[lift(42, 2)], NAMES, at(0)).unwrap()[0].number.is_none());
}

const DYING: &str = "YANMA_TEST_ACCOUNTS";

/// The part of the process that is killed: it commits and never applies.
#[test]
#[ignore = "it kills its process; the test below starts it"]
fn dies_between_commit_and_apply() {
    let Some(path) = std::env::var_os(DYING) else { return };
    let (mut store, _accounts) = open(Path::new(&path)).unwrap();
    store.commit(&[freeze(42)], NAMES, at(0)).unwrap();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
}

#[test]
fn a_process_killed_between_commit_and_apply_loses_no_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut other, others) = open(&path).unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", "local::tests::dies_between_commit_and_apply", "--ignored"]);
    let output = child.env(DYING, &path).output().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(signal, Some(9), "{output:?}");
    other.poll(at(50)).unwrap();
    assert_eq!(looked(&others, 42, 50), FROZEN);
    drop(other);
    let (_next, nexts) = open(&path).unwrap();
    assert_eq!(looked(&nexts, 42, 0), FROZEN);
}

#[test]
fn a_process_behind_the_end_of_the_log_loads_everything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut behind, accounts) = open(&path).unwrap();
    let (mut store, _) = open(&path).unwrap();
    store.change(&[freeze(42), freeze(43)], NAMES, at(0)).unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute("DELETE FROM log WHERE n = 1", []).unwrap();
    behind.poll(at(50)).unwrap();
    assert_eq!((looked(&accounts, 42, 50), looked(&accounts, 43, 50)), (FROZEN, FROZEN));
}

#[test]
fn a_database_that_was_set_back_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut store, accounts) = open(&path).unwrap();
    store.change(&[freeze(42)], NAMES, at(0)).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute("DELETE FROM log", []).unwrap();
    assert!(matches!(store.poll(at(50)), Err(StoreError::SetBack { applied: 1, found: 0 })));
    assert_eq!(looked(&accounts, 43, 50), Err(NotCleared::Unavailable));
}

#[test]
fn what_cannot_be_used_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    fs::write(&path, vec![b'x'; 8_192]).unwrap();
    assert!(matches!(open(&path).err(), Some(StoreError::Damaged(_))));
    let missing = directory.path().join("none/accounts.db");
    assert!(matches!(open(&missing).err(), Some(StoreError::Open { .. })));
}

#[test]
fn a_full_database_changes_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, accounts) = open(&directory.path().join("accounts.db")).unwrap();
    store.connection_for_tests().pragma_update(None, "max_page_count", 4).unwrap();
    let many: Vec<Change> = (1..=500).map(freeze).collect();
    let full = store.change(&many, NAMES, at(0));
    assert!(matches!(full, Err(StoreError::DiskFull)));
    assert_eq!(looked(&accounts, 1, 0), Ok(()));
    store.poll(at(50)).unwrap();
    assert_eq!(looked(&accounts, 1, 50), Ok(()));
}

#[test]
fn the_database_is_its_users_alone_and_durable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (store, _) = open(&path).unwrap();
    for name in ["accounts.db", "accounts.db-wal", "accounts.db-shm"] {
        let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let pragma = |name| -> String {
        let read = |row: &rusqlite::Row<'_>| Ok(format!("{:?}", row.get_ref(0)?));
        store.connection_for_tests().pragma_query_value(None, name, read).unwrap()
    };
    assert!(pragma("synchronous").contains('2'), "FULL");
    assert!(rusqlite::version_number() >= 3_051_003);
}
