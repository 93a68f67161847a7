//! The suites of algorithms that codes are signed and sealed with, and their keys.
//!
//! | part | what is there |
//! |---|---|
//! | `curve` | what curves share: words, inversion, combs, digits, plans of tables |
//! | `p256` | ECDSA on P-256 |
//! | `key_file` | how keys are written in files |

mod algorithm;
mod curve;
pub(crate) mod key_file;
mod p256;
pub(crate) mod seal_cipher;
mod signer;
mod sizes;

pub(crate) use self::p256::signing::{other_signature, random_key};
pub use self::{
    algorithm::{Suite, UnknownSuite},
    curve::{
        engine::{Engine, NotOnThisCpu, UnknownEngine},
        plan::Plan,
    },
    p256::{
        claim::Claim,
        key::{PublicKey, VerifyingKey},
        signing::SigningKey,
        verifier::{Verifier, canary::Mismatch},
    },
    signer::Signer,
    sizes::{GROUP_MAX, PUBLIC_KEY_BYTES, SIGNATURE_BYTES},
};
