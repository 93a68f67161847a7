//! The admin listener: what Prometheus and a load balancer see.

use std::collections::BTreeSet;

use crate::harness::contract::FAMILIES;
use crate::harness::{Client, Request, Setup, World};

#[tokio::test]
async fn every_family_of_the_contract_is_there() {
    let visit = "path = \"/visit\"\ncode = \"pass_check\"\nbackend = \"settlement\"";
    let uif = "path = \"/uif\"\nbackend = \"settlement\"\ninfno_at = \"/infno\"\ninfno = { 1101 = \"none\" }";
    let setup = Setup::new().await.also("route", visit).also("route", uif);
    let world = setup.start().await;
    world.pay(&world.code()).await.assert_approved();
    let answer = world.admin("GET", "/metrics").await;
    let kind = answer.field("content-type").expect("a content type");
    assert!(kind.starts_with("text/plain") && kind.contains("version=0.0.4"), "{kind}");
    let text = answer.text();
    // This node keeps a record, takes passes, reads bodies, shares no registers and enforces all.
    let expected: BTreeSet<&str> = FAMILIES
        .iter()
        .filter(|family| !["registers", "observe", "accounts"].contains(&family.shown.as_str()))
        .map(|family| family.name.as_str())
        .collect();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: BTreeSet<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn histograms_have_the_contracts_buckets() {
    let world = World::start().await;
    world.pay(&world.code()).await.assert_approved();
    world.metric_reaches("yanma_code_age_seconds_count{channel=\"wechat\"}", 1.0).await;
    let metrics = world.metrics().await;
    let bounds: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("yanma_code_age_seconds_bucket{channel=\"wechat\""))
        .filter_map(|line| line.split("le=\"").nth(1)?.split('"').next())
        .collect();
    let expected = [
        "1", "2", "5", "10", "20", "30", "40", "50", "55", "58", "60", "62", "70", "120", "600",
        "+Inf",
    ];
    assert_eq!(bounds, expected);
}

#[tokio::test]
async fn gauges_tell_what_is() {
    let world = World::start().await;
    let _idle = world.client().await.ask(Request::get("/open").bytes()).await;
    world.pay(&world.code()).await.assert_approved();
    world.metric_becomes("yanma_replay_capacity", 32_768.0).await;
    world.metric_becomes("yanma_replay_entries", 1.0).await;
    world.metric_becomes("yanma_requests_in_flight", 0.0).await;
    world.metric_becomes("yanma_backend_in_flight{backend=\"settlement\"}", 0.0).await;
    let up = format!(
        "yanma_backend_endpoint_up{{backend=\"settlement\",endpoint=\"{}\"}}",
        world.backend.endpoint
    );
    world.metric_becomes(&up, 1.0).await;
    for condition in ["keys", "clock", "table", "not_draining"] {
        world.metric_becomes(&format!("yanma_ready{{condition=\"{condition}\"}}"), 1.0).await;
    }
    let page = world.metrics().await;
    let of_revoked = |name: &str| {
        let mut lines = page.lines().filter(|line| line.contains("key_id=\"7003\""));
        lines.any(|line| line.starts_with(name))
    };
    assert!(of_revoked("yanma_key_info"), "7003 is revoked: {page}");
    assert!(!of_revoked("yanma_key_expiry_timestamp_seconds"), "a revoked key is over: {page}");
    let expiry = world.metric("yanma_key_expiry_timestamp_seconds{key_id=\"7001\"}").await;
    assert!((expiry - 4_102_444_800.0).abs() < 0.5, "2100-01-01: {expiry}");
}

#[tokio::test]
async fn health_and_readiness() {
    let world = World::start().await;
    assert_eq!(world.admin("GET", "/healthz").await.status(), 200);
    let ready = world.admin("GET", "/readyz").await;
    assert_eq!(ready.status(), 200);
    assert!(ready.text().contains("settlement"), "backends are told: {}", ready.text());
}

#[tokio::test]
async fn a_dead_backend_does_not_make_the_node_unready() {
    let dead = crate::harness::DeadPort::new();
    let setup = Setup::new().await.only_endpoints(&[&dead.endpoint]);
    let world = setup.start().await;
    world.pay(&world.code()).await.assert_refused("backend_unreachable");
    assert_eq!(world.admin("GET", "/readyz").await.status(), 200);
}

#[tokio::test]
async fn nothing_else_is_served_there() {
    let world = World::start().await;
    assert_eq!(world.admin("GET", "/live").await.status(), 404);
    assert_eq!(world.admin("GET", "/pay").await.status(), 404);
    assert_eq!(world.admin("POST", "/metrics").await.status(), 405);
    world.ask(&Request::get("/metrics")).await.assert_refused("route_not_found");
}

#[tokio::test]
async fn many_scrapes_on_one_connection() {
    let world = World::start().await;
    let mut client = Client::connect(&world.admin).await;
    for _ in 0..10 {
        assert_eq!(client.ask(Request::get("/metrics").bytes()).await.status(), 200);
    }
}
