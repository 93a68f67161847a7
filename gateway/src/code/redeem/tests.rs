use keyring::code::IssuedAt;

use super::*;
use crate::request::tests::fixture::{Code, FRESH, LIFE_MS, START, START_S, TIME, ready};
use clock::Hand;

/// A table and the time by which it redeems.
struct Table {
    replay: Replay,
    passes: Replay<Passes>,
    clock: Clock,
    hand: Hand,
}

impl Table {
    fn new(slots: usize, fence_s: Option<u32>) -> Self {
        let (clock, hand) = Clock::hand_set(START);
        let replay = Replay::new(slots, fence_s.map(IssuedAt::new)).unwrap();
        let passes = Replay::new(slots, fence_s.map(IssuedAt::new)).unwrap();
        Self { replay, passes, clock, hand }
    }

    fn memory(&self) -> Memory<'_> {
        let pass_life = PassLife::new(900).unwrap();
        let (codes, passes) = (&self.replay, Some(&self.passes));
        Memory { codes, passes, code_rules: &TIME, pass_life, clock: &self.clock }
    }

    fn redeem(&self, code: Code) -> Result<LocalRedemption, Refused> {
        redeem_here(&Token::Genuine(Credential::Code(code.verified())), self.memory())
    }

    /// Why a code is refused.
    #[track_caller]
    fn refusal(&self, code: Code) -> (Refusal, Option<Limit>) {
        let refused = self.redeem(code).expect_err("it is refused");
        (refused.refusal, refused.limit)
    }
}

#[test]
fn a_code_is_redeemed_once() {
    let table = Table::new(64, None);
    let redeemed = table.redeem(FRESH).unwrap().alone();
    assert_eq!(redeemed.id(), RedemptionId::Code(FRESH.verified().identity()));
    assert_eq!(table.refusal(FRESH), (Refusal::CodeUsed, None));
    drop(redeemed);
    assert_eq!(table.refusal(FRESH), (Refusal::CodeUsed, None), "a drop releases nothing");
    assert!(table.redeem(Code { serial: 2, ..FRESH }).is_ok());
}

/// A body may take its time after the code was verified.
#[test]
fn a_code_that_expired_meanwhile_is_not_redeemed() {
    let table = Table::new(64, None);
    table.hand.advance(LIFE_MS - 1);
    let last = table.redeem(FRESH).unwrap().alone();
    assert!(!last.is_over(table.clock.now()));
    table.hand.advance(1);
    assert!(last.is_over(table.clock.now()));
    let late = Code { serial: 2, ..FRESH };
    assert_eq!(table.refusal(late), (Refusal::CodeExpired, None));
    assert!(!table.replay.remembers(&late.verified().identity()));
}

#[test]
fn a_code_behind_the_fence_may_have_been_used() {
    let behind = Table::new(64, Some(START_S));
    assert_eq!(behind.refusal(FRESH), (Refusal::WarmingUp, None));
    assert!(behind.redeem(Code { issued_at_s: START_S + 1, ..FRESH }).is_ok());
}

#[test]
fn a_full_table_forgets_no_code() {
    let table = Table::new(8, None);
    for serial in 0..8 {
        assert!(table.redeem(Code { serial, ..FRESH }).is_ok());
    }
    let ninth = Code { serial: 8, ..FRESH };
    assert_eq!(table.refusal(ninth), (Refusal::ReplayFull, Some(Limit::Replay)));
    assert_eq!(table.refusal(Code { serial: 0, ..FRESH }), (Refusal::CodeUsed, None));
}

#[test]
fn what_the_registers_deny_is_free_again_only_if_it_may_be_used() {
    let used = (Refusal::CodeUsed, None);
    let table = [
        (ClaimVerdict::Warming, Refusal::WarmingUp, None),
        (ClaimVerdict::Unavailable, Refusal::ReplayStoreUnavailable, None),
        (ClaimVerdict::Used, Refusal::CodeUsed, Some(used)),
        (ClaimVerdict::Over, Refusal::CodeExpired, Some(used)),
        (ClaimVerdict::Won, Refusal::CodeUsed, Some(used)),
    ];
    for (verdict, refusal, next) in table {
        let node = Table::new(64, None);
        let LocalRedemption { spent, .. } = node.redeem(FRESH).unwrap();
        let refused = Unclaimed { spent, verdict }.settle(node.memory());
        assert_eq!((refused.refusal, refused.limit), (refusal, None), "{verdict:?}");
        let again = node.redeem(FRESH).map(drop).map_err(|r| (r.refusal, r.limit));
        assert_eq!(again.err(), next, "{verdict:?}");
    }
}

#[test]
fn a_released_code_is_redeemed_again_and_once() {
    let table = Table::new(64, None);
    let redeemed = table.redeem(FRESH).unwrap().alone();
    ready(redeemed.release(table.memory(), None));
    let again = table.redeem(FRESH);
    assert!(again.is_ok());
    assert_eq!(table.refusal(FRESH), (Refusal::CodeUsed, None));
}
