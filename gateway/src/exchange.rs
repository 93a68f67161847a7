//! The exchange with a backend. After a redemption it belongs to nobody's connection: whatever
//! the client does, it runs to its end and its outcome is counted.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, response};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::{
    body::{self, Outgoing, Unread, UploadEnd, Whole},
    call::{Call, Refused},
    config::BackendConfig,
    endpoints::{Endpoint, InFlight},
    forward,
    halt::{self, Point},
    record::Trail,
    refusal::Refusal,
    repeat::Pending,
    reply::Reply,
    spend::{self, Spent},
    sweep::Deadline,
    upstream::{Answer, Lease, Sent, Silence, keep_alive_ms},
};

/// Everything an exchange needs, its own.
#[derive(Debug)]
pub(crate) struct Exchange {
    call: Rc<Call>,
    /// Index of the backend in the configuration that the request began with.
    backend: usize,
    in_flight: InFlight,
    /// The spent code, on redeem routes.
    spent: Option<Spent>,
    /// Its record, for those who ask again.
    pending: Option<Pending>,
    /// Where a streamed upload says how it ended.
    upload: Option<UploadEnd>,
}

impl Exchange {
    /// For a code that has been spent for this request.
    pub(crate) fn of_spent(
        call: Rc<Call>,
        backend: usize,
        in_flight: InFlight,
        spent: Spent,
        pending: Pending,
    ) -> Self {
        call.note(|trail| {
            trail.is_for(backend);
            trail.spent();
        });
        let (spent, pending) = (Some(spent), Some(pending));
        Self { call, backend, in_flight, spent, pending, upload: None }
    }

    /// For a request that spends nothing.
    pub(crate) fn of_unspent(
        call: Rc<Call>,
        backend: usize,
        in_flight: InFlight,
        upload: Option<UploadEnd>,
    ) -> Self {
        call.note(|trail| trail.is_for(backend));
        Self { call, backend, in_flight, spent: None, pending: None, upload }
    }

    /// Sends the request once and brings its answer. There is no second try: a request that may
    /// have been read is never sent again.
    ///
    /// # Errors
    ///
    /// `backend_unreachable` if not one byte left, and then the code is given back;
    /// `outcome_unknown` in every other case without a whole answer.
    pub(crate) async fn run(
        mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Reply>, Refused> {
        let call = Rc::clone(&self.call);
        let begun = call.worker.clock().instant();
        let answered = talk(&mut self, request).await;
        call.was_away(begun);
        let metrics = call.snapshot.backend_metrics(self.backend);
        metrics.duration.observe_ns(call.worker.id, call.ns_since(begun));
        match answered {
            Ok((head, body)) => {
                metrics.responses(call.worker.id, Some(head.status));
                call.note(|trail| trail.answered(head.status.as_u16()));
                Ok(deliver(self, head, body).await)
            }
            Err(failed) => {
                metrics.responses(call.worker.id, None);
                if failed.refusal == Refusal::BackendUnreachable
                    && let Some(spent) = self.spent.take()
                {
                    spend::give_back(&call.worker, spent).await;
                    call.note(Trail::gave_back);
                }
                // A client that broke its own upload off hears of that, not of the backend.
                let broken = self.upload.and_then(|upload| upload.get()?.err());
                let refused = broken.map_or(failed, Refused::unread);
                call.refused(&refused);
                // Given back or not, the code's record goes after that. Nobody else could say
                // again that an outcome is unknown.
                let pending = self.pending.filter(|_| failed.refusal == Refusal::OutcomeUnknown);
                let Some(pending) = pending else { return Err(refused) };
                let response = call.problem(&refused);
                pending.keep(&response).await;
                Ok(response.map(Reply::whole))
            }
        }
    }
}

/// The body of an answer: in hand, or still coming.
#[derive(Debug)]
enum Held {
    Whole(Whole),
    Coming(bytes::Bytes, Incoming, Lease, Option<u64>),
}

async fn talk(
    exchange: &mut Exchange,
    request: Request<Outgoing>,
) -> Result<(response::Parts, Held), Refused> {
    let call = Rc::clone(&exchange.call);
    let config = call.snapshot.backend_config(exchange.backend);
    let mut lease = connect(exchange, config).await.ok_or(unreachable(NO_CONNECTION))?;
    halt::at(Point::Forward);
    if exchange.spent.as_ref().is_some_and(|spent| spent.is_over(call.worker.clock().now())) {
        return Err(Refusal::CodeExpired.into());
    }
    call.is_sent();
    let mut deadline = call.worker.sweep.deadline(config.timeout_ms);
    let response = match lease.send(request, &mut deadline).await {
        Sent::Answered(response) => response,
        Sent::Nothing => {
            call.note(|trail| trail.bytes_sent(false));
            return Err(unreachable(LOST_UNSENT));
        }
        Sent::Unanswered(Silence::TooSlow) => return Err(unknown(NO_ANSWER)),
        Sent::Unanswered(Silence::Broken) => return Err(unknown(BROKEN)),
    };
    let shows_its_end = forward::shows_its_end(&response);
    let (head, body) = response.into_parts();
    let keep_alive_ms = keep_alive_ms(&head.headers);
    if exchange.spent.is_none() {
        return Ok((head, Held::Coming(bytes::Bytes::new(), body, lease, keep_alive_ms)));
    }
    if !shows_its_end {
        return Err(unknown(ENDLESS));
    }
    hold(&call, body, lease, keep_alive_ms, &mut deadline).await.map(|held| (head, held))
}

/// Holds the answer of a spent code until it is whole: half an answer is no answer. One that is
/// larger than `reply_bytes_max` is passed on as it comes.
async fn hold(
    call: &Call,
    mut body: Incoming,
    lease: Lease,
    keep_alive_ms: Option<u64>,
    deadline: &mut Deadline,
) -> Result<Held, Refused> {
    let bytes_max = call.snapshot.config.limits.reply_bytes_max;
    match body::read_whole(&mut body, bytes_max, deadline).await {
        Ok(whole) => {
            lease.give_back(keep_alive_ms);
            Ok(Held::Whole(whole))
        }
        Err(cut) if cut.why == Unread::TooLarge => {
            Ok(Held::Coming(cut.read, body, lease, keep_alive_ms))
        }
        Err(cut) if cut.why == Unread::TooSlow => Err(unknown(HALF_SLOW)),
        Err(_) => Err(unknown(HALF)),
    }
}

// What a developer reads of a request that has no answer; the refusal's action and sentence say
// what is to be done.
const NO_CONNECTION: &str = "nothing was sent: the backend took no connection";
const LOST_UNSENT: &str = "nothing was sent: the connection to the backend broke first";
const NO_ANSWER: &str = "the request was sent; no answer came within the backend's timeout_ms";
const BROKEN: &str = "the request was sent; the connection broke, or what came was no answer";
const HALF_SLOW: &str = "the request was sent; its answer was not whole within timeout_ms";
const HALF: &str = "the request was sent; its answer broke off";
const ENDLESS: &str = "the request was sent; its answer does not say where it ends";

fn unreachable(detail: &'static str) -> Refused {
    Refused { detail: Some(detail), ..Refusal::BackendUnreachable.into() }
}

fn unknown(detail: &'static str) -> Refused {
    Refused { detail: Some(detail), ..Refusal::OutcomeUnknown.into() }
}

/// One endpoint is chosen and tried; which one failed is remembered for the next request.
async fn connect(exchange: &Exchange, config: &BackendConfig) -> Option<Lease> {
    let call = &exchange.call;
    let backend = call.snapshot.backend(exchange.backend);
    let endpoint: &Arc<Endpoint> = backend.choose(call.worker.random())?;
    exchange.in_flight.at(endpoint);
    let index = backend.endpoints().iter().position(|one| Arc::ptr_eq(one, endpoint));
    call.note(|trail| trail.goes_to(index));
    match call.worker.pool.acquire(endpoint, config).await {
        Ok(lease) => {
            endpoint.record_success();
            Some(lease)
        }
        Err(_) => {
            endpoint.record_connect_failure(call.worker.clock().now());
            None
        }
    }
}

async fn deliver(exchange: Exchange, head: response::Parts, held: Held) -> Response<Reply> {
    let Exchange { call, backend, in_flight, spent, pending, upload: _ } = exchange;
    let redemption = spent.map(|spent| spent.identity());
    let reply = match held {
        Held::Whole(whole) => {
            call.approved();
            let response = forward::answer(head, whole, &call.id, redemption);
            if let Some(pending) = pending {
                pending.keep(&response).await;
            }
            return response.map(Reply::whole);
        }
        Held::Coming(begin, body, lease, keep_alive_ms) => {
            pending.into_iter().for_each(Pending::too_large);
            let stall_ms = call.snapshot.backend_config(backend).timeout_ms;
            if body.is_end_stream() && begin.is_empty() {
                lease.give_back(keep_alive_ms);
                call.approved();
                Reply::whole(Whole::default())
            } else {
                let answer = Answer::new(begin, body, lease, keep_alive_ms, stall_ms, in_flight);
                Reply::stream(answer, Rc::clone(&call))
            }
        }
    };
    forward::answer(head, reply, &call.id, redemption)
}

/// A future that is run to its end even if nobody waits for it any more: dropping it hands the
/// rest to the worker. Bounded by the backend's time limits.
pub(crate) struct Outliving<T: 'static>(Option<Pin<Box<dyn Future<Output = T>>>>);

impl<T: 'static> Outliving<T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T: 'static> Future for Outliving<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let future = self.0.as_mut().expect("a finished exchange is not polled again");
        let output = std::task::ready!(future.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<T: 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take() {
            tokio::task::spawn_local(async move { drop(future.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_nobody_waits_for_runs_to_its_end() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build_local(tokio::runtime::LocalOptions::default())
            .unwrap();
        let ended = Rc::new(Cell::new(false));
        let seen = Rc::clone(&ended);
        runtime.block_on(async move {
            let (done, finished) = oneshot::channel();
            let (go, gone) = oneshot::channel::<()>();
            let mut exchange = Outliving::new(async move {
                gone.await.unwrap();
                seen.set(true);
                done.send(()).unwrap();
            });
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut exchange).poll(&mut cx).is_pending());
            drop(exchange);
            go.send(()).unwrap();
            finished.await.unwrap();
        });
        assert!(ended.get());
    }
}
