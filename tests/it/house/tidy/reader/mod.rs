//! Reads Rust files: their tokens and comments, the paths that they name, the modules of a crate.

pub(super) mod lexer;
pub(super) mod modules;
mod paths;
mod tests_out;
