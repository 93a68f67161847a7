//! The command line: arguments -> one of the programs -> exit status.

mod audit;
mod check;
mod engine;
mod input;
mod inspect;
mod keys;
mod mint;
mod preflight;
mod qr;
pub mod sandbox;
mod serve;

use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keyring::ceremony::CeremonyError;
use keyring::store::KeyringError;

use crate::config::ConfigError;
use crate::process::reload::NoKeys;
use crate::process::start::StartError;
use replay::directory::DirectoryError;
use sys::log;

/// Wrong arguments (`EX_USAGE` of sysexits).
const STATUS_USAGE: u8 = 64;
/// Bad configuration or keyring (`EX_CONFIG` of sysexits).
const STATUS_CONFIG: u8 = 78;
/// Anything else.
const STATUS_OTHER: u8 = 1;
/// A bug, as the standard library has it.
const STATUS_PANIC: u8 = 101;

const ABOUT: &str = "\
Yanma (验码) stands in front of settlement backends. For every request it checks that the scanned \
medical insurance code is genuine, fresh (60 seconds) and unused, and only then forwards it.";

const AFTER_HELP: &str = "\
New here? Start with:
  yanma sandbox
It runs a gateway, keys and a backend on this machine and prints commands to paste.

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
    Keys(keys::Arguments),
    Mint(mint::Arguments),
    Inspect(inspect::Arguments),
    Audit(audit::Arguments),
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
        Program::Keys(arguments) => keys::run(&arguments),
        Program::Mint(arguments) => mint::run(&arguments),
        Program::Inspect(arguments) => inspect::run(&arguments),
        Program::Audit(arguments) => audit::run(arguments),
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

/// Why a program did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Arguments that each are right and together are not.
    #[error("{0}")]
    Usage(String),
    /// A configuration that the gateway cannot run with.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A keyring or key file that cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A ceremony that was refused; the keyring is as it was.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// Configuration and keyring are each right and do not fit together, or not this program.
    #[error("{0}")]
    Unfit(String),
    /// The gateway cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The code is refused, as the program has said on standard output.
    #[error("the code is refused")]
    Refused,
    /// The records are not clean, as the program has said on standard output.
    #[error("the records are not clean")]
    Found,
    /// Something else went wrong.
    #[error("{0}")]
    Other(String),
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl From<NoKeys> for Failure {
    fn from(why: NoKeys) -> Self {
        match why {
            NoKeys::Keyring(error) => error.into(),
            NoKeys::NoneUsable { .. } => Self::Unfit(why.to_string()),
        }
    }
}

impl Failure {
    /// Something that `doing` names went wrong.
    fn of(doing: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::Other(format!("{doing}: {error}"))
    }

    fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => STATUS_USAGE,
            Self::Config(_) | Self::Keyring(_) | Self::Ceremony(_) | Self::Unfit(_) => {
                STATUS_CONFIG
            }
            Self::Start(StartError::Directory(DirectoryError::Ahead { .. })) => STATUS_CONFIG,
            Self::Start(_) | Self::Refused | Self::Found | Self::Other(_) | Self::Output(_) => {
                STATUS_OTHER
            }
        }
    }

    /// Whether standard error has nothing to add.
    fn is_silent(&self) -> bool {
        match self {
            Self::Refused | Self::Found => true,
            // `yanma mint --count 1000 | head -1`: the reader has had enough.
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    fn report(&self) -> ExitCode {
        if !self.is_silent() {
            log::info(format_args!("{self}"));
        }
        self.status().into()
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
