//! `yanma-loadtest`: load for the gateway, and a judge of what it promised.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    loadtest::cli::run(std::env::args_os())
}
