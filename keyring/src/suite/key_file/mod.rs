//! How keys are written in files: PEM and JWK.

mod algorithm;
mod jwk;
mod pem;
pub(crate) mod public_key;
pub(crate) mod signing_key;
