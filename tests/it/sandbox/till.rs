//! The till: codes come by every way, a visit pays once, and nothing is charged in doubt.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::webdriver::{Browser, Screen};
use crate::harness::wire::Message;
use crate::harness::{Client, Request, eventually};
use crate::operator::sandbox::Sandbox;

const ENTER: char = '\u{e007}';
const TAB: char = '\u{e004}';

const TO_PAY: &str = "您需付 85.00";
const RECEIVED: &str = "成功，已收 85.00";
const SETTLED: &str = "账本：已结算 100.00";

async fn ask(sandbox: &Sandbox, request: Request) -> Message {
    let pages = &sandbox.addresses[3];
    Client::connect(pages).await.ask(request.host(pages).bytes()).await
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> Message {
    let request = Request::post(path).field("Content-Type", "application/json");
    ask(sandbox, request.body(body.to_string())).await
}

/// A code of a person, as a phone shows one.
async fn code(sandbox: &Sandbox) -> String {
    let answer = ask(sandbox, Request::get("/sandbox/code?subject=4201")).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.text().trim().to_owned()
}

/// What the till's endpoint answers.
async fn till(sandbox: &Sandbox, number: u8, verb: &str, body: Value) -> Value {
    let answer = post(sandbox, &format!("/sandbox/till/{number}/{verb}?lang=zh"), body).await;
    assert_eq!(answer.status(), 200, "{verb}: {}", answer.text());
    answer.json()
}

async fn switch(sandbox: &Sandbox, backend: &str, is_booked: bool) {
    let wanted = json!({"backend": backend, "booked": is_booked});
    let answer = post(sandbox, "/sandbox/fault", wanted).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

/// What the stand-in's book holds of a redemption.
async fn book(sandbox: &Sandbox, redemption: &str) -> Value {
    let request = Request::get(&format!("/query?redemption={redemption}"));
    let answer = Client::connect(&sandbox.addresses[2]).await.ask(request.bytes()).await;
    answer.json()["output"].take()
}

/// A till in a browser.
struct Counter {
    browser: Browser,
    url: String,
}

impl Counter {
    async fn open(sandbox: &Sandbox, number: u8) -> Self {
        Self::open_with(sandbox, number, &[]).await
    }

    async fn open_with(sandbox: &Sandbox, number: u8, arguments: &[&str]) -> Self {
        let url = format!("http://{}/till?till={number}&lang=zh", sandbox.addresses[3]);
        let counter = Self { browser: Browser::start_with(arguments).await, url };
        counter.browser.open(&counter.url).await;
        counter
    }

    async fn load_again(&self) {
        self.browser.open(&self.url).await;
    }

    async fn says(&self, id: &str) -> String {
        let script = format!("return document.getElementById('{id}').textContent");
        self.browser.script(&script).await.as_str().expect("a text").to_owned()
    }

    /// Waits until the headline is this, and the till is at rest.
    async fn headline(&self, expected: &str) {
        let script = "const till = document.getElementById('till'); return [\
            till.getAttribute('aria-busy'), document.getElementById('headline').textContent]";
        eventually(expected, async || {
            let found = self.browser.script(script).await;
            (found == json!(["false", expected])).then_some(())
        })
        .await;
    }

    async fn click(&self, id: &str) {
        self.browser.script(&format!("document.getElementById('{id}').click()")).await;
    }

    async fn is_disabled(&self, id: &str) -> bool {
        let script = format!("return document.getElementById('{id}').disabled");
        self.browser.script(&script).await == json!(true)
    }

    /// The text of the largest button that can be pressed.
    async fn largest(&self) -> String {
        let script = "const size = (button) => { const box = button.getBoundingClientRect(); \
            return box.width * box.height; }; \
            return [...document.querySelectorAll('button:enabled')]\
            .sort((one, other) => size(other) - size(one))[0].textContent";
        self.browser.script(script).await.as_str().expect("a button").to_owned()
    }

    /// As a wedge scanner types.
    async fn scan(&self, code: &str) {
        self.browser.script("document.getElementById('code').focus()").await;
        self.browser.type_keys(&format!("{code}{ENTER}"), 2).await;
    }

    async fn console_is_empty(&self) {
        assert_eq!(self.browser.console().await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_wedge_scanner_is_read_at_any_speed_and_the_visit_pays() {
    let sandbox = Sandbox::start().await;
    let counter = Counter::open(&sandbox, 1).await;
    for (pause_ms, end, is_full_width) in
        [(2, Some(ENTER), false), (15, Some(TAB), false), (2, None, false), (2, Some(ENTER), true)]
    {
        let code = code(&sandbox).await;
        let full_width = |digit: char| char::from_u32(u32::from(digit) + 0xfee0).expect("a digit");
        let typed: String = match is_full_width {
            true => code.chars().map(full_width).collect(),
            false => code,
        };
        let keys: String = typed.chars().chain(end).collect();
        // The box has the focus from the first, and keeps it. Keys may come late in the middle.
        let (first, rest): (String, String) =
            (keys.chars().take(85).collect(), keys.chars().skip(85).collect());
        counter.browser.type_keys(&first, pause_ms).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        counter.browser.type_keys(&rest, pause_ms).await;
        counter.headline(TO_PAY).await;
        assert_eq!(counter.largest().await, "收费");
        let left: i64 = counter.says("left").await.replace(" 秒", "").parse().expect("seconds");
        assert!((880..=900).contains(&left), "{left}");
        counter.click("settle").await;
        counter.headline(RECEIVED).await;
        counter.browser.script("document.getElementById('code').focus()").await;
    }
    counter.console_is_empty().await;
}

#[tokio::test]
async fn a_camera_reads_a_code_that_then_pays() {
    let sandbox = Sandbox::start().await;
    let file = sandbox.directory.path().join("camera.y4m");
    std::fs::write(&file, "").expect("a file");
    let file_argument = format!("--use-file-for-fake-video-capture={}", file.display());
    let camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"];
    let arguments = [&camera[..], &[file_argument.as_str()]].concat();
    let counter = Counter::open_with(&sandbox, 1, &arguments).await;
    let answer = ask(&sandbox, Request::get("/sandbox/code?subject=4201&format=png")).await;
    std::fs::write(&file, film(&answer.body)).expect("a file");
    counter.click("camera").await;
    counter.headline(TO_PAY).await;
    counter.click("settle").await;
    counter.headline(RECEIVED).await;
    counter.console_is_empty().await;
}

/// A film of one picture, 640 x 480, with a PNG in its middle: YUV4MPEG2, four frames a second.
fn film(png: &[u8]) -> Vec<u8> {
    const WIDTH: u32 = 640;
    const HEIGHT: u32 = 480;
    let symbol = image::load_from_memory(png).expect("a PNG").into_luma8();
    let (left, top) = ((WIDTH - symbol.width()) / 2, (HEIGHT - symbol.height()) / 2);
    let mut grey = vec![200_u8; size(WIDTH * HEIGHT)];
    for (x, y, pixel) in symbol.enumerate_pixels() {
        grey[size((y + top) * WIDTH + x + left)] = pixel.0[0].clamp(16, 235);
    }
    let no_colour = vec![128_u8; size(WIDTH * HEIGHT / 2)];
    let frame = [b"FRAME\n".as_slice(), &grey, &no_colour].concat();
    let head = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F4:1 Ip A1:1 C420mpeg2\n");
    [head.as_bytes(), &frame.repeat(8)].concat()
}

fn size(number: u32) -> usize {
    usize::try_from(number).expect("64 bits")
}

#[tokio::test]
async fn without_a_camera_the_till_says_so() {
    let sandbox = Sandbox::start().await;
    let counter = Counter::open(&sandbox, 2).await;
    counter.click("camera").await;
    eventually("a sentence", async || {
        counter.says("seen").await.contains("这里没有摄像头").then_some(())
    })
    .await;
    counter.console_is_empty().await;
}

/// A stalled settlement: the till does not charge before the book has answered, whatever is done.
async fn leaves_doubt(counter: &Counter, sandbox: &Sandbox, is_booked: bool) -> String {
    switch(sandbox, "reset", is_booked).await;
    counter.load_again().await;
    counter.scan(&code(sandbox).await).await;
    counter.headline(TO_PAY).await;
    counter.click("settle").await;
    counter.headline("结果未知").await;
    let redemption = counter.says("fact-redemption").await;
    let sentence = counter.says("sentence").await;
    assert!(!sentence.is_empty() && !counter.says("headline").await.contains(&sentence));
    assert!(counter.is_disabled("settle").await && counter.is_disabled("reverse").await);
    assert_eq!(counter.largest().await, "查询");

    counter.load_again().await;
    assert!(counter.is_disabled("settle").await, "after it is loaded anew");
    counter.browser.allow_scripts(false).await;
    counter.load_again().await;
    counter.browser.allow_scripts(true).await;
    counter.load_again().await;
    // The next patient's code is read, and nothing can be charged.
    counter.scan(&code(sandbox).await).await;
    counter.headline(TO_PAY).await;
    assert!(counter.is_disabled("settle").await, "for the next code");
    assert_eq!(counter.largest().await, "查询");
    let refused = post(sandbox, "/sandbox/till/1/settle?lang=zh", json!({})).await;
    assert_eq!(refused.status(), 409, "{}", refused.text());
    assert!(refused.json()["error"].as_str().expect("a sentence").contains("先查询"));
    switch(sandbox, "works", false).await;
    redemption
}

#[tokio::test]
async fn an_unknown_outcome_that_was_booked_is_charged_once() {
    let sandbox = Sandbox::start().await;
    let counter = Counter::open(&sandbox, 1).await;
    let redemption = leaves_doubt(&counter, &sandbox, true).await;
    counter.click("query").await;
    counter.headline(SETTLED).await;
    assert!(!counter.is_disabled("settle").await);
    // The next patient's visit has waited.
    counter.click("settle").await;
    counter.headline(RECEIVED).await;
    let booked = book(&sandbox, &redemption).await;
    assert_eq!(
        (&booked["state"], &booked["arrivals_of_redemption"]),
        (&json!("settled"), &json!(1))
    );
    counter.console_is_empty().await;
}

#[tokio::test]
async fn an_unknown_outcome_that_was_not_booked_is_reversed_and_charged_with_a_new_code() {
    let sandbox = Sandbox::start().await;
    let counter = Counter::open(&sandbox, 1).await;
    let redemption = leaves_doubt(&counter, &sandbox, false).await;
    counter.click("query").await;
    counter.headline("账本：没有这笔").await;
    assert!(counter.is_disabled("settle").await);
    assert_eq!(counter.largest().await, "冲正");
    counter.click("reverse").await;
    counter.headline("无需冲正").await;
    counter.scan(&code(&sandbox).await).await;
    counter.headline(TO_PAY).await;
    counter.click("settle").await;
    counter.headline(RECEIVED).await;
    assert_eq!(book(&sandbox, &redemption).await["state"], "not_found");
    counter.console_is_empty().await;
}

#[tokio::test]
async fn a_code_that_paid_elsewhere_is_found_in_the_book() {
    let sandbox = Sandbox::start().await;
    let code = code(&sandbox).await;
    till(&sandbox, 1, "decode", json!({"code": code})).await;
    let paid = till(&sandbox, 1, "settle", json!({})).await;
    assert_eq!(
        (&paid["verdict"]["kind"], &paid["verdict"]["amount"]),
        (&json!("done"), &json!("85.00"))
    );
    let counter = Counter::open(&sandbox, 2).await;
    counter.scan(&code).await;
    counter.headline("网关未受理").await;
    assert!(counter.says("sentence").await.contains("已收费"), "the contract's own sentence");
    assert_eq!(counter.says("fact-error_code").await, "YM1301");
    assert_eq!(counter.says("fact-request_id").await.len(), 16);
    assert_eq!(counter.largest().await, "查询");
    counter.click("query").await;
    counter.headline(SETTLED).await;
    assert_eq!(counter.says("sentence").await, "", "the book stands alone");
    counter.console_is_empty().await;
}

#[tokio::test]
async fn a_backends_own_error_looks_like_its_own() {
    let sandbox = Sandbox::start().await;
    let counter = Counter::open(&sandbox, 1).await;
    counter.scan(&code(&sandbox).await).await;
    counter.headline(TO_PAY).await;
    switch(&sandbox, "error", false).await;
    counter.click("settle").await;
    counter.headline("结算平台答复").await;
    let tone = "return document.getElementById('result').dataset.tone";
    assert_eq!(counter.browser.script(tone).await, "backend");
    assert!(counter.says("said").await.contains("冲正"));
    assert_eq!(counter.says("sentence").await, "", "it is no sentence of the gateway");
    assert!(counter.is_disabled("settle").await, "500 and -1 do not say that nothing was charged");
    counter.console_is_empty().await;
}

/// What a program sees that drives the till without a browser.
#[tokio::test]
async fn each_answer_is_the_whole_exchange() {
    let sandbox = Sandbox::start().await;
    let code = code(&sandbox).await;
    let decoded = till(&sandbox, 1, "decode", json!({"code": code})).await;
    let request = &decoded["request"];
    assert_eq!((&request["method"], &request["target"]), (&json!("POST"), &json!("/uif")));
    let bill = decoded["state"]["bill"].as_str().expect("a bill");
    assert_eq!(request["headers"]["idempotency-key"], format!("\"{bill}\""));
    assert!(request["body"].as_str().expect("a body").contains(&code));
    assert_eq!(decoded["response"]["status"], 200);
    assert_eq!(decoded["response"]["headers"]["yanma-outcome"], "approved");
    assert!(decoded["milliseconds"].is_u64());
    for (verb, kind) in [("identify", "done"), ("presettle", "done"), ("settle", "done")] {
        assert_eq!(till(&sandbox, 1, verb, json!({})).await["verdict"]["kind"], kind, "{verb}");
    }
    let again = till(&sandbox, 1, "retry", json!({})).await;
    assert_eq!(
        (&again["sent"], &again["verdict"]["is_replayed"]),
        (&json!("settle"), &json!(true))
    );
    let asked = till(&sandbox, 1, "query", json!({})).await;
    assert_eq!(asked["verdict"]["kind"], "book_settled");
    assert_eq!(till(&sandbox, 1, "reverse", json!({})).await["verdict"]["kind"], "done");
    let next = till(&sandbox, 1, "decode", json!({"code": self::code(&sandbox).await})).await;
    assert_ne!(next["state"]["bill"], bill, "a new bill for each visit");

    for (path, body, status) in [
        ("/sandbox/till/1/decode", json!({}), 400),
        ("/sandbox/till/1/decode", json!({"code": "1".repeat(513)}), 400),
        ("/sandbox/till/1/decode", json!({"code": 1}), 400),
        ("/sandbox/till/1/presettle", json!({"amount": "-1"}), 400),
        ("/sandbox/till/1/settle", json!({"fault": "fire"}), 400),
        ("/sandbox/till/2/settle", json!({}), 409),
        ("/sandbox/till/2/retry", json!({}), 409),
        ("/sandbox/till/3/settle", json!({}), 404),
        ("/sandbox/till/1/pay", json!({}), 404),
    ] {
        let answer = post(&sandbox, path, body).await;
        assert_eq!(answer.status(), status, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_picture_is_read_or_is_none() {
    let sandbox = Sandbox::start().await;
    let scan = async |query: &str, body: Vec<u8>| {
        let request = Request::post(&format!("/sandbox/scan?{query}")).body(body);
        ask(&sandbox, request.field("Content-Type", "application/octet-stream")).await
    };
    let answer = ask(&sandbox, Request::get("/sandbox/code?subject=4201&format=png")).await;
    let symbol = image::load_from_memory(&answer.body).expect("a PNG").into_luma8();
    let read = scan("width=392&height=392", symbol.into_raw()).await;
    assert_eq!(read.status(), 200);
    assert_eq!(read.json()["text"].as_str().expect("digits").len(), 255);
    assert_eq!(scan("width=64&height=48", vec![128; 64 * 48]).await.status(), 204);
    for query in ["width=64&height=49", "width=15&height=15", "", "width=64&height=-48"] {
        assert_eq!(scan(query, vec![128; 64 * 48]).await.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn it_fits_each_screen_in_both_languages() {
    let sandbox = Sandbox::start().await;
    let code = code(&sandbox).await;
    till(&sandbox, 1, "decode", json!({"code": code})).await;
    till(&sandbox, 1, "settle", json!({"fault": "reset-booked"})).await;
    let counter = Counter::open(&sandbox, 1).await;
    for (width, height, is_phone) in [(360, 740, true), (390, 844, true), (1280, 800, false)] {
        for scheme in ["light", "dark"] {
            counter.browser.look_through(Screen { width, height, is_phone, scheme }).await;
            for language in ["zh", "en"] {
                let url = format!("http://{}/till?lang={language}", sandbox.addresses[3]);
                counter.browser.open(&url).await;
                let wide = "return document.documentElement.scrollWidth";
                let wide = counter.browser.script(wide).await.as_u64();
                assert!(wide <= Some(u64::from(width)), "{width} {language}: {wide:?}");
            }
        }
    }
    counter.console_is_empty().await;
}
