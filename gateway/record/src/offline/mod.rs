//! Reading the record back: searching it, and reconciling the records of all nodes.

mod facts;
mod lines;
mod reconcile;
mod search;

pub use self::{
    facts::Facts,
    lines::find,
    reconcile::{Finding, ReconcileError, ReconcileVerdict, Show, reconcile},
    search::{Query, SearchError, SearchStats, Summary, search},
};
