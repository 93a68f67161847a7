//! What `yanma check` says of registers, and what `serve` does with a change of them.

use std::fs;
use std::process::Output;

use crate::harness::keys::identity;
use crate::harness::process::run;
use crate::harness::redis::{Redis, config, door};
use crate::harness::{Setup, eventually};

/// What `yanma check` answers for a configuration.
pub(crate) async fn check(setup: &Setup) -> Output {
    let path = setup.write();
    run(setup.directory(), &["check", "--config", path.to_str().expect("plain letters")]).await
}

/// `check` refuses, and each of its sentences says `why`.
pub(super) async fn assert_refused(setup: &Setup, why: &str) {
    let output = check(setup).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(!said.is_empty() && said.lines().all(|line| line.contains(why)), "{why}: {said}");
}

#[tokio::test]
async fn registers_that_stand_alone_pass() {
    let mut registers = Redis::group().await;
    let setup = Setup::new().await.config(&config(&registers));
    let output = check(&setup).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("3 of 3 may vote, epoch 1"), "{said}");
    // A register that is away is only a warning, because the others suffice.
    registers[0].kill().await;
    let output = check(&setup).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let warning = format!("warning: register {} cannot be reached", registers[0].address());
    assert!(said.contains(&warning) && said.contains("2 of 3 may vote"), "{said}");
}

#[tokio::test]
async fn a_register_that_may_forget_is_refused() {
    let registers = Redis::group().await;
    let setup = Setup::new().await.config(&config(&registers));
    registers[1].ask(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    assert_refused(&setup, "set maxmemory-policy to noeviction").await;
    registers[1].ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;

    let (host, port) = registers[1].address().split_once(':').expect("an address");
    let replica = Redis::start().await;
    replica.ask(&["REPLICAOF", host, port]).await;
    eventually("a replica", async || {
        let info = registers[1].ask(&["INFO", "replication"]).await;
        info.contains("connected_slaves:1").then_some(())
    })
    .await;
    assert_refused(&setup, "is a replica or has replicas").await;
    drop(replica);
    let cluster = Redis::start_with(&["--cluster-enabled", "yes"]).await;
    let group = [Redis::start().await, Redis::start().await, cluster];
    let setup = Setup::new().await.config(&config(&group));
    assert_refused(&setup, "runs in cluster mode").await;
}

/// Persistence is useless but harmless: such registers may vote.
#[tokio::test]
async fn persistence_is_warned_of() {
    let registers = Redis::group().await;
    registers[0].ask(&["CONFIG", "SET", "appendonly", "yes"]).await;
    registers[1].ask(&["SAVE"]).await;
    let setup = Setup::new().await.config(&config(&registers));
    let output = check(&setup).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("3 of 3 may vote"), "{said}");
    let warns = |register: &Redis| {
        said.contains(&format!("warning: register {} keeps its memory", register.address()))
    };
    assert!(warns(&registers[0]) && warns(&registers[1]) && !warns(&registers[2]), "{said}");
}

#[tokio::test]
async fn two_names_of_one_server_are_refused() {
    let registers = Redis::group().await;
    let other = door(registers[0].address()).await;
    let text = config(&registers).replace(registers[2].address(), &other);
    let setup = Setup::new().await.config(&text);
    assert_refused(&setup, "are one server (run_id ").await;
    // The same address twice is seen without asking.
    let text = config(&registers).replace(registers[2].address(), registers[0].address());
    assert_refused(&Setup::new().await.config(&text), "named nowhere else").await;
    let [one, two] = [registers[0].url(), registers[1].url()];
    let text = format!(
        "replay.store = \"registers\"\nreplay.group = [{{ registers = [\"{one}\", \"{two}\"] }}]"
    );
    assert_refused(&Setup::new().await.config(&text), "has 2: must be 3 or 5").await;
}

#[tokio::test]
async fn a_copy_of_a_data_directory_is_refused() {
    let registers = Redis::group().await;
    let world = Setup::new().await.config(&config(&registers)).start().await;
    let setup = Setup::new().await.config(&config(&registers));
    let own = setup.directory().join("data");
    fs::create_dir_all(&own).expect("a directory");
    let node = world.directory().join("data").join("node");
    eventually("a node's id", async || node.exists().then_some(())).await;
    fs::copy(node, own.join("node")).expect("a copy");
    eventually("what the node says", async || {
        let keys = registers[0].ask(&["KEYS", "yanma:node:*"]).await;
        (keys.len() > 4).then_some(())
    })
    .await;
    assert_refused(&setup, "nodes that share registers need a directory each").await;
    // The node's own configuration is checked while it runs.
    let path = world.config_path();
    let path = path.to_str().expect("plain letters");
    assert!(run(world.directory(), &["check", "--config", path]).await.status.success());
}

#[tokio::test]
async fn registers_change_by_epoch_and_nobody_is_forwarded_twice() {
    let registers = Redis::group().await;
    let new = Redis::start().await;
    let one = Setup::new().await.config(&config(&registers)).start().await;
    for register in &registers {
        register.age().await;
    }
    let urls = |all: [&Redis; 3]| all.map(|one| format!("\"{}\"", one.url())).join(", ");
    let [a, b, c] = [&registers[0], &registers[1], &registers[2]];
    let changed = format!(
        "replay.store = \"registers\"\nreplay.timeout_ms = 1000\nreplay.epoch = 2\n\
         replay.group = [{{ registers = [{}] }}]\nreplay.old_group = [{{ registers = [{}] }}]",
        urls([a, b, &new]),
        urls([a, b, c])
    );
    let spent = one.code();
    one.pay(&spent).await.assert_approved();
    // A configuration without the old groups may not replace a lower epoch.
    let without = changed.split("\nreplay.old_group").next().expect("a part");
    assert_refused(&Setup::new().await.config(without), "holds the layout of an earlier epoch")
        .await;
    let two = Setup::new().await.config(&changed);
    let two = two.only_endpoints(&[one.backend.endpoint.as_str()]).start().await;
    // The old gateway has lost its majority, the new one does not judge codes of before.
    two.pay(&spent).await.assert_refused("warming_up");
    let code = two.code();
    two.pay(&code).await.assert_refused("warming_up");
    let sample = |register: &Redis| {
        let register = register.address();
        format!(
            "yanma_register_abstaining{{group=\"1\",reason=\"layout\",register=\"{register}\"}}"
        )
    };
    one.metric_becomes(&sample(a), 2.0).await;
    one.metric_becomes(&sample(b), 2.0).await;
    one.pay(&code).await.assert_refused("replay_store_unavailable");
    // An old gateway's configuration is refused from now on.
    assert_refused(&Setup::new().await.config(&config(&registers)), "of a later epoch").await;
    // Later codes pay by the new registers alone.
    for register in [a, b, c, &new] {
        register.age().await;
    }
    let later = two.code();
    let paid = eventually("an open epoch", async || {
        let answer = two.pay(&later).await;
        (answer.status() == 200).then_some(answer)
    })
    .await;
    paid.assert_approved();
    assert_eq!(one.backend.count_of(&identity(&later)), 1);
    assert_eq!(one.backend.count_of(&identity(&spent)), 1);
}
