//! Which suites there are, and their names.

use std::{fmt, str::FromStr};

/// A suite of algorithms: how codes are signed and how they are sealed. It belongs to a key, never
/// to a code.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub enum Suite {
    /// ECDSA on P-256 with SHA-256; the seal is AES-128-CCM, its keys are derived by HKDF-SHA-256.
    /// New keys take this suite.
    #[default]
    Es256,
}

/// A name that no suite has.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not an algorithm; allowed: ES256")]
pub struct UnknownSuite(String);

impl Suite {
    /// `ES256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::Es256.name() {
            Ok(Self::Es256)
        } else {
            Err(UnknownSuite(text.to_owned()))
        }
    }
}
