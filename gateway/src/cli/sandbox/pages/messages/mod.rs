//! HTTP as the pages take it, give it, and ask others by it.

mod answer;
mod asked;
mod call;

pub(super) use self::answer::{Answer, Problem, bytes, file, html, json, text};
pub(super) use self::asked::Asked;
pub(super) use self::call::{Call, Exchange, Heard, exchange};
