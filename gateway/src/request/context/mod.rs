//! One request's own record: who it is, where it is, and what is counted when it ends.

mod account;
mod outcome;
mod span;

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

use body::Malformed;
use http::{HeaderMap, HeaderValue, Response, Uri, Version, header::ALLOW};
use keyring::{
    key::Channel,
    pass::{Pass, PassId, RedemptionId},
    time::UnixMillis,
    verify::{Rejected, VerifiedCode},
};

use crate::{
    code::clear::Question,
    code::requests::Entered,
    config::{self, PassUse, RouteConfig, RuleConfig},
    http::names::YANMA_PASS_ID,
    http::traceparent::TraceParent,
    metrics::Outcome,
    refusal::{
        Limit, Problem, Refusal, Refused,
        shape::{Asked, Shape, Unknown},
    },
    request::head,
    request_id::RequestId,
    snapshot::Held,
    transport::body::Whole,
    transport::shares::Share,
    worker::Worker,
};
use clock::Instant;
use record::{MessageNames, Trail};

const NS_PER_MS: u64 = 1_000_000;

/// What a request presents that no key of ours proves.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unverified {
    /// An opaque code.
    Code,
    /// In place of a pass, a token that is not ours.
    ForeignToken,
}

/// A request under way. When it is dropped it has been counted, exactly once.
#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) worker: Rc<Worker>,
    pub(crate) snapshot: Rc<Held>,
    /// The client's address for the backend, unless the client is a process of this machine.
    pub(crate) forwarded_for: Option<HeaderValue>,
    pub(crate) id: RequestId,
    /// How the client speaks: not every answer can be told in every version.
    pub(crate) version: Version,
    begun: Instant,
    /// Time that was the client's or the backend's, not ours.
    away_ns: Cell<u64>,
    route: Cell<Option<usize>>,
    channel: Cell<Option<Channel>>,
    redemption: Cell<Option<RedemptionId>>,
    /// Of the pass that it brought, or that was made for it.
    pass_id: Cell<Option<PassId>>,
    /// It presents a pass, whether or not that opens.
    presents_pass: Cell<bool>,
    /// What it presents is not ours to verify.
    unverified: Cell<Option<Unverified>>,
    /// What the decision record will say.
    trail: RefCell<Trail>,
    /// What is counted if the client leaves now.
    outcome_if_dropped: Cell<Option<Refusal>>,
    /// This request among those with its code.
    entered: OnceCell<Entered>,
    /// Its place at a backend as one of its connection's.
    share: OnceCell<Share>,
    /// The shape of a refusal as long as no route is known.
    refusals: Cell<Shape>,
    /// Index of the rule of its infno.
    infno_rule: Cell<Option<usize>>,
    /// What is wrong with its body, for developers.
    body_fault: OnceCell<Box<str>>,
    /// What the client's message calls itself, on routes that read it.
    message: OnceCell<Arc<MessageNames>>,
    /// It is among the messages that a reversal must not overtake.
    is_under_way: Cell<bool>,
    /// What is asked of the person's account, where one is asked.
    account: Cell<Option<Question>>,
    /// What would have refused it, where its route only observes.
    observed: Cell<Option<Refusal>>,
    /// In place of the answer the connection is cut.
    is_cut: Cell<bool>,
    /// Something of the request's body has not been read. What comes next on an HTTP/1 connection
    /// is no request then.
    has_unread_body: Cell<bool>,
}

impl RequestContext {
    pub(crate) fn new(
        worker: Rc<Worker>,
        forwarded_for: Option<HeaderValue>,
        version: Version,
        refusals: Shape,
    ) -> Self {
        worker.request_begins();
        Self {
            snapshot: worker.snapshot(),
            forwarded_for,
            id: worker.request_ids.next(),
            version,
            begun: worker.clock().instant(),
            away_ns: Cell::new(0),
            route: Cell::new(None),
            channel: Cell::new(None),
            redemption: Cell::new(None),
            pass_id: Cell::new(None),
            presents_pass: Cell::new(false),
            unverified: Cell::new(None),
            trail: RefCell::default(),
            outcome_if_dropped: Cell::new(Some(Refusal::RequestMalformed)),
            entered: OnceCell::new(),
            share: OnceCell::new(),
            refusals: Cell::new(refusals),
            infno_rule: Cell::new(None),
            body_fault: OnceCell::new(),
            message: OnceCell::new(),
            is_under_way: Cell::new(false),
            account: Cell::new(None),
            observed: Cell::new(None),
            is_cut: Cell::new(false),
            has_unread_body: Cell::new(false),
            worker,
        }
    }

    /// What the client calls its request.
    pub(crate) fn read_client_ids(&self, headers: &HeaderMap) {
        if self.worker.record().is_on() {
            let bytes = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
            let (id, trace) = (bytes("x-request-id"), bytes("traceparent"));
            let trace = trace.and_then(TraceParent::parse).map(|trace| trace.trace_id);
            *self.trail.borrow_mut() = Trail::of_client(id, trace);
        }
    }

    /// The body is still to come, or was read to its end.
    pub(crate) fn set_unread_body(&self, is_unread: bool) {
        self.has_unread_body.set(is_unread);
    }

    /// Whether the connection must end with the answer, because the body was not read to its end.
    pub(crate) fn has_unread_body(&self) -> bool {
        self.has_unread_body.get()
    }

    /// Adds to what the decision record will say.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Trail)) {
        note(&mut self.trail.borrow_mut());
    }

    /// Holds a place in the decision record, before a code is spent: a redemption that cannot be
    /// recorded does not begin, if the configuration says so.
    pub(crate) fn hold_place(&self) -> Result<(), Refused> {
        if self.worker.record().reserve(self.worker.id.index(), &mut self.trail.borrow_mut()) {
            return Ok(());
        }
        Err(Refused::for_limit(Refusal::Overloaded, Limit::Record))
    }

    /// Is this request over the worker's share of `requests_in_flight_max`?
    pub(crate) fn is_over_limit(&self) -> bool {
        self.worker.requests_in_flight() > self.requests_max()
    }

    /// Are there so many requests that a refused one should make room at once?
    pub(crate) fn is_in_a_crowd(&self) -> bool {
        self.worker.requests_in_flight() > self.requests_max() / 2
    }

    fn requests_max(&self) -> usize {
        let config = &self.snapshot.config;
        config.limits.requests_of_worker_max(config.server.workers)
    }

    pub(crate) fn set_route(&self, route: usize) {
        self.route.set(Some(route));
    }

    pub(crate) fn route(&self) -> Option<&RouteConfig> {
        self.route.get().map(|index| self.snapshot.route(index))
    }

    /// A request is refused before its route was looked for: the refusal still goes out in the shape
    /// of the route that its path names. It counts under none.
    pub(crate) fn find_shape(&self, uri: &Uri) {
        if self.route.get().is_none()
            && let Ok(index) = head::find_route(&self.snapshot.routes, uri)
        {
            self.refusals.set(self.snapshot.route(index).rule.refusals);
        }
    }

    /// Its message has the infno of this rule.
    pub(crate) fn set_infno_rule(&self, index: usize) {
        self.infno_rule.set(Some(index));
        if let Some(counters) = self.snapshot.message_counters(self.route.get()) {
            counters.named(self.worker.id, index);
        }
    }

    /// What it needs. `None`: there is no route, or its message has not said yet what it is.
    pub(crate) fn rule(&self) -> Option<&RuleConfig> {
        let route = self.route()?;
        match route.infno() {
            None => Some(&route.rule),
            Some(infno) => infno.rules.get(self.infno_rule.get()?).map(|rule| &rule.rule),
        }
    }

    /// What its message calls itself. A body is read once.
    pub(crate) fn set_message(&self, names: MessageNames) {
        let names = self.message.get_or_init(|| Arc::new(names));
        self.note(|trail| trail.set_message(Arc::clone(names)));
    }

    /// The same, where its route reads it.
    pub(crate) fn message(&self) -> Option<&Arc<MessageNames>> {
        self.message.get()
    }

    /// From here on until its outcome is known, no reversal of this message is let pass.
    ///
    /// # Errors
    /// `request_in_flight` for the reversal of a message that is under way itself.
    pub(crate) fn keep_order(&self) -> Result<(), Refused> {
        let Some(names) = self.message.get().filter(|_| self.snapshot.reverses()) else {
            return Ok(());
        };
        let messages = self.worker.messages();
        match (&names.omsgid, &names.msgid) {
            (Some(_), _) if messages.is_reversed_early(names) => {
                Err(Refusal::RequestInFlight.into())
            }
            (None, Some(_)) => {
                messages.enter(names);
                self.is_under_way.set(true);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Its body is not what the route reads.
    pub(crate) fn malformed_body(&self, malformed: &Malformed) -> Refused {
        if let Some(counters) = self.snapshot.message_counters(self.route.get()) {
            counters.refused(self.worker.id, malformed.why());
        }
        self.body_fault.get_or_init(|| malformed.detail().into());
        Refusal::RequestMalformed.into()
    }

    /// A genuine code has arrived.
    pub(crate) fn code_verified(&self, code: &VerifiedCode, now: UnixMillis) {
        self.channel.set(Some(code.channel()));
        self.note(|trail| trail.set_code(code, now));
        let age_ms = u64::try_from(code.age(now)).unwrap_or(0);
        self.worker.metrics().code_age(self.worker.id, code.channel(), age_ms);
    }

    /// A code is refused by the keys: the record says which of them it names.
    pub(crate) fn code_rejected(&self, rejected: &Rejected) -> Refused {
        self.note(|trail| trail.set_claimed_key(rejected.key_id));
        Refused::rejected(rejected)
    }

    /// A pass has arrived. It may be anything.
    pub(crate) fn pass_presented(&self) {
        self.presents_pass.set(true);
    }

    /// It presents an opaque code, or a token of another issuer.
    pub(crate) fn presents_unverified(&self, what: Unverified) {
        self.unverified.set(Some(what));
    }

    /// Whether it presents an opaque code.
    pub(crate) fn is_opaque(&self) -> bool {
        self.unverified.get() == Some(Unverified::Code)
    }

    /// The pass is genuine.
    pub(crate) fn pass_opened(&self, pass: &Pass, now: UnixMillis) {
        self.channel.set(Some(pass.channel()));
        self.pass_id.set(Some(pass.id()));
        let is_to_spend = self.rule().is_some_and(|rule| rule.pass == PassUse::Spend);
        self.note(|trail| trail.set_pass(pass, is_to_spend, now));
        let age_ms = u64::try_from(pass.age_ms(now)).unwrap_or(0);
        self.worker.metrics().pass_age(self.worker.id, pass.channel(), age_ms);
    }

    /// A pass was made for this request: from here on answers name it.
    pub(crate) fn pass_minted(&self, id: PassId) {
        self.pass_id.set(Some(id));
        self.note(|trail| trail.set_minted(id));
    }

    /// The pass of the visit that this request belongs to.
    pub(crate) fn pass_id(&self) -> Option<PassId> {
        self.pass_id.get()
    }

    /// A genuine code or pass has arrived: this request counts as one with it until its end.
    ///
    /// # Errors
    /// `request_in_flight` if there are [`crate::limits::CODE_REQUESTS_MAX`] already.
    pub(crate) fn enter(&self, id: RedemptionId, hash: u64) -> Result<(), Refused> {
        let Some(entered) = self.worker.codes().enter(hash) else {
            self.set_redemption(id);
            return Err(Refused::for_limit(Refusal::RequestInFlight, Limit::CodeRequests));
        };
        self.entered.set(entered).expect("a request has one code");
        Ok(())
    }

    /// From here on its place at a backend counts as its connection's, until its end.
    pub(crate) fn set_share(&self, share: Share) {
        self.share.set(share).expect("a request has one place");
    }

    /// From here on answers name the redemption.
    pub(crate) fn set_redemption(&self, redemption: RedemptionId) {
        self.redemption.set(Some(redemption));
    }

    /// From here on a request that is dropped may have reached the backend.
    pub(crate) fn mark_sent(&self) {
        self.outcome_if_dropped.set(Some(Refusal::OutcomeUnknown));
        self.note(|trail| trail.set_bytes_sent(true));
    }

    /// The time since `begun` was spent waiting for the client or the backend.
    pub(crate) fn add_wait_since(&self, begun: Instant) {
        self.add_wait_time(self.ns_since(begun));
    }

    /// So many nanoseconds were spent waiting for the client or the backend.
    pub(crate) fn add_wait_time(&self, ns: u64) {
        self.away_ns.set(self.away_ns.get() + ns);
    }

    /// The code was spent, or denied, since `begun`.
    pub(crate) fn redeemed(&self, begun: Instant) {
        let metrics = self.worker.metrics();
        metrics.redeem_duration.observe_ns(self.worker.id, self.ns_since(begun));
    }

    pub(crate) fn ns_since(&self, begun: Instant) -> u64 {
        begun.elapsed_ns(self.worker.clock())
    }

    pub(crate) fn refused(&self, refused: &Refused) {
        if self.channel.get().is_none() {
            self.channel.set(refused.channel);
        }
        let is_counted = self.count(Outcome::Refused(refused.refusal));
        if let Some(limit) = refused.limit.filter(|_| is_counted) {
            self.worker.count_limit(limit);
        }
    }

    /// The backend's answer is being relayed.
    pub(crate) fn approved(&self) {
        self.count(self.observed.get().map_or(Outcome::Approved, Outcome::Observed));
    }

    /// It would be refused, and its route only observes: it is forwarded all the same.
    pub(crate) fn observe(&self, refused: &Refused) {
        if self.channel.get().is_none() {
            self.channel.set(refused.channel);
        }
        self.observed.set(Some(refused.refusal));
        self.note(|trail| trail.set_observed(refused.refusal.reason()));
        let route = self.snapshot.route_metrics(self.route.get());
        route.count_observed(self.worker.id, refused.refusal);
    }

    /// Against which finding it is forwarded.
    pub(crate) fn observed_reason(&self) -> Option<&'static str> {
        self.observed.get().map(Refusal::reason)
    }

    /// Whether what was found counts. A request without a rule is never forwarded against it.
    pub(crate) fn is_enforced(&self) -> bool {
        self.rule().is_none_or(|rule| rule.enforce)
    }

    /// The answer of the same request before this one is sent again.
    pub(crate) fn replayed(&self) {
        self.count(Outcome::Replayed);
    }

    /// The client hears that the outcome is unknown. Where its route says so, it is cut off instead.
    pub(crate) fn outcome_is_unknown(&self) {
        let cuts = |rule: &RuleConfig| rule.unknown == Unknown::Cut;
        self.is_cut.set(self.spends() && self.rule().is_some_and(cuts));
    }

    /// Whether the connection is cut in place of an answer.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// Whether its route spends codes.
    fn spends(&self) -> bool {
        self.rule().is_some_and(RuleConfig::spends)
    }

    /// The answer that says why the request is refused, in the shape that its client reads.
    pub(crate) fn refusal(&self, refused: &Refused) -> Response<Whole> {
        if refused.refusal == Refusal::OutcomeUnknown {
            self.outcome_is_unknown();
        }
        // A reservation is no redemption.
        let redemption = self.redemption.get().filter(|_| !self.is_opaque());
        let redemption = redemption.map(|identity| identity.to_string());
        let now = self.worker.clock().now();
        let problem = Problem {
            refusal: refused.refusal,
            request_id: &self.id,
            redemption: redemption.as_deref(),
            now,
            detail: refused.detail.or(self.body_fault.get().map(|detail| &**detail)),
        };
        let names = self.message.get();
        let asked = Asked {
            received: self.received(now),
            spends: self.spends(),
            infno: names.and_then(|names| names.infno.as_deref()),
            msgid: names.and_then(|names| names.msgid.as_deref()),
        };
        let mut response = problem.answer(self.shape(), &asked);
        self.name_pass(response.headers_mut());
        if refused.refusal == Refusal::MethodNotAllowed {
            let allow = self.route().map_or_else(config::all_methods, RouteConfig::allow_header);
            response.headers_mut().insert(ALLOW, allow);
        }
        response.map(Whole::new)
    }

    /// When its head came, if it is `now`.
    pub(crate) fn received(&self, now: UnixMillis) -> UnixMillis {
        let age_ms = i64::try_from(self.ns_since(self.begun) / NS_PER_MS).unwrap_or(0);
        now.plus_ms(-age_ms)
    }

    /// The shape of what the gateway answers itself.
    pub(crate) fn shape(&self) -> Shape {
        let of_route = self.route().map(|route| route.rule.refusals);
        let of_rule = self.rule().map(|rule| rule.refusals);
        of_rule.or(of_route).unwrap_or(self.refusals.get())
    }

    /// Names the pass of the visit in an answer of the gateway's own.
    pub(crate) fn name_pass(&self, headers: &mut HeaderMap) {
        if let Some(id) = self.pass_id.get() {
            let value = HeaderValue::try_from(id.to_string()).expect("it is visible ASCII");
            headers.insert(YANMA_PASS_ID, value);
        }
    }
}

impl Drop for RequestContext {
    fn drop(&mut self) {
        if let Some(refusal) = self.outcome_if_dropped.get() {
            self.count(Outcome::Refused(refusal));
        }
        if let Some(entered) = self.entered.take() {
            self.worker.codes().leave(entered);
        }
        if self.is_under_way.get()
            && let Some(names) = self.message.get()
        {
            self.worker.messages().leave(names);
        }
        self.worker.request_ends();
    }
}
