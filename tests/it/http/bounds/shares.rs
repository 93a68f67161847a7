//! How much a few clients can take from all others: places, requests, one code, memory.

use crate::harness::keys::{WECHAT, display};
use crate::harness::wire::Kind;
use crate::harness::{Reply, Request, Setup, World, eventually, h2, now_ms};

const IN_FLIGHT: &str = "yanma_requests_in_flight";
const AT_BACKEND: &str = "yanma_backend_in_flight{backend=\"settlement\"}";
const BODY_MEMORY: &str = "yanma_body_memory_bytes";
const MIB: usize = 1 << 20;

fn head(target: &str, code: &str) -> http::Request<()> {
    h2::post(target, code).body(()).expect("a request")
}

#[tokio::test]
async fn uploads_that_have_not_come_hold_no_place_at_the_backend() {
    let world = Setup::new().await.backend("connections_max", 2).start().await;
    let mut client = h2::H2::connect(&world.address).await;
    let mut uploads = Vec::new();
    for n in 0..6 {
        let target = if n % 2 == 0 { "/open" } else { "/check" };
        let mut upload = client.begin(head(target, &world.code())).await;
        // Some uploads have sent no byte and some one byte. Neither has begun.
        if n >= 3 {
            upload.send("{", false);
        }
        uploads.push(upload);
    }
    world.metric_becomes(IN_FLIGHT, 6.0).await;
    assert!(world.metric(AT_BACKEND).await < 0.5, "nothing has come that could be sent");
    world.ask(&Request::get("/open")).await.assert_approved();
    world.ask(&Request::post("/check").code(&world.code())).await.assert_approved();
    for mut upload in uploads {
        upload.send("}", true);
        upload.answer().await.expect("an answer").assert_approved();
    }
}

#[tokio::test]
async fn an_upload_streams_as_soon_as_its_beginning_is_here() {
    let world = World::start().await;
    let body = "x".repeat(60_000);
    let mut client = h2::H2::connect(&world.address).await;
    let mut upload = client.begin(head("/open", "")).await;
    upload.send(&body[..40_000], false);
    world.metric_becomes(AT_BACKEND, 1.0).await;
    upload.send(&body[40_000..], true);
    upload.answer().await.expect("an answer").assert_approved();
    assert!(world.backend.only().await.body == body.as_bytes(), "other bytes arrived");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_heard_on_every_route() {
    let world = World::start().await;
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).body("0123456789");
        let request = request.field("Expect", "100-continue").bytes();
        let (head, body) = request.split_at(request.len() - 10);
        let mut client = world.client().await;
        client.send(head).await;
        assert_eq!(client.answer().await.status(), 100, "{path}");
        client.ask(body).await.assert_approved();
    }
}

#[tokio::test]
async fn a_full_backend_refuses_an_upload_before_it_is_sent() {
    let world = Setup::new().await.backend("connections_max", 1).start().await;
    world.backend.hold();
    let mut first = world.client().await;
    first.send(Request::post("/open").bytes()).await;
    world.backend.arrived(1).await;
    let request = Request::post("/open").body("0123456789").field("Expect", "100-continue");
    let request = request.bytes();
    let mut client = world.client().await;
    client.ask(&request[..request.len() - 10]).await.assert_refused("overloaded");
    world.backend.open();
    first.answer().await.assert_approved();
}

#[tokio::test]
async fn one_http_2_connection_gets_half_of_a_backends_places() {
    let world = Setup::new().await.backend("connections_max", 4).start().await;
    world.backend.hold();
    let mut client = h2::H2::connect(&world.address).await;
    let mut exchanges = Vec::new();
    for target in ["/pay", "/open"] {
        let mut exchange = client.begin(head(target, &world.code())).await;
        exchange.send("{}", true);
        exchanges.push(exchange);
    }
    world.backend.arrived(2).await;
    for target in ["/pay", "/check", "/open"] {
        client.ask(head(target, &world.code()), "{}").await.assert_refused("overloaded");
    }
    let mut other = world.client().await;
    other.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(3).await;
    world.backend.open();
    other.answer().await.assert_approved();
    for exchange in exchanges {
        exchange.answer().await.expect("an answer").assert_approved();
    }
    // Ended requests no longer count.
    for _ in 0..3 {
        client.ask(head("/pay", &world.code()), "{}").await.assert_approved();
    }
}

#[tokio::test]
async fn one_http_2_connection_gets_half_of_its_workers_requests() {
    let world = World::with("limits.requests_in_flight_max = 16\nserver.workers = 2").await;
    let mut client = h2::H2::connect(&world.address).await;
    client.ask(head("/open", ""), "{}").await.assert_approved();
    assert_eq!(client.streams_max(), 4, "as the gateway's settings say");
}

#[tokio::test]
async fn requests_with_one_code_at_once_are_bounded() {
    let world = World::start().await;
    let codes = [
        ("/pay", world.code()),
        ("/check", world.code()),
        ("/check", WECHAT.mint(&display(now_ms() / 1_000 - 86_400))),
    ];
    for (target, code) in codes {
        let mut waiting = Vec::new();
        // On two connections, which the two workers share.
        for _ in 0..2 {
            let mut client = h2::H2::connect(&world.address).await;
            for _ in 0..4 {
                waiting.push(client.begin(head(target, &code)).await);
            }
        }
        world.metric_becomes(IN_FLIGHT, 8.0).await;
        let request = Request::post(target).code(&code);
        world.ask(&request).await.assert_refused("request_in_flight");
        world.pay(&world.code()).await.assert_approved();
        let hits = "yanma_limit_hits_total{limit=\"code_requests_max\"}";
        assert!(world.metric(hits).await > 0.5);
        waiting.pop().expect("eight wait").reset();
        world.metric_becomes(IN_FLIGHT, 7.0).await;
        world.ask(&request).await.assert_approved();
        waiting.into_iter().for_each(h2::Exchange::reset);
        world.metric_becomes(IN_FLIGHT, 0.0).await;
    }
}

#[tokio::test]
async fn a_flood_with_one_code_keeps_no_payment_out() {
    let world = World::with("limits.requests_in_flight_max = 64\nserver.workers = 1").await;
    let code = world.code();
    let mut flood = Vec::new();
    for _ in 0..3 {
        let mut client = h2::H2::connect(&world.address).await;
        client.ask(head("/open", ""), "{}").await.assert_approved();
        for _ in 0..32 {
            flood.push(client.begin(head("/pay", &code)).await);
        }
    }
    let refused = "yanma_codes_total{channel=\"wechat\",outcome=\"request_in_flight\"}";
    world.metric_reaches(refused, 88.0).await;
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn in_a_crowd_an_upload_that_stands_still_is_given_up() {
    let overlay =
        "limits.requests_in_flight_max = 8\nserver.workers = 1\ntimeouts.body_ms = 300000";
    let world = World::with(overlay).await;
    let (mut client, mut other) =
        (h2::H2::connect(&world.address).await, h2::H2::connect(&world.address).await);
    let mut moves = client.begin(head("/pay", &world.code())).await;
    let mut stalled = Vec::new();
    for target in ["/pay", "/check", "/open"] {
        stalled.push(client.begin(head(target, &world.code())).await);
    }
    stalled.push(other.begin(head("/open", "")).await);
    let given_up = async {
        for upload in stalled {
            upload.answer().await.expect("an answer").assert_refused("request_timeout");
        }
    };
    let moving = async {
        loop {
            moves.send(" ", false);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = given_up => {}
        () = moving => {}
    }
    moves.send("{}", true);
    moves.answer().await.expect("an answer").assert_approved();
    assert_eq!(world.backend.only().await.field("transfer-encoding"), None);
}

#[tokio::test]
async fn memory_for_large_uploads_is_bounded() {
    const UPLOADS: usize = 12;
    let world = World::with("limits.body_memory_mib = 4").await;
    let mut clients = Vec::new();
    for n in 0..UPLOADS {
        let (target, code) = ("/pay", world.code());
        let request = Request::post(target).code(&code).body("x".repeat(1_000_000)).bytes();
        let mut client = world.client().await;
        let _may_be_refused_already = client.try_send(&request[..request.len() - 1]).await;
        clients.push(client);
        assert!(world.metric(BODY_MEMORY).await <= f64::from(4 << 20), "after upload {n}");
    }
    world.metric_reaches("yanma_limit_hits_total{limit=\"body_memory_mib\"}", 1.0).await;
    world.pay(&world.code()).await.assert_approved();
    let mut approved = 0;
    for mut client in clients {
        let _may_be_refused_already = client.try_send("x").await;
        match client.try_answer(Kind::Answer).await {
            Ok(Some(answer)) if answer.status() == 200 => approved += 1,
            Ok(Some(answer)) => drop(answer.assert_refused("overloaded")),
            // The client sent on, and the reset for that destroyed the answer.
            Ok(None) | Err(_) => {}
        }
    }
    assert!((3..=4).contains(&approved), "{approved} uploads of 1 MB in 4 MiB");
    world.metric_becomes(BODY_MEMORY, 0.0).await;
}

#[tokio::test]
async fn answers_count_as_memory_and_are_never_refused_for_it() {
    let world = World::with("limits.body_memory_mib = 1\nlimits.reply_bytes_max = 32000000").await;
    let large = "y".repeat(20 * MIB);
    world.backend.reply(Reply::ok(&large));
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    let over = 2.0 * f64::from(1 << 20);
    let held = async || (world.metric(BODY_MEMORY).await > over).then_some(());
    eventually("an answer that waits for its reader", held).await;
    let upload = Request::post("/pay").code(&world.code()).body("x".repeat(100_000));
    world.ask(&upload).await.assert_refused("overloaded");
    assert_eq!(client.answer().await.body.len(), large.len());
    world.metric_becomes(BODY_MEMORY, 0.0).await;
}

#[tokio::test]
async fn memory_goes_back_to_the_system_after_a_burst() {
    const UPLOADS: usize = 48;
    let world = World::start().await;
    world.pay(&world.code()).await.assert_approved();
    let before = world.process.resident_bytes();
    let mut clients = Vec::new();
    for _ in 0..UPLOADS {
        let code = world.code();
        let request = Request::post("/pay").code(&code).body("x".repeat(MIB)).bytes();
        let mut client = world.client().await;
        client.send(&request[..request.len() - 1]).await;
        clients.push(client);
    }
    let grown = || world.process.resident_bytes().saturating_sub(before);
    let all = u64::try_from(UPLOADS * MIB).expect("a number");
    eventually("the memory of the burst", async || (grown() > all * 9 / 10).then_some(())).await;
    drop(clients);
    eventually("memory given back", async || (grown() < all / 4).then_some(())).await;
}
