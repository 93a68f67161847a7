//! The systemd unit: how much it leaves open, and that the gateway works in it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::machine::Machine;
use super::{config, package, run_tool, said};
use crate::harness::keys::{self, WECHAT, payment};
use crate::harness::process::address;
use crate::harness::project::read;
use crate::harness::world::is_ready;
use crate::harness::{Backend, Client, Message, Reply, Request, eventually, now_ms};

/// Of 100, by systemd's own judgement.
const EXPOSURE_MAX: &str = "--threshold=15";

#[tokio::test]
async fn the_unit_leaves_little_open() {
    let unit = config("yanma.service");
    let unit = unit.to_str().expect("plain letters");
    let arguments = ["security", "--offline=true", "--no-pager", EXPOSURE_MAX, unit];
    let output = run_tool("systemd-analyze", &arguments).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("Overall exposure level"), "{}", said(&output));
    // Nothing in it is unknown to systemd, or in a wrong section.
    let output = run_tool("systemd-analyze", &["verify", unit]).await;
    let wrong: Vec<String> = said(&output)
        .lines()
        .filter(|line| line.contains("yanma.service") && !line.contains("is not executable"))
        .map(str::to_owned)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A stop holds a whole drain of the example's configuration.
#[test]
fn the_unit_waits_for_a_whole_drain() {
    let unit = read(&config("yanma.service"));
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let stop_s: i64 = stop.expect("a time").trim_end_matches('s').parse().expect("seconds");
    let gateway: toml::Table = read(&config("gateway.toml")).parse().expect("TOML");
    let ms = |key: &str| gateway["server"][key].as_integer().expect("a number");
    assert!(stop_s * 1_000 >= ms("drain_delay_ms") + ms("drain_timeout_ms") + 5_000);
}

/// Where the gateway of the unit is reached.
struct Addresses {
    clients: String,
    admin: String,
    writers: String,
}

const TOKEN: &str = "token-of-the-hotline-in-the-machine-of-the-unit";

/// The package's files, and what an operator adds: configuration, keyring, a writer's token.
fn installed(backend: &Backend) -> (TempDir, Addresses) {
    let top = tempfile::tempdir().expect("a directory");
    package::unpack(top.path());
    // It is bound there, because it is large.
    fs::remove_file(top.path().join("usr/bin/yanma")).expect("a file");
    let yanma = top.path().join("etc/yanma");
    keys::write_keyring(&yanma.join("keyring"), &[WECHAT]);
    fs::write(yanma.join("hotline.token"), TOKEN).expect("a token");
    let own = fs::Permissions::from_mode(0o600);
    fs::set_permissions(yanma.join("hotline.token"), own).expect("a mode");
    let addresses = Addresses { clients: address(), admin: address(), writers: address() };
    let example = read(&yanma.join("gateway.example.toml"));
    fs::write(yanma.join("gateway.toml"), configured(&example, &addresses, backend))
        .expect("a file");
    fs::copy(config("deploy/debian/postinst"), top.path().join("postinst")).expect("a script");
    (top, addresses)
}

/// The package's example with other addresses, and with all that the unit must let through: a group
/// at the record and at a UNIX socket, account states.
fn configured(example: &str, addresses: &Addresses, backend: &Backend) -> String {
    let mut text = example.to_owned();
    for (from, to) in [
        ("127.0.0.1:7460", addresses.clients.as_str()),
        ("127.0.0.1:7461", &addresses.admin),
        ("http://127.0.0.1:9001", &backend.endpoint),
        ("\"production\"", "\"test\""),
        ("# group = \"adm\"", "group = \"adm\""),
        ("[server]", "[server]\ndrain_delay_ms = 100\nverify_table_mib = 8"),
        ("methods = [\"POST\"]\n", ""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text + &format!(
        "[[listener]]\naddress = \"unix:/run/yanma/front.sock\"\ngroup = \"adm\"\n\
         [accounts]\nstore = \"local\"\ncapacity = 1000\nlisten = \"{}\"\n\
         [[accounts.writer]]\nname = \"hotline\"\ntoken_file = \"hotline.token\"\n\
         may = [\"freeze:hotline\"]\n",
        addresses.writers
    )
}

async fn pay(addresses: &Addresses) -> Message {
    let code = WECHAT.mint(&payment(now_ms().div_euclid(1_000)));
    let request = Request::post("/").code(&code).bytes();
    Client::connect(&addresses.clients).await.ask(request).await
}

/// After a start codes are refused until the fence has passed.
async fn pays(addresses: &Addresses) {
    eventually("an approved payment", async || {
        (pay(addresses).await.field("yanma-outcome") == Some("approved")).then_some(())
    })
    .await;
}

fn group_of(path: &Path) -> (u32, u32) {
    let data = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    (data.gid(), data.mode() & 0o777)
}

fn adm() -> u32 {
    let groups = read(Path::new("/etc/group"));
    let line = groups.lines().find_map(|line| line.strip_prefix("adm:x:")).expect("adm");
    line.split(':').next().expect("a number").parse().expect("a number")
}

/// The package's files, its script and its example, under Debian's systemd: all that the gateway does
/// in its life goes through the unit's restrictions.
#[tokio::test]
async fn the_gateway_lives_in_the_unit() {
    let backend = Backend::start(Reply::settled()).await;
    let (top, addresses) = installed(&backend);
    let Some(machine) = Machine::start(top).await else { return };

    // It starts and says so, with all restrictions in force.
    machine.order(&["start", "yanma"]).await;
    assert_eq!(machine.property("ActiveState").await, "active");
    let first = machine.property("MainPID").await;
    restrictions_are_in_force(&machine, &first).await;
    eventually("a node that is ready", async || is_ready(&addresses.admin).await.then_some(()))
        .await;
    pays(&addresses).await;

    // Its record, its socket and its account states.
    let record = machine.path("/var/log/yanma/record");
    assert_eq!(group_of(&record), (adm(), 0o750));
    for entry in fs::read_dir(&record).expect("a directory") {
        assert_eq!(group_of(&entry.expect("an entry").path()), (adm(), 0o640));
    }
    assert_eq!(group_of(&machine.path("/run/yanma/front.sock")), (adm(), 0o660));
    let body = json!({ "request": "T-1", "changes": [
        { "op": "freeze", "subject": "43", "cause": "hotline" },
    ] });
    let freeze = Request::post("/accounts/changes").body(body.to_string());
    let freeze = freeze.field("Authorization", &format!("Bearer {TOKEN}"));
    let answer = Client::connect(&addresses.writers).await.ask(freeze.bytes()).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());

    // Reload, then an upgrade: systemd follows to the new process.
    machine.order(&["reload", "yanma"]).await;
    eventually("a reload", async || machine.log().contains(" reloaded: ").then_some(())).await;
    machine.order(&["kill", "--kill-whom=main", "--signal=USR2", "yanma"]).await;
    eventually("another main process", async || {
        let now = machine.property("MainPID").await;
        (now != first && now != "0").then_some(())
    })
    .await;
    eventually("the end of the first", async || machine.log().contains(" drained: ").then_some(()))
        .await;
    assert_eq!(machine.property("ActiveState").await, "active");
    assert_eq!(machine.property("NRestarts").await, "0");
    pays(&addresses).await;
    assert!(!machine.log().contains("Operation not permitted"), "{}", machine.log());

    // A crash is followed by a start, a stop by nothing.
    machine.order(&["kill", "--kill-whom=main", "--signal=KILL", "yanma"]).await;
    machine.becomes("NRestarts", "1").await;
    machine.becomes("ActiveState", "active").await;
    pays(&addresses).await;
    machine.order(&["stop", "yanma"]).await;
    assert_eq!(machine.property("Result").await, "success");
    assert_eq!(machine.property("ExecMainStatus").await, "0");

    a_wrong_configuration_stays_down(&machine).await;
}

/// A configuration that is wrong does not become right by itself, and none is no failure.
async fn a_wrong_configuration_stays_down(machine: &Machine) {
    let file = machine.path("/etc/yanma/gateway.toml");
    let good = read(&file);
    fs::write(&file, format!("{good}no_such_key = 1\n")).expect("a file");
    assert!(!machine.systemctl(&["start", "yanma"]).await.status.success());
    machine.becomes("ActiveState", "failed").await;
    assert_eq!(machine.property("ExecMainStatus").await, "78");
    fs::remove_file(&file).expect("a file");
    machine.order(&["start", "yanma"]).await;
    assert_eq!(machine.property("ConditionResult").await, "no");
    assert_ne!(machine.property("ActiveState").await, "active");
}

async fn restrictions_are_in_force(machine: &Machine, pid: &str) {
    // By its number inside: /proc is that of the namespace.
    let status = read(&machine.path(&format!("/proc/{pid}/status")));
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.trim_start_matches(':').split_whitespace().next().expect("a value").to_owned()
    };
    assert_eq!(field("Seccomp"), "2");
    assert_eq!(field("NoNewPrivs"), "1");
    for set in ["CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&field(set), 16), Ok(0), "{set}");
    }
    assert_ne!(field("Uid"), "0");
    // Its own view: nothing but its folders can be written.
    let mounts = read(&machine.path(&format!("/proc/{pid}/mountinfo")));
    let writable = |path: &str| {
        let line = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some(path));
        line.map(|line| line.split(' ').nth(5).expect("options").starts_with("rw"))
    };
    assert_eq!(writable("/"), Some(false), "{mounts}");
    for folder in ["/var/lib/yanma", "/var/log/yanma", "/run/yanma"] {
        assert_eq!(writable(folder), Some(true), "{folder}: {mounts}");
    }
}
