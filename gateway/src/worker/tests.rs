use http::{HeaderMap, StatusCode};

use super::*;
use keyring::pass::RedemptionId;

use crate::{
    http::fields::Framing,
    idempotency::{Caller, Request, StoredResponse},
    refusal::shape::Shape,
    request::tests::fixture::{Asked, FRESH, Node},
    transport::body::Whole,
    transport::listener::Peer,
    upstream::request_head::CleanHead,
};

#[test]
fn requests_are_in_flight_from_their_begin_to_their_end() {
    let node = Node::new();
    let in_flight = || (node.worker.requests_in_flight(), node.sample("yanma_requests_in_flight"));
    assert_eq!(in_flight(), (0, "0".to_owned()));
    let (one, two) = (node.call(), node.call());
    assert_eq!(in_flight(), (2, "2".to_owned()));
    drop(one);
    assert_eq!(in_flight(), (1, "1".to_owned()));
    two.approved();
    assert_eq!(in_flight(), (1, "1".to_owned()), "an answer has an end too");
    drop(two);
    assert_eq!(in_flight(), (0, "0".to_owned()));
}

#[test]
fn a_worker_is_done_without_requests_and_connections() {
    let node = Node::new();
    assert!(node.worker.is_done());
    let call = node.call();
    assert!(!node.worker.is_done());
    node.connections.fetch_add(1, Ordering::Relaxed);
    let connection = Connection::new(Rc::clone(&node.worker.sweep), Peer::Local, Shape::Problem);
    let registered = node.worker.register(connection);
    drop(call);
    assert!(!node.worker.is_done());
    drop(registered);
    assert!(node.worker.is_done());
    assert_eq!(node.connections.load(Ordering::Relaxed), 0);
}

#[test]
fn a_drain_has_its_time_and_no_more() {
    let node = Node::with("server.drain_timeout_ms = 5000");
    let after = |ms| {
        node.hand.advance(ms);
        node.worker.tick();
        (node.worker.is_leaving(), node.worker.is_out_of_time())
    };
    assert_eq!(after(60_000), (false, false), "it serves");
    node.worker.leave();
    assert_eq!(after(4_999), (true, false));
    assert_eq!(after(1), (true, true));
    node.reload("server.drain_timeout_ms = 6000");
    assert_eq!(after(999), (true, false), "the operator gives it more");
    assert_eq!(after(1), (true, true));
}

#[test]
fn a_drain_without_time_ends_at_once() {
    let node = Node::with("server.drain_timeout_ms = 0");
    assert!(!node.worker.is_out_of_time());
    node.worker.leave();
    assert!(node.worker.is_out_of_time());
}

#[test]
fn a_request_keeps_the_configuration_that_it_began_with() {
    let node = Node::with("limits.header_count_max = 8");
    let before = node.call();
    assert!(Rc::ptr_eq(&before.snapshot, &node.worker.snapshot()), "nothing was replaced");
    node.reload("limits.header_count_max = 9");
    let after = node.call();
    let lines_max = |held: &Held| held.config.limits.header_count_max;
    assert_eq!((lines_max(&before.snapshot), lines_max(&after.snapshot)), (8, 9));
    assert!(Rc::ptr_eq(&after.snapshot, &node.worker.snapshot()));
}

/// Stores an answer now.
fn store(node: &Node) {
    let (worker, snapshot, code) = (&node.worker, node.worker.snapshot(), FRESH.verified());
    let head = CleanHead::new(Asked::post("/pay").into_head(), Framing::Plain, None, false);
    let fingerprint = head.fingerprint(code.statement(), &Whole::default());
    let id = RedemptionId::Code(code.identity());
    let request = Request { id, caller: Caller::UNNAMED, key: None, fingerprint };
    let answer = StoredResponse::new(StatusCode::OK, &HeaderMap::new(), b"paid", None).unwrap();
    let (now, mut expiries) = (worker.clock().now(), worker.expiries.borrow_mut());
    let (responses, bounds) = (worker.responses(), &snapshot.config.retry);
    responses.begin(&request, now);
    responses.finish(&id, answer, &mut expiries, bounds, now).unwrap();
}

#[test]
fn a_tick_removes_stored_answers_whose_time_is_over() {
    let node = Node::with("retry.keep_s = 1");
    store(&node);
    let entries_after = |ms| {
        node.hand.advance(ms);
        node.worker.tick();
        node.worker.responses().entries()
    };
    assert_eq!(entries_after(999), 1);
    assert_eq!(entries_after(1), 0);
    assert_eq!(node.worker.responses().bytes(), 0);
}

#[test]
fn the_time_of_the_sweep_is_that_of_the_last_tick() {
    let node = Node::new();
    node.hand.advance(1_500);
    assert_eq!(node.worker.sweep.now_ms(), 0);
    node.worker.tick();
    assert_eq!(node.worker.sweep.now_ms(), 1_500);
}
