//! The families that are counted: names and labels of the contract.

use std::sync::atomic::Ordering::Relaxed;

use crate::refusal::Limit;

use super::{
    Metrics,
    instruments::Histogram,
    keys::KeyVerdict,
    labels::{AcceptError, OpaqueOutcome, Outcome, Rejection, ResponseClass},
    page::Page,
    register_page,
    sample::{number, seconds, signed, truth},
};

impl Metrics {
    /// Adds everything that is counted to a page. Takes milliseconds on a large node: not for a
    /// worker's thread.
    pub(crate) fn fill(&self, page: &mut Page) {
        self.show_requests(page);
        self.show_messages(page);
        self.show_codes(page);
        self.show_passes_to(page);
        self.show_own_work(page);
        self.show_exchanges(page);
        self.show_limits(page);
        self.show_verification(page);
        self.show_reloads(page);
        if let Some(registers) = self.registers() {
            register_page::fill(registers, page);
        }
    }

    fn show_requests(&self, page: &mut Page) {
        let routes = self.routes.all();
        let totals = routes.iter().flat_map(|(label, route)| {
            Outcome::all().map(move |outcome| {
                let labels = [("route", label.as_str()), ("outcome", outcome.name())];
                (labels, number(route.total(outcome)))
            })
        });
        let help = "Requests by what became of them.";
        page.counter("yanma_requests_total", help, totals);
        let observed = routes.iter().flat_map(|(label, route)| {
            let labels = move |reason| [("route", label.as_str()), ("reason", reason)];
            route.all_observed().map(move |(reason, total)| (labels(reason), number(total)))
        });
        let help = "What routes that only observe would have refused, by reason.";
        page.counter("yanma_observed_total", help, observed);
        let help = "From a request's head to the end of its answer.";
        let durations = routes
            .iter()
            .map(|(label, route)| ([("route", label.as_str())], route.duration.reading()));
        page.histogram("yanma_request_duration_seconds", help, durations);
        let in_flight = self.requests_in_flight.total();
        let help = "Requests between their head and the end of their answer.";
        page.gauge("yanma_requests_in_flight", help, [([], signed(in_flight))]);
    }

    fn show_messages(&self, page: &mut Page) {
        let routes = self.messages.all();
        let refused = routes.iter().flat_map(|(route, messages)| {
            let labels = move |why| [("route", route.as_str()), ("why", why)];
            messages.refused().map(move |(why, total)| (labels(why), number(total)))
        });
        let help = "Bodies that two readers could read in two ways, by what is wrong with them.";
        page.counter("yanma_body_refused_total", help, refused);
        let rules: Vec<_> = routes
            .iter()
            .flat_map(|(route, messages)| messages.rules().into_iter().map(move |of| (route, of)))
            .collect();
        let named = rules.iter().map(|(route, (rule, total))| {
            ([("route", route.as_str()), ("rule", rule.as_str())], number(*total))
        });
        let help = "Messages by the rule of their infno, as the route's table has it.";
        page.counter("yanma_infno_total", help, named);
    }

    fn show_codes(&self, page: &mut Page) {
        let totals = self.channels.all().flat_map(|channel| {
            Outcome::all().map(move |outcome| {
                let labels = [("channel", channel.name()), ("outcome", outcome.name())];
                (labels, number(channel.codes(outcome)))
            })
        });
        let help = "Codes by the channel of the key that they claim and what became of them.";
        page.counter("yanma_codes_total", help, totals);
        // A code of an unknown channel never verifies, so that it has no age worth believing.
        let known = self.channels.known();
        let ages = known.map(|channel| ([("channel", channel.name())], channel.ages()));
        page.histogram("yanma_code_age_seconds", "Age of genuine codes on arrival.", ages);
        let keys = self.keys.all();
        let verdicts = keys.iter().flat_map(|(id, key)| {
            KeyVerdict::ALL.into_iter().map(move |verdict| {
                let labels = [("key_id", id.as_str()), ("verdict", verdict.name())];
                (labels, number(key.total(verdict)))
            })
        });
        let help =
            "Codes by the key that they name and what it says of them, each time that they come.";
        page.counter("yanma_key_codes_total", help, verdicts);
    }

    fn show_passes_to(&self, page: &mut Page) {
        if !self.shows_passes.load(Relaxed) {
            return;
        }
        let totals = self.channels.all().flat_map(|channel| {
            Outcome::all().map(move |outcome| {
                let labels = [("channel", channel.name()), ("outcome", outcome.name())];
                (labels, number(channel.passes(outcome)))
            })
        });
        let routes = self.routes.all();
        let opaque = routes.iter().flat_map(|(label, route)| {
            OpaqueOutcome::ALL.into_iter().map(move |outcome| {
                let labels = [("route", label.as_str()), ("outcome", outcome.name())];
                (labels, number(route.opaque_total(outcome)))
            })
        });
        let help =
            "Opaque codes and foreign tokens, none of them verified, by what became of them.";
        page.counter("yanma_opaque_total", help, opaque);
        let help = "Passes by the channel of their code and what became of them.";
        page.counter("yanma_passes_total", help, totals);
        let known = self.channels.known();
        let ages = known.map(|channel| ([("channel", channel.name())], channel.pass_ages()));
        page.histogram("yanma_pass_age_seconds", "Age of genuine passes on arrival.", ages);
    }

    fn show_own_work(&self, page: &mut Page) {
        let mut show = |name, help, histogram: &Histogram| {
            page.histogram(name, help, [([], histogram.reading())]);
        };
        let help = "A request's time, less the client's body and the backend.";
        show("yanma_gateway_duration_seconds", help, &self.gateway_duration);
        let help = "Verifying one code; of codes verified together, each one's share.";
        show("yanma_verify_duration_seconds", help, &self.verify_duration);
        let help = "Spending one code.";
        show("yanma_redeem_duration_seconds", help, &self.redeem_duration);
    }

    fn show_exchanges(&self, page: &mut Page) {
        let backends = self.backends.all();
        let totals = backends.iter().flat_map(|(name, backend)| {
            ResponseClass::ALL.into_iter().map(move |class| {
                let labels = [("backend", name.as_str()), ("class", class.name())];
                (labels, number(backend.total(class)))
            })
        });
        let help = "Answers of backends by class; none: no whole answer.";
        page.counter("yanma_backend_responses_total", help, totals);
        let durations = backends
            .iter()
            .map(|(name, backend)| ([("backend", name.as_str())], backend.duration.reading()));
        let help = "From sending a request to the end of the backend's answer.";
        page.histogram("yanma_backend_duration_seconds", help, durations);
    }

    fn show_limits(&self, page: &mut Page) {
        let hits = Limit::ALL
            .map(|limit| ([("limit", limit.name())], number(self.limit_hits.total(limit.index()))));
        let help = "What was refused, closed or not kept because of a limit, by its key in the configuration.";
        page.counter("yanma_limit_hits_total", help, hits);
        let dropped = self.request_headers_dropped.total();
        let help = "Header lines of clients that pretended to be the gateway's.";
        page.counter("yanma_request_headers_dropped_total", help, [([], number(dropped))]);
        let listeners = self.listeners.all();
        let open = listeners
            .iter()
            .map(|(label, one)| ([("listener", label.as_str())], signed(one.open.total())));
        page.gauge("yanma_connections", "Open connections of clients.", open);
        let rejected = listeners.iter().flat_map(|(label, one)| {
            Rejection::ALL.into_iter().map(move |why| {
                let labels = [("listener", label.as_str()), ("why", why.name())];
                (labels, number(one.total(why)))
            })
        });
        let help =
            "What clients sent that was taken for no request, or for none to its end, by cause.";
        page.counter("yanma_http_rejected_total", help, rejected);
        let not_accepted = listeners.iter().flat_map(|(label, one)| {
            AcceptError::ALL.into_iter().map(move |why| {
                let labels = [("listener", label.as_str()), ("why", why.name())];
                (labels, number(one.not_accepted_total(why)))
            })
        });
        let help = "Connections that could not be accepted, by the system's reason.";
        page.counter("yanma_accept_errors_total", help, not_accepted);
        let parked = self.connections_parked.total();
        let help = "Open connections that have been quiet for a second and hold no buffers.";
        page.gauge("yanma_connections_parked", help, [([], signed(parked))]);
    }

    fn show_verification(&self, page: &mut Page) {
        let help = "Signatures that were verified together.";
        page.histogram("yanma_verify_batch_size", help, [([], self.batch_sizes.reading())]);
        let help = "How long the last build of verification tables took.";
        let build = number(self.table_build_ns.load(Relaxed)) / 1e9;
        page.gauge("yanma_verify_table_build_seconds", help, [([], build)]);
        let help = "Verification tables whose memory had changed and that were built again.";
        let faults = number(self.table_faults.load(Relaxed));
        page.counter("yanma_verify_table_faults_total", help, [([], faults)]);
    }

    fn show_reloads(&self, page: &mut Page) {
        let successful = truth(self.last_reload_successful.load(Relaxed));
        let help = "Whether the last attempt to read the configuration succeeded.";
        page.gauge("yanma_config_last_reload_successful", help, [([], successful)]);
        let at = seconds(self.last_reload_success_ms.load(Relaxed));
        let help = "When the configuration in force was read, in Unix seconds.";
        page.gauge("yanma_config_last_reload_success_timestamp_seconds", help, [([], at)]);
    }
}
