use http::header::{ALLOW, HOST, TRANSFER_ENCODING};
use keyring::{
    code::{Auth, Kind},
    pass::RedemptionId,
};

use super::{
    fixture::{Asked, Code, FRESH, LIFE_MS, Node, TIME, ready},
    recall::begin,
};
use crate::{
    http::names::YANMA_CODE,
    limits::CODE_REQUESTS_MAX,
    refusal::{Limit, Refusal, Refused},
    request::context::RequestContext,
    request::decide::{Accepted, Decision, Purpose, decide},
    request::recall::Recall,
};

/// Of a node whose only request this is.
fn decided(node: &Node, asked: &Asked) -> Result<Decision, Refused> {
    ready(decide(&node.call(), asked.head()))
}

#[track_caller]
fn refusal(node: &Node, asked: &Asked) -> (Refusal, Option<Limit>) {
    let refused = decided(node, asked).expect_err("it is refused");
    (refused.refusal, refused.limit)
}

#[track_caller]
fn accepted(node: &Node, asked: &Asked) -> Accepted {
    match decided(node, asked) {
        Ok(Decision::Forward(accepted)) => accepted,
        other => panic!("not forwarded: {other:?}"),
    }
}

#[track_caller]
fn recall(node: &Node, asked: &Asked) -> Recall {
    match decided(node, asked) {
        Ok(Decision::Recall(recall)) => recall,
        other => panic!("nothing recalled: {other:?}"),
    }
}

/// Redeems a code on the node, as a request before this one did.
fn redeem(node: &Node, code: Code) {
    let (replay, clock) = (&node.shared.tables.codes, &node.shared.clock);
    replay.redeem(&code.verified().identity(), clock.now(), &TIME, clock).map(drop).unwrap();
}

#[test]
fn a_worker_over_its_limit_looks_at_nothing() {
    let node = Node::with("limits.requests_in_flight_max = 1");
    let _first = node.call();
    let second = node.call();
    let broken = Asked::new("TRACE", "/pay").field(TRANSFER_ENCODING, "gzip");
    let refused = ready(decide(&second, broken.head())).expect_err("one too many");
    let limit = Some(Limit::RequestsInFlight);
    assert_eq!((refused.refusal, refused.limit), (Refusal::Overloaded, limit));
    assert!(second.route().is_none(), "nothing was looked up");
}

/// Each request has all faults that come later in the contract's order.
#[test]
fn the_first_fault_is_the_answer() {
    let node = Node::new();
    let first = |asked: Asked| refusal(&node, &asked.key("\"").field(YANMA_CODE, "")).0;
    assert_eq!(first(Asked::bare("TRACE", "/nowhere")), Refusal::MethodNotAllowed);
    assert_eq!(first(Asked::bare("GET", "/nowhere")), Refusal::RequestMalformed, "no Host");
    assert_eq!(first(Asked::new("GET", "/nowhere")), Refusal::RouteNotFound);
    assert_eq!(first(Asked::new("GET", "/pay")), Refusal::MethodNotAllowed);
    assert_eq!(first(Asked::post("/pay")), Refusal::RequestMalformed, "the key");
    assert_eq!(first(Asked::post("/check")), Refusal::CodeMissing, "here is no key");
    let keyed = Asked::post("/pay").key("a").field(YANMA_CODE, "");
    assert_eq!(refusal(&node, &keyed).0, Refusal::CodeMissing);
}

/// The `Allow` header of the answer to a request that is refused for its method.
fn allowed(node: &Node, asked: &Asked) -> String {
    let call = node.call();
    let refused = ready(decide(&call, asked.head())).expect_err("it is refused");
    assert_eq!(refused.refusal, Refusal::MethodNotAllowed);
    call.refusal(&refused).headers()[ALLOW].to_str().unwrap().to_owned()
}

#[test]
fn a_refused_method_hears_what_its_route_takes() {
    let node = Node::new();
    assert_eq!(allowed(&node, &Asked::new("GET", "/pay")), "POST");
    assert_eq!(allowed(&node, &Asked::new("TRACE", "/pay")), "POST");
    let all = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    assert_eq!(allowed(&node, &Asked::new("TRACE", "/check")), all);
    assert_eq!(allowed(&node, &Asked::new("TRACE", "/nowhere")), all);
}

#[test]
fn a_code_is_there_once_and_is_one() {
    let node = Node::new();
    for route in ["/pay", "/check"] {
        let with = |text| Asked::post(route).field(YANMA_CODE, text);
        assert_eq!(refusal(&node, &Asked::post(route)), (Refusal::CodeMissing, None));
        assert_eq!(refusal(&node, &with("")), (Refusal::CodeMissing, None));
        assert_eq!(refusal(&node, &with(" \t ")), (Refusal::CodeMissing, None));
        assert_eq!(refusal(&node, &with("not a code")), (Refusal::CodeMalformed, None));
        let twice = Asked::post(route).code(FRESH).code(FRESH);
        assert_eq!(refusal(&node, &twice), (Refusal::CodeMalformed, None));
    }
}

#[test]
fn a_display_code_does_not_pay() {
    let node = Node::new();
    let display = Code { kind: Kind::Display, ..FRESH };
    let refused = decided(&node, &Asked::post("/pay").code(display)).expect_err("it cannot pay");
    assert_eq!((refused.refusal, refused.limit), (Refusal::DisplayCodeNotPayable, None));
    assert_eq!(refused.channel, Some("wechat".parse().unwrap()), "whose code it claims to be");
}

#[test]
fn a_fresh_code_is_accepted_and_not_spent_yet() {
    let node = Node::new();
    let paid = accepted(&node, &Asked::post("/pay").code(FRESH).key("a"));
    assert!(matches!(&paid.purpose, Purpose::Redeem { key: Some(_), .. }), "{paid:?}");
    assert_eq!(paid.terms.host.unwrap(), "his.example");
    assert_eq!(paid.backend, Some(0));
    let unnamed = accepted(&node, &Asked::post("/pay").code(FRESH));
    assert!(matches!(&unnamed.purpose, Purpose::Redeem { key: None, .. }), "{unnamed:?}");
    let checked = accepted(&node, &Asked::post("/check").code(FRESH));
    assert!(matches!(&checked.purpose, Purpose::Check(_)), "{checked:?}");
    assert!(!node.shared.tables.codes.remembers(&FRESH.verified().identity()));
}

#[test]
fn a_late_code_is_expired_or_known_as_used() {
    let node = Node::new();
    let (used, unused) = (FRESH, Code { serial: 2, ..FRESH });
    redeem(&node, used);
    node.hand.advance(LIFE_MS - 1);
    accepted(&node, &Asked::post("/pay").code(unused));
    node.hand.advance(1);
    let asked = |route, code| refusal(&node, &Asked::post(route).code(code));
    assert_eq!(asked("/pay", unused), (Refusal::CodeExpired, None));
    assert_eq!(asked("/pay", used), (Refusal::CodeUsed, None));
    assert_eq!(asked("/check", used), (Refusal::CodeExpired, None), "it redeems nothing");
    let forged = Code { is_forged: true, ..used };
    assert_eq!(asked("/pay", forged), (Refusal::CodeExpired, None), "a stranger learns nothing");
}

#[test]
fn a_barred_code_of_which_something_is_known_is_recalled() {
    let node = Node::new();
    let (known, unknown) = (FRESH, Code { serial: 2, ..FRESH });
    begin(&node, known, None);
    let weak = recall(&node, &Asked::post("/face").code(known).key("a"));
    assert_eq!(weak.barred.otherwise.refusal, Refusal::AuthTooWeak);
    assert_eq!(weak.barred.id, RedemptionId::Code(known.verified().identity()));
    assert!(weak.key.is_some());
    assert_eq!(refusal(&node, &Asked::post("/face").code(unknown)).0, Refusal::AuthTooWeak);
    accepted(&node, &Asked::post("/face").code(Code { auth: Auth::Face, ..known }));

    node.hand.advance(LIFE_MS);
    let late = recall(&node, &Asked::post("/pay").code(known));
    assert_eq!(late.barred.otherwise.refusal, Refusal::CodeExpired);
    redeem_late_is_known(&node, known);
}

/// A code that is in the table too would be refused as used.
fn redeem_late_is_known(node: &Node, code: Code) {
    let used = Code { issued_at_s: code.issued_at_s + 62, ..code };
    redeem(node, used);
    begin(node, used, None);
    node.hand.advance(LIFE_MS);
    let late = recall(node, &Asked::post("/pay").code(used));
    assert_eq!(late.barred.otherwise.refusal, Refusal::CodeUsed);
}

#[test]
fn a_check_route_never_recalls() {
    let node = Node::new();
    begin(&node, FRESH, None);
    let weak = refusal(&node, &Asked::post("/face-check").code(FRESH));
    assert_eq!(weak, (Refusal::AuthTooWeak, None));
    node.hand.advance(LIFE_MS);
    let late = refusal(&node, &Asked::post("/check").code(FRESH));
    assert_eq!(late, (Refusal::CodeExpired, None));
}

#[test]
fn a_route_without_codes_asks_for_maintenance_alone() {
    let node = Node::new();
    let ignored = |route| Asked::post(route).field(YANMA_CODE, "not a code").key("\"");
    let passed = accepted(&node, &ignored("/free"));
    assert!(matches!(passed.purpose, Purpose::Plain), "{passed:?}");
    assert_eq!(passed.backend, Some(0));
    assert_eq!(refusal(&node, &ignored("/closed")), (Refusal::Maintenance, None));
    let hostless = Asked::bare("POST", "/closed");
    assert_eq!(refusal(&node, &hostless).0, Refusal::RequestMalformed);
    assert_eq!(refusal(&node, &hostless.field(HOST, "a")).0, Refusal::Maintenance);
}

#[test]
fn few_requests_are_under_way_with_one_code() {
    let node = Node::new();
    let hash = node.shared.tables.codes.hash(&FRESH.verified().identity());
    let enter = |_| node.shared.codes.enter(hash).expect("room");
    let mut others: Vec<_> = (0..CODE_REQUESTS_MAX).map(enter).collect();
    let asked = Asked::post("/pay").code(FRESH);
    let expected = (Refusal::RequestInFlight, Some(Limit::CodeRequests));
    assert_eq!(refusal(&node, &asked), expected);
    node.shared.codes.leave(others.pop().unwrap());
    accepted(&node, &asked);
    accepted(&node, &asked);
    others.into_iter().for_each(|other| node.shared.codes.leave(other));
}

#[test]
fn a_request_counts_by_the_route_that_was_found() {
    let node = Node::new();
    let end = |call: RequestContext, asked: &Asked| {
        let refused = ready(decide(&call, asked.head())).expect_err("it is refused");
        call.refused(&refused);
    };
    end(node.call(), &Asked::post("/pay"));
    end(node.call(), &Asked::post("/nowhere"));
    assert_eq!(node.outcomes("/pay", "code_missing"), "1");
    assert_eq!(node.outcomes("none", "route_not_found"), "1");
}
