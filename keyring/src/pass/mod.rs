//! The pass: what a gateway gives for a spent code, so that one scan serves a whole visit. PASS.md
//! in this crate is the standard.
//!
//! A pass is 25 bytes, written as 40 letters. Any gateway with the pass secret opens it, and
//! nothing is stored for it. The way of a pass; each step needs a value that only the step before
//! can make:
//!
//! ```text
//! VerifiedCode --KeySet::mint_pass--> MintedPass
//! text --UnverifiedPass::parse--> UnverifiedPass --KeySet::open_pass--> Pass
//! ```
//!
//! [`KeySet::open_pass`](crate::key_set::KeySet::open_pass) tells a genuine pass from any other
//! text. How long a pass lives is the caller's rule: see [`Pass::is_over`].

mod credential;
mod format;
mod id;
mod institution;
mod mint;
mod open;
mod opened;
mod text;
mod token;
mod unverified;

pub use crate::key::{PassKey, PassKeyId, PassKeyState, PassKeys, PassKeysError, PassSecret};
pub use credential::{Credential, RedemptionId};
pub use format::COUNT_MAX;
pub use id::PassId;
pub use institution::{INSTITUTION_BYTES_MAX, Institution, InstitutionError};
pub use mint::{MintedPass, NoActivePassKey};
pub use open::{AGE_MS_MAX, PassRejection};
pub use opened::Pass;
pub use text::{PASS_LETTERS, PassText};
pub use token::Token;
pub use unverified::{PassForm, UnverifiedPass};

/// The longest life that a pass may be given, in seconds.
pub const LIFE_S_MAX: u32 = 900;

#[cfg(test)]
mod tests;
