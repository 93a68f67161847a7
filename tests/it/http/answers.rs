//! Length and end of a backend's answer (RFC 9112, 6.3). An incomplete answer must not look
//! complete to any client.

use crate::harness::backend::SETTLED;
use crate::harness::keys::identity;
use crate::harness::wire::Kind;
use crate::harness::{Reply, Request, Setup, World, h2};

const HALF: &str = "{\"infcode\":0,\"output\":{\"setl_id\":\"17";

/// Heads whose answer ends only with the connection, or whose coding the request did not ask for.
const UNPROVEN: &[(&str, &str)] = &[
    ("nothing at all", "HTTP/1.1 200 OK\r\n"),
    ("a close", "HTTP/1.1 200 OK\r\nConnection: close\r\n"),
    ("HTTP/1.0", "HTTP/1.0 200 OK\r\n"),
    ("gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n"),
    ("identity", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n"),
    (
        "gzip beside a length",
        "HTTP/1.1 200 OK\r\nContent-Length: 35\r\nTransfer-Encoding: gzip\r\n",
    ),
    ("chunked, gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n"),
    ("two lines", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"),
];

/// Codings whose chunks end well, but whose content a client would misread.
const UNREADABLE: &[(&str, &str)] = &[
    ("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
    ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
    ("two lines", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
];

const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

fn close_after(head: &str, body: &str) -> Reply {
    Reply::ThenClose(format!("{head}\r\n{body}").into_bytes())
}

#[tokio::test]
async fn an_answer_whose_end_is_not_proven_is_an_unknown_outcome() {
    let world = World::start().await;
    let ended = UNPROVEN.iter().map(|(what, head)| (*what, close_after(head, HALF)));
    let coded = UNREADABLE.iter().map(|(what, coding)| {
        (*what, Reply::Bytes(format!("HTTP/1.1 200 OK\r\n{coding}\r\n{CHUNKS}").into_bytes()))
    });
    let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let all = ended.chain(coded).chain([("HTTP/1.0 in chunks", close_after(old, CHUNKS))]);
    for (index, (what, reply)) in all.enumerate() {
        let code = world.code();
        world.backend.reply(reply);
        let answer = world.pay(&code).await;
        assert_eq!(answer.field("yanma-outcome"), Some("outcome_unknown"), "{what}");
        world.backend.reply(Reply::settled());
        let again = world.pay(&code).await;
        assert_eq!((again.status(), again.body), (504, answer.body), "{what}: unknown for ever");
        assert_eq!(world.backend.count_of(&identity(&code)), 1, "{what}");
        assert_eq!(world.backend.count(), index + 1, "{what}: sent again");
    }
}

#[tokio::test]
async fn an_answer_that_proves_its_end_is_whole_whatever_ends_the_connection() {
    let world = World::start().await;
    for (what, head, body) in [
        ("a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "{}"),
        (
            "a length and a close",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n",
            "{}",
        ),
        ("a length in HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n", "{}"),
        ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("nothing to say", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", ""),
        ("no content", "HTTP/1.1 204 No Content\r\n", ""),
        ("not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n", ""),
    ] {
        world.backend.reply(close_after(head, body));
        let answer = world.pay(&world.code()).await;
        assert_eq!(answer.field("yanma-outcome"), Some("approved"), "{what}");
        assert_eq!(answer.text(), if body.is_empty() { "" } else { "{}" }, "{what}");
    }
}

#[tokio::test]
async fn where_nothing_is_spent_an_answer_without_an_end_stays_one() {
    let world = World::start().await;
    for path in ["/check", "/open"] {
        world.backend.reply(close_after("HTTP/1.1 200 OK\r\nX-Old: 1\r\n", "is this all?"));
        let mut client = world.client().await;
        client.send(Request::post(path).code(&world.code()).bytes()).await;
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.text()), (200, "is this all?"));
        // A chunk of length 0 at its end would mean that the answer is complete.
        assert_eq!(answer.field("transfer-encoding"), None);
        assert_eq!(answer.field("content-length"), None);
        assert_eq!((answer.field("connection"), answer.field("x-old")), (Some("close"), Some("1")));
        client.closed().await;
        // HTTP/2 has no such answers: END_STREAM would mean a complete answer.
        let mut client = h2::H2::connect(&world.address).await;
        let request = h2::post(path, &world.code()).body(()).expect("a request");
        let answer = client.ask(request, "{}").await;
        answer.assert_refused("outcome_unknown");
        assert!(answer.text().contains("HTTP/2"), "{}", answer.text());
    }
}

#[tokio::test]
async fn where_nothing_is_spent_a_coding_that_was_not_asked_for_is_no_answer() {
    let world = World::start().await;
    for (what, coding) in UNREADABLE {
        let reply = format!("HTTP/1.1 200 OK\r\n{coding}\r\n{CHUNKS}");
        world.backend.reply(Reply::Bytes(reply.into_bytes()));
        let answer = world.ask(&Request::post("/check").code(&world.code())).await;
        assert_eq!(answer.field("yanma-outcome"), Some("outcome_unknown"), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_broke_off_never_ends_like_a_whole_one() {
    let world = World::with("limits.reply_bytes_max = 1000").await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}10\r\nha");
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(4_096));
    // For a client of HTTP/1.0 the connection's end is the answer's end, so it gets a reset.
    for (what, version, reply) in [
        ("chunks for HTTP/1.0", "1.0", Reply::ThenClose(chunked.clone().into_bytes())),
        ("a reset for HTTP/1.0", "1.0", Reply::ThenReset(endless.clone().into_bytes())),
        ("a reset", "1.1", Reply::ThenReset(endless.into_bytes())),
    ] {
        world.backend.reply(reply);
        let mut client = world.client().await;
        let code = world.code();
        let head = format!("GET /check HTTP/{version}\r\nHost: a\r\nYanma-Code: {code}\r\n\r\n");
        client.send(head).await;
        let answer = client.try_answer(Kind::Answer).await;
        assert!(!answer.is_ok_and(|seen| seen.is_some_and(|one| one.is_whole)), "{what}");
    }
    // If a code was spent, the gateway sends such a client nothing that looks complete.
    world.backend.reply(Reply::ThenClose(chunked.into_bytes()));
    let code = world.code();
    let pay = format!("POST /pay HTTP/1.0\r\nYanma-Code: {code}\r\nContent-Length: 2\r\n\r\n{{}}");
    world.ask_raw(pay).await.assert_refused("outcome_unknown");
}

#[tokio::test]
async fn an_old_answer_does_not_make_the_next_request_lose_its_body() {
    let world = World::start().await;
    let head = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: ";
    let old = format!("{head}{}\r\n\r\n{SETTLED}", SETTLED.len());
    world.backend.reply(Reply::Bytes(old.into_bytes()));
    // One client connection means one worker, which would reuse the backend's connection.
    let mut client = world.client().await;
    for path in ["/check", "/pay", "/check", "/pay"] {
        let request = Request::post(path).code(&world.code()).field("TE", "trailers");
        let chunked = request.field("Trailer", "X-Sum").chunked("X-Sum: 5\r\n");
        client.ask(chunked).await.assert_approved();
    }
    for seen in world.backend.arrived(4).await {
        assert_eq!(seen.body, b"{\"infno\":\"2207\"}", "{}", seen.start);
        assert!(seen.start.ends_with("HTTP/1.1"), "{}", seen.start);
    }
}

#[tokio::test]
async fn a_backends_length_is_told_as_one_number() {
    let world = World::start().await;
    for length in ["2, 2", "02", "2,2, 002", "2\r\nContent-Length: 2", "0002"] {
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}");
        world.backend.reply(Reply::Bytes(reply.into_bytes()));
        for path in ["/pay", "/check"] {
            let answer = world.ask(&Request::post(path).code(&world.code())).await;
            assert_eq!((answer.status(), answer.text()), (200, "{}"), "{path}: {length:?}");
            assert_eq!(answer.fields_named("content-length"), ["2"], "{path}: {length:?}");
        }
        let mut client = world.client().await;
        client.send(Request::new("HEAD", "/open").bytes()).await;
        let answer = client.answer_to_head().await;
        assert_eq!(answer.fields_named("content-length"), ["2"], "HEAD: {length:?}");
    }
}

#[tokio::test]
async fn lengths_that_contradict_each_other_are_not_half_believed() {
    let world = World::start().await;
    for length in ["2,3", "+2", "-2", "0x2", "2\r\nContent-Length: 3", "", "99999999999999999999"] {
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}");
        world.backend.reply(Reply::ThenClose(reply.into_bytes()));
        for path in ["/pay", "/check"] {
            let answer = world.ask(&Request::post(path).code(&world.code())).await;
            assert_eq!(answer.field("yanma-outcome"), Some("outcome_unknown"), "{length:?}");
        }
        // The answer to HEAD has no body that could be cut. Only its length is left out.
        let mut client = world.client().await;
        client.send(Request::new("HEAD", "/open").bytes()).await;
        let answer = client.answer_to_head().await;
        assert_eq!((answer.status(), answer.field("content-length")), (200, None), "{length:?}");
    }
}

#[tokio::test]
async fn no_content_has_no_length() {
    let world = World::start().await;
    world.backend.reply(Reply::Bytes(b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n".into()));
    for path in ["/pay", "/check"] {
        let answer = world.ask(&Request::post(path).code(&world.code())).await;
        assert_eq!((answer.status(), answer.field("content-length")), (204, None), "{path}");
        let mut client = h2::H2::connect(&world.address).await;
        let request = h2::post(path, &world.code()).body(()).expect("a request");
        let answer = client.ask(request, "{}").await;
        assert_eq!((answer.status(), answer.field("content-length")), (204, None), "{path}, h2");
    }
}

#[tokio::test]
async fn only_trailers_that_can_come_are_announced() {
    let world = World::start().await;
    let list = "Trailer: X-T, Yanma-Outcome\r\nTrailer: Content-Length, yanma_subject\r\n";
    let whole = format!("HTTP/1.1 200 OK\r\n{list}Content-Length: 2\r\n\r\n{{}}");
    let bare = format!("HTTP/1.1 200 OK\r\n{list}Transfer-Encoding: chunked\r\n\r\n{CHUNKS}");
    let chunks = "5\r\nhello\r\n0\r\nX-T: 1\r\nYanma-Outcome: code_used\r\n\r\n";
    let full = format!("HTTP/1.1 200 OK\r\n{list}Transfer-Encoding: chunked\r\n\r\n{chunks}");
    for (path, reply, announced) in [
        ("/pay", &whole, None),
        ("/check", &whole, None),
        // The answer is held, so that a second request would be seen.
        ("/pay", &bare, None),
        ("/check", &bare, Some("x-t")),
        ("/pay", &full, Some("x-t")),
        ("/check", &full, Some("x-t")),
    ] {
        world.backend.reply(Reply::Bytes(reply.clone().into_bytes()));
        let request = Request::post(path).code(&world.code()).field("TE", "trailers");
        let answer = world.ask(&request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.field("trailer"), announced, "{path}: {reply}");
        let mut client = h2::H2::connect(&world.address).await;
        let request = h2::post(path, &world.code()).body(()).expect("a request");
        assert_eq!(client.ask(request, "{}").await.field("trailer"), announced, "{path}, h2");
    }
}

#[tokio::test]
async fn a_head_over_the_bound_is_named_as_the_cause() {
    let world = World::start().await;
    let lines = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let with = |fields: &str| Reply::with(200, fields, SETTLED);
    world.backend.reply(with(&lines(99)));
    world.pay(&world.code()).await.assert_approved();
    let long = |bytes: usize| format!("X-Long: {}\r\n", "y".repeat(bytes));
    world.backend.reply(with(&long(200 * 1_024)));
    world.pay(&world.code()).await.assert_approved();
    for reply in [with(&lines(100)), with(&long(500 * 1_024))] {
        world.backend.reply(reply);
        let answer = world.pay(&world.code()).await;
        answer.assert_refused("outcome_unknown");
        let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains("100 header lines"), "{detail}");
    }
}

#[tokio::test]
async fn interim_answers_do_not_end_the_exchange_and_do_not_prolong_it() {
    let world = Setup::new().await.backend("timeout_ms", 400).start().await;
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
                   HTTP/1.1 102 Processing\r\n\r\n";
    let Reply::Bytes(settled) = Reply::settled() else { unreachable!("settled is bytes") };
    world.backend.reply(Reply::Bytes([interim.repeat(50).as_bytes(), &settled].concat()));
    let answer = world.pay(&world.code()).await;
    answer.assert_approved();
    assert_eq!(answer.field("link"), None, "it belongs to the interim answer");
    world.backend.reply(Reply::Bytes(interim.repeat(50).into_bytes()));
    world.pay(&world.code()).await.assert_refused("outcome_unknown");
}
