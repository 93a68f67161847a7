//! One node, whose states are in its data directory.

use std::fs;

use serde_json::json;

use super::{becomes, local, member_code};
use crate::harness::accounts::with_accounts;
use crate::harness::keys::WECHAT;
use crate::harness::{Request, Setup, World};
use keyring::mint::Spec;

#[tokio::test]
async fn a_freeze_refuses_a_lift_admits_and_the_code_stays_good() {
    let (world, writer) = local().await;
    let (paid, code) = (world.code(), world.code());
    world.pay(&paid).await.assert_approved();
    let freeze = writer.freeze("42").await;
    world.pay(&code).await.assert_refused("account_frozen");
    world.ask(&Request::post("/check").code(&code)).await.assert_refused("account_frozen");
    // What was answered before stands: the patient was charged.
    let again = world.pay(&paid).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"), "{again:?}");
    // A code of another person is not touched.
    let other = Spec { subject: keyring::code::Subject::new(43).expect("not 0"), ..world.fresh() };
    world.pay(&WECHAT.mint(&other)).await.assert_approved();
    assert_eq!(writer.lift("42", &freeze).await["changed"], true);
    world.pay(&code).await.assert_approved();
    assert_eq!(world.backend.arrived(3).await.len(), 3);
}

#[tokio::test]
async fn members_devices_and_enrolments_have_refusals_of_their_own() {
    let (world, writer) = local().await;
    writer.change(json!({ "op": "remove-member", "subject": "42", "relation": 2 })).await;
    world.pay(&member_code(&world, 2)).await.assert_refused("family_member_removed");
    world.pay(&member_code(&world, 1)).await.assert_approved();
    world.pay(&world.code()).await.assert_approved();
    // The next member inherits no code of the one before.
    writer.change(json!({ "op": "bind-member", "subject": "42", "relation": 2 })).await;
    world.pay(&member_code(&world, 2)).await.assert_refused("family_member_removed");

    writer
        .change(json!({ "op": "unbind", "subject": "42", "channel": "wechat", "epoch": 1 }))
        .await;
    world.pay(&world.code()).await.assert_refused("device_unbound");
    let next = WECHAT.mint(&Spec { epoch: 2, ..world.fresh() });
    world.pay(&next).await.assert_approved();

    writer.change(json!({ "op": "freeze", "subject": "42", "cause": "pending" })).await;
    let next = WECHAT.mint(&Spec { epoch: 2, ..world.fresh() });
    world.pay(&next).await.assert_refused("account_not_ready");
}

#[tokio::test]
async fn a_pass_is_asked_at_each_use() {
    let (setup, writer) = with_accounts(Setup::new().await, "store = \"local\"");
    let route = |path: &str, code: &str| {
        format!("path = \"{path}\"\ncode = \"{code}\"\nbackend = \"settlement\"")
    };
    let setup = setup.also("route", &route("/scan", "exchange"));
    let setup = setup.also("route", &route("/query", "pass_check"));
    let world = setup.also("route", &route("/settle", "pass")).start().await;
    super::super::visit::open(&world).await;
    let scanned = world.ask(&Request::post("/scan").code(&world.code())).await;
    let pass = scanned.field("yanma-pass").expect("a pass").to_owned();
    let with = |target: &str| Request::post(target).field("Yanma-Pass", &pass);
    world.ask(&with("/query")).await.assert_approved();
    let freeze = writer.freeze("42").await;
    world.ask(&with("/query")).await.assert_refused("account_frozen");
    world.ask(&with("/settle")).await.assert_refused("account_frozen");
    writer.lift("42", &freeze).await;
    world.ask(&with("/settle")).await.assert_approved();
    writer.freeze("42").await;
    let again = world.ask(&with("/settle")).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"), "a stored answer comes first");
    // A device that is unbound takes the passes of before with it.
    let (_, writer) = (writer.freeze("42").await, writer);
    let unbind = json!({ "op": "unbind", "subject": "42", "channel": "wechat", "epoch": 1 });
    writer.change(unbind).await;
    writer.change(json!({ "op": "unfreeze", "subject": "42", "cause": "hotline" })).await;
    world.ask(&with("/query")).await.assert_refused("device_unbound");
}

/// The head was judged before the freeze, and the body ends after it: the code is not even spent.
#[tokio::test]
async fn a_freeze_while_the_body_comes_refuses_before_the_code_is_spent() {
    let (world, writer) = local().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).body("{\"amount\":\"12.30\"}").bytes();
    let (begin, end) = request.split_at(request.len() - 5);
    let mut client = world.client().await;
    client.send(begin).await;
    world.metric_reaches("yanma_requests_in_flight", 1.0).await;
    let freeze = writer.freeze("42").await;
    client.send(end).await;
    client.answer().await.assert_refused("account_frozen");
    assert_eq!(world.metric("yanma_replay_releases_total").await, 0.0);
    writer.lift("42", &freeze).await;
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn changes_outlive_a_kill_and_both_processes_of_an_upgrade_honour_them() {
    let (mut world, writer) = local().await;
    let freeze = writer.freeze("42").await;
    world.crash().await;
    becomes(&world, "account_frozen").await;
    writer.lift("42", &freeze).await;
    becomes(&world, "approved").await;
    let old = world.upgrade().await;
    let freeze = writer.freeze("42").await;
    world.ask(&Request::post("/check").code(&world.code())).await.assert_refused("account_frozen");
    writer.lift("42", &freeze).await;
    drop(old);
}

#[tokio::test]
async fn a_check_may_leave_accounts_out_and_a_payment_may_not() {
    let (setup, writer) = with_accounts(Setup::new().await, "store = \"local\"");
    let route =
        "path = \"/who\"\ncode = \"check\"\nbackend = \"settlement\"\naccounts = \"ignore\"";
    let world = setup.also("route", route).start().await;
    writer.freeze("42").await;
    world.ask(&Request::post("/who").code(&world.code())).await.assert_approved();
    world.ask(&Request::post("/check").code(&world.code())).await.assert_refused("account_frozen");
}

#[tokio::test]
async fn what_is_off_runs_nothing() {
    let world = World::start().await;
    let tasks = format!("/proc/{}/task", world.process.pid());
    let names = fs::read_dir(tasks).expect("a process").map(|task| {
        let path = task.expect("a thread").path().join("comm");
        fs::read_to_string(path).unwrap_or_default()
    });
    assert!(names.into_iter().all(|name| !name.starts_with("accounts")));
    assert!(!world.directory().join("data/accounts.db").exists());
    assert!(!world.metrics().await.contains("yanma_accounts_"));
}

#[tokio::test]
async fn a_damaged_store_is_told_at_the_start() {
    let (setup, _) = with_accounts(Setup::new().await, "store = \"local\"");
    fs::create_dir_all(setup.directory().join("data")).expect("a directory");
    fs::write(setup.directory().join("data/accounts.db"), [b'x'; 8_192]).expect("a file");
    let config = setup.write();
    let arguments = ["serve", "--config", config.to_str().expect("letters")];
    let output = crate::harness::process::run(setup.directory(), &arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("[accounts]") && said.contains("restore it from an export"), "{said}");
}
