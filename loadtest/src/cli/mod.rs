//! The command line: arguments, one of the programs, exit status.

mod failure;
mod mint;
mod prepare;
pub mod run;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::STATUS_USAGE;

const ABOUT: &str = "\
Puts load on a Yanma gateway and judges it: every code that was sent is followed to the backend, \
and at the end one verdict says whether each arrived exactly as often as it was approved, never \
twice, and whether every answer was the one that its code must get.";

const AFTER_HELP: &str = "\
New here? Start with:
  yanma-loadtest run config/loadtest/monday-morning.toml
It makes throw-away keys, starts a gateway (`yanma`, found beside this program) and a stand-in \
backend on this machine, and takes about 15 seconds.

Exit status: 0 clean, 1 not clean or not done, 64 wrong arguments, 78 bad scenario or directory.";

#[derive(Parser)]
#[command(name = "yanma-loadtest", version, about = ABOUT, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    Run(run::Arguments),
    Prepare(prepare::Arguments),
    Mint(mint::Arguments),
}

/// Runs the program that `arguments` name (the first is the binary's own name), and says on
/// standard error why it failed.
///
/// The status is 0 when all is done and clean, 64 for wrong arguments, 78 for a bad scenario or
/// directory, and 1 otherwise.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // If standard error is closed, the error cannot be shown anywhere.
            let _ = error.print();
            return if error.use_stderr() { STATUS_USAGE } else { 0 }.into();
        }
    };
    let done = match arguments.program {
        Program::Run(arguments) => run::run(&arguments),
        Program::Prepare(arguments) => prepare::run(&arguments),
        Program::Mint(arguments) => mint::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
