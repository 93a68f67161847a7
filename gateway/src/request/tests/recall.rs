//! What is known of a request that came before: how a recall ends when its body is read.

use std::rc::Rc;

use http::{HeaderMap, Response, StatusCode};
use keyring::pass::RedemptionId;

use super::fixture::{Asked, Code, FRESH, Node, ready};
use crate::{
    http::fields::Framing,
    http::names::IDEMPOTENT_REPLAYED,
    idempotency::{Caller, IdempotencyKey, Request, StoredResponse},
    refusal::{Refusal, Refused},
    request::idempotent::{self, Next, PendingResponse},
    request::reply::Reply,
    transport::body::Whole,
    upstream::request_head::CleanHead,
};

/// A transaction with this code, as far as it can be told from another one.
fn request(code: Code, key: Option<&str>, body: &'static str) -> Request {
    let mut asked = Asked::post("/pay");
    if let Some(key) = key {
        asked = asked.key(key);
    }
    let code = code.verified();
    let key = IdempotencyKey::read(&asked.head().headers).unwrap();
    let head = CleanHead::new(asked.into_head(), Framing::Plain, None, true);
    let fingerprint = head.fingerprint(code.statement(), &Whole::new(body.into()));
    Request { id: RedemptionId::Code(code.identity()), caller: Caller::UNNAMED, key, fingerprint }
}

/// A request with the code begins, and does not end.
pub(super) fn begin(node: &Node, code: Code, key: Option<&str>) -> Request {
    let request = request(code, key, "{}");
    node.worker.responses().begin(&request, node.worker.clock().now());
    request
}

fn finish(node: &Node, request: &Request) {
    let answer = StoredResponse::new(StatusCode::CREATED, &HeaderMap::new(), b"paid", None);
    let (worker, snapshot) = (&node.worker, node.worker.snapshot());
    let (mut expiries, now) = (worker.expiries.borrow_mut(), worker.clock().now());
    let bounds = &snapshot.config.retry;
    let responses = worker.responses();
    responses.finish(&request.id, answer.unwrap(), &mut expiries, bounds, now).unwrap();
}

/// What a request hears that is refused as expired if nothing is known.
fn recalled(node: &Node, request: &Request) -> Result<Response<Reply>, Refusal> {
    let otherwise = Refused::from(Refusal::CodeExpired);
    let recalled = ready(idempotent::recall(&node.call(), request, otherwise));
    recalled.map_err(|refused| refused.refusal)
}

#[track_caller]
fn refusal(node: &Node, request: &Request) -> Refusal {
    recalled(node, request).map(drop).expect_err("it is refused")
}

#[test]
fn of_an_unknown_code_stands_what_stood_against_it() {
    let node = Node::new();
    assert_eq!(refusal(&node, &request(FRESH, None, "{}")), Refusal::CodeExpired);
}

#[test]
fn while_the_first_runs_the_others_hear_so() {
    let node = Node::new();
    let first = begin(&node, FRESH, None);
    assert_eq!(refusal(&node, &first), Refusal::RequestInFlight);
    assert_eq!(refusal(&node, &request(FRESH, None, "{ }")), Refusal::CodeUsed);
    assert_eq!(refusal(&node, &request(FRESH, Some("a"), "{}")), Refusal::CodeUsed);
}

#[test]
fn a_key_says_one_thing() {
    let node = Node::new();
    begin(&node, FRESH, Some("a"));
    let changed = request(FRESH, Some("a"), "{ }");
    assert_eq!(refusal(&node, &changed), Refusal::IdempotencyMismatch);
    assert_eq!(refusal(&node, &request(FRESH, Some("b"), "{}")), Refusal::CodeUsed);
}

#[test]
fn the_answer_that_there_was_is_given_again() {
    let node = Node::with("retry.keep_s = 1");
    let first = begin(&node, FRESH, None);
    finish(&node, &first);
    let response = recalled(&node, &first).expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[IDEMPOTENT_REPLAYED], "true");
    assert_eq!(node.outcomes("none", "replayed"), "1");
    node.hand.advance(1_000);
    assert_eq!(refusal(&node, &first), Refusal::CodeExpired, "its time is over");
}

fn pending(node: &Node, request: &Request) -> PendingResponse {
    match idempotent::begin(&Rc::new(node.call()), request) {
        Ok(Next::First(pending)) => pending,
        other => panic!("not the first: {other:?}"),
    }
}

#[test]
fn a_request_that_leaves_no_answer_is_forgotten() {
    let node = Node::new();
    let first = request(FRESH, None, "{}");
    let running = pending(&node, &first);
    let second = idempotent::begin(&Rc::new(node.call()), &first);
    assert_eq!(second.map(drop).map_err(|refused| refused.refusal), Err(Refusal::RequestInFlight));
    assert!(idempotent::may_know(&node.call(), &first.id));
    drop(running);
    assert!(!idempotent::may_know(&node.call(), &first.id));
    drop(pending(&node, &first));
}
