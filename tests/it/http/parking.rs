//! A client keeps its connection between two patients. Meanwhile the connection uses almost no
//! memory, and the client sees no difference.

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::net::TcpStream;

use crate::harness::{Client, Request, Setup, World, eventually, soon};

const PARKED: &str = "yanma_connections_parked";

/// A client that got one answer and then was quiet until the gateway parked its connection.
async fn parked(world: &World) -> Client {
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    world.metric_becomes(PARKED, 1.0).await;
    client
}

#[tokio::test]
async fn a_parked_connection_serves_again_and_parks_again() {
    let world = World::start().await;
    let mut client = parked(&world).await;
    for _ in 0..2 {
        let answer = client.ask(Request::post("/pay").code(&world.code()).bytes()).await;
        answer.assert_approved();
        assert_eq!(answer.field("connection"), None, "it stays open");
        client.ask(Request::get("/open").bytes()).await.assert_approved();
        world.metric_becomes(PARKED, 1.0).await;
    }
    let requests = world.backend.arrived(5).await;
    let told = requests.iter().map(|request| request.field("x-forwarded-for"));
    let ip = client.local_ip();
    assert!(told.eq([Some(ip.as_str()); 5]), "the backend is told the client each time");
    drop(client);
    world.metric_becomes(PARKED, 0.0).await;
    let open = format!("yanma_connections{{listener=\"{}\"}}", world.address);
    world.metric_becomes(&open, 0.0).await;
}

#[tokio::test]
async fn a_busy_connection_and_one_that_waits_for_its_answer_do_not_park() {
    let world = World::with("server.workers = 1").await;
    world.backend.hold();
    let mut waiting = world.client().await;
    waiting.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(1).await;
    let mut quiet = world.client().await;
    quiet.ask(Request::get("/nowhere").bytes()).await;
    world.metric_becomes(PARKED, 1.0).await;
    world.backend.open();
    waiting.answer().await.assert_approved();
}

#[tokio::test]
async fn requests_in_one_piece_are_all_answered_after_parking() {
    let world = World::start().await;
    let mut client = parked(&world).await;
    let both = [
        Request::post("/pay").code(&world.code()).bytes(),
        Request::post("/pay").code(&world.code()).bytes(),
    ];
    client.send(both.concat()).await;
    client.answer().await.assert_approved();
    client.answer().await.assert_approved();
}

#[tokio::test]
async fn what_came_behind_a_request_is_not_lost_by_parking() {
    let world = World::with("server.workers = 1").await;
    let mut client = world.client().await;
    let next = Request::post("/pay").code(&world.code()).bytes();
    let (start, rest) = next.split_at(40);
    client.send([&Request::get("/open").bytes(), start].concat()).await;
    client.answer().await.assert_approved();
    let mut other = world.client().await;
    other.ask(Request::get("/open").bytes()).await.assert_approved();
    // Both fell quiet at the same time. Of one of them hyper had read half a head.
    world.metric_becomes(PARKED, 1.0).await;
    client.ask(rest).await.assert_approved();
}

#[tokio::test]
async fn half_a_head_behind_a_request_is_timed_out() {
    let world = World::with("timeouts.header_ms = 300").await;
    let mut client = world.client().await;
    client.send([&Request::get("/open").bytes(), &b"GET /op"[..]].concat()).await;
    client.answer().await.assert_approved();
    client.answer().await.assert_refused("request_timeout");
    client.closed().await;
}

#[tokio::test]
async fn a_head_that_drips_after_parking_is_timed_out() {
    let world = World::with("timeouts.header_ms = 500").await;
    let mut client = parked(&world).await;
    let dripping = async {
        for byte in Request::get("/open").field("X-Long", &"x".repeat(1_000)).bytes() {
            if client.try_send([byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            if world.metric("yanma_limit_hits_total{limit=\"header_ms\"}").await > 0.0 {
                return;
            }
        }
    };
    soon("the end of patience", dripping).await;
    client.answer().await.assert_refused("request_timeout");
    client.closed().await;
}

#[tokio::test]
async fn a_parked_connection_is_closed_when_it_was_idle_for_long() {
    let world = World::with("timeouts.idle_ms = 2000\ntimeouts.header_ms = 300").await;
    let mut client = parked(&world).await;
    assert_eq!(client.closed().await, b"", "closed without a word");
    world.metric_becomes(PARKED, 0.0).await;
}

#[tokio::test]
async fn a_parked_connection_is_closed_in_a_drain() {
    let mut world = World::start().await;
    let mut client = parked(&world).await;
    world.signal(Signal::TERM);
    assert_eq!(client.closed().await, b"", "closed without a word");
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn a_parked_connection_may_still_send_in_a_drain() {
    let mut world = World::start().await;
    let mut client = parked(&world).await;
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    let answer = client.ask(Request::post("/pay").code(&world.code()).bytes()).await;
    answer.assert_approved();
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn a_client_that_half_closes_after_parking_gets_its_answer() {
    let world = World::start().await;
    let mut client = parked(&world).await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    client.finish().await;
    client.answer().await.assert_approved();
    client.closed().await;
}

#[tokio::test]
async fn a_parked_connection_over_a_unix_socket_serves_again() {
    let setup = Setup::new().await;
    let socket = setup.directory().join("yanma.sock");
    let listener = format!("[[listener]]\naddress = \"unix:{}\"", socket.display());
    let world = setup.config(&listener).start().await;
    let mut client = Client::connect_unix(&socket).await;
    for _ in 0..2 {
        client.ask(Request::get("/open").bytes()).await.assert_approved();
        world.metric_becomes(PARKED, 1.0).await;
    }
}

#[tokio::test]
async fn parked_connections_take_little_memory() {
    const CONNECTIONS: u32 = 2_000;
    // Figures of a debug build, with one-time allocations. Without parking each held 20 KiB.
    const BYTES_EACH_MAX: u64 = 8 * 1_024;
    allow_files(CONNECTIONS);
    let world = World::start().await;
    let warm = parked(&world).await;
    let before = world.process.resident_bytes();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = world.client().await;
        client.ask(Request::get("/nowhere").bytes()).await.assert_refused("route_not_found");
        clients.push(client);
    }
    world.metric_becomes(PARKED, f64::from(CONNECTIONS + 1)).await;
    // The system gets freed memory back a moment later.
    let mut least = u64::MAX;
    eventually("little memory for each connection", async || {
        let grown = world.process.resident_bytes().saturating_sub(before);
        least = least.min(grown / u64::from(CONNECTIONS));
        (least < BYTES_EACH_MAX).then_some(())
    })
    .await;
    drop((warm, clients));
}

/// Sockets are files, and many a shell allows 1,024 of them.
fn allow_files(count: u32) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = u64::from(count) + 200;
    if current.is_some_and(|current| current < needed) {
        let more = Rlimit { current: maximum, maximum };
        setrlimit(Resource::Nofile, more).expect("a limit up to the hard one");
    }
}
