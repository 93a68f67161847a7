//! Bodies pass byte for byte, both ways, within their bounds.

use crate::harness::backend::SETTLED;
use crate::harness::{Reply, Request, World, h2};

#[tokio::test]
async fn a_chunked_upload_arrives_whole() {
    let world = World::start().await;
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).body(&body);
        world.ask_raw(request.chunked("")).await.assert_approved();
    }
    for seen in world.backend.arrived(3).await {
        assert!(seen.body == body, "{}: {} bytes", seen.start, seen.body.len());
    }
}

#[tokio::test]
async fn a_get_with_a_chunked_body_keeps_it_or_is_refused() {
    let world = World::start().await;
    for path in ["/pay", "/check", "/open"] {
        let request = Request::get(path).code(&world.code()).body("kept");
        let answer = world.ask_raw(request.chunked("")).await;
        if answer.status() == 200 {
            let seen = world.backend.arrived(1).await;
            assert_eq!(seen.last().expect("one").body, b"kept", "{path}: lost in silence");
        } else {
            answer.assert_refused("request_malformed");
        }
    }
}

#[tokio::test]
async fn a_body_in_many_small_pieces_arrives_whole() {
    let world = World::start().await;
    let request = Request::post("/pay").code(&world.code()).body("0123456789");
    let mut client = world.client().await;
    for byte in request.bytes() {
        client.send([byte]).await;
    }
    client.answer().await.assert_approved();
    assert_eq!(world.backend.only().await.body, b"0123456789");
}

#[tokio::test]
async fn head_is_answered_with_a_head() {
    let world = World::start().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-Settled: yes\r\n\r\n";
    world.backend.reply(Reply::Bytes(head.into()));
    let mut client = world.client().await;
    client.send(Request::new("HEAD", "/open").bytes()).await;
    let answer = client.answer_to_head().await;
    assert_eq!((answer.status(), answer.field("content-length")), (200, Some("1234")));
    client.send(Request::new("HEAD", "/open").bytes()).await;
    assert_eq!(client.answer_to_head().await.field("x-settled"), Some("yes"));
    assert_eq!(world.backend.arrived(2).await[0].start, "HEAD /open HTTP/1.1");
}

#[tokio::test]
async fn refusals_of_head_have_no_body() {
    let world = World::start().await;
    let mut client = world.client().await;
    client.send(Request::new("HEAD", "/nowhere").bytes()).await;
    let answer = client.answer_to_head().await;
    assert_eq!((answer.status(), answer.field("yanma-outcome")), (404, Some("route_not_found")));
    client.ask(Request::get("/open").bytes()).await.assert_approved();
}

#[tokio::test]
async fn a_chunked_answer_passes_with_its_listed_trailer() {
    let world = World::start().await;
    let chunks = "6\r\nhello \r\n5\r\nworld\r\n0\r\nX-Sum: 11\r\nYanma-Outcome: code_used\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    world.backend.reply(Reply::Bytes(format!("{head}{chunks}").into()));
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).field("TE", "trailers");
        let answer = world.ask(&request).await;
        assert_eq!((answer.status(), answer.text()), (200, "hello world"));
        assert_eq!(answer.field("yanma-outcome"), Some("approved"));
        let lies = answer.trailers.iter().filter(|(name, _)| name.starts_with("yanma"));
        assert_eq!(lies.count(), 0, "{:?}", answer.trailers);
    }
}

#[tokio::test]
async fn a_backends_length_beside_chunked_does_not_pass() {
    let world = World::start().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
    world.backend.reply(Reply::Bytes(format!("{head}5\r\nhello\r\n0\r\n\r\n").into()));
    for path in ["/pay", "/check"] {
        let answer = world.ask(&Request::post(path).code(&world.code())).await;
        if answer.status() == 200 {
            assert_eq!(answer.text(), "hello");
            let both = answer.field("transfer-encoding").and(answer.field("content-length"));
            assert_eq!(both, None);
        } else {
            answer.assert_refused("outcome_unknown");
        }
    }
}

#[tokio::test]
async fn answers_without_a_body() {
    let world = World::start().await;
    for status in [204, 304] {
        world.backend.reply(Reply::Bytes(format!("HTTP/1.1 {status} X\r\n\r\n").into()));
        let answer = world.pay(&world.code()).await;
        assert_eq!((answer.status(), answer.text()), (status, ""));
        assert_eq!(answer.field("yanma-outcome"), Some("approved"));
    }
}

#[tokio::test]
async fn an_interim_answer_does_not_end_the_exchange() {
    let world = World::start().await;
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let Reply::Bytes(settled) = Reply::settled() else { unreachable!("settled is bytes") };
    world.backend.reply(Reply::Bytes([hints.as_bytes(), &settled].concat()));
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_and_spends_nothing() {
    let world = World::with("limits.body_bytes_max = 100").await;
    let code = world.code();
    let long = Request::post("/pay").code(&code).body("x".repeat(101));
    world.ask(&long).await.assert_refused("request_too_large");
    world.ask_raw(long.chunked("")).await.assert_refused("request_too_large");
    let exact = Request::post("/pay").code(&code).body("x".repeat(100));
    world.ask_raw(exact.chunked("")).await.assert_approved();
    assert_eq!(world.backend.only().await.body.len(), 100);
}

#[tokio::test]
async fn a_small_stream_over_the_limit_is_refused_before_the_backend_is_asked() {
    let world = World::with("limits.body_bytes_max = 100").await;
    for path in ["/check", "/open"] {
        let long = Request::post(path).code(&world.code()).body("x".repeat(200));
        world.ask_raw(long.chunked("")).await.assert_refused("request_too_large");
    }
    world.ask(&Request::get("/open")).await.assert_approved();
    assert_eq!(world.backend.only().await.start, "GET /open HTTP/1.1");
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_body() {
    let world = World::with("limits.body_bytes_max = 100").await;
    for path in ["/pay", "/check", "/open"] {
        let mut client = world.client().await;
        let head = Request::post(path).code(&world.code()).head();
        client.send(format!("{head}Content-Length: 101\r\n\r\n")).await;
        client.answer().await.assert_refused("request_too_large");
    }
}

#[tokio::test]
async fn a_stream_over_the_limit_never_arrives_whole() {
    let world = World::with("limits.body_bytes_max = 100000").await;
    for path in ["/check", "/open"] {
        let mut client = world.client().await;
        let long = Request::post(path).code(&world.code()).body("x".repeat(200_000));
        // Its first half is forwarded before the second half exceeds the limit.
        let _may_be_refused_already = client.try_send(long.chunked("")).await;
        client.answer().await.assert_refused("request_too_large");
        let told = format!(r#"yanma_requests_total{{route="{path}",outcome="request_too_large"}}"#);
        world.metric_reaches(&told, 1.0).await;
    }
    world.backend.broke_off(2).await;
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn a_large_answer_streams_when_it_is_over_the_limit() {
    let world = World::with("limits.reply_bytes_max = 1000").await;
    let large = "x".repeat(300_000);
    world.backend.reply(Reply::ok(&large));
    let code = world.code();
    let answer = world.pay(&code).await;
    assert_eq!((answer.status(), answer.body.len()), (200, large.len()));
    assert_eq!(answer.field("yanma-outcome"), Some("approved"));
    world.pay(&code).await.assert_refused("code_used");
}

#[tokio::test]
async fn large_bodies_pass_over_http_2() {
    let world = World::start().await;
    let large = "x".repeat(40_000);
    world.backend.reply(Reply::ok(&large));
    let mut client = h2::H2::connect(&world.address).await;
    let request = h2::post("/pay", &world.code()).body(()).expect("a request");
    let answer = client.ask(request, &large).await;
    assert_eq!((answer.status(), answer.body.len()), (200, large.len()));
    assert_eq!(world.backend.only().await.body.len(), large.len());
    assert_ne!(answer.text(), SETTLED);
}
