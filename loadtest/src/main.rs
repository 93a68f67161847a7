//! `yanma-loadtest`: load for the gateway, and a judge of what it promised.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    loadtest::cli::run(std::env::args_os())
}
