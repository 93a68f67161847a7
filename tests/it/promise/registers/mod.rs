//! Never twice on several nodes: two gateways share three real Redis servers, which are killed,
//! paused, emptied and spoilt meanwhile.

mod check;
mod city_lost;
mod memory;

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use self::check::check;
use crate::harness::keys::identity;
use crate::harness::project::root;
use crate::harness::redis::{Redis, config};
use crate::harness::{Client, DeadPort, Request, Setup, World, eventually, now_ms, until};

/// Two gateways with the same keys, registers and backend.
struct Nodes {
    /// The backend is this one's.
    one: World,
    two: World,
    registers: Vec<Redis>,
}

impl Nodes {
    /// Gateways whose registers have been there for long.
    async fn start() -> Self {
        let nodes = Self::newborn().await;
        nodes.age().await;
        nodes
    }

    /// Gateways with registers that know nothing yet.
    async fn newborn() -> Self {
        let registers = Redis::group().await;
        let one = Setup::new().await.config(&config(&registers)).start().await;
        let two = Setup::new().await.config(&config(&registers));
        let two = two.only_endpoints(&[one.backend.endpoint.as_str()]).start().await;
        Self { one, two, registers }
    }

    async fn age(&self) {
        for register in &self.registers {
            register.age().await;
        }
    }

    /// Waits until both have as many connections to registers as workers and registers make.
    async fn connections(&self, register: usize, count: f64) {
        for world in [&self.one, &self.two] {
            let register = self.registers[register].address();
            let sample =
                format!("yanma_register_connections{{group=\"1\",register=\"{register}\"}}");
            world.metric_becomes(&sample, count).await;
        }
    }

    /// Waits until both say that a register abstains, or that it does not.
    async fn abstains(&self, register: usize, reason: &str, count: f64) {
        for world in [&self.one, &self.two] {
            let register = self.registers[register].address();
            let sample = format!(
                "yanma_register_abstaining{{group=\"1\",reason=\"{reason}\",\
                 register=\"{register}\"}}"
            );
            world.metric_becomes(&sample, count).await;
        }
    }

    /// A fresh code pays on one node and is used on the other.
    async fn pay_and_replay(&self) {
        let code = self.two.code();
        self.one.pay(&code).await.assert_approved();
        self.two.pay_more(&code).await.assert_refused("code_used");
        assert_eq!(self.one.backend.count_of(&identity(&code)), 1);
    }
}

#[tokio::test]
async fn a_code_shown_to_two_nodes_at_once_arrives_once() {
    let nodes = Nodes::start().await;
    let mut approved = 0;
    for _ in 0..40 {
        let code = nodes.two.code();
        let (one, two) = tokio::join!(nodes.one.pay(&code), nodes.two.pay_more(&code));
        let won = [&one, &two].into_iter().filter(|answer| answer.status() == 200).count();
        assert!(won <= 1, "both nodes were approved");
        for denied in [one, two].iter().filter(|answer| answer.status() != 200) {
            denied.assert_refused("code_used");
        }
        approved += won;
        assert_eq!(nodes.one.backend.count_of(&identity(&code)), won);
    }
    // With all three there one of two always has a majority.
    assert_eq!(approved, 40);
    let register = nodes.registers[0].address();
    let sample =
        format!("yanma_register_duration_seconds_count{{group=\"1\",register=\"{register}\"}}");
    nodes.one.metric_reaches(&sample, 1.0).await;
}

#[tokio::test]
async fn one_register_may_die_and_two_may_not() {
    let mut nodes = Nodes::start().await;
    nodes.registers[0].kill().await;
    nodes.pay_and_replay().await;

    nodes.registers[1].kill().await;
    nodes.connections(1, 0.0).await;
    let code = nodes.two.code();
    nodes.one.pay(&code).await.assert_refused("replay_store_unavailable");
    nodes.two.pay(&code).await.assert_refused("replay_store_unavailable");
    let sample = "yanma_register_quorum_failures_total{group=\"1\"}";
    assert!(nodes.one.metric(sample).await >= 1.0);
    let ready = nodes.one.admin("GET", "/readyz").await;
    assert_eq!(ready.status(), 200);
    let line = format!("register {} (group 1): 0 of 2", nodes.registers[1].address());
    assert!(ready.text().contains(&line), "{}", ready.text());

    // They come back empty, so they do not judge codes that were issued before.
    for register in [0, 1] {
        nodes.registers[register].start_again().await;
        nodes.connections(register, 2.0).await;
    }
    nodes.one.pay(&code).await.assert_refused("warming_up");
    nodes.age().await;
    // Neither node has forwarded the code, and no vote for it was left behind.
    nodes.two.pay(&code).await.assert_approved();
    nodes.one.pay_more(&code).await.assert_refused("code_used");
}

#[tokio::test]
async fn a_paused_register_costs_nothing_and_a_paused_majority_refuses() {
    let nodes = Nodes::start().await;
    nodes.registers[2].pause();
    nodes.pay_and_replay().await;

    nodes.registers[1].pause();
    let code = nodes.two.code();
    nodes.one.pay(&code).await.assert_refused("replay_store_unavailable");
    // After some seconds of silence the gateways stop waiting for the registers.
    nodes.connections(1, 0.0).await;
    nodes.connections(2, 0.0).await;
    nodes.two.pay(&nodes.two.code()).await.assert_refused("replay_store_unavailable");

    nodes.registers[1].go_on();
    nodes.registers[2].go_on();
    nodes.connections(1, 2.0).await;
    nodes.connections(2, 2.0).await;
    nodes.pay_and_replay().await;
    // Claims that were late may have come alive with the registers; none of them was forwarded.
    let late = nodes.two.pay(&code).await;
    let arrived = nodes.one.backend.count_of(&identity(&code));
    assert_eq!(arrived, usize::from(late.status() == 200));
}

#[tokio::test]
async fn emptied_registers_do_not_judge_codes_of_before() {
    let nodes = Nodes::start().await;
    let (spent, fresh) = (nodes.two.code(), nodes.two.code());
    nodes.one.pay(&spent).await.assert_approved();
    // One emptied register changes nothing.
    nodes.registers[0].ask(&["FLUSHALL"]).await;
    nodes.two.pay_more(&spent).await.assert_refused("code_used");
    for register in &nodes.registers {
        register.ask(&["FLUSHALL"]).await;
    }
    // The other node can no longer know this, and does not guess.
    let other = Setup::new().await.config(&config(&nodes.registers));
    let other = other.only_endpoints(&[nodes.one.backend.endpoint.as_str()]).start().await;
    other.pay(&spent).await.assert_refused("warming_up");
    other.pay(&fresh).await.assert_refused("warming_up");
    assert_eq!(nodes.one.backend.count_of(&identity(&spent)), 1);
    assert_eq!(nodes.one.backend.count_of(&identity(&fresh)), 0);
}

#[tokio::test]
async fn new_registers_judge_codes_issued_15_s_after_their_birth() {
    let nodes = Nodes::newborn().await;
    let born_ms = now_ms();
    nodes.one.pay(&nodes.two.code()).await.assert_refused("warming_up");
    until(born_ms + 16_500).await;
    nodes.pay_and_replay().await;
}

#[tokio::test]
async fn a_node_that_starts_again_goes_on_without_a_pause() {
    let nodes = Nodes::start().await;
    let (spent, kept) = (nodes.two.code(), nodes.two.code());
    nodes.two.pay(&spent).await.assert_approved();
    let Nodes { one, two, registers: _registers } = nodes;
    let mut two = two;
    two.signal(Signal::TERM);
    two.process.ended().await;
    two.start_again().await;
    two.pay_more(&spent).await.assert_refused("code_used");
    two.pay(&kept).await.assert_approved();
    one.pay_more(&kept).await.assert_refused("code_used");
}

#[tokio::test]
async fn a_register_that_may_forget_abstains() {
    let nodes = Nodes::start().await;
    nodes.registers[0].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    nodes.abstains(0, "eviction", 2.0).await;
    nodes.pay_and_replay().await;
    // With a second one gone there is no majority, though it is up.
    let mut nodes = nodes;
    nodes.registers[1].kill().await;
    nodes.connections(1, 0.0).await;
    nodes.one.pay(&nodes.two.code()).await.assert_refused("replay_store_unavailable");
    // It votes again later, but not on older codes, because keys may be gone.
    nodes.registers[0].ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    nodes.abstains(0, "eviction", 0.0).await;
    nodes.one.pay(&nodes.two.code()).await.assert_refused("warming_up");
    let said = nodes.one.process.said();
    let told = format!("register {} does not vote: it may evict", nodes.registers[0].address());
    assert_eq!(said.matches(&told).count(), 1, "{said}");
}

#[tokio::test]
async fn a_register_with_a_replica_abstains() {
    let nodes = Nodes::start().await;
    let replica = Redis::start().await;
    let (host, port) = nodes.registers[0].address().split_once(':').expect("an address");
    replica.ask(&["REPLICAOF", host, port]).await;
    nodes.abstains(0, "replication", 2.0).await;
    nodes.pay_and_replay().await;
}

#[tokio::test]
async fn what_was_not_sent_is_given_back_on_all_nodes() {
    let registers = Redis::group().await;
    let port = DeadPort::new();
    let two = Setup::new().await.config(&config(&registers)).start().await;
    let one = Setup::new().await.config(&config(&registers));
    let one = one.only_endpoints(&[port.endpoint.as_str()]).start().await;
    for register in &registers {
        register.age().await;
    }
    for _ in 0..5 {
        // The node that started last has the latest fence.
        let code = one.code();
        one.pay(&code).await.assert_refused("backend_unreachable");
        two.pay(&code).await.assert_approved();
        one.pay_more(&code).await.assert_refused("code_used");
        assert_eq!(two.backend.count_of(&identity(&code)), 1);
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_nothing_back() {
    let nodes = Nodes::start().await;
    for _ in 0..10 {
        let code = nodes.two.code();
        let mut client = Client::connect(&nodes.one.address).await;
        client.send(Request::post("/pay").code(&code).bytes()).await;
        drop(client);
        eventually("the arrival", async || {
            (nodes.one.backend.count_of(&identity(&code)) == 1).then_some(())
        })
        .await;
        nodes.two.pay_more(&code).await.assert_refused("code_used");
    }
    tokio::time::timeout(Duration::from_secs(5), nodes.pay_and_replay()).await.expect("it goes on");
}

/// The rights of SECURITY.md, with a password that must be escaped, in a database that is not the
/// first.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    let security = fs::read_to_string(root().join("SECURITY.md")).expect("a file of the project");
    let user = security.lines().find_map(|line| line.strip_prefix("user yanma ")).expect("rights");
    let user = user.replace("PASSWORD", "w0rd@%");
    let user: Vec<&str> = ["--user", "yanma"].into_iter().chain(user.split(' ')).collect();
    let registers = Redis::group_with(&user).await;
    let guarded = |password: &str| {
        let url = |one: &Redis| one.url().replace("//", &format!("//yanma:{password}@")) + "/3";
        registers.iter().fold(config(&registers), |text, one| text.replace(&one.url(), &url(one)))
    };

    let wrong = Setup::new().await.config(&guarded("wr0ng"));
    let said = check(&wrong).await;
    let text = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("WRONGPASS") && !text.contains("wr0ng"), "{text}");

    let port = DeadPort::new();
    let config = guarded("w0rd%40%25");
    let one = Setup::new().await.config(&config).start().await;
    let two = Setup::new().await.config(&config);
    let said = check(&two).await;
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(text.contains("3 of 3 may vote") && !text.contains("w0rd"), "{text}");
    let two = two.only_endpoints(&[port.endpoint.as_str()]).start().await;
    // As the server's user without a name.
    for register in &registers {
        register.age_in("3").await;
    }
    // Claimed, given back, claimed; denied; told again.
    let code = two.code();
    two.pay(&code).await.assert_refused("backend_unreachable");
    one.pay(&code).await.assert_approved();
    two.pay_more(&code).await.assert_refused("code_used");
    let again = two.pay(&code).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(one.backend.count_of(&identity(&code)), 1);
    for world in [&one, &two] {
        let text = world.metrics().await;
        let errors: Vec<&str> =
            text.lines().filter(|line| line.starts_with("yanma_register_errors_total{")).collect();
        assert_eq!(errors.len(), 3, "{text}");
        assert!(errors.iter().all(|line| line.ends_with(" 0")), "{errors:?}");
    }
}

/// Condition 10, just before the limit and just after it.
#[tokio::test]
async fn a_clock_that_registers_do_not_share_spends_nothing_and_says_so() {
    let registers = Redis::group().await;
    let setup = Setup::new().await.config(&config(&registers));
    let clock = setup.directory().join("clock");
    fs::write(&clock, "0").expect("a clock file");
    let path: &'static str = clock.to_str().expect("plain letters").to_owned().leak();
    let mut world = setup.environment("YANMA_TEST_CLOCK", path).start().await;
    for register in &registers {
        register.age().await;
    }
    world.pay(&world.code()).await.assert_approved();
    fs::write(&clock, "3000").expect("a clock file");
    world.metric_reaches("yanma_clock_steps_total", 1.0).await;
    let code = world.code();
    world.pay(&code).await.assert_refused("replay_store_unavailable");
    let off = "register_clocks: this node's clock is more than 1 s off";
    eventually(off, async || {
        world.admin("GET", "/readyz").await.text().contains(off).then_some(())
    })
    .await;
    // Time does not run back, so only the next process uses the corrected clock.
    fs::write(&clock, "0").expect("a clock file");
    world.metric_reaches("yanma_clock_steps_total", 2.0).await;
    world.pay(&code).await.assert_refused("replay_store_unavailable");
    world.signal(Signal::TERM);
    world.process.ended().await;
    world.start_again().await;
    world.pay(&code).await.assert_approved();
    assert_eq!(world.backend.count_of(&identity(&code)), 1);
}
