//! Over a limit the gateway refuses fast and does not grow.

use crate::harness::{Client, Request, World, eventually, h2};

#[tokio::test]
async fn too_many_header_lines() {
    let world = World::with("limits.header_count_max = 8").await;
    let over =
        (0..9).fold(Request::get("/open"), |request, n| request.field(&format!("X-{n}"), "1"));
    world.ask(&over).await.assert_refused("headers_too_large");
    let most =
        (0..7).fold(Request::get("/open"), |request, n| request.field(&format!("X-{n}"), "1"));
    world.ask(&most).await.assert_approved();
}

#[tokio::test]
async fn too_many_header_bytes() {
    let world = World::with("limits.header_bytes_max = 1024").await;
    let over = Request::get("/open").field("X-Long", &"x".repeat(1_100));
    let mut client = world.client().await;
    let answer = client.ask(over.bytes()).await;
    assert_eq!((answer.status(), answer.text()), (431, ""), "the HTTP engine's own refusal");
    client.closed().await;
    let most = Request::get("/open").field("X-Long", &"x".repeat(800));
    world.ask(&most).await.assert_approved();
}

#[tokio::test]
async fn heads_without_end_are_cut_off() {
    let world = World::start().await;
    let mut client = world.client().await;
    let head = format!("GET /open HTTP/1.1\r\nHost: yanma.test\r\nX: {}", "x".repeat(100_000));
    let _may_be_closed_already = client.try_send(head).await;
    let rest = client.closed().await;
    let text = String::from_utf8_lossy(&rest);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431 "), "{text}");
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn too_many_headers_over_http_2() {
    let world = World::with("limits.header_count_max = 8").await;
    let mut client = h2::H2::connect(&world.address).await;
    let request =
        (0..9).fold(h2::post("/open", ""), |request, n| request.header(format!("x-{n}"), "1"));
    let answer = client.ask(request.body(()).expect("a request"), "{}").await;
    answer.assert_refused("headers_too_large");
}

#[tokio::test]
async fn too_many_requests_in_flight() {
    let world = World::with("limits.requests_in_flight_max = 2").await;
    world.backend.hold();
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut client = world.client().await;
        client.send(Request::post("/pay").code(&world.code()).bytes()).await;
        waiting.push(client);
    }
    world.backend.arrived(2).await;
    let code = world.code();
    world.pay(&code).await.assert_refused("overloaded");
    world.metric_reaches("yanma_requests_in_flight", 2.0).await;

    world.backend.open();
    for mut client in waiting {
        client.answer().await.assert_approved();
    }
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn too_many_connections() {
    let world = World::with("limits.connections_max = 2").await;
    let mut first = world.client().await;
    first.ask(Request::get("/open").bytes()).await.assert_approved();
    let mut second = world.client().await;
    second.ask(Request::get("/open").bytes()).await.assert_approved();

    let mut third = world.client().await;
    let _may_be_closed_already = third.try_send(Request::get("/open").bytes()).await;
    third.closed().await;
    assert_eq!(world.backend.count(), 2);

    drop(first);
    eventually("room for another connection", async || {
        let mut client = Client::connect(&world.address).await;
        client.try_send(Request::get("/open").bytes()).await.ok()?;
        let answer = client.try_answer(crate::harness::wire::Kind::Answer).await.ok()??;
        (answer.status() == 200).then_some(())
    })
    .await;
    second.ask(Request::get("/open").bytes()).await.assert_approved();
}

#[tokio::test]
async fn connections_to_the_backend_are_bounded() {
    let world = crate::harness::Setup::new().await.backend("connections_max", 1).start().await;
    world.backend.hold();
    let mut first = world.client().await;
    first.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(1).await;
    let code = world.code();
    let answer = world.pay(&code).await;
    answer.assert_refused("overloaded");
    world.backend.open();
    first.answer().await.assert_approved();
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn streams_of_one_connection_are_bounded() {
    let world = World::with("limits.h2_streams_max = 2").await;
    world.backend.hold();
    let mut client = h2::H2::connect(&world.address).await;
    client.ask(h2::post("/nowhere", "").body(()).expect("a request"), "").await;
    let mut exchanges = Vec::new();
    for _ in 0..2 {
        let request = h2::post("/pay", &world.code()).body(()).expect("a request");
        let mut exchange = client.begin(request).await;
        exchange.send("{}", true);
        exchanges.push(exchange);
    }
    world.backend.arrived(2).await;
    assert_eq!(client.streams_max(), 2, "as the gateway's settings say");
    world.backend.open();
    for exchange in exchanges {
        exchange.answer().await.expect("an answer").assert_approved();
    }
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let world = World::start().await;
    let mut client = h2::H2::connect(&world.address).await;
    let flooded = client.flood_with_resets(5_000).await;
    assert!(flooded < 5_000, "still open after {flooded} streams opened and reset");
    world.pay(&world.code()).await.assert_approved();
}
