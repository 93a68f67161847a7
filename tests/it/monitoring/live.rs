//! The live page: what an operator sees in a browser, and who else may ask.

use crate::harness::webdriver::{Browser, Screen};
use crate::harness::{Client, DeadPort, Request, Setup, World, eventually};
use rustix::process::Signal;
use serde_json::Value;

const ROUTE_TO_NOBODY: &str = "path = \"/nobody\"\ncode = \"none\"\nbackend = \"nobody\"";

const PHONE: (u32, u32, bool) = (390, 844, true);
const SMALLEST: (u32, u32, bool) = (360, 740, true);
const DESKTOP: (u32, u32, bool) = (1280, 800, false);

/// Texts of the page that differ from one second to the next, or from one look to the next.
const MOVING: &str = "/now_unix|uptime|per_s|_ago_s|seconds|memory|open_files|wall_clock|verdict|staleness|p99|connections/";

async fn start() -> (World, DeadPort) {
    let dead = DeadPort::new();
    let backend = format!("name = \"nobody\"\nendpoints = [\"{}\"]", dead.endpoint);
    let setup = Setup::new().await.also("backend", &backend).also("route", ROUTE_TO_NOBODY);
    (setup.start().await, dead)
}

/// The text of an element, once it is what is expected.
async fn reads(browser: &Browser, what: &str, script: &str, expected: &str) {
    eventually(what, async || {
        let found = browser.script(&format!("return {script}")).await;
        (found.as_str() == Some(expected)).then_some(())
    })
    .await;
}

/// A cell of a row of a list: the row by the text of its heading.
fn cell(list: &str, row: &str, field: &str) -> String {
    format!(
        "[...document.querySelectorAll('[data-list=\"{list}\"] > tr')]\
         .find((row) => row.cells[0].textContent === '{row}')\
         ?.querySelector('[data-at=\"{field}\"]').textContent"
    )
}

#[tokio::test]
async fn an_operator_sees_what_happens() {
    let (world, _dead) = start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/?lang=en", world.admin)).await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    reads(&browser, "a payment", &cell("outcomes", "served", "total"), "1").await;
    world.pay_more(&code).await.assert_refused("code_used");
    reads(&browser, "a refusal", &cell("refusals", "code_used", "one_minute"), "1").await;
    world.ask(&Request::get("/nobody")).await.assert_refused("backend_unreachable");
    reads(&browser, "a backend", &cell("backends", "nobody", "state"), "down").await;
    let sentence = "document.getElementById('sentence').textContent";
    reads(&browser, "the verdict", sentence, "Backend nobody is down.").await;
    world.signal(Signal::HUP);
    let event = "String([...document.querySelectorAll('[data-list=\"log\"] > tr [data-at=\"event\"]')]\
                 .some((event) => event.textContent === 'reloaded'))";
    reads(&browser, "a line of the log", event, "true").await;
    let state = "document.getElementById('verdict').dataset.state";
    reads(&browser, "the verdict's colour", state, "trouble").await;
    let drawn =
        "String(document.querySelectorAll('[data-plot] .line, [data-plot] .bar').length > 10)";
    reads(&browser, "plots", drawn, "true").await;

    let said = browser.console().await;
    assert!(said.is_empty(), "the console: {said:?}");
    let ours = format!("http://{}/", world.admin);
    let foreign: Vec<String> =
        browser.requested().await.into_iter().filter(|url| !url.starts_with(&ours)).collect();
    assert!(foreign.is_empty(), "requests elsewhere: {foreign:?}");

    let mut world = world;
    world.signal(Signal::KILL);
    world.process.ended().await;
    let silent = "String(document.getElementById('silent').textContent\
                  .startsWith('The gateway is not answering since '))";
    reads(&browser, "that the gateway is gone", silent, "true").await;
    world.start_again().await;
    let hidden = "String(document.getElementById('silent').hidden)";
    reads(&browser, "that it is back", hidden, "true").await;
    reads(&browser, "the new process", &cell("outcomes", "served", "total"), "0").await;
}

#[tokio::test]
async fn each_screen_and_language_is_sound() {
    let (world, _dead) = start().await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.pay_more(&code).await.assert_refused("code_used");
    world.ask(&Request::get("/nobody")).await.assert_refused("backend_unreachable");
    let browser = Browser::start().await;
    for (width, height, is_phone) in [PHONE, DESKTOP, SMALLEST] {
        for scheme in ["light", "dark"] {
            let screen = Screen { width, height, is_phone, scheme };
            browser.look_through(screen).await;
            for language in ["en", "zh"] {
                browser.open(&format!("http://{}/?lang={language}", world.admin)).await;
                let drawn = "String(document.querySelector('[data-plot] .tick') !== null)";
                reads(&browser, "a plot", drawn, "true").await;
                let wide = browser.script("return document.documentElement.scrollWidth").await;
                assert!(wide.as_u64() <= Some(u64::from(width)), "{screen:?} {language}: {wide}");
                let found = browser.axe().await;
                assert_eq!(found, Value::Array(vec![]), "{screen:?} {language}: {found:#}");
            }
        }
    }
    assert_eq!(browser.console().await, Vec::<Value>::new());
}

#[tokio::test]
async fn scripts_show_what_the_page_shows_without_them() {
    let (world, _dead) = start().await;
    world.pay(&world.code()).await.assert_approved();
    world.ask(&Request::get("/nobody")).await.assert_refused("backend_unreachable");
    let browser = Browser::start().await;
    for language in ["en", "zh"] {
        browser.open(&format!("http://{}/?lang={language}", world.admin)).await;
        let drawn = "String(document.querySelector('[data-plot] .bar') !== null)";
        reads(&browser, "a plot", drawn, "true").await;
        let differences = browser.script_async(&format!("const moving = {MOVING};{COMPARE}")).await;
        assert_eq!(
            differences,
            Value::Array(vec![]),
            "{language}: server, script: {differences:#}"
        );
    }
    browser.allow_scripts(false).await;
    browser.open(&format!("http://{}/", world.admin)).await;
    let served = cell("outcomes", "served", "total");
    assert_eq!(browser.script(&format!("return {served}")).await.as_str(), Some("1"));
}

/// Compares each value of the page as the server sends it with what the module has put there.
const COMPARE: &str = "const done = arguments[arguments.length - 1]; \
    fetch(location.href).then((answer) => answer.text()).then((html) => { \
    const read = (page) => [...page.querySelectorAll('[data-at]')] \
        .filter((one) => !moving.test(one.dataset.at)) \
        .map((one) => `${one.dataset.at}: ${one.textContent} ${one.dataset.tone}`); \
    const server = read(new DOMParser().parseFromString(html, 'text/html')); \
    const script = read(document); \
    const all = Math.max(server.length, script.length); \
    const pairs = Array.from({ length: all }, (_, at) => [server[at], script[at]]); \
    done(server.length < 80 ? ['too few'] : pairs.filter(([one, other]) => one !== other)); })";

#[tokio::test]
async fn no_page_of_another_origin_reloads() {
    let world = World::start().await;
    let since = "yanma_config_last_reload_success_timestamp_seconds";
    let before = world.metric(since).await;
    let browser = Browser::start().await;
    browser.open("data:text/html,<title>elsewhere</title>").await;
    let ask = format!(
        "const done = arguments[0]; fetch('http://{}/reload', {{ method: 'POST', mode: 'no-cors' }})\
         .then(() => done('sent'), (error) => done(String(error)))",
        world.admin
    );
    let told = browser.script_async(&ask).await;
    let asked = browser.requested().await;
    assert!(asked.iter().any(|url| url.ends_with("/reload")), "it was sent: {told} {asked:?}");
    assert!((world.metric(since).await - before).abs() < f64::EPSILON, "nothing was read again");

    let reload =
        async |request: Request| Client::connect(&world.admin).await.ask(request.bytes()).await;
    let ours = || Request::new("POST", "/reload").host(&world.admin);
    for origin in ["null", "http://evil.example"] {
        let answer = reload(ours().field("Origin", origin)).await;
        assert_eq!((answer.status(), answer.text().lines().count()), (403, 1), "{origin}");
    }
    assert_eq!(reload(Request::new("POST", "/reload").host("evil.example")).await.status(), 403);
    assert!((world.metric(since).await - before).abs() < f64::EPSILON, "nothing was read again");
    assert_eq!(reload(ours()).await.status(), 200, "a program on this machine");
    assert!(world.metric(since).await > before);
}

#[tokio::test]
async fn a_name_of_the_configuration_is_ours() {
    let world = World::with("[admin]\nhosts = [\"gateway-1.example\"]").await;
    let ask = async |host: &str| {
        let request = Request::get("/live.json").host(host);
        Client::connect(&world.admin).await.ask(request.bytes()).await.status()
    };
    assert_eq!(ask("GATEWAY-1.example:9000").await, 200);
    assert_eq!(ask("gateway-2.example").await, 403);
}
