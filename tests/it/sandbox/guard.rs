//! Who may look at the sandbox's pages, and who may change something by them.

use crate::harness::process::{Process, address, run};
use crate::harness::wire::Message;
use crate::harness::{Client, Request, eventually};
use crate::operator::sandbox::Sandbox;

const PAGES: usize = 3;

async fn ask(address: &str, request: &Request) -> Message {
    Client::connect(address).await.ask(request.bytes()).await
}

fn post(target: &str, host: &str) -> Request {
    Request::post(target).host(host).field("Content-Type", "application/json").body("{}")
}

/// What a browser may do with each answer, whatever it says.
#[track_caller]
fn assert_secured(answer: &Message) {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                  connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}: {answer:?}");
    }
    assert_eq!(answer.field("access-control-allow-origin"), None);
}

#[tokio::test]
async fn foreign_hosts_origins_and_types_are_refused() {
    let sandbox = Sandbox::start().await;
    let pages = sandbox.addresses[PAGES].as_str();
    let port = pages.rsplit(':').next().expect("a port");
    for host in [pages.to_owned(), format!("localhost:{port}"), format!("[::1]:{port}")] {
        let answer = ask(pages, &Request::get("/").host(&host)).await;
        assert_eq!(answer.status(), 200, "{host}");
        assert_secured(&answer);
        assert!(answer.field("permissions-policy").expect("one").contains("camera=(self)"));
    }
    for host in ["evil.example", "127.0.0.1", &format!("evil.example:{port}"), "localhost:1"] {
        let answer = ask(pages, &Request::get("/").host(host)).await;
        assert_eq!(answer.status(), 421, "{host}");
        assert_secured(&answer);
    }
    let reset = post("/sandbox/reset", pages);
    assert_eq!(ask(pages, &reset).await.status(), 200);
    let own = format!("http://{pages}");
    for (name, value, status) in [
        ("Origin", own.as_str(), 200),
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "none", 403),
    ] {
        let answer = ask(pages, &post("/sandbox/reset", pages).field(name, value)).await;
        assert_eq!(answer.status(), status, "{name}: {value}");
        assert_secured(&answer);
    }
    let from_elsewhere = Request::get("/sandbox/state").host(pages).field("Origin", "http://a.b");
    assert_eq!(ask(pages, &from_elsewhere).await.status(), 403);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let request = Request::post("/sandbox/reset").host(pages).field("Content-Type", kind);
        assert_eq!(ask(pages, &request.body("{}")).await.status(), 415, "{kind}");
    }
    let without = Request::post("/sandbox/reset").host(pages).body("{}");
    assert_eq!(ask(pages, &without).await.status(), 415);
}

#[tokio::test]
async fn a_path_a_method_and_a_body_have_their_bounds() {
    let sandbox = Sandbox::start().await;
    let pages = sandbox.addresses[PAGES].as_str();
    let no_page = ask(pages, &Request::get("/nothing?lang=en").host(pages)).await;
    assert_eq!(no_page.status(), 404);
    assert!(no_page.text().contains("/phone /till /faults /live /commands"), "{no_page:?}");
    let get = ask(pages, &Request::get("/sandbox/reset").host(pages)).await;
    assert_eq!((get.status(), get.field("allow")), (405, Some("POST")));
    let changes = ask(pages, &post("/sandbox/state", pages)).await;
    assert_eq!((changes.status(), changes.field("allow")), (405, Some("GET, HEAD")));
    let large = post("/sandbox/reset", pages).body(" ".repeat((64 << 10) + 1));
    assert_eq!(ask(pages, &large).await.status(), 413);
    for bad in
        ["{", "[]", "{\"backend\":\"gone\"}", "{\"bakcend\":\"stall\"}", "{\"load_per_s\":201}"]
    {
        let answer = ask(pages, &post("/sandbox/fault?lang=zh", pages).body(bad)).await;
        assert_eq!(answer.status(), 400, "{bad}");
        assert!(!answer.json()["error"].as_str().expect("a sentence").is_empty(), "{bad}");
    }
}

#[tokio::test]
async fn other_machines_need_the_link() {
    let directory = tempfile::tempdir().expect("a directory");
    let [gateway, admin, backend, pages] = [address(), address(), address(), address()];
    let port = pages.rsplit(':').next().expect("a port");
    let open = format!("0.0.0.0:{port}");
    let common = ["sandbox", "--listen", &gateway, "--admin", &admin, "--backend", &backend];
    let alone = [common.as_slice(), &["--pages", &open]].concat();
    let refused = run(directory.path(), &alone).await;
    assert_eq!(refused.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--share NAME"));

    let shared = [common.as_slice(), &["--pages", &open, "--share", "clinic-pc"]].concat();
    let process = Process::start(directory.path(), &shared);
    let key = eventually("a link", async || {
        let said = process.said();
        let (_, rest) = said.split_once(&format!("open  http://clinic-pc:{port}/?key="))?;
        rest.split_whitespace().next().map(str::to_owned)
    })
    .await;
    assert_eq!(key.len(), 32, "128 bits");
    let host = format!("clinic-pc:{port}");
    let get = |target: &str| Request::get(target).host(&host);
    for target in ["/", "/phone", "/sandbox/state", "/assets/style.css", "/?key=0", "/nothing"] {
        let answer = ask(&pages, &get(target)).await;
        assert_eq!(answer.status(), 403, "{target}");
        assert_secured(&answer);
    }
    let traded = ask(&pages, &get(&format!("/?key={key}"))).await;
    assert_eq!(traded.status(), 200);
    let cookie = traded.field("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("its value");
    let known = ask(&pages, &get("/sandbox/state").field("Cookie", cookie)).await;
    assert_eq!(known.status(), 200);
    assert!(known.field("permissions-policy").expect("one").contains("camera=()"), "no camera");
    let stranger = Request::get("/").host(&format!("evil.example:{port}")).field("Cookie", cookie);
    assert_eq!(ask(&pages, &stranger).await.status(), 421);
}

#[tokio::test]
async fn without_pages_nothing_listens() {
    let directory = tempfile::tempdir().expect("a directory");
    let [gateway, admin, backend] = [address(), address(), address()];
    let common = ["sandbox", "--listen", &gateway, "--admin", &admin, "--backend", &backend];
    let arguments = [common.as_slice(), &["--pages", "none"]].concat();
    let process = Process::start(directory.path(), &arguments);
    eventually("the first lines", async || {
        process.said().contains("Yanma sandbox   without pages").then_some(())
    })
    .await;
}
