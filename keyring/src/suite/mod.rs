//! The suites of algorithms that codes are signed and sealed with, and their keys.
//!
//! This folder alone knows which suites there are; all others ask it. A second suite adds a variant
//! to [`Suite`] and a folder beside `p256`. The types that are exported here then cover both.
//!
//! README.md beside this file says how a signature is verified. The parts, low to high:
//!
//! | part | what is there |
//! |---|---|
//! | `algorithm`, `sizes` | the names of the suites, and the sizes that they share |
//! | `curve` | what curves share: words, inversion, layouts, digits, tables, plans, names of engines |
//! | `p256` | ES256: keys, arithmetic, tables, engines and the verifier |
//! | `signer` | what makes signatures |
//! | `seal_cipher` | the cipher of the seal and the derivation of its keys |
//! | `pass_cipher` | tag and mask of a pass, and the derivation of their keys |
//! | `key_file` | how keys are written in files: PEM and JWK |

mod algorithm;
mod curve;
pub(crate) mod key_file;
mod p256;
pub(crate) mod pass_cipher;
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
