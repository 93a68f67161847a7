//! The command line: arguments -> one of the programs -> exit status.

mod accounts;
mod audit;
mod check;
mod codes;
mod failure;
mod input;
mod keys;
mod plan;
mod preflight;
mod runbook;
pub mod sandbox;
mod serve;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::{Failure, STATUS_USAGE};
use sys::log;

/// A bug, as the standard library has it.
const STATUS_PANIC: u8 = 101;

const ABOUT: &str = "\
Yanma (验码) stands in front of settlement backends. For every request it checks that the scanned \
medical insurance code is genuine, fresh (60 seconds) and unused, and only then forwards it.";

const AFTER_HELP: &str = "\
New here? Start with:
  yanma sandbox
It runs a gateway, keys, a backend and pages for a browser on this machine, and prints their link.

Golden rule: sent this code before and got no answer? Query first, whatever the reason says now.

Exit status: 0 done, 64 wrong arguments, 78 bad configuration or keyring, 1 anything else.";

#[derive(Parser)]
#[command(name = "yanma", version, about = ABOUT, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    Sandbox(sandbox::Arguments),
    Serve(serve::Arguments),
    Check(check::Arguments),
    Plan(plan::Arguments),
    Keys(keys::Arguments),
    Mint(codes::mint::Arguments),
    Inspect(codes::inspect::Arguments),
    Audit(Box<audit::Arguments>),
    Accounts(accounts::Arguments),
    Runbook(runbook::Arguments),
}

/// Runs the program that `arguments` name (the first is the binary's own name), and says on
/// standard error why it failed.
///
/// The status is 0 when all is done, 64 for wrong arguments, 78 for a bad configuration or
/// keyring, 1 for anything else.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let run = || match arguments.program {
        Program::Sandbox(arguments) => sandbox::run(&arguments),
        Program::Serve(arguments) => serve::run(&arguments),
        Program::Check(arguments) => check::run(&arguments),
        Program::Plan(arguments) => plan::run(&arguments),
        Program::Keys(arguments) => keys::run(&arguments),
        Program::Mint(arguments) => codes::mint::run(&arguments),
        Program::Inspect(arguments) => codes::inspect::run(&arguments),
        Program::Audit(arguments) => audit::run(*arguments),
        Program::Accounts(arguments) => accounts::run(arguments),
        Program::Runbook(arguments) => runbook::run(&arguments),
    };
    let status = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => failure.report(),
        Err(_) => STATUS_PANIC.into(),
    };
    log::flush();
    status
}

fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(error_of_output) if !error.use_stderr() => Failure::Output(error_of_output).report(),
        // Nothing is left to tell that standard error is closed.
        _ => usage_status(error).into(),
    }
}

/// clap would end with 2. Help and version are "errors" that go to standard output.
fn usage_status(error: &clap::Error) -> u8 {
    if error.use_stderr() { STATUS_USAGE } else { 0 }
}

#[cfg(test)]
mod tests;
