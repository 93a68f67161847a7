//! Why a file is no scenario.

use std::path::PathBuf;

/// Why a file is no scenario.
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
    /// It is not the text of a TOML file.
    #[error("{path}: {error}")]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong with the text.
        error: keyring::text::TextError,
    },
    /// It is no TOML, or has unknown keys.
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
