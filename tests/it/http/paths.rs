//! A path that a backend might read differently is refused before routing.

use crate::harness::{Request, World, h2};

const MALFORMED: &[&str] = &[
    "//open",
    "/open//x",
    "/open/./x",
    "/open/../pay",
    "/open/..",
    "/open/x.",
    "/open./x",
    "/open;v=1",
    "/open/;x",
    "/%6fpen",
    "/open/%2e%2e/pay",
    "/open/%7e",
    "/open%2fx",
    "/open%2Fx",
    "/open%5cx",
    "/open%00",
    "/open%20",
    "/open%25",
    "/open%8f",
    "/open%ff",
    "/open%zz",
    "/open%2",
    "/open%",
];

#[tokio::test]
async fn ambiguous_paths_are_malformed() {
    let world = World::start().await;
    for path in MALFORMED {
        let answer = world.ask(&Request::get(path)).await;
        assert_eq!(answer.field("yanma-outcome"), Some("request_malformed"), "{path}");
        answer.assert_refused("request_malformed");
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn ambiguous_paths_are_malformed_over_http_2_too() {
    let world = World::start().await;
    let mut client = h2::H2::connect(&world.address).await;
    for path in MALFORMED {
        let request = h2::post(path, "1").body(()).expect("a request");
        client.ask(request, "{}").await.assert_refused("request_malformed");
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn bytes_that_no_path_may_hold_are_refused() {
    let world = World::start().await;
    for path in [&b"/open\\x"[..], b"/open\xc3\xa9", b"/open\x7f", b"open", b"*"] {
        let request = [b"GET ", path, b" HTTP/1.1\r\nHost: yanma.test\r\n\r\n"].concat();
        let answer = world.ask_raw(request).await;
        assert_eq!(answer.status(), 400, "{}", path.escape_ascii());
        if !answer.body.is_empty() {
            answer.assert_refused("request_malformed");
        }
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn paths_that_mean_one_thing_pass_as_they_are() {
    let world = World::start().await;
    let good = [
        "/open",
        "/open/",
        "/OPEN/x",
        "/open/a.b/c",
        "/open/%3Fa%3a",
        "/open/x?a=//..;%2f%25",
        "/open?",
        "/open/~a-b_c!$&'()*+,=:@",
    ];
    for path in good {
        world.ask(&Request::get(path)).await.assert_approved();
    }
    for (seen, path) in world.backend.arrived(good.len()).await.iter().zip(good) {
        assert_eq!(seen.start, format!("GET {path} HTTP/1.1"));
    }
}
