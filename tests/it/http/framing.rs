//! The end of a request must be unambiguous (RFC 9112, 6 and 7).

use crate::harness::{Message, Request, World, h2};

const SMUGGLED: &str =
    "POST /open/smuggled HTTP/1.1\r\nHost: yanma.test\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_length_beside_chunked_never_reaches_a_backend() {
    let world = World::start().await;
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let mut client = world.client().await;
        let head = Request::post("/open").head();
        client.send(format!("{head}{fields}\r\n5\r\nhello\r\n0\r\n\r\n{SMUGGLED}")).await;
        client.closed().await;
    }
    for seen in world.backend.arrived(2).await {
        assert_eq!(
            (seen.start.as_str(), seen.body.as_slice()),
            ("POST /open HTTP/1.1", &b"hello"[..])
        );
        let lengths = seen.fields_named("content-length");
        assert!(lengths.is_empty() || lengths == ["5"], "{lengths:?}");
    }
    assert_eq!(world.backend.count(), 2, "nothing was smuggled");
}

#[tokio::test]
async fn lengths_that_differ_are_refused() {
    let world = World::start().await;
    let head = Request::post("/open").head();
    let doubled = format!("{head}Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello");
    refused_by_the_engine(&world, doubled.as_bytes(), 400).await;
    for wrong in ["-1", "+5", "5, 5x", "0x5", "18446744073709551616"] {
        let request = format!("{head}Content-Length: {wrong}\r\n\r\nhello");
        refused_by_the_engine(&world, request.as_bytes(), 400).await;
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn equal_lengths_are_one_length() {
    let world = World::start().await;
    let head = Request::post("/open").head();
    let doubled = format!("{head}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello");
    let mut client = world.client().await;
    client.send(doubled).await;
    if client.answer().await.status() == 200 {
        let seen = world.backend.only().await;
        assert_eq!(
            (seen.field("content-length"), seen.body.as_slice()),
            (Some("5"), &b"hello"[..])
        );
    }
}

/// The gateway reads a client's length as a number and writes it anew.
#[tokio::test]
async fn a_length_reaches_the_backend_once_and_in_plain_digits() {
    let world = World::start().await;
    let mut over_2 = h2::H2::connect(&world.address).await;
    for path in ["/pay", "/check", "/open"] {
        let head = Request::post(path).code(&world.code()).head();
        world.ask_raw(format!("{head}Content-Length: 0005\r\n\r\nhello")).await.assert_approved();
        let twice = h2::post(path, &world.code()).header("content-length", "05");
        let twice = twice.header("content-length", "5").body(()).expect("a request");
        over_2.ask(twice, "hello").await.assert_approved();
    }
    for seen in world.backend.arrived(6).await {
        assert_eq!((seen.field("content-length"), &*seen.body), (Some("5"), &b"hello"[..]));
    }
}

/// Servers such as IIS answer 411 to a POST that does not say how long it is (RFC 9110 8.6).
#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let world = World::start().await;
    let mut over_2 = h2::H2::connect(&world.address).await;
    for path in ["/pay", "/check", "/open"] {
        let bare = |method| Request::new(method, path).code(&world.code());
        world.ask(&bare("POST")).await.assert_approved();
        world.ask(&bare("PUT")).await.assert_approved();
        let over_2_bare = h2::post(path, &world.code()).body(()).expect("a request");
        over_2.ask_without_body(over_2_bare).await.assert_approved();
        world.ask(&bare("GET")).await.assert_approved();
    }
    world
        .ask_raw(Request::new("POST", "/pay").code(&world.code()).chunked(""))
        .await
        .assert_approved();
    for seen in world.backend.arrived(13).await {
        let length = (!seen.start.starts_with("GET")).then_some("0");
        assert_eq!(seen.field("content-length"), length, "{}", seen.start);
        assert_eq!(seen.field("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn any_coding_but_one_plain_chunked_is_malformed() {
    let world = World::start().await;
    for coding in ["gzip, chunked", "chunked, chunked", "identity, chunked", "x, chunked"] {
        let mut client = world.client().await;
        let head = Request::post("/open").head();
        let field = format!("Transfer-Encoding: {coding}\r\n");
        client.send(format!("{head}{field}\r\n5\r\nhello\r\n0\r\n\r\n{SMUGGLED}")).await;
        client.answer().await.assert_refused("request_malformed");
        client.closed().await;
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn a_coding_in_two_lines_is_malformed() {
    let world = World::start().await;
    let head = Request::post("/open").head();
    let fields = "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
    let answer = world.ask_raw(format!("{head}{fields}\r\n0\r\n\r\n")).await;
    answer.assert_refused("request_malformed");
}

#[tokio::test]
async fn a_coding_that_does_not_end_in_chunked_has_no_end() {
    let world = World::start().await;
    let head = Request::post("/open").head();
    let request = format!("{head}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n");
    let answer = world.ask_raw(request).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn old_clients_without_host_are_served_and_closed() {
    let world = World::start().await;
    let code = world.code();
    let request =
        format!("POST /pay HTTP/1.0\r\nYanma-Code: {code}\r\nContent-Length: 2\r\n\r\n{{}}");
    let mut client = world.client().await;
    client.ask(request).await.assert_approved();
    client.closed().await;
    let seen = world.backend.only().await;
    assert_eq!(seen.start, "POST /pay HTTP/1.1");
    assert!(seen.field("host").is_some_and(|host| host != "yanma"), "the backend's own name");
}

#[tokio::test]
async fn old_clients_cannot_send_chunks() {
    let world = World::start().await;
    let request =
        "POST /open HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = world.ask_raw(request).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn exactly_one_host() {
    let world = World::start().await;
    let none = "GET /open HTTP/1.1\r\n\r\n";
    world.ask_raw(none).await.assert_refused("request_malformed");
    let two = "GET /open HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n";
    world.ask_raw(two).await.assert_refused("request_malformed");
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn a_host_is_a_name_or_an_address_and_a_port() {
    let world = World::start().await;
    for host in ["", "a b", "a/b", "a, b", "u@a", "[::1", "a:b", "a:1:2", "\u{e9}", ":80", "%61"] {
        for version in ["1.1", "1.0"] {
            let request = format!("GET /open HTTP/{version}\r\nHost: {host}\r\n\r\n");
            let mut client = world.client().await;
            client.ask(request).await.assert_refused("request_malformed");
            client.closed().await;
        }
    }
    for target in ["http://u@a/open", "http://u:p@a:80/open", "http://a;b/open", "ftp://a/open"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        world.ask_raw(request).await.assert_refused("request_malformed");
    }
    assert_eq!(world.backend.count(), 0);
    let good = ["a", "his_1.example:8080", "10.0.0.1", "[2001:db8::1]:443", "a.", "xn--fiq228c"];
    for host in good {
        let request = format!("GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n");
        world.ask_raw(request).await.assert_approved();
    }
    for (seen, host) in world.backend.arrived(good.len()).await.iter().zip(good) {
        assert_eq!(seen.field("host"), Some(host));
    }
}

/// RFC 9113 8.3.1.
#[tokio::test]
async fn an_authority_over_http_2_is_a_host_and_no_other_stands_beside_it() {
    let world = World::start().await;
    let mut client = h2::H2::connect(&world.address).await;
    let get = |target: &str| http::Request::builder().uri(target);
    for request in [
        get("http://u@yanma.test/open"),
        get("http://a;b/open"),
        get("ftp://yanma.test/open"),
        get("http://yanma.test/open").header("host", "other.test"),
        get("http://yanma.test/open").header("host", "yanma.test:81"),
        get("http://yanma.test/open").header("host", ""),
    ] {
        let request = request.body(()).expect("a request");
        client.ask_without_body(request).await.assert_refused("request_malformed");
    }
    assert_eq!(world.backend.count(), 0);
    for host in ["yanma.test", "YANMA.test", "yanma.test:80"] {
        let request = get("http://yanma.test/open").header("host", host);
        client.ask_without_body(request.body(()).expect("a request")).await.assert_approved();
    }
    for seen in world.backend.arrived(3).await {
        assert_eq!(seen.field("host"), Some("yanma.test"));
    }
}

#[tokio::test]
async fn an_absolute_target_brings_its_own_authority() {
    let world = World::start().await;
    let request = "GET http://other.test:81/open/x?y=1 HTTP/1.1\r\nHost: yanma.test\r\n\r\n";
    world.ask_raw(request).await.assert_approved();
    let seen = world.backend.only().await;
    assert_eq!(seen.start, "GET /open/x?y=1 HTTP/1.1");
    assert_eq!(seen.field("host"), Some("other.test:81"));
}

#[tokio::test]
async fn what_is_not_http_gets_400_and_a_close() {
    let world = World::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n"[..],
        b"GET /open HTTP/9.9\r\nHost: yanma.test\r\n\r\n",
        b"GET /open HTTP/1.1\r\nHost : yanma.test\r\n\r\n",
        b"GET /open HTTP/1.1\r\nHost: yanma.test\r\nX: a\0b\r\n\r\n",
    ] {
        refused_by_the_engine(&world, bytes, 400).await;
    }
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn continue_is_said_before_a_body_that_is_wanted() {
    let world = World::start().await;
    let request = Request::post("/pay").code(&world.code()).field("Expect", "100-continue");
    let mut client = world.client().await;
    client.send(format!("{}Content-Length: 2\r\n\r\n", request.head())).await;
    assert_eq!(client.answer().await.status(), 100);
    client.ask("{}").await.assert_approved();
    assert_eq!(world.backend.only().await.field("expect"), None);
}

#[tokio::test]
async fn continue_is_not_said_before_a_refusal() {
    let world = World::start().await;
    let request = Request::post("/pay").code("1").field("Expect", "100-continue");
    let mut client = world.client().await;
    client.send(format!("{}Content-Length: 2\r\n\r\n", request.head())).await;
    client.answer().await.assert_refused("code_malformed");
}

#[tokio::test]
async fn other_expectations_fail() {
    let world = World::start().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).field("Expect", "payment");
    world.ask(&request).await.assert_refused("expectation_failed");
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn connect_and_trace_are_not_served() {
    let world = World::start().await;
    let connect = "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n";
    let refused = world.ask_raw(connect).await;
    refused.assert_refused("method_not_allowed");
    assert_eq!(refused.field("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    world.ask(&Request::new("TRACE", "/open")).await.assert_refused("method_not_allowed");
    assert_eq!(world.backend.count(), 0);
}

/// hyper's own refusals have no body and end the connection.
async fn refused_by_the_engine(world: &World, bytes: &[u8], status: u16) {
    let mut client = world.client().await;
    client.send(bytes).await;
    let answer: Message = client.answer().await;
    assert_eq!((answer.status(), answer.text()), (status, ""), "{}", bytes.escape_ascii());
    client.closed().await;
}
