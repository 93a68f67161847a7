//! How keys are written in files: PEM and JWK.

mod jwk;
mod other_keys;
mod pem;
pub(crate) mod public_key;
pub(crate) mod signing_key;
