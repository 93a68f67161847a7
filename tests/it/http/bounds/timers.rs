//! Clients that are slow on purpose or by accident: each wait has an end.

use crate::harness::{Reply, Request, World, h2, soon};

#[tokio::test]
async fn a_silent_socket_is_closed() {
    let world = World::with("timeouts.header_ms = 300").await;
    world.client().await.closed().await;
}

#[tokio::test]
async fn a_slow_head_is_timed_out() {
    let world = World::with("timeouts.header_ms = 300").await;
    let mut client = world.client().await;
    client.send("POST /pay HTTP/1.1\r\nHost: yanma.test\r\nYanma-Co").await;
    client.answer().await.assert_refused("request_timeout");
    client.closed().await;
}

#[tokio::test]
async fn a_head_that_drips_is_timed_out() {
    let world = World::with("timeouts.header_ms = 500").await;
    let mut client = world.client().await;
    client.send("GET /open HTTP/1.1\r\nHost: yanma.test\r\n").await;
    let mut line = 0;
    soon("the end of patience", async {
        while client.try_send(format!("X-{line}: 1\r\n")).await.is_ok() {
            line += 1;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(line < 200, "a client may not buy time by the line");
}

#[tokio::test]
async fn a_slow_body_is_timed_out_and_spends_nothing() {
    let world = World::with("timeouts.body_ms = 300").await;
    let code = world.code();
    for path in ["/pay", "/check"] {
        let request = Request::post(path).code(&code).body("0123456789").bytes();
        let mut client = world.client().await;
        client.send(&request[..request.len() - 5]).await;
        client.answer().await.assert_refused("request_timeout");
        client.closed().await;
    }
    assert_eq!(world.backend.count(), 0);
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn a_slow_body_over_http_2_is_timed_out_and_spends_nothing() {
    let world = World::with("timeouts.body_ms = 300").await;
    let code = world.code();
    let mut client = h2::H2::connect(&world.address).await;
    let mut exchange = client.begin(h2::post("/pay", &code).body(()).expect("a request")).await;
    exchange.send("{", false);
    exchange.answer().await.expect("an answer").assert_refused("request_timeout");
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_off() {
    let world = World::with("timeouts.write_ms = 300").await;
    world.backend.reply(Reply::ok(&"x".repeat(20_000_000)));
    let mut client = world.client().await;
    client.send(Request::post("/open").bytes()).await;
    world.backend.arrived(1).await;
    let connections = format!("yanma_connections{{listener=\"{}\"}}", world.address);
    world.metric_becomes(&connections, 0.0).await;
    drop(client);
}

#[tokio::test]
async fn a_slow_reader_that_does_read_gets_everything() {
    let world = World::with("timeouts.write_ms = 500").await;
    let large = "x".repeat(3_000_000);
    world.backend.reply(Reply::ok(&large));
    let mut client = world.client().await;
    client.send(Request::post("/open").bytes()).await;
    assert_eq!(client.answer().await.body.len(), large.len());
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_at_once() {
    let world = World::with("timeouts.idle_ms = 600\ntimeouts.header_ms = 300").await;
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    assert_eq!(client.closed().await, b"", "closed without a word");
}

#[tokio::test]
async fn an_idle_http_2_connection_is_closed() {
    let world = World::with("timeouts.idle_ms = 300").await;
    let mut client = h2::H2::connect(&world.address).await;
    client.ask(h2::post("/open", "").body(()).expect("a request"), "{}").await.assert_approved();
    let connections = format!("yanma_connections{{listener=\"{}\"}}", world.address);
    world.metric_becomes(&connections, 0.0).await;
}

#[tokio::test]
async fn a_long_exchange_is_not_idle() {
    let world =
        World::with("timeouts.idle_ms = 300\ntimeouts.write_ms = 300\ntimeouts.body_ms = 300")
            .await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(1).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
    world.backend.open();
    client.answer().await.assert_approved();
}
