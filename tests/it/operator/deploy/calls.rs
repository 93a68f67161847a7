//! Each system call that a gateway makes in its life is one that the unit allows. This holds where no
//! systemd can be started, too.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{config, run_tool, said};
use crate::harness::accounts::with_accounts;
use crate::harness::project::read;
use crate::harness::redis::{self, Redis};
use crate::harness::{Client, Request, Setup, World, eventually};

/// What the kernel makes of an interrupted call by itself. No filter sees it otherwise.
const OF_THE_KERNEL: &str = "restart_syscall";

/// The system calls of a set of systemd, and of those in it.
async fn members(set: &str) -> BTreeSet<String> {
    let output = run_tool("systemd-analyze", &["syscall-filter", "--no-pager", set]).await;
    assert!(output.status.success(), "{set}: {}", said(&output));
    let text = said(&output);
    let lines = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    let mut found = BTreeSet::new();
    for line in lines.filter(|line| !line.starts_with('#')) {
        found.extend(match line.strip_prefix('@') {
            Some(_) => Box::pin(members(line)).await,
            None => BTreeSet::from([line.to_owned()]),
        });
    }
    found
}

/// As systemd.exec(5) reads the lines: the first one begins a list of what is allowed.
async fn allowed() -> BTreeSet<String> {
    let mut allowed = members("@default").await;
    let unit = read(&config("yanma.service"));
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (is_taken, words) = line.strip_prefix('~').map_or((false, line), |rest| (true, rest));
        for word in words.split_whitespace() {
            let calls = match word.starts_with('@') {
                true => members(word).await,
                false => BTreeSet::from([word.to_owned()]),
            };
            if is_taken {
                allowed.retain(|call| !calls.contains(call));
            } else {
                allowed.extend(calls);
            }
        }
    }
    allowed
}

fn child_of(pid: u32) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
}

/// A gateway under strace.
async fn traced(setup: Setup) -> World {
    let calls = setup.directory().join("calls");
    let calls = calls.to_str().expect("plain letters").to_owned();
    setup.through(&["strace", "-f", "-c", "-U", "name", "-o", &calls]).start().await
}

/// Reload, upgrade, and the end: of a process that is strace's child.
async fn through_its_life(world: &mut World) -> BTreeSet<String> {
    let first = child_of(world.process.pid()).expect("a gateway");
    kill_process(first, Signal::HUP).expect("a process of ours");
    eventually("a reload", async || world.process.said().contains(" reloaded: ").then_some(()))
        .await;
    world.pay(&world.code()).await.assert_approved();
    kill_process(first, Signal::USR2).expect("a process of ours");
    let second = eventually("a new process", async || {
        let said = world.process.said();
        let (_, rest) = said.split_once("handed_over: to process ")?;
        Pid::from_raw(rest.lines().next()?.parse().ok()?)
    })
    .await;
    eventually("the end of the first", async || {
        world.process.said().contains(" drained: ").then_some(())
    })
    .await;
    world.pay(&world.code()).await.assert_approved();
    world.metrics().await;
    kill_process(second, Signal::TERM).expect("a process of ours");
    world.process.ended().await;
    let made = read(&world.directory().join("calls"));
    made.split_whitespace()
        .filter(|word| !word.starts_with(['-', '=']))
        .map(str::to_owned)
        .collect()
}

async fn are_allowed(made: BTreeSet<String>) {
    let allowed = allowed().await;
    assert!(made.contains("epoll_wait") && made.len() > 40, "strace counted nothing: {made:?}");
    let not_calls = ["syscall", "total", OF_THE_KERNEL];
    let refused: Vec<&String> = made
        .iter()
        .filter(|call| !allowed.contains(*call) && !not_calls.contains(&call.as_str()))
        .collect();
    assert!(refused.is_empty(), "the unit's filter refuses {refused:?}");
    // The filter is no open door.
    for call in
        ["mount", "ptrace", "bpf", "setuid", "io_uring_setup", "unshare", "add_key", "reboot"]
    {
        assert!(!allowed.contains(call), "{call}");
    }
}

#[tokio::test]
async fn one_node_calls_only_what_the_unit_allows() {
    let own_group = rustix::process::getegid().as_raw();
    let setup = Setup::new().await;
    let here = setup.directory().to_str().expect("plain letters").to_owned();
    let (setup, writer) = with_accounts(setup, "store = \"local\"");
    let setup = setup
        .config(&format!("[record]\ndirectory = \"{here}/record\"\ngroup = \"{own_group}\""))
        .also(
            "listener",
            &format!("address = \"unix:{here}/front.sock\"\ngroup = \"{own_group}\""),
        );
    let mut world = traced(setup).await;
    world.pay(&world.code()).await.assert_approved();
    let request = Request::post("/pay").code(&world.code()).bytes();
    let socket = world.directory().join("front.sock");
    Client::connect_unix(&socket).await.ask(request).await.assert_approved();
    writer.change(json!({ "op": "freeze", "subject": "43", "cause": "hotline" })).await;
    are_allowed(through_its_life(&mut world).await).await;
}

#[tokio::test]
async fn a_node_with_registers_calls_only_what_the_unit_allows() {
    let group = Redis::group().await;
    let setup = Setup::new().await.config(&redis::config(&group));
    let mut world = traced(setup).await;
    // Registers begin their memory when they are first asked.
    world.pay(&world.code()).await;
    for register in &group {
        register.age().await;
    }
    world.pay(&world.code()).await.assert_approved();
    are_allowed(through_its_life(&mut world).await).await;
}
