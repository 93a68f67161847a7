//! Prometheus in five minutes: the commands of `config/README.md`, to the letter.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use super::prometheus::{Api, MISSING};
use crate::harness::process::address;
use crate::harness::project::{read, root};
use crate::harness::{World, eventually};

/// Longer than the commands' own patience, so that what they say is read.
const PATIENCE: Duration = Duration::from_secs(60);
const SECTION: &str = "## Prometheus in five minutes\n";

/// The blocks of commands of the section.
fn blocks() -> Vec<String> {
    let text = read(&root().join("config/README.md"));
    let (_, section) = text.split_once(SECTION).expect("config/README.md has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

/// A copy of `config/prometheus` that scrapes a gateway elsewhere.
fn copy_rules(to: &Path, admin: &str) {
    let folder = root().join("config/prometheus");
    let copy = to.join("config/prometheus");
    fs::create_dir_all(&copy).expect("a folder");
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a file has a name");
            let text = read(&path).replace("- 127.0.0.1:7461", &format!("- {admin}"));
            fs::write(copy.join(name), text).expect("a copy");
        }
    }
    let config = read(&copy.join("prometheus.yml"));
    assert!(config.contains(admin), "{config}");
}

/// A group of processes, killed when dropped.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        let _ended_already = kill_process_group(self.0, Signal::KILL);
    }
}

/// Runs commands as a person does who pastes them. They go on in the background.
async fn paste(commands: &str, directory: &Path) -> Group {
    let mut shell = Command::new("sh");
    let shell = shell.args(["-euc", commands]).current_dir(directory).process_group(0);
    let log = fs::File::create(directory.join("said")).expect("a file");
    let mut child = shell
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("a shell");
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).expect("it runs");
    let group = Group(pid);
    let status = tokio::time::timeout(PATIENCE, child.wait()).await;
    let status = status.expect("the commands end").expect("a child of ours");
    let said = read(&directory.join("said"));
    assert!(status.success(), "{MISSING}?\n{commands}\n{said}");
    group
}

#[tokio::test]
async fn the_commands_of_the_page_give_a_prometheus_with_targets_and_alerts() {
    let blocks = blocks();
    let [install, look, keep] = blocks.as_slice() else { panic!("three blocks: {blocks:?}") };
    // tests/run installs it. Root is not needed for what follows.
    assert_eq!(install, "sudo apt-get install --no-install-recommends prometheus\n");

    // Other tests run beside this one, and perhaps a Prometheus of the developer: its address, its
    // data and the gateway's address are this test's. All else is done as it is written.
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    copy_rules(directory.path(), &world.admin);
    let own = address();
    let data = directory.path().join("data").display().to_string();
    let mut commands = look.clone();
    for (written, with) in [("127.0.0.1:9091", own.as_str()), ("/tmp/yanma-prometheus", &data)] {
        assert!(commands.contains(written), "{commands}");
        commands = commands.replace(written, with);
    }
    let _group = paste(&commands, directory.path()).await;

    let api = Api { address: own };
    api.scraped(1).await;
    assert_eq!(api.targets().await[0].labels["instance"], world.admin);
    eventually("rules that were all evaluated", async || {
        let rules = api.rules().await;
        assert!(rules.iter().all(|rule| rule.health != "err"), "{rules:?}");
        (!rules.is_empty() && rules.iter().all(|rule| rule.health == "ok")).then_some(())
    })
    .await;
    let alerts = api.rules().await.into_iter().filter(|rule| rule.kind == "alerting").count();
    let written: usize = fs::read_dir(root().join("config/prometheus"))
        .expect("a folder of the project")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| read(&path).matches("- alert: ").count())
        .sum();
    assert_eq!(alerts, written);

    // What Debian's service reads is the same, in one folder.
    let (copy, restart) = keep.split_once('\n').expect("two lines");
    assert_eq!(restart, "sudo systemctl restart prometheus\n");
    let service = directory.path().join("service");
    fs::create_dir(&service).expect("a folder");
    let copy = copy.strip_prefix("sudo ").expect("a command for root");
    let copy = copy.replace("/etc/prometheus/", &format!("{}/", service.display()));
    let check = format!("{copy}\npromtool check config {}/prometheus.yml", service.display());
    let _group = paste(&check, directory.path()).await;
}
