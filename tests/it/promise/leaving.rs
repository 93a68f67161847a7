//! After redeem an exchange goes on without its client: it arrives once, and its outcome is
//! recorded.

use crate::harness::keys::identity;
use crate::harness::{Client, Request, World, h2};

#[tokio::test]
async fn a_client_that_only_ends_its_side_still_reads_the_answer() {
    let world = World::start().await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    client.finish().await;
    world.backend.arrived(1).await;
    world.backend.open();
    client.answer().await.assert_approved();
}

#[tokio::test]
async fn a_client_that_closes() {
    leaves(async |world, code| {
        let client = sent(world, code).await;
        world.backend.arrived(1).await;
        drop(client);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_resets() {
    leaves(async |world, code| {
        let client = sent(world, code).await;
        world.backend.arrived(1).await;
        client.reset();
    })
    .await;
}

#[tokio::test]
async fn a_client_that_resets_its_stream() {
    leaves(async |world, code| {
        let mut client = h2::H2::connect(&world.address).await;
        let request = h2::post("/pay", code).body(()).expect("a request");
        let mut exchange = client.begin(request).await;
        exchange.send("{}", true);
        world.backend.arrived(1).await;
        exchange.reset();
        // The connection still answers, so the reset has been read.
        let other = h2::post("/nowhere", code).body(()).expect("a request");
        client.ask(other, "").await.assert_refused("route_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_closes_its_http_2_connection() {
    leaves(async |world, code| {
        let mut client = h2::H2::connect(&world.address).await;
        let request = h2::post("/pay", code).body(()).expect("a request");
        let mut exchange = client.begin(request).await;
        exchange.send("{}", true);
        world.backend.arrived(1).await;
        drop((exchange, client));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_before_its_body_is_whole_spends_nothing() {
    let world = World::start().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).body("0123456789").bytes();
    let mut client = world.client().await;
    client.send(&request[..request.len() - 1]).await;
    client.reset();
    let mut client = h2::H2::connect(&world.address).await;
    let mut exchange = client.begin(h2::post("/pay", &code).body(()).expect("a request")).await;
    exchange.send("{", false);
    exchange.reset();
    world.pay(&code).await.assert_approved();
    assert_eq!(world.backend.count(), 1);
}

/// Leaves while the backend holds its answer; then the answer comes.
async fn leaves(leave: impl AsyncFnOnce(&World, &str)) {
    let world = World::start().await;
    let code = world.code();
    world.backend.hold();
    leave(&world, &code).await;
    world.backend.open();
    let approved = "yanma_requests_total{outcome=\"approved\",route=\"/pay\"}";
    world.metric_reaches(approved, 1.0).await;
    world.pay_more(&code).await.assert_refused("code_used");
    assert_eq!(world.backend.count_of(&identity(&code)), 1);
    world.pay(&world.code()).await.assert_approved();
}

async fn sent(world: &World, code: &str) -> Client {
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(code).bytes()).await;
    client
}
