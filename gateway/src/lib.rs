//! Yanma's gateway: verifies a scanned code, spends it once and forwards the transaction.
//!
//! The modules in the order in which a request meets them:
//!
//! | what happens | where |
//! |---|---|
//! | sockets, connections and their time limits | [`io`], `client_stream`, `connection`, `sweep` |
//! | what a client may send below HTTP: line ends, frames | [`strict`], `frames` |
//! | accepting, spreading over workers, signals, drain | `server`, `accept`, [`signals`], `orders`, `crew`, [`worker`] |
//! | handing over to a new process; the service manager | [`takeover`], `notify` |
//! | the way of a request, its record | `service`, `call` |
//! | the head: path and host rules, routes, header rules | `head`, [`target`], [`host`], [`route`], `headers` |
//! | who may do what | [`policy`] |
//! | spending a code once, on one node and on several | `spend`, [`replay`], [`registers`], [`clock`] |
//! | the same request again | [`retry`], `repeat` |
//! | the exchange with a backend | `exchange`, `forward`, `body`, `reply`, `upstream`, [`endpoints`] |
//! | what the client is told otherwise | [`refusal`], [`request_id`] |
//! | what is written down of it | [`record`] |
//! | what runs: configuration, keyring, reload | [`config`], [`limits`], [`snapshot`], [`reload`], [`state`], [`start`] |
//! | what operators see | [`metrics`], `scrape`, [`health`], [`admin`], `log` |
//! | threads and tasks, and what happens when one ends | `threads` |
//! | the programs of the command line; something to forward to | [`cli`], [`standin`] |

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod accept;
pub mod admin;
mod batch;
mod body;
mod body_memory;
mod call;
pub mod cli;
mod client_stream;
mod code_requests;
pub mod config;
mod connection;
mod crew;
pub mod descriptors;
pub mod endpoints;
mod exchange;
mod forward;
mod frames;
mod head;
mod headers;
pub mod health;
pub mod host;
pub mod io;
pub mod limits;
pub mod metrics;
mod notify;
mod orders;
pub mod policy;
pub mod record;
pub mod refusal;
pub mod reload;
mod repeat;
pub mod replay;
mod reply;
pub mod request_id;
pub mod retry;
pub mod route;
mod scrape;
mod server;
mod service;
mod shares;
pub mod signals;
pub mod snapshot;
mod spend;
pub mod standin;
pub mod start;
pub mod state;
pub mod strict;
mod sweep;
pub mod tables;
pub mod takeover;
pub mod target;
mod upstream;
pub mod worker;
