//! Rules about the text of a head: its path, its fields, its host, and the names of our fields. Pure
//! functions.

pub(crate) mod fields;
pub mod host;
pub(crate) mod names;
pub mod path;
pub(crate) mod percent;
pub mod traceparent;
