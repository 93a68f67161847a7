//! A connection stays open after an answer only if the request's body was read to its end.
//! Otherwise the answer announces the close (RFC 9112 9.6), or the client could lose its next
//! request.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Client, Message, Reply, Request, Setup, World, spawn};

/// Sends an incomplete request. The answer must announce the close that follows.
async fn closes(world: &World, bytes: impl AsRef<[u8]>) -> Message {
    let mut client = world.client().await;
    client.send(bytes).await;
    let answer = client.answer().await;
    assert_eq!(answer.field("connection"), Some("close"), "{answer:?}");
    assert_eq!(client.closed().await, b"");
    answer
}

/// The answer announces nothing, and another request follows on the connection.
async fn goes_on(client: &mut Client, answer: &Message) {
    assert_eq!(answer.field("connection"), None, "{answer:?}");
    client.ask(Request::get("/open").bytes()).await.assert_approved();
}

#[tokio::test]
async fn a_body_that_was_not_asked_for_is_not_waited_for() {
    let world = World::start().await;
    let refused = |expected| Request::post("/pay").code("1").field("Expect", expected).head();
    for length in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        let answer = closes(&world, format!("{}{length}\r\n", refused("100-continue"))).await;
        answer.assert_refused("code_malformed");
        let answer = closes(&world, format!("{}{length}\r\n", refused("payment"))).await;
        answer.assert_refused("expectation_failed");
    }
    // Without a body there is nothing to wait for.
    let mut client = world.client().await;
    let answer = client.ask(format!("{}\r\n", refused("payment"))).await;
    answer.assert_refused("expectation_failed");
    goes_on(&mut client, &answer).await;
}

#[tokio::test]
async fn a_body_that_is_too_long_ends_its_connection() {
    let world = World::with("limits.body_bytes_max = 100").await;
    let long = "x".repeat(101);
    for path in ["/pay", "/check", "/open"] {
        let request = || Request::post(path).code(&world.code()).body(&long);
        let declared = format!("{}Content-Length: 101\r\n\r\n", request().head());
        closes(&world, declared).await.assert_refused("request_too_large");
        let chunks = request().chunked("");
        closes(&world, &chunks[..chunks.len() - 5]).await.assert_refused("request_too_large");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_its_connection() {
    let world = World::with("timeouts.body_ms = 300").await;
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).body("0123456789").bytes();
        let half = &request[..request.len() - 5];
        closes(&world, half).await.assert_refused("request_timeout");
    }
}

#[tokio::test]
async fn the_rest_of_a_refused_body_is_read_within_bounds() {
    const HEARD_OUT: usize = 64 * 1024;
    let world = World::start().await;
    let refused = |bytes: usize| Request::post("/pay").code("1").body("x".repeat(bytes)).bytes();
    let too_much = refused(4 * HEARD_OUT);
    let answer = closes(&world, &too_much[..3 * HEARD_OUT]).await;
    answer.assert_refused("code_malformed");
    let too_late = refused(10);
    let answer = closes(&world, &too_late[..too_late.len() - 1]).await;
    answer.assert_refused("code_malformed");

    let mut client = world.client().await;
    for bytes in [1, 1_000, HEARD_OUT] {
        let request = refused(bytes);
        client.send(&request[..request.len() - bytes]).await;
        let answer = client.ask(&request[request.len() - bytes..]).await;
        answer.assert_refused("code_malformed");
        goes_on(&mut client, &answer).await;
    }
}

/// The gateway also reads the body of a request that it refuses after its head, so that a client
/// keeps its connection under load.
#[tokio::test]
async fn a_streaming_backend_without_a_place_costs_no_connection() {
    let world = Setup::new().await.backend("connections_max", 1).start().await;
    world.backend.hold();
    let mut first = world.client().await;
    first.send(Request::post("/open").bytes()).await;
    world.backend.arrived(1).await;
    let request = Request::post("/open").body("0123456789").bytes();
    let mut client = world.client().await;
    client.send(&request[..request.len() - 5]).await;
    let answer = client.ask(&request[request.len() - 5..]).await;
    answer.assert_refused("overloaded");
    world.backend.open();
    first.answer().await.assert_approved();
    goes_on(&mut client, &answer).await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_its_upload_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket"));
    spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut space = [0; 4096];
            if stream.read(&mut space).await.is_ok_and(|read| read > 0) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly";
                stream.write_all(answer).await.expect("the gateway listens");
                // Whatever comes after that is read and not answered.
                while stream.read(&mut space).await.is_ok_and(|read| read > 0) {}
            }
        }
    });
    // The rest is passed on for as long as a body may take: here longer than it takes a quiet
    // connection to park, and its head to be late.
    let setup = Setup::new().await.config("timeouts.body_ms = 2500\ntimeouts.header_ms = 300");
    let world = setup.only_endpoints(&[&endpoint]).start().await;
    // More than the gateway needs before it sends the request to the backend.
    let body = "0123456789".repeat(4_096);
    for bytes in
        [Request::post("/open").body(&body).bytes(), Request::post("/open").body(&body).chunked("")]
    {
        let mut client = world.client().await;
        let answer = client.ask(&bytes[..bytes.len() - 6]).await;
        assert_eq!((answer.status(), answer.text()), (200, "early"));
        assert_eq!(answer.field("connection"), Some("close"));
        client.send(&bytes[bytes.len() - 6..bytes.len() - 5]).await;
        assert_eq!(client.closed().await, b"", "no other answer, and a close");
    }
}

#[tokio::test]
async fn an_upload_that_was_passed_on_whole_leaves_the_connection_open() {
    let world = World::start().await;
    let mut client = world.client().await;
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).body("x".repeat(100_000));
        let answer = client.ask(request.bytes()).await;
        answer.assert_approved();
        goes_on(&mut client, &answer).await;
        let request = Request::post(path).code(&world.code()).field("Trailer", "X-Sum");
        let answer = client.ask(request.chunked("X-Sum: 5\r\n")).await;
        answer.assert_approved();
        goes_on(&mut client, &answer).await;
    }
}

#[tokio::test]
async fn old_clients_are_told_too() {
    let world = World::start().await;
    let head = "POST /pay HTTP/1.0\r\nConnection: keep-alive\r\nYanma-Code: 1\r\n";
    let mut client = world.client().await;
    let answer = client.ask(format!("{head}Content-Length: 2\r\n\r\n{{}}")).await;
    answer.assert_refused("code_malformed");
    assert_eq!(answer.field("connection"), Some("keep-alive"));
    let answer = client.ask(format!("{head}Expect: x\r\nContent-Length: 2\r\n\r\n")).await;
    answer.assert_refused("expectation_failed");
    assert_eq!(answer.field("connection"), Some("close"));
    client.closed().await;
    // For them a body without a length ends with the connection.
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    world.backend.reply(Reply::Bytes(chunks.into()));
    let get = "GET /open HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let answer = world.ask_raw(get).await;
    assert_eq!((answer.text(), answer.field("connection")), ("hello", Some("close")));
}

#[tokio::test]
async fn what_the_engine_refuses_is_announced() {
    let world = World::start().await;
    let both = format!(
        "{}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Request::post("/open").head()
    );
    closes(&world, both).await.assert_approved();
    let answer = closes(&world, "GET /open HTTP/1.1\r\nHost : yanma.test\r\n\r\n").await;
    assert_eq!(answer.status(), 400);
}
