//! A retry is not a replay: a repeated request gets the stored answer and is not forwarded again.

mod abroad;
mod late;
mod status;

use crate::harness::backend::SETTLED;
use crate::harness::keys::identity;
use crate::harness::{DeadPort, Message, Reply, Request, Setup, World, eventually, h2};

const REPLAYED: &str = "yanma_requests_total{outcome=\"replayed\",route=\"/pay\"}";

fn keyed(code: &str, key: &str) -> Request {
    Request::post("/pay").code(code).field("Idempotency-Key", key)
}

/// A client of HTTP/1.1 gets trailers if it says that it reads them.
fn with_trailers(code: &str) -> Request {
    Request::post("/pay").code(code).field("TE", "trailers")
}

/// Everything that an answer can carry. It brings its own date: one that the connection adds is
/// that of the sending.
fn elaborate() -> Reply {
    let head = "HTTP/1.1 201 Created\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
                Content-Type: text/plain; charset=gbk\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                X-Bytes: \u{e9}\r\nX-Empty:\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    let latin: Vec<u8> = head.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
    let body = b"3\r\n\xc4\xe3\x00\r\n2\r\nok\r\n0\r\nX-Sum: 5\r\n\r\n";
    Reply::Bytes([latin.as_slice(), body].concat())
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_byte_for_byte() {
    let world = World::start().await;
    for reply in [elaborate(), Reply::with(500, "Date: x\r\nCache-Control: no-cache\r\n", "down")] {
        let code = world.code();
        world.backend.reply(reply);
        let first = world.ask(&with_trailers(&code)).await;
        assert_eq!(first.field("yanma-outcome"), Some("approved"));
        world.backend.reply(Reply::settled());
        for _ in 0..3 {
            world.ask(&with_trailers(&code)).await.assert_again(&first);
        }
        assert_eq!(world.backend.count_of(&identity(&code)), 1);
    }
    assert_eq!(world.backend.count(), 2);
    world.metric_reaches(REPLAYED, 6.0).await;
    let code_total = "yanma_codes_total{channel=\"wechat\",outcome=\"replayed\"}";
    assert!(world.metric(code_total).await > 5.5);
    assert!(world.metric("yanma_retry_answers").await > 1.5);
}

/// The protocol belongs to the connection and not to the transaction.
#[tokio::test]
async fn a_retry_over_another_protocol_gets_the_answer_too() {
    let world = World::start().await;
    let mut over_2 = h2::H2::connect(&world.address).await;
    let mut over_1 = world.client().await;
    let request = |code: &str| h2::post("/pay", code).body(()).expect("a request");
    let plain = |code: &str| with_trailers(code).body("{}").bytes();
    let said = |answer: &Message| {
        let fields = ["yanma-outcome", "yanma-request-id", "yanma-redemption", "set-cookie"];
        let fields = fields.map(|name| answer.fields_named(name).join("|"));
        (answer.status(), fields, answer.body.clone(), answer.trailers.clone())
    };
    world.backend.reply(elaborate());
    let code = world.code();
    let first = over_1.ask(plain(&code)).await;
    let again = over_2.ask(request(&code), "{}").await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(said(&again), said(&first));
    let code = world.code();
    let first = over_2.ask(request(&code), "{}").await;
    over_2.ask(request(&code), "{}").await.assert_again(&first);
    assert_eq!(said(&over_1.ask(plain(&code)).await), said(&first));
    assert_eq!(world.backend.count(), 2);
}

#[tokio::test]
async fn while_the_first_runs_the_same_waits_and_another_is_refused() {
    let world = World::start().await;
    let code = world.code();
    world.backend.hold();
    let mut first = world.client().await;
    first.send(keyed(&code, "bill-1").bytes()).await;
    world.backend.arrived(1).await;
    // There are more connections than workers, so each worker is asked.
    for _ in 0..4 {
        let waits = world.ask(&keyed(&code, "\"bill-1\"")).await;
        let body = waits.assert_refused("request_in_flight");
        assert_eq!(body["redemption"].as_str(), Some(identity(&code).as_str()));
        assert_eq!(waits.field("retry-after"), Some("1"));
        world.ask(&keyed(&code, "bill-1").body("{}")).await.assert_refused("idempotency_mismatch");
        world.ask(&keyed(&code, "bill-2")).await.assert_refused("code_used");
        world.pay(&code).await.assert_refused("code_used");
    }
    world.backend.open();
    let answer = first.answer().await;
    answer.assert_approved();
    let again = world.ask(&keyed(&code, "bill-1")).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!((again.text(), again.request_id()), (SETTLED, answer.request_id()));
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn what_differs_is_another_transaction() {
    let world = World::start().await;
    let code = world.code();
    let plain = || Request::post("/pay?bill=1").code(&code);
    let json = "application/json";
    let first = plain().field("Content-Type", json);
    world.ask(&first).await.assert_approved();
    for other in [
        plain(),
        plain().field("Content-Type", "application/json; charset=utf-8"),
        plain().field("Content-Type", json).body("{\"infno\":\"2207\"} "),
        plain().field("Content-Type", json).body(""),
        Request::post("/pay").code(&code).field("Content-Type", json),
        Request::post("/pay?bill=2").code(&code).field("Content-Type", json),
        Request::post("/PAY?bill=1").code(&code).field("Content-Type", json),
        Request::new("PUT", "/pay?bill=1").body("{\"infno\":\"2207\"}").code(&code),
        keyed(&code, "a").field("Content-Type", json),
    ] {
        world.ask(&other).await.assert_refused("code_used");
    }
    let trailer = first.chunked("X-Sum: 1\r\n");
    world.ask_raw(trailer).await.assert_refused("code_used");
    // Framing, client address and other header fields do not make it another request.
    let again = world.ask_raw(first.chunked("")).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    let again = plain().field("Content-Type", json).field("X-Request-Id", "2");
    assert_eq!(world.ask(&again).await.field("idempotent-replayed"), Some("true"));
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_code() {
    let world = World::start().await;
    let [one, other] = [world.code(), world.code()];
    world.ask(&keyed(&one, "\"bill-1\"")).await.assert_approved();
    world.ask(&keyed(&other, "\"bill-1\"")).await.assert_approved();
    assert_eq!(world.backend.count(), 2);
    world.ask(&keyed(&one, "bill-1").body("{}")).await.assert_refused("idempotency_mismatch");
    world.ask(&Request::post("/pay").code(&one)).await.assert_refused("code_used");
    let again = world.ask(&keyed(&one, "bill-1")).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.field("yanma-redemption"), Some(identity(&one).as_str()));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anything_is_spent() {
    let world = World::start().await;
    let code = world.code();
    for key in ["", "\"\"", "\"a", "a b", "\"a\";v=1", "a, b", &"k".repeat(65)] {
        let body = world.ask(&keyed(&code, key)).await.assert_refused("request_malformed");
        let detail = body["detail"].as_str().expect("a sentence for the developer");
        assert!(detail.contains("Idempotency-Key"), "{detail}");
    }
    let twice = keyed(&code, "a").field("Idempotency-Key", "a");
    world.ask(&twice).await.assert_refused("request_malformed");
    // On a route that spends nothing the header is the backend's own.
    let check = Request::post("/check").code(&code).field("Idempotency-Key", "a b");
    world.ask(&check).await.assert_approved();
    world.ask(&keyed(&code, &"k".repeat(64))).await.assert_approved();
    assert_eq!(world.backend.count(), 2);
}

/// Java's `HttpURLConnection` silently sends a POST again when its connection ends without an
/// answer.
#[tokio::test]
async fn a_post_that_is_silently_repeated_settles_once() {
    let world = World::start().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).bytes();
    world.backend.hold();
    let mut lost = world.client().await;
    lost.send(&request).await;
    world.backend.arrived(1).await;
    lost.reset();
    let mut client = world.client().await;
    client.ask(&request).await.assert_refused("request_in_flight");
    world.backend.open();
    eventually("the answer that was lost", async || {
        let answer = client.ask(&request).await;
        if answer.status() == 409 {
            answer.assert_refused("request_in_flight");
            return None;
        }
        assert_eq!(answer.field("idempotent-replayed"), Some("true"));
        answer.assert_approved();
        Some(())
    })
    .await;
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn an_unknown_outcome_stays_unknown_and_is_told_again() {
    let world = Setup::new().await.backend("timeout_ms", 300).start().await;
    let code = world.code();
    world.backend.reply(Reply::Never);
    let mut client = world.client().await;
    let first = client.ask(keyed(&code, "1").bytes()).await;
    first.assert_refused("outcome_unknown");
    world.backend.reply(Reply::settled());
    let again = client.ask(keyed(&code, "1").bytes()).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!((again.text(), again.request_id()), (first.text(), first.request_id()));
    world.ask(&keyed(&code, "1").body("{}")).await.assert_refused("idempotency_mismatch");
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let dead = DeadPort::new();
    let world = Setup::new().await.only_endpoints(&[&dead.endpoint]).start().await;
    let code = world.code();
    let request = keyed(&code, "bill-1");
    for _ in 0..2 {
        let refused = world.ask(&request).await;
        refused.assert_refused("backend_unreachable");
        assert_eq!(refused.field("idempotent-replayed"), None);
    }
    let alive = dead.come_alive(Reply::settled());
    let paid = eventually("a payment once the backend is back", async || {
        let answer = world.ask(&request).await;
        (answer.status() == 200).then_some(answer)
    })
    .await;
    assert_eq!(paid.field("idempotent-replayed"), None);
    let again = world.ask(&request).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.request_id(), paid.request_id());
    assert_eq!(alive.count(), 1);
}

#[tokio::test]
async fn a_full_store_keeps_what_it_has_and_the_next_pays_all_the_same() {
    let world = World::with("retry.entries_max = 1").await;
    let [kept, other] = [world.code(), world.code()];
    world.pay(&kept).await.assert_approved();
    // The answer is not kept, but a copy is refused while the request runs.
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&other).bytes()).await;
    world.backend.arrived(2).await;
    world.pay(&other).await.assert_refused("request_in_flight");
    world.backend.open();
    client.answer().await.assert_approved();
    world.pay(&other).await.assert_refused("code_used");
    assert_eq!(world.pay(&kept).await.field("idempotent-replayed"), Some("true"));
    assert_eq!(world.backend.count(), 2);
    world.metric_reaches("yanma_limit_hits_total{limit=\"retry_entries_max\"}", 1.0).await;
    world.metric_becomes("yanma_retry_answers", 1.0).await;
}

#[tokio::test]
async fn an_answer_that_streams_is_not_kept() {
    let world = World::with("limits.reply_bytes_max = 10").await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.pay(&code).await.assert_refused("code_used");
    world.metric_reaches("yanma_limit_hits_total{limit=\"reply_bytes_max\"}", 1.0).await;
    assert!(world.metric("yanma_retry_answers").await < 0.5);
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_its_memory_comes_back() {
    let world = World::with("retry.keep_s = 1").await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.metric_becomes("yanma_retry_answers", 0.0).await;
    world.metric_becomes("yanma_retry_answer_bytes", 0.0).await;
    world.pay(&code).await.assert_refused("code_used");
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn a_reload_keeps_the_answers_and_brings_new_bounds() {
    let mut world = World::start().await;
    let [kept, other] = [world.code(), world.code()];
    let first = world.pay(&kept).await;
    world.write_config("retry.store_mib = 0");
    assert_eq!(world.admin("POST", "/reload").await.status() / 100, 2);
    let again = world.pay(&kept).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.request_id(), first.request_id());
    world.pay(&other).await.assert_approved();
    world.pay(&other).await.assert_refused("code_used");
    assert_eq!(world.backend.count(), 2);
}

/// A stored answer comes before any refusal of the code.
#[tokio::test]
async fn what_is_refused_meanwhile_still_has_its_answer() {
    let mut world = World::start().await;
    let code = world.code();
    let first = world.pay(&code).await;
    first.assert_approved();
    world.write_backend("maintenance", true);
    assert_eq!(world.admin("POST", "/reload").await.status() / 100, 2);
    let again = world.pay(&code).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.request_id(), first.request_id());
    world.pay_more(&code).await.assert_refused("code_used");
    world.pay(&world.code()).await.assert_refused("maintenance");
    assert_eq!(world.backend.count(), 1);
}

/// The comparison uses what the backend was sent, whichever form the second request has.
#[tokio::test]
async fn a_field_that_connection_takes_away_is_no_part_of_what_is_asked() {
    let mut world = World::start().await;
    let code = world.code();
    let bare = || Request::post("/pay").code(&code);
    let taken = |named: &str| bare().field("Content-Type", "text/x").field("Connection", named);
    let first = world.ask(&taken("content-type")).await;
    first.assert_approved();
    assert_eq!(world.backend.only().await.field("content-type"), None);
    let assert_told_again = async |world: &World| {
        for request in [taken("Content-Type"), bare()] {
            world.ask(&request).await.assert_again(&first);
        }
        world.ask(&taken("x")).await.assert_refused("code_used");
    };
    assert_told_again(&world).await;
    world.write_backend("maintenance", true);
    assert_eq!(world.admin("POST", "/reload").await.status() / 100, 2);
    assert_told_again(&world).await;
    assert_eq!(world.backend.count(), 1);
}
