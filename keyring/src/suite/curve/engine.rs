//! The engines: their names, and which of them this CPU has.

use std::{fmt, str::FromStr};

/// A way to verify signatures. All give the same answers. Each is slower and simpler than the one
/// before.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Engine {
    /// Tables, and eight lanes of AVX-512 IFMA.
    Ifma,
    /// Tables, in plain Rust, on every CPU.
    Portable,
    /// A library, without tables: the `p256` crate for ES256.
    Reference,
}

/// A name that no engine has.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{0}\" is no engine; allowed: ifma, portable, reference")]
pub struct UnknownEngine(String);

/// An engine that cannot run here.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "this CPU lacks AVX-512 IFMA, which engine ifma needs; portable and reference run anywhere"
)]
pub struct NotOnThisCpu;

impl Engine {
    /// All, the fastest first.
    pub const ALL: [Self; 3] = [Self::Ifma, Self::Portable, Self::Reference];

    /// `ifma`, `portable` or `reference`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ifma => "ifma",
            Self::Portable => "portable",
            Self::Reference => "reference",
        }
    }

    /// The fastest that this CPU has.
    pub fn best() -> Self {
        if Self::Ifma.is_available() { Self::Ifma } else { Self::Portable }
    }

    /// Whether this CPU can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Ifma => has_ifma(),
            Self::Portable | Self::Reference => true,
        }
    }

    /// The engine to go on with when this one was caught in a wrong answer.
    pub(crate) fn below(self) -> Self {
        match self {
            Self::Ifma => Self::Portable,
            Self::Portable | Self::Reference => Self::Reference,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|engine| engine.name() == text);
        named.ok_or_else(|| UnknownEngine(text.to_owned()))
    }
}

/// Whether the CPU has the features that `ifma` and `field8` are compiled for.
#[cfg(target_arch = "x86_64")]
fn has_ifma() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx512vbmi2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_ifma() -> bool {
    false
}
