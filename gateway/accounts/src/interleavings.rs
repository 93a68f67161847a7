//! The look under loom: every interleaving of its order, and every value that a load may return.
//!
//! Run with `cargo test -p accounts --lib --features loom interleavings`.

use clock::Reading;
use keyring::time::UnixMillis;
use loom::{
    sync::{
        Arc,
        atomic::{
            AtomicI64, AtomicUsize,
            Ordering::{Acquire, Relaxed, SeqCst},
        },
    },
    thread,
};

use crate::accounts::Freshness;

const STALE: i64 = 1;

/// What is held of one person. All is relaxed, as in the screen and the map.
struct Table {
    screen: AtomicI64,
    word: AtomicI64,
}

struct World {
    freshness: Freshness,
    tables: [Table; 2],
    /// Which table is in use: the pointer of `ArcSwap`.
    in_use: AtomicUsize,
}

impl Table {
    fn empty() -> Self {
        Self { screen: AtomicI64::new(0), word: AtomicI64::new(0) }
    }

    fn freeze(&self) {
        self.word.store(1, Relaxed);
        self.screen.store(1, Relaxed);
    }

    fn finds_nothing(&self) -> bool {
        self.screen.load(Relaxed) == 0 || self.word.load(Relaxed) == 0
    }
}

impl World {
    fn new() -> Self {
        let tables = [Table::empty(), Table::empty()];
        let world = Self { freshness: Freshness::never(), tables, in_use: AtomicUsize::new(0) };
        world.freshness.prove(4);
        world
    }

    /// As `arc_swap::Cache` does: a relaxed load tells whether the table that the worker holds, the
    /// first one, is in use still; only another one is taken by an acquiring load.
    fn table(&self) -> &Table {
        let is_held = self.in_use.load(Relaxed) == 0;
        let number = if is_held { 0 } else { self.in_use.load(Acquire) };
        self.tables.get(number).expect("one of two")
    }

    /// As `ArcSwap::store` does.
    fn put_in_place(&self) {
        self.in_use.swap(1, SeqCst);
    }
}

fn at(boot_ns: i64) -> Reading {
    Reading { now: UnixMillis::new(0), boot_ns }
}

/// A freeze was acknowledged at 5. The keeper applies it and proves that all is fresh as of 9. A
/// look begins; its clock says 9, so only a proof that stands for the freeze clears.
fn can_be_admitted(look: fn(&World) -> bool, keeper: fn(&World)) -> bool {
    let was_admitted = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&was_admitted);
    loom::model(move || {
        let world = Arc::new(World::new());
        let keeping = {
            let world = Arc::clone(&world);
            thread::spawn(move || keeper(&world))
        };
        if look(&world) {
            seen.store(true, Relaxed);
        }
        keeping.join().expect("no panic");
    });
    was_admitted.load(Relaxed)
}

fn applies_first(world: &World) {
    world.tables[0].freeze();
    world.freshness.prove(9);
}

fn proves_first(world: &World) {
    world.freshness.prove(9);
    world.tables[0].freeze();
}

fn loads_then_puts_in_place(world: &World) {
    world.tables[1].freeze();
    world.put_in_place();
    world.freshness.prove(9);
}

fn proves_before_it_is_in_place(world: &World) {
    world.tables[1].freeze();
    world.freshness.prove(9);
    world.put_in_place();
}

fn looks(world: &World) -> bool {
    let find = || world.table().finds_nothing();
    let looked = world.freshness.look(STALE, find, || at(9));
    looked.is_some_and(|(is_unlisted, _)| is_unlisted)
}

fn looks_up_before_freshness(world: &World) -> bool {
    let is_unlisted = world.table().finds_nothing();
    world.freshness.look(STALE, || is_unlisted, || at(9)).is_some_and(|(found, _)| found)
}

fn takes_the_table_before_freshness(world: &World) -> bool {
    let table = world.table();
    let looked = world.freshness.look(STALE, || table.finds_nothing(), || at(9));
    looked.is_some_and(|(is_unlisted, _)| is_unlisted)
}

#[test]
fn the_look_admits_nothing_against_a_freeze() {
    assert!(!can_be_admitted(looks, applies_first));
    assert!(!can_be_admitted(looks, loads_then_puts_in_place));
}

#[test]
fn looked_up_before_freshness_it_admits() {
    assert!(can_be_admitted(looks_up_before_freshness, applies_first));
}

#[test]
fn proved_before_it_is_applied_it_admits() {
    assert!(can_be_admitted(looks, proves_first));
    assert!(can_be_admitted(looks, proves_before_it_is_in_place));
}

#[test]
fn by_a_table_that_was_taken_before_freshness_it_admits() {
    assert!(can_be_admitted(takes_the_table_before_freshness, loads_then_puts_in_place));
}
