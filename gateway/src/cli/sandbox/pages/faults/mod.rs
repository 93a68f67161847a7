//! The switchboard: what goes wrong on purpose, and how each reason for a refusal is met.
//!
//! | file | what it knows |
//! |---|---|
//! | `switches.rs` | what is switched on |
//! | `set.rs` | `POST /sandbox/fault` |
//! | `scanner.rs` | what a till reads in front of a phone |
//! | `ways.rs`, `slow_body.rs` | the request that meets a reason |
//! | `load.rs` | many payments |
//! | `small.rs` | a gateway whose table is soon full |
//! | `page.rs`, `words.rs` | the page and its texts |

mod load;
mod page;
pub(super) mod scanner;
mod set;
mod slow_body;
mod small;
mod switches;
mod ways;
mod words;

pub(super) use self::page::page;
pub(super) use self::set::{reset, set};
pub(super) use self::switches::Switches;
