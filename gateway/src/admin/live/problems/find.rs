//! Finds what is wrong.

use keyring::{key::KeyState, suite::Engine};

use super::problem::Problem;
use crate::{
    admin::live::{
        facts::{
            Source,
            node::{abstains, days_left, state_of},
            state::State,
            traffic::{Traffic, is_of_node},
        },
        sums::Losses,
    },
    limits,
    metrics::Outcome,
    refusal::Refusal,
    snapshot::Snapshot,
};

/// Percent of a table, queue or room from which on a person should look.
const FILLS_PERCENT: f64 = 60.0;
const QUEUE_PERCENT: f64 = 50.0;
const ACCOUNTS_PERCENT: f64 = 70.0;
/// Seconds from which on account states are old.
const STALE_S: f64 = 0.8;
/// Percent of requests that may end by a fault of the gateway.
const OBJECTIVE_PERCENT: f64 = 0.05;
const EXPIRY_DAYS: i64 = 30;

/// What problems are found in.
pub(in crate::admin::live) struct Facts<'a> {
    pub(in crate::admin::live) source: &'a Source<'a>,
    pub(in crate::admin::live) current: &'a Snapshot,
    pub(in crate::admin::live) traffic: &'a Traffic,
    pub(in crate::admin::live) state: &'a State,
}

/// All problems, the most urgent first.
pub(in crate::admin::live) fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    node(facts, &mut found);
    losses(facts, &mut found);
    requests(facts, &mut found);
    backends(facts, &mut found);
    registers(facts, &mut found);
    kept(facts, &mut found);
    settings(facts, &mut found);
    found.sort_by_key(Problem::urgency);
    found
}

fn node(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let conditions = facts.source.shared.health.conditions();
    let fails = conditions.into_iter().filter(|condition| !condition.holds);
    found.extend(fails.map(|condition| Problem::NotReady {
        condition: condition.name,
        otherwise: condition.otherwise,
    }));
    let (keys, metrics) = (facts.current.keys(), &facts.source.shared.metrics);
    if keys.verifier().mismatches() > 0 || metrics.table_faults() > 0 {
        found.push(Problem::VerifierWrong);
    }
    let is_slow = keys.verifier().engine() == Engine::Reference;
    if is_slow && facts.current.config().server.verify_table_mib > 0 {
        found.push(Problem::VerifierSlow);
    }
}

fn losses(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let source = facts.source;
    let window = source.ring.window(source.now, limits::LIVE_SECONDS);
    let Losses { record_dropped, record_errors, without_majority, log_lines, clock_steps, .. } =
        window.losses();
    if record_dropped + record_errors > 0 {
        found.push(Problem::RecordLoses { decisions: record_dropped });
    }
    if without_majority > 0 {
        found.push(Problem::NoMajority { claims: without_majority });
    }
    if clock_steps > 0 {
        found.push(Problem::ClockStepped { steps: clock_steps });
    }
    if log_lines > 0 {
        found.push(Problem::LogDropped { lines: log_lines });
    }
}

fn requests(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let (source, requests) = (facts.source, &facts.traffic.requests);
    let window = source.ring.window(source.now, limits::LIVE_SECONDS);
    let of = |refusal| {
        let mut all = Outcome::all();
        let index = all.position(|outcome| outcome == Outcome::Refused(refusal));
        index.map_or(0, |index| window.outcome(index))
    };
    let codes = of(Refusal::SealInvalid);
    if codes > 0 {
        found.push(Problem::SealInvalid { codes });
    }
    let percent = share(requests.gateway_faults, requests.all);
    if percent > OBJECTIVE_PERCENT {
        found.push(Problem::GatewayFaults { requests: requests.gateway_faults, percent });
    }
    if requests.unknown > 0 {
        let percent = share(requests.unknown, requests.all);
        found.push(Problem::OutcomeUnknown { requests: requests.unknown, percent });
    }
    let hit = facts.traffic.limits.iter().filter(|row| row.five_minutes > 0);
    found.extend(
        hit.filter(|row| is_of_node(row.limit))
            .map(|row| Problem::LimitHit { limit: row.limit, times: row.five_minutes }),
    );
}

/// Percent, of which two digits are shown.
fn share(part: u64, whole: u64) -> f64 {
    use crate::metrics::sample::number;
    if whole == 0 { 0.0 } else { (number(part) / number(whole) * 10_000.0).ceil() / 100.0 }
}

fn backends(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let configs = &facts.current.config().backends;
    for (backend, config) in facts.current.backends().iter().zip(configs) {
        let name = backend.name().to_owned();
        match state_of(backend, config.maintenance) {
            "maintenance" => found.push(Problem::Maintenance { backend: name }),
            "down" => found.push(Problem::BackendDown { backend: name }),
            _ => {
                let down = backend.endpoints().iter().filter(|endpoint| !endpoint.is_up());
                found.extend(down.map(|endpoint| Problem::EndpointDown {
                    backend: name.clone(),
                    endpoint: endpoint.label().to_owned(),
                }));
            }
        }
    }
}

fn registers(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let registers = facts.source.shared.metrics.registers();
    for one in registers.into_iter().flat_map(|registers| registers.registers()) {
        let register = one.name().to_owned();
        if one.connections() <= 0 {
            found.push(Problem::RegisterDown { register });
        } else if let Some(reason) = abstains(one) {
            found.push(Problem::RegisterAbstains { register, reason });
        }
    }
}

fn kept(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let state = facts.state;
    let percent = state.table.used_percent;
    if percent > FILLS_PERCENT {
        found.push(Problem::ReplayFills { percent });
    }
    if let Some(passes) = &state.passes
        && passes.used_percent > FILLS_PERCENT
    {
        found.push(Problem::PassesFill { percent: passes.used_percent });
    }
    if let Some(record) = &state.record
        && record.queued_percent > QUEUE_PERCENT
    {
        found.push(Problem::RecordWaits { percent: record.queued_percent });
    }
    let Some(accounts) = &state.accounts else { return };
    if accounts.set_back == "yes" {
        found.push(Problem::AccountsSetBack);
    }
    if accounts.staleness_s.is_none_or(|seconds| seconds > STALE_S) {
        found.push(Problem::AccountsStale { seconds: accounts.staleness_s });
    }
    if accounts.used_percent > ACCOUNTS_PERCENT {
        found.push(Problem::AccountsFill { percent: accounts.used_percent });
    }
}

fn settings(facts: &Facts<'_>, found: &mut Vec<Problem>) {
    let source = facts.source;
    if !source.shared.metrics.is_reload_successful() {
        found.push(Problem::ReloadFailed);
    }
    let now = source.shared.clock.now();
    for key in facts.current.keys().iter() {
        let days = days_left(key.not_after(), now);
        let is_used = matches!(key.state(), KeyState::Announced | KeyState::Active);
        if is_used && days < EXPIRY_DAYS {
            found.push(Problem::KeyExpires { key_id: key.id().to_string(), days });
        }
    }
    let routes = facts.current.config().routes.iter().filter(|route| !route.is_enforced());
    found.extend(routes.map(|route| Problem::Observes { route: route.path.clone() }));
}
