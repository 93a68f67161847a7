//! Which keyring a ceremony changes.

use std::path::PathBuf;

use clap::Args;

#[derive(Args)]
pub(super) struct Keyring {
    /// Keyring directory
    #[arg(long = "keyring", value_name = "DIR")]
    pub(super) dir: PathBuf,
}
