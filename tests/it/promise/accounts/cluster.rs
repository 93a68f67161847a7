//! Three members of Debian's etcd, without a disk that outlives the test.

use std::fs;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::eventually;
use crate::harness::process::address;

/// One member.
struct Member {
    name: String,
    client: String,
    peer: String,
    child: Option<Child>,
}

/// All of them.
pub(in crate::promise) struct Cluster {
    directory: TempDir,
    members: Vec<Member>,
}

impl Cluster {
    /// Starts three members and waits until each answers.
    pub(in crate::promise) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let member =
            |n| Member { name: format!("m{n}"), client: address(), peer: address(), child: None };
        let members = (0..3).map(member).collect();
        let mut cluster = Self { directory, members };
        cluster.run();
        cluster.answers().await;
        cluster
    }

    /// Starts those that do not run.
    pub(in crate::promise) fn run(&mut self) {
        let peers = self.members.iter().map(|one| format!("{}=http://{}", one.name, one.peer));
        let all = peers.collect::<Vec<_>>().join(",");
        for member in self.members.iter_mut().filter(|member| member.child.is_none()) {
            let (client, peer) =
                (format!("http://{}", member.client), format!("http://{}", member.peer));
            let log = self.directory.path().join(format!("{}.log", member.name));
            let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
            let child = Command::new("etcd")
                .args(["--name", &member.name, "--initial-cluster", &all])
                .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
                .args(["--heartbeat-interval", "20", "--election-timeout", "200"])
                .args(["--snapshot-count", "10000", "--logger", "zap", "--data-dir"])
                .arg(self.directory.path().join(&member.name))
                .stdout(Stdio::null())
                .stderr(log)
                .spawn();
            member.child = Some(child.expect("etcd-server: tests/run installs it"));
        }
    }

    async fn answers(&self) {
        let clients: Vec<&str> = self.members.iter().map(|one| one.client.as_str()).collect();
        let endpoints = format!("--endpoints={}", clients.join(","));
        eventually("three members of etcd with a leader", async || {
            let mut health = tokio::process::Command::new("etcdctl");
            health.env("ETCDCTL_API", "3").args([&endpoints, "endpoint", "health"]);
            health.output().await.expect("etcd-client").status.success().then_some(())
        })
        .await;
    }

    /// As `accounts.etcd` has them.
    pub(in crate::promise) fn urls(&self) -> String {
        let urls = self.members.iter().map(|member| format!("\"http://{}\"", member.client));
        urls.collect::<Vec<_>>().join(", ")
    }

    /// kill -9 of each.
    pub(super) fn kill_all(&mut self) {
        self.kill([true; 3]);
    }

    /// kill -9 of these members.
    pub(in crate::promise) fn kill(&mut self, which: [bool; 3]) {
        let dying = self.members.iter_mut().zip(which).filter(|(_, dies)| *dies);
        for member in dying.map(|(member, _)| member) {
            let Some(mut child) = member.child.take() else { continue };
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            kill_process(pid.expect("a process"), Signal::KILL).expect("it runs");
            child.wait().expect("a process of ours");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill_all();
    }
}
