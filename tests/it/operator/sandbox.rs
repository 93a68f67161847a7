//! `yanma sandbox`, which a newcomer sees first. Each command of its file works as pasted.

use std::path::Path;
use std::process::Output;

use tokio::process::Command;

use crate::harness::contract::REFUSALS;
use crate::harness::process::{Process, address, run};
use crate::harness::world::is_ready;
use crate::harness::{eventually, soon};

/// One command of `commands.txt` and what it promises.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) name: String,
    /// `200 approved` or `exit 0`.
    expected: String,
    pub(crate) command: String,
}

pub(crate) struct Sandbox {
    pub(crate) process: Process,
    pub(crate) directory: tempfile::TempDir,
    /// Of the gateway, its admin listener, the stand-in and the pages.
    pub(crate) addresses: [String; 4],
}

impl Sandbox {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let addresses = [address(), address(), address(), pages_address()];
        let process = Process::start(directory.path(), &arguments(&addresses));
        let mut sandbox = Self { process, directory, addresses };
        sandbox.ready().await;
        sandbox
    }

    pub(crate) async fn restart(mut self) -> Self {
        self.process.signal(rustix::process::Signal::INT);
        assert!(self.process.ended().await.success());
        self.process = Process::start(self.directory.path(), &arguments(&self.addresses));
        self.ready().await;
        self
    }

    async fn ready(&mut self) {
        eventually("a sandbox that runs", async || {
            assert!(self.process.is_running(), "{}", self.process.said());
            self.process.said().contains("Ctrl-C ends it.").then_some(())
        })
        .await;
        eventually("a sandbox that is ready", async || {
            is_ready(&self.addresses[1]).await.then_some(())
        })
        .await;
    }

    pub(crate) fn examples(&self) -> Vec<Example> {
        let file = self.directory.path().join("sandbox/commands.txt");
        let commands = std::fs::read_to_string(file).expect("commands to paste");
        let lines: Vec<&str> = commands.lines().collect();
        let pairs = lines.windows(2).filter_map(|pair| example(pair[0], pair[1]));
        pairs.collect()
    }

    async fn run(&self, example: &Example) {
        let output = shell(&example.command).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let Example { name, expected, .. } = example;
        let found = match expected.strip_prefix("exit ") {
            Some(_) => format!("exit {}", output.status.code().expect("no signal")),
            None => last_answer(&said),
        };
        let problem = String::from_utf8_lossy(&output.stderr);
        assert_eq!(&found, expected, "{name}: {}\n{said}\n{problem}", example.command);
    }
}

#[tokio::test]
async fn every_command_works_as_pasted() {
    let sandbox = Sandbox::start().await;
    let examples = sandbox.examples();
    for wanted in
        ["mint", "show", "pay", "retry", "code_used", "code_expired", "metrics", "inspect"]
    {
        assert!(examples.iter().any(|example| example.name == wanted), "no example {wanted}");
    }
    // The first pasted command must work at once, because new keys need no fence.
    let (first, others): (Vec<_>, Vec<_>) =
        examples.iter().partition(|example| example.name == "pay");
    for example in first.into_iter().chain(others) {
        sandbox.run(example).await;
    }
}

#[tokio::test]
async fn every_refusal_that_this_version_knows_can_be_produced() {
    let sandbox = Sandbox::start().await;
    let shown: Vec<String> = sandbox
        .examples()
        .into_iter()
        .filter_map(|example| example.expected.split_once(' ').map(|(_, word)| word.to_owned()))
        .collect();
    // What needs mutual TLS or registers comes with them; an overload, a full
    // table, a fence and a pass of a quarter of an hour ago cannot be pasted.
    // Answers that only a gateway in trouble gives.
    let not_here = [
        "overloaded",
        "warming_up",
        "replay_store_unavailable",
        "replay_full",
        "account_state_unavailable",
        "pass_expired",
    ];
    for row in REFUSALS.iter().filter(|row| row.produced) {
        let reason = row.reason.as_str();
        let is_shown = shown.iter().any(|word| word == reason);
        assert!(is_shown || not_here.contains(&reason), "{reason} has no example");
    }
}

/// A newcomer sees a link, and five lines in all.
#[tokio::test]
async fn it_prints_a_link_and_little_more() {
    let sandbox = Sandbox::start().await;
    let said = sandbox.process.said();
    // Lines of the log begin with their time.
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("20")).collect();
    assert_eq!(lines.len(), 5, "{said}");
    let pages = &sandbox.addresses[3];
    let link =
        format!("Yanma sandbox   open  http://{pages}/   打开此链接：手机、收费台、故障、实况");
    assert_eq!(lines[0], link);
    for address in &sandbox.addresses[..3] {
        assert!(lines[1].contains(address.as_str()), "{said}");
    }
    assert!(lines[2].contains("/sandbox/commands.txt") && lines[2].contains(" audit /"), "{said}");
    assert!(lines[3].contains("Query first"), "{said}");
}

#[tokio::test]
async fn keys_are_kept_between_runs() {
    let sandbox = Sandbox::start().await;
    let keyring = sandbox.directory.path().join("sandbox/keyring/keyring.toml");
    let before = std::fs::read(&keyring).expect("a keyring");
    let sandbox = sandbox.restart().await;
    assert_eq!(std::fs::read(&keyring).expect("a keyring"), before);
    let examples = sandbox.examples();
    let pay = examples.iter().find(|example| example.name == "pay").expect("an example");
    // These keys may have paid before, so the fence refuses codes in the first seconds after a
    // restart.
    eventually("a payment behind the fence", async || {
        let output = shell(&pay.command).await;
        let answer = last_answer(&String::from_utf8_lossy(&output.stdout));
        assert!(["200 approved", "503 warming_up"].contains(&answer.as_str()), "{answer}");
        (answer == "200 approved").then_some(())
    })
    .await;
}

#[tokio::test]
async fn its_keys_are_not_served_in_production() {
    let sandbox = Sandbox::start().await;
    let config = sandbox.directory.path().join("sandbox/gateway.toml");
    let config = config.to_str().expect("plain letters");
    let output = run(sandbox.directory.path(), &["serve", "--config", config]).await;
    assert_eq!(output.status.code(), Some(78));
}

#[tokio::test]
async fn a_second_sandbox_on_the_same_directory() {
    let sandbox = Sandbox::start().await;
    let others = [address(), address(), address(), address()];
    let output = run(sandbox.directory.path(), &arguments(&others)).await;
    one_sentence(&output, &["another sandbox", "sandbox"]);
}

#[tokio::test]
async fn a_taken_port() {
    let sandbox = Sandbox::start().await;
    let other = tempfile::tempdir().expect("a directory");
    for taken in 0..4 {
        let mut addresses = [address(), address(), address(), address()];
        addresses[taken].clone_from(&sandbox.addresses[taken]);
        let output = run(other.path(), &arguments(&addresses)).await;
        one_sentence(&output, &[&addresses[taken]]);
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written() {
    let directory = tempfile::tempdir().expect("a directory");
    // A file where the directory should be: also the superuser cannot write there.
    std::fs::write(directory.path().join("sandbox"), "").expect("a file");
    let addresses = [address(), address(), address(), address()];
    let output = run(directory.path(), &arguments(&addresses)).await;
    one_sentence(&output, &["sandbox"]);
}

/// The pages answer to names of this machine alone, so the port must be a free one.
fn pages_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

fn arguments(addresses: &[String; 4]) -> Vec<&str> {
    let [listen, admin, backend, pages] = addresses;
    let gateway = ["sandbox", "--listen", listen, "--admin", admin];
    [gateway.as_slice(), &["--backend", backend, "--pages", pages]].concat()
}

/// `# <name> -> <expected>: <about>`, and the command in the next line.
fn example(title: &str, command: &str) -> Option<Example> {
    let (name, rest) = title.strip_prefix("# ")?.split_once(" -> ")?;
    let (expected, _) = rest.split_once(':')?;
    let [name, expected, command] = [name, expected, command].map(str::to_owned);
    Some(Example { name, expected, command })
}

/// Runs a line as a terminal would, far away from the sandbox's directory.
pub(crate) async fn shell(line: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(Path::new("/")).kill_on_drop(true);
    soon(line, command.output()).await.expect("a shell")
}

/// Status and outcome of the last answer that curl printed.
fn last_answer(said: &str) -> String {
    let head = said.rsplit("HTTP/1.1 ").next().unwrap_or_default();
    let status = head.split(' ').next().unwrap_or_default();
    let outcome = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("yanma-outcome").then_some(value.trim())
    });
    format!("{status} {}", outcome.unwrap_or("without outcome"))
}

fn one_sentence(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "one sentence: {said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
}
