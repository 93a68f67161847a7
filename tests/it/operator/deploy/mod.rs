//! What `config/deploy` and the systemd unit give to those who install: each file is used as it lies
//! there.

mod balancer;
mod balancing;
mod calls;
mod collector;
mod image;
mod kubernetes;
mod machine;
mod package;
mod unit;

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::harness::project::root;
use crate::harness::python::{python, tool};
use crate::harness::soon;

/// A file of `config`.
fn config(name: &str) -> PathBuf {
    root().join("config").join(name)
}

/// The documents of a file in YAML.
async fn yaml(name: &str) -> Vec<Value> {
    let path = config(name);
    let output = python("yaml_to_json.py", &[path.to_str().expect("plain letters")]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}; tests/run installs PyYAML");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs a program that `tests/run` installs.
async fn run_tool(program: &str, arguments: &[&str]) -> Output {
    let output = tool(program).args(arguments).output();
    let output = soon(program, output).await;
    output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"))
}

/// Both of its outputs.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
