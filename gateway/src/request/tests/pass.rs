use keyring::{
    code::IssuedAt,
    pass::{Institution, PassText, RedemptionId},
};
use replay::PassLife;

use super::fixture::{Asked, FRESH, Node, START_S, keys, ready};
use crate::{
    http::names::YANMA_PASS,
    refusal::{Refusal, Refused},
    request::decide::{Decision, Purpose, decide},
};

const LIFE_MS: u32 = 900_000;

/// The pass of the fresh code, spent in the first second, and its id.
fn minted() -> (PassText, RedemptionId) {
    let minted =
        keys().mint_pass(&FRESH.verified(), &Institution::NONE, IssuedAt::new(START_S), 5).unwrap();
    (minted.text, RedemptionId::Pass(minted.id))
}

fn decided(node: &Node, target: &str) -> Result<Decision, Refused> {
    let asked = Asked::post(target).field(YANMA_PASS, minted().0.as_str());
    ready(decide(&node.call(), asked.head()))
}

#[track_caller]
fn purpose(node: &Node, target: &str) -> Purpose {
    match decided(node, target) {
        Ok(Decision::Forward(accepted)) => accepted.purpose,
        other => panic!("not forwarded: {other:?}"),
    }
}

#[track_caller]
fn refusal(node: &Node, target: &str) -> Refusal {
    decided(node, target).expect_err("it is refused").refusal
}

#[test]
fn a_pass_is_opened_or_spent_as_its_route_says() {
    let node = Node::new();
    assert!(matches!(purpose(&node, "/visit"), Purpose::Check(_)));
    let spends = purpose(&node, "/visit-pay");
    assert!(matches!(&spends, Purpose::Redeem { gives_pass: false, .. }), "{spends:?}");
    assert_eq!(refusal(&node, "/visit-face"), Refusal::AuthTooWeak, "as its code would be");
    assert_eq!(refusal(&node, "/scan"), Refusal::CodeMissing, "a pass is no code");
    let asked = Asked::post("/scan").code(FRESH);
    match ready(decide(&node.call(), asked.head())) {
        Ok(Decision::Forward(accepted)) => {
            let gives = matches!(accepted.purpose, Purpose::Redeem { gives_pass: true, .. });
            assert!(gives, "{accepted:?}");
        }
        other => panic!("not forwarded: {other:?}"),
    }
}

#[test]
fn a_pass_lives_for_its_time_and_is_known_as_used_after_it() {
    let node = Node::new();
    node.hand.advance(LIFE_MS - 1);
    assert!(matches!(purpose(&node, "/visit-pay"), Purpose::Redeem { .. }));
    node.hand.advance(1);
    for target in ["/visit", "/visit-pay"] {
        assert_eq!(refusal(&node, target), Refusal::PassExpired, "{target}");
    }

    let node = Node::new();
    let passes = node.shared.tables.passes.as_ref().unwrap();
    let (life, clock) = (PassLife::new(900).unwrap(), &node.shared.clock);
    let RedemptionId::Pass(id) = minted().1 else { unreachable!("a pass was minted") };
    passes.redeem(&id, clock.now(), &life, clock).map(drop).unwrap();
    node.hand.advance(LIFE_MS);
    assert_eq!(refusal(&node, "/visit-pay"), Refusal::PassUsed);
    assert_eq!(refusal(&node, "/visit"), Refusal::PassExpired);
}

#[test]
fn a_shorter_life_is_a_setting() {
    let node = Node::with("passes.life_s = 60");
    node.hand.advance(59_999);
    assert!(matches!(purpose(&node, "/visit"), Purpose::Check(_)));
    node.hand.advance(1);
    assert_eq!(refusal(&node, "/visit"), Refusal::PassExpired);
}
