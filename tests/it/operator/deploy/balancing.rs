//! Two gateways behind a balancer: what passes, and that nothing is sent twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use super::balancer::{Balancer, CLIENT, Kind, TlsClient};
use super::config;
use crate::harness::keys::{WECHAT, identity, payment};
use crate::harness::project::read;
use crate::harness::world::is_ready;
use crate::harness::{Message, Request, Setup, World, eventually, now_ms};

/// HAProxy's file counts on the default.
const DRAIN_DELAY_MS: u64 = 5_000;

/// Two gateways in front of the backend of the first.
async fn two() -> [World; 2] {
    let config = format!("server.drain_delay_ms = {DRAIN_DELAY_MS}");
    let first = Setup::new().await.config(&config);
    let second = Setup::new().await.config(&config).only_endpoints(&[first.own_endpoint()]);
    let (first, second) = tokio::join!(first.start(), second.start());
    [first, second]
}

async fn behind(kind: Kind) -> ([World; 2], Balancer) {
    let worlds = two().await;
    let balancer = Balancer::start(kind, [&worlds[0], &worlds[1]]).await;
    (worlds, balancer)
}

/// A code that both gateways accept.
async fn code(worlds: &[World; 2]) -> String {
    for world in worlds {
        world.behind_fence().await;
    }
    WECHAT.mint(&payment(now_ms().div_euclid(1_000)))
}

async fn approved(world: &World) -> f64 {
    world.metric("yanma_requests_total{route=\"/pay\",outcome=\"approved\"}").await
}

#[tokio::test]
async fn payments_pass_through_haproxy() {
    payments_pass(Kind::HaProxy).await;
}

#[tokio::test]
async fn payments_pass_through_nginx() {
    payments_pass(Kind::Nginx).await;
}

/// The backend gets the hospital's address and the request's id, whatever the client wrote.
async fn payments_pass(kind: Kind) {
    let (worlds, balancer) = behind(kind).await;
    let [first, second] = &worlds;
    let code = code(&worlds).await;
    // An escape of a letter is what the gateway refuses: no balancer may have unescaped it.
    let escaped = Request::post("/p%61y").code(&code);
    let answer = balancer.client().client.ask(escaped.bytes()).await;
    answer.assert_refused("request_malformed");
    let lies = ["X-Real-IP", "X-Forwarded-For", "Yanma-Request-Id", "Yanma-Subject"];
    let request = lies
        .iter()
        .fold(Request::post("/pay").code(&code), |request, name| request.field(name, "6.6.6.6"));
    let answer = balancer.client().client.ask(request.bytes()).await;
    answer.assert_approved();
    let arrived = first.backend.only().await;
    assert_eq!(arrived.field("x-real-ip"), Some(CLIENT));
    assert_eq!(arrived.field("x-forwarded-for"), Some("127.0.0.1"), "the balancer's own");
    assert_eq!(arrived.field("yanma-subject"), Some("42"));
    let id = answer.field("yanma-request-id").expect("an id");
    assert_eq!(arrived.field("yanma-request-id"), Some(id));
    eventually("a line of the balancer", async || balancer.log().contains(id).then_some(())).await;
    for _ in 0..8 {
        let code = self::code(&worlds).await;
        let mut tls = balancer.client();
        tls.client.ask(Request::post("/pay").code(&code).bytes()).await.assert_approved();
    }
    assert!(approved(first).await > 0.0 && approved(second).await > 0.0, "both have work");
    assert_eq!(first.backend.count(), 9);
}

/// A payment of which the backend has heard, and then its gateway is killed. Returns what the client
/// hears and how often the backend got it.
async fn killed_within(worlds: &mut [World; 2], balancer: &Balancer) -> (Message, usize) {
    let code = code(worlds).await;
    worlds[0].backend.hold();
    let mut tls = balancer.client();
    tls.client.send(Request::post("/pay").code(&code).bytes()).await;
    worlds[0].backend.arrived(1).await;
    let metric = "yanma_requests_in_flight";
    let has_it = usize::from(worlds[0].metric(metric).await < 0.5);
    worlds[has_it].signal(Signal::KILL);
    worlds[has_it].process.ended().await;
    // With a retry it comes again by the other one, which waits for the backend too.
    let other = &worlds[1 - has_it];
    eventually("an end of the client's wait", async || {
        let retried = worlds[0].backend.count() > 1;
        (retried || balancer.log().contains("POST")).then_some(())
    })
    .await;
    other.backend.open();
    worlds[0].backend.open();
    (tls.client.answer().await, worlds[0].backend.count_of(&identity(&code)))
}

#[tokio::test]
async fn haproxy_never_sends_a_payment_again() {
    never_again(Kind::HaProxy).await;
}

#[tokio::test]
async fn nginx_never_sends_a_payment_again() {
    never_again(Kind::Nginx).await;
}

async fn never_again(kind: Kind) {
    let (mut worlds, balancer) = behind(kind).await;
    let (answer, count) = killed_within(&mut worlds, &balancer).await;
    assert_eq!(count, 1, "the backend has heard of it once");
    assert_eq!(answer.status(), 502, "{answer:?}");
    assert_eq!(answer.field("yanma-outcome"), None);
    assert!(answer.text().contains("The outcome is unknown: query"), "{}", answer.text());
    assert!(answer.json().is_object());
    // The node that is left goes on. What finds the dead one is told, and was not sent.
    eventually("a payment by the node that is left", async || {
        let code = code(&worlds).await;
        let answer = balancer.client().client.ask(Request::post("/pay").code(&code).bytes()).await;
        let is_approved = answer.field("yanma-outcome") == Some("approved");
        let count = worlds[0].backend.count_of(&identity(&code));
        assert_eq!(count, usize::from(is_approved), "{answer:?}");
        is_approved.then_some(())
    })
    .await;
}

/// The same scenario shows the double forward as soon as a balancer repeats.
#[tokio::test]
async fn with_retries_the_backend_would_hear_of_it_twice() {
    let of_haproxy: &[(&str, &str)] = &[
        ("retries 0", "retries 2"),
        ("retry-on none", "retry-on all-retryable-errors"),
        ("no option redispatch", "option redispatch 1"),
    ];
    let of_nginx: &[(&str, &str)] =
        &[("proxy_next_upstream off;", "proxy_next_upstream error timeout non_idempotent;")];
    for (kind, changes) in [(Kind::HaProxy, of_haproxy), (Kind::Nginx, of_nginx)] {
        let mut worlds = two().await;
        let balancer = Balancer::start_changed(kind, [&worlds[0], &worlds[1]], changes).await;
        let (answer, count) = killed_within(&mut worlds, &balancer).await;
        assert_eq!(count, 2, "{kind:?}: {answer:?}");
    }
}

/// Clients that pay without a pause, on connections that they keep as long as they may.
async fn pay_on(balancer: Arc<Balancer>, stop: Arc<AtomicBool>) -> usize {
    let mut paid = 0;
    let mut tls: Option<TlsClient> = None;
    while !stop.load(Ordering::Relaxed) {
        let code = WECHAT.mint(&payment(now_ms().div_euclid(1_000)));
        let connected = tls.get_or_insert_with(|| balancer.client());
        let answer = connected.client.ask(Request::post("/pay").code(&code).bytes()).await;
        answer.assert_approved();
        if answer.field("connection") == Some("close") {
            tls = None;
        }
        paid += 1;
    }
    paid
}

/// HAProxy sees that /readyz says no. For nginx the node is taken out by hand first.
#[tokio::test]
async fn a_node_that_drains_loses_no_request_behind_haproxy() {
    drains(Kind::HaProxy).await;
}

#[tokio::test]
async fn a_node_that_drains_loses_no_request_behind_nginx() {
    drains(Kind::Nginx).await;
}

async fn drains(kind: Kind) {
    let (mut worlds, mut balancer) = behind(kind).await;
    code(&worlds).await;
    if kind == Kind::Nginx {
        let server = format!("server {} ", worlds[0].address);
        // Both have had requests before, so that connections are there.
        for _ in 0..4 {
            let code = code(&worlds).await;
            let request = Request::post("/pay").code(&code).bytes();
            balancer.client().client.ask(request).await.assert_approved();
        }
        balancer.reload_changed(&server, &format!("{server}down ")).await;
    }
    let balancer = Arc::new(balancer);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..4).map(|_| tokio::spawn(pay_on(Arc::clone(&balancer), Arc::clone(&stop)))).collect();
    let count = worlds[0].backend.count();
    worlds[0].backend.arrived(count + 20).await;
    worlds[0].signal(Signal::TERM);
    eventually("a node that says no", async || (!is_ready(&worlds[0].admin).await).then_some(()))
        .await;
    assert!(worlds[0].process.ended().await.success());
    // Some more, by the other node alone.
    let (count, before) = (worlds[0].backend.count(), approved(&worlds[1]).await);
    worlds[0].backend.arrived(count + 20).await;
    assert!(approved(&worlds[1]).await >= before + 10.0);
    stop.store(true, Ordering::Relaxed);
    let mut paid = 0;
    for client in clients {
        paid += client.await.expect("no request failed");
    }
    assert!(paid >= 40, "{paid}");
}

/// A balancer that gives up before the gateway tells 504 of a payment that goes on.
#[test]
fn a_balancers_patience_is_longer_than_the_gateways() {
    let text = read(&config("gateway.toml"));
    let gateway: toml::Table = text.parse().expect("TOML");
    let settlement = &gateway["backend"][0];
    let ms = |value: &toml::Value| value.as_integer().expect("a number");
    let longest_ms = ms(&settlement["timeout_ms"])
        + ms(&settlement["connect_ms"])
        + ms(&gateway["replay"]["timeout_ms"])
        + ms(&gateway["timeouts"]["body_ms"]);
    let idle_ms = ms(&gateway["timeouts"]["idle_ms"]);
    let seconds = |file: &str, key: &str| -> i64 {
        let text = read(&config(file));
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
        let value = line.unwrap_or_else(|| panic!("{file}: no {key}")).trim().trim_end_matches(';');
        value.trim_end_matches('s').parse().expect("seconds")
    };
    for (file, keys) in [
        ("deploy/haproxy.cfg", ["timeout server", "timeout client"]),
        ("deploy/nginx.conf", ["proxy_read_timeout", "proxy_send_timeout"]),
    ] {
        for key in keys {
            assert!(seconds(file, key) * 1_000 > longest_ms, "{file}: {key}");
        }
    }
    // Idle connections to a gateway end on the balancer's side.
    assert!(seconds("deploy/haproxy.cfg", "timeout http-keep-alive") * 1_000 < idle_ms);
    assert!(seconds("deploy/nginx.conf", "keepalive_timeout") * 1_000 < idle_ms);
    // Two checks that fail, and their time limit, are over before the listener closes.
    let drain_delay_ms = ms(&gateway["server"]["drain_delay_ms"]);
    assert!(drain_delay_ms >= i64::try_from(DRAIN_DELAY_MS).expect("small"));
    let check_ms = seconds("deploy/haproxy.cfg", "timeout check") * 1_000;
    assert!(2 * 1_000 + check_ms < drain_delay_ms);
}
