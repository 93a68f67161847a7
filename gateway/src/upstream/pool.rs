//! The connections of one worker to backends: idle ones, new ones, and those that carry a request.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use clock::Instant;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use super::{
    endpoints::{Endpoint, NotConnected, dial},
    gate::Gate,
};
use crate::{
    config::BackendConfig,
    limits,
    transport::{
        body::Outgoing,
        deadline::{Deadline, Sweep},
    },
};

/// The idle connections of one worker, newest first. The older ones expire unused.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) sweep: Rc<Sweep>,
    pub(super) idle: RefCell<HashMap<usize, Vec<Idle>>>,
}

#[derive(Debug)]
pub(super) struct Idle {
    lease: Lease,
    since_ms: u64,
}

impl Pool {
    pub(crate) fn new(sweep: Rc<Sweep>) -> Rc<Self> {
        Rc::new(Self { sweep, idle: RefCell::default() })
    }

    /// Returns a connection to `endpoint`: an idle one that still lives, or a new one. `now` is the
    /// moment of the call; the caller has read it already.
    ///
    /// Cancel safe: a connection that is being made is closed.
    pub(crate) async fn acquire(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        backend: &BackendConfig,
        now: Instant,
    ) -> Result<Lease, NotConnected> {
        // After a reload, idle connections may remain from a time when the backend allowed reuse.
        while let Some(lease) = backend.reuse.then(|| self.take(endpoint)).flatten() {
            let idle_ns = lease.idle_since.map_or(u64::MAX, |since| now.nanos_since(since));
            // The runtime sees a hang-up only at its next poll of the kernel. Until then hyper
            // would write into the closed connection.
            if idle_ns > limits::UPSTREAM_LOOK_NS && !lease.gate.is_silent() {
                continue;
            }
            if lease.sender.is_ready() {
                return Ok(lease);
            }
        }
        self.dial(endpoint, backend).await
    }

    /// A new connection to `endpoint`. Cancel safe: a connection that is being made is closed.
    pub(crate) async fn dial(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        backend: &BackendConfig,
    ) -> Result<Lease, NotConnected> {
        let mut deadline = self.sweep.deadline(backend.connect_ms);
        let stream = std::pin::pin!(dial(endpoint.address()));
        let stream = deadline.limit(stream).await.unwrap_or(Err(NotConnected::Endpoint))?;
        let gate = Gate::new(stream);
        let handshake = http1::Builder::new()
            // One flat write costs less than a gathered one for bodies of a few hundred bytes.
            .writev(false)
            .max_header_size(limits::ANSWER_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(gate.stream()))
            .await;
        let Ok((sender, connection)) = handshake else { return Err(NotConnected::Endpoint) };
        let driver = tokio::task::spawn_local(async move {
            // The exchange that used the connection reports how it ended.
            let _ = connection.await;
        })
        .abort_handle();
        Ok(Lease {
            sender,
            gate,
            driver,
            endpoint: Arc::clone(endpoint),
            idle_ms: if backend.reuse { backend.idle_ms } else { 0 },
            idle_since: None,
            was_used: false,
            pool: Rc::clone(self),
        })
    }

    /// Closes the connections that idled too long. Returns whether there was any.
    pub(crate) fn expire(&self) -> bool {
        let (now_ms, mut any) = (self.sweep.now_ms(), false);
        self.idle.borrow_mut().retain(|_, idle| {
            idle.retain(|idle| {
                let stays = now_ms < idle.since_ms.saturating_add(idle.lease.idle_ms)
                    && !idle.lease.sender.is_closed();
                any |= !stays;
                stays
            });
            !idle.is_empty()
        });
        any
    }

    fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Lease> {
        let now_ms = self.sweep.now_ms();
        let mut pools = self.idle.borrow_mut();
        let Idle { lease, since_ms } = pools.get_mut(&key(endpoint))?.pop()?;
        (now_ms < since_ms.saturating_add(lease.idle_ms)).then_some(lease)
    }

    pub(super) fn put(&self, lease: Lease) {
        let since_ms = self.sweep.now_ms();
        let mut pools = self.idle.borrow_mut();
        pools.entry(key(&lease.endpoint)).or_default().push(Idle { lease, since_ms });
    }
}

/// An endpoint's address identifies it: each idle connection holds an `Arc` of its endpoint, so the
/// address is not reused.
fn key(endpoint: &Arc<Endpoint>) -> usize {
    Arc::as_ptr(endpoint).addr()
}

/// A connection to a backend, for one request at a time. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    sender: SendRequest<Outgoing>,
    gate: Rc<Gate>,
    driver: AbortHandle,
    endpoint: Arc<Endpoint>,
    /// How long it may idle; 0: it is not used again.
    idle_ms: u64,
    /// When its last answer was over.
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
    /// No answer, and not one byte of the request had left: proven by the gate. With the request
    /// as it was, if hyper had not begun with it.
    Nothing(Option<Box<Request<Outgoing>>>),
    /// No answer, and the backend may have read the request.
    Unanswered(Silence),
}

/// Why no answer came.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Silence {
    /// The time was over.
    TooSlow,
    /// The head of the answer has too many lines or bytes.
    HeadTooLarge,
    /// The connection broke, or what came was no answer.
    Broken,
}

impl Lease {
    /// A time limit that the worker of this connection keeps.
    pub(super) fn deadline(&self, ms: u64) -> Deadline {
        self.pool.sweep.deadline(ms)
    }

    /// Sends one request and waits for the head of its answer, at most until `deadline`.
    ///
    /// Not cancel safe: dropping the future leaves it open whether bytes were sent. It is only
    /// run inside an exchange, which outlives its client.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outgoing>,
        deadline: &mut Deadline,
    ) -> Sent {
        self.gate.begin();
        let answer = std::pin::pin!(self.sender.try_send_request(request));
        match deadline.limit(answer).await {
            // No request asks to switch protocols, so what follows is no answer.
            Some(Ok(answer)) if answer.status() != StatusCode::SWITCHING_PROTOCOLS => {
                self.reads_promises(&answer);
                Sent::Answered(answer)
            }
            Some(Ok(_)) => self.cut(Silence::Broken, None),
            Some(Err(error)) => self.failed(error),
            None => self.cut(Silence::TooSlow, None),
        }
    }

    /// What the head of an answer says of the connection's future.
    fn reads_promises(&mut self, answer: &Response<Incoming>) {
        if let Some(promised_ms) = keep_alive_ms(answer.headers()) {
            self.idle_ms = self.idle_ms.min(promised_ms);
        }
        // To a backend of HTTP/1.0 hyper would send the next request as HTTP/1.0, where a body in
        // chunks is left out. And a backend that answers before it has the request may take the
        // rest of it for another one.
        if answer.version() == Version::HTTP_10 || self.gate.owes() {
            self.close_after_answer();
        }
    }

    /// Whether it carried a request before: if so, the backend may have closed it meanwhile.
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

    /// Puts the connection back into the pool, if it may be used again. `now`: hyper has just seen
    /// the end of the answer.
    pub(crate) fn give_back(mut self, now: Instant) {
        if self.gate.is_shut() || self.sender.is_closed() {
            return;
        }
        self.was_used = true;
        self.idle_since = Some(now);
        if self.sender.is_ready() {
            return self.rests();
        }
        // The connection's own task has to run once more before it can take a request. Or the
        // request is not sent whole yet: then its backend still gets the rest, for a while.
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
        // Or a request that its backend does not read would keep the connection for ever.
        self.driver.abort();
    }
}

/// How long the backend promises to keep the connection, in milliseconds, less a second for the
/// way (`Keep-Alive: timeout=5`, RFC 2068 19.7.1).
pub(crate) fn keep_alive_ms(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let timeout = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    let seconds: u64 = timeout.trim().parse().ok()?;
    Some(seconds.saturating_sub(1).saturating_mul(1_000))
}
