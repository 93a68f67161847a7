//! What the gateway decides, in a browser and as a stream of events.

use std::collections::VecDeque;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::harness::webdriver::Browser;
use crate::harness::wire::Message;
use crate::harness::{Client, Request, eventually, now_ms, soon, spawn};
use crate::operator::sandbox::Sandbox;

const GATEWAY: usize = 0;
const STANDIN: usize = 2;
const PAGES: usize = 3;

/// The design's bound, in milliseconds.
const SHOWN_WITHIN_MS: i64 = 1_000;

/// Pays as another program does, and returns the request's id.
async fn pay(sandbox: &Sandbox) -> String {
    let pages = &sandbox.addresses[PAGES];
    let code = Request::get("/sandbox/code?subject=42").host(pages);
    let code = Client::connect(pages).await.ask(code.bytes()).await.text().trim().to_owned();
    request_id(&pay_with(sandbox, &code).await)
}

async fn pay_with(sandbox: &Sandbox, code: &str) -> Message {
    let request = Request::post("/pay").code(code).body("{\"amount\":\"12.30\"}");
    Client::connect(&sandbox.addresses[GATEWAY]).await.ask(request.bytes()).await
}

fn request_id(answer: &Message) -> String {
    answer.field("yanma-request-id").unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// One event of a stream.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Event {
    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
        };
        let data = field("data").map(|data| serde_json::from_str(&data).expect("JSON"));
        Self {
            name: field("event").unwrap_or_default(),
            id: field("id"),
            data: data.unwrap_or_default(),
        }
    }
}

/// A stream as a program reads it.
struct Events {
    body: Incoming,
    text: String,
    whole: VecDeque<Event>,
}

impl Events {
    async fn ask(pages: &str, last_id: Option<&str>) -> Response<Incoming> {
        let stream = TcpStream::connect(pages).await.expect("the pages listen");
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
        spawn(connection);
        let mut request = hyper::Request::get("/sandbox/events").header("host", pages);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        soon("an answer", sender.send_request(request)).await.expect("an answer")
    }

    async fn open(sandbox: &Sandbox, last_id: Option<&str>) -> Self {
        let answer = Self::ask(&sandbox.addresses[PAGES], last_id).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let mut events =
            Self { body: answer.into_body(), text: String::new(), whole: VecDeque::new() };
        let hello = events.next().await;
        assert_eq!(hello.name, "hello");
        assert_eq!(hello.data["is_resumed"], last_id.is_some());
        let ahead = hello.data["now_unix_ms"].as_i64().expect("a time") - now_ms();
        assert!(ahead.abs() < 60_000, "the server's time is off by {ahead} ms");
        events
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.whole.pop_front() {
                return event;
            }
            let frame =
                soon("an event", self.body.frame()).await.expect("no end").expect("a frame");
            let bytes = frame.into_data().expect("no trailers");
            self.text.push_str(str::from_utf8(&bytes).expect("whole letters"));
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                self.whole.push_back(Event::parse(event));
                self.text = rest.to_owned();
            }
        }
    }

    async fn decision(&mut self) -> Event {
        loop {
            let event = self.next().await;
            if event.name == "decision" {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn a_payment_made_elsewhere_is_shown_within_a_second_and_a_click_shows_all_of_it() {
    let sandbox = Sandbox::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/live?lang=zh", sandbox.addresses[PAGES])).await;
    watch(&browser).await;
    let mut events = Events::open(&sandbox, None).await;
    let id = pay(&sandbox).await;
    let answered = now_ms();
    let shown = eventually("the row of a payment", async || {
        browser.script(&format!("return window.seen['{id}'] ?? null")).await.as_i64()
    });
    let late = shown.await - answered;
    assert!(late <= SHOWN_WITHIN_MS, "shown {late} ms after its answer");
    let decision = events.decision().await;
    assert_eq!(decision.data["request_id"], id.as_str());

    let row = "document.querySelector('tr.decision')";
    let text = browser.script(&format!("return {row}.innerText")).await;
    let text = text.as_str().expect("a text");
    for part in ["放行", "/pay", "已使用", " UTC", &id] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let fields = "Object.fromEntries([...document.querySelectorAll('tr.all:not([hidden]) dl > div')]\
         .map((pair) => [pair.children[0].textContent, pair.children[1].textContent]))";
    let click = format!("{row}.querySelector('.route').click(); return {fields}");
    let shown = browser.script(&click).await;
    let line = decision.data.as_object().expect("an object");
    assert_eq!(shown.as_object().map(serde_json::Map::len), Some(line.len()), "{shown}");
    for (name, value) in line {
        let expected = match value {
            Value::Null => "–".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(shown[name], expected, "{name}");
    }
    let again =
        format!("{row}.querySelector('.open').click(); return Object.keys({fields}).length");
    assert_eq!(browser.script(&again).await, 0, "a second click closes it");

    let choose = |kind: &str| {
        format!(
            "const kind = document.getElementById('kind'); kind.value = '{kind}'; \
             kind.dispatchEvent(new Event('input', {{ bubbles: true }})); \
             return [...document.querySelectorAll('tr.decision')].filter((row) => !row.hidden).length"
        )
    };
    assert_eq!(browser.script(&choose("refused")).await, 0);
    assert_eq!(browser.script(&choose("passed")).await, 1);
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

/// Waits until the page draws, and notes from then on when each row appears.
async fn watch(browser: &Browser) {
    eventually("plots", async || {
        let drawn = "return document.querySelector('[data-plot] .tick') !== null";
        browser.script(drawn).await.as_bool().filter(|is_drawn| *is_drawn)
    })
    .await;
    let note = "window.seen = {}; new MutationObserver(() => { \
        for (const cell of document.querySelectorAll('tr.decision td.id')) \
            window.seen[cell.textContent] ??= Date.now(); \
        }).observe(document.getElementById('rows'), { childList: true });";
    browser.script(note).await;
}

#[tokio::test]
async fn each_decision_comes_once_and_in_order_over_connections_that_break() {
    let sandbox = Sandbox::start().await;
    let mut events = Events::open(&sandbox, None).await;
    let mut paid = Vec::new();
    let mut heard = Vec::new();
    let mut last = None;
    for round in 0..6_usize {
        for _ in 0..4 {
            paid.push(pay(&sandbox).await);
        }
        // Some of what there is; the rest is lost with the connection.
        for _ in 0..round {
            if heard.len() < paid.len() {
                let decision = events.decision().await;
                last.clone_from(&decision.id);
                heard.push(decision);
            }
        }
        drop(events);
        events = Events::open(&sandbox, last.as_deref()).await;
    }
    paid.push(pay(&sandbox).await);
    while heard.len() < paid.len() {
        heard.push(events.decision().await);
    }
    // The record's order: decisions of two workers within 10 ms may change places there.
    let seqs: Vec<u64> = heard.iter().filter_map(|one| one.data["seq"].as_u64()).collect();
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    let mut ids: Vec<&str> =
        heard.iter().filter_map(|one| one.data["request_id"].as_str()).collect();
    ids.sort_unstable();
    paid.sort_unstable();
    assert_eq!(ids, paid);
}

#[tokio::test]
async fn the_ninth_stream_finds_no_place_until_one_ends() {
    let sandbox = Sandbox::start().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Events::open(&sandbox, None).await);
    }
    let answer = Events::ask(&sandbox.addresses[PAGES], None).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(body["error"].as_str().is_some_and(|text| text.contains("8 event streams")), "{body}");
    // Others still find a connection.
    let state = Request::get("/sandbox/state").host(&sandbox.addresses[PAGES]);
    let state = Client::connect(&sandbox.addresses[PAGES]).await.ask(state.bytes()).await;
    assert_eq!(state.status(), 200);
    open.pop();
    open.push(Events::open(&sandbox, None).await);
}

#[tokio::test]
async fn a_second_arrival_turns_the_page_red() {
    let sandbox = Sandbox::start().await;
    let browser = Browser::start().await;
    let pages = format!("http://{}/live?lang=zh", sandbox.addresses[PAGES]);
    browser.open(&pages).await;
    let ground = "return getComputedStyle(document.documentElement).backgroundColor";
    let before = browser.script(ground).await;
    let redemption = "7001-1800000000-00000000000000aa";
    for _ in 0..2 {
        let twice = Request::post("/pay").field("Yanma-Redemption", redemption).body("{}");
        Client::connect(&sandbox.addresses[STANDIN]).await.ask(twice.bytes()).await;
    }
    let alarm = "const p = document.getElementById('twice'); return p.hidden ? '' : p.textContent";
    let said = eventually("the alarm", async || {
        let said = browser.script(alarm).await.as_str().expect("a text").to_owned();
        (!said.is_empty()).then_some(said)
    })
    .await;
    assert!(said.contains("重复收费") && said.contains(redemption), "{said}");
    assert_ne!(browser.script(ground).await, before, "the page is red");
    assert_eq!(browser.console().await, Vec::<Value>::new());
    browser.allow_scripts(false).await;
    browser.open(&pages).await;
    assert_eq!(browser.script(alarm).await, said, "without scripts");
}

#[tokio::test]
async fn without_scripts_there_are_the_last_decisions_and_the_commands() {
    let sandbox = Sandbox::start().await;
    let pages = &sandbox.addresses[PAGES];
    let code = Request::get("/sandbox/code?subject=42&spoil=signature").host(pages);
    let code = Client::connect(pages).await.ask(code.bytes()).await.text().trim().to_owned();
    let refused = request_id(&pay_with(&sandbox, &code).await);
    let browser = Browser::start().await;
    browser.allow_scripts(false).await;
    let live = format!("http://{pages}/live?lang=en");
    let shown = eventually("the decision", async || {
        browser.open(&live).await;
        let row = "return document.querySelector('#rows tr')?.innerText ?? ''";
        let row = browser.script(row).await.as_str().expect("a text").to_owned();
        row.contains(&refused).then_some(row)
    })
    .await;
    for part in ["Refused", "该码未通过验证", "signature_invalid YM1102", " UTC"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    browser.open(&format!("http://{pages}/commands?lang=zh")).await;
    let commands =
        "return [...document.querySelectorAll('.command pre')].map((e) => e.textContent)";
    let shown: Vec<String> = serde_json::from_value(browser.script(commands).await).expect("texts");
    let examples = sandbox.examples();
    assert_eq!(shown.len(), examples.len());
    for example in &examples {
        assert!(shown.contains(&example.command), "{}", example.name);
    }
    let buttons = "return [...document.querySelectorAll('.command button')].some((e) => !e.hidden)";
    assert_eq!(browser.script(buttons).await, false, "what needs scripts is not shown");
}

#[tokio::test]
async fn a_command_is_copied_by_its_button() {
    let sandbox = Sandbox::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/commands?lang=en", sandbox.addresses[PAGES])).await;
    let copy = "const done = arguments[arguments.length - 1]; \
        const kept = []; \
        navigator.clipboard.writeText = async (text) => { kept.push(text); }; \
        const button = document.querySelector('[data-copies=\"command-pay\"]'); \
        button.addEventListener('click', () => \
            setTimeout(() => done([kept[0], button.textContent, button.hidden]), 50)); \
        button.click();";
    let found = browser.script_async(copy).await;
    let examples = sandbox.examples();
    let pay = examples.iter().find(|example| example.name == "pay").expect("an example");
    assert_eq!(found, serde_json::json!([pay.command, "Copied", false]));
    assert_eq!(browser.console().await, Vec::<Value>::new());
}
