//! Reservations of opaque codes: of all that are judged within 460 s, one goes on.

use super::passes::Pass;
use super::*;
use crate::single_use::Passes;
use crate::single_use::{PassLife, Reservation, SingleUse};

/// The begin of a window.
const G: u32 = 1_800_000_240;
const _: () = assert!(G.is_multiple_of(Reservation::WINDOW_S));

/// A table and a clock.
struct Desk {
    passes: Replay<Passes>,
    clock: Clock,
    hand: Hand,
}

impl Desk {
    fn new(slots: usize) -> Self {
        let passes = Replay::new(slots, None).expect("a small table");
        let (clock, hand) = Clock::hand_set(seconds(G - 2_000));
        Self { passes, clock, hand }
    }

    /// Presents an opaque code now.
    fn reserve(&self, code: u8) -> Result<Redemption<Reservation>, RedeemError> {
        let now = self.clock.now();
        self.passes.redeem(&Reservation::new([code; 16], now), now, &(), &self.clock)
    }

    fn remembers(&self, code: u8) -> bool {
        self.passes.remembers(&Reservation::new([code; 16], self.clock.now()))
    }
}

#[test]
fn an_opaque_code_is_used_in_its_window_and_in_those_beside_it() {
    for first_s in [G, G + 1, G + 230, G + 459] {
        for (second_s, is_used) in [
            (G - 461, false),
            (G - 460, true),
            (G - 1, true),
            (G, true),
            (G + 459, true),
            (G + 460, true),
            (G + 919, true),
            (G + 920, false),
        ] {
            let desk = Desk::new(64);
            let (earlier_s, later_s) = (first_s.min(second_s), first_s.max(second_s));
            desk.hand.set(seconds(earlier_s));
            let _first = desk.reserve(1).expect("fresh");
            desk.hand.set(seconds(later_s));
            assert_eq!(desk.remembers(1), is_used, "{earlier_s} {later_s}");
            assert!(!desk.remembers(2) && desk.reserve(2).is_ok());
            let second = desk.reserve(1);
            assert_eq!(second.is_err(), is_used, "{earlier_s} {later_s}");
            assert!(matches!(second, Ok(_) | Err(RedeemError::Used)));
        }
    }
}

/// A thread that was paused claims in a window that is past already.
#[test]
fn a_late_claim_sees_the_window_behind_it() {
    let desk = Desk::new(64);
    desk.hand.set(seconds(G + 459));
    let judged_at = desk.clock.now();
    let late = Reservation::new([1; 16], judged_at);
    desk.hand.set(seconds(G + 460));
    let redemption = desk.reserve(1).expect("the first to claim");
    let outcome = desk.passes.redeem(&late, judged_at, &(), &desk.clock);
    assert_eq!(outcome.err(), Some(RedeemError::Used));
    // The late claim is gone. When the other one is released too, the code is as it was.
    assert!(desk.passes.release(redemption));
    assert!(!desk.remembers(1));
    assert!(desk.reserve(1).is_ok());
}

#[test]
fn a_reservation_ends_900_seconds_after_the_begin_of_its_window() {
    let desk = Desk::new(64);
    desk.hand.set(seconds(G + 459));
    let judged_at = desk.clock.now();
    let redeem = |code| {
        let reservation = Reservation::new([code; 16], judged_at);
        desk.passes.redeem(&reservation, judged_at, &(), &desk.clock)
    };
    desk.hand.set(seconds(G + 900).plus_ms(-1));
    let redemption = redeem(1).expect("the last millisecond");
    assert!(!redemption.is_over(desk.clock.now()));
    desk.hand.advance(1);
    assert!(redemption.is_over(desk.clock.now()));
    assert_eq!(redeem(2).err(), Some(RedeemError::Expired));
}

/// Nothing says when an opaque code was issued, so a fence holds until none from before it is
/// shown any more.
#[test]
fn a_fence_holds_for_as_long_as_a_code_is_shown() {
    let fence_s = G + 100;
    let passes = Replay::<Passes>::new(64, Some(IssuedAt::new(fence_s))).expect("a small table");
    let (clock, hand) = Clock::hand_set(seconds(fence_s));
    for (after_s, expected) in
        [(0, Some(RedeemError::WarmingUp)), (120, Some(RedeemError::WarmingUp)), (121, None)]
    {
        hand.set(seconds(fence_s + after_s));
        let reservation = Reservation::new([1; 16], clock.now());
        assert_eq!(passes.is_behind_fence(&reservation), expected.is_some(), "{after_s}");
        let outcome = passes.redeem(&reservation, clock.now(), &(), &clock);
        assert_eq!(outcome.err(), expected, "{after_s}");
    }
}

/// A clock that is 10 s ahead minted a pass, which takes the slot of a reservation 450 s after
/// that was made. Within 460 s the code is still not let pass.
#[test]
fn a_reservation_that_was_overwritten_counts_as_used() {
    let desk = Desk::new(8);
    desk.hand.set(seconds(G + 459));
    let _spent = desk.reserve(1).expect("fresh");
    desk.hand.set(seconds(G + 910));
    // Passes of one second fill the line, and the slot of the reservation.
    let ahead = |tag| Pass { minted_s: G + 920, tag };
    for tag in 0..8 {
        let (now, life) = (desk.clock.now(), PassLife::new(900).expect("the longest"));
        assert!(desk.passes.redeem(&ahead(tag), now, &life, &desk.clock).is_ok(), "{tag}");
    }
    let last = Reservation::new([1; 16], desk.clock.now());
    assert!(!desk.passes.remembers(&last), "it is overwritten");
    let place = desk.passes.place(&last);
    assert!(desk.passes.is_seen_beside(&place), "and that shows");
}

#[derive(Clone, Debug)]
enum Step {
    Pass { ms: u32 },
    Present { code: u8, paused_ms: u32 },
    Release { code: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let paused_ms = prop_oneof![3 => Just(0), 1 => 0..1_000_000_u32];
    prop_oneof![
        2 => prop::sample::select(vec![1_u32, 1_000, 60_000, 459_999, 460_000, 460_001])
            .prop_map(|ms| Step::Pass { ms }),
        4 => (0..3_u8, paused_ms)
            .prop_map(|(code, paused_ms)| Step::Present { code, paused_ms }),
        1 => (0..3_u8).prop_map(|code| Step::Release { code }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Beside a plain list of what was let pass, and by which time it was judged.
    #[test]
    fn within_460_seconds_a_code_passes_once(steps in prop::collection::vec(step(), 1..150)) {
        let desk = Desk::new(1_024);
        let mut passed: Vec<(u8, UnixMillis, Redemption<Reservation>)> = Vec::new();
        for step in steps {
            let now = desk.clock.now();
            match step {
                Step::Pass { ms } => desk.hand.advance(ms),
                Step::Release { code } => {
                    if let Some(at) = passed.iter().position(|(known, ..)| *known == code) {
                        let (.., redemption) = passed.swap_remove(at);
                        desk.passes.release(redemption);
                    }
                }
                Step::Present { code, paused_ms } => {
                    let judged_at = now.plus_ms(-i64::from(paused_ms));
                    let reservation = Reservation::new([code; 16], judged_at);
                    let answer = desk.passes.redeem(&reservation, judged_at, &(), &desk.clock);
                    let mut others = passed.iter().filter(|(known, ..)| *known == code);
                    let Ok(redemption) = answer else { continue };
                    let near = others
                        .find(|(_, at, _)| at.ms_since(judged_at).abs() < 460_000);
                    prop_assert!(near.is_none(), "{reservation:?} beside {near:?}");
                    prop_assert!(now < reservation.end_of_life(&()));
                    passed.push((code, judged_at, redemption));
                }
            }
        }
    }
}
