//! The front: accepts connections, spreads them over the workers, and obeys signals.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fs::File,
    future::Future,
    io,
    os::fd::AsFd as _,
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    admin,
    config::Config,
    edge::connection::{self, Arrival},
    edge::worker_thread::{self, Handle},
    limits,
    metrics::{ListenerMetrics, WorkerId},
    process::control::{Leave, Orders, obey},
    process::descriptors::{self, Budget},
    process::systemd,
    process::takeover::Named,
    refusal::{Limit, Problem, Refusal},
    request_id::RequestIds,
    transport::listener::{Accepted, Listener, Peer},
    worker::{Phase, Shared},
};
use sys::{
    failpoint, log,
    threads::{Part, unwound},
};

/// The front thread's own state.
struct Front {
    shared: Arc<Shared>,
    workers: Vec<Handle>,
    request_ids: RequestIds,
    refusing: Arc<Semaphore>,
    descriptors: Descriptors,
    id: WorkerId,
}

/// Serves on `listeners` until told to leave, or until a part of the process is lost that it cannot
/// serve without; then drains and returns.
///
/// Must run on a `LocalRuntime` of the calling thread.
///
/// # Errors
///
/// The system's error if the workers cannot be started.
pub(crate) async fn run(
    listeners: Vec<Listener>,
    admin: admin::Handle,
    shared: Arc<Shared>,
    mut orders: Orders,
) -> io::Result<()> {
    let (phase, _) = watch::channel(Phase::Serving);
    let (workers, threads) = start_workers(&shared, &phase)?;
    let descriptors = Descriptors::of(shared.current.load().config());
    let front = Rc::new(Front {
        id: WorkerId::new(workers.len()),
        shared: Arc::clone(&shared),
        workers,
        request_ids: RequestIds::from_os().map_err(io::Error::from)?,
        refusing: Arc::new(Semaphore::new(descriptors.lingering())),
        descriptors,
    });
    let listeners: Vec<_> = listeners.into_iter().map(Rc::new).collect();
    let accepting: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let accept = keep_accepting(Rc::clone(&front), Rc::clone(listener));
            tokio::task::spawn_local(accept)
        })
        .collect();
    let sockets: Vec<Named<'_>> = listeners
        .iter()
        .map(|listener| (listener.label(), listener.as_fd()))
        .chain([admin.named()])
        .collect();
    let obeyed = unwound(obey(&shared, &mut orders, &sockets)).await;
    let leave = obeyed.unwrap_or_else(|_| {
        shared.health.threads.ended(Part::Front);
        Leave::Told
    });

    shared.health.set_draining();
    let server = shared.current.load().config().server.clone();
    if matches!(leave, Leave::Told) {
        systemd::tell_leaving();
        log::info(format_args!(
            "leaving: not ready, still accepting for {} ms",
            server.drain_delay_ms
        ));
        // Reloads are over: what is finished is finished as it began.
        sleep(Duration::from_millis(server.drain_delay_ms)).await;
    }
    for task in accepting {
        task.abort();
        // The task is dropped, and its hold on the listener, before the workers are told.
        let _ = task.await;
    }
    match leave {
        Leave::Told => drop(listeners),
        Leave::Relieved(successor) => {
            admin.let_go();
            listeners.into_iter().filter_map(Rc::into_inner).for_each(Listener::let_go);
            successor.relieve().await;
        }
    }
    phase.send_replace(Phase::Draining);
    // No connection comes to the workers any more: nothing but this holds their handles.
    drop(front);
    drain(threads, server.drain_timeout_ms).await;
    Ok(())
}

/// The workers, and their threads.
fn start_workers(
    shared: &Arc<Shared>,
    phase: &watch::Sender<Phase>,
) -> io::Result<(Vec<Handle>, Vec<JoinHandle<()>>)> {
    let count = shared.current.load().config().server.workers;
    (0..count)
        .map(|index| {
            worker_thread::start(WorkerId::new(index), Arc::clone(shared), phase.subscribe())
        })
        .collect()
}

async fn keep_accepting(front: Rc<Front>, listener: Rc<Listener>) -> Infallible {
    let threads = &front.shared.health.threads;
    threads.keep_task(Part::Accept, async || accept_all(&front, &listener).await).await
}

async fn accept_all(front: &Front, listener: &Listener) -> Infallible {
    let metrics = front.shared.metrics.listener(listener.label());
    loop {
        failpoint::panic_at("accept");
        match listener.accept().await {
            Ok((socket, peer)) => front.place(socket, peer, &metrics),
            Err(error) => front.accept_failed(listener, &error).await,
        }
    }
}

impl Front {
    /// Hands the connection to the worker with the fewest, or refuses it fast.
    fn place(&self, socket: Accepted, peer: Peer, listener: &Arc<ListenerMetrics>) {
        let connections: usize = self.workers.iter().map(Handle::connections).sum();
        let current = self.shared.current.load();
        let configured = current.config().limits.connections_max;
        let limit = self.descriptors.budget(current.config()).clients();
        let fewest = self.workers.iter().min_by_key(|worker| worker.connections());
        let arrival = Arrival { socket, peer, listener: Arc::clone(listener) };
        let refused = match fewest {
            Some(worker) if connections < limit => worker.hand_over(arrival).err(),
            _ => Some(arrival),
        };
        if let Some(arrival) = refused {
            let is_scarce = (limit..configured).contains(&connections);
            self.refuse(arrival.socket, if is_scarce { Limit::Accept } else { Limit::Connections });
        }
    }

    /// Mostly there is no descriptor left. Who waits in the queue would wait for as long as that
    /// lasts, so one that was kept for this is given to a refusal.
    async fn accept_failed(&self, listener: &Listener, error: &io::Error) {
        if self.descriptors.is_to_be_told() {
            log::warning(format_args!("accept on {}: {error}", listener.label()));
        }
        if descriptors::are_used_up(error) && self.descriptors.give() {
            // Only who waits already: the next one may find what has become free.
            let waiting = within(Duration::ZERO, listener.accept()).await;
            if let Some(Ok((socket, _))) = waiting {
                self.refuse(socket, Limit::Accept);
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
    fn refuse(&self, socket: Accepted, limit: Limit) {
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
        let answer = connection::to_http1(&problem.to_response());
        tokio::task::spawn_local(async move {
            let _permit = permit;
            let patience = Duration::from_millis(limits::LINGER_MS);
            let _ = timeout(patience, connection::say_goodbye(stream, answer)).await;
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
        let lingering = Budget::new(config, limit).lingering();
        let new = Self { limit, lingering, spare: RefCell::default(), told: Cell::default() };
        new.fill_up();
        new
    }

    fn budget(&self, config: &Config) -> Budget {
        Budget::new(config, self.limit)
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

/// Waits until every worker has finished what it runs, at most until the drain's time is over.
async fn drain(threads: Vec<JoinHandle<()>>, drain_timeout_ms: u64) {
    let patience = Duration::from_millis(drain_timeout_ms) + limits::DRAIN_MARGIN;
    let begun = Instant::now();
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            // Panics are caught in the thread.
            let _ = thread.join();
        }
    });
    match within(patience, joined).await {
        Some(_) => log::info(format_args!("drained in {} ms", begun.elapsed().as_millis())),
        None => {
            log::warning(format_args!("the drain's time is over; what still ran is cut off"));
        }
    }
}

async fn within<F: Future>(patience: Duration, future: F) -> Option<F::Output> {
    timeout(patience, future).await.ok()
}
