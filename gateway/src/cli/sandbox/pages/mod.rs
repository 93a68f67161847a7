//! The sandbox's pages.

#[cfg_attr(not(test), expect(dead_code, reason = "the listener of the pages serves it"))]
mod code;
