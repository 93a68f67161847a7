//! Reading the record back: searching and counting it, following it, making spans of it, and
//! reconciling the records of all nodes.

mod facts;
mod field;
mod follow;
mod groups;
mod lines;
mod reconcile;
mod search;
mod span;
mod time_range;

pub use self::{
    facts::Facts,
    field::{Field, UnknownField},
    follow::Tail,
    groups::{EXACT_VALUES_MAX, Group, Groups},
    lines::find,
    reconcile::{
        Anchor, AnchorError, Demands, Finding, FindingKind, FoundDecision, ReconcileError,
        ReconcileVerdict, Show, anchors, read_anchors, reconcile,
    },
    search::{Query, SearchError, SearchStats, Summary, search},
    span::span,
};
