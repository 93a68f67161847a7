//! The shape in which a hospital system reads a refusal, and how it hears of an unknown outcome.

use serde_json::{Value, json};

use crate::harness::contract::{REFUSALS, Row};
use crate::harness::h2::{H2, post};
use crate::harness::keys::identity;
use crate::harness::process::address;
use crate::harness::{Client, Message, Reply, Request, Setup, World, wire};

const OUTCOME_UNKNOWN: &str = "outcome_unknown";

/// Beside the usual routes: one of each shape that spends, and one that checks.
fn routes(setup: Setup) -> Setup {
    let route = |path: &str, code: &str, keys: &str| {
        format!("path = \"{path}\"\ncode = \"{code}\"\nbackend = \"settlement\"\n{keys}")
    };
    let posts = "methods = [\"POST\"]\n";
    setup
        .also("route", &route("/fsi", "redeem", &format!("{posts}refusals = \"fsi\"")))
        .also("route", &route("/look", "check", "refusals = \"fsi\"\ninfcode = \"string\""))
        .also("route", &route("/decode", "redeem", "refusals = \"code_message_data\""))
        .also("route", &route("/cut", "redeem", "refusals = \"fsi\"\nunknown = \"cut\""))
}

async fn start() -> World {
    routes(Setup::new().await).start().await
}

fn row(reason: &str) -> &'static Row {
    REFUSALS.iter().find(|row| row.reason == reason).expect("a reason of the contract")
}

/// What every shaped refusal has in its head.
#[track_caller]
fn assert_head(answer: &Message, reason: &str) {
    let outcome = answer.field("yanma-outcome");
    assert_eq!((answer.status(), outcome), (200, Some(reason)), "{answer:?}");
    assert_eq!(answer.field("content-type"), Some("application/json;charset=UTF-8"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("retry-after"), None);
    answer.request_id();
}

/// The contract's refusal with this number in the fsi envelope. Returns the body.
#[track_caller]
fn assert_fsi_with(answer: &Message, reason: &str, infcode: &Value, sentence: &str) -> Value {
    assert_head(answer, reason);
    assert!(answer.body.is_ascii(), "{:?}", answer.text());
    let body = answer.json();
    assert_eq!(&body["infcode"], infcode, "{body}");
    let text = format!("{sentence} [{} {}]", row(reason).error_code, answer.request_id());
    assert_eq!(body["err_msg"], text);
    body
}

#[track_caller]
fn assert_fsi(answer: &Message, reason: &str) {
    let row = row(reason);
    let number: i32 = row.error_code.trim_start_matches("YM").parse().expect("digits");
    let body = assert_fsi_with(answer, reason, &json!(number), &row.message_zh);
    assert_eq!(body["output"], Value::Null);
}

#[tokio::test]
async fn whatever_is_refused_on_a_route_comes_in_its_shape() {
    let world = routes(Setup::new().await.config("limits.body_bytes_max = 100")).start().await;
    let code = world.code();
    let pay = |code: &str| Request::post("/fsi").code(code);
    world.ask(&pay(&code)).await.assert_approved();
    let used = world.ask(&pay(&code).body("{}")).await;
    assert_fsi(&used, "code_used");
    assert_eq!(used.field("yanma-redemption"), Some(identity(&code).as_str()));
    let body = used.json();
    let message_id = body["inf_refmsgid"].as_str().expect("a text");
    let received = body["refmsg_time"].as_str().expect("a text");
    assert_eq!((message_id.len(), received.len()), (30, 17), "{body}");
    assert_eq!(&message_id[..20], format!("000000{}", &received[..14]), "{body}");

    assert_fsi(&world.ask(&Request::post("/FSI/deeper")).await, "code_missing");
    assert_fsi(&world.ask(&pay("1")).await, "code_malformed");
    assert_fsi(&world.ask(&pay(&world.code()).body("x".repeat(101))).await, "request_too_large");
    for method in ["GET", "PUT", "BREW"] {
        let answer = world.ask(&Request::new(method, "/fsi")).await;
        assert_fsi(&answer, "method_not_allowed");
        assert_eq!(answer.field("allow"), Some("POST"));
    }
    let mut client = world.client().await;
    client.send(Request::new("HEAD", "/fsi").bytes()).await;
    assert_head(&client.answer_to_head().await, "method_not_allowed");
    // What is wrong with the head itself is found before the route is.
    assert_fsi(&world.ask(&pay(&code).field("Host", "b")).await, "request_malformed");
    assert_fsi(&world.ask(&pay(&code).field("Expect", "x")).await, "expectation_failed");
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn a_full_gateway_refuses_in_the_shape_of_the_route() {
    let full = "server.workers = 1\nlimits.requests_in_flight_max = 1";
    let world = routes(Setup::new().await.config(full)).start().await;
    world.backend.hold();
    let mut first = world.client().await;
    first.send(Request::post("/open").bytes()).await;
    world.backend.arrived(1).await;
    assert_fsi(&world.ask(&Request::post("/fsi").code("1")).await, "overloaded");
    world.ask(&Request::post("/pay").code("1")).await.assert_refused("overloaded");
    world.ask(&Request::post("/nowhere").code("1")).await.assert_refused("overloaded");
    world.backend.open();
    first.answer().await.assert_approved();
    let counted = "yanma_requests_total{outcome=\"overloaded\",route=\"none\"}";
    world.metric_reaches(counted, 3.0).await;
}

#[tokio::test]
async fn a_number_is_a_string_where_the_province_writes_it_so() {
    let world = start().await;
    let answer = world.ask(&Request::post("/look")).await;
    let row = row("code_missing");
    assert_fsi_with(&answer, "code_missing", &json!("1001"), &row.message_zh);
}

#[tokio::test]
async fn a_route_that_decodes_refuses_as_the_platform_does() {
    let world = start().await;
    let answer = world.ask(&Request::post("/decode").code("1")).await;
    assert_head(&answer, "code_malformed");
    assert!(answer.body.is_ascii(), "{:?}", answer.text());
    let row = row("code_malformed");
    let message = format!("{} [{} {}]", row.message_zh, row.error_code, answer.request_id());
    let expected = json!({"orgId": "", "code": 1002, "success": false, "message": message,
        "data": null, "extra": null});
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn before_a_route_is_known_the_listeners_shape_holds() {
    let listener = format!("[[listener]]\naddress = \"{}\"\nrefusals = \"fsi\"", address());
    let setup = Setup::new().await.config(&listener).config("timeouts.header_ms = 300");
    let world = routes(setup).start().await;
    assert_fsi(&world.ask(&Request::post("/nowhere").code("1")).await, "route_not_found");
    assert_fsi(&world.ask(&Request::post("/fsi/../pay").code("1")).await, "request_malformed");
    assert_fsi(&world.ask_raw("GET /pay HTTP/1.1\nHost: a\r\n\r\n").await, "request_malformed");
    assert_fsi(&world.ask_raw("GET /pay#a HTTP/1.1\r\nHost: a\r\n\r\n").await, "request_malformed");
    assert_fsi(&world.ask_raw("GET /pay HTTP/1.1\r\nHo").await, "request_timeout");
    world.ask(&Request::post("/pay").code("1")).await.assert_refused("code_malformed");
}

#[tokio::test]
async fn one_connection_too_many_is_refused_in_the_listeners_shape() {
    let listener = format!("[[listener]]\naddress = \"{}\"\nrefusals = \"fsi\"", address());
    let setup = Setup::new().await.config(&listener).config("limits.connections_max = 1");
    let world = setup.start().await;
    let mut first = world.client().await;
    first.ask(Request::get("/open").bytes()).await.assert_approved();
    let mut second = world.client().await;
    assert_fsi(&second.answer().await, "overloaded");
}

#[tokio::test]
async fn a_stalled_backend_is_minus_one_only_where_a_code_was_spent() {
    let world = routes(Setup::new().await.backend("timeout_ms", 400)).start().await;
    world.backend.reply(Reply::Never);
    let code = world.code();
    let request = Request::post("/fsi").code(&code);
    let unknown = world.ask(&request).await;
    let sentence = &row(OUTCOME_UNKNOWN).message_zh;
    let body = assert_fsi_with(&unknown, OUTCOME_UNKNOWN, &json!(-1), sentence);
    let named = json!({"omsgid": null, "oinfno": null, "redemption": identity(&code)});
    assert_eq!(body["output"], named);
    let checked = world.ask(&Request::post("/look").code(&world.code())).await;
    let sentence = "没有等到结果。本次没有用医保码扣费，请先查询结果，查不到再重新提交";
    let body = assert_fsi_with(&checked, OUTCOME_UNKNOWN, &json!("1702"), sentence);
    assert_eq!(body["output"], Value::Null);
    // The stored answer is the shaped one.
    world.backend.reply(Reply::settled());
    let again = world.ask(&request).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!((again.request_id(), again.text()), (unknown.request_id(), unknown.text()));
    assert_head(&again, OUTCOME_UNKNOWN);
    assert_eq!(world.backend.count_of(&identity(&code)), 1);
}

#[tokio::test]
async fn where_only_a_broken_connection_means_unknown_it_breaks_without_a_byte() {
    let world = routes(Setup::new().await.backend("timeout_ms", 400)).start().await;
    world.backend.reply(Reply::Never);
    let code = world.code();
    let request = Request::post("/cut").code(&code);
    let cut = async |mut client: Client| {
        client.send(request.bytes()).await;
        assert_eq!(client.closed().await, b"");
    };
    let mut kept = world.client().await;
    assert_fsi(&kept.ask(Request::post("/cut").bytes()).await, "code_missing");
    cut(kept).await;
    // The same again gets the same, and is not forwarded again.
    world.backend.reply(Reply::settled());
    cut(world.client().await).await;
    assert_eq!(world.backend.count(), 1);
    let counted = |outcome| format!("yanma_requests_total{{outcome=\"{outcome}\",route=\"/cut\"}}");
    assert_eq!(world.metric(&counted(OUTCOME_UNKNOWN)).await, 1.0);
    assert_eq!(world.metric(&counted("replayed")).await, 1.0);
    // Any other answer is one.
    assert_fsi(&world.ask(&Request::post("/cut").code(&code).body("{}")).await, "code_used");
    world.ask(&Request::post("/cut").code(&world.code())).await.assert_approved();
}

#[tokio::test]
async fn an_answer_before_a_cut_on_one_connection_still_arrives() {
    let world = routes(Setup::new().await.backend("timeout_ms", 400)).start().await;
    world.backend.reply(Reply::Never);
    let first = Request::post("/cut").bytes();
    let second = Request::post("/cut").code(&world.code()).bytes();
    let mut client = world.client().await;
    client.send([first, second].concat()).await;
    assert_fsi(&client.answer().await, "code_missing");
    let rest = client.try_answer(wire::Kind::Answer).await;
    assert!(!matches!(rest, Ok(Some(_))), "{rest:?}");
}

#[tokio::test]
async fn over_http_2_shapes_are_the_same_and_a_cut_is_a_reset() {
    let world = routes(Setup::new().await.backend("timeout_ms", 400)).start().await;
    let mut client = H2::connect(&world.address).await;
    let request = |target: &str, code: &str| post(target, code).body(()).expect("a request");
    assert_fsi(&client.ask(request("/fsi", "1"), "{}").await, "code_malformed");
    world.backend.reply(Reply::Never);
    let code = world.code();
    // The first, and the same again: more often than a client may drop its requests itself.
    for _ in 0..110 {
        let mut exchange = client.begin(request("/cut", &code)).await;
        exchange.send("{}", true);
        let error = exchange.answer().await.expect_err("no answer");
        assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR), "{error}");
    }
    assert_eq!(world.backend.count(), 1);
    // Only that stream was reset.
    world.backend.reply(Reply::settled());
    client.ask(request("/cut", &world.code()), "{}").await.assert_approved();
}
