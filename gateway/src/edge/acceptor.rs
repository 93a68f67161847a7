//! Accepts connections and spreads them over the workers.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fs::File,
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};

use crate::{
    config::{Config, DescriptorBudget},
    edge::worker_thread::Handle,
    edge::{connection::Arrival, lingering_close},
    limits,
    metrics::{AcceptError, WorkerId},
    refusal::{
        Limit, Problem, Refusal,
        shape::{Asked, Shape},
    },
    request_id::RequestIds,
    transport::listener::{Accepted, Listener},
    worker::Shared,
};
use sys::{
    descriptors, failpoint,
    log::{self, Event, Field},
    threads::Part,
};

/// Accepts on all listeners, on the front thread.
pub(crate) struct Acceptor {
    shared: Arc<Shared>,
    workers: Vec<Handle>,
    request_ids: RequestIds,
    refusing: Arc<Semaphore>,
    descriptors: Descriptors,
    id: WorkerId,
}

/// Accepts on one listener, for ever. Cancel safe: a connection that was accepted has been placed.
pub(crate) async fn keep_accepting(acceptor: Rc<Acceptor>, listener: Rc<Listener>) -> Infallible {
    let threads = &acceptor.shared.health.threads;
    threads.keep_task(Part::Accept, async || accept_all(&acceptor, &listener).await).await
}

async fn accept_all(acceptor: &Acceptor, listener: &Listener) -> Infallible {
    let metrics = acceptor.shared.metrics.listener(listener.label());
    let refusals = listener.refusals();
    loop {
        failpoint::panic_at("accept");
        match listener.accept().await {
            Ok((socket, peer)) => {
                let listener = Arc::clone(&metrics);
                acceptor.place(Arrival { socket, peer, listener, refusals });
            }
            Err(error) => {
                metrics.not_accepted(acceptor.id, AcceptError::of(&error));
                acceptor.accept_failed(listener, &error).await;
            }
        }
    }
}

impl Acceptor {
    /// For these workers.
    ///
    /// # Errors
    /// The system's, if it has no random numbers for request ids.
    pub(crate) fn new(shared: &Arc<Shared>, workers: Vec<Handle>) -> io::Result<Rc<Self>> {
        let descriptors = Descriptors::of(shared.current.load().config());
        Ok(Rc::new(Self {
            id: WorkerId::new(workers.len()),
            shared: Arc::clone(shared),
            workers,
            request_ids: RequestIds::from_os().map_err(io::Error::from)?,
            refusing: Arc::new(Semaphore::new(descriptors.lingering())),
            descriptors,
        }))
    }

    /// Hands the connection to the worker with the fewest, or refuses it fast.
    fn place(&self, arrival: Arrival) {
        let connections: usize = self.workers.iter().map(Handle::connections).sum();
        let current = self.shared.current.load();
        let configured = current.config().limits.connections_max;
        let limit = self.descriptors.budget(current.config()).clients();
        let fewest = self.workers.iter().min_by_key(|worker| worker.connections());
        let refused = match fewest {
            Some(worker) if connections < limit => worker.hand_over(arrival).err(),
            _ => Some(arrival),
        };
        if let Some(arrival) = refused {
            let is_scarce = (limit..configured).contains(&connections);
            let limit = if is_scarce { Limit::Accept } else { Limit::Connections };
            self.refuse(arrival.socket, arrival.refusals, limit);
        }
    }

    /// Mostly there is no descriptor left. Who waits in the queue would wait for as long as that
    /// lasts, so one that was kept for this is given to a refusal.
    async fn accept_failed(&self, listener: &Listener, error: &io::Error) {
        if self.descriptors.is_to_be_told() {
            let what = format_args!("accept on {}: {error}", listener.label());
            log::event_of(Event::AcceptFailed, &[(Field::Listener, &listener.label())], what);
        }
        if descriptors::are_used_up(error) && self.descriptors.give() {
            // Only who waits already: the next one may find what has become free.
            let waiting = timeout(Duration::ZERO, listener.accept()).await;
            if let Ok(Ok((socket, _))) = waiting {
                self.refuse(socket, listener.refusals(), Limit::Accept);
                return;
            }
            self.descriptors.fill_up();
        }
        self.shared.metrics.limit_hits(self.id, Limit::Accept);
        // A busy loop would take the core that could free a descriptor.
        sleep(limits::ACCEPT_PAUSE).await;
    }

    /// Says that there are too many. Only so many are refused politely at a time; the rest are
    /// closed: a refusal must not become the load that it is to prevent.
    fn refuse(&self, socket: Accepted, refusals: Shape, limit: Limit) {
        self.shared.metrics.limit_hits(self.id, limit);
        let Ok(permit) = Arc::clone(&self.refusing).try_acquire_owned() else { return };
        let Ok(stream) = socket.into_stream() else { return };
        let problem = Problem {
            refusal: Refusal::Overloaded,
            request_id: &self.request_ids.next(),
            redemption: None,
            now: self.shared.clock.now(),
            detail: Some(match limit {
                Limit::Accept => "too few file descriptors",
                _ => "too many connections",
            }),
        };
        let answer = problem.answer(refusals, &Asked::unread(problem.now));
        let answer = lingering_close::to_http1(&answer);
        tokio::task::spawn_local(async move {
            let _permit = permit;
            let patience = Duration::from_millis(limits::LINGER_MS);
            let _ = timeout(patience, lingering_close::linger(stream, answer)).await;
        });
    }
}

/// The front's share of what this process may open.
struct Descriptors {
    limit: usize,
    lingering: usize,
    /// Held so that there is one for who must be refused when there are no others.
    spare: RefCell<Vec<File>>,
    told: Cell<Option<Instant>>,
}

impl Descriptors {
    fn of(config: &Config) -> Self {
        let limit = descriptors::limit();
        let lingering = DescriptorBudget::new(config, limit).lingering();
        let new = Self { limit, lingering, spare: RefCell::default(), told: Cell::default() };
        new.fill_up();
        new
    }

    fn budget(&self, config: &Config) -> DescriptorBudget {
        DescriptorBudget::new(config, self.limit)
    }

    fn lingering(&self) -> usize {
        self.lingering
    }

    /// Closes one of those that are spare; false if there was none.
    fn give(&self) -> bool {
        self.fill_up();
        self.spare.borrow_mut().pop().is_some()
    }

    fn fill_up(&self) {
        let mut spare = self.spare.borrow_mut();
        while spare.len() < limits::SPARE_DESCRIPTORS {
            let Ok(file) = File::open("/dev/null") else { return };
            spare.push(file);
        }
    }

    /// Whether it is some time ago that it was said.
    fn is_to_be_told(&self) -> bool {
        let now = Instant::now();
        let is_due = self.told.get().is_none_or(|told| now - told >= limits::ACCEPT_TOLD);
        if is_due {
            self.told.set(Some(now));
        }
        is_due
    }
}
