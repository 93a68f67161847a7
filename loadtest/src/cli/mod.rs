//! The command line: arguments -> one of the programs -> exit status.

mod mint;
mod prepare;
pub mod run;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::run::play::RunError;
use crate::load::signer::NotThrowAway;
use crate::scenario::error::ScenarioError;
use crate::site::error::SiteError;

/// Wrong arguments (`EX_USAGE` of sysexits).
const STATUS_USAGE: u8 = 64;
/// A bad scenario or directory (`EX_CONFIG` of sysexits).
const STATUS_CONFIG: u8 = 78;
/// Not clean, or anything else.
const STATUS_OTHER: u8 = 1;

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
/// The status is 0 when all was done and is clean, 64 for wrong arguments, 78 for a bad scenario or
/// directory, 1 for anything else.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing is left to tell that standard error is closed.
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

/// Writes a line to standard error, which may be closed or full: then nothing is said.
fn say(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "yanma-loadtest: {what}");
}

/// Why a program did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Arguments that each are right and together are not.
    #[error("{0}")]
    Usage(String),
    /// A bad scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A bad directory.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Keys that may be worth something.
    #[error(transparent)]
    Key(#[from] NotThrowAway),
    /// The machine does not let that many connections be open.
    #[error(
        "load.connections and load.idle_connections need {needed} open files in one process; \
         allowed here: {allowed} (ulimit -n)"
    )]
    TooMany {
        /// What the scenario needs.
        needed: u64,
        /// What this user may have.
        allowed: u64,
    },
    /// A run came to nothing.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The gateway did not keep its promises, or the tool was the limit; the report says which.
    #[error("not clean")]
    NotClean,
    /// A signal ended it; gateways of ours are ended and the temporary directory is gone.
    #[error("stopped by a signal; nothing was judged")]
    Stopped,
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => STATUS_USAGE,
            Self::Scenario(_) | Self::Site(_) | Self::Key(_) | Self::TooMany { .. } => {
                STATUS_CONFIG
            }
            Self::Run(RunError::Site(_) | RunError::Key(_)) => STATUS_CONFIG,
            Self::Run(_) | Self::NotClean | Self::Stopped | Self::Output(_) => STATUS_OTHER,
        }
    }

    /// Whether standard error has nothing to add.
    fn is_silent(&self) -> bool {
        match self {
            Self::NotClean => true,
            // `yanma-loadtest mint --count 1000 | head -1`: the reader has had enough.
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    fn report(&self) -> ExitCode {
        if !self.is_silent() {
            say(format_args!("{self}"));
        }
        self.status().into()
    }
}
