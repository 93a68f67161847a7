//! Connections to backends: which are reused, and what happens when one was closed meanwhile.

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use crate::harness::keys::identity;
use crate::harness::{Backend, Reply, Request, Setup, World, eventually, process};

/// The largest body of a payment, more than the machine's sockets hold.
const LARGE: usize = 1_000_000;

#[tokio::test]
async fn a_connection_that_was_closed_in_silence_costs_no_payment() {
    let world = Setup::new().await.config("server.workers = 1").start().await;
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    for round in 1..=20 {
        // The gateway sees the next request and the close at once, in this order.
        world.process.stop().await;
        let code = world.code();
        client.send(Request::post("/pay").code(&code).bytes()).await;
        world.backend.hang_up().await;
        world.signal(Signal::CONT);
        client.answer().await.assert_approved();
        assert_eq!(world.backend.count_of(&identity(&code)), 1);
        assert_eq!(world.backend.connections(), round + 1);
    }
    assert_eq!(world.backend.count(), 21);
    assert!(world.metric("yanma_replay_releases_total").await < 0.5, "a code was given back");
}

#[tokio::test]
async fn a_dead_connection_and_a_dead_endpoint_give_the_code_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("backend");
    let backend = Backend::start_unix(&path, Reply::settled()).await;
    let setup = Setup::new().await.config("server.workers = 1");
    let world = setup.only_endpoints(&[&backend.endpoint]).start().await;
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    world.process.stop().await;
    std::fs::remove_file(&path).expect("the socket's file");
    let code = world.code();
    client.send(Request::post("/pay").code(&code).bytes()).await;
    backend.hang_up().await;
    world.signal(Signal::CONT);
    client.answer().await.assert_refused("backend_unreachable");
    let again = Backend::start_unix(&path, Reply::settled()).await;
    eventually("a payment with the code given back", async || {
        (world.pay(&code).await.status() == 200).then_some(())
    })
    .await;
    assert_eq!((backend.count(), again.count_of(&identity(&code))), (1, 1));
}

#[tokio::test]
async fn without_reuse_each_request_has_a_connection_of_its_own() {
    let setup = Setup::new().await.config("server.workers = 1").backend("reuse", false);
    let path = setup.write();
    let check = ["check", "--config", path.to_str().expect("plain letters")];
    let said = process::run_well(setup.directory(), &check).await;
    assert!(said.contains("a new connection for each request"), "{said}");
    let world = setup.start().await;
    let mut client = world.client().await;
    for path in ["/pay", "/check", "/open", "/pay"] {
        client.ask(Request::post(path).code(&world.code()).bytes()).await.assert_approved();
    }
    assert_eq!(world.backend.connections(), 4);
    for seen in world.backend.arrived(4).await {
        assert_eq!(seen.field("connection"), Some("close"), "{}", seen.start);
    }
}

#[tokio::test]
async fn a_body_that_the_backend_may_not_expect_ends_its_connection() {
    let world = Setup::new().await.config("server.workers = 1").start().await;
    let mut client = world.client().await;
    let mut connections = 0;
    for method in ["GET", "OPTIONS", "DELETE"] {
        for path in ["/pay", "/check", "/open"] {
            let bare = Request::new(method, path).code(&world.code());
            client.ask(bare.bytes()).await.assert_approved();
            let used = world.backend.connections();
            assert!(used <= connections + 1);
            let body = "POST /settle HTTP/1.1\r\nHost: a\r\n\r\n";
            let chunked = Request::new(method, path).code(&world.code()).body(body).chunked("");
            let plain = Request::new(method, path).code(&world.code()).body(body).bytes();
            for bytes in [plain, chunked] {
                client.ask(bytes).await.assert_approved();
                let seen = world.backend.arrived(1).await;
                let last = seen.last().expect("one");
                assert_eq!(last.body, body.as_bytes(), "{method} {path}");
                assert_eq!(last.field("connection"), Some("close"), "{method} {path}");
            }
            connections = world.backend.connections();
            // The bare one left a connection that the next could use; the other two left none.
            assert_eq!(connections, used + 1, "{method} {path}: used again");
        }
    }
    let mut client = world.client().await;
    client.send(Request::new("HEAD", "/open").body("kept").bytes()).await;
    assert_eq!(client.answer_to_head().await.status(), 200);
    let seen = world.backend.arrived(1).await;
    assert_eq!(seen.last().expect("one").field("connection"), Some("close"));
}

#[tokio::test]
async fn an_answer_to_a_body_that_was_not_read_reaches_the_client() {
    let world = World::with("limits.body_bytes_max = 2000000").await;
    let too_large = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\ntoo large";
    world.backend.reply(Reply::BeforeBody(too_large.into()));
    for round in 0..10 {
        for path in ["/check", "/open", "/pay"] {
            let request = Request::post(path).code(&world.code()).body(vec![b'x'; LARGE]);
            let mut client = world.client().await;
            // The gateway may answer and close before it has read everything.
            let _taken_or_not = client.try_send(request.bytes()).await;
            let answer = client.answer().await;
            let seen = (answer.status(), answer.text());
            assert_eq!(seen, (413, "too large"), "{path}, round {round}");
            assert_eq!(answer.field("yanma-outcome"), Some("approved"));
        }
    }
}

#[tokio::test]
async fn a_connection_whose_answer_came_before_the_request_was_sent_is_not_used_again() {
    let world = Setup::new().await.config("server.workers = 1").start().await;
    let Reply::Bytes(settled) = Reply::settled() else { unreachable!("settled is bytes") };
    world.backend.reply(Reply::Early(settled));
    let mut client = world.client().await;
    let head = Request::post("/check").code(&world.code()).head();
    // More than the gateway needs before it sends the request to the backend.
    let half = "ha".repeat(10_000);
    client.send(format!("{head}Content-Length: 40000\r\n\r\n{half}")).await;
    client.answer().await.assert_approved();
    // The client still sends the rest, and a backend might serve it as a request of its own.
    let _closed_or_not = client.try_send(half).await;
    world.backend.ended(1).await;
    world.ask(&Request::get("/open")).await.assert_approved();
    assert_eq!(world.backend.connections(), 2);
}

#[tokio::test]
async fn without_descriptors_the_gateway_is_overloaded_and_its_backend_is_not_blamed() {
    // A name is resolved first, which takes a descriptor too.
    for host in ["127.0.0.1", "localhost"] {
        let setup = Setup::new().await;
        let endpoint = setup.own_endpoint().replace("127.0.0.1", host);
        let world = setup.only_endpoints(&[&endpoint]).start().await;
        let mut client = world.client().await;
        // A request that uses no backend, so that the connection is served and none is pooled.
        client.ask(Request::get("/nowhere").bytes()).await.assert_refused("route_not_found");
        let limit = descriptors(&world, Some(0));
        let code = world.code();
        for path in ["/pay", "/check", "/pay"] {
            let answer = client.ask(Request::post(path).code(&code).bytes()).await;
            answer.assert_refused("overloaded");
            assert!(answer.text().contains("no descriptor"), "{}", answer.text());
        }
        descriptors(&world, limit);
        client.ask(Request::post("/pay").code(&code).bytes()).await.assert_approved();
        assert_eq!(world.backend.count(), 1);
        let hits = "yanma_limit_hits_total{limit=\"backend_sockets\"}";
        world.metric_reaches(hits, 3.0).await;
        world.metric_reaches("yanma_replay_releases_total", 2.0).await;
        let labels = format!("backend=\"settlement\",endpoint=\"{endpoint}\"");
        let up = world.metric(&format!("yanma_backend_endpoint_up{{{labels}}}")).await;
        assert!(up > 0.5, "{host}: the backend was blamed");
    }
}

/// Sets the gateway's soft limit of descriptors and returns what it was. Those that are open stay
/// so.
fn descriptors(world: &World, most: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(world.process.pid().cast_signed());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let both = Rlimit { current: most, maximum };
    prlimit(pid, Resource::Nofile, both).expect("its own child").current
}
