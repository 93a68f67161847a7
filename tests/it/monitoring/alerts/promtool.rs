//! What Prometheus' own tool says of the rules, the configuration, and the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::files::{File, folder, rule_files, test_files};
use crate::monitoring::prometheus::MISSING;

async fn promtool(arguments: &[&str], files: &[PathBuf]) -> String {
    let mut command = Command::new("promtool");
    let command = command.args(arguments).args(files).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.expect(MISSING);
    let [said, wrong] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "promtool {arguments:?} {files:?}: {said}{wrong}");
    said.into_owned()
}

fn paths(files: Vec<File>) -> Vec<PathBuf> {
    files.into_iter().map(|file| file.path).collect()
}

#[tokio::test]
async fn the_rules_are_sound() {
    let said =
        promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &paths(rule_files())).await;
    assert!(!said.contains("duplicate"), "{said}");
}

#[tokio::test]
async fn the_configuration_is_sound_and_reads_every_file_of_rules() {
    let files = rule_files().len();
    let said = promtool(&["check", "config"], &[folder().join("prometheus.yml")]).await;
    assert!(said.contains(&format!("{files} rule files found")), "{said}");
}

#[tokio::test]
async fn each_alert_fires_when_it_must_and_only_then() {
    promtool(&["test", "rules"], &paths(test_files())).await;
}

/// As `config/README.md` has it copied to `/etc/prometheus`.
#[tokio::test]
async fn the_configuration_can_be_copied() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = |path: &Path| {
        let name = path.file_name().expect("a file");
        fs::copy(path, directory.path().join(name)).expect("a copy");
    };
    paths(rule_files()).iter().for_each(|path| copy(path));
    copy(&folder().join("prometheus.yml"));
    promtool(&["check", "config"], &[directory.path().join("prometheus.yml")]).await;
}
