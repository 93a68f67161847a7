//! What was counted, for people who watch.

use std::collections::{BTreeMap, BTreeSet};

use keyring::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::{bounds::OUTCOMES_MAX, line::Read};
use crate::cli::sandbox::backend::Arrivals;

/// Decisions by outcome.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Decisions before this moment are of an earlier run: RFC 3339 in UTC, as in the record.
    since: String,
    outcomes: BTreeMap<String, u64>,
    /// Outcomes of any time that the record tells of.
    seen: BTreeSet<String>,
}

/// What `/live.json` of the gateway has for the plots.
const OF_THE_GATEWAY: [&str; 8] =
    ["verdict", "requests", "outcomes", "history", "code_ages", "table", "passes", "keys"];

impl Counts {
    /// Counts what is decided from now on.
    pub(super) fn since(now: UnixMillis) -> Self {
        Self { since: now.to_string(), ..Self::default() }
    }

    pub(super) fn take(&mut self, read: &Read) {
        let Some(outcome) = read.outcome.as_ref().filter(|_| read.event == "decision") else {
            return;
        };
        if self.seen.len() < OUTCOMES_MAX || self.seen.contains(outcome) {
            self.seen.insert(outcome.clone());
            // Texts of one form and length: their order is that of the moments.
            if read.time >= self.since {
                *self.outcomes.entry(outcome.clone()).or_default() += read.stands_for;
            }
        }
    }
}

/// The data of `counters`. `gateway` is null while the gateway does not tell its own.
///
/// ```text
/// {"now_unix_ms": 1800000000000, "decisions": 3, "outcomes": {"approved": 2, "code_used": 1},
///  "seen": ["approved", "code_used"],
///  "standin": {"requests": 3, "arrived_twice": 0, "redemptions_arrived_twice": []},
///  "gateway": {"history": .., "code_ages": .., "table": .., "keys": .., ..}}
/// ```
/// `outcomes` counts since the sandbox's start, and `seen` names all that the record has. Names of
/// redemptions are the first 16. The parts of `gateway` are those of `gateway/contract/live.md`.
pub(super) fn document(
    now: UnixMillis,
    counts: &Counts,
    arrivals: &Arrivals,
    live: Option<&Value>,
) -> Value {
    let gateway = live.map(|live| {
        let part = |name: &&str| Some(((*name).to_owned(), live.get(*name)?.clone()));
        OF_THE_GATEWAY.iter().filter_map(part).collect::<Map<_, _>>()
    });
    json!({
        "now_unix_ms": now.get(),
        "decisions": counts.outcomes.values().sum::<u64>(),
        "outcomes": counts.outcomes,
        "seen": counts.seen,
        "standin": {
            "requests": arrivals.requests(),
            "arrived_twice": arrivals.repeated(),
            "redemptions_arrived_twice": arrivals.repeated_names(),
        },
        "gateway": gateway,
    })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn take(counts: &mut Counts, text: &str) {
        counts.take(&Read::parse(&Rc::from("a"), text).unwrap());
    }

    #[test]
    fn outcomes_are_counted_since_the_start_and_seen_for_ever() {
        let mut counts = Counts::since(UnixMillis::new(1_800_000_000_000));
        let line = |time: &str, rest: &str| {
            format!("{{\"seq\":1,\"event\":\"decision\",\"time\":\"{time}\",{rest}}}")
        };
        take(&mut counts, &line("2027-01-15T07:59:59.999Z", r#""outcome":"code_used""#));
        take(&mut counts, &line("2027-01-15T08:00:00.000Z", r#""outcome":"approved""#));
        take(
            &mut counts,
            &line("2027-01-15T08:00:01.000Z", r#""outcome":"approved","stands_for":3"#),
        );
        take(&mut counts, r#"{"seq":3,"event":"account","outcome":"frozen"}"#);
        let live = json!({"table": {"entries": 1}, "log": ["private"]});
        let now = UnixMillis::new(5);
        let made = document(now, &counts, &Arrivals::default(), Some(&live));
        let expected = json!({
            "now_unix_ms": 5, "decisions": 4, "outcomes": {"approved": 4},
            "seen": ["approved", "code_used"],
            "standin": {"requests": 0, "arrived_twice": 0, "redemptions_arrived_twice": []},
            "gateway": {"table": {"entries": 1}},
        });
        assert_eq!(made, expected);
        assert!(document(now, &counts, &Arrivals::default(), None)["gateway"].is_null());
    }

    #[test]
    fn names_of_outcomes_are_bounded() {
        let mut counts = Counts::default();
        for number in 0..2 * OUTCOMES_MAX {
            let text =
                format!("{{\"seq\":{number},\"event\":\"decision\",\"outcome\":\"{number}\"}}");
            take(&mut counts, &text);
        }
        assert_eq!((counts.seen.len(), counts.outcomes.len()), (OUTCOMES_MAX, OUTCOMES_MAX));
    }
}
