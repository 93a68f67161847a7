//! Keyring and configuration are replaced while requests run, completely or not at all.

use rustix::process::Signal;

use crate::harness::keys::{Issuer, RETIRING, WECHAT};
use crate::harness::{Request, Setup, World, eventually};

const SUCCESSFUL: &str = "yanma_config_last_reload_successful";
const REVOKED_WECHAT: Issuer = Issuer { state: "revoked", ..WECHAT };
const NEW: Issuer = Issuer { id: 8001, channel: "city-app", ..WECHAT };

#[tokio::test]
async fn a_new_keyring_takes_effect_at_once() {
    let world = World::start().await;
    let (before, after) = (world.code(), world.code());
    world.pay(&before).await.assert_approved();
    let digests = config_info(&world).await;

    world.write_keyring(&[REVOKED_WECHAT, RETIRING, NEW]);
    world.signal(Signal::HUP);
    let changed = async || (config_info(&world).await != digests).then_some(());
    eventually("another digest", changed).await;

    world.pay(&after).await.assert_refused("key_revoked");
    world.pay(&NEW.mint(&world.fresh())).await.assert_approved();
    world.pay(&RETIRING.mint(&world.fresh())).await.assert_approved();
    world.metric_becomes(SUCCESSFUL, 1.0).await;
    let info =
        "yanma_key_info{key_id=\"8001\",channel=\"city-app\",state=\"active\",algorithm=\"ES256\"}";
    world.metric_becomes(info, 1.0).await;
}

#[tokio::test]
async fn a_keyring_that_cannot_be_read_changes_nothing() {
    let world = World::start().await;
    std::fs::write(world.directory().join("keyring/keyring.toml"), "[[key]]\nid = 0\n")
        .expect("written");
    world.signal(Signal::HUP);
    world.metric_becomes(SUCCESSFUL, 0.0).await;
    world.pay(&world.code()).await.assert_approved();
    let said = world.process.said();
    assert!(said.contains("keyring.toml"), "the file is named: {said}");

    world.write_keyring(&[REVOKED_WECHAT, RETIRING]);
    world.signal(Signal::HUP);
    world.metric_becomes(SUCCESSFUL, 1.0).await;
    world.pay(&world.code()).await.assert_refused("key_revoked");
}

#[tokio::test]
async fn a_keyring_without_a_usable_key_changes_nothing() {
    let world = World::start().await;
    world.write_keyring(&[REVOKED_WECHAT]);
    world.signal(Signal::HUP);
    world.metric_becomes(SUCCESSFUL, 0.0).await;
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn the_last_key_is_revoked_at_once_and_the_node_is_not_ready() {
    let world = World::start().await;
    world.write_keyring(&[REVOKED_WECHAT, Issuer { state: "revoked", ..RETIRING }]);
    let (code, late) = (world.code(), RETIRING.mint(&world.fresh()));
    world.signal(Signal::HUP);
    world.metric_becomes("yanma_ready{condition=\"keys\"}", 0.0).await;
    world.pay(&code).await.assert_refused("key_revoked");
    world.pay(&late).await.assert_refused("key_revoked");
    world.metric_becomes(SUCCESSFUL, 1.0).await;
    let ready = world.admin("GET", "/readyz").await;
    assert!(ready.status() == 503 && ready.text().contains("keys: no key"), "{}", ready.text());
    let said = world.process.said();
    assert!(said.contains("with 2 keys, none of which accepts a code now"), "{said}");
    // A new key is taken up like any other.
    world.write_keyring(&[REVOKED_WECHAT, NEW]);
    world.signal(Signal::HUP);
    world.metric_becomes("yanma_ready{condition=\"keys\"}", 1.0).await;
    world.pay(&NEW.mint(&world.fresh())).await.assert_approved();
}

#[tokio::test]
async fn a_bad_configuration_keeps_the_keyring_too() {
    let mut world = World::start().await;
    world.write_keyring(&[REVOKED_WECHAT, RETIRING]);
    world.write_config("limits.body_bytes_max = -1");
    world.signal(Signal::HUP);
    world.metric_becomes(SUCCESSFUL, 0.0).await;
    world.pay(&world.code()).await.assert_approved();
    let said = world.process.said();
    assert!(said.contains("body_bytes_max"), "the key is named: {said}");
}

#[tokio::test]
async fn a_new_configuration_takes_effect_while_connections_stay() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    client.ask(Request::get("/open").bytes()).await.assert_approved();
    world.write_config("limits.body_bytes_max = 10");
    let reloaded = world.admin("POST", "/reload").await;
    assert_eq!(reloaded.status() / 100, 2, "{reloaded:?}");

    let code = world.code();
    let long = Request::post("/pay").code(&code).body("more than ten");
    client.ask(long.bytes()).await.assert_refused("request_too_large");
    let mut client = world.client().await;
    client.ask(Request::post("/pay").code(&code).body("{}").bytes()).await.assert_approved();
}

#[tokio::test]
async fn an_exchange_that_runs_is_not_disturbed_and_its_code_stays_spent() {
    let mut world = World::start().await;
    let code = world.code();
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&code).bytes()).await;
    world.backend.arrived(1).await;
    world.write_config("limits.body_bytes_max = 1000");
    assert_eq!(world.admin("POST", "/reload").await.status() / 100, 2);
    world.backend.open();
    client.answer().await.assert_approved();
    world.pay_more(&code).await.assert_refused("code_used");
}

#[tokio::test]
async fn a_failed_reload_by_request_says_so() {
    let mut world = World::start().await;
    world.write_config("limits.no_such_limit = 1");
    let answer = world.admin("POST", "/reload").await;
    assert!(answer.status() >= 400, "{answer:?}");
    assert!(answer.text().contains("no_such_limit"), "{}", answer.text());
    world.metric_becomes(SUCCESSFUL, 0.0).await;
    assert_eq!(world.admin("GET", "/reload").await.status(), 405);
}

#[tokio::test]
async fn reload_by_request_must_be_allowed() {
    let world = Setup::new().await.config("admin.reload = false").start().await;
    world.write_keyring(&[REVOKED_WECHAT, RETIRING]);
    let answer = world.admin("POST", "/reload").await;
    assert!((400..500).contains(&answer.status()), "{answer:?}");
    world.pay(&world.code()).await.assert_approved();
}

async fn config_info(world: &World) -> String {
    let metrics = world.metrics().await;
    let line = metrics.lines().find(|line| line.starts_with("yanma_config_info{"));
    line.expect("the digests of what runs").to_owned()
}
