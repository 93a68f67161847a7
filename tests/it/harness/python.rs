//! Programs in another language.

use std::path::PathBuf;
use std::process::Output;

use tokio::process::Command;

use super::project::root;
use super::soon;

/// Runs a script of `tests/python` to its end.
pub(crate) async fn python(script: &str, arguments: &[&str]) -> Output {
    let script = root().join("tests/python").join(script);
    let mut command = Command::new(interpreter());
    command.arg(script).args(arguments).kill_on_drop(true);
    soon("the end of the script", command.output()).await.expect("python3; run tests/run")
}

/// A program that came with a Python package.
pub(crate) fn tool(program: &str) -> Command {
    let made = root().join("target/python/bin").join(program);
    let here = std::env::var_os("YANMA_TEST_VENV").map(|venv| PathBuf::from(venv).join("bin"));
    let path = here.map(|bin| bin.join(program)).filter(|path| path.exists()).unwrap_or(made);
    let mut command = Command::new(if path.exists() { path } else { program.into() });
    command.current_dir(root()).kill_on_drop(true);
    command
}

/// The Python of `tests/run`, which has the packages of `tests/python/requirements.txt`.
fn interpreter() -> PathBuf {
    if let Some(told) = std::env::var_os("YANMA_TEST_PYTHON") {
        return told.into();
    }
    let made = root().join("target/python/bin/python");
    if made.exists() { made } else { "python3".into() }
}
