//! The files of `config/prometheus`, read.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::harness::project::{read, root, yaml};

pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// An alert or a recorded series.
#[derive(Deserialize)]
pub(super) struct Rule {
    pub(super) alert: Option<String>,
    pub(super) record: Option<String>,
    pub(super) expr: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    alert_rule_test: Vec<Check>,
}

/// What a test of promtool expects of one alert at one moment.
#[derive(Deserialize)]
pub(super) struct Check {
    pub(super) alertname: String,
    pub(super) exp_alerts: Vec<Value>,
}

/// `config/prometheus`.
pub(super) fn folder() -> PathBuf {
    root().join("config/prometheus")
}

/// The files of rules.
pub(super) fn rule_files() -> Vec<File> {
    files("").into_iter().filter(|file| file.name.ends_with(".rules.yml")).collect()
}

/// The files of tests.
pub(super) fn test_files() -> Vec<File> {
    files("tests")
}

fn files(below: &str) -> Vec<File> {
    let entries = fs::read_dir(folder().join(below)).expect("a folder of the project");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<File> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yml"))
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("plain letters");
            File { name: name.to_owned(), text: read(&path), path }
        })
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

/// All rules of all files.
pub(super) fn rules() -> Vec<Rule> {
    let files = rule_files();
    let groups = files.iter().flat_map(|file| from_yaml::<RuleFile>(&file.text).groups);
    groups.flat_map(|group| group.rules).collect()
}

/// Every expectation of every test.
pub(super) fn checks() -> Vec<Check> {
    let files = test_files();
    let cases = files.iter().flat_map(|file| from_yaml::<TestFile>(&file.text).tests);
    cases.flat_map(|case| case.alert_rule_test).collect()
}

fn from_yaml<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_value(yaml(text)).expect("what Prometheus calls a file of rules")
}
