//! ECDSA on P-256 (FIPS 186-5), for keys that are known. README.md in `suite/` says how it works.
//!
//! Everything above asks a `Verifier` one question, of one signature or of several at once.
//! Below it, low to high:
//!
//! | part | what is there |
//! |---|---|
//! | `signing`, `key`, `claim` | private keys, public keys with their tables, and the question |
//! | `arithmetic` | scalars, the field, the field in eight lanes, points |
//! | `tables` | which tables are built, and how |
//! | `engines` | `group`: bytes to sums; `ifma`, `portable`, `reference`: the engines |
//! | `verifier` | which engine answers; when it falls back, is checked, and steps down |

mod arithmetic;
pub(crate) mod claim;
mod engines;
pub(crate) mod key;
pub(crate) mod signing;
mod tables;
pub(crate) mod verifier;

#[cfg(test)]
mod tests;
