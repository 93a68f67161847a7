//! The chain of a code. Each step takes what the step before has made, and nothing else makes it.
//!
//! | from | by | to |
//! |---|---|---|
//! | a head | `locate` | the text |
//! | text | `keyring::code::UnverifiedCode::parse` | `UnverifiedCode`: well formed |
//! | `UnverifiedCode` | `verify` | `VerifiedCode`: genuine, of a kind and time that serve here |
//! | text | `keyring::code::OpaqueCode::parse` | `OpaqueCode`: of that form; not verified |
//! | `VerifiedCode`, `Pass` | `clear` | `Cleared`: the account's state is not against it |
//! | `VerifiedCode`, `Pass` with `Cleared`, `OpaqueCode` | `admit` | `Admitted`: may do here what the request wants |
//! | `Admitted` | `redeem` | `Redeemed`: used up for this request alone, which may be forwarded |
//!
//! `requests` counts the requests that are under way with one code. `status` tells what became of one.

pub mod admit;
pub mod clear;
pub(crate) mod locate;
pub(crate) mod open;
pub(crate) mod redeem;
pub mod requests;
pub(crate) mod status;
pub(crate) mod verify;
