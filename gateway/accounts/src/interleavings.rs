//! The look under loom: every interleaving of its order, and every value that a load may return.
//!
//! Run with `cargo test -p accounts --lib --features loom interleavings`.

use clock::Reading;
use keyring::time::UnixMillis;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    thread,
};

use crate::accounts::Freshness;

const STALE: i64 = 1;

struct World {
    freshness: Freshness,
    /// The screen's bit and the map's word: relaxed, as in the screen.
    screen: AtomicI64,
    word: AtomicI64,
}

impl World {
    fn finds_nothing(&self) -> bool {
        self.screen.load(Relaxed) == 0 || self.word.load(Relaxed) == 0
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
        let world = Arc::new(World {
            freshness: Freshness::never(),
            screen: AtomicI64::new(0),
            word: AtomicI64::new(0),
        });
        world.freshness.prove(4);
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
    world.word.store(1, Relaxed);
    world.screen.store(1, Relaxed);
    world.freshness.prove(9);
}

fn proves_first(world: &World) {
    world.freshness.prove(9);
    world.word.store(1, Relaxed);
    world.screen.store(1, Relaxed);
}

fn looks(world: &World) -> bool {
    world
        .freshness
        .look(STALE, || world.finds_nothing(), || at(9))
        .is_some_and(|(is_unlisted, _)| is_unlisted)
}

fn looks_up_before_freshness(world: &World) -> bool {
    let is_unlisted = world.finds_nothing();
    world.freshness.look(STALE, || is_unlisted, || at(9)).is_some_and(|(found, _)| found)
}

#[test]
fn the_look_admits_nothing_against_a_freeze() {
    assert!(!can_be_admitted(looks, applies_first));
}

#[test]
fn looked_up_before_freshness_it_admits() {
    assert!(can_be_admitted(looks_up_before_freshness, applies_first));
}

#[test]
fn proved_before_it_is_applied_it_admits() {
    assert!(can_be_admitted(looks, proves_first));
}
