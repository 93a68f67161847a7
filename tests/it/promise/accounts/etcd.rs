//! Several nodes, whose states are in etcd.

use std::fs;

use rustix::process::Signal;

use super::becomes;
use super::cluster::Cluster;
use crate::harness::accounts::{Writer, with_accounts};
use crate::harness::process::{run, run_well};
use crate::harness::{Request, Setup, World, eventually, now_ms, until};

/// A node of the cluster that has not started yet.
pub(in crate::promise) async fn node(cluster: &Cluster) -> (Setup, Writer) {
    let overlay = format!("store = \"etcd\"\nany_version = true\netcd = [{}]", cluster.urls());
    with_accounts(Setup::new().await, &overlay)
}

/// Begins a life of the store, as an operator does.
pub(in crate::promise) async fn init(setup: &Setup) {
    let config = setup.write();
    let config = config.to_str().expect("plain letters");
    let said = run_well(setup.directory(), &["accounts", "init", "--config", config]).await;
    assert!(said.contains("0 entries merged"), "{said}");
}

async fn is_fresh(world: &World) {
    eventually("account states that are fresh", async || {
        (world.metric("yanma_accounts_staleness_seconds").await < 0.9).then_some(())
    })
    .await;
}

async fn check(world: &World) -> String {
    let answer = world.ask(&Request::post("/check").code(&world.code())).await;
    answer.field("yanma-outcome").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_node_honours_a_freeze_or_admits_nothing() {
    let mut cluster = Cluster::start().await;
    let (setup, writer) = node(&cluster).await;
    init(&setup).await;
    let one = setup.start().await;
    let (setup, others_writer) = node(&cluster).await;
    let other = setup.start().await;
    becomes(&one, "approved").await;
    becomes(&other, "approved").await;
    let freeze = writer.freeze("42").await;
    // The promise: a second later no node admits.
    until(now_ms() + 1_000).await;
    assert_ne!(check(&one).await, "approved");
    assert_ne!(check(&other).await, "approved");
    becomes(&other, "account_frozen").await;
    others_writer.lift("42", &freeze).await;
    becomes(&one, "approved").await;

    // Without the store each node knows that it may not know.
    cluster.kill_all();
    until(now_ms() + 1_000).await;
    assert_eq!(check(&one).await, "account_state_unavailable");
    assert_eq!(check(&other).await, "account_state_unavailable");
    assert!(crate::harness::world::is_ready(&one.admin).await, "it is told, and no node leaves");
    let unavailable = writer
        .ask(serde_json::json!([{ "op": "freeze", "subject": "42", "cause": "hotline" }]))
        .await;
    assert_eq!(unavailable.status(), 503, "{}", unavailable.text());
    cluster.run();
    becomes(&one, "approved").await;
    becomes(&other, "approved").await;
}

/// The process stands still between redeem and forward. Meanwhile another node freezes the person.
#[tokio::test]
async fn a_freeze_before_the_first_byte_refuses_and_gives_the_code_back() {
    let cluster = Cluster::start().await;
    let (setup, _) = node(&cluster).await;
    init(&setup).await;
    let halted = setup.environment("YANMA_TEST_HALT", "before_forward").start().await;
    let (setup, writer) = node(&cluster).await;
    let other = setup.start().await;
    // A request would be the one that halts.
    is_fresh(&halted).await;
    is_fresh(&other).await;
    let code = halted.code();
    let mut client = halted.client().await;
    client.send(Request::post("/pay").code(&code).bytes()).await;
    let stat = format!("/proc/{}/stat", halted.process.pid());
    eventually("a process that stands still", async || {
        fs::read_to_string(&stat).expect("a process of ours").contains(") T ").then_some(())
    })
    .await;
    let freeze = writer.freeze("42").await;
    until(now_ms() + 1_000).await;
    halted.signal(Signal::CONT);
    let refused = client.answer().await;
    let outcome = refused.field("yanma-outcome").unwrap_or_default();
    assert!(["account_frozen", "account_state_unavailable"].contains(&outcome), "{refused:?}");
    halted.metric_reaches("yanma_replay_releases_total", 1.0).await;
    writer.lift("42", &freeze).await;
    becomes(&halted, "approved").await;
    halted.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn a_store_without_a_life_admits_nothing_and_check_tells_of_the_members() {
    let cluster = Cluster::start().await;
    let (setup, _) = node(&cluster).await;
    let config = setup.write();
    let config = config.to_str().expect("plain letters");
    let said = run(setup.directory(), &["check", "--config", config]).await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("3 of 3 members of etcd count"), "{said}");
}
