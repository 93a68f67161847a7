//! The table of passes, at the edges of its 920 s.

use super::*;
use crate::Known;
use crate::single_use::Passes;
use crate::single_use::{PassLife, SingleUse};

/// A pass, as the table sees it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub(super) struct Pass {
    pub(super) minted_s: u32,
    pub(super) tag: u64,
}

impl SingleUse for Pass {
    type Retention = Passes;
    type Rules = PassLife;

    fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.minted_s) << 64 | u128::from(self.tag)).to_be_bytes()
    }

    fn second(self) -> IssuedAt {
        IssuedAt::new(self.minted_s)
    }

    fn end_of_life(self, life: &PassLife) -> UnixMillis {
        life.end_of_life(self.second())
    }
}

fn pass(minted_s: u32, tag: u64) -> Pass {
    Pass { minted_s, tag }
}

fn life(seconds: u32) -> PassLife {
    PassLife::new(seconds).expect("60 to 900")
}

/// A table of passes and a clock.
struct Desk {
    passes: Replay<Passes>,
    clock: Clock,
    hand: Hand,
}

impl Desk {
    /// The clock stands well before `T`.
    fn new(slots: usize) -> Self {
        let passes = Replay::new(slots, None).expect("a small table");
        let (clock, hand) = Clock::hand_set(seconds(T - 2_000));
        Self { passes, clock, hand }
    }

    fn redeem(&self, pass: Pass) -> Result<Redemption<Pass>, RedeemError> {
        self.redeem_judged(pass, self.clock.now())
    }

    fn redeem_judged(
        &self,
        pass: Pass,
        judged_at: UnixMillis,
    ) -> Result<Redemption<Pass>, RedeemError> {
        self.passes.redeem(&pass, judged_at, &life(900), &self.clock)
    }

    /// Fills the one line of a table of eight slots with passes of one second, at the first moment
    /// at which they are accepted.
    fn fill(&self, minted_s: u32) {
        self.hand.set(seconds(minted_s - 10));
        for tag in 0..8 {
            assert!(self.redeem(pass(minted_s, tag)).is_ok());
        }
        assert_eq!(self.redeem(pass(minted_s, 8)).err(), Some(RedeemError::Full));
    }
}

#[test]
fn slots_are_free_after_920_seconds_and_not_before() {
    for (later_s, expected) in [(919, Some(RedeemError::Full)), (920, None), (921, None)] {
        let desk = Desk::new(8);
        desk.fill(T);
        desk.hand.set(seconds(T + later_s - 10));
        assert_eq!(desk.redeem(pass(T + later_s, 9)).err(), expected, "{later_s}");
    }
}

/// Passes that were judged in their time and then paused: found over by the slots alone.
#[test]
fn a_pass_is_overtaken_by_one_that_is_920_seconds_younger() {
    for (earlier_s, expected) in
        [(919, RedeemError::Full), (920, RedeemError::Expired), (921, RedeemError::Expired)]
    {
        let desk = Desk::new(8);
        desk.fill(T);
        let minted_s = T - earlier_s;
        let outcome = desk.redeem_judged(pass(minted_s, 9), seconds(minted_s));
        assert_eq!(outcome.err(), Some(expected), "{earlier_s}");
    }
}

#[test]
fn a_pass_is_spent_once_and_to_the_last_millisecond_of_its_life() {
    for life_s in [60, 61, 899, 900] {
        let desk = Desk::new(64);
        let redeem = |tag| {
            let (passes, now) = (&desk.passes, desk.clock.now());
            passes.redeem(&pass(T, tag), now, &life(life_s), &desk.clock)
        };
        desk.hand.set(seconds(T + life_s).plus_ms(-1));
        let redemption = redeem(1).expect("a fresh pass");
        assert_eq!(redemption.identity(), pass(T, 1));
        assert_eq!(redeem(1).err(), Some(RedeemError::Used), "{life_s}");
        assert!(!redemption.is_over(desk.clock.now()));
        desk.hand.advance(1);
        assert!(redemption.is_over(desk.clock.now()), "{life_s}");
        assert_eq!(redeem(2).err(), Some(RedeemError::Expired), "{life_s}");
        assert!(desk.passes.remembers(&pass(T, 1)) && !desk.passes.remembers(&pass(T, 2)));
    }
}

#[test]
fn entries_counts_passes_for_920_seconds() {
    let desk = Desk::new(1_024);
    desk.hand.set(seconds(T));
    for tag in 0..300 {
        assert!(desk.redeem(pass(T, tag)).is_ok());
    }
    assert_eq!(desk.passes.entries(seconds(T + 919)), 300);
    assert_eq!(desk.passes.entries(seconds(T + 920)), 0);
    assert_eq!(desk.passes.capacity(), 1_024);
}

#[test]
fn a_released_pass_may_be_redeemed_once_more() {
    let desk = Desk::new(64);
    desk.hand.set(seconds(T));
    let redemption = desk.redeem(pass(T, 1)).expect("fresh");
    assert!(desk.passes.release(redemption));
    let _second = desk.redeem(pass(T, 1)).expect("released");
    assert_eq!(desk.redeem(pass(T, 1)).err(), Some(RedeemError::Used));
}

#[test]
fn the_fence_refuses_passes_that_an_earlier_table_may_have_known() {
    let passes = Replay::<Passes>::new(64, Some(IssuedAt::new(T))).expect("a small table");
    let (clock, _hand) = Clock::hand_set(seconds(T + 100));
    let redeem = |pass: Pass| passes.redeem(&pass, clock.now(), &life(900), &clock).err();
    assert_eq!(redeem(pass(T, 1)), Some(RedeemError::WarmingUp));
    assert!(passes.is_behind_fence(&pass(T, 1)) && !passes.is_behind_fence(&pass(T + 1, 1)));
    assert_eq!(redeem(pass(T + 1, 1)), None);
}

/// Which pass is presented when: minted a second around every limit apart, presented a millisecond
/// around every limit.
fn visit() -> impl Strategy<Value = (u32, u64, i64, i64)> {
    let minted_s = prop::sample::select(vec![0_u32, 1, 10, 899, 900, 909, 910, 919, 920, 921]);
    let limit_s = prop::sample::select(vec![-10_i64, 0, 59, 60, 890, 899, 900, 910, 919, 920]);
    let beside_ms = prop::sample::select(vec![-1_i64, 0, 1]);
    let paused_ms = prop_oneof![3 => Just(0), 1 => 0..950_000_i64];
    (minted_s, 0..3_u64, limit_s, beside_ms, paused_ms).prop_map(
        |(minted_s, tag, limit_s, beside_ms, paused_ms)| {
            (minted_s, tag, (i64::from(minted_s) + limit_s) * 1_000 + beside_ms, paused_ms)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Every answer is that of a set, but that a crowded table may refuse more.
    #[test]
    fn answers_are_those_of_a_set(
        mut visits in prop::collection::vec(visit(), 1..120),
        is_crowded in any::<bool>(),
    ) {
        visits.sort_by_key(|(_, _, at_ms, _)| *at_ms);
        let desk = Desk::new(if is_crowded { 8 } else { 8_192 });
        let (mut spent, mut taken) = (HashSet::new(), HashSet::new());
        for (minted_s, tag, at_ms, paused_ms) in visits {
            desk.hand.set(seconds(T).plus_ms(at_ms).max(desk.clock.now()));
            let (now, pass) = (desk.clock.now(), pass(T + minted_s, tag));
            let judged_at = now.plus_ms(-paused_ms);
            if judged_at < pass.second().millis().plus_ms(-10_000) {
                continue;
            }
            let answer = desk.redeem_judged(pass, judged_at).map(drop);
            let is_over = now >= pass.end_of_life(&life(900));
            match answer {
                Ok(()) => {
                    prop_assert!(spent.insert(pass), "{pass:?} was spent twice");
                    prop_assert!(!is_over, "{pass:?} was over");
                }
                Err(RedeemError::Full) => prop_assert!(is_crowded),
                Err(RedeemError::Expired) => prop_assert!(is_over, "{pass:?} was in its time"),
                Err(error) => {
                    prop_assert_eq!(error, RedeemError::Used);
                    prop_assert!(taken.contains(&pass), "{pass:?} was not used");
                }
            }
            if answer.is_ok() || is_over {
                taken.insert(pass);
            }
        }
    }
}

/// What is not found is unspent only as long as no younger pass can have taken its slot.
#[test]
fn a_look_tells_spent_unspent_and_forgotten_apart() {
    let desk = Desk::new(64);
    let look = |pass: Pass| desk.passes.look(&pass, &life(900), &desk.clock);
    desk.hand.set(seconds(T));
    let spent = pass(T, 1);
    assert_eq!(look(spent), Ok(Known::Unspent { is_over: false }));
    let redemption = desk.redeem(spent).expect("fresh");
    assert_eq!(look(spent), Ok(Known::Spent));
    assert_eq!(look(pass(T, 2)), Ok(Known::Unspent { is_over: false }));
    assert!(desk.passes.release(redemption));
    assert_eq!(look(spent), Ok(Known::Unspent { is_over: false }), "it was given back");

    desk.hand.set(seconds(T + 900));
    assert_eq!(look(spent), Ok(Known::Unspent { is_over: true }));
    desk.hand.set(seconds(T + 909));
    assert!(desk.redeem(pass(T + 909, 3)).is_ok());
    assert_eq!(look(spent), Ok(Known::Unspent { is_over: true }), "the last second of memory");
    desk.hand.set(seconds(T + 910));
    assert_eq!(look(spent), Ok(Known::Unspent { is_over: true }), "nothing was spent since");
    assert!(desk.redeem(pass(T + 910, 4)).is_ok());
    assert_eq!(look(spent), Ok(Known::Forgotten { is_over: true }));

    desk.passes.raise_fence(IssuedAt::new(T + 911));
    assert_eq!(look(pass(T + 911, 5)), Ok(Known::Forgotten { is_over: false }));
    assert_eq!(look(pass(T + 910, 4)), Ok(Known::Spent), "a trace is certain");
    desk.passes.revoke_lease();
    assert_eq!(look(pass(T + 912, 6)), Err(RedeemError::Unavailable));
    assert_eq!(look(pass(T + 910, 4)), Ok(Known::Spent));
}
