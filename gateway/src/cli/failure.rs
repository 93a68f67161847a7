//! Why a program did not do what it was asked, and its exit status.

use std::io;
use std::process::ExitCode;

use keyring::ceremony::CeremonyError;
use keyring::store::KeyringError;

use crate::config::ConfigError;
use crate::process::reload::NoKeys;
use crate::process::start::StartError;
use replay::directory::DirectoryError;
use sys::log;

/// Wrong arguments (`EX_USAGE` of sysexits).
pub(super) const STATUS_USAGE: u8 = 64;
/// Bad configuration or keyring (`EX_CONFIG` of sysexits).
const STATUS_CONFIG: u8 = 78;
/// Anything else.
const STATUS_OTHER: u8 = 1;
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
            NoKeys::NoneUsable { .. } | NoKeys::NoneMakesPasses { .. } => {
                Self::Unfit(why.to_string())
            }
        }
    }
}

impl Failure {
    /// Something that `doing` names went wrong.
    pub(super) fn of(doing: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::Other(format!("{doing}: {error}"))
    }

    pub(super) fn status(&self) -> u8 {
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
    pub(super) fn is_silent(&self) -> bool {
        match self {
            Self::Refused | Self::Found => true,
            // `yanma mint --count 1000 | head -1`: the reader has had enough.
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    pub(super) fn report(&self) -> ExitCode {
        if !self.is_silent() {
            log::notice(format_args!("{self}"));
        }
        self.status().into()
    }
}
