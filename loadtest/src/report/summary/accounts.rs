//! The part of the report about accounts that were changed.

use hdrhistogram::Histogram;

use super::percentiles::percentiles;
use crate::judge::accounts::AccountCounts;
use crate::judge::outcome::Outcome;
use crate::judge::verdict::Verdict;
use crate::report::figures::float;
use crate::report::value::{AccountsSummary, ChangeRow};
use crate::scenario::settings::AccountSettings;

/// An hour.
const NS_MAX: u64 = 3_600_000_000_000;
/// As the API names them, in the order of the judge's counts.
const OPERATIONS: [&str; 3] = ["freeze", "unfreeze", "unbind"];

/// What was counted of these accounts.
pub(super) fn accounts(settings: &AccountSettings, verdict: &Verdict) -> AccountsSummary {
    let AccountCounts { changes, approved, given_back, .. } = verdict.accounts;
    let counts = &verdict.accounts;
    let seen = &verdict.seen;
    let refused =
        [Outcome::AccountFrozen, Outcome::DeviceUnbound, Outcome::AccountStateUnavailable]
            .map(|outcome| (outcome.word().to_owned(), seen.answered(outcome)));
    let answers: u64 = seen.answers.iter().map(|one| one.count).sum();
    let unavailable = seen.answered(Outcome::AccountStateUnavailable);
    let rows = OPERATIONS.into_iter().zip(changes).map(|(op, count)| ChangeRow {
        op: op.to_owned(),
        acknowledged: count.acknowledged,
        may_hold: count.may_hold,
        never_acknowledged: count.never_acknowledged,
    });
    AccountsSummary {
        people: u64::from(settings.people),
        stale_ms: settings.stale_ms,
        changes: rows.collect(),
        changes_unanswered: counts.changes_unanswered,
        changes_put_off: counts.changes_put_off,
        changes_unconnected: counts.changes_unconnected,
        changes_never_acknowledged: counts.never_acknowledged(),
        changes_refused: counts.changes_refused,
        freezes_gone: counts.freezes_gone,
        old_lifts: counts.old_lifts,
        old_lifts_made: counts.old_lifts_made,
        approved,
        refused: refused.into(),
        unavailable_share: float(unavailable) / float(answers.max(1)),
        given_back,
        approved_in_time: u64::try_from(counts.within_promise_ns.len()).unwrap_or(u64::MAX),
        approved_after: percentiles(&histogram(&counts.within_promise_ns)),
        late_approvals: counts.late + counts.late_unanswered,
        refused_without_cause: counts.without_cause,
        acknowledged_after: percentiles(&histogram(&counts.to_acknowledgement_ns)),
        first_refusal_after: percentiles(&histogram(&counts.to_first_refusal_ns)),
    }
}

fn histogram(times_ns: &[u64]) -> Histogram<u64> {
    let made = Histogram::new_with_bounds(1, NS_MAX, 3);
    let mut histogram = made.expect("bounds in order, three digits");
    times_ns.iter().for_each(|ns| histogram.saturating_record(*ns));
    histogram
}
