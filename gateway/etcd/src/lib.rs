//! Account states on several nodes, in etcd: the client, and the keeper that follows the store.
//!
//! The promise: an acknowledged change is honoured within `stale_ms`, or this node admits nothing.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod changes;
mod check;
mod clean_up;
mod client;
mod history;
mod init;
mod keeper;
mod keys;
mod limits;
mod messages;
mod random_id;
mod seen;
mod settings;

pub use self::{
    check::{MemberReport, check},
    init::{InitError, Initiated, init},
    keeper::keep,
    settings::{Settings, SettingsError, Tls},
};
