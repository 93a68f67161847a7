//! What is counted and recorded of a request, once, when its outcome is known.

use std::sync::Arc;

use http::HeaderValue;

use super::{RequestContext, Unverified};
use crate::{
    config::{CodeUse, PassUse, RuleConfig},
    metrics::{OpaqueOutcome, Outcome},
    refusal::Refusal,
};
use record::RouteUse;

impl RequestContext {
    /// Counts the outcome, unless it was counted before: an exchange that outlived its client has
    /// counted its own. Whether it was counted now.
    pub(super) fn count(&self, outcome: Outcome) -> bool {
        if self.outcome_if_dropped.take().is_none() {
            return false;
        }
        let (worker, total_ns) = (&self.worker, self.ns_since(self.begun));
        let metrics = worker.metrics();
        let route = self.snapshot.route_metrics(self.route.get());
        route.requests(worker.id, outcome);
        route.duration.observe_ns(worker.id, total_ns);
        let own_ns = total_ns.saturating_sub(self.away_ns.get());
        metrics.gateway_duration.observe_ns(worker.id, own_ns);
        let route_use = self.rule().map(|rule| self.use_of(rule));
        if let Some(what) = self.unverified.get() {
            route.opaque(worker.id, self.opaque_outcome(what, outcome));
        }
        match route_use {
            _ if self.unverified.get().is_some() => {}
            Some(RouteUse::Pass | RouteUse::PassCheck) => {
                metrics.passes(worker.id, self.channel.get(), outcome);
            }
            Some(RouteUse::Redeem | RouteUse::Exchange | RouteUse::Check) => {
                metrics.codes(worker.id, self.channel.get(), outcome);
            }
            Some(RouteUse::None) | None => {}
        }
        if worker.record().is_on() {
            self.record(outcome, route_use, total_ns);
        }
        true
    }

    /// What became of an opaque code or of a foreign token.
    #[cold]
    fn opaque_outcome(&self, what: Unverified, outcome: Outcome) -> OpaqueOutcome {
        let checks = self.rule().is_some_and(|rule| rule.code == CodeUse::Check);
        match (what, outcome) {
            (_, Outcome::Refused(Refusal::CodeUsed) | Outcome::Observed(Refusal::CodeUsed)) => {
                OpaqueOutcome::Used
            }
            (_, Outcome::Refused(_) | Outcome::Observed(_)) => OpaqueOutcome::Refused,
            (_, Outcome::Replayed) => OpaqueOutcome::Replayed,
            (Unverified::ForeignToken, Outcome::Approved) => OpaqueOutcome::Foreign,
            (Unverified::Code, Outcome::Approved) if checks => OpaqueOutcome::Checked,
            (Unverified::Code, Outcome::Approved) => OpaqueOutcome::Reserved,
        }
    }

    /// What the rule does with what this request presents. Where it presents nothing, a code counts.
    fn use_of(&self, rule: &RuleConfig) -> RouteUse {
        if self.unverified.get() == Some(Unverified::ForeignToken) {
            return RouteUse::None;
        }
        let of_pass = match rule.pass {
            PassUse::Spend => RouteUse::Pass,
            PassUse::Check => RouteUse::PassCheck,
            PassUse::None => RouteUse::None,
        };
        match rule.code {
            CodeUse::None => of_pass,
            _ if self.presents_pass.get() => of_pass,
            CodeUse::Redeem => RouteUse::Redeem,
            CodeUse::Exchange => RouteUse::Exchange,
            CodeUse::Check => RouteUse::Check,
        }
    }

    fn record(&self, outcome: Outcome, route_use: Option<RouteUse>, latency_ns: u64) {
        let client = self.forwarded_for.as_ref().map(HeaderValue::as_bytes);
        let entry = record::Entry {
            labels: Arc::clone(self.snapshot.labels()),
            at: self.worker.clock().now(),
            latency_ns,
            request_id: *self.id.as_bytes(),
            route: self.route.get(),
            route_use,
            outcome: outcome.name(),
            error_code: outcome.error_code(),
            channel: self.channel.get(),
            client: client.map_or_else(record::ClientText::default, record::client_text),
            trail: self.trail.take(),
            stands_for: 1,
        };
        self.worker.record().push(self.worker.id.index(), entry);
    }
}
