//! Yanma's gateway: verifies a scanned code, spends it once and forwards the transaction.
//!
//! The folders in the order in which a request meets them:
//!
//! | what happens | folder |
//! |---|---|
//! | connections are accepted, spread over workers and served | `edge` |
//! | sockets, time limits, bodies, what may be sent below HTTP | [`transport`] |
//! | **the way of a request**, from its head to its answer | `request` |
//! | rules about the text of a head: path, fields, host | [`http`] |
//! | **the chain of a code**: verified, admitted, redeemed | [`code`] |
//! | the same request again | [`idempotency`] |
//! | the backend: endpoints, pool, the gate that knows what was sent | [`upstream`] |
//! | what the client is told otherwise | [`refusal`] |
//! | one worker's own state, and what workers share | [`worker`] |
//! | configuration, keyring and routes in force | [`config`], [`snapshot`] |
//! | what operators see | [`metrics`], [`admin`], [`readiness`] |
//! | what pages in a browser share: who may ask, frame, plots, style | `web` |
//! | the process starts, obeys, reloads, hands over, leaves | [`process`] |
//! | the programs of the command line | [`cli`] |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod admin;
pub mod cli;
pub mod code;
pub mod config;
mod edge;
pub mod http;
pub mod idempotency;
pub mod limits;
pub mod metrics;
pub mod process;
pub mod readiness;
pub mod refusal;
mod request;
pub mod request_id;
pub mod snapshot;
pub mod transport;
pub mod upstream;
mod web;
pub mod worker;
mod writing;
