//! What is found out of a configuration and its machine before a start.

pub(super) mod engine;
pub(super) mod host;
pub(super) mod summary;
pub(super) mod unfit;
