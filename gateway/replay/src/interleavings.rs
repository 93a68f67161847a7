//! The table under loom: every interleaving of the real code, and every value that a load may
//! return by the memory model.
//!
//! Run with `cargo test -p replay --lib --features loom interleavings`.

use loom::sync::Arc;
use loom::thread;

use clock::Clock;
use keyring::code::{CodeIdentity, IssuedAt, KeyId, Serial};
use keyring::time::UnixMillis;
use keyring::verify::TimeRules;

use crate::entry::Entry;
use crate::replay::{RedeemError, Replay};
use crate::single_use::{Codes, Passes, Retention};
use crate::single_use::{Reservation, SingleUse};
use crate::table::{ClaimError, Place, SlotClaim, Table};

const T: u32 = 1_800_000_000;
const RULES: TimeRules = TimeRules { skew_ms: 2_000, display_days: 180 };

/// All codes here start at the same slot, so that they compete for it.
fn code(issued_at_s: u32, tag: u64) -> Place {
    Place { home: 0, first: 0, entry: Entry::spent(issued_at_s, tag), hash: 0 }
}

fn table(standing: &[Place]) -> Arc<Table<Codes>> {
    let table = Table::on_heap(8, None, [0; 16]).expect("a small table");
    for place in standing {
        table.claim(place).expect("an empty table");
    }
    Arc::new(table)
}

/// Runs one claim per place, each in a thread of its own, but the last in this one.
fn race<const N: usize>(
    table: &Arc<Table<Codes>>,
    places: [Place; N],
) -> Vec<Result<SlotClaim, ClaimError>> {
    let [others @ .., last] = places.as_slice() else { return Vec::new() };
    let spawn = |place: &Place| {
        let (table, place) = (Arc::clone(table), *place);
        thread::spawn(move || table.claim(&place))
    };
    let threads: Vec<_> = others.iter().map(spawn).collect();
    let mine = table.claim(last);
    let joined = threads.into_iter().map(|thread| thread.join().expect("no panic"));
    let mut results: Vec<_> = joined.collect();
    results.push(mine);
    results
}

fn claimed(results: &[Result<SlotClaim, ClaimError>]) -> usize {
    results.iter().filter(|result| result.is_ok()).count()
}

#[test]
fn two_redeemers_of_one_code() {
    loom::model(|| {
        let table = table(&[]);
        let results = race(&table, [code(T, 1); 2]);
        assert_eq!(claimed(&results), 1);
        assert!(results.iter().any(|result| result.as_ref().err() == Some(&ClaimError::Used)));
    });
}

#[test]
fn two_redeemers_of_one_code_and_a_stranger() {
    loom::model(|| {
        let results = race(&table(&[]), [code(T, 1), code(T, 1), code(T, 2)]);
        assert_eq!(claimed(&results[..2]), 1);
        assert!(results[2].is_ok());
    });
}

/// The slot in front is dead to all three, and the one issued 80 s later may overwrite the others.
#[test]
fn two_redeemers_and_one_that_may_overwrite_them() {
    loom::model(|| {
        let table = table(&[code(T - 80, 9)]);
        let results = race(&table, [code(T, 1), code(T, 1), code(T + 80, 2)]);
        assert!(claimed(&results[..2]) <= 1);
        assert!(results[2].is_ok());
        assert!(matches!(table.claim(&code(T, 1)), Err(ClaimError::Used | ClaimError::Expired)));
        assert_eq!(table.claim(&code(T + 80, 2)).err(), Some(ClaimError::Used));
    });
}

/// For the younger code, a slot becomes free before the one in which its copy may be already.
#[test]
fn two_redeemers_and_a_late_older_one() {
    loom::model(|| {
        let table = table(&[code(T - 79, 9)]);
        let results = race(&table, [code(T, 1), code(T, 1), code(T - 159, 2)]);
        assert_eq!(claimed(&results[..2]), 1);
        assert_eq!(results[2].as_ref().err(), Some(&ClaimError::Expired));
    });
}

/// The same where a counter of 22 bits would have come round.
#[test]
fn two_redeemers_an_age_after_the_slot_was_used() {
    const TURN: u32 = 1 << 22;
    loom::model(|| {
        let table = table(&[code(T - TURN, 9)]);
        let results = race(&table, [code(T, 1), code(T, 1), code(T - 80, 2)]);
        assert!(claimed(&results[..2]) == 1);
        assert!(matches!(results[2], Ok(_) | Err(ClaimError::Expired)));
        assert_eq!(table.claim(&code(T, 1)).err(), Some(ClaimError::Used));
    });
}

#[test]
fn a_released_code_is_taken_back_once() {
    loom::model(|| {
        let table = table(&[]);
        let claim = table.claim(&code(T, 1)).expect("an empty table");
        let releaser = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.release(claim))
        };
        let results = race(&table, [code(T, 1), code(T, 1)]);
        assert!(releaser.join().expect("no panic"));
        let after = table.claim(&code(T, 1));
        assert_eq!(claimed(&results) + usize::from(after.is_ok()), 1);
    });
}

#[test]
fn a_release_that_comes_late_spares_the_younger_code() {
    loom::model(|| {
        let table = table(&[]);
        let claim = table.claim(&code(T, 1)).expect("an empty table");
        let releaser = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.release(claim))
        };
        assert!(table.claim(&code(T + 80, 2)).is_ok());
        releaser.join().expect("no panic");
        assert_eq!(table.claim(&code(T + 80, 2)).err(), Some(ClaimError::Used));
        assert_eq!(table.claim(&code(T, 1)).err(), Some(ClaimError::Expired));
    });
}

fn identity(issued_at_s: u32, serial: u64) -> CodeIdentity {
    CodeIdentity {
        key_id: KeyId::new(7001).expect("not zero"),
        issued_at: IssuedAt::new(issued_at_s),
        serial: Serial::new(serial),
    }
}

/// A code at home in the same slot as all others from here.
fn neighbour(replay: &Replay, issued_at_s: u32) -> CodeIdentity {
    let is_first = |code: &CodeIdentity| replay.place(code).first == 0;
    (0..).map(|serial| identity(issued_at_s, serial)).find(is_first).expect("one in eight")
}

/// A redeemer sleeps after its code was judged, while its code's life ends, a younger code takes
/// its slot, and the code is presented again.
#[test]
fn a_paused_redeemer_does_not_go_on_with_a_code_that_is_over() {
    loom::model(|| {
        let replay = Replay::with_key(8, None, [7; 16]).expect("eight slots");
        let replay = Arc::new(replay);
        let (clock, hand) = Clock::hand_set(UnixMillis::from_seconds(i64::from(T)));
        let (mine, younger) = (neighbour(&replay, T), neighbour(&replay, T + 80));
        let judged_at = clock.now();
        let sleeper = {
            let (replay, clock) = (Arc::clone(&replay), clock.clone());
            thread::spawn(move || replay.redeem(&mine, judged_at, &RULES, &clock).is_ok())
        };
        let first = replay.redeem(&mine, judged_at, &RULES, &clock).is_ok();
        hand.advance(80_000);
        assert!(replay.redeem(&younger, clock.now(), &RULES, &clock).is_ok());
        let again = replay.redeem(&mine, judged_at, &RULES, &clock);
        assert_eq!(again.err(), Some(RedeemError::Expired));
        let slept = sleeper.join().expect("no panic");
        assert!(!(first && slept));
        assert_eq!(replay.high_water_mark(), clock.now());
    });
}

/// A process may redeem whatever the time.
fn open<R: Retention>(replay: &Replay<R>) {
    replay.guard.renew(i64::MAX);
    replay.guard.promise(UnixMillis::new(i64::MAX));
}

/// The sleeper above is in one process, all others in another: they share only header and slots.
#[test]
fn a_redeemer_that_pauses_in_another_process_does_not_go_on_either() {
    loom::model(|| {
        let replay = Replay::with_key(8, None, [7; 16]).expect("eight slots");
        let sleeping = replay.in_another_process();
        open(&sleeping);
        let (clock, hand) = Clock::hand_set(UnixMillis::from_seconds(i64::from(T)));
        let (mine, younger) = (neighbour(&replay, T), neighbour(&replay, T + 80));
        let judged_at = clock.now();
        // It never sees the clock move, as if it had been read long before.
        let (stopped, _hand) = Clock::hand_set(judged_at);
        let sleeper = thread::spawn(move || {
            let outcome = sleeping.redeem(&mine, judged_at, &RULES, &stopped).is_ok();
            (outcome, sleeping)
        });
        let first = replay.redeem(&mine, judged_at, &RULES, &clock).is_ok();
        hand.advance(80_000);
        assert!(replay.redeem(&younger, clock.now(), &RULES, &clock).is_ok());
        let (slept, sleeping) = sleeper.join().expect("no panic");
        assert!(!(first && slept));
        assert_eq!(
            (replay.high_water_mark(), sleeping.high_water_mark()),
            (clock.now(), clock.now())
        );
    });
}

/// A process stood still. Its checking thread raises the fence and only then gives the lease. A
/// thread that redeems by that lease sees the fence.
#[test]
fn who_sees_a_lease_sees_the_fence_that_was_raised_before() {
    loom::model(|| {
        let (clock, _hand) = Clock::hand_set(UnixMillis::from_seconds(i64::from(T)));
        let replay = Replay::with_key(8, None, [7; 16]).expect("eight slots");
        let replay = Arc::new(replay.in_another_process());
        replay.guard.promise(UnixMillis::new(i64::MAX));
        let checking = {
            let replay = Arc::clone(&replay);
            thread::spawn(move || {
                replay.raise_fence(IssuedAt::new(T));
                replay.guard.renew(i64::MAX);
            })
        };
        let outcome = replay.redeem(&identity(T, 1), clock.now(), &RULES, &clock);
        assert!(matches!(outcome, Err(RedeemError::Unavailable | RedeemError::WarmingUp)));
        checking.join().expect("no panic");
        let outcome = replay.redeem(&identity(T, 1), clock.now(), &RULES, &clock);
        assert_eq!(outcome.err(), Some(RedeemError::WarmingUp));
        // Nothing was sent, so nothing is spent.
        assert!(!replay.remembers(&identity(T, 1)));
    });
}

/// Another process raises fence and mark while codes are claimed. No code is spent twice, and both
/// end as the largest value of any process.
#[test]
fn fence_and_mark_rise_in_one_process_while_another_claims() {
    loom::model(|| {
        let (clock, _hand) = Clock::hand_set(UnixMillis::from_seconds(i64::from(T)));
        let replay = Replay::with_key(8, None, [7; 16]).expect("eight slots");
        let other = replay.in_another_process();
        open(&other);
        let later = clock.now().plus_ms(1_000);
        let rival = {
            let clock = clock.clone();
            thread::spawn(move || {
                other.header().raise_high_water_mark(later);
                other.raise_fence(IssuedAt::new(T));
                let outcome = other.redeem(&identity(T + 1, 1), later, &RULES, &clock).is_ok();
                (outcome, other)
            })
        };
        replay.raise_fence(IssuedAt::new(T - 1));
        let old = replay.redeem(&identity(T, 1), clock.now(), &RULES, &clock);
        assert!(matches!(old, Ok(_) | Err(RedeemError::WarmingUp)));
        let mine = replay.redeem(&identity(T + 1, 1), clock.now(), &RULES, &clock).is_ok();
        let (theirs, other) = rival.join().expect("no panic");
        assert!(mine != theirs, "one of the two, and only one");
        assert_eq!((replay.fence(), other.high_water_mark()), (Some(IssuedAt::new(T)), later));
    });
}

/// The begin of a window.
const G: u32 = 1_800_000_240;

/// One opaque code, judged by that second.
fn reservation(judged_s: u32) -> Reservation {
    Reservation::new([7; 16], UnixMillis::from_seconds(i64::from(judged_s)))
}

/// The same, without the look at the windows beside its own.
#[derive(Copy, Clone, Debug)]
struct Blind(Reservation);

impl SingleUse for Blind {
    type Retention = Passes;
    type Rules = ();

    fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    fn second(self) -> IssuedAt {
        self.0.second()
    }

    fn end_of_life(self, rules: &()) -> UnixMillis {
        self.0.end_of_life(rules)
    }
}

/// Redeems each in a thread of its own, the last in this one. Returns how many may be forwarded.
///
/// The first slot of their path holds an entry of the window before. It is living to the window at
/// G, and free to the next one. So the two windows need not meet in one slot.
fn reserve_all<S>(windows: &[S]) -> usize
where
    S: SingleUse<Retention = Passes, Rules = ()> + Send + 'static,
{
    let (clock, _hand) = Clock::hand_set(UnixMillis::from_seconds(i64::from(G + 460)));
    let passes = Replay::<Passes>::with_key(8, None, [7; 16]).expect("eight slots");
    let before = UnixMillis::from_seconds(i64::from(G - 460));
    let lane = passes.place(&reservation(G)).first;
    let mut others = (8..=u8::MAX).map(|byte| Reservation::new([byte; 16], before));
    let standing = others.find(|other| passes.place(other).first == lane).expect("one in eight");
    assert!(passes.redeem(&standing, before, &(), &clock).is_err(), "it is over, and in its slot");
    let passes = Arc::new(passes);
    let judged_at = clock.now();
    let spawn = |one: &S| {
        let (passes, clock, one) = (Arc::clone(&passes), clock.clone(), *one);
        thread::spawn(move || passes.redeem(&one, judged_at, &(), &clock).is_ok())
    };
    let [others @ .., last] = windows else { return 0 };
    let threads: Vec<_> = others.iter().map(spawn).collect();
    let mine = passes.redeem(last, judged_at, &(), &clock).is_ok();
    let won = threads.into_iter().map(|thread| thread.join().expect("no panic"));
    let won = won.filter(|has_won| *has_won).count() + usize::from(mine);
    // What was let pass is found from either window; what was not is free again.
    for one in windows {
        assert_eq!(passes.remembers(one), won > 0);
    }
    won
}

/// One code is presented at the end of a window and at the begin of the next, in the same moment.
/// Both may lose. Both never win.
#[test]
fn of_two_windows_beside_each_other_one_wins_at_most() {
    loom::model(|| {
        assert!(reserve_all(&[reservation(G + 459), reservation(G + 460)]) <= 1);
    });
}

/// Two claims in one window and one in the next.
#[test]
fn of_three_claims_in_two_windows_one_wins_at_most() {
    loom::model(|| {
        let claims = [reservation(G + 459), reservation(G + 458), reservation(G + 460)];
        assert!(reserve_all(&claims) <= 1);
    });
}

#[test]
fn without_the_look_both_windows_win() {
    loom::model(|| {
        let blind = [Blind(reservation(G + 459)), Blind(reservation(G + 460))];
        assert_eq!(reserve_all(&blind), 2);
    });
}

/// Claims in two windows, each with a look behind it. Whether there is an interleaving in which
/// both go on.
fn can_both_go_on(looks: fn(&Table<Passes>, &Place) -> bool) -> bool {
    let has_doubled = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&has_doubled);
    loom::model(move || {
        let table = Table::<Passes>::on_heap(8, None, [0; 16]).expect("a small table");
        // Living to the window at G, and free to the next one.
        assert!(table.claim(&code(G - 460, 9)).is_ok());
        let table = Arc::new(table);
        let goes_on = move |table: &Table<Passes>, second| {
            let place = code(second, 7);
            table.claim(&place).is_ok() && !looks(table, &place)
        };
        let rival = {
            let table = Arc::clone(&table);
            thread::spawn(move || goes_on(&table, G))
        };
        let mine = goes_on(&table, G + 460);
        let theirs = rival.join().expect("no panic");
        if mine && theirs {
            seen.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    has_doubled.load(std::sync::atomic::Ordering::Relaxed)
}

/// A look that is not behind a fence may be answered before the swap is seen by others.
#[test]
fn without_the_fence_both_windows_may_win() {
    assert!(!can_both_go_on(|table, place| table.is_spent_beside(place, Reservation::WINDOW_S)));
    assert!(can_both_go_on(|table, place| table.is_seen_beside(place, Reservation::WINDOW_S)));
}
