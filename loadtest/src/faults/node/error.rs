//! Why a gateway failed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a gateway failed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It cannot be started.
    #[error("{binary}: {error}; build it by `cargo build --release --bins`, or name it: --yanma")]
    Start {
        /// The program.
        binary: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// It ended by itself.
    #[error("yanma ended by itself, or not in order; it said: {0}")]
    Ended(String),
    /// It takes too long.
    #[error("{what} did not come within {seconds} s")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
    /// Its admin listener or its process does not respond.
    #[error("the gateway at {0}: {1}")]
    Mute(SocketAddr, io::Error),
    /// Its data directory cannot be changed.
    #[error("{path}: {error}")]
    Data {
        /// Which.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Its process id is not known.
    #[error("this needs the gateway's process id: --pid")]
    NoPid,
}
