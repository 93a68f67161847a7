//! Load for the gateway, and a judge of what it promised.
//!
//! Not built yet: the program says so and fails, so that nobody takes its silence for a verdict.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("yanma-loadtest: not built yet; `cargo bench -p benches` measures the parts");
    ExitCode::FAILURE
}
