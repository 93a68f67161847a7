//! One worker: a thread, its runtime, and everything its requests need without asking anybody.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use slab::Slab;
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    accept::{self, Arrival},
    clock::{Clock, Instant},
    connection::Connection,
    endpoints::Endpoints,
    health::Health,
    limits,
    metrics::{Limit, Metrics, WorkerId},
    replay::Replay,
    request_id::RequestIds,
    snapshot::{Current, Held},
    sweep::Sweep,
    upstream::Pool,
};

/// What all workers share. Nothing in it is locked on the way of a request.
pub struct Shared {
    /// The reader of clocks.
    pub clock: Clock,
    /// The table of spent codes.
    pub replay: Replay,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Configuration and keyring in force.
    pub current: Current,
    /// The state of each backend's endpoints.
    pub endpoints: Endpoints,
    /// Whether this node is ready.
    pub health: Arc<Health>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How far the gateway is on its way out.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Phase {
    Serving,
    /// Requests are finished, connections are closed as they fall quiet.
    Draining,
}

/// The worker's own state; never leaves its thread.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) sweep: Rc<Sweep>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) request_ids: RequestIds,
    shared: Arc<Shared>,
    snapshot: RefCell<Rc<Held>>,
    connections: RefCell<Slab<Rc<Connection>>>,
    connection_count: Arc<AtomicUsize>,
    requests: Cell<usize>,
    random: Cell<u64>,
    began: Instant,
    leaving_since_ms: Cell<Option<u64>>,
}

impl Worker {
    fn new(
        id: WorkerId,
        shared: Arc<Shared>,
        connection_count: Arc<AtomicUsize>,
    ) -> io::Result<Rc<Self>> {
        let sweep = Rc::new(Sweep::default());
        let request_ids = RequestIds::from_os().map_err(io::Error::from)?;
        let snapshot = RefCell::new(Rc::new(shared.current.hold()));
        Ok(Rc::new(Self {
            id,
            pool: Pool::new(Rc::clone(&sweep)),
            sweep,
            request_ids,
            snapshot,
            connections: RefCell::default(),
            connection_count,
            requests: Cell::new(0),
            random: Cell::new(getrandom::u64().map_err(io::Error::from)? | 1),
            began: shared.clock.instant(),
            leaving_since_ms: Cell::new(None),
            shared,
        }))
    }

    /// The configuration and keyring that a request beginning now is judged by.
    pub(crate) fn snapshot(&self) -> Rc<Held> {
        let mut snapshot = self.snapshot.borrow_mut();
        if !self.shared.current.is(&snapshot) {
            *snapshot = Rc::new(self.shared.current.hold());
        }
        Rc::clone(&snapshot)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn replay(&self) -> &Replay {
        &self.shared.replay
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// A limit was hit and something refused for it.
    pub(crate) fn hit(&self, limit: Limit) {
        self.metrics().limit_hits(self.id, limit);
    }

    pub(crate) fn dropped_headers(&self, names: u64) {
        if names > 0 {
            self.metrics().request_headers_dropped.add(self.id, names);
        }
    }

    /// Not secret, only spread: picks endpoints (xorshift64, Marsaglia 2003).
    pub(crate) fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x
    }

    pub(crate) fn requests_in_flight(&self) -> usize {
        self.requests.get()
    }

    pub(crate) fn request_begins(&self) {
        self.requests.set(self.requests.get() + 1);
        self.metrics().requests_in_flight.add(self.id, 1);
    }

    pub(crate) fn request_ends(&self) {
        self.requests.set(self.requests.get().saturating_sub(1));
        self.metrics().requests_in_flight.add(self.id, -1);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving_since_ms.get().is_some()
    }

    /// Enters a connection for the sweep; the guard takes it out again.
    pub(crate) fn register(self: &Rc<Self>, connection: Rc<Connection>) -> Registered {
        let key = self.connections.borrow_mut().insert(connection);
        Registered { worker: Rc::clone(self), key }
    }

    fn tick(&self) {
        self.sweep.advance_to(self.began.elapsed_ns(self.clock()) / 1_000_000);
        self.pool.expire();
        let snapshot = self.snapshot();
        let timeouts = &snapshot.config.timeouts;
        let (now_ms, leaving) = (self.sweep.now_ms(), self.leaving_since_ms.get());
        for (_, connection) in self.connections.borrow().iter() {
            if let Some(end) = connection.overdue(now_ms, timeouts, leaving) {
                connection.finish(end);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.requests.get() == 0 && self.connections.borrow().is_empty()
    }
}

/// A connection that the sweep looks after.
#[derive(Debug)]
pub(crate) struct Registered {
    worker: Rc<Worker>,
    key: usize,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().try_remove(self.key);
        self.worker.connection_count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A worker as the accepting thread sees it.
#[derive(Debug)]
pub(crate) struct Handle {
    arrivals: mpsc::Sender<Arrival>,
    connections: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Handle {
    /// Connections that this worker has or is about to get.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Hands a connection over; gives it back if the worker has too many waiting.
    pub(crate) fn hand_over(&self, arrival: Arrival) -> Result<(), Arrival> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.arrivals.try_send(arrival).map_err(|error| {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(arrival)
                | mpsc::error::TrySendError::Closed(arrival) => arrival,
            }
        })
    }

    /// No more connections will come; the worker ends when its work does.
    pub(crate) fn close(self) -> JoinHandle<()> {
        self.thread
    }
}

/// Starts a worker on a thread of its own.
///
/// # Errors
///
/// The system's error if thread or runtime cannot be had.
pub(crate) fn start(
    id: WorkerId,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
) -> io::Result<Handle> {
    let (arrivals, inbox) = mpsc::channel(limits::HANDOFF_QUEUE_MAX);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    // What can fail is done in the thread, and heard of here, where somebody can still say so.
    let (started, starting) = std::sync::mpsc::sync_channel(1);
    let name = format!("worker-{}", id.index());
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let made = runtime.and_then(|runtime| Ok((runtime, Worker::new(id, shared, count)?)));
        let (outcome, made) = match made {
            Ok(made) => (Ok(()), Some(made)),
            Err(error) => (Err(error), None),
        };
        if started.send(outcome).is_ok()
            && let Some((runtime, worker)) = made
        {
            runtime.block_on(run(worker, inbox, phase));
        }
    })?;
    starting.recv().map_err(io::Error::other)??;
    Ok(Handle { arrivals, connections, thread })
}

/// Serves until the drain is over. Whatever still runs at `drain_timeout_ms` is cut off.
async fn run(
    worker: Rc<Worker>,
    mut inbox: mpsc::Receiver<Arrival>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut ticks = interval(Duration::from_millis(limits::SWEEP_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut accepting = true;
    loop {
        tokio::select! {
            arrival = inbox.recv(), if accepting => match arrival {
                Some(arrival) => {
                    tokio::task::spawn_local(accept::serve(Rc::clone(&worker), arrival));
                }
                None => accepting = false,
            },
            _ = ticks.tick() => worker.tick(),
            Ok(()) = phase.changed() => {
                if *phase.borrow() == Phase::Draining {
                    worker.leaving_since_ms.set(Some(worker.sweep.now_ms()));
                }
            }
        }
        if let Some(since_ms) = worker.leaving_since_ms.get() {
            let timeout_ms = worker.snapshot().config.server.drain_timeout_ms;
            let over = worker.sweep.now_ms() >= since_ms.saturating_add(timeout_ms);
            if over || (!accepting && worker.is_done()) {
                return;
            }
        }
    }
}
