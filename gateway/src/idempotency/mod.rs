//! A retry is not a replay: a client that got no answer may ask again, and gets the same answer.
//!
//! # What is the same request
//!
//! A code stands for one transaction. A request is bound to four things:
//! - the code's identity,
//! - its caller,
//! - the `Idempotency-Key` that it carries,
//! - a fingerprint of its content (`fingerprint::Fingerprint`).
//!
//! Without the header the fingerprint is the key: the same code with the same bytes is the same
//! transaction. So a client that repeats a POST by itself, as Java's does, is served like one that
//! knows the header.
//!
//! | a request with a code that was forwarded before | gets |
//! |---|---|
//! | the same in everything, finished | the stored answer (`Lookup::Finished`) |
//! | the same in everything, still running | `request_in_flight` |
//! | the same key, other content | `idempotency_mismatch` |
//! | another key, other bytes, another caller | `code_used` |
//!
//! # Why a retry never leads to a second forward
//!
//! Nothing in this module permits a forward. A request is forwarded only with a [`Redemption`]. The
//! replay table alone makes one, after `ResponseStore::begin` and regardless of its result.
//!
//! `Begun::First` only lets a request go on to the table, as if this module were not there. All
//! other results end the request. So if an entry is lost, expired, left out or wrong, a request may
//! get a wrong answer. It is never forwarded twice.
//!
//! The order of steps makes the answers right:
//!
//! 1. The entry is placed before the code is redeemed. So while its entry lives, no copy can find
//!    the code redeemed without an entry.
//! 2. An entry belongs to the request that placed it, until that request finishes or removes it. No
//!    other request replaces or removes it, so of two copies exactly one is first.
//! 3. A code is released first, and its entry is removed after. A copy in between hears
//!    `request_in_flight` and comes again. In the other order it would find a redeemed code without
//!    an entry. It would hear `code_used` for a transaction that never was.
//! 4. A finished entry is never overwritten. A request that finds one expired but not yet removed
//!    hears `code_used`, because the code was forwarded.
//!
//! Only answers to forwarded requests are stored, `outcome_unknown` among them. Refusals are not
//! stored: the next request is judged anew.
//!
//! # Several nodes
//!
//! Where nodes share registers, an entry is also in the registers' servers (`shared`). It permits
//! nothing there either, because the claim decides. An entry may be lost, late, or left behind by a
//! released attempt. It can then only change the answer of a request that is not forwarded. So
//! safety needs no majority; only right answers do.
//!
//! # Bounds
//!
//! Stored answers are bounded in bytes, in number and in time, and each named caller has a share.
//! An answer that finds no room is sent and counted, but not stored; its retry hears `code_used`.
//! Entries of running requests are bounded by the requests in flight, and always find room.
//!
//! [`Redemption`]: replay::Redemption

mod budget;
mod entry;
mod facts;
mod fingerprint;
mod key;
mod messages;
mod response;
pub(crate) mod shared;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    budget::NoRoom,
    entry::{Caller, Lookup, Request},
    facts::{Facts, Progress, Told},
    fingerprint::{Fingerprint, FingerprintInput},
    key::IdempotencyKey,
    response::StoredResponse,
    store::{Begun, ExpiryQueue},
};
pub use self::{messages::MessagesUnderWay, store::ResponseStore};
