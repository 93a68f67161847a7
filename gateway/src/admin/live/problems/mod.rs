//! What is wrong with this node, the gravest first, and the sentence at the top of the page.
//!
//! The rules are those of the alerts, seen from one node: an operator who was woken finds the same
//! words here. A problem is found anew for each document; nothing is remembered.

mod find;
mod problem;
mod sentences;
mod verdict;

pub(super) use self::{
    find::{Facts, find},
    verdict::{Row, Verdict},
};
