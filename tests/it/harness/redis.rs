//! Real Redis servers on loopback: killed, paused, emptied and started again by tests.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::process::address;
use super::{eventually, soon, spawn};

/// A server, killed when dropped.
pub(crate) struct Redis {
    address: String,
    directory: TempDir,
    options: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further options of the command line.
    pub(crate) async fn start_with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = options.iter().copied().map(str::to_owned).collect();
        let mut redis = Self { address: address(), directory, options, child: None };
        redis.start_again().await;
        redis
    }

    pub(crate) async fn group() -> Vec<Self> {
        Self::group_with(&[]).await
    }

    pub(crate) async fn group_with(options: &[&str]) -> Vec<Self> {
        let mut group = Vec::new();
        for _ in 0..3 {
            group.push(Self::start_with(options).await);
        }
        group
    }

    /// Starts the killed server again with the files of its directory. Only a server that was told
    /// to save has any.
    pub(crate) async fn start_again(&mut self) {
        let (host, port) = self.address.split_once(':').expect("an address and a port");
        let child = Command::new("redis-server")
            .args(["--bind", host, "--port", port, "--save", "", "--appendonly", "no"])
            .args(&self.options)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server starts; tests/run installs it");
        self.child = Some(child);
        let answers = async || TcpStream::connect(&self.address).await.ok().map(drop);
        eventually("a server that answers", answers).await;
    }

    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.start_kill().expect("a signal to our own child");
        soon("the end of a server", child.wait()).await.expect("a child of ours");
    }

    /// Sends SHUTDOWN with `options`.
    pub(crate) async fn shut_down(&mut self, options: &str) {
        let mut stream = TcpStream::connect(&self.address).await.expect("a server");
        let command = format!("SHUTDOWN {options}\r\n");
        stream.write_all(command.as_bytes()).await.expect("room");
        let mut child = self.child.take().expect("it runs");
        soon("the end of a server", child.wait()).await.expect("a child of ours");
    }

    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().and_then(Child::id).expect("it runs");
        let pid = Pid::from_raw(pid.try_into().expect("a process id")).expect("not 0");
        kill_process(pid, signal).expect("a signal to our own child");
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Runs a command and returns what is answered, as text.
    pub(crate) async fn ask(&self, command: &[&str]) -> String {
        let mut text = format!("*{}\r\n", command.len());
        for part in command {
            text.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        let asked = async {
            let mut stream = TcpStream::connect(&self.address).await.expect("a server");
            stream.write_all(text.as_bytes()).await.expect("room");
            stream.write_all(b"*1\r\n$4\r\nQUIT\r\n").await.expect("room");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("an answer");
            let answer = String::from_utf8_lossy(&answer).into_owned();
            answer.strip_suffix("+OK\r\n").expect("the answer to QUIT").to_owned()
        };
        soon("a server's answer", asked).await
    }

    /// Waits until a gateway has begun the memory, then dates its beginning back.
    pub(crate) async fn age(&self) {
        self.age_in("0").await;
    }

    /// The same in another database than the first. It is one script, because gateways write there
    /// at the same time.
    pub(crate) async fn age_in(&self, database: &str) {
        const AGE: &str = "redis.call('SELECT', ARGV[1]) \
            local held = redis.call('GET', 'yanma:layout') if not held then return 0 end \
            local aged = string.gsub(held, '^(%x+ %d+) %d+', '%1 1000') \
            return redis.call('SET', 'yanma:layout', aged)";
        eventually("a layout", async || {
            (self.ask(&["EVAL", AGE, "0", database]).await == "+OK\r\n").then_some(())
        })
        .await;
    }

    /// A copy of all that it has on disk now.
    pub(crate) fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a directory");
        copy_all(self.directory.path(), copy.path());
        copy
    }

    /// Replaces the files on disk with a copy, while the server is stopped.
    pub(crate) fn put_back(&self, copy: &Path) {
        assert!(self.child.is_none(), "it would write on");
        copy_all(copy, self.directory.path());
    }

    /// What it holds as layout.
    pub(crate) async fn layout(&self) -> Option<String> {
        let answer = self.ask(&["GET", "yanma:layout"]).await;
        Some(answer.strip_prefix('$')?.split_once("\r\n")?.1.trim_end().to_owned())
            .filter(|held| !held.is_empty())
    }
}

/// Overwrites files that exist and removes others.
fn copy_all(from: &Path, to: &Path) {
    fs::remove_dir_all(to).expect("a directory of ours");
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("a directory");
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A group as the configuration names it.
pub(crate) fn config(group: &[Redis]) -> String {
    let urls: Vec<String> = group.iter().map(|one| format!("\"{}\"", one.url())).collect();
    format!(
        "[replay]\nstore = \"registers\"\ntimeout_ms = 1000\n\
         [[replay.group]]\nregisters = [{}]\n",
        urls.join(", ")
    )
}

/// A door to a server under another address.
pub(crate) async fn door(server: &str) -> String {
    let door = address();
    let listener = TcpListener::bind(&door).await.expect("an address of ours");
    let server = server.to_owned();
    spawn(async move {
        while let Ok((mut inner, _)) = listener.accept().await {
            if let Ok(mut outer) = TcpStream::connect(&server).await {
                spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
                });
            }
        }
    });
    door
}
