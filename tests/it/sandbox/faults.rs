//! The switchboard: each reason can be met, and what is switched on holds.

use serde_json::{Value, json};

use crate::harness::contract::REFUSALS;
use crate::harness::webdriver::Browser;
use crate::harness::wire::Message;
use crate::harness::{Client, Request, eventually};
use crate::operator::sandbox::Sandbox;

const GATEWAY: usize = 0;
const PAGES: usize = 3;

/// Reasons that a card explains and no button meets.
const BY_HAND: &[&str] = &[
    "overloaded",
    "warming_up",
    "replay_store_unavailable",
    "replay_full",
    "account_state_unavailable",
    "internal_error",
];

async fn fault(sandbox: &Sandbox, body: &Value) -> Value {
    let pages = &sandbox.addresses[PAGES];
    let request = Request::post("/sandbox/fault").host(pages);
    let request = request.field("Content-Type", "application/json").body(body.to_string());
    let answer = Client::connect(pages).await.ask(request.bytes()).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer.json()
}

async fn pay(sandbox: &Sandbox) -> Message {
    let pages = &sandbox.addresses[PAGES];
    let code = Request::get("/sandbox/code?subject=42").host(pages);
    let code = Client::connect(pages).await.ask(code.bytes()).await.text().trim().to_owned();
    let request = Request::post("/pay").code(&code).body("{\"amount\":\"12.30\"}");
    Client::connect(&sandbox.addresses[GATEWAY]).await.ask(request.bytes()).await
}

/// Flow 2: each reason shows the contract's sentence, its number and the request's id.
#[tokio::test]
async fn each_reason_is_met_by_its_button() {
    let sandbox = Sandbox::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/faults?lang=en", sandbox.addresses[PAGES])).await;
    let cards = browser.script("return [...document.querySelectorAll('.reason')].map((e) => e.id)");
    let cards: Vec<String> = serde_json::from_value(cards.await).expect("texts");
    let produced: Vec<&str> =
        REFUSALS.iter().filter(|row| row.produced).map(|row| row.reason.as_str()).collect();
    for reason in &produced {
        assert!(cards.iter().any(|card| card == reason), "{reason} has no card");
    }
    let mut met = 0;
    for row in REFUSALS.iter().filter(|row| row.produced) {
        let reason = row.reason.as_str();
        let card = format!("document.getElementById('{reason}')");
        let click = format!(
            "const button = {card}.querySelector('button'); button?.click(); return button !== null"
        );
        let has_button = browser.script(&click).await == Value::Bool(true);
        assert_eq!(has_button, !BY_HAND.contains(&reason), "{reason}: a button");
        if !has_button {
            continue;
        }
        met += 1;
        let shown = eventually(reason, async || {
            let text = format!(
                "const p = {card}.querySelector('.met'); return p.hidden ? '' : p.textContent"
            );
            let text = browser.script(&text).await.as_str().expect("a text").to_owned();
            (!text.is_empty()).then_some(text)
        })
        .await;
        assert!(shown.contains(reason), "{reason}: {shown}");
        assert!(shown.contains(&row.message_zh), "{reason}: {shown}");
        assert!(shown.contains(&row.error_code), "{reason}: {shown}");
        let (_, id) = shown.split_once("request ").expect("a request's id");
        assert_eq!(id.split(' ').next().map(str::len), Some(16), "{reason}: {shown}");
    }
    let seen = browser.script("return Number(document.getElementById('seen').textContent)").await;
    assert_eq!(seen, json!(met), "seen n of m");
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_switched_on_holds_for_all_and_is_shown() {
    let sandbox = Sandbox::start().await;
    assert_eq!(pay(&sandbox).await.field("yanma-outcome"), Some("approved"));
    for (backend, booked, outcome, status) in [
        ("stall", true, "outcome_unknown", 504),
        ("reset", false, "outcome_unknown", 504),
        ("half", true, "outcome_unknown", 504),
        ("error", false, "approved", 500),
        ("down", false, "backend_unreachable", 502),
        ("maintenance", false, "maintenance", 503),
        ("slow", false, "approved", 200),
        ("works", false, "approved", 200),
    ] {
        let set = fault(&sandbox, &json!({"backend": backend, "booked": booked})).await;
        assert_eq!(set["switches"]["backend"], backend);
        let answer = pay(&sandbox).await;
        let found = (answer.field("yanma-outcome"), answer.status());
        assert_eq!(found, (Some(outcome), status), "{backend}");
    }
    fault(&sandbox, &json!({"backend": "stall", "booked": true, "scanner": "wechat_pay"})).await;
    let browser = Browser::start().await;
    for (page, lang, expected) in [
        (
            "/",
            "en",
            "Switched on: Backend: never answers (booked) · Scanner: WeChat Pay's own code",
        ),
        ("/faults", "zh", "已开启: 后端: 不应答 (已记账) · 扫码枪: 微信付款码"),
    ] {
        browser.open(&format!("http://{}{page}?lang={lang}", sandbox.addresses[PAGES])).await;
        let on = browser.script("return document.getElementById('on').textContent.trim()").await;
        assert_eq!(on, expected, "{page}");
    }
    browser.script("document.getElementById('off').click()").await;
    eventually("all is off", async || {
        let hidden = browser.script("return document.getElementById('on').hidden").await;
        (hidden == Value::Bool(true)).then_some(())
    })
    .await;
    assert_eq!(pay(&sandbox).await.field("yanma-outcome"), Some("approved"));
}

#[tokio::test]
async fn many_payments_are_sent_and_end() {
    let sandbox = Sandbox::start().await;
    fault(&sandbox, &json!({"load_per_s": 50})).await;
    let metric = "yanma_requests_total";
    let served = async || {
        let request = Request::get("/metrics").host(&sandbox.addresses[1]);
        let answer = Client::connect(&sandbox.addresses[1]).await.ask(request.bytes()).await;
        let lines = answer.text().lines().filter(|line| line.starts_with(metric));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>()
    };
    eventually("forty payments", async || (served().await >= 40.0).then_some(())).await;
    let off = fault(&sandbox, &json!({"load_per_s": 0})).await;
    assert_eq!(off["switches"]["load_per_s"], 0);
}

/// A table of eight slots is full after eight codes, and what it cannot hold is not spent.
#[tokio::test]
async fn a_small_table_is_soon_full() {
    let sandbox = Sandbox::start().await;
    let before = fault(&sandbox, &json!({})).await;
    assert_eq!(before["switches"]["small_table"], false);
    fault(&sandbox, &json!({"small_table": true})).await;
    let mut outcomes = Vec::new();
    for _ in 0..9 {
        outcomes.push(scan(&sandbox).await);
    }
    assert_eq!(outcomes[..8], ["approved"; 8]);
    assert_eq!(outcomes[8], "replay_full");
    fault(&sandbox, &json!({"small_table": false})).await;
    assert_eq!(scan(&sandbox).await, "approved", "the first gateway again");
}

/// Till 1 scans a code that is minted at that moment. Returns the outcome.
async fn scan(sandbox: &Sandbox) -> String {
    let pages = &sandbox.addresses[PAGES];
    let code = Request::get("/sandbox/code?subject=42").host(pages);
    let code = Client::connect(pages).await.ask(code.bytes()).await.text().trim().to_owned();
    let request = Request::post("/sandbox/till/1/decode").host(pages);
    let request = request.field("Content-Type", "application/json");
    let request = request.body(json!({"code": code}).to_string());
    let answer = Client::connect(pages).await.ask(request.bytes()).await.json();
    let outcome = answer["verdict"]["outcome"].as_str();
    outcome.unwrap_or_else(|| panic!("no outcome: {answer:#}")).to_owned()
}
