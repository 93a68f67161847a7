//! Two processes on one database, and databases that cannot be used.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use keyring::code::{IssuedAt, Subject};

use super::{FROZEN, NAMES, at, freeze, lift, looked, open};
use crate::{
    accounts::NotCleared,
    change::{Change, ChangeError, Operation},
    entry::{Member, Value},
    local::{StoreError, check},
    status::LoadReason,
    store::Failure,
};

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
    assert!(matches!(
        late,
        Err(StoreError::Change { index: 1, error: ChangeError::NewerFreeze { held: 2 } })
    ));
    assert_eq!(looked(&accounts, 42, 0), FROZEN);
    assert_eq!(looked(&accounts, 43, 0), Ok(()), "all or none");
    assert!(store.change(&[lift(42, 2)], NAMES, at(0)).unwrap()[0].number.is_some());
    assert!(store.change(&[lift(42, 2)], NAMES, at(0)).unwrap()[0].number.is_none());
}

const DYING: &str = "YANMA_TEST_ACCOUNTS";

/// The part of the process that is killed: it commits and never applies.
fn die_between_commit_and_apply(path: &Path) {
    let (mut store, _accounts) = open(path).unwrap();
    store.commit(&[freeze(42)], NAMES, at(0)).unwrap();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
}

#[test]
fn a_process_killed_between_commit_and_apply_loses_no_change() {
    // This test starts its own program once more, and there it is the one that dies.
    if let Some(path) = std::env::var_os(DYING) {
        return die_between_commit_and_apply(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut other, others) = open(&path).unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let name = "a_process_killed_between_commit_and_apply_loses_no_change";
    let child = child.args(["--exact", &format!("local::tests::store::{name}")]);
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
    assert!(accounts.status().is_set_back());
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute("INSERT INTO log VALUES (9, 0, '', '', '')", [])
        .unwrap();
    let later = store.poll(at(100));
    assert!(matches!(later, Err(StoreError::SetBack { .. })), "it is not believed again");
    assert!(store.change(&[freeze(42)], NAMES, at(100)).is_err());
}

#[test]
fn an_older_file_in_its_place_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let [path, old] = ["accounts.db", "old.db"].map(|name| directory.path().join(name));
    drop(open(&old).unwrap());
    let (mut store, accounts) = open(&path).unwrap();
    store.change(&[freeze(42)], NAMES, at(0)).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.poll(at(50)), Err(StoreError::Open { .. })), "nothing is made anew");
    for name in ["accounts.db-wal", "accounts.db-shm"] {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    fs::rename(&old, &path).unwrap();
    assert!(matches!(store.poll(at(50)), Err(StoreError::SetBack { applied: 1, found: 0 })));
    assert_eq!(looked(&accounts, 43, 50), Err(NotCleared::Unavailable));
}

#[test]
fn what_is_committed_and_cannot_be_applied_is_not_acknowledged_and_is_found_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut store, accounts) = open(&path).unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    // Another program's line: it stands in the way until it is gone.
    raw.execute("INSERT INTO log VALUES (1, 0, '', '', 'no line')", []).unwrap();
    let answer = store.change(&[freeze(42)], NAMES, at(10)).map_err(Failure::from);
    assert!(matches!(answer, Err(Failure::NotAcknowledged(_))));
    assert_eq!(looked(&accounts, 42, 10), Ok(()));
    assert!(store.poll(at(50)).is_err());
    raw.execute("UPDATE log SET changes = '' WHERE n = 1", []).unwrap();
    store.poll(at(100)).unwrap();
    assert_eq!(looked(&accounts, 42, 100), FROZEN);
}

#[test]
fn at_85_percent_only_new_people_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, accounts) = open(&directory.path().join("accounts.db")).unwrap();
    let people: Vec<Change> = (1..=850).map(freeze).collect();
    let answers = store.change(&people, NAMES, at(0)).unwrap();
    let one_more = store.change(&[freeze(1), freeze(851)], NAMES, at(0)).map_err(Failure::from);
    assert!(matches!(one_more, Err(Failure::NearlyFull { capacity: 1_000 })));
    store.change(&[freeze(850)], NAMES, at(0)).unwrap();
    store.change(&[lift(1, answers[0].number.unwrap())], NAMES, at(0)).unwrap();
    let two = store.change(&[freeze(851), freeze(852)], NAMES, at(0));
    assert!(matches!(two, Err(StoreError::NearlyFull { .. })));
    store.change(&[freeze(851), freeze(851)], NAMES, at(0)).unwrap();
    assert_eq!(accounts.table().listed(), 850);
    assert_eq!(looked(&accounts, 851, 0), FROZEN);
}

#[test]
fn the_log_keeps_65536_changes() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&directory.path().join("accounts.db")).unwrap();
    let many: Vec<Change> = (1..=500).chain(1..=500).map(freeze).collect();
    for _ in 0..66 {
        store.change(&many, NAMES, at(0)).unwrap();
    }
    let sql = "SELECT count(*), min(n), max(n) FROM log";
    let found = store.connection_for_tests().query_row(sql, [], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
    });
    assert_eq!(found, Ok((65_536, 66_000 - 65_535, 66_000)));
}

#[test]
fn why_everything_was_loaded_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut behind, accounts) = open(&path).unwrap();
    let (mut store, _) = open(&path).unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    store.change(&[freeze(42), freeze(43), freeze(44)], NAMES, at(0)).unwrap();
    raw.execute("DELETE FROM log WHERE n = 2", []).unwrap();
    behind.poll(at(50)).unwrap();
    store.change(&[freeze(45), freeze(46)], NAMES, at(50)).unwrap();
    raw.execute("DELETE FROM log WHERE n = 4", []).unwrap();
    behind.poll(at(100)).unwrap();
    assert_eq!(LoadReason::ALL.map(|reason| accounts.status().loads(reason)), [1, 1, 1, 0]);
    let source = accounts.status().sources().first().unwrap();
    assert_eq!((source.behind(), source.info().0.as_str()), (0, rusqlite::version()));
}

#[test]
fn what_the_store_holds_for_a_person_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&directory.path().join("accounts.db")).unwrap();
    let member = Member::new(2).unwrap();
    let changes = [Operation::RemoveMember(member, None), Operation::BindMember(member)]
        .map(|operation| Change { subject: Subject::new(42).unwrap(), operation });
    let answers = store.change(&changes, NAMES, at(0)).unwrap();
    assert_eq!((answers[0].before, answers[0].after), (None, Some(Value::Until(None))));
    let since = Value::Since(IssuedAt::new(1_800_000_010));
    assert_eq!((answers[1].before, answers[1].after), (None, Some(since)));
    let held = store.read(Subject::new(42).unwrap()).unwrap();
    assert_eq!(held.len(), 1, "the removal is gone");
    assert_eq!((held[0].entry.value(), held[0].number), (since, 2));
    assert!(store.read(Subject::new(43).unwrap()).unwrap().is_empty());
}

#[test]
fn the_check_finds_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let (mut store, _) = open(&path).unwrap();
    store.change(&(1..=900).step_by(2).map(freeze).collect::<Vec<_>>(), NAMES, at(0)).unwrap();
    check(&path).unwrap();
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 4_096;
    bytes[at..at + 64].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(check(&path), Err(StoreError::Malformed(_) | StoreError::Damaged(_))));
    assert!(matches!(check(&directory.path().join("none")), Err(StoreError::Open { .. })));
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
