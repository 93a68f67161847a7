//! The main job: a code is verified, spent once and the transaction forwarded.

use keyring::code::{Auth, KeyId};
use keyring::mint::Spec;

use crate::harness::keys::{RETIRING, WECHAT, display, identity, payment, region};
use crate::harness::{Client, Reply, Request, World, h2, now_ms};

#[tokio::test]
async fn a_fresh_code_pays_once() {
    let world = World::start().await;
    let code = world.code();

    let paid = world.pay(&code).await;
    paid.assert_approved();
    assert_eq!(paid.field("yanma-redemption"), Some(identity(&code).as_str()));

    let again = world.ask(&Request::post("/pay").code(&code).body("another body")).await;
    let body = again.assert_refused("code_used");
    assert_eq!(body["redemption"].as_str(), Some(identity(&code).as_str()));
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn the_backend_is_told_what_was_verified() {
    let world = World::start().await;
    let spec = Spec { relation: 3, auth: Auth::Face, region: region(330_100), ..world.fresh() };
    let code = WECHAT.mint(&spec);
    let mut client = world.client().await;
    let request = Request::post("/pay?a=1&b=%20")
        .code(&code)
        .field("X-Forwarded-For", "10.9.8.7")
        .field("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .field("X-His", "a  b\tc")
        .body([0, 255, 10, 13]);
    let answer = client.ask(request.bytes()).await;
    answer.assert_approved();

    let seen = world.backend.only().await;
    assert_eq!(seen.start, "POST /pay?a=1&b=%20 HTTP/1.1");
    assert_eq!(seen.body, [0, 255, 10, 13]);
    let issued_at = spec.issued_at.get().to_string();
    let expected = [
        ("host", "yanma.test"),
        ("yanma-subject", "42"),
        ("yanma-relation", "3"),
        ("yanma-patient", "42/3"),
        ("yanma-region", "330100"),
        ("yanma-channel", "wechat"),
        ("yanma-auth", "face"),
        ("yanma-kind", "payment"),
        ("yanma-issued-at", &issued_at),
        ("yanma-key-id", "7001"),
        ("yanma-code-id", &identity(&code)),
        ("yanma-redemption", &identity(&code)),
        ("yanma-request-id", answer.request_id()),
        ("via", "1.1 yanma"),
        ("x-forwarded-for", &client.local_ip()),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-his", "a  b\tc"),
        ("content-length", "4"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.field(name), Some(value), "{name}");
    }
    assert_eq!(seen.field("yanma-code"), None, "the code itself is not forwarded");
}

#[tokio::test]
async fn the_holder_is_the_patient_unless_it_is_a_family_member() {
    let world = World::start().await;
    world.pay(&world.code()).await.assert_approved();
    assert_eq!(world.backend.only().await.field("yanma-patient"), Some("42"));
}

#[tokio::test]
async fn a_check_route_verifies_without_spending() {
    let world = World::start().await;
    let code = world.code();
    for _ in 0..2 {
        let checked = world.ask(&Request::post("/check").code(&code)).await;
        checked.assert_approved();
        assert_eq!(checked.field("yanma-redemption"), None);
    }
    for seen in world.backend.arrived(2).await {
        assert_eq!(seen.field("yanma-subject"), Some("42"));
        assert_eq!(seen.field("yanma-code-id"), Some(identity(&code).as_str()));
        assert_eq!(seen.field("yanma-redemption"), None, "nothing was spent for this request");
    }
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn a_display_code_is_checked_as_often_as_it_is_shown() {
    let world = World::start().await;
    let code = WECHAT.mint(&display(now_ms() / 1_000 - 179 * 86_400));
    for _ in 0..2 {
        world.ask(&Request::post("/check").code(&code)).await.assert_approved();
    }
    assert_eq!(world.backend.arrived(2).await[0].field("yanma-kind"), Some("display"));
}

#[tokio::test]
async fn a_route_without_codes_forwards_without_looking_for_one() {
    let world = World::start().await;
    world.ask(&Request::post("/open").code("not a code")).await.assert_approved();
    let seen = world.backend.only().await;
    let ours: Vec<String> =
        seen.names().into_iter().filter(|name| name.starts_with("yanma-")).collect();
    assert_eq!(ours, ["yanma-request-id"]);
}

#[tokio::test]
async fn a_retiring_key_still_pays() {
    let world = World::start().await;
    world.pay(&RETIRING.mint(&world.fresh())).await.assert_approved();
    assert_eq!(world.backend.only().await.field("yanma-channel"), Some("alipay"));
}

#[tokio::test]
async fn what_a_scanner_adds_is_forgiven() {
    let world = World::start().await;
    let wide: String = world.code().chars().map(full_width).collect();
    for text in [format!("]Q1{}", world.code()), format!("\t{}\t ", world.code()), wide] {
        world.pay(&text).await.assert_approved();
    }
}

#[tokio::test]
async fn the_answer_passes_as_it_is_and_its_own_yanma_names_do_not() {
    let world = World::start().await;
    let fields = "Yanma-Outcome: code_used\r\nYanma-Redemption: 1-2-3\r\nYanma-Request-Id: me\r\n\
                  X-Settled: yes\r\nKeep-Alive: timeout=9\r\n";
    world.backend.reply(Reply::with(503, fields, "down"));
    let code = world.code();
    let answer = world.pay(&code).await;
    assert_eq!((answer.status(), answer.text()), (503, "down"));
    assert_eq!(answer.field("yanma-outcome"), Some("approved"));
    assert_eq!(answer.field("yanma-redemption"), Some(identity(&code).as_str()));
    assert_ne!(answer.request_id(), "me");
    assert_eq!(answer.field("x-settled"), Some("yes"));
    assert_eq!(answer.field("keep-alive"), None);
    world.pay_more(&code).await.assert_refused("code_used");
}

#[tokio::test]
async fn a_connection_serves_many_payments() {
    let world = World::start().await;
    let mut client = world.client().await;
    for _ in 0..20 {
        client.ask(Request::post("/pay").code(&world.code()).bytes()).await.assert_approved();
    }
    let spent = Request::post("/pay").code(&payment_of_long_ago());
    client.ask(spent.bytes()).await.assert_refused("code_expired");
    client.ask(Request::post("/pay").code(&world.code()).bytes()).await.assert_approved();
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    let (first, second) = (world.code(), world.code());
    let mut client = world.client().await;
    let both = [&first, &second].map(|code| Request::post("/pay").code(code).bytes()).concat();
    client.send(both).await;
    for code in [first, second] {
        let answer = client.answer().await;
        assert_eq!(answer.field("yanma-redemption"), Some(identity(&code).as_str()));
    }
}

#[tokio::test]
async fn http_2_pays_too() {
    let world = World::start().await;
    let mut client = h2::H2::connect(&world.address).await;
    let code = world.code();
    let request = h2::post("/pay?x", &code)
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(())
        .expect("a request");
    client.ask(request, "{}").await.assert_approved();
    let seen = world.backend.only().await;
    assert_eq!(seen.start, "POST /pay?x HTTP/1.1");
    assert_eq!(seen.field("host"), Some("yanma.test"));
    assert_eq!(seen.field("cookie"), Some("a=1; b=2"));
    assert_eq!(seen.body, b"{}");

    let again = h2::post("/pay", &code).body(()).expect("a request");
    client.ask(again, "{}").await.assert_refused("code_used");
}

#[tokio::test]
async fn javas_default_upgrade_to_h2c_is_served() {
    let world = World::start().await;
    let request = Request::post("/pay")
        .code(&world.code())
        .field("Connection", "Upgrade, HTTP2-Settings")
        .field("Upgrade", "h2c")
        .field("HTTP2-Settings", "AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA");
    let mut client = Client::connect(&world.address).await;
    client.ask(request.bytes()).await.assert_approved();
    let names = world.backend.only().await.names();
    for dropped in ["upgrade", "http2-settings", "connection"] {
        assert!(!names.iter().any(|name| name == dropped), "{dropped} reached the backend");
    }
    client.ask(Request::post("/pay").code(&world.code()).bytes()).await.assert_approved();
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let world = World::start().await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.pay_more(&code).await.assert_refused("code_used");
    for (sample, value) in [
        ("yanma_requests_total{outcome=\"approved\",route=\"/pay\"}", 1.0),
        ("yanma_requests_total{outcome=\"code_used\",route=\"/pay\"}", 1.0),
        ("yanma_codes_total{channel=\"wechat\",outcome=\"approved\"}", 1.0),
        ("yanma_codes_total{channel=\"wechat\",outcome=\"code_used\"}", 1.0),
        ("yanma_backend_responses_total{backend=\"settlement\",class=\"2xx\"}", 1.0),
        ("yanma_request_duration_seconds_count{route=\"/pay\"}", 2.0),
        ("yanma_backend_duration_seconds_count{backend=\"settlement\"}", 1.0),
        ("yanma_code_age_seconds_count{channel=\"wechat\"}", 2.0),
    ] {
        world.metric_reaches(sample, value).await;
    }
    let metrics = world.metrics().await;
    let person = [code.as_str(), &identity(&code)];
    assert!(person.iter().all(|text| !metrics.contains(text)), "nothing per person or code");
}

#[test]
fn a_code_names_its_identity() {
    let spec = payment(1_800_000_000);
    assert_eq!(KeyId::new(WECHAT.id).map(KeyId::get), Some(7001));
    assert_eq!(identity(&WECHAT.mint_again(&spec, 0xab)), "7001-1800000000-00000000000000ab");
}

fn payment_of_long_ago() -> String {
    WECHAT.mint(&payment(now_ms() / 1_000 - 600))
}

/// A digit as a Chinese input method writes it, in UTF-8 bytes.
fn full_width(digit: char) -> char {
    let offset = digit.to_digit(10).expect("a digit");
    char::from_u32(0xff10 + offset).expect("a full-width digit")
}
