//! The Debian package, without cargo-deb: what goes into it is there and fits together.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

use super::config;
use crate::harness::process::{binary, run_well};
use crate::harness::project::{read, root};

/// One file of the package: where it comes from, where it goes, its mode.
pub(super) struct Asset {
    source: PathBuf,
    target: PathBuf,
    mode: u32,
}

fn metadata() -> Table {
    let manifest: Table = read(&root().join("gateway/Cargo.toml")).parse().expect("TOML");
    manifest["package"]["metadata"]["deb"].as_table().expect("a table").clone()
}

/// All files of the package, the unit among them, which cargo-deb finds by its name.
pub(super) fn assets() -> Vec<Asset> {
    let deb = metadata();
    let mut found: Vec<Asset> =
        deb["assets"].as_array().expect("assets").iter().flat_map(asset).collect();
    let units = &deb["systemd-units"];
    let text = |key: &str| units[key].as_str().expect("a text").to_owned();
    found.push(Asset {
        source: root()
            .join("gateway")
            .join(text("unit-scripts"))
            .join(text("unit-name") + ".service"),
        target: "usr/lib/systemd/system/yanma.service".into(),
        mode: 0o644,
    });
    found
}

fn asset(entry: &Value) -> Vec<Asset> {
    let field = |index: usize| entry[index].as_str().expect("a text");
    let mode = u32::from_str_radix(field(2), 8).expect("a mode");
    let to = |source: &Path| {
        let target = PathBuf::from(field(1));
        if field(1).ends_with('/') {
            target.join(source.file_name().expect("a name"))
        } else {
            target
        }
    };
    let source = field(0);
    if source == "target/release/yanma" {
        return vec![Asset { source: binary().to_owned(), target: to(Path::new(source)), mode }];
    }
    // cargo-deb's paths begin at the crate.
    let path = root().join("gateway").join(source);
    let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
    if name != "*.md" {
        return vec![Asset { target: to(&path), source: path, mode }];
    }
    let entries =
        fs::read_dir(folder).unwrap_or_else(|_| panic!("{} is missing", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let documents = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    documents.map(|path| Asset { target: to(&path), source: path, mode }).collect()
}

/// Puts each file where the package would, below `top`.
pub(super) fn unpack(top: &Path) {
    for Asset { source, target, mode } in assets() {
        let target = top.join(target);
        fs::create_dir_all(target.parent().expect("a folder")).expect("a directory");
        fs::copy(&source, &target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).expect("a mode");
    }
}

#[test]
fn each_file_of_the_package_is_there() {
    let top = tempfile::tempdir().expect("a directory");
    unpack(top.path());
    let is_there = |path: &str| top.path().join(path.trim_start_matches('/')).is_file();
    for path in [
        "/usr/bin/yanma",
        "/usr/lib/systemd/system/yanma.service",
        "/usr/lib/sysusers.d/yanma.conf",
        "/usr/share/doc/yanma/README.md",
        "/usr/share/doc/yanma/gateway.toml",
        "/usr/share/doc/yanma/runbooks/upgrade.md",
    ] {
        assert!(is_there(path), "{path}");
    }
    let deb = metadata();
    for file in deb["conf-files"].as_array().expect("conffiles") {
        assert!(is_there(file.as_str().expect("a path")), "{file}");
    }
    // All that is in /etc is the administrator's.
    for asset in assets().iter().filter(|asset| asset.target.starts_with("etc")) {
        let path = Value::from(format!("/{}", asset.target.display()));
        assert!(deb["conf-files"].as_array().expect("conffiles").contains(&path), "{path}");
    }
    // Without a configuration of the administrator's nothing is started.
    let condition = "ConditionPathExists=/etc/yanma/gateway.toml";
    assert!(read(&config("yanma.service")).contains(condition));
    assert!(!is_there("/etc/yanma/gateway.toml"));
}

#[test]
fn an_upgrade_of_the_package_restarts_nothing() {
    let units = &metadata()["systemd-units"];
    assert_eq!(units["enable"], Value::from(true));
    for never in ["start", "restart-after-upgrade", "stop-on-upgrade"] {
        assert_eq!(units[never], Value::from(false), "{never}");
    }
}

#[test]
fn the_packages_scripts_are_scripts() {
    let folder =
        root().join("gateway").join(metadata()["maintainer-scripts"].as_str().expect("a path"));
    let script = folder.join("postinst");
    let output = Command::new("sh").arg("-n").arg(&script).output().expect("sh");
    assert!(output.status.success(), "{}", super::said(&output));
    let text = read(&script);
    // cargo-deb puts there what enables the unit.
    assert!(text.contains("\n#DEBHELPER#\n"));
    assert!(!text.contains("systemctl restart") && !text.contains("systemctl start"));
}

#[tokio::test]
async fn the_packages_example_passes_the_check() {
    let top = tempfile::tempdir().expect("a directory");
    unpack(top.path());
    let here = top.path().to_str().expect("plain letters");
    let example = top.path().join("etc/yanma/gateway.example.toml");
    let text = ["/etc/", "/var/"].iter().fold(read(&example), |text, folder| {
        text.replace(&format!("\"{folder}"), &format!("\"{here}{folder}"))
    });
    let path = top.path().join("etc/yanma/gateway.toml");
    fs::write(&path, text).expect("gateway.toml");
    let keyring = top.path().join("etc/yanma/keyring");
    let signing_key = top.path().join("7001.key");
    let word = |path: &Path| path.to_str().expect("plain letters").to_owned();
    let (keyring, signing_key) = (word(&keyring), word(&signing_key));
    let generate = ["keys", "generate", "--keyring", &keyring, "--key-id", "7001"];
    let rest = ["--channel", "wechat", "--signing-key", &signing_key];
    run_well(top.path(), &[&generate[..], &rest].concat()).await;
    let said = run_well(top.path(), &["check", "--config", &word(&path)]).await;
    assert!(said.contains("settlement"), "{said}");
}
