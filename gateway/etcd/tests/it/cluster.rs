//! Real etcd servers: three members on a loopback address of this process, and their operator.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::park_timeout,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::relay::Relay;

/// Looks of 20 ms: beyond what a busy machine needs.
const LOOKS: usize = 1_000;
static PORTS: AtomicU16 = AtomicU16::new(20_000);

/// One member: its process, and the relays before its two ports.
pub(crate) struct Member {
    name: String,
    folder: PathBuf,
    host: String,
    client_port: u16,
    peer_port: u16,
    /// What nodes connect to.
    pub(crate) client: Relay,
    /// What other members connect to.
    pub(crate) peer: Relay,
    child: Option<Child>,
}

/// The members, and the folder of their disks.
pub(crate) struct Cluster {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) members: Vec<Member>,
    token: String,
}

/// Waits for something of another process.
pub(crate) fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        park_timeout(Duration::from_millis(20));
    }
    panic!("waited in vain: {what}");
}

impl Cluster {
    /// Three members that have a leader.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let members = (0..3).map(|index| Member::new(folder.path(), index)).collect();
        let mut cluster = Self { folder, members, token: "first".to_owned() };
        cluster.start_all();
        cluster
    }

    /// Starts those that do not run, and waits for a leader.
    pub(crate) fn start_all(&mut self) {
        for index in 0..self.members.len() {
            if self.members[index].child.is_none() {
                self.start_member(index, "new");
            }
        }
        await_that("the cluster has a leader", || self.leader().is_some());
    }

    fn initial(&self) -> String {
        let one = |member: &Member| format!("{}={}", member.name, member.peer.url());
        self.members.iter().map(one).collect::<Vec<_>>().join(",")
    }

    pub(crate) fn start_member(&mut self, index: usize, state: &str) {
        self.start_with(index, state, &self.initial());
    }

    fn start_with(&mut self, index: usize, state: &str, initial: &str) {
        let token = self.token.clone();
        let member = &mut self.members[index];
        let url = |port| format!("http://{}:{port}", member.host);
        let child = Command::new("etcd")
            .args(["--name", &member.name, "--data-dir", member.folder.to_str().unwrap()])
            .args(["--listen-client-urls", &url(member.client_port)])
            .args(["--advertise-client-urls", &url(member.client_port)])
            .args(["--listen-peer-urls", &url(member.peer_port)])
            .args(["--initial-advertise-peer-urls", &member.peer.url()])
            .args(["--initial-cluster", initial, "--initial-cluster-token", &token])
            .args(["--initial-cluster-state", state])
            .args(["--heartbeat-interval", "20", "--election-timeout", "200"])
            .args(["--snapshot-count", "10000", "--logger", "zap", "--log-level", "error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd starts; tests/run installs it");
        member.child = Some(child);
    }

    /// An emptied member begins a cluster of its own.
    pub(crate) fn start_alone(&mut self, index: usize) {
        let initial = format!("{}={}", self.members[index].name, self.members[index].peer.url());
        self.start_with(index, "new", &initial);
    }

    /// The addresses that a node is configured with.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client.url()).collect()
    }

    pub(crate) fn leader(&self) -> Option<usize> {
        let is_leader = |member: &Member| {
            let status = member.ctl(&["endpoint", "status", "-w", "simple"]).unwrap_or_default();
            status.split(", ").nth(4) == Some("true")
        };
        (0..self.members.len()).find(|index| is_leader(&self.members[*index]))
    }

    /// `etcdctl` at a member that runs.
    pub(crate) fn ctl(&self, index: usize, args: &[&str]) -> String {
        self.members[index].ctl(args).unwrap_or_else(|error| panic!("etcdctl {args:?}: {error}"))
    }

    /// The member loses its disk, is removed by the operator, and comes back empty.
    pub(crate) fn replace(&mut self, index: usize) {
        self.members[index].kill();
        fs::remove_dir_all(&self.members[index].folder).unwrap();
        let other = (index + 1) % self.members.len();
        let list = self.ctl(other, &["member", "list", "-w", "simple"]);
        let name = self.members[index].name.clone();
        let line = list.lines().find(|line| line.contains(&format!(", {name}, "))).unwrap();
        let id = line.split(", ").next().unwrap().to_owned();
        let peers = format!("--peer-urls={}", self.members[index].peer.url());
        await_that("the member is removed", || {
            self.members[other].ctl(&["member", "remove", &id]).is_ok()
        });
        await_that("the member is added", || {
            self.members[other].ctl(&["member", "add", &name, &peers]).is_ok()
        });
        self.start_member(index, "existing");
        await_that("the member is there", || {
            self.members[index].ctl(&["get", "/yanma/head"]).is_ok()
        });
    }

    pub(crate) fn save(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        self.ctl(0, &["snapshot", "save", path.to_str().unwrap()]);
        path
    }

    /// All members begin anew from a snapshot, as a cluster of this token.
    pub(crate) fn restore(&mut self, snapshot: &Path, token: &str) {
        self.members.iter_mut().for_each(Member::kill);
        token.clone_into(&mut self.token);
        let initial = self.initial();
        for member in &self.members {
            fs::remove_dir_all(&member.folder).unwrap();
            let args = [
                "snapshot",
                "restore",
                snapshot.to_str().unwrap(),
                "--name",
                &member.name,
                "--data-dir",
                member.folder.to_str().unwrap(),
                "--initial-cluster",
                &initial,
                "--initial-cluster-token",
                token,
                "--initial-advertise-peer-urls",
                &member.peer.url(),
            ];
            member.ctl(&args).unwrap();
        }
        self.start_all();
    }
}

impl Member {
    fn new(folder: &Path, index: usize) -> Self {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        let host = format!("127.{}.{middle}.{low}", 128 | (high & 0x3f));
        let port = || PORTS.fetch_add(1, Ordering::Relaxed);
        let (client_port, peer_port) = (port(), port());
        Self {
            name: format!("m{index}"),
            folder: folder.join(format!("m{index}")),
            client: Relay::start(&host, client_port),
            peer: Relay::start(&host, peer_port),
            host,
            client_port,
            peer_port,
            child: None,
        }
    }

    fn ctl(&self, args: &[&str]) -> Result<String, String> {
        let endpoint = format!("http://{}:{}", self.host, self.client_port);
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &endpoint, "--command-timeout", "2s"])
            .args(args)
            .output()
            .expect("etcdctl starts; tests/run installs it");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Nothing comes through any more, and no connection ends.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.client.cut(is_cut);
        self.peer.cut(is_cut);
    }

    /// Loses the disk of a member that does not run.
    pub(crate) fn empty(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
