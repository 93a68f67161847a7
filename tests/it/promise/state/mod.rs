//! Spent codes outlive the process, and only one table is used at a time.

mod directory;
mod pauses;
mod starts;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use rustix::process::Signal;

use crate::harness::keys::{WECHAT, identity, payment};
use crate::harness::process::{Variable, run_in};
use crate::harness::{Setup, World, eventually, now_ms};

/// A gateway that is to share the data directory and the backend of another.
async fn beside(world: &World) -> Setup {
    let data = data_dir(world);
    let shared = format!("server.data_dir = {:?}", data.to_str().expect("plain letters"));
    let endpoint = world.backend.endpoint.clone();
    Setup::new().await.only_endpoints(&[&endpoint]).config(&shared)
}

fn data_dir(world: &World) -> PathBuf {
    world.directory().join("data")
}

/// A code issued in the present second, whether the fence accepts it or not.
fn code_of_now() -> String {
    WECHAT.mint(&payment(now_ms().div_euclid(1_000)))
}

/// Runs `serve`, which must end by itself. Returns its exit status and output.
async fn fails(setup: &Setup, variables: &[Variable]) -> (Option<i32>, String) {
    let path = setup.write();
    let arguments = ["serve", "--config", path.to_str().expect("plain letters")];
    let output = run_in(setup.directory(), &arguments, variables).await;
    said(&output)
}

fn said(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

#[track_caller]
fn names(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
}

/// Whether `/readyz` fails for this condition.
async fn becomes_unready(world: &World, condition: &str) {
    eventually(&format!("unready: {condition}"), async || {
        let answer = world.admin("GET", "/readyz").await;
        (answer.status() == 503 && answer.text().contains(condition)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_crash_forgets_nothing_and_pauses_nothing() {
    let mut world = World::start().await;
    let fence = world.metric("yanma_replay_fence_end_timestamp_seconds").await;
    for signal in [Signal::KILL, Signal::TERM, Signal::KILL] {
        let (spent, unspent) = (world.code(), world.code());
        world.pay(&spent).await.assert_approved();
        world.signal(signal);
        world.process.ended().await;
        world.start_again().await;
        world.pay_more(&spent).await.assert_refused("code_used");
        world.pay(&unspent).await.assert_approved();
        assert_eq!(world.backend.count_of(&identity(&spent)), 1);
        assert_eq!(world.metric("yanma_replay_fence_end_timestamp_seconds").await, fence);
    }
}

#[tokio::test]
async fn first_starts_that_race_make_one_table() {
    let world = Setup::new().await;
    let data = format!("server.data_dir = \"{}/shared\"", world.directory().display());
    let endpoint = world.own_endpoint().to_owned();
    let racer = async || Setup::new().await.only_endpoints(&[&endpoint]).config(&data);
    let [second, third, fourth] = [racer().await, racer().await, racer().await];
    let (first, second, third, fourth) =
        tokio::join!(world.config(&data).start(), second.start(), third.start(), fourth.start());
    let racers = [&first, &second, &third, &fourth];
    for pays in racers {
        let code = pays.code();
        pays.pay(&code).await.assert_approved();
        for other in racers {
            other.pay_more(&code).await.assert_refused("code_used");
        }
        assert_eq!(first.backend.count_of(&identity(&code)), 1);
    }
    let files = fs::read_dir(first.directory().join("shared")).expect("the data directory");
    assert_eq!(files.count(), 4, "lock, mark, record, replay, and nothing else");
}

/// The table holds codes of every skew, so processes with different ones may share it; a fence is
/// put by the largest.
#[tokio::test]
async fn a_changed_skew_forgets_nothing_and_the_larger_one_sets_the_fence() {
    let mut world = World::with("codes.skew_ms = 10000").await;
    world.behind_fence().await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.write_config("codes.skew_ms = 0");
    world.crash().await;
    world.pay_more(&code).await.assert_refused("code_used");

    world.signal(Signal::KILL);
    world.process.ended().await;
    fs::remove_file(data_dir(&world).join("replay")).expect("a table");
    let lost_ms = now_ms();
    world.start_again().await;
    let fence = world.metric("yanma_replay_fence_end_timestamp_seconds").await;
    let lost_s = f64::from(u32::try_from(lost_ms / 1_000).expect("before 2106"));
    assert!(fence >= lost_s + 11.0, "{fence} after {lost_s}");
    world.pay(&code).await.assert_refused("warming_up");
}

#[tokio::test]
async fn another_capacity_is_a_new_table_behind_a_fence_and_never_two_at_once() {
    let mut world = World::start().await;
    let spent = world.code();
    world.pay(&spent).await.assert_approved();
    let other = beside(&world).await.config("replay.capacity = 65536");
    let (status, said) = fails(&other, &[]).await;
    assert_eq!(status, Some(1), "{said}");
    names(&said, &["data/replay", "65536", "32768", "directory of its own"]);
    world.pay_more(&spent).await.assert_refused("code_used");

    world.write_config("replay.capacity = 65536");
    world.crash().await;
    assert_eq!(world.metric("yanma_replay_capacity").await, 65_536.0);
    names(&world.process.said(), &["a new table", "32768 slots"]);
    world.pay(&spent).await.assert_refused("warming_up");
    world.behind_fence().await;
    world.pay(&world.code()).await.assert_approved();
}
