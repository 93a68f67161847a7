//! A route that only observes: it judges and spends, and forwards whatever it finds.

use crate::harness::keys::{WECHAT, identity, payment};
use crate::harness::{Message, Reply, Request, Setup, World, eventually, now_ms};

const ROUTES: [&str; 4] = [
    "path = \"/try\"\ncode = \"redeem\"\nbackend = \"settlement\"\nenforce = false\nmethods = [\"POST\"]",
    "path = \"/try-face\"\ncode = \"redeem\"\nmin_auth = \"biometric\"\nbackend = \"settlement\"\n\
     enforce = false",
    "path = \"/try-rest\"\ncode = \"redeem\"\nbackend = \"resting\"\nenforce = false",
    "path = \"/uif\"\nbackend = \"settlement\"\ninfno_at = \"/infno\"\ncode_at = \"/code\"\n\
     refusals = \"fsi\"\ninfno = { \"2207\" = { code = \"redeem\", enforce = false }, \
     \"2304\" = \"redeem\" }",
];

async fn setup() -> Setup {
    let resting = "name = \"resting\"\nendpoints = [\"http://127.0.0.1:9\"]\nmaintenance = true";
    let setup = Setup::new().await.also("backend", resting);
    ROUTES.iter().fold(setup, |setup, route| setup.also("route", route))
}

fn try_with(code: &str, body: &str) -> Request {
    Request::post("/try").code(code).body(body)
}

/// The request was forwarded with this finding, and its client hears that.
async fn assert_observed(world: &World, answer: &Message, reason: &str) {
    assert_eq!(
        (answer.status(), answer.field("yanma-outcome")),
        (200, Some("observed")),
        "{answer:?}"
    );
    assert_eq!(answer.field("yanma-redemption"), None);
    let arrivals = world.backend.arrived(world.backend.count()).await;
    let seen = arrivals.last().expect("an arrival");
    assert_eq!(seen.field("yanma-observed"), Some(reason), "{seen:?}");
    for told in ["yanma-redemption", "yanma-subject", "yanma-code-id", "yanma-pass"] {
        assert_eq!(seen.field(told), None, "{told} of what is not proven");
    }
}

#[tokio::test]
async fn a_used_code_is_forwarded_and_told() {
    let world = setup().await.start().await;
    let code = world.code();
    let first = world.ask(&try_with(&code, "1")).await;
    first.assert_approved();
    assert_eq!(first.field("yanma-redemption"), Some(identity(&code).as_str()));
    assert_eq!(world.backend.arrived(1).await[0].field("yanma-observed"), None);
    // The same bytes too: no answer is kept here.
    for body in ["2", "1"] {
        let again = world.ask(&try_with(&code, body)).await;
        assert_observed(&world, &again, "code_used").await;
        assert_eq!(again.field("idempotent-replayed"), None);
    }
    // What is spent here is spent.
    world.pay(&code).await.assert_refused("code_used");
    let paid = world.code();
    world.pay(&paid).await.assert_approved();
    let spent_elsewhere = world.ask(&try_with(&paid, "9")).await;
    assert_observed(&world, &spent_elsewhere, "code_used").await;
    world.metric_reaches("yanma_observed_total{route=\"/try\",reason=\"code_used\"}", 3.0).await;
    let observed = "yanma_requests_total{route=\"/try\",outcome=\"observed\"}";
    world.metric_reaches(observed, 3.0).await;
    assert_eq!(world.metric("yanma_route_enforced{route=\"/try\"}").await, 0.0);
    assert_eq!(world.metric("yanma_route_enforced{route=\"/uif\"}").await, 0.0);
    assert_eq!(world.metric("yanma_route_enforced{route=\"/pay\"}").await, 1.0);
    eventually("a reminder", async || {
        world
            .process
            .said()
            .contains("warning observing: /try /try-face /try-rest /uif")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn whatever_is_wrong_with_a_code_is_forwarded_and_told() {
    let world = setup().await.start().await;
    let old = WECHAT.mint(&payment(now_ms() / 1_000 - 3_600));
    let forged = {
        let mut digits = world.code();
        let last = digits.pop().expect("digits");
        digits.push(if last == '1' { '2' } else { '1' });
        digits
    };
    for (request, reason) in [
        (Request::post("/try"), "code_missing"),
        (Request::post("/try").code("123"), "code_malformed"),
        (Request::post("/try").code(&old), "code_expired"),
        (Request::post("/try-face").code(&world.code()), "auth_too_weak"),
    ] {
        let answer = world.ask(&request).await;
        assert_observed(&world, &answer, reason).await;
    }
    let answer = world.ask(&Request::post("/try").code(&forged)).await;
    assert_eq!(answer.field("yanma-outcome"), Some("observed"), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_finding_on_a_code_is_refused_as_elsewhere() {
    let world = setup().await.start().await;
    let code = world.code();
    world.ask(&Request::new("PUT", "/try").code(&code)).await.assert_refused("method_not_allowed");
    world
        .ask(&Request::post("/try").code(&code).field("Expect", "tea"))
        .await
        .assert_refused("expectation_failed");
    world.ask(&Request::post("/try-rest")).await.assert_refused("maintenance");
    world.ask(&Request::post("/try-rest").code(&code)).await.assert_refused("maintenance");
    let message = |body: &str| Request::post("/uif").body(body);
    let malformed = world.ask(&message("{\"infno\":\"2207\"}x")).await;
    assert_eq!(malformed.json()["infcode"], 1506);
    let enforced = world.ask(&message("{\"infno\":\"2304\"}")).await;
    assert_eq!(enforced.json()["infcode"], 1001);
    assert_eq!(world.backend.count(), 0);
    let observed = world.ask(&message("{\"infno\":\"2207\"}")).await;
    assert_observed(&world, &observed, "code_missing").await;
}

/// Of a request whose outcome is unknown money may have moved, whatever was found before.
#[tokio::test]
async fn an_observed_request_without_an_answer_is_unknown() {
    let world = setup().await.start().await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.backend.reply(Reply::ThenReset(Vec::new()));
    world.ask(&try_with(&code, "9")).await.assert_refused("outcome_unknown");
}

#[tokio::test]
async fn a_reload_makes_it_refuse() {
    let world = setup().await.start().await;
    let code = world.code();
    world.ask(&try_with(&code, "1")).await.assert_approved();
    let path = world.config_path();
    let text = std::fs::read_to_string(&path).expect("a configuration");
    std::fs::write(&path, text.replace("enforce = false", "enforce = true")).expect("written");
    assert_eq!(world.admin("POST", "/reload").await.status() / 100, 2);
    world.ask(&try_with(&code, "2")).await.assert_refused("code_used");
    assert_eq!(world.metric("yanma_route_enforced{route=\"/try\"}").await, 1.0);
}
