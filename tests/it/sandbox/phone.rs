//! The phone, as a person holds it and as the gateway sees what it shows.

use image::{GrayImage, Luma};
use serde_json::{Value, json};

use crate::harness::webdriver::Browser;
use crate::harness::{Client, Message, Request, eventually};
use crate::operator::sandbox::Sandbox;

/// Modules at one side of a symbol with its quiet zone.
const SIDE: u32 = 49;

async fn call(sandbox: &Sandbox, target: &str, body: &Value) -> Message {
    let pages = &sandbox.addresses[3];
    let request = Request::new("POST", target).host(pages);
    let request = request.field("Content-Type", "application/json").body(body.to_string());
    Client::connect(pages).await.ask(request.bytes()).await
}

/// What the phone is after it has done something.
async fn verb(sandbox: &Sandbox, phone: u8, verb: &str, body: Value) -> Value {
    let answer = call(sandbox, &format!("/sandbox/phone/{phone}/{verb}"), &body).await;
    assert_eq!(answer.status(), 200, "{phone} {verb} {body}: {}", answer.text());
    answer.json()
}

/// The status and the sentence of what it does not do.
async fn refused(sandbox: &Sandbox, phone: u8, verb: &str, body: Value) -> (u16, String) {
    let answer = call(sandbox, &format!("/sandbox/phone/{phone}/{verb}"), &body).await;
    let sentence = answer.json()["error"].as_str().expect("a sentence").to_owned();
    (answer.status(), sentence)
}

async fn show(sandbox: &Sandbox, phone: u8, body: Value) -> String {
    let answer = verb(sandbox, phone, "show", body).await;
    answer["code"]["digits"].as_str().expect("digits").to_owned()
}

async fn pay_at(sandbox: &Sandbox, path: &str, code: &str) -> Message {
    let request = Request::post(path).code(code);
    Client::connect(&sandbox.addresses[0]).await.ask(request.bytes()).await
}

async fn pay(sandbox: &Sandbox, code: &str) -> Message {
    pay_at(sandbox, "/pay", code).await
}

/// The stand-in answers as it likes: the gateway's word counts.
#[track_caller]
fn assert_approved(answer: &Message) {
    assert_eq!(answer.field("yanma-outcome"), Some("approved"), "{}", answer.text());
}

/// A sandbox, and a browser that has the page of a phone open.
async fn opened(phone: u8) -> (Sandbox, Browser) {
    let (sandbox, browser) = (Sandbox::start().await, Browser::start().await);
    open(&sandbox, &browser, phone).await;
    (sandbox, browser)
}

async fn open(sandbox: &Sandbox, browser: &Browser, phone: u8) {
    let pages = &sandbox.addresses[3];
    browser.open(&format!("http://{pages}/phone?phone={phone}&lang=zh")).await;
}

/// Presses the button that says this, once it is there to be seen.
async fn press(browser: &Browser, text: &str) {
    let find = format!(
        "const found = [...document.querySelectorAll('button')].find((button) => \
         button.textContent.trim() === '{text}' && button.offsetParent !== null && !button.disabled);\
         found?.click(); return found !== undefined"
    );
    eventually(&format!("the button {text}"), async || {
        (browser.script(&find).await == Value::Bool(true)).then_some(())
    })
    .await;
}

/// Waits until a script returns this.
async fn reads(browser: &Browser, script: &str, expected: &Value) {
    eventually(&format!("{script} = {expected}"), async || {
        (browser.script(&format!("return {script}")).await == *expected).then_some(())
    })
    .await;
}

/// Waits until the alert has this in it.
async fn told(browser: &Browser, part: &str) {
    let script = format!("document.getElementById('told').textContent.includes('{part}')");
    reads(browser, &script, &Value::Bool(true)).await;
}

async fn choose(browser: &Browser, selector: &str) {
    let clicked = format!("document.querySelector('{selector}').click(); return true");
    browser.script(&clicked).await;
}

async fn fill(browser: &Browser, name: &str, value: &str) {
    let script = format!("document.querySelector('input[name={name}]').value = '{value}'");
    browser.script(&script).await;
}

const SYMBOL: &str = "document.querySelector('#symbol path')?.getAttribute('d') ?? ''";
/// The id of the code on the screen.
const CODE_ID: &str = "document.getElementById('symbol').dataset.code";

/// The digits of the symbol on the screen, read by a decoder that shares no code with what drew it.
async fn read_symbol(browser: &Browser) -> String {
    let path = eventually("a symbol", async || {
        let path = browser.script(&format!("return {SYMBOL}")).await;
        path.as_str().filter(|path| !path.is_empty()).map(str::to_owned)
    })
    .await;
    decode(&path)
}

/// The path has a rectangle for each run of dark modules.
fn decode(path: &str) -> String {
    const SCALE: u32 = 6;
    let mut picture = GrayImage::from_pixel(SIDE * SCALE, SIDE * SCALE, Luma([255]));
    for run in path.split('M').filter(|run| !run.is_empty()) {
        let (at, rest) = run.split_once('h').expect("a width");
        let (x, y) = at.split_once(' ').expect("a place");
        let width = rest.split_once('v').expect("a height").0;
        let [x, y, width] = [x, y, width].map(|text| text.parse::<u32>().expect("a number"));
        for pixel_y in y * SCALE..(y + 1) * SCALE {
            for pixel_x in x * SCALE..(x + width) * SCALE {
                picture.put_pixel(pixel_x, pixel_y, Luma([0]));
            }
        }
    }
    let side = usize::try_from(SIDE * SCALE).expect("a few hundred");
    let pixels = picture.into_raw();
    let pixel = |x, y| pixels[y * side + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(side, side, pixel);
    let grids = prepared.detect_grids();
    assert_eq!(grids.len(), 1, "one symbol");
    let (about, text) = grids[0].decode().expect("a symbol without errors");
    assert_eq!(about.version.0, 6);
    text
}

#[tokio::test]
async fn a_person_activates_and_is_told_what_fails() {
    let (sandbox, browser) = opened(3).await;
    press(&browser, "立即激活").await;
    press(&browser, "不同意").await;
    press(&browser, "立即激活").await;
    press(&browser, "同意授权").await;
    reads(&browser, "document.querySelector('input[name=person]:checked').value", &json!("3"))
        .await;
    press(&browser, "下一步").await;
    for (proof, why) in [("light", "光线"), ("network", "网络"), ("photo", "照片不全")] {
        choose(&browser, &format!("input[value={proof}]")).await;
        press(&browser, "下一步").await;
        told(&browser, why).await;
    }
    choose(&browser, "input[name=proof][value=ok]").await;
    press(&browser, "下一步").await;
    choose(&browser, "input[name=region][value=\"990100\"]").await;
    press(&browser, "下一步").await;
    told(&browser, "未开通").await;
    choose(&browser, "input[name=region][value=\"440300\"]").await;
    press(&browser, "下一步").await;
    fill(&browser, "password", "135790").await;
    fill(&browser, "password_again", "135791").await;
    press(&browser, "完成激活").await;
    told(&browser, "不一致").await;
    fill(&browser, "password_again", "135790").await;
    press(&browser, "完成激活").await;

    let code = read_symbol(&browser).await;
    reads(&browser, "document.getElementById('holder').textContent", &json!("张伟")).await;
    let seconds = "Number(document.getElementById('seconds').textContent)";
    let seconds = browser.script(&format!("return {seconds}")).await.as_u64().expect("a number");
    assert!((50..=60).contains(&seconds), "{seconds}");
    let width = "document.querySelector('#symbol svg').getBoundingClientRect().width";
    let width = browser.script(&format!("return {width}")).await.as_f64().expect("a number");
    assert!(width >= f64::from(5 * SIDE), "{width}");
    assert_approved(&pay(&sandbox, &code).await);
    assert!(browser.requested().await.iter().all(|url| url.contains(&sandbox.addresses[3])));
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_symbol_is_new_at_the_end_of_its_life_and_the_old_one_expires() {
    let (sandbox, browser) = (Sandbox::start().await, Browser::start().await);
    verb(&sandbox, 1, "activate", json!({})).await;
    // By the server's clock, what this phone shows has few seconds left.
    verb(&sandbox, 1, "clock", json!({"ahead_s": -54})).await;
    open(&sandbox, &browser, 1).await;
    let old = read_symbol(&browser).await;
    let seconds = "Number(document.getElementById('seconds').textContent) <= 6";
    reads(&browser, seconds, &Value::Bool(true)).await;
    let before = browser.script(&format!("return {CODE_ID}")).await;
    reads(&browser, &format!("{CODE_ID} !== {before}"), &Value::Bool(true)).await;
    assert_ne!(read_symbol(&browser).await, old);
    eventually("the end of the old code", async || {
        let answer = pay_at(&sandbox, "/identify", &old).await;
        (answer.field("yanma-outcome") == Some("code_expired")).then_some(())
    })
    .await;
    assert_approved(&pay(&sandbox, &read_symbol(&browser).await).await);
}

#[tokio::test]
async fn a_spent_code_is_marked_before_the_next_one_comes() {
    let (sandbox, browser) = (Sandbox::start().await, Browser::start().await);
    verb(&sandbox, 1, "activate", json!({})).await;
    open(&sandbox, &browser, 1).await;
    let code = read_symbol(&browser).await;
    let before = browser.script(&format!("return {CODE_ID}")).await;
    assert_approved(&pay(&sandbox, &code).await);
    let used = "document.getElementById('used');\
                return used.offsetParent !== null && used.textContent.includes('已使用')";
    eventually("已使用", async || {
        (browser.script(&format!("const used = {used}")).await == Value::Bool(true)).then_some(())
    })
    .await;
    reads(&browser, &format!("{CODE_ID} !== {before}"), &Value::Bool(true)).await;
    reads(&browser, "document.getElementById('used').hidden", &Value::Bool(true)).await;
    press(&browser, "使用明细").await;
    let uses = "document.querySelectorAll('#uses > li').length";
    reads(&browser, uses, &json!(1)).await;
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

#[tokio::test]
async fn without_a_place_of_insurance_a_code_is_shown_only_if_asked_for() {
    let (sandbox, browser) = (Sandbox::start().await, Browser::start().await);
    verb(&sandbox, 1, "activate", json!({"region": null})).await;
    open(&sandbox, &browser, 1).await;
    let heading = "document.querySelector('#missing h3').offsetParent !== null";
    reads(&browser, heading, &Value::Bool(true)).await;
    let (status, sentence) = refused(&sandbox, 1, "show", json!({})).await;
    assert!(status == 409 && sentence.contains("缺少请求服务配置"), "{sentence}");
    press(&browser, "仍然出示").await;
    let code = read_symbol(&browser).await;
    pay_at(&sandbox, "/pay-in-shandong", &code).await.assert_refused("region_missing");
    press(&browser, "参保地").await;
    choose(&browser, "input[name=place][value=\"370100\"]").await;
    press(&browser, "保存").await;
    reads(&browser, "document.getElementById('region').textContent", &json!("济南")).await;
    reads(&browser, "document.getElementById('anyway').hidden", &Value::Bool(true)).await;
    let code = read_symbol(&browser).await;
    assert_approved(&pay_at(&sandbox, "/pay-in-shandong", &code).await);
}

#[tokio::test]
async fn what_the_phone_asks_for_the_gateway_honours() {
    let (sandbox, browser) = (Sandbox::start().await, Browser::start().await);
    verb(&sandbox, 1, "activate", json!({})).await;
    open(&sandbox, &browser, 1).await;
    read_symbol(&browser).await;
    let holds = |cause: &str| {
        format!("document.querySelector('[data-hold={cause}]').offsetParent !== null")
    };
    press(&browser, "冻结").await;
    reads(&browser, &holds("holder"), &Value::Bool(true)).await;
    reads(&browser, "document.getElementById('result').hidden", &Value::Bool(false)).await;
    frozen_until_lifted(&sandbox, "account_frozen").await;
    press(&browser, "解冻").await;
    reads(&browser, &holds("holder"), &Value::Bool(false)).await;
    paid(&sandbox, 1, json!({})).await;

    press(&browser, "挂失 12393").await;
    press(&browser, "身份已核对，登记挂失").await;
    reads(&browser, &holds("hotline"), &Value::Bool(true)).await;
    frozen_until_lifted(&sandbox, "account_frozen").await;
    verb(&sandbox, 1, "unfreeze", json!({"cause": "hotline"})).await;
    paid(&sandbox, 1, json!({})).await;

    press(&browser, "解绑").await;
    reads(&browser, &holds("unbound"), &Value::Bool(true)).await;
    frozen_until_lifted(&sandbox, "device_unbound").await;
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

/// What phone 1 shows is refused. What the gateway has acknowledged is honoured within a second.
async fn frozen_until_lifted(sandbox: &Sandbox, reason: &str) {
    eventually(reason, async || {
        let code = show(sandbox, 1, json!({})).await;
        let answer = pay_at(sandbox, "/identify", &code).await;
        (answer.field("yanma-outcome") == Some(reason)).then_some(())
    })
    .await;
}

async fn paid(sandbox: &Sandbox, phone: u8, body: Value) {
    eventually("a payment", async || {
        let code = show(sandbox, phone, body.clone()).await;
        let answer = pay(sandbox, &code).await;
        (answer.field("yanma-outcome") == Some("approved")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_new_phone_has_the_next_epoch_and_the_old_one_goes_on_showing_codes() {
    let sandbox = Sandbox::start().await;
    verb(&sandbox, 1, "activate", json!({})).await;
    let new = verb(&sandbox, 6, "activate", json!({"person": 1})).await;
    assert_eq!(
        (&new["activation"]["epoch"], &new["activation"]["subject"]),
        (&json!(2), &json!("4201"))
    );
    assert!(new["change"]["honoured_from"].is_string());
    frozen_until_lifted(&sandbox, "device_unbound").await;
    paid(&sandbox, 6, json!({})).await;
    let old = verb(&sandbox, 1, "show", json!({})).await;
    assert_eq!(old["activation"]["is_unbound"], true);
    let sandbox = sandbox.restart().await;
    let again = verb(&sandbox, 6, "show", json!({})).await;
    assert_eq!(again["activation"]["epoch"], 2, "phones are kept");
}

#[tokio::test]
async fn a_family_has_five_members_at_most() {
    let sandbox = Sandbox::start().await;
    verb(&sandbox, 1, "activate", json!({})).await;
    for relation in 1..=5 {
        let phone = verb(&sandbox, 1, "member-add", json!({})).await;
        let members = phone["activation"]["members"].as_array().expect("members");
        assert_eq!(members.last().expect("a member")["relation"], relation);
    }
    let (status, sentence) = refused(&sandbox, 1, "member-add", json!({})).await;
    assert!(status == 409 && sentence.contains("five"), "{sentence}");
    // Codes that an earlier member could have are refused for some seconds.
    let code = show(&sandbox, 1, json!({"relation": 2})).await;
    pay(&sandbox, &code).await.assert_refused("family_member_removed");
    paid(&sandbox, 1, json!({"relation": 2})).await;
    let phone = verb(&sandbox, 1, "member-remove", json!({"relation": 2})).await;
    assert_eq!(phone["activation"]["shown_relation"], 0);
    eventually("a removal", async || {
        let code = show(&sandbox, 1, json!({"relation": 2})).await;
        let answer = pay_at(&sandbox, "/identify", &code).await;
        (answer.field("yanma-outcome") == Some("family_member_removed")).then_some(())
    })
    .await;
    let (status, _) = refused(&sandbox, 1, "member-remove", json!({"relation": 2})).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn what_is_not_allowed_is_told_and_nothing_secret_is() {
    let sandbox = Sandbox::start().await;
    assert_eq!(refused(&sandbox, 1, "show", json!({})).await.0, 409);
    assert_eq!(refused(&sandbox, 7, "activate", json!({})).await.0, 404);
    verb(&sandbox, 1, "activate", json!({"password": "135790"})).await;
    for (verb, body, status) in [
        ("pay", json!({}), 404),
        ("show", json!({"password": "111111"}), 403),
        ("show", json!({"relation": 3}), 409),
        ("show", json!({"kind": "both"}), 400),
        ("show", json!({"colour": "red"}), 400),
        ("password", json!({"old": "111111"}), 403),
        ("password", json!({"old": "135790", "new": "12"}), 400),
        ("region", json!({"region": "990100"}), 409),
        ("clock", json!({"ahead_s": -121}), 400),
    ] {
        let (found, sentence) = refused(&sandbox, 1, verb, body.clone()).await;
        assert_eq!(found, status, "{verb} {body}: {sentence}");
    }
    let phone = verb(&sandbox, 1, "password", json!({"old": "135790", "new": "246802"})).await;
    let text = phone.to_string();
    assert!(
        !text.contains("135790") && !text.contains("246802") && !text.contains("salt"),
        "{text}"
    );
    show(&sandbox, 1, json!({"password": "246802"})).await;
    let pending = verb(&sandbox, 2, "activate", json!({"failure": "not-synced"})).await;
    assert_eq!(pending["activation"]["holds"][0]["cause"], "pending");
    eventually("account_not_ready", async || {
        let code = show(&sandbox, 2, json!({})).await;
        let answer = pay_at(&sandbox, "/identify", &code).await;
        (answer.field("yanma-outcome") == Some("account_not_ready")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_scripts_a_symbol_is_shown() {
    let (sandbox, browser) = (Sandbox::start().await, Browser::start().await);
    verb(&sandbox, 1, "activate", json!({})).await;
    browser.allow_scripts(false).await;
    open(&sandbox, &browser, 1).await;
    let width = "document.querySelector('.symbol svg')?.getBoundingClientRect().width ?? 0";
    let width = browser.script(&format!("return {width}")).await.as_f64().expect("a number");
    assert!(width >= f64::from(5 * SIDE), "{width}");
    let path =
        browser.script("return document.querySelector('.symbol path').getAttribute('d')").await;
    assert_approved(&pay(&sandbox, &decode(path.as_str().expect("a path"))).await);
}
