//! A client's fields never reach a backend under the gateway's names.

use http::{HeaderMap, HeaderValue};

use crate::harness::{Message, Request, World, h2};

const SPOOFED: &[&str] = &[
    "Yanma-Subject",
    "yanma_subject",
    "Yanma.Subject",
    "yanma~subject",
    "YANMA-SUBJECT",
    "Yanma_Redemption",
    "yanma-redemption",
    "Yanma-Patient",
    "yanma-made-up",
    "yanma_code_id",
    "Yanma.Code",
    "yanma!code",
];

/// Fields that the gateway judges by, spelt so that some backends map them to the same variable.
const DISGUISED: &[&str] = &[
    "Transfer_Encoding",
    "transfer.encoding",
    "Content_Length",
    "content~length",
    "CONTENT_TYPE",
    "Keep_Alive",
    "HTTP2_Settings",
    "Proxy",
    "Proxy_Authorization",
    "proxy.connection",
    "Idempotency_Key",
];

const LIE: &str = "666";

#[tokio::test]
async fn spoofed_headers_are_dropped_on_every_route() {
    let world = World::start().await;
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code());
        let request = SPOOFED.iter().fold(request, |request, name| request.field(name, LIE));
        world.ask(&request).await.assert_approved();
    }
    for seen in world.backend.arrived(3).await {
        says_no_lie(&seen);
    }
    // One spelling differs from another only in case.
    let names = f64::from(u8::try_from(3 * (SPOOFED.len() - 1)).expect("few names"));
    world.metric_becomes("yanma_request_headers_dropped_total", names).await;
}

#[tokio::test]
async fn disguised_names_of_framing_are_dropped_and_counted() {
    let world = World::start().await;
    let named = DISGUISED.join(", ");
    let trailers: String = DISGUISED.iter().map(|name| format!("{name}: {LIE}\r\n")).collect();
    let mut over_2 = h2::H2::connect(&world.address).await;
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).field("Trailer", &named);
        let request = DISGUISED.iter().fold(request, |request, name| request.field(name, LIE));
        world.ask_raw(request.chunked(&trailers)).await.assert_approved();
        let request = DISGUISED.iter().fold(h2::post(path, &world.code()), |request, name| {
            request.header(name.to_ascii_lowercase(), LIE)
        });
        over_2.ask(request.body(()).expect("a request"), "{}").await.assert_approved();
    }
    for seen in world.backend.arrived(6).await {
        says_no_lie(&seen);
        assert_eq!(seen.field("trailer"), None);
    }
    let names = f64::from(u8::try_from(6 * DISGUISED.len()).expect("few names"));
    world.metric_becomes("yanma_request_headers_dropped_total", names).await;
}

#[tokio::test]
async fn spoofed_trailers_are_dropped() {
    let world = World::start().await;
    let trailers: String = SPOOFED.iter().map(|name| format!("{name}: {LIE}\r\n")).collect();
    for path in ["/pay", "/check", "/open"] {
        let request = Request::post(path).code(&world.code()).field("Trailer", &SPOOFED.join(", "));
        world.ask_raw(request.chunked(&trailers)).await.assert_approved();
    }
    for seen in world.backend.arrived(3).await {
        says_no_lie(&seen);
        assert_eq!(seen.body, b"{\"infno\":\"2207\"}");
    }
}

#[tokio::test]
async fn a_listed_trailer_passes_where_bodies_stream() {
    let world = World::start().await;
    let request = Request::post("/check").code(&world.code()).field("Trailer", "X-Sum");
    world.ask_raw(request.chunked("X-Sum: 5\r\nX-Other: 6\r\n")).await.assert_approved();
    let seen = world.backend.only().await;
    assert_eq!(seen.trailers, [("x-sum".to_owned(), "5".to_owned())]);
}

#[tokio::test]
async fn spoofed_names_in_connection_do_not_remove_ours() {
    let world = World::start().await;
    let named = "Yanma-Subject, yanma_subject, yanma-redemption, Host, Content-Length, X-Hop";
    let request = Request::post("/pay")
        .code(&world.code())
        .field("Yanma-Subject", LIE)
        .field("X-Hop", "1")
        .field("Connection", named);
    world.ask(&request).await.assert_approved();
    let seen = world.backend.only().await;
    says_no_lie(&seen);
    assert_eq!(seen.field("yanma-subject"), Some("42"));
    assert!(seen.field("yanma-redemption").is_some());
    assert_eq!(seen.field("host"), Some("yanma.test"));
    assert_eq!(seen.body, b"{\"infno\":\"2207\"}");
    assert_eq!((seen.field("x-hop"), seen.field("connection")), (None, None));
}

#[tokio::test]
async fn http_2_headers_and_trailers_are_scrubbed_too() {
    let world = World::start().await;
    let mut client = h2::H2::connect(&world.address).await;
    let code = world.code();
    let request = h2::post("/pay", &code)
        .header("yanma_subject", LIE)
        .header("yanma.subject", LIE)
        .header("yanma~subject", LIE)
        .header("trailer", "yanma-subject, yanma_subject");
    let mut exchange = client.begin(request.body(()).expect("a request")).await;
    exchange.send("{}", false);
    let mut trailers = HeaderMap::new();
    trailers.insert("yanma-subject", HeaderValue::from_static(LIE));
    trailers.insert("yanma_subject", HeaderValue::from_static(LIE));
    exchange.send_trailers(trailers);
    exchange.answer().await.expect("an answer").assert_approved();
    says_no_lie(&*world.backend.only().await);
}

#[tokio::test]
async fn headers_that_replace_path_method_or_address_are_dropped() {
    let world = World::start().await;
    let dropped = [
        "X-Original-URL",
        "X-Original-Method",
        "x-rewrite-url",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "Forwarded",
    ];
    let request = Request::post("/pay").code(&world.code()).field("X-Forwarded-For", LIE);
    let request = dropped.iter().fold(request, |request, name| request.field(name, LIE));
    world.ask(&request).await.assert_approved();
    says_no_lie(&*world.backend.only().await);
}

#[tokio::test]
async fn hop_by_hop_headers_stay_on_their_hop() {
    let world = World::start().await;
    let request = Request::post("/pay")
        .code(&world.code())
        .field("Keep-Alive", "timeout=5")
        .field("Proxy-Connection", "keep-alive")
        .field("Proxy-Authorization", "Basic x")
        .field("TE", "trailers")
        .field("X-End-To-End", "1");
    world.ask(&request).await.assert_approved();
    let names = world.backend.only().await.names();
    for hop in ["keep-alive", "proxy-connection", "proxy-authorization", "te", "connection"] {
        assert!(!names.iter().any(|name| name == hop), "{hop} reached the backend");
    }
    assert!(names.iter().any(|name| name == "x-end-to-end"));
}

fn says_no_lie(seen: &Message) {
    for (name, value) in seen.fields.iter().chain(&seen.trailers) {
        assert_ne!(value, LIE, "{name} reached the backend");
        let plain = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let is_ours = !plain.starts_with("yanma-") || name.starts_with("yanma-");
        assert!(is_ours, "{name} reached the backend");
    }
}
