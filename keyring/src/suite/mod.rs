//! The suites of algorithms that codes are signed and sealed with, and their keys.
//!
//! | part | what is there |
//! |---|---|
//! | `curve` | what curves share: words, inversion, combs, digits, plans of tables |
//! | `p256` | ECDSA on P-256 |
//! | `key_file` | how keys are written in files |

mod curve;
pub(crate) mod key_file;
mod p256;

pub(crate) use self::p256::{other_signature, random_key, sign};
pub use self::{
    curve::{
        engine::{Engine, NotOnThisCpu, UnknownEngine},
        plan::Plan,
    },
    p256::{
        Claim, GROUP_MAX, SIGNATURE_BYTES, SigningKey,
        key::{PUBLIC_KEY_BYTES, PublicKey, VerifyingKey},
        verifier::{Verifier, canary::Mismatch},
    },
};
