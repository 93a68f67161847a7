//! `yanma`: a verification gateway in front of settlement backends.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gateway::cli::run(std::env::args_os())
}
