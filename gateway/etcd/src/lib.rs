//! Account states on several nodes, in etcd: the client, and the keeper that follows the store.
//!
//! The promise: an acknowledged change is honoured within `stale_ms`, or this node admits nothing.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod changes;
mod clean_up;
mod history;
mod init;
mod keeper;
mod keys;
mod limits;
mod members;
mod messages;
mod random_id;
mod seen;
mod settings;

pub use self::{
    clean_up::{CleanUpError, clean_up},
    init::{InitError, Initiated, init},
    keeper::keep,
    members::{MemberReport, check},
    settings::{Settings, SettingsError, Tls},
};
