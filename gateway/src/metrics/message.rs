//! What is counted for routes that read bodies.

use std::sync::Arc;

use body::Why;

use super::{
    cells::WorkerId,
    children::Children,
    instruments::{Counter, Counters},
};

/// What is counted for the bodies of one route. A reload that changes its rules goes on with the
/// counts of those that stay.
#[derive(Debug)]
pub struct MessageMetrics {
    refused: Counters,
    rules: Children<Counter>,
    workers: usize,
}

/// The counters of a route's rules as one configuration has them, found by index.
#[derive(Debug)]
pub struct MessageCounters {
    of_route: Arc<MessageMetrics>,
    rules: Box<[Arc<Counter>]>,
}

impl MessageMetrics {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            refused: Counters::new(workers, Why::ALL.len()),
            rules: Children::default(),
            workers,
        }
    }

    /// Why bodies were refused, and how many of each.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Why::ALL.into_iter().enumerate().map(|(i, why)| (why.label(), self.refused.total(i)))
    }

    /// The keys of rules, and how many messages had each.
    pub(super) fn rules(&self) -> Vec<(String, u64)> {
        self.rules.all().iter().map(|(key, counter)| (key.clone(), counter.total())).collect()
    }
}

impl MessageCounters {
    /// Those of a route with these rules, by their keys.
    pub(super) fn new<'a>(
        of_route: Arc<MessageMetrics>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Self {
        let counter = |key| of_route.rules.resolve(key, || Counter::new(of_route.workers));
        Self { rules: keys.map(counter).collect(), of_route }
    }

    /// A body is refused.
    pub(crate) fn refused(&self, worker: WorkerId, why: Why) {
        let index = Why::ALL.into_iter().position(|other| other == why);
        self.of_route.refused.inc(worker, index.expect("all are listed"));
    }

    /// A message names an infno of the rule with this index.
    pub(crate) fn named(&self, worker: WorkerId, rule: usize) {
        self.rules.get(rule).expect("indexes are those of the same configuration").inc(worker);
    }
}
