//! Real gateways, real faults, a real Prometheus: exactly the expected alerts fire.
//!
//! The rules are those of `config/prometheus` over shorter times: see [`super::quick`].

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use keyring::mint::Spoil;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::files::rule_files;
use super::quick::quicker;
use crate::harness::accounts::with_accounts;
use crate::harness::keys::{Issuer, RETIRING, WECHAT, payment, write_keyring};
use crate::harness::process::StandardError;
use crate::harness::redis::{Redis, config};
use crate::harness::{Backend, Reply, Request, Setup, World, eventually, now_ms};
use crate::monitoring::prometheus::{Prometheus, scraping};

/// A minute of the rules is a second here.
const FACTOR: u64 = 60;

/// Where others use the processors too, a node is rightly said to be slow. No test may count on that.
const OF_THE_MACHINE: &[&str] = &["YanmaSlow"];

const ALIPAY: Issuer = Issuer { state: "active", ..RETIRING };

/// Requests at a steady rate, whatever is answered, until this is dropped.
struct Traffic(JoinHandle<()>);

impl Drop for Traffic {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Traffic {
    fn start(address: &str, request: impl Fn() -> Request + Send + 'static) -> Self {
        let address = address.to_owned();
        Self(tokio::spawn(async move {
            let mut turn = tokio::time::interval(Duration::from_millis(100));
            loop {
                turn.tick().await;
                let bytes = request().field("Connection", "close").bytes();
                // A node that is away is a fault of some tests.
                let Ok(mut stream) = TcpStream::connect(&address).await else { continue };
                if stream.write_all(&bytes).await.is_ok() {
                    drop(stream.read_to_end(&mut Vec::new()).await);
                }
            }
        }))
    }
}

fn now_s() -> i64 {
    now_ms().div_euclid(1_000)
}

fn pay(path: &'static str) -> impl Fn() -> Request + Send {
    move || Request::post(path).code(&WECHAT.mint(&payment(now_s())))
}

/// A code of a channel as it is some seconds after it was made, shown to a route that spends nothing.
fn check(issuer: Issuer, seconds: i64) -> impl Fn() -> Request + Send {
    move || Request::post("/check").code(&issuer.mint(&payment(now_s() - seconds)))
}

fn spoiled(spoil: Spoil) -> impl Fn() -> Request + Send {
    move || Request::post("/check").code(&WECHAT.mint_spoiled(&payment(now_s()), spoil))
}

/// A Prometheus with the project's rules, in a hurry.
async fn watch(worlds: &[&World]) -> Prometheus {
    let targets: Vec<&str> = worlds.iter().map(|world| world.admin.as_str()).collect();
    let files: Vec<(String, String)> =
        rule_files().into_iter().map(|file| (file.name, quicker(&file.text, FACTOR))).collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let prometheus = Prometheus::start(&scraping(&targets), &files).await;
    prometheus.api.scraped(targets.len()).await;
    prometheus
}

/// The alerts that fire or are about to, less those of the machine.
async fn alerts(prometheus: &Prometheus, with_pending: bool) -> BTreeSet<String> {
    let alerts = prometheus.api.alerts().await.into_iter();
    alerts
        .filter(|alert| with_pending || alert.state == "firing")
        .map(|mut alert| alert.labels.remove("alertname").expect("each alert has a name"))
        .filter(|name| !OF_THE_MACHINE.contains(&name.as_str()))
        .collect()
}

/// What was seen last, for the person who reads why a test failed.
struct Seen(BTreeSet<String>);

impl Drop for Seen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("these alerts were firing: {:?}", self.0);
        }
    }
}

/// Waits until these alerts fire and no others.
async fn fire(prometheus: &Prometheus, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|name| format!("Yanma{name}")).collect();
    let mut seen = Seen(BTreeSet::new());
    eventually(&format!("all of {expected:?}, pending at least"), async || {
        seen.0 = alerts(prometheus, true).await;
        seen.0.is_superset(&expected).then_some(())
    })
    .await;
    eventually(&format!("exactly {expected:?}"), async || {
        seen.0 = alerts(prometheus, false).await;
        (seen.0 == expected).then_some(())
    })
    .await;
    for alert in prometheus.api.alerts().await {
        for text in alert.annotations.values() {
            let is_whole = !text.contains("<error") && !text.contains("<no value");
            assert!(is_whole && !text.contains("{{"), "{alert:?}");
        }
    }
}

/// Waits until each node was scraped for 15 seconds, and asserts that meanwhile no alert has fired. At
/// the very start Prometheus knows of no gateway, which is an alert's condition.
async fn stay_quiet(prometheus: &Prometheus, nodes: usize) {
    eventually("enough scrapes", async || {
        let often = prometheus.api.query("count_over_time(up[10m]) >= 15").await;
        (often.len() == nodes).then_some(())
    })
    .await;
    let fired = prometheus.api.query("count_over_time(ALERTS{alertstate=\"firing\"}[12s])").await;
    let fired: Vec<&str> = fired.iter().map(|sample| sample.labels["alertname"].as_str()).collect();
    assert!(fired.iter().all(|name| OF_THE_MACHINE.contains(name)), "{fired:?}");
}

/// Two channels, none of whose keys ends soon.
fn with_two_channels(setup: Setup) -> Setup {
    write_keyring(&setup.directory().join("keyring"), &[WECHAT, ALIPAY]);
    setup
}

/// A backend that only probes meet. It dies when its task is aborted.
async fn mortal_backend() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let task = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    (endpoint, task)
}

/// A node of three, with routes to a backend that breaks off its answers and to one that will go.
async fn node(registers: &[Redis], breaking: &Backend, going: &str) -> World {
    let backend =
        |name: &str, endpoint: &str| format!("name = \"{name}\"\nendpoints = [\"{endpoint}\"]");
    let route = |name: &str| format!("path = \"/{name}\"\ncode = \"redeem\"\nbackend = \"{name}\"");
    let setup = with_two_channels(Setup::new().await)
        .config(&config(registers))
        .also("backend", &backend("breaking", &breaking.endpoint))
        .also("route", &route("breaking"))
        .also("backend", &backend("going", going))
        .also("route", &route("going"));
    setup.start().await
}

#[tokio::test]
async fn nodes_on_registers() {
    let mut registers = Redis::group().await;
    let half = Reply::ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into());
    let breaking = Backend::start(half).await;
    let (going, gone) = mortal_backend().await;
    let (mut one, two, three) = tokio::join!(
        node(&registers, &breaking, &going),
        node(&registers, &breaking, &going),
        node(&registers, &breaking, &going),
    );
    for register in &registers {
        register.age().await;
    }
    let prometheus = watch(&[&one, &two, &three]).await;
    let _payments: Vec<Traffic> =
        [&one, &two, &three].map(|world| Traffic::start(&world.address, pay("/pay"))).into();
    stay_quiet(&prometheus, 3).await;

    // Faults that come one by one, seen together.
    gone.abort();
    let unknown = Traffic::start(&one.address, pay("/breaking"));
    let _stolen = Traffic::start(&one.address, spoiled(Spoil::Seal));
    registers[0].kill().await;
    two.write_keyring(&[WECHAT]);
    two.signal(Signal::HUP);
    fs::write(one.config_path(), "no configuration").expect("gateway.toml");
    one.signal(Signal::HUP);
    let faults = [
        "BackendDown",
        "KeyringDiffers",
        "ManyUnknown",
        "OutcomeUnknown",
        "RegisterLost",
        "ReloadFailed",
        "SealInvalid",
    ];
    fire(&prometheus, &faults).await;

    // They end but for the stolen key, the lost register and the backend.
    drop(unknown);
    one.write_config("");
    one.signal(Signal::HUP);
    two.write_keyring(&[WECHAT, ALIPAY]);
    two.signal(Signal::HUP);
    fire(&prometheus, &["BackendDown", "RegisterLost", "SealInvalid"]).await;

    three.signal(Signal::KILL);
    fire(&prometheus, &["BackendDown", "FewNodes", "NodeDown", "RegisterLost", "SealInvalid"])
        .await;

    registers[1].kill().await;
    let without_majority = [
        "BackendDown",
        "FewNodes",
        "GatewayFaults",
        "NoMajority",
        "NodeDown",
        "RegisterLost",
        "SealInvalid",
    ];
    fire(&prometheus, &without_majority).await;
}

/// Freezes so many people, of 1,000 for whom there is room.
async fn freeze(writer: &crate::harness::accounts::Writer, people: u32) {
    let change = |subject: u32| json!({ "op": "freeze", "subject": subject.to_string(), "cause": "operator" });
    let changes: Vec<_> = (1_000..1_000 + people).map(change).collect();
    assert_eq!(writer.ask(changes.into()).await.status(), 200);
}

#[tokio::test]
async fn codes_tables_and_losses_of_nodes() {
    let setup = with_two_channels(Setup::new().await)
        .config("replay.capacity = 64")
        .also("route", "path = \"/visit\"\ncode = \"pass_check\"\nbackend = \"settlement\"");
    let (setup, writer) = with_accounts(setup, "store = \"local\"");
    let wish = setup.directory().join("panic");
    let wish_text = wish.display().to_string();
    let world = setup.environment("YANMA_TEST_PANIC", &wish_text);
    // The other one verifies slowly, its log has no room, and its clock is a file.
    let slow = with_two_channels(Setup::new().await);
    let clock = slow.directory().join("clock");
    fs::write(&clock, "0").expect("a clock file");
    let slow = slow
        .environment("YANMA_VERIFY", "reference")
        .environment("YANMA_TEST_CLOCK", &clock.display().to_string())
        .standard_error(StandardError::Full);
    let (world, slow) = tokio::join!(world.start(), slow.start());
    let prometheus = watch(&[&world, &slow]).await;
    fire(&prometheus, &["VerifierSlow"]).await;

    // What codes and passes say.
    world.behind_fence().await;
    let used = world.code();
    world.pay(&used).await.assert_approved();
    let again = move || Request::post("/pay").code(&used).body("{\"amount\":\"99.00\"}");
    let pass = || Request::post("/visit").field("Yanma-Pass", "no pass at all");
    let at = &world.address;
    let _traffic = [
        Traffic::start(at, again),
        Traffic::start(at, pass),
        Traffic::start(at, spoiled(Spoil::Signature)),
        Traffic::start(at, check(WECHAT, 53)),
        Traffic::start(at, check(WECHAT, -5)),
        Traffic::start(at, check(ALIPAY, -5)),
    ];
    let said = ["Channel", "ClockSlow", "CodesLate", "Forgeries", "PassesRefused", "VerifierSlow"];
    fire(&prometheus, &said).await;

    // What is full, and what is lost.
    freeze(&writer, 710).await;
    // Renamed, so that no thread reads half of it.
    fs::write(wish.with_extension("new"), "accounts").expect("a file");
    fs::rename(wish.with_extension("new"), &wish).expect("a file");
    let _payments = [Traffic::start(at, pay("/pay")), Traffic::start(at, pay("/pay"))];
    let full = ["AccountsFill", "GatewayFaults", "LimitHit", "Panicked", "ReplayFills"];
    fire(&prometheus, &[&said[..], &full].concat()).await;

    // What passes by, last.
    fs::write(&clock, "3000").expect("a clock file");
    slow.signal(Signal::HUP);
    fire(&prometheus, &[&said[..], &full, &["ClockStepped", "LogDropped"]].concat()).await;
}
