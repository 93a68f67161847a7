//! Lines of HTTP/1 end in CR LF and in nothing else: two readers that see different lines could see
//! different requests (RFC 9112, 2.2, 11.2). Empty lines between requests are ignored.

use crate::harness::{Client, Reply, Request, World};

const SMUGGLED: &str =
    "POST /open/smuggled HTTP/1.1\r\nHost: yanma.test\r\nContent-Length: 0\r\n\r\n";

fn rejected(world: &World, why: &str) -> String {
    format!("yanma_http_rejected_total{{listener=\"{}\",why=\"{why}\"}}", world.address)
}

#[tokio::test]
async fn a_bare_lf_in_a_head_is_refused_and_counted() {
    let world = World::start().await;
    let heads = [
        "\nGET /open HTTP/1.1\r\nHost: yanma.test\r\n\r\n",
        "\r\n\nGET /open HTTP/1.1\r\nHost: yanma.test\r\n\r\n",
        "GET /open HTTP/1.1\nHost: yanma.test\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: yanma.test\n\r\n",
        "GET /open HTTP/1.1\r\nHost: yanma.test\r\n\n",
        "GET /open HTTP/1.1\nHost: yanma.test\n\n",
        "POST /open HTTP/1.1\r\nHost: yanma.test\r\nContent-Length: 4\r\n\
         X: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /open HTTP/1.1\r\nHost: yanma.test\r\n\
         X: 1\nContent-Length: 88\r\n\r\n",
    ];
    for head in heads {
        let mut client = world.client().await;
        let answer = client.ask(format!("{head}{SMUGGLED}")).await;
        answer.assert_refused("request_malformed");
        assert_eq!(answer.field("connection"), Some("close"), "{head:?}");
        assert_eq!(client.closed().await, b"", "{head:?}");
    }
    assert_eq!(world.backend.count(), 0);
    #[allow(clippy::as_conversions, reason = "a handful")]
    world.metric_becomes(&rejected(&world, "syntax"), heads.len() as f64).await;
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn a_fragment_in_a_target_is_refused() {
    let world = World::start().await;
    for target in ["/open?a=1#x", "/open#", "/open#/../pay", "http://yanma.test/open#x"] {
        let mut client = world.client().await;
        let head = format!("GET {target} HTTP/1.1\r\nHost: yanma.test\r\n\r\n{SMUGGLED}");
        let answer = client.ask(head).await;
        answer.assert_refused("request_malformed");
        assert_eq!(answer.field("connection"), Some("close"), "{target}");
        assert_eq!(client.closed().await, b"", "{target}");
    }
    assert_eq!(world.backend.count(), 0);
    world.metric_becomes(&rejected(&world, "syntax"), 4.0).await;
}

#[tokio::test]
async fn a_bare_lf_is_found_however_the_bytes_arrive() {
    let world = World::start().await;
    let mut client = world.client().await;
    for byte in "GET /open HTTP/1.1\r\nHost: yanma.test\r\nX: 1\n".bytes() {
        client.send([byte]).await;
    }
    client.answer().await.assert_refused("request_malformed");
    client.closed().await;
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn a_bare_lf_in_chunks_ends_the_connection_and_nothing_whole_arrives() {
    let world = World::start().await;
    let bodies = [
        "5\nhello\r\n0\r\n\r\n",
        "5;a=b\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nX-Last: 1\n\r\n",
        "5\r\nhello\r\n0\r\nX-Last: 1\nX-More: 2\r\n\r\n",
        "5\r\nhello\r\n0\r\n\nX-Last: 1\r\n\r\n",
    ];
    let code = world.code();
    for (body, path) in bodies.iter().flat_map(|body| [(body, "/open"), (body, "/pay")]) {
        let head = Request::post(path).code(&code).head();
        let request = format!("{head}Transfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}");
        let mut client = world.client().await;
        let answer = client.ask(request).await;
        answer.assert_refused("request_malformed");
        assert_eq!(answer.field("connection"), Some("close"), "{path} {body:?}");
        assert_eq!(client.closed().await, b"", "{path} {body:?}");
    }
    assert_eq!(world.backend.count(), 0, "nothing whole");
    #[allow(clippy::as_conversions, reason = "a handful")]
    world.metric_becomes(&rejected(&world, "syntax"), 2.0 * bodies.len() as f64).await;
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn what_came_before_a_bare_lf_is_answered_first() {
    let world = World::start().await;
    let mut client = world.client().await;
    let good = Request::post("/pay").code(&world.code());
    let bad = format!("GET /open HTTP/1.1\nHost: yanma.test\r\n\r\n{SMUGGLED}");
    let other = Request::post("/open");
    client.send([&good.chunked(""), &other.bytes(), bad.as_bytes()].concat()).await;
    client.answer().await.assert_approved();
    client.answer().await.assert_approved();
    client.answer().await.assert_refused("request_malformed");
    assert_eq!(client.closed().await, b"");
    assert_eq!(world.backend.count(), 2);
}

#[tokio::test]
async fn a_long_answer_before_a_bare_lf_comes_whole() {
    let world = World::start().await;
    let large = "x".repeat(3_000_000);
    world.backend.reply(Reply::ok(&large));
    let mut client = world.client().await;
    let bad = "GET /open HTTP/1.1\r\nHost: yanma.test\n\n";
    client.send([&Request::get("/open").bytes(), bad.as_bytes()].concat()).await;
    world.backend.arrived(1).await;
    assert_eq!(client.answer().await.body.len(), large.len());
    client.answer().await.assert_refused("request_malformed");
    client.closed().await;
}

#[tokio::test]
async fn a_body_may_hold_any_byte() {
    let world = World::start().await;
    let mut client = world.client().await;
    for body in ["\n", "\n\n\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "0\n\n"] {
        client.ask(Request::post("/open").body(body).bytes()).await.assert_approved();
        client
            .ask(Request::post("/open").body(body).chunked("X-Last: 1\r\n"))
            .await
            .assert_approved();
    }
    for seen in world.backend.arrived(8).await.chunks(2) {
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn empty_lines_between_requests_are_nothing() {
    let world = World::with("timeouts.header_ms = 300").await;
    let mut client = world.client().await;
    let parked = "yanma_connections_parked";
    for _ in 0..2 {
        client.send([&Request::get("/open").bytes(), &b"\r\n\r\n"[..]].concat()).await;
        client.answer().await.assert_approved();
        world.metric_becomes(parked, 1.0).await;
    }
    client.send("\r\n").await;
    client.send("\r").await;
    client.ask([&b"\n"[..], &Request::get("/open").bytes()].concat()).await.assert_approved();
    let hit = world.metric("yanma_limit_hits_total{limit=\"header_ms\"}").await;
    assert!(hit < 0.5, "no head was slow");
}

#[tokio::test]
async fn empty_lines_alone_are_silence() {
    let world = World::with("timeouts.header_ms = 300\ntimeouts.idle_ms = 1500").await;
    let mut client = world.client().await;
    client.send("\r\n").await;
    assert_eq!(client.closed().await, b"", "a socket that said nothing");
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    client.send("\r\n\r\n").await;
    assert_eq!(client.closed().await, b"", "idle, and closed without a word");
}

#[tokio::test]
async fn a_lone_cr_is_refused() {
    let world = World::start().await;
    for head in [
        "\rGET /open HTTP/1.1\r\nHost: yanma.test\r\n\r\n",
        "GET /open HTTP/1.1\rHost: yanma.test\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: yanma.test\rX: 1\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: yanma.test\r\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: yanma.test\r\n\rX: 1\r\n\r\n",
    ] {
        let mut client = world.client().await;
        assert_eq!(client.ask(head).await.status(), 400, "{head:?}");
        client.closed().await;
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn what_the_engine_refuses_is_counted_by_cause() {
    let world = World::with("limits.header_bytes_max = 1024").await;
    let long = Request::get("/open").field("X-Long", &"x".repeat(1_100)).bytes();
    let cases: [(&str, &[u8]); 4] = [
        ("syntax", b"GET /open HTTP/9.9\r\nHost: yanma.test\r\n\r\n"),
        ("head_too_large", &long),
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a hello with\na line end"),
        ("h2", b"PRI * HTTP/2.0\r\n\r\nno preface at all"),
    ];
    for (why, bytes) in cases {
        assert!(world.metric(&rejected(&world, why)).await < 0.5);
        let mut client: Client = world.client().await;
        client.send(bytes).await;
        client.closed().await;
        world.metric_becomes(&rejected(&world, why), 1.0).await;
    }
    assert!(world.metric(&rejected(&world, "syntax")).await < 0.5, "each is counted once");
}
