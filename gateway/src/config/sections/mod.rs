//! The sections of the file, each with its own rules.

pub(super) mod accounts;
pub(super) mod backend;
pub(super) mod log;
pub(super) mod passes;
pub(super) mod record;
mod refusals;
pub(super) mod register;
pub(super) mod replay;
pub(super) mod retry;
pub(super) mod route;
pub(super) mod server;
pub(super) mod status;
pub(super) mod trace;
