//! Requests: how many, what became of them, how old codes were, which limits were met.

use std::cmp::Reverse;

use serde::Serialize;

use super::{Source, percent, rounded};
use crate::{
    admin::live::{class::Class, ring::per_second, sums::Window},
    limits,
    metrics::Outcome,
    refusal::Limit,
    snapshot::Snapshot,
};

const ONE_MINUTE: u32 = 60;

/// The fields of the document that are about requests.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Traffic {
    pub(in crate::admin::live) requests: Requests,
    outcomes: Vec<OutcomeRow>,
    history: History,
    refusals: Vec<RefusalRow>,
    code_ages: Vec<AgeRow>,
    pub(in crate::admin::live) limits: Vec<LimitRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observed: Vec<ObservedRow>,
}

#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Requests {
    /// Over the last minute.
    pub(in crate::admin::live) per_s: f64,
    /// Over five minutes; none if there was no request.
    pub(in crate::admin::live) free_of_gateway_faults_percent: Option<f64>,
    pub(in crate::admin::live) gateway_faults: u64,
    pub(in crate::admin::live) unknown: u64,
    pub(in crate::admin::live) all: u64,
    in_flight: i64,
    connections: i64,
    parked: i64,
    rejected: u64,
    own_time_p99_at_most_ms: Option<f64>,
    one_minute_s: f64,
    five_minutes_s: f64,
}

#[derive(Debug, Serialize)]
struct OutcomeRow {
    class: &'static str,
    per_s: f64,
    one_minute: u64,
    five_minutes: u64,
    total: u64,
}

/// A step each second, the oldest first: rates per second.
#[derive(Debug, Default, Serialize)]
struct History {
    seconds_ago: Vec<f64>,
    served: Vec<f64>,
    refused: Vec<f64>,
    backend: Vec<f64>,
    unknown: Vec<f64>,
    gateway: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct RefusalRow {
    reason: &'static str,
    error_code: &'static str,
    class: &'static str,
    one_minute: u64,
    five_minutes: u64,
    title: &'static str,
    message_zh: &'static str,
}

#[derive(Debug, Serialize)]
struct AgeRow {
    /// The bucket's upper bound; none: above all.
    up_to_s: Option<f64>,
    five_minutes: u64,
    percent: f64,
}

#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct LimitRow {
    pub(in crate::admin::live) limit: &'static str,
    one_minute: u64,
    pub(in crate::admin::live) five_minutes: u64,
    total: u64,
}

#[derive(Debug, Serialize)]
struct ObservedRow {
    route: String,
    /// None: nothing would have been refused.
    reason: Option<&'static str>,
    total: u64,
}

impl Traffic {
    pub(in crate::admin::live) fn read(source: &Source<'_>, current: &Snapshot) -> Self {
        let one = source.ring.window(source.now, ONE_MINUTE);
        let five = source.ring.window(source.now, limits::LIVE_SECONDS);
        Self {
            requests: Requests::read(source, one, five),
            outcomes: outcomes(one, five),
            history: History::read(source),
            refusals: refusals(one, five),
            code_ages: code_ages(source, five),
            limits: limits_met(one, five),
            observed: observed(source, current),
        }
    }
}

impl Requests {
    fn read(source: &Source<'_>, one: Window<'_>, five: Window<'_>) -> Self {
        let metrics = &source.shared.metrics;
        let counts = five.classes();
        let of = |class| count_of(&counts, class);
        let (all, faults) = (counts.iter().sum(), of(Class::Gateway));
        let in_minute = one.classes().iter().sum();
        Self {
            per_s: rounded(per_second(in_minute, one.seconds())),
            free_of_gateway_faults_percent: percent(all - faults, all),
            gateway_faults: faults,
            unknown: of(Class::Unknown),
            all,
            in_flight: metrics.requests_in_flight.total(),
            connections: metrics.connections(),
            parked: metrics.connections_parked.total(),
            rejected: five.losses().rejected,
            own_time_p99_at_most_ms: own_time(source, five),
            one_minute_s: rounded(one.seconds()),
            five_minutes_s: rounded(five.seconds()),
        }
    }
}

/// The upper bound of the bucket that holds the 99th of 100 requests.
fn own_time(source: &Source<'_>, five: Window<'_>) -> Option<f64> {
    let counts = five.own_times();
    let all: u64 = counts.iter().sum();
    let wanted = all.checked_mul(99)?.div_ceil(100);
    let mut below = 0;
    let place = counts.iter().position(|count| {
        below += count;
        below >= wanted && wanted > 0
    })?;
    let bounds = source.shared.metrics.own_time_bounds();
    bounds.get(place).map(|bound| rounded(bound * 1_000.0 * 1_000.0) / 1_000.0)
}

fn count_of(counts: &[u64], class: Class) -> u64 {
    let mut known = Class::ALL.into_iter().zip(counts);
    known.find(|(other, _)| *other == class).map_or(0, |(_, count)| *count)
}

fn outcomes(one: Window<'_>, five: Window<'_>) -> Vec<OutcomeRow> {
    let (in_one, in_five) = (one.classes(), five.classes());
    let row = |class: Class| {
        let totals = Outcome::all().zip(five.to.outcomes);
        let of_class = totals.filter(|(outcome, _)| Class::of(*outcome) == class);
        OutcomeRow {
            class: class.name(),
            per_s: rounded(per_second(count_of(&in_one, class), one.seconds())),
            one_minute: count_of(&in_one, class),
            five_minutes: count_of(&in_five, class),
            total: of_class.map(|(_, total)| total).sum(),
        }
    };
    Class::ALL.into_iter().map(row).collect()
}

impl History {
    fn read(source: &Source<'_>) -> Self {
        let mut history = Self::default();
        for step in source.ring.steps(source.now) {
            let [served, refused, backend, unknown, gateway] = step.rates.map(rounded);
            history.seconds_ago.push(rounded(step.seconds_ago));
            history.served.push(served);
            history.refused.push(refused);
            history.backend.push(backend);
            history.unknown.push(unknown);
            history.gateway.push(gateway);
        }
        history
    }
}

/// The most frequent refusals of five minutes; what came in the last minute is among them.
fn refusals(one: Window<'_>, five: Window<'_>) -> Vec<RefusalRow> {
    let all = Outcome::all().enumerate().filter_map(|(index, outcome)| {
        let Outcome::Refused(refusal) = outcome else { return None };
        Some(RefusalRow {
            reason: refusal.reason(),
            error_code: refusal.error_code(),
            class: Class::of_refusal(refusal).name(),
            one_minute: one.outcome(index),
            five_minutes: five.outcome(index),
            title: refusal.title(),
            message_zh: refusal.message_zh(),
        })
    });
    let mut rows: Vec<_> = all.filter(|row| row.five_minutes > 0).collect();
    rows.sort_by_key(|row| Reverse((row.five_minutes, row.one_minute)));
    rows.truncate(limits::LIVE_ROWS_MAX);
    rows
}

fn code_ages(source: &Source<'_>, five: Window<'_>) -> Vec<AgeRow> {
    let bounds = source.shared.metrics.code_age_bounds();
    let counts = five.ages();
    let all: u64 = counts.iter().sum();
    let bounds = bounds.into_iter().map(Some).chain([None]);
    let row = |(bound, count)| AgeRow {
        up_to_s: bound,
        five_minutes: count,
        percent: percent(count, all).unwrap_or(0.0),
    };
    bounds.zip(counts).map(row).collect()
}

fn limits_met(one: Window<'_>, five: Window<'_>) -> Vec<LimitRow> {
    let all = Limit::ALL.into_iter().zip(five.to.limits).map(|(limit, total)| LimitRow {
        limit: limit.name(),
        one_minute: one.limit(limit.index()),
        five_minutes: five.limit(limit.index()),
        total,
    });
    let mut rows: Vec<_> = all.filter(|row| row.total > 0).collect();
    rows.sort_by_key(|row| Reverse((row.five_minutes, row.total)));
    rows
}

/// Routes that only observe, and what they would have refused since the start.
fn observed(source: &Source<'_>, current: &Snapshot) -> Vec<ObservedRow> {
    let routes = current.config().routes.iter().filter(|route| !route.is_enforced());
    let counted = source.shared.metrics.all_observed();
    let mut rows = Vec::new();
    for route in routes {
        let of_route = counted.iter().filter(|(path, ..)| *path == route.path);
        let mut found: Vec<_> =
            of_route.map(|(_, reason, total)| (Some(*reason), *total)).collect();
        found.sort_by_key(|(_, total)| Reverse(*total));
        found.truncate(limits::LIVE_ROWS_MAX);
        if found.is_empty() {
            found.push((None, 0));
        }
        let row = |(reason, total)| ObservedRow { route: route.path.clone(), reason, total };
        rows.extend(found.into_iter().map(row));
    }
    rows
}

/// Whether an alert counts a limit: what one client's request alone is too large or slow for is
/// not this node's.
pub(in crate::admin::live) fn is_of_node(limit: &str) -> bool {
    !limit.starts_with("header_") && !["body_bytes_max", "reply_bytes_max"].contains(&limit)
}
