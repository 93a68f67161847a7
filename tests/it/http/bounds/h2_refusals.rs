//! Requests over HTTP/2 that the engine refuses itself. No request of the gateway's comes of them, so
//! each is counted by its cause, while its connection goes on.

use http::Request;

use crate::harness::{World, eventually, h2::H2};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
/// END_STREAM and END_HEADERS.
const WHOLE: u8 = 5;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, len, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// `GET /open`, written without any table (RFC 7541).
fn get_open(stream: u8, more: &[u8]) -> Vec<u8> {
    let head = [b"\x82\x86\x04\x05/open\x01\x0ayanma.test", more].concat();
    frame(HEADERS, WHOLE, stream, &head)
}

fn begin() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()
}

fn rejected(world: &World, why: &str) -> String {
    format!("yanma_http_rejected_total{{listener=\"{}\",why=\"{why}\"}}", world.address)
}

fn with_a_long_field(method: &str, bytes: usize) -> Request<()> {
    let request = Request::builder().method(method).uri("http://yanma.test/open");
    request.header("x-long", "x".repeat(bytes)).body(()).expect("a request")
}

#[tokio::test]
async fn a_head_that_is_too_long() {
    let world = World::with("limits.header_bytes_max = 1024").await;
    let mut client = H2::connect(&world.address).await;
    for n in 1..=3_u8 {
        let answer = client.ask_without_body(with_a_long_field("GET", 1_100)).await;
        assert_eq!(answer.status(), 431);
        world.metric_becomes(&rejected(&world, "head_too_large"), f64::from(n)).await;
    }
    // Its stream is reset too: the engine waits for no body.
    let sent = client.begin(with_a_long_field("POST", 1_100)).await;
    assert_eq!(sent.answer().await.expect("an answer").status(), 431);
    world.metric_becomes(&rejected(&world, "head_too_large"), 4.0).await;
    client.ask_without_body(with_a_long_field("GET", 100)).await.assert_approved();
    // One of several times the limit ends the connection.
    let _gone = client.try_begin(with_a_long_field("GET", 6_000), true).await;
    client.closing().await;
    world.metric_becomes(&rejected(&world, "head_too_large"), 5.0).await;
    assert!(world.metric(&rejected(&world, "h2")).await < 0.5);
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn a_malformed_request_and_a_broken_frame() {
    let world = World::start().await;
    let mut client = world.client().await;
    let malformed = get_open(1, b"\x00\x0aconnection\x05close");
    client.send([begin(), malformed, get_open(3, b"")].concat()).await;
    world.backend.arrived(1).await;
    world.metric_becomes(&rejected(&world, "h2"), 1.0).await;
    // DATA belongs to a stream: the connection ends.
    client.send(frame(DATA, 0, 0, b"x")).await;
    client.closed().await;
    world.metric_becomes(&rejected(&world, "h2"), 2.0).await;
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn a_request_too_many_on_one_connection() {
    let world = World::with("limits.h2_streams_max = 1").await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send([begin(), get_open(1, b""), get_open(3, b"")].concat()).await;
    world.backend.arrived(1).await;
    world.metric_becomes("yanma_limit_hits_total{limit=\"h2_streams_max\"}", 1.0).await;
    world.backend.open();
    let all = "requests_total over both outcomes";
    eventually(all, async || {
        let page = world.metrics().await;
        page.contains("yanma_requests_total{route=\"/open\",outcome=\"approved\"} 1").then_some(())
    })
    .await;
    assert!(world.metric(&rejected(&world, "h2")).await < 0.5);
}
