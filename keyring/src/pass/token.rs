//! What a request may spend or show: something that is proven, or an opaque code, of which nothing
//! is.

use super::credential::{Credential, RedemptionId};
use crate::{code::OpaqueCode, verify::Statement};

/// A code or pass whose form, and if it can be proven its proof, is right.
#[derive(Debug)]
pub enum Token {
    /// Proven by a key.
    Genuine(Credential),
    /// Counted once, and nothing more.
    Opaque(OpaqueCode),
}

impl Token {
    /// What single use is keyed on.
    pub fn id(&self) -> RedemptionId {
        match self {
            Self::Genuine(credential) => credential.id(),
            Self::Opaque(code) => RedemptionId::Opaque(code.id()),
        }
    }

    /// All that it says beside its identity, for telling whether a request is the same again.
    pub fn statement(&self) -> Statement {
        match self {
            Self::Genuine(credential) => credential.statement(),
            Self::Opaque(code) => Statement::of_opaque(code.id()),
        }
    }
}
