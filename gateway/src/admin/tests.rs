use std::{net::SocketAddr, sync::Arc};

use http::{Request, StatusCode, request::Parts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, oneshot},
};

use super::{Admin, ReloadRequest, listener::serve, page, routing::answer};
use crate::worker::Shared;

fn shared() -> Arc<Shared> {
    page::tests::shared().0
}

/// An admin listener on a free port, served until the runtime ends.
async fn listen(admin: Admin) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = Notify::new();
    tokio::spawn(async move { serve(&listener, &Arc::new(admin), &never).await });
    address
}

/// Sends bytes, all of them requests, and reads until the connection ends.
async fn exchange(address: SocketAddr, requests: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Status line and header lines in lower case, and the body.
async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    ask_as(address, &format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n")).await
}

/// The same with a head of the caller's, without its empty line.
async fn ask_as(address: SocketAddr, head: &str) -> (String, String) {
    let answer = exchange(address, &format!("{head}connection: close\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn metrics_are_served_as_prometheus_asks() {
    let address = listen(Admin::new(shared(), None)).await;
    let (head, body) = ask(address, "GET", "/metrics").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.contains("\nyanma_requests_total{route=\"/pay\",outcome=\"approved\"} 0\n"));
    assert!(body.contains("\nyanma_ready{condition=\"keys\"} 0\n"));
}

#[tokio::test]
async fn head_gets_the_length_without_the_body() {
    let address = listen(Admin::new(shared(), None)).await;
    let (head, body) = ask(address, "HEAD", "/healthz").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("\r\ncontent-length: 6"), "{head}");
    assert_eq!(body, "");
    assert_eq!(ask(address, "GET", "/healthz").await.1, "alive\n");
}

#[tokio::test]
async fn a_connection_can_be_used_again() {
    let address = listen(Admin::new(shared(), None)).await;
    let first = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let second = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answers = exchange(address, &[first, second].concat()).await;
    assert_eq!(answers.matches("alive\n").count(), 2, "{answers}");
}

#[tokio::test]
async fn wrong_paths_and_methods_are_told_apart() {
    let (reload, _requests) = mpsc::channel(1);
    let address = listen(Admin::new(shared(), Some(reload))).await;
    for path in ["/live", "/metrics/", "/pay", "/metrics%2f"] {
        let (head, body) = ask(address, "GET", path).await;
        assert!(head.starts_with("http/1.1 404 "), "{path}: {head}");
        assert!(body.contains("/readyz"), "{body}");
    }
    let cases = [
        ("POST", "/metrics", "get, head"),
        ("DELETE", "/readyz", "get, head"),
        ("GET", "/reload", "post"),
    ];
    for (method, path, allowed) in cases {
        let (head, _) = ask(address, method, path).await;
        assert!(head.starts_with("http/1.1 405 "), "{method} {path}: {head}");
        assert!(head.contains(&format!("\r\nallow: {allowed}\r\n")), "{method} {path}: {head}");
    }
}

#[tokio::test]
async fn readiness_is_the_nodes_own_and_tells_the_backends() {
    let shared = shared();
    let address = listen(Admin::new(Arc::clone(&shared), None)).await;
    shared.health.set_clock(true);
    shared.health.set_key_tables();
    let (head, body) = ask(address, "GET", "/readyz").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    let why = "keys: no key of the keyring accepts a code that is issued now\nclock: ok\n";
    assert!(body.starts_with(&format!("not ready\n{why}")), "{body}");

    shared.health.set_keys(true);
    let current = shared.current.load();
    let [backend] = current.backends() else { panic!("one backend") };
    let place = backend.reserve().unwrap();
    let [a, b] = backend.endpoints() else { panic!("two endpoints") };
    place.at(a);
    b.record_connect_failure(shared.clock.now());
    let (head, body) = ask(address, "GET", "/readyz").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let expected = "ready\nkeys: ok\nclock: ok\nregister_clocks: ok\ntable: ok\n\
                    verify_tables: ok\nrecord: ok\naccounts: ok\nthreads: ok\nnot_draining: ok\n\
                    backend settlement: 1 of 1024 requests in flight\n\
                    backend settlement http://127.0.0.1:9001: up, 1 in flight\n\
                    backend settlement unix:/run/b: down, 0 in flight\n";
    assert_eq!(body, expected);

    shared.health.set_draining();
    assert!(ask(address, "GET", "/readyz").await.0.starts_with("http/1.1 503 "));
}

#[tokio::test]
async fn reload_is_not_there_unless_it_is_allowed() {
    let address = listen(Admin::new(shared(), None)).await;
    let (head, body) = ask(address, "POST", "/reload").await;
    assert!(head.starts_with("http/1.1 404 "), "{head}");
    assert!(body.contains("[admin] reload") && body.contains("SIGHUP"), "{body}");
}

#[tokio::test]
async fn reload_is_for_this_machine_only() {
    let (reload, mut requests) = mpsc::channel(1);
    let admin = Admin::new(shared(), Some(reload));
    let request = reload_from_localhost();
    for peer in ["192.0.2.1:5000", "[2001:db8::1]:5000", "[::ffff:192.0.2.1]:5000"] {
        let answer = answer(&admin, peer.parse().unwrap(), &request).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{peer}");
    }
    assert!(requests.try_recv().is_err(), "nothing was asked for");
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            request.answer.send(Ok("done".to_owned())).unwrap();
        }
    });
    for peer in ["127.9.9.9:5000", "[::1]:5000", "[::ffff:127.0.0.1]:5000"] {
        let answer = answer(&admin, peer.parse().unwrap(), &request).await;
        assert_eq!(answer.status(), StatusCode::OK, "{peer}");
    }
}

#[tokio::test]
async fn what_came_of_a_reload_is_told() {
    let (reload, mut requests) = mpsc::channel(1);
    let address = listen(Admin::new(shared(), Some(reload))).await;
    let cases = [
        (Ok("keyring 12"), "200", "reloaded: keyring 12\n"),
        (Err("bad key"), "422", "not reloaded, the last good state stays in force: bad key\n"),
    ];
    for (outcome, status, told) in cases {
        let outcome = outcome.map(str::to_owned).map_err(str::to_owned);
        let obey = async { requests.recv().await.unwrap().answer.send(outcome) };
        let ((head, body), obeyed) = tokio::join!(ask(address, "POST", "/reload"), obey);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
        assert_eq!((body.as_str(), obeyed), (told, Ok(())));
    }
}

#[tokio::test]
async fn reloads_do_not_queue_up() {
    let (reload, requests) = mpsc::channel(1);
    let (answer, _answered) = oneshot::channel();
    reload.try_send(ReloadRequest { answer }).unwrap();
    let address = listen(Admin::new(shared(), Some(reload))).await;
    assert!(ask(address, "POST", "/reload").await.0.starts_with("http/1.1 503 "));
    drop(requests);
    assert!(ask(address, "POST", "/reload").await.0.starts_with("http/1.1 503 "));
}

#[tokio::test]
async fn a_reload_that_is_never_answered_is_not_said_to_be_done() {
    let (reload, mut requests) = mpsc::channel(1);
    let address = listen(Admin::new(shared(), Some(reload))).await;
    let leave = async { drop(requests.recv().await) };
    let ((head, _), ()) = tokio::join!(ask(address, "POST", "/reload"), leave);
    assert!(head.starts_with("http/1.1 503 "), "{head}");
}

fn reload_from_localhost() -> Parts {
    let request = Request::post("/reload").header("host", "localhost").body(()).unwrap();
    request.into_parts().0
}

#[tokio::test]
async fn only_what_programs_ask_answers_to_any_host() {
    let (reload, mut requests) = mpsc::channel(1);
    let address = listen(Admin::new(shared(), Some(reload))).await;
    let status = |head: &str| head.split(' ').nth(1).unwrap().to_owned();
    for (method, path) in
        [("GET", "/"), ("GET", "/live.json"), ("GET", "/assets/style.css"), ("POST", "/reload")]
    {
        for rest in [
            "HTTP/1.1\r\nhost: evil.example\r\n",
            "HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n",
            "HTTP/1.1\r\nhost: localhost\r\norigin: null\r\n",
            "HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n",
            "HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: cross-site\r\n",
            "HTTP/1.1\r\n",
            "HTTP/1.0\r\n",
        ] {
            let (head, body) = ask_as(address, &format!("{method} {path} {rest}")).await;
            assert_eq!(status(&head), "403", "{method} {path} {rest}");
            assert!(body.ends_with('\n') && body.contains("this listener"), "{body}");
        }
    }
    assert!(requests.try_recv().is_err(), "nothing was reloaded");
    for path in ["/metrics", "/healthz", "/readyz"] {
        let rest = "HTTP/1.1\r\nhost: evil.example\r\norigin: http://evil.example\r\n";
        let (head, _) = ask_as(address, &format!("GET {path} {rest}")).await;
        assert_ne!(status(&head), "403", "{path}");
    }
    let (head, _) = ask_as(address, "GET / HTTP/1.0\r\nhost: [::1]:7461\r\n").await;
    assert_eq!(status(&head), "200");
}

#[tokio::test]
async fn every_answer_tells_a_browser_what_it_may_do() {
    let address = listen(Admin::new(shared(), None)).await;
    for path in ["/", "/live.json", "/assets/live.js", "/metrics", "/readyz", "/reload", "/nothing"]
    {
        let (head, _) = ask(address, "GET", path).await;
        for line in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
            "frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cross-origin-opener-policy: same-origin\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
            "cache-control: no-store",
        ] {
            assert!(head.contains(line), "{path} lacks {line}: {head}");
        }
        assert!(!head.contains("access-control"), "{head}");
    }
}

#[tokio::test]
async fn readiness_is_json_for_a_program_that_prefers_it() {
    let shared = shared();
    let address = listen(Admin::new(Arc::clone(&shared), None)).await;
    let asks = "GET /readyz HTTP/1.1\r\nhost: a\r\naccept: application/json\r\n";
    let (head, body) = ask_as(address, asks).await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["ready"], false);
    let conditions = told["conditions"].as_array().unwrap();
    let expected = shared.health.conditions();
    assert_eq!(conditions.len(), expected.len());
    for (row, condition) in conditions.iter().zip(expected) {
        let otherwise = (!condition.holds).then_some(condition.otherwise);
        assert_eq!(row["name"], condition.name);
        assert_eq!(row["holds"], condition.holds);
        assert_eq!(row["otherwise"].as_str(), otherwise);
    }
    assert_eq!(told["backends"][0]["endpoints"][1]["endpoint"], "unix:/run/b");
    let (head, body) = ask(address, "GET", "/readyz").await;
    assert!(head.contains("\r\nvary: accept\r\n") && body.starts_with("not ready\n"), "{head}");
}

#[tokio::test]
async fn the_page_is_in_the_readers_language() {
    let address = listen(Admin::new(shared(), None)).await;
    let page = async |line: &str| ask_as(address, &format!("GET {line}host: localhost\r\n")).await;
    let (head, body) = page("/ HTTP/1.1\r\n").await;
    assert!(head.contains("content-language: en") && body.contains("<html lang=\"en\">"), "{head}");
    let (head, body) = page("/ HTTP/1.1\r\naccept-language: zh-CN,zh;q=0.9\r\n").await;
    assert!(
        head.contains("vary: accept-language") && body.contains("<html lang=\"zh\">"),
        "{head}"
    );
    let (_, body) = page("/?lang=en HTTP/1.1\r\naccept-language: zh\r\n").await;
    assert!(body.contains("<html lang=\"en\">") && body.contains("Not ready: keys:"), "{body}");
}

#[tokio::test]
async fn browsers_leave_places_for_scrapes() {
    let admin = Admin::new(shared(), None);
    let crowd = crate::limits::ADMIN_CONNECTIONS_CROWDED;
    let address = listen(admin).await;
    let stays = "HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut others = Vec::new();
    for _ in 1..crowd {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET /healthz {stays}").as_bytes()).await.unwrap();
        stream.read_u8().await.unwrap();
        others.push(stream);
    }
    let answer = exchange(address, &format!("GET /live.json {stays}")).await;
    assert!(answer.contains("connection: close"), "the connection ended by itself: {answer}");
    let mut scrape = TcpStream::connect(address).await.unwrap();
    scrape.write_all(format!("GET /metrics {stays}").as_bytes()).await.unwrap();
    scrape.read_u8().await.unwrap();
}
