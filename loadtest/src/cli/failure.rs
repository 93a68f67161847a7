//! Why a command failed, and its exit status.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::cli::run::play::RunError;
use crate::load::signer::NotThrowAway;
use crate::scenario::error::ScenarioError;
use crate::site::error::SiteError;

/// Wrong arguments (`EX_USAGE` of sysexits).
pub(super) const STATUS_USAGE: u8 = 64;
/// A bad scenario or directory (`EX_CONFIG` of sysexits).
const STATUS_CONFIG: u8 = 78;
/// Any other failure, also a run that is not clean.
const STATUS_OTHER: u8 = 1;

/// Writes a line to standard error. If that is closed or full, the line is lost.
pub(super) fn say(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "yanma-loadtest: {what}");
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Arguments that are each right and do not fit together.
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
    /// The machine allows fewer open files than the connections need.
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
    /// A run could not be judged.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The gateway broke a promise, or the tool was the limit. The report says which.
    #[error("not clean")]
    NotClean,
    /// A signal ended the run. Its gateways are ended and the temporary directory is deleted.
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
            Self::Run(RunError::Site(_) | RunError::Key(_) | RunError::NoAccounts) => STATUS_CONFIG,
            Self::Run(_) | Self::NotClean | Self::Stopped | Self::Output(_) => STATUS_OTHER,
        }
    }

    /// Whether the failure needs no line on standard error.
    fn is_silent(&self) -> bool {
        match self {
            Self::NotClean => true,
            // The reader of the pipe has closed it, as in `yanma-loadtest mint --count 1000 | head
            // -1`.
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// Says on standard error why, and gives the status.
    pub(super) fn report(&self) -> ExitCode {
        if !self.is_silent() {
            say(format_args!("{self}"));
        }
        self.status().into()
    }
}
