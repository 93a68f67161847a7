//! Backends that fail to answer. An unknown outcome is reported as unknown, the code stays spent,
//! and nothing is sent twice. A code may be used again only if no byte of its request was sent.

use tokio::net::{TcpSocket, TcpStream};

use crate::harness::keys::identity;
use crate::harness::{Client, DeadPort, Reply, Request, Setup, World, eventually, wire};

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";

#[tokio::test]
async fn answers_that_are_not_whole_are_unknown_outcomes() {
    let world = Setup::new().await.backend("timeout_ms", 400).start().await;
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\
                      Connection: Upgrade\r\n\r\n";
    let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
    let until_close = b"HTTP/1.1 200 OK\r\n\r\nis this all?";
    let (slow, broken, half) = ("no answer came within", "broke, or", "broke off");
    let replies = [
        ("nothing", slow, Reply::Never),
        ("close", broken, Reply::ThenClose(Vec::new())),
        ("reset", broken, Reply::ThenReset(Vec::new())),
        ("half a head, then close", broken, Reply::ThenClose(b"HTTP/1.1 200 OK\r\nConte".to_vec())),
        ("half a body, then close", half, Reply::ThenClose(HALF.to_vec())),
        ("half a body, then reset", half, Reply::ThenReset(HALF.to_vec())),
        ("half a body, then nothing", "not whole within", Reply::Bytes(HALF.to_vec())),
        ("half a chunk, then close", half, Reply::ThenClose(chunk.to_vec())),
        (
            "a body that ends with the connection",
            "does not say where it ends",
            Reply::ThenClose(until_close.to_vec()),
        ),
        ("switching protocols", broken, Reply::Bytes(switching.to_vec())),
        ("no HTTP", broken, Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec())),
    ];
    for (index, (what, because, reply)) in replies.into_iter().enumerate() {
        let code = world.code();
        world.backend.reply(reply);
        let answer = world.pay(&code).await;
        assert_eq!(answer.field("yanma-outcome"), Some("outcome_unknown"), "{what}");
        answer.assert_refused("outcome_unknown");
        assert_eq!(answer.field("yanma-redemption"), Some(identity(&code).as_str()));
        let body = answer.json();
        assert_eq!(body["request_sent"], true, "{what}");
        assert_eq!((&body["action"], &body["status"]), (&"query".into(), &504.into()), "{what}");
        assert!(body["detail"].as_str().is_some_and(|why| why.contains(because)), "{what}: {body}");
        world.backend.reply(Reply::settled());
        let again = world.pay(&code).await;
        assert_eq!((again.status(), again.body), (504, answer.body), "{what}: unknown for ever");
        world.pay_more(&code).await.assert_refused("code_used");
        assert_eq!(world.backend.count_of(&identity(&code)), 1, "{what}");
        assert_eq!(world.backend.count(), index + 1, "{what}: sent again");
    }
    let unknown = "yanma_requests_total{outcome=\"outcome_unknown\",route=\"/pay\"}";
    world.metric_reaches(unknown, 11.0).await;
    let none = "yanma_backend_responses_total{backend=\"settlement\",class=\"none\"}";
    world.metric_reaches(none, 9.0).await;
}

#[tokio::test]
async fn an_unknown_outcome_without_a_spent_code_names_no_redemption() {
    let world = Setup::new().await.backend("timeout_ms", 400).start().await;
    let code = world.code();
    world.backend.reply(Reply::Never);
    let answer = world.ask(&Request::post("/check").code(&code)).await;
    answer.assert_refused("outcome_unknown");
    assert_eq!(answer.field("yanma-redemption"), None);
    world.backend.reply(Reply::settled());
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn a_large_answer_that_breaks_off_breaks_off_for_the_client_too() {
    let world = World::with("limits.reply_bytes_max = 1000").await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
    let part = [head.as_bytes(), "x".repeat(200_000).as_bytes()].concat();
    world.backend.reply(Reply::ThenClose(part));
    let code = world.code();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&code).bytes()).await;
    let answer = client.try_answer(wire::Kind::Answer).await;
    assert!(!answer.is_ok_and(|seen| seen.is_some_and(|one| one.is_whole)), "never whole");
    world
        .metric_reaches("yanma_requests_total{outcome=\"outcome_unknown\",route=\"/pay\"}", 1.0)
        .await;
    world.pay(&code).await.assert_refused("code_used");
}

#[tokio::test]
async fn a_refused_connection_gives_the_code_back() {
    let dead = DeadPort::new();
    let world = Setup::new().await.only_endpoints(&[&dead.endpoint]).start().await;
    let code = world.code();
    for _ in 0..3 {
        let answer = world.pay(&code).await;
        answer.assert_refused("backend_unreachable");
        let body = answer.json();
        assert_eq!((&body["request_sent"], &body["action"]), (&false.into(), &"resend".into()));
    }
    world.metric_reaches("yanma_replay_releases_total", 3.0).await;

    let alive = dead.come_alive(Reply::settled());
    eventually("a payment once the backend is back", async || {
        (world.pay(&code).await.status() == 200).then_some(())
    })
    .await;
    assert_eq!(alive.count_of(&identity(&code)), 1);
    world.pay_more(&code).await.assert_refused("code_used");
}

#[tokio::test]
async fn a_connection_that_is_never_accepted_gives_the_code_back() {
    let full = TcpSocket::new_v4().expect("a socket");
    full.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = full.listen(1).expect("a listener");
    let address = listener.local_addr().expect("a bound socket");
    let mut waiting = Vec::new();
    let connect = |_| TcpStream::connect(address);
    for attempt in (0..8).map(connect) {
        let bound = std::time::Duration::from_millis(200);
        waiting.push(tokio::time::timeout(bound, attempt).await);
    }
    assert!(waiting.iter().any(Result::is_err), "the queue of the listener is not full");

    let world = Setup::new()
        .await
        .backend("connect_ms", 300)
        .only_endpoints(&[&format!("http://{address}")])
        .start()
        .await;
    world.pay(&world.code()).await.assert_refused("backend_unreachable");
    world.metric_reaches("yanma_replay_releases_total", 1.0).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_at_once_is_settled_one_way_or_the_other() {
    let world = World::start().await;
    for _ in 0..20 {
        world.backend.reply(Reply::ResetUnread);
        let code = world.code();
        let answer = world.pay(&code).await;
        world.backend.reply(Reply::settled());
        if answer.status() == 504 {
            answer.assert_refused("outcome_unknown");
            world.pay_more(&code).await.assert_refused("code_used");
        } else {
            answer.assert_refused("backend_unreachable");
            eventually("a payment with the code given back", async || {
                (world.pay(&code).await.status() == 200).then_some(())
            })
            .await;
        }
        assert!(world.backend.count_of(&identity(&code)) <= 1);
    }
}

#[tokio::test]
async fn a_dead_endpoint_is_left_out_and_taken_back() {
    let dead = DeadPort::new();
    let endpoint = dead.endpoint.clone();
    let up = format!("yanma_backend_endpoint_up{{backend=\"settlement\",endpoint=\"{endpoint}\"}}");
    let world = Setup::new().await.endpoints(&[&endpoint]).start().await;
    let mut paid = 0;
    eventually("the dead endpoint to be left out", async || {
        pay_until_approved(&world).await;
        paid += 1;
        (world.metric(&up).await < 0.5).then_some(())
    })
    .await;
    for _ in 0..20 {
        world.pay(&world.code()).await.assert_approved();
    }
    assert_eq!(world.backend.count(), paid + 20);

    let alive = dead.come_alive(Reply::settled());
    world.metric_reaches(&up, 1.0).await;
    eventually("a payment at the endpoint that came back", async || {
        world.pay(&world.code()).await.assert_approved();
        (alive.count() > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_the_backend_closed_is_not_used_again() {
    let world = World::start().await;
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    world.backend.reply(Reply::ThenClose(closing.into()));
    let mut client = Client::connect(&world.address).await;
    for _ in 0..10 {
        let answer = client.ask(Request::post("/pay").code(&world.code()).bytes()).await;
        assert_eq!((answer.status(), answer.text()), (200, "{}"));
    }
}

/// A client repeats a code while connections are refused. The code is spent once.
async fn pay_until_approved(world: &World) {
    let code = world.code();
    loop {
        let answer = world.pay(&code).await;
        if answer.status() == 200 {
            return;
        }
        answer.assert_refused("backend_unreachable");
    }
}
