//! The Yanma code: its format, the issuers' keys, and the verification of codes.
//!
//! This crate is pure: it opens no connection and reads no clock (time is an argument), so an
//! issuer, an offline tool and the gateway can share it. Only [`store`] and [`ceremony`] touch
//! files.
//!
//! The way of a code. Each step needs a value that only the step before can make:
//!
//! ```text
//! text --code::UnverifiedCode::parse--> UnverifiedCode --KeySet::verify--> VerifiedCode
//! ```
//!
//! A spent code may get a pass, which has a way of its own: see [`pass`].
//!
//! The folders, low to high; each imports only those above it:
//!
//! | folder | what is there |
//! |---|---|
//! | [`time`] | milliseconds of Unix time |
//! | [`text`] | files of text as all systems save them |
//! | [`suite`] | the algorithms: signing and verifying, the seal's cipher, the text forms of keys |
//! | [`code`] | the wire format, the text form and the fields |
//! | [`seal`] | the sealed verification code, which says who the person is |
//! | [`key`] | an issuer's key, its channel, state and dates; the keys of passes |
//! | [`key_set`] | all keys of a keyring, looked up and replaced without waiting |
//! | [`verify`] | the checks: kind, key, time, signature, seal |
//! | [`pass`] | the pass that a gateway gives for a spent code: making it, opening it |
//! | [`mint`] | making codes: the issuer's side, the sandbox, load and tests |
//! | [`store`] | reading the keyring directory and key files |
//! | [`ceremony`] | changing the keyring directory: generate, add, activate, retire, revoke; the same of pass keys |
//!
//! What it promises: parsing and verifying allocate nothing and do bounded work; every code has
//! exactly one text form; a decision can read only the key id of an unverified code; secrets do not
//! show in `Debug` and are wiped when dropped.

pub mod ceremony;
pub mod code;
pub mod key;
pub mod key_set;
pub mod mint;
pub mod pass;
#[cfg(test)]
mod sample;
pub mod seal;
pub mod store;
pub mod suite;
pub mod text;
pub mod time;
pub mod verify;
