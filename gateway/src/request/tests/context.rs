use keyring::pass::RedemptionId;

use super::fixture::{FRESH, Node};
use http::{HeaderMap, Request};

use crate::{
    http::traceparent::{TRACEPARENT, TraceParent},
    limits::CODE_REQUESTS_MAX,
    refusal::{Limit, Refusal, Refused},
};

const RECORD_FULL: &str = "record_queue_entries";

fn overloaded() -> Refused {
    Refused::for_limit(Refusal::Overloaded, Limit::Record)
}

/// All requests that were counted, whatever became of them.
fn counted(node: &Node) -> String {
    node.sample("yanma_request_duration_seconds_count{route=\"none\"}")
}

#[test]
fn a_refused_request_is_counted_once() {
    let node = Node::new();
    let call = node.call();
    call.refused(&Refusal::CodeMissing.into());
    assert_eq!(node.outcomes("none", "code_missing"), "1");
    drop(call);
    assert_eq!(node.outcomes("none", "code_missing"), "1");
    assert_eq!(counted(&node), "1");
}

#[test]
fn a_limit_is_counted_with_its_refusal_and_once() {
    let node = Node::new();
    let call = node.call();
    call.refused(&overloaded());
    call.refused(&overloaded());
    drop(call);
    assert_eq!(node.limit_hits(RECORD_FULL), "1");
    assert_eq!(node.outcomes("none", "overloaded"), "1");
    assert_eq!(counted(&node), "1");
}

#[test]
fn what_comes_after_the_answer_counts_nothing() {
    let node = Node::new();
    let call = node.call();
    call.approved();
    call.refused(&overloaded());
    call.replayed();
    drop(call);
    assert_eq!(node.outcomes("none", "approved"), "1");
    assert_eq!(node.limit_hits(RECORD_FULL), "0");
    assert_eq!(counted(&node), "1");
}

#[test]
fn a_request_that_is_dropped_counts_by_how_far_it_was() {
    let node = Node::new();
    drop(node.call());
    assert_eq!(node.outcomes("none", "request_malformed"), "1");
    let sent = node.call();
    sent.mark_sent();
    drop(sent);
    assert_eq!(node.outcomes("none", "outcome_unknown"), "1");
    assert_eq!(counted(&node), "2");
}

#[test]
fn a_request_counts_under_its_route_and_its_codes_channel() {
    let node = Node::new();
    let pay = node.call();
    pay.set_route(0);
    pay.code_verified(&FRESH.verified(), node.worker.clock().now());
    pay.refused(&Refusal::CodeUsed.into());
    let free = node.call();
    free.set_route(2);
    free.approved();
    assert_eq!(node.outcomes("/pay", "code_used"), "1");
    assert_eq!(node.outcomes("/free", "approved"), "1");
    let codes = |channel, outcome| {
        node.sample(&format!("yanma_codes_total{{channel=\"{channel}\",outcome=\"{outcome}\"}}"))
    };
    assert_eq!(codes("wechat", "code_used"), "1");
    assert_eq!(codes("unknown", "approved"), "0", "the route reads no code");
}

#[test]
fn waiting_for_others_is_not_the_gateways_own_time() {
    let node = Node::new();
    let call = node.call();
    node.hand.advance(1_000);
    let begun = node.worker.clock().instant();
    node.hand.advance(4_000);
    call.add_wait_since(begun);
    call.approved();
    assert_eq!(node.sample("yanma_request_duration_seconds_sum{route=\"none\"}"), "5");
    assert_eq!(node.sample("yanma_gateway_duration_seconds_sum"), "1");
}

#[test]
fn a_code_has_few_requests_and_each_leaves_when_it_ends() {
    let node = Node::new();
    let id = RedemptionId::Code(FRESH.verified().identity());
    let mut calls: Vec<_> = (0..CODE_REQUESTS_MAX).map(|_| node.call()).collect();
    for call in &calls {
        call.enter(id, 7).expect("room");
    }
    let refused = node.call().enter(id, 7).expect_err("one too many");
    let limit = Some(Limit::CodeRequests);
    assert_eq!((refused.refusal, refused.limit), (Refusal::RequestInFlight, limit));
    calls.pop();
    node.call().enter(id, 7).expect("room again");
}

#[test]
fn the_workers_share_and_half_of_it_are_bounds() {
    let node = Node::with("limits.requests_in_flight_max = 4");
    let calls: Vec<_> = (0..5).map(|_| node.call()).collect();
    let [.., last] = &calls[..] else { panic!("five") };
    let at = |requests| {
        let others: Vec<_> = (requests..5).map(|_| node.worker.request_ends()).collect();
        let found = (last.is_in_a_crowd(), last.is_over_limit());
        others.iter().for_each(|()| node.worker.request_begins());
        found
    };
    assert_eq!([2, 3, 4, 5].map(at), [(false, false), (true, false), (true, false), (true, true)]);
}

/// The header after the request has begun its span, if it begins one.
fn after_the_span(values: &[&str]) -> Vec<String> {
    let node = Node::new();
    let mut request = Request::new(());
    for value in values {
        request.headers_mut().append(TRACEPARENT, value.parse().unwrap());
    }
    node.call().begin_span(&mut request);
    let text = |headers: &HeaderMap| {
        let values = headers.get_all(TRACEPARENT).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    text(request.headers())
}

#[test]
fn a_sampled_trace_gets_a_span_of_ours() {
    let theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
    let ours = after_the_span(&[theirs]);
    let [ours] = &ours[..] else { panic!("{ours:?}") };
    let [theirs, ours] =
        [theirs, ours].map(|value| TraceParent::parse(value.as_bytes()).expect("a value"));
    assert_eq!(ours.trace_id, theirs.trace_id);
    assert!(ours.is_sampled() && ours.parent_id != theirs.parent_id);
}

#[test]
fn what_is_not_sampled_passes_as_it_came() {
    for values in [
        &[][..],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
        &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
        &["\"01\""],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; 2],
    ] {
        assert_eq!(after_the_span(values), values);
    }
}
