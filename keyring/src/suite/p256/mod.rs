//! ECDSA on P-256 (FIPS 186-5), for keys that are known: see README.md beside this file for how it works.
//!
//! Everything above asks a [`Verifier`] one question, of one signature or of several at once.
//! Behind it, in the order of a signature's way:
//!
//! | file | what is there |
//! |---|---|
//! | `verifier` | which engine answers; when it falls back, is checked, and steps down |
//! | `group` | bytes to numbers, u1 and u2, one inversion for all |
//! | `digits` | a scalar as signed digits, each of which picks an entry of a table |
//! | `ifma`, `portable`, `reference` | the engines: they add the entries up |
//! | `point`, `field`, `field8`, `scalar`, `inverse`, `limbs` | arithmetic |
//! | `plan`, `tables`, `build`, `comb` | how wide tables are, which are built, how, and what they hold |
//! | `canary` | some answers are asked of the reference too |

mod arithmetic;
pub(crate) mod claim;
mod engines;
pub(crate) mod key;
pub(crate) mod signing;
mod tables;
pub(crate) mod verifier;

#[cfg(test)]
mod tests;
