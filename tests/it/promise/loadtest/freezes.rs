//! Account states under load: an acknowledged freeze is honoured in time, over a death and an
//! upgrade, and a gateway that breaks that is found out.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Ended, Play};
use crate::harness::process::binary;
use crate::harness::project::root;
use crate::harness::{now_ms, until};
use crate::promise::accounts::cluster::Cluster;
use crate::promise::accounts::etcd::{init, node};

/// The project's scenario with one death and one upgrade.
fn scenario() -> String {
    let path = root().join("config/loadtest/freezes.toml");
    let text = fs::read_to_string(path).expect("a scenario");
    // An upgrade takes some seconds, however short the run is. Some people are frozen before.
    let text = text.replace("repeat = 6\nevery_s = 9\n", "");
    text.replace("at_s = 3\n", "at_s = 20\n").replace("at_s = 7\n", "at_s = 36\n")
}

const SHORT: [&str; 4] = ["--rate", "150", "--duration", "14"];

/// A number of the part of the report about accounts.
fn count(ended: &Ended, of: &str) -> u64 {
    ended.report["accounts"][of].as_u64().unwrap_or_default()
}

fn refused(ended: &Ended, reason: &str) -> u64 {
    ended.report["accounts"]["refused"][reason].as_u64().unwrap_or_default()
}

/// How many changes of a kind were acknowledged.
fn acknowledged(ended: &Ended, operation: &str) -> u64 {
    let rows = ended.report["accounts"]["changes"].as_array().expect("a list of changes");
    let row = rows.iter().find(|row| row["op"] == operation);
    row.and_then(|row| row["acknowledged"].as_u64()).unwrap_or_default()
}

#[tokio::test]
async fn freezes_are_honoured_in_time_over_a_death_and_an_upgrade() {
    let ended = Play::new(&scenario()).run(&SHORT).await;
    ended.assert_clean();
    for operation in ["freeze", "unfreeze", "unbind"] {
        assert!(acknowledged(&ended, operation) > 5, "{operation}: {}", ended.said);
    }
    assert!(refused(&ended, "account_frozen") > 50, "{}", ended.said);
    assert!(refused(&ended, "device_unbound") > 5, "{}", ended.said);
    // A refusal gave the code back.
    assert!(count(&ended, "given_back") > 5, "{}", ended.said);
    assert!(count(&ended, "old_lifts") > 0, "{}", ended.said);
    assert_eq!(count(&ended, "late_approvals"), 0, "{}", ended.said);
    assert_eq!(ended.report["gateways"][0]["restarts"], 2, "{}", ended.said);
}

/// The same without events and visits: nothing is broken, so each state can be told.
#[tokio::test]
async fn no_account_state_is_unavailable_where_nothing_is_broken() {
    let text = scenario();
    let (text, _) = text.split_once("[[event]]").expect("events at its end");
    let text = text
        .replace("exchange = 5\n", "")
        .replace("[visits]\n", "")
        .replace("checks = [1, 4]\npause_ms = [200, 3000]\n", "");
    // Beside other tests the keeper may wait for a core. That is no fault of the gateway.
    let text = text.replace("stale_ms = 1000", "stale_ms = 10000");
    let text = text.replace("unix = true", "unix = false");
    let ended = Play::new(&text).run(&["--rate", "100", "--duration", "6"]).await;
    ended.assert_clean();
    assert_eq!(refused(&ended, "account_state_unavailable"), 0, "{}", ended.said);
    assert!(refused(&ended, "account_frozen") > 10, "{}", ended.said);
    assert_eq!(count(&ended, "changes_unanswered"), 0, "{}", ended.said);
}

/// A program that runs the gateway, and loses the account states whenever it starts.
fn forgets(play: &Play) -> String {
    let script = format!(
        "#!/bin/sh\nrm -f \"$(dirname \"$3\")\"/data-1/accounts.db*\nexec {} \"$@\"\n",
        binary().display()
    );
    let wrapper = play.directory.path().join("yanma");
    fs::write(&wrapper, script).expect("a script");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o700)).expect("its own file");
    wrapper.to_str().expect("plain letters").to_owned()
}

#[tokio::test]
async fn a_gateway_that_forgets_freezes_when_it_dies_is_found_out() {
    let text = scenario().replace("held_ms = 3000", "held_ms = 6000");
    let text = text.replace("[[event]]\nat_s = 36\ndo = \"upgrade\"\n", "");
    let play = Play::new(&text);
    let wrapper = forgets(&play);
    let more = ["--rate", "150", "--duration", "14", "--yanma", wrapper.as_str()];
    let ended = play.run(&more).await;
    ended.assert_dirty("requests were forwarded later than the promise");
    ended.assert_dirty("freezes were not there any more when they were lifted");
    assert!(count(&ended, "late_approvals") > 0, "{}", ended.said);
    let examples = ended.report["verdict"]["examples"].to_string();
    assert!(examples.contains("after the acknowledgement of what refuses it"), "{examples}");
}

/// Each member of etcd dies in turn and comes back, the leader among them; then all die at once. The
/// gateway dies too.
#[tokio::test]
async fn freezes_are_honoured_in_time_while_the_members_of_etcd_die() {
    let mut cluster = Cluster::start().await;
    let (setup, _) = node(&cluster).await;
    init(&setup).await;
    let text = scenario().replace("etcd = []", &format!("etcd = [{}]", cluster.urls()));
    let text = text.replace("[[event]]\nat_s = 36\ndo = \"upgrade\"\n", "");
    let play = Play::new(&text);
    let run = play.run(&["--rate", "150", "--duration", "30"]);
    // A run begins when the fence of its new table of passes has passed.
    let deaths = async {
        until(now_ms() + 15_000).await;
        for which in [[true, false, false], [false, true, false], [false, false, true], [true; 3]] {
            cluster.kill(which);
            until(now_ms() + 1_500).await;
            cluster.run();
            until(now_ms() + 2_500).await;
        }
    };
    let (ended, ()) = tokio::join!(run, deaths);
    ended.assert_clean();
    for operation in ["freeze", "unfreeze", "unbind"] {
        assert!(acknowledged(&ended, operation) > 5, "{operation}: {}", ended.said);
    }
    assert!(refused(&ended, "account_frozen") > 50, "{}", ended.said);
    assert!(refused(&ended, "account_state_unavailable") > 0, "{}", ended.said);
    assert_eq!(count(&ended, "late_approvals"), 0, "{}", ended.said);
}
