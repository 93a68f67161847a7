//! Retry is not replay: who got no answer may ask again, and gets the answer that there was.
//!
//! # What is the same request
//!
//! A code stands for one transaction. A request is bound to the code's identity, its caller, the
//! `Idempotency-Key` that it carries, and a fingerprint of what it asks (`fingerprint::Fingerprint`).
//! Without the header the fingerprint is the key: the same code with the same bytes is the same
//! transaction, so a client that repeats a POST by itself (Java's does) is served as well as one
//! that knows the header.
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
//! Nothing here permits anything. A request is forwarded with a [`Redemption`] and with nothing
//! else, and that is made by the replay table alone, after and whatever `ResponseStore::begin` says:
//! `Begun::First` only lets a request go on to be judged by the table, as if this module were
//! not there. All other answers end the request. So whatever is lost, expired, full or wrong in
//! here, a request can be answered wrongly, but not forwarded twice.
//!
//! What the order of steps adds is that the answers are the right ones:
//!
//! 1. The record is placed before the code is spent, so no copy can find the code spent and the
//!    record not there yet, while its own record lives.
//! 2. A record belongs to the request that placed it until that one finishes or takes it away.
//!    Nobody else replaces or removes it, so of two copies exactly one is first.
//! 3. When a code is given back, it is given back first and its record is removed after. A copy in
//!    between hears `request_in_flight` and comes again; the other way round it would find no
//!    record and a spent code, and hear `code_used` of a transaction that never was.
//! 4. A finished record is never overwritten. Whoever finds one that has expired and is not
//!    removed yet hears `code_used`: it is there because its code was forwarded.
//!
//! Only answers to forwarded requests are stored, `outcome_unknown` among them. Refusals are not:
//! the next request is judged anew.
//!
//! # Several nodes
//!
//! Where nodes share registers a record is in the registers' servers too (`shared`). There it is
//! as powerless: a claim decides, and a record that was lost, that came late or that an attempt left
//! behind which was given back, can only make the answer of a request that is not forwarded another
//! one. So no majority is needed to be safe, only to be right.
//!
//! # Bounds
//!
//! Stored answers are bounded in bytes, in number and in time, and each named caller has a share.
//! An answer that finds no room is sent, counted and not stored; its retry hears `code_used`.
//! Records of running requests are bounded by the requests in flight, and always find room.
//!
//! [`Redemption`]: replay::Redemption

mod budget;
mod entry;
mod fingerprint;
mod key;
mod response;
pub(crate) mod shared;
mod store;
#[cfg(test)]
mod tests;

pub use self::store::ResponseStore;
pub(crate) use self::{
    budget::NoRoom,
    entry::{Caller, Lookup, Request},
    fingerprint::{Fingerprint, FingerprintInput},
    key::IdempotencyKey,
    response::StoredResponse,
    store::{Begun, ExpiryQueue},
};
