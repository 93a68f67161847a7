//! Connections to backends: one pool per worker, and the gate that proves what was sent.
//!
//! Dropping a request future does not unsend the request: hyper flushes what it has encoded before
//! it closes. So the proof that a code may be released is made below hyper, where bytes go to the
//! kernel. The `Gate` is shut first and read after, with nothing in between.

pub mod endpoints;
mod gate;
mod header_text;
mod pool;
pub(crate) mod request_head;
pub(crate) mod response_head;

use std::{
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1::SendRequest},
};
use tokio::task::AbortHandle;

use self::gate::Gate;
pub(crate) use self::pool::Pool;
use crate::{
    limits,
    transport::body::{self, Outgoing, Unread, Whole},
    transport::deadline::Deadline,
    upstream::endpoints::{Endpoint, InFlight},
};
use clock::{Clock, Instant};

/// A connection to a backend, for one request at a time. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    sender: SendRequest<Outgoing>,
    gate: Rc<Gate>,
    driver: AbortHandle,
    endpoint: Arc<Endpoint>,
    /// How long it may stay idle, in milliseconds; 0: it is not used again.
    idle_ms: u64,
    /// When its last answer ended.
    idle_since: Option<Instant>,
    /// It has carried a request before this one.
    was_used: bool,
    pool: Rc<Pool>,
}

/// What became of a request that was handed to a connection.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The head of an answer came back.
    Answered(Response<Incoming>),
    /// No answer, and the gate proves that not one byte of the request had left. Holds the request
    /// unchanged, if hyper had not begun with it.
    Nothing(Option<Box<Request<Outgoing>>>),
    /// No answer, and the backend may have read the request.
    Unanswered(Silence),
}

/// Why no answer came.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Silence {
    /// The deadline passed.
    TooSlow,
    /// The head of the answer has too many lines or bytes.
    HeadTooLarge,
    /// The connection broke, or the bytes that came were no answer.
    Broken,
}

impl Lease {
    /// Sends one request and waits for the head of its answer, at most until `deadline`.
    ///
    /// Not cancel safe: after the future is dropped, it is unknown whether bytes were sent. It only
    /// runs inside an exchange, which outlives its client.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outgoing>,
        deadline: &mut Deadline,
    ) -> Sent {
        self.gate.begin();
        let answer = std::pin::pin!(self.sender.try_send_request(request));
        match deadline.limit(answer).await {
            // We never ask to switch protocols, so what follows 101 is no answer.
            Some(Ok(answer)) if answer.status() != StatusCode::SWITCHING_PROTOCOLS => {
                self.reads_promises(&answer);
                Sent::Answered(answer)
            }
            Some(Ok(_)) => self.cut(Silence::Broken, None),
            Some(Err(error)) => self.failed(error),
            None => self.cut(Silence::TooSlow, None),
        }
    }

    /// Reads from an answer's head whether and how long the connection may be reused.
    fn reads_promises(&mut self, answer: &Response<Incoming>) {
        if let Some(promised_ms) = keep_alive_ms(answer.headers()) {
            self.idle_ms = self.idle_ms.min(promised_ms);
        }
        // hyper would send the next request to an HTTP/1.0 backend as HTTP/1.0 and leave out a
        // chunked body. A backend that answers before it has the whole request may take the rest
        // for another one.
        if answer.version() == Version::HTTP_10 || self.gate.owes() {
            self.close_after_answer();
        }
    }

    /// Whether the connection carried a request before. If so, the backend may have closed it
    /// meanwhile.
    pub(crate) fn was_used(&self) -> bool {
        self.was_used
    }

    /// It is closed after the answer.
    pub(crate) fn close_after_answer(&mut self) {
        self.idle_ms = 0;
    }

    #[cold]
    fn failed(&mut self, mut error: TrySendError<Request<Outgoing>>) -> Sent {
        let request = error.take_message().map(Box::new);
        let silence = match error.into_error() {
            error if error.is_parse_too_large() => Silence::HeadTooLarge,
            _ => Silence::Broken,
        };
        self.cut(silence, request)
    }

    /// Shuts the gate, then says whether anything had passed it.
    fn cut(&mut self, silence: Silence, request: Option<Box<Request<Outgoing>>>) -> Sent {
        let sent = self.gate.shut();
        self.driver.abort();
        if sent { Sent::Unanswered(silence) } else { Sent::Nothing(request) }
    }

    /// Puts the connection back into the pool, if it may be used again. `now` is the moment when
    /// hyper saw the end of the answer.
    pub(crate) fn give_back(mut self, now: Instant) {
        if self.gate.is_shut() || self.sender.is_closed() {
            return;
        }
        self.was_used = true;
        self.idle_since = Some(now);
        if self.sender.is_ready() {
            return self.rests();
        }
        // Two cases must wait: the connection's own task has to run once more before it can take a
        // request, or the request is not sent whole yet. The backend then still gets the rest, for
        // a limited time.
        let is_late = self.idle_ms == 0 || self.gate.owes();
        let patience_ms = if is_late { limits::LATE_REQUEST_MS } else { 0 };
        let mut deadline = self.pool.sweep.deadline(patience_ms);
        tokio::task::spawn_local(async move {
            let is_ready = {
                let ready = std::pin::pin!(self.sender.ready());
                deadline.limit(ready).await.is_some_and(|ready| ready.is_ok())
            };
            if is_ready && !is_late {
                self.rests();
            }
        });
    }

    fn rests(self) {
        if self.idle_ms > 0 && !self.gate.owes() {
            Rc::clone(&self.pool).put(self);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Without this, a backend that does not read its request would keep the connection for
        // ever.
        self.driver.abort();
    }
}

/// How long the backend promises to keep the connection, in milliseconds. One second is subtracted
/// for the way (`Keep-Alive: timeout=5`, RFC 2068 19.7.1).
pub(crate) fn keep_alive_ms(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let timeout = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    let seconds: u64 = timeout.trim().parse().ok()?;
    Some(seconds.saturating_sub(1).saturating_mul(1_000))
}

/// An answer whose body is streamed.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was read before the answer proved too large to hold.
    begin: Whole,
    body: Incoming,
    lease: Option<Lease>,
    stall_ms: u64,
    deadline: Deadline,
    _in_flight: InFlight,
}

impl Answer {
    pub(crate) fn new(
        begin: Whole,
        body: Incoming,
        lease: Lease,
        stall_ms: u64,
        in_flight: InFlight,
    ) -> Self {
        let deadline = lease.pool.sweep.deadline(stall_ms);
        let lease = Some(lease);
        Self { begin, body, lease, stall_ms, deadline, _in_flight: in_flight }
    }

    pub(crate) fn stall_ms(&self) -> u64 {
        self.stall_ms
    }

    /// Whether all of it has been passed on.
    pub(crate) fn is_over(&self) -> bool {
        self.begin.is_end_stream() && self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        body::longer(self.body.size_hint(), self.begin.len())
    }

    /// The next piece. A backend that sends nothing for `stall_ms` has broken off.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
    ) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
        if let Some(frame) = self.begin.next_frame() {
            if self.begin.is_end_stream() {
                // Frees its share of the memory for bodies.
                self.begin = Whole::default();
            }
            return Poll::Ready(Ok(Some(frame)));
        }
        let frame = std::task::ready!(body::poll_answer(&mut self.body, &mut self.deadline, cx))?;
        if frame.is_none() || self.is_over() {
            if let Some(lease) = self.lease.take() {
                lease.give_back(clock.instant());
            }
        } else if let Some(lease) = &self.lease {
            self.deadline = lease.pool.sweep.deadline(self.stall_ms);
        }
        Poll::Ready(Ok(frame))
    }
}

#[cfg(test)]
mod tests;
