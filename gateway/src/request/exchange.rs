//! The exchange with a backend. From the redemption on, it no longer depends on the client's
//! connection. It runs to its end, and its outcome is counted, whatever the client does.

use std::{rc::Rc, sync::Arc};

use http::{HeaderValue, Request, Response, Version, response};
use http_body::Body as _;
use hyper::body::Incoming;
use keyring::pass::PassText;

use crate::{
    code::redeem::Redeemed,
    config::BackendConfig,
    http::names::{YANMA_OUTCOME, YANMA_REDEMPTION},
    metrics::OBSERVED,
    refusal::{Limit, Refusal, Refused},
    request::context::RequestContext,
    request::idempotent::PendingResponse,
    request::place::name_observed,
    request::reply::Reply,
    transport::body::{self, Outgoing, Progress, Room, Stage, Unread, Whole},
    transport::deadline::Deadline,
    upstream::endpoints::{Endpoint, InFlight, NotConnected},
    upstream::{Lease, ResponseBody, Sent, Silence},
    upstream::{
        request_head,
        response_head::{self, AnswerFacts, End},
    },
};
use clock::Instant;
use record::Trail;
use sys::failpoint::{self, Point};

/// Everything that an exchange needs. It owns all of it, because it may outlive its client.
#[derive(Debug)]
pub(crate) struct Exchange {
    call: Rc<RequestContext>,
    /// Index of the backend in the configuration that the request began with.
    backend: usize,
    in_flight: InFlight,
    /// The redeemed code, on redeem routes.
    redeemed: Option<Redeemed>,
    /// The code's stored entry, for requests that repeat this one.
    pending: Option<PendingResponse>,
    /// How far a streamed upload has come, and why it stopped early.
    upload: Option<Progress>,
    /// The pass that was made for the request.
    minted: Option<PassText>,
}

impl Exchange {
    /// An exchange for a code that was redeemed for this request. Without `pending` its answer is not
    /// kept for repetitions.
    pub(crate) fn of_redeemed(
        call: Rc<RequestContext>,
        backend: usize,
        in_flight: InFlight,
        redeemed: Redeemed,
        pending: Option<PendingResponse>,
    ) -> Self {
        call.note(|trail| {
            trail.set_backend(backend);
            trail.mark_spent();
        });
        let redeemed = Some(redeemed);
        Self { call, backend, in_flight, redeemed, pending, upload: None, minted: None }
    }

    /// An exchange for a request that redeems no code.
    pub(crate) fn without_redemption(
        call: Rc<RequestContext>,
        backend: usize,
        in_flight: InFlight,
        upload: Option<Progress>,
    ) -> Self {
        call.note(|trail| trail.set_backend(backend));
        Self { call, backend, in_flight, redeemed: None, pending: None, upload, minted: None }
    }

    /// The client is given this pass with a successful answer.
    pub(crate) fn gives(self, minted: Option<PassText>) -> Self {
        Self { minted, ..self }
    }

    /// Sends the request once and returns its answer. It never sends again what a backend may have
    /// read.
    ///
    /// A pooled connection may have been closed while it idled. If no byte of the request left on
    /// it, the request counts as not sent. It then goes out on a new connection.
    ///
    /// # Errors
    ///
    /// `backend_unreachable` or `overloaded` if not one byte left; the code is released in that
    /// case. `outcome_unknown` in every other case without a whole answer.
    pub(crate) async fn run(
        mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Reply>, Refused> {
        let call = Rc::clone(&self.call);
        let begun = call.worker.clock().instant();
        let answered = talk(&mut self, request, begun).await;
        let ended = call.worker.clock().instant();
        let ns = ended.nanos_since(begun);
        call.add_wait_time(ns);
        let metrics = call.snapshot.backend_metrics(self.backend);
        metrics.duration.observe_ns(call.worker.id, ns);
        match answered {
            Ok((head, held)) => {
                metrics.responses(call.worker.id, Some(head.status));
                call.note(|trail| trail.set_status(head.status.as_u16()));
                Ok(deliver(self, head, held, ended).await)
            }
            Err(failed) => {
                if failed.refusal != Refusal::Overloaded {
                    metrics.responses(call.worker.id, None);
                }
                if is_unsent(failed.refusal)
                    && let Some(redeemed) = self.redeemed.take()
                {
                    let worker = &call.worker;
                    let memory = worker.memory(&call.snapshot.config);
                    redeemed.release(memory, worker.registers.as_ref()).await;
                    call.note(Trail::mark_given_back);
                }
                // If the client broke off its own upload, it hears of that, not of the backend.
                let refused = match self.upload.map_or(Stage::Through, |upload| upload.get()) {
                    Stage::Failed(unread) => unread.refused(),
                    Stage::UnderWay | Stage::Through => failed,
                };
                call.refused(&refused);
                // The entry is removed only after the code was released. An unknown outcome is
                // stored instead: only the entry can report it again.
                let pending = self.pending.filter(|_| failed.refusal == Refusal::OutcomeUnknown);
                let Some(pending) = pending else { return Err(refused) };
                let response = call.refusal(&refused);
                pending.keep(&response).await;
                Ok(response.map(Reply::whole))
            }
        }
    }
}

/// The body of an answer: read whole, or still streaming.
#[derive(Debug)]
enum Held {
    Whole(Whole, Lease),
    Coming(Whole, Incoming, Lease, End),
}

async fn talk(
    exchange: &mut Exchange,
    request: Request<Outgoing>,
    begun: Instant,
) -> Result<(response::Parts, Held), Refused> {
    let call = Rc::clone(&exchange.call);
    let config = call.snapshot.backend_config(exchange.backend);
    let mut request = request;
    let is_for_once = !config.reuse || request_head::has_unexpected_body(&request);
    if is_for_once {
        request_head::ask_for_close(&mut request);
    }
    let mut lease = connect(exchange, config, begun).await?;
    failpoint::at(Point::Forward);
    let mut deadline = call.worker.sweep.deadline(config.timeout_ms);
    let sent = loop {
        if let Err(refused) = last_look(exchange) {
            go_on_observed(&call, refused, &mut request)?;
        }
        call.mark_sent();
        match lease.send(request, &mut deadline).await {
            Sent::Nothing(Some(unsent)) if lease.was_used() => {
                call.note(|trail| trail.set_bytes_sent(false));
                request = *unsent;
                lease = Box::pin(dial_anew(exchange, config)).await?;
            }
            sent => break sent,
        }
    };
    let response = match sent {
        Sent::Answered(response) => response,
        Sent::Nothing(_) => {
            call.note(|trail| trail.set_bytes_sent(false));
            return Err(unreachable(LOST_UNSENT));
        }
        Sent::Unanswered(Silence::TooSlow) => return Err(unknown(NO_ANSWER)),
        Sent::Unanswered(Silence::HeadTooLarge) => return Err(unknown(HEAD_TOO_LARGE)),
        Sent::Unanswered(Silence::Broken) => return Err(unknown(BROKEN)),
    };
    // A backend that has answered may take the unsent rest for another request.
    let is_sent_whole = exchange.upload.as_ref().is_none_or(|up| up.get() == Stage::Through);
    if is_for_once || !is_sent_whole {
        lease.close_after_answer();
    }
    let end = response_head::end_of(&response);
    let (head, body) = response.into_parts();
    match (&exchange.redeemed, end) {
        (_, End::Coded) => Err(unknown(CODED)),
        (Some(_), End::Connection) => Err(unknown(ENDLESS)),
        (Some(_), End::Shown) => {
            hold(&call, body, lease, &mut deadline).await.map(|held| (head, held))
        }
        (None, End::Connection) if call.version == Version::HTTP_2 => {
            Err(unknown(ENDLESS_IN_HTTP_2))
        }
        (None, End::Connection) => {
            lease.close_after_answer();
            Ok((head, Held::Coming(Whole::default(), body, lease, end)))
        }
        (None, End::Shown) => Ok((head, Held::Coming(Whole::default(), body, lease, end))),
    }
}

/// Refuses a redeemed code that has expired by now. Its holder has scanned a new one. Refuses also
/// where the account has been frozen since: then the code is given back.
fn last_look(exchange: &Exchange) -> Result<(), Refused> {
    let call = &exchange.call;
    match &exchange.redeemed {
        Some(redeemed) if redeemed.is_over(call.worker.clock().now()) => {
            Err(Refusal::expired(&redeemed.id()).into())
        }
        _ => call.ask_account_again(),
    }
}

/// Where the route only observes, the request goes out without its redemption.
#[cold]
fn go_on_observed(
    call: &RequestContext,
    refused: Refused,
    request: &mut Request<Outgoing>,
) -> Result<(), Refused> {
    if call.is_enforced() {
        return Err(refused);
    }
    call.observe(&refused);
    request.headers_mut().remove(YANMA_REDEMPTION);
    name_observed(call, request);
    Ok(())
}

/// Holds the answer to a redeemed code until it is whole, because half an answer is no answer. A
/// larger answer than `reply_bytes_max` is streamed, if its client can see where it ends.
async fn hold(
    call: &RequestContext,
    mut body: Incoming,
    lease: Lease,
    deadline: &mut Deadline,
) -> Result<Held, Refused> {
    // The code is redeemed, so its answer is owed even if memory is short.
    let (memory, bytes_max) = (call.worker.bodies(), call.snapshot.config.limits.reply_bytes_max);
    let room = Room { memory, memory_max: None, bytes_max };
    let has_length = body.size_hint().exact().is_some();
    match body::read_whole(&mut body, &room, deadline).await {
        Ok(whole) => Ok(Held::Whole(whole, lease)),
        Err(cut) if cut.why == Unread::TooLarge => {
            if call.version == Version::HTTP_10 && !has_length {
                return Err(unknown(TOO_LARGE_FOR_HTTP_1_0));
            }
            Ok(Held::Coming(cut.read, body, lease, End::Shown))
        }
        Err(cut) if cut.why == Unread::TooSlow => Err(unknown(HALF_SLOW)),
        Err(_) => Err(unknown(HALF)),
    }
}

// What a developer reads if a request got no answer. The refusal's action and sentence say what to
// do.
const NO_SOCKET: &str =
    "nothing was sent: the gateway's machine had no descriptor, memory or local port for it";
const NO_CONNECTION: &str = "nothing was sent: the backend took no connection";
const LOST_UNSENT: &str = "nothing was sent: the connection to the backend broke first";
const NO_ANSWER: &str = "the request was sent; no answer came within the backend's timeout_ms";
const BROKEN: &str = "the request was sent; the connection broke, or what came was no answer";
const HEAD_TOO_LARGE: &str =
    "the request was sent; its answer has more than 100 header lines, or a head above 256 KiB";
const HALF_SLOW: &str = "the request was sent; its answer was not whole within timeout_ms";
const HALF: &str = "the request was sent; its answer broke off";
const ENDLESS: &str = "the request was sent; its answer does not say where it ends";
const ENDLESS_IN_HTTP_2: &str =
    "the request was sent; its answer does not say where it ends, which HTTP/2 cannot pass on";
const CODED: &str =
    "the request was sent; its answer is in a Transfer-Encoding that was not asked for";
const TOO_LARGE_FOR_HTTP_1_0: &str =
    "the request was sent; its answer is above reply_bytes_max and has no length for HTTP/1.0";

fn unreachable(detail: &'static str) -> Refused {
    Refused::from(Refusal::BackendUnreachable).with_detail(detail)
}

fn unknown(detail: &'static str) -> Refused {
    Refused::from(Refusal::OutcomeUnknown).with_detail(detail)
}

/// Whether it is certain that not one byte was sent, and the code may pay later.
fn is_unsent(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::BackendUnreachable | Refusal::Overloaded) || refusal.is_of_account()
}

/// Chooses one endpoint and tries it. A failed endpoint is remembered for the next request.
async fn connect(
    exchange: &Exchange,
    config: &BackendConfig,
    now: Instant,
) -> Result<Lease, Refused> {
    let call = &exchange.call;
    let backend = call.snapshot.backend(exchange.backend);
    let endpoint = backend.choose(call.worker.random()).ok_or(unreachable(NO_CONNECTION))?;
    exchange.in_flight.at(endpoint);
    let index = backend.endpoints().iter().position(|one| Arc::ptr_eq(one, endpoint));
    call.note(|trail| trail.set_endpoint(index));
    let lease = call.worker.pool.acquire(endpoint, config, now).await;
    judge(call, endpoint, lease)
}

/// Opens a new connection to the same endpoint, in place of one that was closed while it idled.
/// Other idle connections to that endpoint may be closed too.
async fn dial_anew(exchange: &Exchange, config: &BackendConfig) -> Result<Lease, Refused> {
    let call = &exchange.call;
    let endpoint = exchange.in_flight.endpoint().expect("a connection to it was had");
    let lease = call.worker.pool.dial(endpoint, config).await;
    judge(call, endpoint, lease)
}

fn judge(
    call: &RequestContext,
    endpoint: &Endpoint,
    lease: Result<Lease, NotConnected>,
) -> Result<Lease, Refused> {
    match lease {
        Ok(lease) => {
            endpoint.record_success();
            Ok(lease)
        }
        Err(NotConnected::Endpoint) => {
            endpoint.record_connect_failure(call.worker.clock().now());
            Err(unreachable(NO_CONNECTION))
        }
        Err(NotConnected::NoSocket) => {
            let refused = Refused::for_limit(Refusal::Overloaded, Limit::BackendSockets);
            Err(refused.with_detail(NO_SOCKET))
        }
    }
}

async fn deliver(
    exchange: Exchange,
    head: response::Parts,
    held: Held,
    now: Instant,
) -> Response<Reply> {
    let Exchange { call, backend, in_flight, redeemed, pending, upload: _, minted } = exchange;
    let redemption = redeemed.map(|redeemed| redeemed.id());
    let redemption = redemption.filter(|_| call.observed_reason().is_none());
    let facts =
        AnswerFacts { redemption, is_opaque: call.is_opaque(), pass_id: call.pass_id(), minted };
    let (begin, body, lease, end) = match held {
        Held::Whole(whole, lease) => {
            lease.give_back(now);
            call.approved();
            let may_trail = whole.has_trailers();
            let mut response = response_head::answer(head, whole, may_trail, &call.id, &facts);
            tell_observed(&call, &mut response);
            if let Some(pending) = pending {
                pending.keep(&response).await;
            }
            return response.map(Reply::whole);
        }
        Held::Coming(begin, body, lease, end) => (begin, body, lease, end),
    };
    pending.into_iter().for_each(PendingResponse::too_large);
    let stall_ms = call.snapshot.backend_config(backend).timeout_ms;
    let reply = if body.is_end_stream() && begin.is_end_stream() {
        lease.give_back(now);
        call.approved();
        Reply::whole(Whole::default())
    } else {
        let ends_by_close = end == End::Connection || call.version == Version::HTTP_10;
        let answer = ResponseBody::new(begin, body, lease, stall_ms, in_flight);
        Reply::stream(answer, Rc::clone(&call), ends_by_close)
    };
    let mut response = response_head::answer(head, reply, true, &call.id, &facts);
    tell_observed(&call, &mut response);
    if end == End::Connection {
        response_head::end_by_close(&mut response);
    }
    response
}

/// The outcome of a request that was forwarded against what was found.
fn tell_observed<B>(call: &RequestContext, response: &mut Response<B>) {
    if call.observed_reason().is_some() {
        response.headers_mut().insert(YANMA_OUTCOME, HeaderValue::from_static(OBSERVED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn the_bounds_of_a_head_are_told_as_they_are() {
        let (lines, kib) = (limits::H1_HEADERS_MAX, limits::ANSWER_HEAD_BYTES_MAX >> 10);
        let bounds = format!("more than {lines} header lines, or a head above {kib} KiB");
        assert!(HEAD_TOO_LARGE.ends_with(&bounds), "{bounds}");
    }
}
