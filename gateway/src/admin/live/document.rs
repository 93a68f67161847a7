//! `/live.json`: everything that the page shows. `gateway/contract/live.md` names each field.

use serde::Serialize;
use serde_json::Value;

use super::{
    facts::{
        Source,
        node::{self, ConditionRow, LogRow, Parts, Runs},
        state::State,
        traffic::Traffic,
    },
    problems::{Facts, Row, Verdict, find},
};

/// In the order of the page.
#[derive(Debug, Serialize)]
struct Document {
    now_unix_ms: i64,
    verdict: Verdict,
    problems: Vec<Row>,
    runs: Runs,
    conditions: Vec<ConditionRow>,
    #[serde(flatten)]
    traffic: Traffic,
    #[serde(flatten)]
    parts: Parts,
    #[serde(flatten)]
    state: State,
    log: Vec<LogRow>,
}

/// Reads everything once.
pub(super) fn make(source: &Source<'_>) -> Value {
    let current = source.shared.current.load();
    let traffic = Traffic::read(source, &current);
    let parts = Parts::read(source, &current);
    let state = State::read(source, &current);
    let runs = Runs::read(source, &current);
    let found = Facts { source, current: &current, traffic: &traffic, state: &state };
    let problems = find(&found);
    let document = Document {
        now_unix_ms: source.shared.clock.now().get(),
        verdict: Verdict::new(&problems, &traffic),
        problems: problems.iter().map(Row::new).collect(),
        runs,
        conditions: node::conditions(source.shared),
        traffic,
        parts,
        state,
        log: node::log(),
    };
    serde_json::to_value(document).expect("names are strings, and no number is infinite")
}
