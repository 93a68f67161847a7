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
use tokio::process::Command;

use crate::harness::project::root;
use crate::harness::python::python;
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
    let made = root().join("target/python/bin").join(program);
    let here = std::env::var_os("YANMA_TEST_VENV").map(|venv| PathBuf::from(venv).join("bin"));
    let path = here.map(|bin| bin.join(program)).filter(|path| path.exists()).unwrap_or(made);
    let path = if path.exists() { path } else { program.into() };
    let output = Command::new(path).args(arguments).current_dir(root()).kill_on_drop(true).output();
    let output = soon(program, output).await;
    output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"))
}

/// Both of its outputs.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
