//! The load tool against the real gateway. Every scenario is clean, and each planted fault is
//! found. Rates are small, because other tests run at the same time.

mod cities;
mod freezes;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use keyring::code::UnverifiedCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::process::{Process, address, binary, load_tool};
use crate::harness::project::root;
use crate::harness::world::is_ready;
use crate::harness::{Backend, Reply, eventually};

/// A run of some seconds, on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(180);

/// A directory with a scenario of its own.
pub(crate) struct Play {
    pub(crate) directory: TempDir,
}

/// How a run ended.
pub(crate) struct Ended {
    status: Option<i32>,
    pub(crate) said: String,
    pub(crate) report: Value,
}

impl Play {
    pub(crate) fn new(scenario: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("own.toml"), scenario).expect("a scenario");
        Self { directory }
    }

    pub(crate) async fn run(&self, more: &[&str]) -> Ended {
        self.run_file(&self.directory.path().join("own.toml"), more).await
    }

    pub(crate) async fn run_file(&self, scenario: &Path, more: &[&str]) -> Ended {
        let json = self.directory.path().join("report.json");
        let scenario = scenario.to_str().expect("plain letters");
        let json_text = json.to_str().expect("plain letters");
        let arguments = ["run", scenario, "--busy-machine-ok", "--json", json_text];
        let output = tool(&[&arguments, more].concat()).await;
        let report = fs::read_to_string(&json).unwrap_or_default();
        Ended {
            status: output.status.code(),
            said: said(&output),
            report: serde_json::from_str(&report).unwrap_or_default(),
        }
    }

    fn prepared(&self) -> PathBuf {
        self.directory.path().join("prepared")
    }

    /// `prepare` for a gateway at these addresses.
    async fn prepare(&self, listen: &str, admin: &str) -> String {
        let dir = self.prepared();
        let dir = dir.to_str().expect("plain letters").to_owned();
        let backend = address();
        let places = ["--listen", listen, "--admin", admin, "--backend", &backend];
        let arguments = ["prepare", "--dir", dir.as_str(), "--keys", "3"];
        let output = tool(&[arguments.as_slice(), &places].concat()).await;
        assert!(output.status.success(), "{}", said(&output));
        dir
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_clean(&self) -> &Value {
        assert_eq!(self.status, Some(0), "{}", self.said);
        assert_eq!(self.report["verdict"]["clean"], true, "{}", self.said);
        assert!(self.count("approved") > 0, "{}", self.said);
        &self.report
    }

    /// Exit 1, and one of the faults says this.
    #[track_caller]
    pub(crate) fn assert_dirty(&self, fault: &str) {
        assert_eq!(self.status, Some(1), "{}", self.said);
        assert_eq!(self.report["verdict"]["clean"], false, "{}", self.said);
        let faults = self.report["verdict"]["faults"].to_string();
        assert!(faults.contains(fault), "{faults}");
    }

    pub(crate) fn count(&self, of: &str) -> u64 {
        self.report["verdict"][of].as_u64().unwrap_or_default()
    }
}

async fn tool(arguments: &[&str]) -> Output {
    let mut command = Command::new(load_tool());
    command.args(arguments).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    output.expect("the load tool ends").expect("the load tool starts")
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

const SHORT: [&str; 4] = ["--rate", "200", "--duration", "3"];

async fn play_short(name: &str) -> Ended {
    let scenario = root().join("config/loadtest").join(name).with_extension("toml");
    Play::new("").run_file(&scenario, &SHORT).await
}

/// How often a class got an answer.
pub(crate) fn answers(report: &Value, class: &str, outcome: &str) -> u64 {
    let rows = report["classes"].as_array().expect("a list of classes");
    let row = rows.iter().find(|row| row["class"] == class);
    row.and_then(|row| row["answers"][outcome].as_u64()).unwrap_or_default()
}

#[tokio::test]
async fn scenarios_of_refusals_are_clean() {
    play_short("monday-morning").await.assert_clean();
    let storm = play_short("replay-storm").await;
    assert!(answers(storm.assert_clean(), "replay_other_s", "code_used") > 0, "{}", storm.said);
    let flood = play_short("forged-flood").await;
    assert!(answers(flood.assert_clean(), "forged", "signature_invalid") > 0, "{}", flood.said);
    assert!(answers(flood.assert_clean(), "revoked", "key_revoked") > 0, "{}", flood.said);
}

#[tokio::test]
async fn scenarios_of_faults_are_clean() {
    let slow = play_short("slow-backend").await;
    assert!(slow.assert_clean()["backend"]["delayed"].as_u64() > Some(0), "{}", slow.said);
    let rotation = play_short("key-rotation").await;
    let events = rotation.assert_clean()["events"].to_string();
    for event in ["key 7005 is active", "key 7001 retires", "key 7001 is revoked"] {
        assert!(events.contains(event), "{events}");
    }
    let crash = play_short("crash").await;
    assert_eq!(crash.assert_clean()["gateways"][0]["restarts"], 3, "{}", crash.said);
    // Its table outlives it, so no code is refused because of its death.
    assert_eq!(crash.report["outcomes"]["warming_up"], Value::Null, "{}", crash.said);
}

#[tokio::test]
async fn http2_unix_sockets_idle_connections_and_a_closed_loop_are_judged_too() {
    let play = Play::new(
        "about = \"All ways at once.\"\n[load]\nprotocol = \"http2\"\nconnections = 2\nstreams = 3\n\
         closed = true\nthreads = 2\nidle_connections = 20\n[[phase]]\nduration_s = 2\nrate = 1\n\
         [mix]\nvalid = 8\nreplay_at_once = 1\nforged = 1\n\
         [backend]\nunix = true\n[gateway]\nunix = true\nworkers = 1\n",
    );
    let ended = play.run(&[]).await;
    let report = ended.assert_clean();
    assert!(answers(report, "replay_at_once", "code_used") > 0, "{}", ended.said);
    assert_eq!(report["idle"]["opened"], 20);
    assert_eq!(report["idle"]["closed_by_gateway"], 0);
    assert_eq!(report["schedule"]["planned"], 0);
}

const TWINS: &str = "about = \"Each code at two nodes at once.\"\n[[phase]]\nduration_s = 2\n\
    rate = 50\n[mix]\nreplay_at_once = 1\n";

#[tokio::test]
async fn two_nodes_that_share_no_memory_are_found_out() {
    let play = Play::new(&format!("{TWINS}[gateway]\nnodes = 2\nworkers = 1\n"));
    let ended = play.run(&[]).await;
    ended.assert_dirty("reached the backend more than once");
    ended.assert_dirty("were approved more than once");
    ended.assert_dirty("not answered yes once, no once");
    assert!(ended.count("arrived_twice") > 50, "{}", ended.said);
    // With one node the same run is clean, so the judge has found the second memory.
    Play::new(&format!("{TWINS}[gateway]\nworkers = 1\n")).run(&[]).await.assert_clean();
}

const VALID: &str = "about = \"Valid codes.\"\n[load]\nconnections = 4\n[[phase]]\nduration_s = 1\n\
    rate = 100\n[mix]\nvalid = 9\nforged = 1\n";

#[tokio::test]
async fn a_gateway_that_says_yes_and_forwards_nothing_is_found_out() {
    let liar = Backend::start(Reply::with(200, "Yanma-Outcome: approved\r\n", "{}")).await;
    let admin = "HTTP/1.1 200 OK\r\n\r\nyanma_replay_fence_end_timestamp_seconds 0\n\
                 yanma_backend_in_flight{backend=\"settlement\"} 0\n";
    let admin = Backend::start(Reply::ThenClose(admin.into())).await;
    let plain = |endpoint: &str| endpoint.trim_start_matches("http://").to_owned();
    let play = Play::new(VALID);
    let dir = play.prepare(&plain(&liar.endpoint), &plain(&admin.endpoint)).await;
    let ended = play.run(&["--attach", "--dir", &dir]).await;
    ended.assert_dirty("approved and never reached the backend");
    ended.assert_dirty("answers were not what their code must get");
    // It does not say which code it has spent.
    ended.assert_dirty("answers did not name the code that was sent");
    let examples = ended.report["verdict"]["examples"].to_string();
    assert!(examples.contains("forged was answered 200 approved"), "{examples}");
    assert_eq!(ended.count("arrived_once"), 0);
}

#[tokio::test]
async fn a_gateway_that_does_not_end_in_order_is_found_out_though_nothing_else_went_wrong() {
    let play = Play::new(&VALID.replace("rate = 100", "rate = 1"));
    // A wrapper that kills the gateway when it is told to end, and says so by its status.
    let script = format!(
        "#!/bin/sh\n{} \"$@\" &\ntrap \"kill -9 $!; exit 3\" TERM\nwait\n",
        binary().display()
    );
    let wrapper = play.directory.path().join("yanma");
    fs::write(&wrapper, script).expect("a script");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o700)).expect("its own file");
    let wrapper = wrapper.to_str().expect("plain letters");
    play.run(&["--yanma", wrapper]).await.assert_dirty("gateway 1 did not end in order");
}

#[tokio::test]
async fn starts_that_never_find_a_connection_fail_the_run() {
    let play = Play::new(
        "about = \"Two connections, each answered once a second.\"\n[load]\nconnections = 2\n\
         warmup_s = 0\n[[phase]]\nduration_s = 2\nrate = 50\n[mix]\nvalid = 1\n\
         [backend]\ndelay_ms = 1000\n",
    );
    let json = play.directory.path().join("report.json");
    let scenario = play.directory.path().join("own.toml");
    let [json_text, scenario] =
        [&json, &scenario].map(|path| path.to_str().expect("plain letters"));
    let output = tool(&["run", scenario, "--json", json_text]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("NOT ALL OF THE LOAD WAS SENT"), "{}", said(&output));
    let report: Value =
        serde_json::from_str(&fs::read_to_string(&json).expect("a report")).expect("JSON");
    assert_eq!(report["verdict"]["clean"], true, "{}", said(&output));
    assert!(report["schedule"]["never_started"].as_u64() > Some(50), "{}", said(&output));
}

#[tokio::test]
async fn a_gateway_that_runs_already_is_judged_and_goes_on() {
    let play = Play::new(&format!("{VALID}[[event]]\nat_s = 0\ndo = \"rotate\"\n"));
    let (listen, admin) = (address(), address());
    let dir = play.prepare(&listen, &admin).await;
    let config = format!("{dir}/gateway.toml");
    let mut gateway = Process::start(play.directory.path(), &["serve", "--config", &config]);
    let pid = gateway.pid().to_string();
    let ended = play.run(&["--attach", "--dir", &dir, "--pid", &pid]).await;
    assert_eq!(ended.assert_clean()["gateways"][0]["pid"].to_string(), pid);
    assert!(ended.report["events"].to_string().contains("key 7004 is active"), "{}", ended.said);
    assert!(gateway.is_running());
    assert!(is_ready(&admin).await);
}

#[tokio::test]
async fn a_run_that_is_stopped_leaves_no_gateway_behind() {
    let play = Play::new(&VALID.replace("duration_s = 1", "duration_s = 600"));
    let (scenario, dir) = (play.directory.path().join("own.toml"), play.prepared());
    let mut command = Command::new(load_tool());
    command.arg("run").arg(scenario).arg("--dir").arg(&dir).kill_on_drop(true);
    let mut run = command.spawn().expect("the load tool starts");
    let admin = async || {
        let config = fs::read_to_string(dir.join("gateway.toml")).ok()?;
        let config: toml::Table = config.parse().ok()?;
        let admin = config.get("admin")?.get("address")?.as_str()?.to_owned();
        is_ready(&admin).await.then_some(admin)
    };
    let admin = eventually("a gateway that is ready", admin).await;
    let pid = run.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
    kill_process(pid, Signal::TERM).expect("a signal to our own child");
    let status = tokio::time::timeout(PATIENCE, run.wait()).await.expect("an end");
    assert_eq!(status.expect("a child of ours").code(), Some(1));
    assert!(!is_ready(&admin).await);
}

#[tokio::test]
async fn codes_for_other_tools_are_sound_and_all_different() {
    let play = Play::new("");
    let dir = play.prepare("127.0.0.1:1", "127.0.0.1:2").await;
    let output = tool(&["mint", "--dir", &dir, "--count", "300", "--time"]).await;
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).expect("digits");
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    assert_eq!(lines.len(), 300);
    for line in lines {
        UnverifiedCode::parse(line.as_bytes()).expect("a sound code");
    }
    let rate = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(rate.contains("codes a second on one core"), "{rate}");
}

#[tokio::test]
async fn exit_statuses_tell_wrong_arguments_from_bad_scenarios() {
    let play = Play::new(&VALID.replace("rate = 100", "rate = 0"));
    let bad = play.run(&[]).await;
    assert_eq!(bad.status, Some(78), "{}", bad.said);
    for part in ["own.toml", "phase.rate = 0", "1 to 10000000"] {
        assert!(bad.said.contains(part), "{}", bad.said);
    }
    let crash = root().join("config/loadtest/crash.toml");
    let killed = play.run_file(&crash, &["--attach", "--dir", "/nowhere"]).await;
    assert_eq!(killed.status, Some(64), "{}", killed.said);
    let nowhere = Play::new(VALID).run(&["--attach", "--dir", "/nowhere"]).await;
    assert_eq!(nowhere.status, Some(78), "{}", nowhere.said);
    let listed = tool(&["run"]).await;
    assert!(said(&listed).contains("which scenario?"), "{}", said(&listed));
    let many = VALID.replace("connections = 4", "idle_connections = 1000000");
    let many = Play::new(&many).run(&[]).await;
    assert_eq!(many.status, Some(78), "{}", many.said);
    assert!(many.said.contains("ulimit -n"), "{}", many.said);
    for arguments in [&["run"][..], &["run", "x", "--sweep"], &["fly"], &[]] {
        let output = tool(arguments).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", said(&output));
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["prepare", "--help"], &["--version"]] {
        let output = tool(arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
    }
}
