//! All pages of the sandbox: the first minute of a newcomer, each screen, each language.

use serde_json::{Value, json};

use crate::harness::webdriver::{Browser, Screen};
use crate::harness::{Client, Request, eventually};
use crate::operator::sandbox::Sandbox;

const PAGES: usize = 3;
const PATHS: [&str; 6] = ["/", "/phone", "/till", "/faults", "/live", "/commands"];
const PHONE: (u32, u32, bool) = (390, 844, true);
const DESKTOP: (u32, u32, bool) = (1280, 800, false);
const SMALLEST: (u32, u32, bool) = (360, 740, true);

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> Value {
    let pages = &sandbox.addresses[PAGES];
    let request = Request::post(path).host(pages).field("Content-Type", "application/json");
    let answer = Client::connect(pages).await.ask(request.body(body.to_string()).bytes()).await;
    assert_eq!(answer.status(), 200, "{path}: {answer:?}");
    answer.json()
}

/// Presses what says this, once it can be pressed.
async fn press(browser: &Browser, text: &str) {
    let find = format!(
        "const found = [...document.querySelectorAll('a, button')].find((one) => \
         one.textContent.trim() === '{text}' && one.offsetParent !== null && !one.disabled);\
         found?.click(); return found !== undefined"
    );
    eventually(text, async || (browser.script(&find).await == json!(true)).then_some(())).await;
}

async fn shows(browser: &Browser, text: &str) {
    let script = format!("return document.body.innerText.includes('{text}')");
    eventually(text, async || (browser.script(&script).await == json!(true)).then_some(())).await;
}

/// Flow 1: the link alone. Activate, take, pay.
#[tokio::test]
async fn a_newcomer_pays_from_the_link_alone() {
    let sandbox = Sandbox::start().await;
    let said = sandbox.process.said();
    let (_, link) = said.split_once("open  ").expect("a link");
    let link = link.split_whitespace().next().expect("a link");
    let browser = Browser::start().await;
    browser.open(&format!("{link}?lang=zh")).await;
    press(&browser, "手机").await;
    press(&browser, "立即激活").await;
    press(&browser, "同意授权").await;
    // Who it is, the face, the place of insurance: each as it stands there.
    for _ in 0..3 {
        press(&browser, "下一步").await;
    }
    let fill = "const fields = [...document.querySelectorAll('input[name^=password]')]\
        .filter((one) => one.offsetParent !== null);\
        fields.forEach((one) => { one.value = '135790'; }); return fields.length";
    eventually("two fields", async || (browser.script(fill).await == json!(2)).then_some(())).await;
    press(&browser, "完成激活").await;
    shows(&browser, "支付码").await;
    press(&browser, "收费台").await;
    press(&browser, "从手机读取").await;
    shows(&browser, "您需付 85.00").await;
    press(&browser, "收费").await;
    shows(&browser, "已收").await;
    assert_eq!(browser.console().await, Vec::<Value>::new());
    let foreign: Vec<String> =
        browser.requested().await.into_iter().filter(|url| !url.starts_with(link)).collect();
    assert!(foreign.is_empty(), "requests elsewhere: {foreign:?}");
}

/// Something of each kind is there to be seen: a code, a refusal, an unknown outcome.
async fn in_use(sandbox: &Sandbox) {
    post(sandbox, "/sandbox/phone/1/activate", json!({})).await;
    post(sandbox, "/sandbox/phone/1/show", json!({})).await;
    post(sandbox, "/sandbox/fault", json!({"reason": "code_used"})).await;
    post(sandbox, "/sandbox/till/1/decode", json!({"phone": "1"})).await;
    post(sandbox, "/sandbox/fault", json!({"backend": "reset", "booked": true})).await;
    post(sandbox, "/sandbox/till/1/settle", json!({})).await;
}

/// Flow 8: nothing keeps people out, in any colours, in any language.
async fn are_sound_on(screen: (u32, u32, bool), schemes: &[&'static str]) {
    let sandbox = Sandbox::start().await;
    in_use(&sandbox).await;
    let browser = Browser::start().await;
    let pages = &sandbox.addresses[PAGES];
    let (width, height, is_phone) = screen;
    for scheme in schemes {
        browser.look_through(Screen { width, height, is_phone, scheme }).await;
        for language in ["zh", "en"] {
            for path in PATHS.iter().chain(&["/samples/"]) {
                let what = format!("{path} {language} {width} {scheme}");
                browser.open(&format!("http://{pages}{path}?lang={language}")).await;
                let wide = browser.script("return document.documentElement.scrollWidth").await;
                assert!(wide.as_u64() <= Some(u64::from(width)), "{what}: {wide} wide");
                // The colours alone differ in the dark.
                let found = match *scheme {
                    "dark" => browser.axe_of_colours().await,
                    _ => browser.axe().await,
                };
                assert_eq!(found, json!([]), "{what}: {found:#}");
            }
        }
    }
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_page_is_sound_on_a_phone() {
    are_sound_on(PHONE, &["light", "dark"]).await;
}

#[tokio::test]
async fn each_page_is_sound_on_a_desktop() {
    are_sound_on(DESKTOP, &["light", "dark"]).await;
}

#[tokio::test]
async fn each_page_fits_the_smallest_screen() {
    let sandbox = Sandbox::start().await;
    in_use(&sandbox).await;
    let browser = Browser::start().await;
    let (width, height, is_phone) = SMALLEST;
    browser.look_through(Screen { width, height, is_phone, scheme: "light" }).await;
    for path in PATHS {
        for language in ["zh", "en"] {
            let pages = &sandbox.addresses[PAGES];
            browser.open(&format!("http://{pages}{path}?lang={language}")).await;
            let wide = browser.script("return document.documentElement.scrollWidth").await;
            assert!(wide.as_u64() <= Some(u64::from(width)), "{path} {language}: {wide} wide");
        }
    }
}

#[tokio::test]
async fn each_page_is_in_one_language() {
    let sandbox = Sandbox::start().await;
    let browser = Browser::start().await;
    let pages = &sandbox.addresses[PAGES];
    // The contract's sentences are Chinese in both, and say so.
    let chinese = "const walk = (node) => node.nodeType === 3 ? node.textContent : \
        node.nodeType !== 1 || (node.lang !== '' && node !== document.documentElement) || \
        ['SCRIPT', 'TEMPLATE', 'NOSCRIPT', 'PRE'].includes(node.nodeName) ? '' : \
        [...node.childNodes].map(walk).join(' ');\
        return walk(document.body).match(/[\\u4e00-\\u9fff]+/g) ?? []";
    for path in PATHS {
        browser.open(&format!("http://{pages}{path}?lang=en")).await;
        let found = browser.script(chinese).await;
        let found: Vec<String> = serde_json::from_value(found).expect("texts");
        let known = ["验码", "未同步", "未开通", "缺少请求服务配置"];
        let foreign: Vec<_> = found.iter().filter(|text| !known.contains(&text.as_str())).collect();
        assert!(foreign.is_empty(), "{path}: {foreign:?}");
    }
}
