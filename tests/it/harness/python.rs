//! Clients in another language.

use std::process::Output;

use tokio::process::Command;

use super::project::root;
use super::soon;

/// Runs a script of `tests/python` to its end.
pub(crate) async fn python(script: &str, arguments: &[&str]) -> Output {
    let python = std::env::var("YANMA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = root().join("tests/python").join(script);
    let mut command = Command::new(python);
    command.arg(script).args(arguments).kill_on_drop(true);
    soon("the end of the script", command.output()).await.expect("python3; run tests/run")
}
