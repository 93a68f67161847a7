//! What machines and their programmers fetch: codes, the document of the HTTP door, samples.

pub(super) mod code;
mod downloads;

pub(super) use self::downloads::{file_at, samples};
