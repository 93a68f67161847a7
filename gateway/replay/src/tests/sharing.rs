//! One table, two processes: what they share, and what each has for itself.

use super::*;
use crate::file::{MapError, create, file_bytes, map, open_file_id};
use crate::header::{Birth, Mismatch, Store};
use crate::limits::LEASE_MS;
use crate::replay::fence_after;
use crate::single_use::Passes;

/// Two processes with one table, and their clock at [`T`].
struct Pair {
    first: Replay,
    second: Replay,
    clock: Clock,
    hand: Hand,
}

impl Pair {
    fn new(slots: usize) -> Self {
        let first = Replay::new(slots, None).expect("a small table");
        let second = first.in_another_process();
        let (clock, hand) = Clock::hand_set(seconds(T - 1));
        hand.advance(1_000);
        let pair = Self { first, second, clock, hand };
        pair.promise(3_600_000);
        pair.second.renew_lease(pair.clock.reading());
        pair
    }

    fn promise(&self, ms: i64) {
        self.second.promise(self.clock.now().plus_ms(ms));
    }

    fn redeem(&self, replay: &Replay, code: CodeIdentity) -> Result<Redemption, RedeemError> {
        replay.redeem(&code, self.clock.now(), &rules(2), &self.clock)
    }
}

#[test]
fn what_one_spends_or_gives_back_the_other_knows() {
    let pair = Pair::new(64);
    let redemption = pair.redeem(&pair.first, code(T, 1)).expect("fresh");
    assert_eq!(pair.redeem(&pair.second, code(T, 1)).err(), Some(RedeemError::Used));
    assert!(pair.first.release(redemption));
    assert!(pair.redeem(&pair.second, code(T, 1)).is_ok());
    assert_eq!(pair.redeem(&pair.first, code(T, 1)).err(), Some(RedeemError::Used));
}

#[test]
fn mark_and_fence_are_shared() {
    let pair = Pair::new(64);
    let late = pair.first.redeem(&code(T + 50, 1), seconds(T + 62), &rules(2), &pair.clock);
    assert!(late.is_ok());
    assert_eq!(pair.redeem(&pair.second, code(T, 2)).err(), Some(RedeemError::Expired));
    pair.first.raise_fence(IssuedAt::new(T + 20));
    pair.second.raise_fence(IssuedAt::new(T + 10));
    for replay in [&pair.first, &pair.second] {
        assert_eq!(replay.fence(), Some(IssuedAt::new(T + 20)));
        assert_eq!(pair.redeem(replay, code(T + 20, 3)).err(), Some(RedeemError::WarmingUp));
    }
    assert!(pair.redeem(&pair.second, code(T + 21, 4)).is_ok());
}

#[test]
fn without_a_lease_nothing_is_spent_and_the_code_is_as_it_was() {
    let pair = Pair::new(64);
    pair.hand.advance(u32::try_from(LEASE_MS).expect("small") - 1);
    assert!(pair.redeem(&pair.second, code(T, 1)).is_ok());
    pair.hand.advance(1);
    assert_eq!(pair.redeem(&pair.second, code(T, 2)).err(), Some(RedeemError::Unavailable));
    assert!(!pair.second.remembers(&code(T, 2)));
    // A step of the wall clock neither ends a lease nor prolongs it.
    pair.second.renew_lease(pair.clock.reading());
    pair.hand.step_wall(5_000);
    pair.clock.tick();
    assert!(pair.redeem(&pair.second, code(T, 2)).is_ok());
    pair.second.revoke_lease();
    assert_eq!(pair.redeem(&pair.second, code(T, 3)).err(), Some(RedeemError::Unavailable));
    assert!(pair.redeem(&pair.first, code(T, 3)).is_ok(), "the other has its own");
}

#[test]
fn a_time_that_is_not_promised_judges_nothing() {
    let pair = Pair::new(64);
    let narrow = pair.first.in_another_process();
    narrow.renew_lease(pair.clock.reading());
    assert_eq!(pair.redeem(&narrow, code(T, 1)).err(), Some(RedeemError::Unavailable));
    narrow.promise(pair.clock.now().plus_ms(500));
    pair.hand.advance(500);
    assert!(pair.redeem(&narrow, code(T, 1)).is_ok());
    pair.hand.advance(1);
    assert_eq!(pair.redeem(&narrow, code(T, 2)).err(), Some(RedeemError::Unavailable));
}

/// While one of them checks the table, a pause of the other forgets nothing. If all stood still,
/// the fence rises before a lease is given.
#[test]
fn a_table_that_nobody_looked_after_is_behind_a_fence() {
    let pair = Pair::new(64);
    pair.hand.advance(4_000);
    assert!(!pair.first.renew_lease(pair.clock.reading()));
    pair.hand.advance(4_000);
    assert!(!pair.second.renew_lease(pair.clock.reading()));
    assert_eq!(pair.first.fence(), None);
    pair.hand.advance(5_001);
    assert!(pair.second.renew_lease(pair.clock.reading()));
    assert_eq!(pair.first.fence(), Some(fence_after(pair.clock.now(), 0)));
    assert!(!pair.first.renew_lease(pair.clock.reading()));
    assert_eq!(pair.redeem(&pair.first, code(T + 13, 1)).err(), Some(RedeemError::WarmingUp));
}

#[test]
fn the_fence_rounds_up_and_waits_for_leases() {
    assert_eq!(fence_after(seconds(T), 2_000).get(), T + 3);
    assert_eq!(fence_after(seconds(T).plus_ms(1), 2_000).get(), T + 4);
}

#[test]
#[cfg_attr(miri, ignore = "miri maps no files")]
fn a_file_holds_what_was_spent_and_nothing_else_is_taken_for_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |name: &str| {
        let mut options = std::fs::File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        options.open(directory.path().join(name)).expect("a file")
    };
    let file = open("replay");
    let id = open_file_id(&file).expect("a file's number");
    let birth = Birth {
        key: [3; 16],
        boot: 9,
        file: id,
        store: Store::Local,
        fence: None,
        skew_ms: 0,
        high_water_mark: seconds(T),
    };
    create::<Codes>(&file, 100, &birth).expect("room for a small table");
    assert_eq!(file.metadata().expect("a length").len(), file_bytes(100));
    // Another version of the program that shares the directory reads the same words.
    let start = std::fs::read(directory.path().join("replay")).expect("the file");
    let words = [*b"yanmaspt", 1_u64.to_ne_bytes(), 13_u64.to_ne_bytes()].concat();
    assert_eq!(start.get(..24), Some(words.as_slice()));
    let (clock, _hand) = Clock::hand_set(seconds(T));
    for expected in [None, Some(RedeemError::Used)] {
        let replay = map::<Codes>(&file, 100, Store::Local, 9).expect("the table");
        replay.promise(clock.now());
        replay.renew_lease(clock.reading());
        let answer = replay.redeem(&code(T, 1), clock.now(), &rules(2), &clock);
        assert_eq!(answer.err(), expected);
        assert_eq!((replay.capacity(), replay.high_water_mark()), (104, seconds(T)));
    }
    let why =
        |file: &std::fs::File, slots, boot| match map::<Codes>(file, slots, Store::Local, boot) {
            Err(MapError::Mismatch(why, _)) => why,
            _ => panic!("not the table that is wanted"),
        };
    assert_eq!(why(&file, 105, 9), Mismatch::Capacity { slots: 104 });
    assert_eq!(why(&file, 100, 8), Mismatch::Boot);
    assert_eq!(why(&open("empty"), 100, 9), Mismatch::Damaged);
    let Err(MapError::Mismatch(kind, None)) = map::<Passes>(&file, 100, Store::Local, 9) else {
        panic!("a table of codes is none of passes")
    };
    assert_eq!(kind, Mismatch::Retention);
    let other = open("passes");
    let file_id = open_file_id(&other).expect("a file's number");
    create::<Passes>(&other, 100, &Birth { file: file_id, ..birth }).expect("room");
    assert!(map::<Passes>(&other, 100, Store::Local, 9).is_ok());
    assert_eq!(why(&other, 100, 9), Mismatch::Retention);
    std::fs::copy(directory.path().join("replay"), directory.path().join("copy")).expect("a copy");
    assert_eq!(why(&open("copy"), 100, 9), Mismatch::Copy);
    file.set_len(file_bytes(100) - 64).expect("a shorter file");
    assert_eq!(why(&file, 100, 9), Mismatch::Damaged);
}
