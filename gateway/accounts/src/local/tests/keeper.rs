//! The loop, in a runtime whose timer is paused, with a clock that is set by hand.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use clock::{Clock, Hand};
use keyring::{code::Subject, time::UnixMillis};
use tokio::{task::JoinHandle, time::sleep};

use super::{FROZEN, NAMES, freeze, lift, looked, open};
use crate::{
    accounts::{Accounts, NotCleared},
    change::{Change, ChangeError, Operation},
    entry::{Cause, Day, Relation},
    local::Keeper,
    store::{Failure, Names, Store},
};

const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

struct World {
    accounts: Arc<Accounts>,
    hand: Hand,
    store: Store,
    running: JoinHandle<Keeper>,
}

impl World {
    fn at(path: &Path) -> Self {
        let accounts = Arc::new(Accounts::new(10_000, &["accounts.db"]));
        let (clock, hand) = Clock::hand_set(START);
        let (store, requests) = Store::new();
        let mut keeper =
            Keeper::open(path, Arc::clone(&accounts), clock, requests, || 180).unwrap();
        let running = tokio::spawn(async move {
            keeper.run().await;
            keeper
        });
        Self { accounts, hand, store, running }
    }

    async fn pass(&self, ms: u32) {
        self.hand.advance(ms);
        // The timer is paused: it goes on when all tasks wait.
        sleep(Duration::from_millis(u64::from(ms))).await;
    }

    fn is_up(&self) -> bool {
        self.accounts.status().sources().first().unwrap().is_up()
    }
}

fn names() -> Names {
    Names { writer: NAMES.0.to_owned(), request: NAMES.1.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_and_the_other_process_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let world = World::at(&path);
    let done = world.store.change(vec![freeze(42)], names()).await.unwrap();
    assert_eq!(done[0].number, Some(1));
    assert_eq!(looked(&world.accounts, 42, 0), FROZEN);
    let (mut other, _) = open(&path).unwrap();
    other.change(&[freeze(43)], NAMES, super::at(0)).unwrap();
    world.pass(60).await;
    assert_eq!(looked(&world.accounts, 43, 60), FROZEN);
    let wrong = world.store.change(vec![freeze(44), lift(43, 1)], names()).await;
    let error = ChangeError::NewerFreeze { held: 2 };
    assert_eq!(wrong, Err(Failure::Change { index: 1, error }));
    let held = world.store.read(Subject::new(43).unwrap()).await.unwrap();
    assert_eq!(held[0].number, 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_database_what_is_held_grows_old_until_it_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let [path, away] = ["accounts.db", "away.db"].map(|name| directory.path().join(name));
    let world = World::at(&path);
    world.pass(60).await;
    assert!(world.is_up());
    std::fs::rename(&path, &away).unwrap();
    world.pass(500).await;
    assert!(!world.is_up());
    assert_eq!(looked(&world.accounts, 42, 560), Ok(()));
    world.pass(600).await;
    assert_eq!(looked(&world.accounts, 42, 1_160), Err(NotCleared::Unavailable));
    std::fs::rename(&away, &path).unwrap();
    world.pass(60).await;
    assert_eq!((world.is_up(), looked(&world.accounts, 42, 1_220)), (true, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn each_day_what_is_over_is_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::at(&directory.path().join("accounts.db"));
    let hold = |subject, until| Change {
        subject: Subject::new(subject).unwrap(),
        operation: Operation::Freeze { cause: Cause::Holder, relation: Relation::ALL, until },
    };
    let today = Day::of(START);
    // More than a step reads, and a whole step that is over.
    let many: Vec<_> = (1..=5_000)
        .map(|subject| hold(subject, (subject % 5_000 > 1_000).then_some(today)))
        .collect();
    for part in many.chunks(1_000) {
        world.store.change(part.to_vec(), names()).await.unwrap();
    }
    world.pass(1_000).await;
    assert_eq!(world.accounts.table().listed(), 5_000, "they are not over yet");
    world.hand.advance(3 * 86_400_000);
    world.pass(1_000).await;
    assert_eq!(world.accounts.table().listed(), 1_001);
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_everything_is_loaded_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    let accounts = Arc::new(Accounts::new(10_000, &["accounts.db"]));
    let (clock, _hand) = Clock::hand_set(START);
    let (store, requests) = Store::new();
    let is_first = AtomicBool::new(true);
    let display_days = move || {
        assert!(!is_first.swap(false, Relaxed), "the panic");
        180
    };
    let mut keeper =
        Keeper::open(&path, Arc::clone(&accounts), clock, requests, display_days).unwrap();
    assert!(sys::threads::unwound(keeper.run()).await.is_err());
    let asking = tokio::spawn(async move { store.change(vec![freeze(42)], names()).await });
    assert!(sys::threads::unwound(keeper.run()).await.is_ok(), "it ends with the last store");
    assert!(asking.await.unwrap().is_ok());
    assert_eq!(accounts.status().loads(crate::status::LoadReason::Gap), 1);
    assert_eq!(looked(&accounts, 42, 0), FROZEN);
}

#[tokio::test(start_paused = true)]
async fn without_an_asker_it_ends_and_what_was_held_grows_old() {
    let directory = tempfile::tempdir().unwrap();
    let World { store, running, .. } = World::at(&directory.path().join("accounts.db"));
    drop(store);
    drop(running.await.unwrap());
}
