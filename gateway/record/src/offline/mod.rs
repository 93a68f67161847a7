//! Reading the record back: searching it, following it, making spans of it, and reconciling the
//! records of all nodes.

mod facts;
mod follow;
mod lines;
mod reconcile;
mod search;
mod span;

pub use self::{
    facts::Facts,
    follow::Tail,
    lines::find,
    reconcile::{Finding, ReconcileError, ReconcileVerdict, Show, reconcile},
    search::{Query, SearchError, SearchStats, Summary, search},
    span::span,
};
