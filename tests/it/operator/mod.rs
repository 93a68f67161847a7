//! What operators see and do: start, reload, drain, files, log, record, metrics.

mod admin;
mod deploy;
mod drain;
mod files;
mod host;
mod log;
mod observe;
pub(crate) mod record;
mod reload;
pub(crate) mod sandbox;
mod start;
mod threads;
