//! Each part as pairs of words and value, the same in every form of the report.

use super::figures;
use super::value::{
    AccountsSummary, ClassRow, EventSummary, GatewayCost, IdleSummary, Percentiles,
    ScheduleSummary, ToolCost,
};
use crate::backend::BackendCounts;

/// In the order of the changes of a report.
const ACKNOWLEDGED: [&str; 3] =
    ["freezes acknowledged", "lifts acknowledged", "unbinds acknowledged"];
/// In the order of the refusals of a report.
const REFUSED: [&str; 3] =
    ["refused, account_frozen", "refused, device_unbound", "refused, account_state_unavailable"];

impl ClassRow {
    /// Answers that this class may get.
    pub(super) fn expected(&self) -> u64 {
        self.answered().saturating_sub(self.unexpected)
    }

    /// Requests that got no answer.
    pub(super) fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.answered())
    }

    fn answered(&self) -> u64 {
        self.answers.iter().map(|(_, count)| count).sum()
    }
}

impl EventSummary {
    /// The answers until the next event, each with its count.
    pub(super) fn came(&self) -> Vec<String> {
        let answers = self.answers.iter().map(|(word, n)| (word.as_str(), *n));
        let lost = (self.lost > 0).then_some(("no answer", self.lost));
        let all = answers.chain(lost);
        all.map(|(word, n)| format!("{word} {}", figures::count(n))).collect()
    }
}

impl Percentiles {
    /// Each figure with its name, in microseconds; no value if nothing was measured.
    pub(super) fn rows(&self) -> [(&'static str, Option<f64>); 8] {
        [
            ("mean", self.mean_us),
            ("least", figures::float(self.min_us)),
            ("p50", figures::float(self.p50_us)),
            ("p90", figures::float(self.p90_us)),
            ("p99", figures::float(self.p99_us)),
            ("p99.9", figures::float(self.p99_9_us)),
            ("p99.99", figures::float(self.p99_99_us)),
            ("greatest", figures::float(self.max_us)),
        ]
        .map(|(name, us)| (name, (self.count > 0).then_some(us)))
    }
}

impl ScheduleSummary {
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        if self.planned == 0 {
            return vec![("planned starts", "none (closed loop)".to_owned())];
        }
        let of_planned =
            |count| format!("{} ({})", figures::count(count), figures::share(count, self.planned));
        vec![
            ("planned starts", figures::count(self.planned)),
            ("started", of_planned(self.started)),
            ("never started", of_planned(self.never_started)),
            ("over 5 ms late, a connection being free", of_planned(self.late_by_tool)),
            ("p99 of lateness", figures::time(figures::float(self.p99_lateness_us))),
            ("worst lateness", figures::time(figures::float(self.worst_lateness_us))),
        ]
    }
}

impl ToolCost {
    pub(super) fn facts(&self) -> [(&'static str, String); 5] {
        let minted = format!("{}/s", figures::number(self.codes_minted_per_s_per_core));
        let limit = if self.bottleneck.is_some() { "YES" } else { "no" };
        [
            ("CPU per request", figures::time(self.cpu_us_per_request)),
            ("busiest thread, of one core", figures::percent(self.busiest_thread_share)),
            ("longest wait of a thread for a core", figures::percent(self.waited_for_core_share)),
            ("codes minted by one core", minted),
            ("was the tool the limit?", limit.to_owned()),
        ]
    }
}

impl BackendCounts {
    pub(super) fn facts(&self) -> [(&'static str, String); 6] {
        [
            ("requests that arrived", self.arrivals),
            ("delayed on purpose", self.delayed),
            ("answered with an error on purpose", self.errors),
            ("connection reset on purpose", self.resets),
            ("answer cut in half on purpose", self.halves),
            ("never answered on purpose", self.stalls),
        ]
        .map(|(what, count)| (what, figures::count(count)))
    }
}

impl AccountsSummary {
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let changes = self.changes.iter().zip(ACKNOWLEDGED).map(|(row, what)| {
            let again = figures::count(row.may_hold);
            let text = format!("{} (sent again {again})", figures::count(row.acknowledged));
            (what, text)
        });
        let refused = self.refused.iter().zip(REFUSED).map(|((_, n), what)| (what, *n));
        let counts = [
            ("old lifts, sent to be refused", self.old_lifts),
            ("old lifts that were made: must be 0", self.old_lifts_made),
            ("freezes gone when they were lifted: must be 0", self.freezes_gone),
            ("changes refused: must be 0", self.changes_refused),
            ("changes never acknowledged: must be 0", self.changes_never_acknowledged),
            ("requests for a change without an acknowledgement", self.changes_unanswered),
            ("requests for a change that were put off", self.changes_put_off),
            ("connections for a change that failed", self.changes_unconnected),
            ("approved", self.approved),
        ];
        let counts = counts.into_iter().chain(refused).chain([
            ("refused as frozen and approved later", self.given_back),
            ("approved after the acknowledgement, in time", self.approved_in_time),
            ("APPROVED LATER than the promise: must be 0", self.late_approvals),
            ("refused without a cause: must be 0", self.refused_without_cause),
        ]);
        let counts = counts.map(|(what, n)| (what, figures::count(n)));
        let times = [
            ("acknowledged after, p50 / p99 / max", &self.acknowledged_after),
            ("first refusal after it, p50 / p99 / max", &self.first_refusal_after),
            ("approved after it, p50 / p99 / max", &self.approved_after),
        ]
        .map(|(what, times)| (what, spread(times)));
        let people = [
            ("people whose accounts were changed", figures::count(self.people)),
            ("promise", format!("{} ms", figures::count(self.stale_ms))),
        ];
        let share = [("unavailable, of all answers", figures::percent(self.unavailable_share))];
        people.into_iter().chain(changes).chain(counts).chain(share).chain(times).collect()
    }
}

fn spread(times: &Percentiles) -> String {
    if times.count == 0 {
        return figures::NONE.to_owned();
    }
    let texts =
        [times.p50_us, times.p99_us, times.max_us].map(|us| figures::time(figures::float(us)));
    texts.join(" / ")
}

impl IdleSummary {
    pub(super) fn facts(&self) -> [(&'static str, String); 3] {
        [
            ("idle connections held", figures::count(self.opened)),
            ("of those closed by the gateway", figures::count(self.closed_by_gateway)),
            ("gateway memory for each", figures::bytes(self.bytes_each)),
        ]
    }
}

impl GatewayCost {
    /// How many facts there are.
    pub(super) const FACTS: usize = 6;

    pub(super) fn facts(&self) -> [(&'static str, String); Self::FACTS] {
        let (from, to) = (self.rss_start_bytes, self.rss_end_bytes);
        [
            ("CPU per request", figures::time(self.cpu_us_per_request)),
            ("cores busy", figures::number(self.cpu_share)),
            ("memory at start", figures::bytes(figures::float(from))),
            ("at the end", figures::bytes(figures::float(to))),
            ("change", figures::growth(from, to)),
            ("restarts", figures::count(self.restarts)),
        ]
    }
}
