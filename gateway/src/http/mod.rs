//! Rules about the text of a request's head: its path, its fields, its host. Pure functions.

pub(crate) mod fields;
pub mod host;
pub mod path;
