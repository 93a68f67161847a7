//! One scan serves a whole visit: a code is exchanged for a pass, the pass is opened by any call and
//! pays once.

mod his;

use serde_json::json;

use crate::harness::keys::identity;
use crate::harness::redis::{Redis, config};
use crate::harness::{Request, Setup, World, until};

const ROUTES: [&str; 4] = [
    "path = \"/scan\"\ncode = \"exchange\"\nbackend = \"settlement\"",
    "path = \"/query\"\ncode = \"pass_check\"\nbackend = \"settlement\"",
    "path = \"/settle\"\ncode = \"pass\"\nbackend = \"settlement\"",
    "path = \"/either\"\ncode = [\"pass\", \"redeem\"]\nbackend = \"settlement\"",
];

async fn setup() -> Setup {
    ROUTES.iter().fold(Setup::new().await, |setup, route| setup.also("route", route))
}

/// A gateway whose new table of passes has let its fence pass.
async fn world() -> World {
    let world = setup().await.start().await;
    open(&world).await;
    world
}

pub(in crate::promise) async fn open(world: &World) {
    let fence_s = world.metric("yanma_pass_fence_end_timestamp_seconds").await;
    #[allow(clippy::as_conversions, reason = "whole seconds before 2106")]
    until((fence_s as i64 + 1) * 1_000).await;
}

/// A pass for a fresh code, and its id.
async fn scan(world: &World) -> (String, String) {
    let code = world.code();
    let scanned = world.ask(&Request::post("/scan").code(&code)).await;
    scanned.assert_approved();
    assert_eq!(scanned.field("yanma-redemption"), Some(identity(&code).as_str()));
    let field = |name| scanned.field(name).expect(name).to_owned();
    (field("yanma-pass"), field("yanma-pass-id"))
}

fn with(target: &str, pass: &str) -> Request {
    Request::post(target).field("Yanma-Pass", pass)
}

#[tokio::test]
async fn one_scan_serves_the_whole_visit_and_pays_once() {
    let world = world().await;
    let code = world.code();
    let scan = Request::post("/scan").code(&code).body("{\"a\":1}");
    let scanned = world.ask(&scan).await;
    scanned.assert_approved();
    let pass = scanned.field("yanma-pass").expect("a pass").to_owned();
    let id = scanned.field("yanma-pass-id").expect("its id").to_owned();
    assert_eq!(pass.len(), 40, "{pass}");
    let seen = world.backend.arrived(1).await[0].clone();
    assert_eq!(seen.field("yanma-pass"), Some(pass.as_str()));
    assert_eq!(seen.field("yanma-pass-id"), Some(id.as_str()));
    assert_eq!(seen.field("yanma-redemption"), Some(identity(&code).as_str()));
    assert_eq!(seen.field("yanma-kind"), Some("payment"));

    // The same again gets the same pass; the code is worth nothing else any more.
    let again = world.ask(&scan).await;
    assert_eq!(again.field("yanma-pass"), Some(pass.as_str()));
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    world.ask(&Request::post("/scan").code(&code).body("x")).await.assert_refused("code_used");
    world.ask(&Request::post("/pay").code(&code)).await.assert_refused("code_used");

    for _ in 0..3 {
        let queried = world.ask(&with("/query", &pass)).await;
        queried.assert_approved();
        assert_eq!(queried.field("yanma-pass-id"), Some(id.as_str()));
        assert_eq!(queried.field("yanma-redemption"), None);
        assert_eq!(queried.field("yanma-pass"), None);
    }
    let seen = world.backend.arrived(4).await[3].clone();
    let expected = [
        ("yanma-subject", "42"),
        ("yanma-relation", "0"),
        ("yanma-patient", "42"),
        ("yanma-region", "370100"),
        ("yanma-channel", "wechat"),
        ("yanma-auth", "password"),
        ("yanma-kind", "pass"),
        ("yanma-key-id", "7001"),
        ("yanma-pass-id", id.as_str()),
    ];
    for (name, value) in expected {
        assert_eq!(seen.field(name), Some(value), "{name}");
    }
    for name in ["yanma-pass", "yanma-redemption", "yanma-issued-at", "yanma-code-id"] {
        assert_eq!(seen.field(name), None, "{name}");
    }

    let settle = with("/settle", &pass.to_uppercase()).body("{\"amount\":\"85.00\"}");
    let settled = world.ask(&settle).await;
    settled.assert_approved();
    assert_eq!(settled.field("yanma-redemption"), Some(id.as_str()));
    let seen = world.backend.arrived(5).await[4].clone();
    assert_eq!(seen.field("yanma-redemption"), Some(id.as_str()));
    let again = world.ask(&settle).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    let other = world.ask(&with("/settle", &pass).body("{\"amount\":\"86.00\"}")).await;
    let refused = other.assert_refused("pass_used");
    assert_eq!(refused["redemption"].as_str(), Some(id.as_str()));
    assert_eq!(other.field("yanma-pass-id"), Some(id.as_str()));
    world.ask(&with("/query", &pass)).await.assert_approved();
    assert_eq!(world.backend.count_of(&id), 1);
}

#[tokio::test]
async fn what_is_no_pass_opens_nothing() {
    let world = world().await;
    let (pass, _) = scan(&world).await;
    let changed = |at: usize, to: &str| format!("{}{to}{}", &pass[..at], &pass[at + 1..]);
    let other = |at: usize| if pass[at..].starts_with('7') { "8" } else { "7" };
    for text in [
        "0".repeat(40),
        changed(39, other(39)),
        changed(5, other(5)),
        pass[..39].to_owned(),
        format!("{pass}0"),
        "370102199001011234".to_owned(),
        world.code(),
    ] {
        for target in ["/query", "/settle"] {
            world.ask(&with(target, &text)).await.assert_refused("pass_invalid");
        }
    }
    world.ask(&Request::post("/settle")).await.assert_refused("code_missing");
    world.ask(&Request::post("/settle").code(&world.code())).await.assert_refused("code_missing");
    world.ask(&with("/pay", &pass)).await.assert_refused("code_missing");
    let twice = with("/query", &pass).field("Yanma-Pass", &pass);
    world.ask(&twice).await.assert_refused("code_malformed");
    let both = with("/either", &pass).code(&world.code());
    world.ask(&both).await.assert_refused("code_malformed");
    world.ask(&with("/either", &pass)).await.assert_approved();
    world.ask(&Request::post("/either").code(&world.code())).await.assert_approved();
    let refused = "yanma_passes_total{channel=\"unknown\",outcome=\"pass_invalid\"}";
    assert!((world.metric(refused).await - 14.0).abs() < 0.5);
    let approved = "yanma_passes_total{channel=\"wechat\",outcome=\"approved\"}";
    assert!((world.metric(approved).await - 1.0).abs() < 0.5);
}

/// A route that answers itself gives what the platform gives for a code, and its token is the pass.
#[tokio::test]
async fn a_code_is_decoded_without_a_backend() {
    let decode = |path: &str, shape: &str| {
        format!(
            "path = \"{path}\"\ncode = \"exchange\"\nanswer = \"decode\"\nrefusals = \"{shape}\""
        )
    };
    let setup = setup().await.also("route", &decode("/decode", "code_message_data"));
    let world = setup.also("route", &decode("/fsi", "fsi")).start().await;
    open(&world).await;
    let code = world.code();
    let ask = Request::post("/decode").code(&code).body("{\"data\":{}}");
    let decoded = world.ask(&ask).await;
    assert_eq!((decoded.status(), decoded.field("yanma-outcome")), (200, Some("approved")));
    assert_eq!(decoded.field("yanma-redemption"), Some(identity(&code).as_str()));
    let said = decoded.json();
    assert_eq!((&said["code"], &said["success"]), (&json!(0), &json!(true)), "{said}");
    let data = &said["data"];
    assert_eq!(data["insuOrg"], "370100");
    assert_eq!((&data["ecIndexNo"], &data["chnlId"]), (&json!("42"), &json!("wechat")));
    let pass = data["ecToken"].as_str().expect("a token").to_owned();
    assert_eq!(decoded.field("yanma-pass"), Some(pass.as_str()));

    let again = world.ask(&ask).await;
    assert_eq!(
        (again.body.as_slice(), again.field("idempotent-replayed")),
        (decoded.body.as_slice(), Some("true"))
    );
    let other = world.ask(&Request::post("/decode").code(&code).body("{}")).await;
    assert_eq!(other.json()["code"], json!(1301), "{:?}", other.text());
    world.ask(&Request::post("/pay").code(&code)).await.assert_refused("code_used");

    let enveloped = world.ask(&Request::post("/fsi").code(&world.code())).await;
    let said = enveloped.json();
    assert_eq!((&said["infcode"], &said["err_msg"]), (&json!(0), &json!("")), "{said}");
    assert_eq!(said["output"]["data"]["ecToken"].as_str(), enveloped.field("yanma-pass"));

    assert_eq!(world.backend.count(), 0, "the gateway has answered all of it");
    let settled = world.ask(&with("/settle", &pass)).await;
    settled.assert_approved();
    assert_eq!(settled.field("yanma-redemption"), decoded.field("yanma-pass-id"));
    let approved = "yanma_requests_total{route=\"/decode\",outcome=\"approved\"}";
    world.metric_reaches(approved, 1.0).await;
}

/// A crash and an upgrade between the calls of a visit: nothing of a pass is in memory, and what is
/// spent is in the file.
#[tokio::test]
async fn a_visit_goes_on_over_a_crash_and_an_upgrade() {
    let mut world = world().await;
    let (pass, _) = scan(&world).await;
    let (spent, spent_id) = scan(&world).await;
    world.ask(&with("/settle", &spent).body("1")).await.assert_approved();
    world.crash().await;
    world.ask(&with("/query", &pass)).await.assert_approved();
    world.ask(&with("/settle", &spent).body("2")).await.assert_refused("pass_used");
    let successor = world.process.upgrade().await;
    let mut old = std::mem::replace(&mut world.process, successor);
    assert!(old.ended().await.success());
    world.ask(&with("/settle", &spent).body("3")).await.assert_refused("pass_used");
    world.ask(&with("/settle", &pass).body("1")).await.assert_approved();
    assert_eq!(world.backend.count_of(&spent_id), 1);
}

/// A pass whose settlement did not leave is good again, as a code is.
#[tokio::test]
async fn a_settlement_that_did_not_leave_gives_the_pass_back() {
    let setup =
        setup().await.also("backend", "name = \"nowhere\"\nendpoints = [\"http://127.0.0.1:9\"]");
    let route = "path = \"/lost\"\ncode = \"pass\"\nbackend = \"nowhere\"";
    let world = setup.also("route", route).start().await;
    open(&world).await;
    let (pass, id) = scan(&world).await;
    let lost = world.ask(&with("/lost", &pass)).await;
    lost.assert_refused("backend_unreachable");
    assert_eq!(lost.field("yanma-pass-id"), Some(id.as_str()));
    world.ask(&with("/settle", &pass)).await.assert_approved();
}

/// While the table of passes is too young to spend what is minted now, no pass is given out: it
/// would never pay. The code stays good.
#[tokio::test]
async fn a_young_table_gives_no_pass_that_would_not_pay() {
    let world = setup().await.start().await;
    let code = world.code();
    let early = world.ask(&Request::post("/scan").code(&code)).await;
    early.assert_refused("warming_up");
    open(&world).await;
    world.ask(&Request::post("/scan").code(&code)).await.assert_approved();
}

#[tokio::test]
async fn a_keyring_that_makes_no_passes_is_told_at_the_start() {
    let setup = setup().await;
    let manifest = setup.directory().join("keyring/keyring.toml");
    let text = std::fs::read_to_string(&manifest).expect("a keyring");
    let retiring = "file = \"pass-1.key\"\nstate = \"retiring\"";
    let text = text.replace("file = \"pass-1.key\"\nstate = \"active\"", retiring);
    std::fs::write(&manifest, text).expect("written");
    let path = setup.write();
    let arguments = ["check", "--config", path.to_str().expect("plain letters")];
    let output = crate::harness::process::run(setup.directory(), &arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("no [[pass_secret]] is active"), "{said}");
}

/// A pass that one node made opens on every other, and is spent once on all of them together.
#[tokio::test]
async fn two_nodes_open_one_pass_and_spend_it_once() {
    let registers = Redis::group().await;
    let shared = config(&registers);
    let one = setup().await.config(&shared).start().await;
    let two = setup().await.config(&shared);
    let two = two.only_endpoints(&[one.backend.endpoint.as_str()]).start().await;
    for register in &registers {
        register.age().await;
    }
    open(&one).await;
    open(&two).await;
    let (pass, id) = scan(&one).await;
    two.ask(&with("/query", &pass)).await.assert_approved();
    let (here, there) = (with("/settle", &pass).body("1"), with("/settle", &pass).body("2"));
    let (here, there) = tokio::join!(one.ask(&here), two.ask(&there));
    let (won, lost) = if here.status() == 200 { (here, there) } else { (there, here) };
    won.assert_approved();
    lost.assert_refused("pass_used");
    assert_eq!(one.backend.count_of(&id), 1);
}
