//! One client connection: what it is doing, and when that has taken too long.
//!
//! hyper has one timer for three different waits and sends nothing when it fires, so the IO
//! wrapper keeps the connection's state in a few cells, and the worker's sweep reads them.

use std::{
    cell::{Cell, OnceCell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use http::HeaderValue;
use slab::Slab;

use crate::{
    config::Timeouts, limits, refusal::shape::Shape, transport::deadline::Sweep,
    transport::frames::RefusedStreams, transport::listener::Peer, transport::shares::Shares,
};

/// Why a connection is ended by the gateway, or, with `Quiet`, only what serves it.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum End {
    /// Connected and sent nothing.
    Silent,
    /// Began a request head and did not finish it: answered 408.
    SlowHead,
    /// Sent a head with a line that does not end in CR LF: answered 400.
    Malformed,
    /// Sent a `#` in its request line: answered 400.
    Fragment,
    /// Does not read what it is sent.
    SlowReader,
    /// HTTP/2: sends frames that ask for nothing.
    ControlFlood,
    /// HTTP/2: drops its requests while they are worked on.
    CutFlood,
    /// Nothing to do for `idle_ms`.
    Idle,
    /// The gateway is leaving and the connection has nothing under way.
    Drained,
    /// Nothing to do for [`limits::PARK_MS`]: hyper gives up its buffers, the socket stays.
    Quiet,
    /// We said goodbye; the client did not hang up in time.
    Lingered,
}

/// What serves a connection, as far as the sweep and the socket must know.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Engine {
    /// Nothing yet, or nothing any more; or HTTP/1 on its last request: neither parks.
    None,
    /// hyper's HTTP/1.
    Http1,
    /// The same, told to end and to leave the socket open.
    Leaving,
    /// The same, in an answer that only a reset can end.
    BrokeOff,
    /// The same after an answer that announced the close: what still comes is the rest of that
    /// request's body, never a head. It does not park, or the rest would be read as one.
    Last,
    /// hyper's HTTP/2.
    Http2,
    /// The same, which reads nothing any more, and still answers what it has read.
    Deaf,
}

/// The state of one connection, shared by its IO wrapper, its requests and the sweep.
#[derive(Debug)]
pub(crate) struct Connection {
    sweep: Rc<Sweep>,
    /// What `X-Forwarded-For` tells the backend: written once for all requests.
    forwarded_for: Option<HeaderValue>,
    /// The shape of what is refused before a route is known: its listener's.
    refusals: Shape,
    /// Requests between their head and the end of their response's body.
    active: Cell<u32>,
    /// Places at backends that its requests hold, if there can be several: on HTTP/2.
    pub(crate) shares: OnceCell<Rc<Shares>>,
    quiet_since_ms: Cell<u64>,
    head_since_ms: Cell<Option<u64>>,
    blocked_since_ms: Cell<Option<u64>>,
    goodbye_since_ms: Cell<Option<u64>>,
    served: Cell<bool>,
    engine: Cell<Engine>,
    /// A line was refused because of how it ends.
    malformed: Cell<bool>,
    /// HTTP/2 requests that hyper refused itself, and that are not counted yet.
    refused: Cell<RefusedStreams>,
    /// HTTP/2 requests that their client dropped while they were worked on, and since when.
    cuts: Cell<u32>,
    cuts_since_ms: Cell<u64>,
    /// When each open HTTP/2 answer is overdue: a stream's window can stand still while the
    /// connection moves.
    replies: RefCell<Slab<u64>>,
    end: Cell<Option<End>>,
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(sweep: Rc<Sweep>, peer: Peer, refusals: Shape) -> Rc<Self> {
        let now_ms = sweep.now_ms();
        Rc::new(Self {
            sweep,
            forwarded_for: peer.forwarded_for(),
            refusals,
            active: Cell::new(0),
            shares: OnceCell::new(),
            quiet_since_ms: Cell::new(now_ms),
            head_since_ms: Cell::new(None),
            blocked_since_ms: Cell::new(None),
            goodbye_since_ms: Cell::new(None),
            served: Cell::new(false),
            engine: Cell::new(Engine::None),
            malformed: Cell::new(false),
            refused: Cell::new(RefusedStreams::NONE),
            cuts: Cell::new(0),
            cuts_since_ms: Cell::new(now_ms),
            replies: RefCell::default(),
            end: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    /// The client's address, unless the client is a process of this machine.
    pub(crate) fn forwarded_for(&self) -> Option<HeaderValue> {
        self.forwarded_for.clone()
    }

    pub(crate) fn refusals(&self) -> Shape {
        self.refusals
    }

    /// Counts a request as under way until the guard is dropped.
    pub(crate) fn begin(self: &Rc<Self>) -> Active {
        self.head_since_ms.set(None);
        self.served.set(true);
        self.active.set(self.active.get() + 1);
        Active { connection: Rc::clone(self), reply: None, is_answered: false }
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

    pub(crate) fn engine(&self) -> Engine {
        self.engine.get()
    }

    /// hyper serves from now on. HTTP/1: the sweep says when it has been quiet for long enough.
    pub(crate) fn engine_begins(&self, engine: Engine) {
        self.engine.set(engine);
    }

    /// The verdict did not end the connection, or not yet.
    pub(crate) fn stays(&self) {
        self.end.set(None);
    }

    /// Is it still quiet? If so, hyper is about to be told to end: until it has left it reads
    /// nothing, and when it shuts the socket, that stays open.
    pub(crate) fn engine_leaves(&self) -> bool {
        let is_quiet = self.engine.get() == Engine::Http1
            && self.is_at_rest()
            && self.head_since_ms.get().is_none()
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

    /// Has an answer broken off whose end would be that of the connection?
    pub(crate) fn broke_off(&self) -> bool {
        self.engine.get() == Engine::BrokeOff
    }

    /// The answer that is about to go out on HTTP/1 says that the connection ends with it.
    pub(crate) fn announces_its_end(&self) {
        self.engine.set(Engine::Last);
    }

    /// Tells the connection's task to end it.
    pub(crate) fn finish(&self, end: End) {
        self.end.set(Some(end));
        self.wake();
    }

    fn wake(&self) {
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

    /// Runs `poll` until it is done or the connection's time is over. Cancel safe as `poll` is.
    pub(crate) async fn until_ended<T>(
        &self,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, End> {
        poll_fn(|cx| match self.poll_end(cx) {
            Some(end) => Poll::Ready(Err(end)),
            None => poll(cx).map(Ok),
        })
        .await
    }

    /// The gateway has said that it closes; the client gets a moment to do so first.
    pub(crate) fn say_goodbye(&self) {
        if self.goodbye_since_ms.get().is_none() {
            self.goodbye_since_ms.set(Some(self.sweep.now_ms()));
        }
        self.end.set(None);
    }

    /// Nothing is under way, and what was answered is in the socket.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.active.get() == 0 && !self.is_blocked()
    }

    /// The socket takes nothing more for now, and something is still to be written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked_since_ms.get().is_some()
    }

    pub(crate) fn has_said_goodbye(&self) -> bool {
        self.goodbye_since_ms.get().is_some()
    }

    /// The client had its time to hang up.
    pub(crate) fn has_lingered(&self) -> bool {
        self.end.get() == Some(End::Lingered)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.sweep.now_ms()
    }

    /// A line that ends in LF alone was met.
    pub(crate) fn mark_malformed(&self) {
        self.malformed.set(true);
    }

    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed.get()
    }

    /// hyper refused requests itself.
    pub(crate) fn add_refused(&self, more: RefusedStreams) {
        self.refused.set(self.refused.get().plus(more));
    }

    /// Those that were refused since the last call.
    pub(crate) fn take_refused(&self) -> RefusedStreams {
        self.refused.take()
    }

    /// An HTTP/2 client asks for too much of what is of no use: nothing more is read of it.
    pub(crate) fn end_flood(&self, end: End) {
        self.engine.set(Engine::Deaf);
        self.finish(end);
    }

    /// An HTTP/2 client dropped a request that was worked on.
    fn count_cut(&self) {
        let now_ms = self.sweep.now_ms();
        if now_ms.saturating_sub(self.cuts_since_ms.get()) >= limits::H2_FLOOD_MS {
            self.cuts_since_ms.set(now_ms);
            self.cuts.set(0);
        }
        self.cuts.set(self.cuts.get().saturating_add(1));
        if self.cuts.get() == limits::H2_CUTS_MAX {
            self.end_flood(End::CutFlood);
        }
    }

    /// A head has begun, or goes on.
    pub(crate) fn has_read(&self) {
        if self.active.get() == 0
            && self.head_since_ms.get().is_none()
            && self.engine.get() != Engine::Last
        {
            self.head_since_ms.set(Some(self.sweep.now_ms()));
        }
    }

    pub(crate) fn has_written(&self, progress: bool) {
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
    is_answered: bool,
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

    /// The answer breaks off, and to its client the end of the connection would be its own end.
    pub(crate) fn breaks_off(&self) {
        self.connection.engine.set(Engine::BrokeOff);
    }

    /// The answer was handed over to its end, or broke off through no fault of the client's. Dropped
    /// without this, an HTTP/2 request was cut by its client.
    pub(crate) fn mark_answered(&mut self) {
        self.is_answered = true;
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
        match connection.engine.get() {
            Engine::Http2 if !self.is_answered => connection.count_cut(),
            // The connection's task waits for the last one.
            Engine::Deaf => connection.wake(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
