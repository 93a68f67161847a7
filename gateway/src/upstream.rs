//! Connections to backends: one pool per worker, and the gate that proves what was sent.
//!
//! A request future that is dropped does not unsend: hyper flushes what it has encoded before
//! it closes. So whether a code may be given back is decided below hyper, where bytes are
//! handed to the kernel. The [`Gate`] is shut first and read after, with nothing in between.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    task::AbortHandle,
};

use crate::{
    body::{self, Outgoing, Unread, Whole},
    config::{BackendConfig, EndpointAddress},
    endpoints::{Endpoint, InFlight},
    io::Stream,
    limits,
    sweep::{Deadline, Sweep},
};

/// Stands between hyper and the kernel on one backend connection.
#[derive(Debug, Default)]
struct Gate {
    sent: Cell<bool>,
    shut: Cell<bool>,
}

/// A backend's socket behind its [`Gate`].
#[derive(Debug)]
struct GatedStream {
    stream: Stream,
    gate: Rc<Gate>,
}

impl AsyncRead for GatedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for GatedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gate.shut.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(1..)) = written {
            self.gate.sent.set(true);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// No connection to the backend could be had.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) struct NotConnected;

/// A connection to a backend, for one request at a time. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    sender: SendRequest<Outgoing>,
    gate: Rc<Gate>,
    driver: AbortHandle,
    endpoint: Arc<Endpoint>,
    idle_ms: u64,
    pool: Rc<Pool>,
}

/// What became of a request that was handed to a connection.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The head of an answer came back.
    Answered(Response<Incoming>),
    /// No answer, and not one byte of the request had left: proven by the gate.
    Nothing,
    /// No answer, and the backend may have read the request.
    Unanswered(Silence),
}

/// Why no answer came.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Silence {
    /// The time was over.
    TooSlow,
    /// The connection broke, or what came was no answer.
    Broken,
}

impl Lease {
    /// Sends one request and waits for the head of its answer, at most until `deadline`.
    ///
    /// Not cancel safe: dropping the future leaves it open whether bytes were sent. It is only
    /// run inside an exchange, which outlives its client.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outgoing>,
        deadline: &mut Deadline,
    ) -> Sent {
        self.gate.sent.set(false);
        let answer = std::pin::pin!(self.sender.send_request(request));
        match deadline.limit(answer).await {
            // Nobody asked to switch protocols: whatever follows is no answer.
            Some(Ok(answer)) if answer.status() != http::StatusCode::SWITCHING_PROTOCOLS => {
                Sent::Answered(answer)
            }
            Some(_) => self.cut(Silence::Broken),
            None => self.cut(Silence::TooSlow),
        }
    }

    /// Shuts the gate, then says whether anything had passed it.
    fn cut(&mut self, silence: Silence) -> Sent {
        self.gate.shut.set(true);
        self.driver.abort();
        if self.gate.sent.get() { Sent::Unanswered(silence) } else { Sent::Nothing }
    }

    /// Puts the connection back into the pool once hyper has seen the end of the answer.
    pub(crate) fn give_back(mut self, answer: Option<u64>) {
        self.idle_ms = answer.map_or(self.idle_ms, |promised| self.idle_ms.min(promised));
        if self.idle_ms == 0 || self.gate.shut.get() || self.sender.is_closed() {
            return;
        }
        if self.sender.is_ready() {
            return Rc::clone(&self.pool).put(self);
        }
        // The connection's own task has to run once more before it can take a request.
        tokio::task::spawn_local(async move {
            if self.sender.ready().await.is_ok() {
                Rc::clone(&self.pool).put(self);
            }
        });
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

/// An answer whose body is passed on as it comes.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What had been read of it before it was known to be too large to hold.
    begin: Whole,
    body: Incoming,
    lease: Option<Lease>,
    keep_alive_ms: Option<u64>,
    stall_ms: u64,
    deadline: Deadline,
    _in_flight: InFlight,
}

impl Answer {
    pub(crate) fn new(
        begin: Whole,
        body: Incoming,
        lease: Lease,
        keep_alive_ms: Option<u64>,
        stall_ms: u64,
        in_flight: InFlight,
    ) -> Self {
        let deadline = lease.pool.sweep.deadline(stall_ms);
        let lease = Some(lease);
        Self { begin, body, lease, keep_alive_ms, stall_ms, deadline, _in_flight: in_flight }
    }

    pub(crate) fn stall_ms(&self) -> u64 {
        self.stall_ms
    }

    /// Has all of it been passed on?
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
    ) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
        if let Some(frame) = self.begin.next_frame() {
            if self.begin.is_end_stream() {
                // What it held of the memory for bodies is free again.
                self.begin = Whole::default();
            }
            return Poll::Ready(Ok(Some(frame)));
        }
        let frame = std::task::ready!(body::poll_answer(&mut self.body, &mut self.deadline, cx))?;
        if frame.is_none() || self.is_over() {
            if let Some(lease) = self.lease.take() {
                lease.give_back(self.keep_alive_ms);
            }
        } else if let Some(lease) = &self.lease {
            self.deadline = lease.pool.sweep.deadline(self.stall_ms);
        }
        Poll::Ready(Ok(frame))
    }
}

/// The idle connections of one worker, newest first: the older ones are left to run out.
#[derive(Debug)]
pub(crate) struct Pool {
    sweep: Rc<Sweep>,
    idle: RefCell<HashMap<usize, Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    lease: Lease,
    since_ms: u64,
}

impl Pool {
    pub(crate) fn new(sweep: Rc<Sweep>) -> Rc<Self> {
        Rc::new(Self { sweep, idle: RefCell::default() })
    }

    /// A connection to `endpoint`: an idle one that still lives, or a new one.
    ///
    /// Cancel safe: a connection that is being made is closed.
    pub(crate) async fn acquire(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        backend: &BackendConfig,
    ) -> Result<Lease, NotConnected> {
        while let Some(Idle { lease, since_ms }) = self.take(endpoint) {
            if self.sweep.now_ms().saturating_sub(since_ms) >= limits::UPSTREAM_DOUBT_MS {
                // One turn of the event loop: a hang-up that the kernel knows of is seen now.
                tokio::task::yield_now().await;
            }
            if lease.sender.is_ready() {
                return Ok(lease);
            }
        }
        self.connect(endpoint, backend).await
    }

    /// Closes the connections that have idled too long. Returns whether there was any.
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

    fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Idle> {
        let now_ms = self.sweep.now_ms();
        let mut pools = self.idle.borrow_mut();
        let idle = pools.get_mut(&key(endpoint))?.pop()?;
        (now_ms < idle.since_ms.saturating_add(idle.lease.idle_ms)).then_some(idle)
    }

    fn put(&self, lease: Lease) {
        let since_ms = self.sweep.now_ms();
        let mut pools = self.idle.borrow_mut();
        pools.entry(key(&lease.endpoint)).or_default().push(Idle { lease, since_ms });
    }

    async fn connect(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        backend: &BackendConfig,
    ) -> Result<Lease, NotConnected> {
        let mut deadline = self.sweep.deadline(backend.connect_ms);
        let stream = std::pin::pin!(connect(endpoint.address()));
        let Some(Ok(stream)) = deadline.limit(stream).await else { return Err(NotConnected) };
        let gate = Rc::new(Gate::default());
        let io = TokioIo::new(GatedStream { stream, gate: Rc::clone(&gate) });
        let handshake = http1::Builder::new()
            // One flat write costs less than a gathered one for bodies of a few hundred bytes.
            .writev(false)
            .handshake(io)
            .await;
        let Ok((sender, connection)) = handshake else { return Err(NotConnected) };
        let driver = tokio::task::spawn_local(async move {
            // How a connection ended is told by the exchange that was on it.
            let _ = connection.await;
        })
        .abort_handle();
        Ok(Lease {
            sender,
            gate,
            driver,
            endpoint: Arc::clone(endpoint),
            idle_ms: backend.idle_ms,
            pool: Rc::clone(self),
        })
    }
}

/// Endpoints keep their place in memory while anybody holds them, and every idle connection does.
fn key(endpoint: &Arc<Endpoint>) -> usize {
    Arc::as_ptr(endpoint).addr()
}

async fn connect(address: &EndpointAddress) -> io::Result<Stream> {
    match address {
        EndpointAddress::Tcp { host, port } => {
            let socket = TcpStream::connect((host.as_str(), *port)).await?;
            socket.set_nodelay(true)?;
            Ok(Stream::Tcp(socket))
        }
        EndpointAddress::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
    }
}

#[cfg(test)]
mod tests;
