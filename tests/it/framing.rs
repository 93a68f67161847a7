//! Where one request ends and the next begins must be beyond doubt (RFC 9112, 6 and 7).

use crate::harness::{Message, Request, World};

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

#[tokio::test]
async fn any_coding_but_one_plain_chunked_is_malformed() {
    let world = World::start().await;
    for coding in ["gzip, chunked", "chunked, chunked", "identity, chunked", "x, chunked"] {
        let mut client = world.client().await;
        let head = Request::post("/open").head();
        let field = format!("Transfer-Encoding: {coding}\r\n");
        client.send(format!("{head}{field}\r\n5\r\nhello\r\n0\r\n\r\n{SMUGGLED}")).await;
        client.answer().await.is_refused("request_malformed");
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
    answer.is_refused("request_malformed");
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
    client.ask(request).await.is_approved();
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
    world.ask_raw(none).await.is_refused("request_malformed");
    let two = "GET /open HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n";
    world.ask_raw(two).await.is_refused("request_malformed");
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn an_absolute_target_brings_its_own_authority() {
    let world = World::start().await;
    let request = "GET http://other.test:81/open/x?y=1 HTTP/1.1\r\nHost: yanma.test\r\n\r\n";
    world.ask_raw(request).await.is_approved();
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
    world.pay(&world.code()).await.is_approved();
}

#[tokio::test]
async fn continue_is_said_before_a_body_that_is_wanted() {
    let world = World::start().await;
    let request = Request::post("/pay").code(&world.code()).field("Expect", "100-continue");
    let mut client = world.client().await;
    client.send(format!("{}Content-Length: 2\r\n\r\n", request.head())).await;
    assert_eq!(client.answer().await.status(), 100);
    client.ask("{}").await.is_approved();
    assert_eq!(world.backend.only().await.field("expect"), None);
}

#[tokio::test]
async fn continue_is_not_said_before_a_refusal() {
    let world = World::start().await;
    let request = Request::post("/pay").code("1").field("Expect", "100-continue");
    let mut client = world.client().await;
    client.send(format!("{}Content-Length: 2\r\n\r\n", request.head())).await;
    client.answer().await.is_refused("code_malformed");
}

#[tokio::test]
async fn other_expectations_fail() {
    let world = World::start().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).field("Expect", "payment");
    world.ask(&request).await.is_refused("expectation_failed");
    world.pay(&code).await.is_approved();
}

#[tokio::test]
async fn connect_and_trace_are_not_served() {
    let world = World::start().await;
    let connect = "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n";
    world.ask_raw(connect).await.is_refused("method_not_allowed");
    world.ask(&Request::new("TRACE", "/open")).await.is_refused("method_not_allowed");
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
