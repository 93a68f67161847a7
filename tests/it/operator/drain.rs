//! SIGTERM: after the delay the gateway accepts no work, finishes running requests, and then ends.

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::harness::{Reply, Request, World, eventually, h2, soon};

#[tokio::test]
async fn the_node_says_no_first_and_still_serves() {
    let mut world = World::with("server.drain_delay_ms = 3000").await;
    let mut idle = world.client().await;
    idle.ask(Request::get("/open").bytes()).await.assert_approved();
    world.signal(Signal::TERM);
    let refuses = async || (world.admin("GET", "/readyz").await.status() == 503).then_some(());
    eventually("a node that is not ready", refuses).await;
    world.metric_becomes("yanma_ready{condition=\"not_draining\"}", 0.0).await;
    world.pay(&world.code()).await.assert_approved();
    idle.ask(Request::post("/pay").code(&world.code()).bytes()).await.assert_approved();
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn what_runs_is_finished_and_the_connection_closes() {
    let mut world = World::start().await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(1).await;
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    world.backend.open();
    let answer = client.answer().await;
    answer.assert_approved();
    assert_eq!(answer.field("connection"), Some("close"));
    client.closed().await;
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn an_idle_connection_may_still_send_what_is_on_its_way() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    let answer = client.ask(Request::post("/pay").code(&world.code()).bytes()).await;
    answer.assert_approved();
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(world.process.ended().await.success());
}

/// A busy or paused machine: requests wait in the sockets of idle connections. When the gateway
/// goes on, the time limit of these connections has passed.
#[tokio::test]
async fn what_came_while_the_process_stood_still_is_answered_before_idle_connections_are_closed() {
    let mut world = World::start().await;
    let mut clients = Vec::new();
    for _ in 0..16 {
        let mut client = world.client().await;
        client.ask(Request::get("/open").bytes()).await.assert_approved();
        clients.push(client);
    }
    world.metric_becomes("yanma_connections_parked", 16.0).await;
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    world.signal(Signal::STOP);
    for client in &mut clients {
        client.send(Request::get("/open").bytes()).await;
    }
    // Longer than a drain waits for idle connections.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    world.signal(Signal::CONT);
    for client in &mut clients {
        client.answer().await.assert_approved();
    }
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn http_2_is_told_to_go_away_and_finishes() {
    let mut world = World::start().await;
    world.backend.hold();
    let mut client = h2::H2::connect(&world.address).await;
    let request = h2::post("/pay", &world.code()).body(()).expect("a request");
    let mut exchange = client.begin(request).await;
    exchange.send("{}", true);
    world.backend.arrived(1).await;
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    world.backend.open();
    exchange.answer().await.expect("an answer").assert_approved();
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn a_client_that_left_does_not_lose_its_payment_in_the_drain() {
    let mut world = World::start().await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(1).await;
    client.reset();
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    assert!(world.process.is_running(), "the exchange still runs");
    world.backend.open();
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let mut world = World::with("server.drain_timeout_ms = 500").await;
    world.backend.reply(Reply::Never);
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(1).await;
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success(), "exit status 0 also when time ran out");
    soon("the end of the connection", client.closed()).await;
}
