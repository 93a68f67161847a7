//! What this node remembers: spent codes and passes, decisions, account states.

use serde::Serialize;

use super::{Source, percent, rounded, wide};
use crate::{admin::live::sums, code::clear::AccountStates, snapshot::Snapshot};

/// The fields of the document that are about what is kept.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct State {
    /// The table of spent codes.
    pub(in crate::admin::live) table: Filled,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::admin::live) passes: Option<Filled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass_keys: Option<Vec<PassKeyRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::admin::live) record: Option<Record>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::admin::live) accounts: Option<Accounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_sources: Option<Vec<SourceRow>>,
    retry: Retry,
}

/// A table of what is spent.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Filled {
    entries: usize,
    capacity: usize,
    pub(in crate::admin::live) used_percent: f64,
    /// What was issued up to this Unix second is refused; none: nothing is.
    fence_end_unix_s: Option<u32>,
    released: u64,
}

#[derive(Debug, Serialize)]
struct PassKeyRow {
    key_id: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Record {
    decisions: u64,
    dropped: u64,
    errors: u64,
    bytes: u64,
    queued: usize,
    queue_capacity: usize,
    pub(in crate::admin::live) queued_percent: f64,
    free_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Accounts {
    people: usize,
    capacity: usize,
    pub(in crate::admin::live) used_percent: f64,
    /// None: nothing proves that all changes are applied.
    pub(in crate::admin::live) staleness_s: Option<f64>,
    pub(in crate::admin::live) set_back: &'static str,
    stale_admitted: u64,
}

#[derive(Debug, Serialize)]
struct SourceRow {
    source: String,
    state: &'static str,
    behind: u64,
}

/// Answers that are kept for a retry.
#[derive(Debug, Serialize)]
struct Retry {
    answers: usize,
    bytes: usize,
}

impl State {
    pub(in crate::admin::live) fn read(source: &Source<'_>, current: &Snapshot) -> Self {
        let (shared, now) = (source.shared, source.shared.clock.now());
        let codes = &shared.tables.codes;
        let table = Filled::new(codes.entries(now), codes.capacity(), codes.releases())
            .fenced(codes.fence().map(|fence| fence.get()));
        let passes = shared.tables.passes.as_ref().map(|passes| {
            Filled::new(passes.entries(now), passes.capacity(), passes.releases())
                .fenced(passes.fence().map(|fence| fence.get()))
        });
        let pass_keys = current.keys().pass_keys();
        let pass_keys = pass_keys
            .map(|(id, state)| PassKeyRow { key_id: id.to_string(), state: state.as_str() });
        Self {
            table,
            pass_keys: passes.is_some().then(|| pass_keys.collect()),
            passes,
            record: shared.record.stats().map(Record::new),
            accounts: shared.accounts.as_ref().map(|states| Accounts::read(source, states)),
            account_sources: shared.accounts.as_ref().map(sources),
            retry: Retry { answers: shared.responses.entries(), bytes: shared.responses.bytes() },
        }
    }
}

impl Filled {
    fn new(entries: usize, capacity: usize, released: u64) -> Self {
        let used_percent = percent(wide(entries), wide(capacity)).unwrap_or(0.0);
        Self { entries, capacity, used_percent, fence_end_unix_s: None, released }
    }

    fn fenced(mut self, fence_end_unix_s: Option<u32>) -> Self {
        self.fence_end_unix_s = fence_end_unix_s;
        self
    }
}

impl Record {
    fn new(stats: record::RecordStats) -> Self {
        let queued_percent = percent(wide(stats.queued), wide(stats.capacity));
        Self {
            decisions: stats.decisions,
            dropped: stats.dropped,
            errors: stats.errors,
            bytes: stats.bytes,
            queued: stats.queued,
            queue_capacity: stats.capacity,
            queued_percent: queued_percent.unwrap_or(0.0),
            free_bytes: stats.free_bytes,
        }
    }
}

impl Accounts {
    fn read(source: &Source<'_>, states: &AccountStates) -> Self {
        let (accounts, table) = (states.accounts(), states.accounts().table());
        let staleness_ns = accounts.staleness_ns(source.shared.clock.reading().boot_ns);
        let seconds = |ns: i64| rounded(sums::seconds(ns.max(0)));
        let (people, capacity) = (table.listed(), table.capacity());
        Self {
            people,
            capacity,
            used_percent: percent(wide(people), wide(capacity)).unwrap_or(0.0),
            staleness_s: staleness_ns.map(seconds),
            set_back: if accounts.status().is_set_back() { "yes" } else { "no" },
            stale_admitted: states.stale_admitted(),
        }
    }
}

fn sources(states: &AccountStates) -> Vec<SourceRow> {
    let row = |source: &accounts::status::Source| SourceRow {
        source: source.name().to_owned(),
        state: if source.is_up() { "up" } else { "down" },
        behind: source.behind(),
    };
    states.accounts().status().sources().iter().map(row).collect()
}
