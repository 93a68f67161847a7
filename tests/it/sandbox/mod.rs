//! The sandbox's pages, as people and machines meet them.

mod code;
mod phone;
