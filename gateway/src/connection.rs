//! One client connection: what it is doing, and when that has taken too long.
//!
//! hyper has one timer for three different waits and sends nothing when it fires, so the IO
//! wrapper keeps the connection's state in a few cells, and the worker's sweep reads them.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http::HeaderValue;
use slab::Slab;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    config::Timeouts,
    io::{Peer, Stream},
    limits,
    sweep::Sweep,
};

/// Why a connection is ended by the gateway, or, with `Quiet`, only what serves it.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum End {
    /// Connected and sent nothing.
    Silent,
    /// Began a request head and did not finish it: answered 408.
    SlowHead,
    /// Does not read what it is sent.
    SlowReader,
    /// Nothing to do for `idle_ms`.
    Idle,
    /// The gateway is leaving and the connection has nothing under way.
    Drained,
    /// Nothing to do for [`limits::PARK_MS`]: hyper gives up its buffers, the socket stays.
    Quiet,
    /// We said goodbye; the client did not hang up in time.
    Lingered,
}

/// What serves a connection, as far as the sweep must know.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
enum Engine {
    /// Nothing yet, or nothing any more; or HTTP/2, or HTTP/1 on its last request: neither parks.
    None,
    /// hyper's HTTP/1.
    Http1,
    /// The same, told to end and to leave the socket open.
    Leaving,
    /// The same after an answer that announced the close: what still comes is the rest of that
    /// request's body, never a head. It does not park, or the rest would be read as one.
    Last,
}

/// The state of one connection, shared by its IO wrapper, its requests and the sweep.
#[derive(Debug)]
pub(crate) struct Connection {
    sweep: Rc<Sweep>,
    /// What `X-Forwarded-For` tells the backend: written once for all requests.
    forwarded_for: Option<HeaderValue>,
    /// Requests between their head and the end of their response's body.
    active: Cell<u32>,
    quiet_since_ms: Cell<u64>,
    head_since_ms: Cell<Option<u64>>,
    blocked_since_ms: Cell<Option<u64>>,
    goodbye_since_ms: Cell<Option<u64>>,
    served: Cell<bool>,
    engine: Cell<Engine>,
    /// When each open HTTP/2 answer is overdue: a stream's window can stand still while the
    /// connection moves.
    replies: RefCell<Slab<u64>>,
    end: Cell<Option<End>>,
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(sweep: Rc<Sweep>, peer: Peer) -> Rc<Self> {
        let now_ms = sweep.now_ms();
        Rc::new(Self {
            sweep,
            forwarded_for: peer.forwarded_for(),
            active: Cell::new(0),
            quiet_since_ms: Cell::new(now_ms),
            head_since_ms: Cell::new(None),
            blocked_since_ms: Cell::new(None),
            goodbye_since_ms: Cell::new(None),
            served: Cell::new(false),
            engine: Cell::new(Engine::None),
            replies: RefCell::default(),
            end: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    /// The client's address, unless the client is a process of this machine.
    pub(crate) fn forwarded_for(&self) -> Option<HeaderValue> {
        self.forwarded_for.clone()
    }

    /// Counts a request as under way until the guard is dropped.
    pub(crate) fn begin(self: &Rc<Self>) -> Active {
        self.head_since_ms.set(None);
        self.served.set(true);
        self.active.set(self.active.get() + 1);
        Active { connection: Rc::clone(self), reply: None }
    }

    /// Which limit this connection has overrun at `now_ms`. `leaving_since_ms`: the drain began.
    pub(crate) fn overdue(
        &self,
        now_ms: u64,
        timeouts: &Timeouts,
        leaving_since_ms: Option<u64>,
    ) -> Option<End> {
        // A stamp is the last sweep's time, up to a period old: no limit may end early for it.
        let over = |since: u64, limit_ms: u64| {
            now_ms >= since.saturating_add(limit_ms).saturating_add(limits::SWEEP_MS)
        };
        if let Some(since) = self.goodbye_since_ms.get() {
            return over(since, limits::LINGER_MS).then_some(End::Lingered);
        }
        if self.blocked_since_ms.get().is_some_and(|since| over(since, timeouts.write_ms)) {
            return Some(End::SlowReader);
        }
        if self.replies.borrow().iter().any(|(_, due_ms)| *due_ms <= now_ms) {
            return Some(End::SlowReader);
        }
        if self.active.get() > 0 {
            return None;
        }
        if let Some(since) = self.head_since_ms.get() {
            return over(since, timeouts.header_ms).then_some(End::SlowHead);
        }
        let quiet_since = self.quiet_since_ms.get();
        if !self.served.get() && over(quiet_since, timeouts.header_ms) {
            return Some(End::Silent);
        }
        if over(quiet_since, timeouts.idle_ms) {
            return Some(End::Idle);
        }
        // A request may be on its way on a kept-alive connection: it gets time to arrive.
        let drained = leaving_since_ms
            .is_some_and(|leaving| over(leaving.max(quiet_since), limits::DRAIN_IDLE_MS));
        if drained {
            return Some(End::Drained);
        }
        let parks = self.engine.get() == Engine::Http1
            && self.blocked_since_ms.get().is_none()
            && over(quiet_since, limits::PARK_MS);
        parks.then_some(End::Quiet)
    }

    /// hyper serves HTTP/1 from now on; the sweep says when it has been quiet for long enough.
    pub(crate) fn engine_begins(&self) {
        self.engine.set(Engine::Http1);
    }

    /// The verdict was [`End::Quiet`], and only what serves the connection may end.
    pub(crate) fn stays(&self) {
        self.end.set(None);
    }

    /// Is it still quiet? If so, hyper is about to be told to end: until it has left it reads
    /// nothing, and when it shuts the socket, that stays open.
    pub(crate) fn engine_leaves(&self) -> bool {
        let is_quiet = self.engine.get() == Engine::Http1
            && self.active.get() == 0
            && self.head_since_ms.get().is_none()
            && self.blocked_since_ms.get().is_none()
            && self.goodbye_since_ms.get().is_none();
        if is_quiet {
            self.engine.set(Engine::Leaving);
        }
        is_quiet
    }

    /// hyper has left, or it did not because something is under way after all.
    pub(crate) fn engine_left(&self) {
        self.engine.set(Engine::None);
    }

    /// The answer that is about to go out on HTTP/1 says that the connection ends with it.
    pub(crate) fn announces_its_end(&self) {
        self.engine.set(Engine::Last);
    }

    /// Tells the connection's task to end it.
    pub(crate) fn finish(&self, end: End) {
        self.end.set(Some(end));
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// The verdict, if there is one; otherwise registers the task to be woken by it.
    pub(crate) fn poll_end(&self, cx: &Context<'_>) -> Option<End> {
        let end = self.end.get();
        if end.is_none() {
            let mut waker = self.waker.borrow_mut();
            match waker.as_mut() {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
        }
        end
    }

    /// The gateway has said that it closes; the client gets a moment to do so first.
    pub(crate) fn say_goodbye(&self) {
        if self.goodbye_since_ms.get().is_none() {
            self.goodbye_since_ms.set(Some(self.sweep.now_ms()));
        }
        self.end.set(None);
    }

    fn has_read(&self) {
        if self.active.get() == 0
            && self.head_since_ms.get().is_none()
            && self.engine.get() != Engine::Last
        {
            self.head_since_ms.set(Some(self.sweep.now_ms()));
        }
    }

    fn has_written(&self, progress: bool) {
        if progress {
            self.blocked_since_ms.set(None);
        } else if self.blocked_since_ms.get().is_none() {
            self.blocked_since_ms.set(Some(self.sweep.now_ms()));
        }
    }
}

/// A request under way; dropping it makes the connection quiet again.
#[derive(Debug)]
pub(crate) struct Active {
    connection: Rc<Connection>,
    reply: Option<usize>,
}

impl Active {
    /// The client has `write_ms` to take the next piece of its answer. For HTTP/2 only: on
    /// HTTP/1 a reader that stands still blocks the socket, and that is seen below.
    pub(crate) fn expect_reader(&mut self, write_ms: u64) {
        let due_ms = self.connection.sweep.now_ms().saturating_add(write_ms);
        let mut replies = self.connection.replies.borrow_mut();
        match self.reply.and_then(|key| replies.get_mut(key)) {
            Some(due) => *due = due_ms,
            None => self.reply = Some(replies.insert(due_ms)),
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let connection = &self.connection;
        if let Some(key) = self.reply {
            connection.replies.borrow_mut().try_remove(key);
        }
        connection.active.set(connection.active.get().saturating_sub(1));
        connection.quiet_since_ms.set(connection.sweep.now_ms());
    }
}

/// The client's socket as hyper sees it: keeps [`Connection`] true and says goodbye politely.
#[derive(Debug)]
pub(crate) struct ClientStream {
    stream: Stream,
    connection: Rc<Connection>,
    /// Read already, and hyper's to read: the preface, or what hyper had not used when it left.
    ahead: Bytes,
    multiplexed: bool,
    shut: bool,
}

/// The first bytes of a connection, read before the protocol is known.
#[derive(Debug, Default)]
pub(crate) struct Preface {
    bytes: [u8; 3],
    len: usize,
}

impl Preface {
    /// The start of `PRI * HTTP/2.0` (RFC 9113 3.4): no HTTP/1 method begins so.
    const HTTP2: &'static [u8] = b"PRI";

    /// Reads until the protocol is certain. `None`: the client left without a request.
    /// Not cancel safe: what was read is lost with the future, and so is the connection.
    pub(crate) async fn read(
        stream: &mut Stream,
        connection: &Connection,
    ) -> io::Result<Option<Self>> {
        use tokio::io::AsyncReadExt;
        let mut preface = Self::default();
        while Self::HTTP2.starts_with(preface.seen()) && preface.len < Self::HTTP2.len() {
            let space = preface.bytes.get_mut(preface.len..).unwrap_or_default();
            let read = stream.read(space).await?;
            if read == 0 {
                return Ok((preface.len > 0).then_some(preface));
            }
            connection.has_read();
            preface.len += read;
        }
        Ok(Some(preface))
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.seen() == Self::HTTP2
    }

    fn seen(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl ClientStream {
    /// The socket itself, for an answer that hyper does not write.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    pub(crate) fn new(stream: Stream, connection: Rc<Connection>, preface: Preface) -> Self {
        let multiplexed = preface.is_http2();
        if multiplexed {
            // HTTP/2 reads frames that begin no request (settings, pings): they are no slow head.
            connection.head_since_ms.set(None);
        }
        let ahead = Bytes::copy_from_slice(preface.seen());
        Self { stream, connection, ahead, multiplexed, shut: false }
    }

    /// Takes back what hyper has read and not used: the start of a head, which now has a clock.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.connection.has_read();
            self.ahead = bytes;
        }
    }

    /// Waits for something to read, be it the client's leaving. Reads nothing.
    pub(crate) fn poll_stirs(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ahead.is_empty() { self.stream.poll_read_ready(cx) } else { Poll::Ready(()) }
    }

    /// Whether a client has said something that nobody has read.
    pub(crate) fn has_unread(&self) -> bool {
        !self.ahead.is_empty() || self.stream.has_unread()
    }

    /// Reads and forgets until the client hangs up. An answer that is followed by a reset is
    /// lost on Windows clients, and a socket closed over unread bytes sends one.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 1024];
        for _ in 0..limits::LINGER_READS_MAX {
            let mut buf = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.ahead.is_empty() {
            let len = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead.split_to(len));
            return Poll::Ready(Ok(()));
        }
        if this.connection.engine.get() == Engine::Leaving {
            // Bytes that come now are for the next engine; this one is looked at once more.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && !this.multiplexed {
            this.connection.has_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.connection.has_written(written.is_ready());
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.engine.get() == Engine::Leaving {
            return Poll::Ready(Ok(()));
        }
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
            self.connection.say_goodbye();
        }
        self.poll_linger(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts =
        Timeouts { header_ms: 5_000, body_ms: 15_000, idle_ms: 60_000, write_ms: 15_000 };

    /// Limits are never early, and so late by a sweep at the most.
    const LATE: u64 = limits::SWEEP_MS;

    fn connection() -> Rc<Connection> {
        Connection::new(Rc::new(Sweep::default()), Peer::Local)
    }

    #[test]
    fn a_socket_that_says_nothing_is_ended_as_silent() {
        let connection = connection();
        assert_eq!(connection.overdue(4_999 + LATE, &TIMEOUTS, None), None);
        assert_eq!(connection.overdue(5_000 + LATE, &TIMEOUTS, None), Some(End::Silent));
    }

    #[test]
    fn a_head_that_does_not_end_is_slow_and_its_request_is_not() {
        let connection = connection();
        connection.has_read();
        assert_eq!(connection.overdue(5_000 + LATE, &TIMEOUTS, None), Some(End::SlowHead));
        let active = connection.begin();
        assert_eq!(connection.overdue(500_000, &TIMEOUTS, Some(0)), None);
        drop(active);
        assert_eq!(connection.overdue(59_999 + LATE, &TIMEOUTS, None), None);
        assert_eq!(connection.overdue(60_000 + LATE, &TIMEOUTS, None), Some(End::Idle));
    }

    #[test]
    fn a_reader_that_stands_still_is_ended_in_the_midst_of_its_request() {
        let connection = connection();
        let _active = connection.begin();
        connection.has_written(false);
        assert_eq!(connection.overdue(15_000 + LATE, &TIMEOUTS, None), Some(End::SlowReader));
        connection.has_written(true);
        assert_eq!(connection.overdue(15_000 + LATE, &TIMEOUTS, None), None);
    }

    #[test]
    fn only_a_quiet_http_1_connection_parks_and_only_once() {
        let connection = connection();
        let at = |now_ms| connection.overdue(now_ms + LATE, &TIMEOUTS, None);
        assert_eq!(at(2_000), None, "hyper does not serve it");
        connection.engine_begins();
        connection.has_read();
        assert_eq!(at(2_000), None, "a head has begun");
        let active = connection.begin();
        assert_eq!(at(2_000), None, "a request is under way");
        drop(active);
        assert_eq!(at(limits::PARK_MS - 1), None);
        assert_eq!(at(limits::PARK_MS), Some(End::Quiet));
        connection.has_written(false);
        assert_eq!(at(2_000), None, "its answer is not read");
        connection.has_written(true);
        connection.finish(End::Quiet);
        connection.stays();
        connection.has_read();
        assert!(!connection.engine_leaves(), "bytes came between the sweep and its verdict");
        drop(connection.begin());
        assert!(connection.engine_leaves());
        connection.engine_left();
        assert_eq!((at(2_000), connection.end.get()), (None, None), "parked already");
        assert_eq!(at(60_000), Some(End::Idle), "and idle since its last request");
    }

    #[test]
    fn while_leaving_a_quiet_connection_is_closed_late() {
        let connection = connection();
        drop(connection.begin());
        let late_ms = limits::DRAIN_IDLE_MS;
        assert_eq!(connection.overdue(late_ms + LATE - 1, &TIMEOUTS, Some(0)), None);
        assert_eq!(connection.overdue(late_ms + LATE, &TIMEOUTS, Some(0)), Some(End::Drained));
    }
}
