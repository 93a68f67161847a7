//! Why a file is no scenario.

use std::path::PathBuf;

/// Why a scenario is none.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// It is no text that TOML can be.
    #[error("{path}: {error}")]
    Text {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        error: keyring::text::TextError,
    },
    /// It is no TOML, or has keys that are not known.
    #[error("{path}: {error}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What TOML says.
        error: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    #[error("{path}: {key} = {value}; allowed: {allowed}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key with its table.
        key: String,
        /// What it says.
        value: String,
        /// What it may say.
        allowed: String,
    },
}
