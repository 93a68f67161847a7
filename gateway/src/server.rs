//! The front: accepts connections, spreads them over the workers, and obeys signals.

use std::{future::Future, io, os::fd::AsFd as _, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    accept::{self, Arrival},
    admin,
    crew::{self, Handle},
    io::{Accepted, Listener, Peer},
    limits,
    metrics::{Limit, ListenerMetrics, WorkerId},
    notify,
    orders::{Leave, Orders, obey},
    refusal::{Problem, Refusal},
    request_id::RequestIds,
    takeover::Named,
    worker::{Phase, Shared},
};

/// The front thread's own state.
struct Front {
    shared: Arc<Shared>,
    workers: Vec<Handle>,
    request_ids: RequestIds,
    refusing: Arc<Semaphore>,
    id: WorkerId,
}

/// Serves on `listeners` until told to leave, then drains and returns.
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
    let workers = start_workers(&shared, &phase)?;
    let front = Rc::new(Front {
        id: WorkerId::new(workers.len()),
        shared: Arc::clone(&shared),
        workers,
        request_ids: RequestIds::from_os().map_err(io::Error::from)?,
        refusing: Arc::new(Semaphore::new(limits::LINGERING_CONNECTIONS_MAX)),
    });
    let listeners: Vec<_> = listeners.into_iter().map(Rc::new).collect();
    let accepting: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let accept = accept_all(Rc::clone(&front), Rc::clone(listener));
            tokio::task::spawn_local(accept)
        })
        .collect();
    let sockets: Vec<Named<'_>> = listeners
        .iter()
        .map(|listener| (listener.label(), listener.as_fd()))
        .chain([admin.named()])
        .collect();
    let leave = obey(&shared, &mut orders, &sockets).await;

    shared.health.set_draining();
    let server = shared.current.load().config().server.clone();
    if matches!(leave, Leave::Told) {
        notify::is_leaving();
        eprintln!("yanma: leaving: not ready, still accepting for {} ms", server.drain_delay_ms);
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
    let front = Rc::try_unwrap(front).map_err(|_| io::Error::other("a listener lives on"))?;
    drain(front, server.drain_timeout_ms).await;
    Ok(())
}

fn start_workers(shared: &Arc<Shared>, phase: &watch::Sender<Phase>) -> io::Result<Vec<Handle>> {
    let count = shared.current.load().config().server.workers;
    (0..count)
        .map(|index| crew::start(WorkerId::new(index), Arc::clone(shared), phase.subscribe()))
        .collect()
}

async fn accept_all(front: Rc<Front>, listener: Rc<Listener>) {
    let metrics = front.shared.metrics.listener(listener.label());
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => front.place(socket, peer, &metrics),
            // Out of descriptors, mostly: the connection stays queued, and a busy loop would
            // take the core that could free one.
            Err(error) => {
                front.shared.metrics.limit_hits(front.id, Limit::Accept);
                eprintln!("yanma: accept on {}: {error}", listener.label());
                sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Front {
    /// Hands the connection to the worker with the fewest, or refuses it fast.
    fn place(&self, socket: Accepted, peer: Peer, listener: &Arc<ListenerMetrics>) {
        let connections: usize = self.workers.iter().map(Handle::connections).sum();
        let limit = self.shared.current.load().config().limits.connections_max;
        let fewest = self.workers.iter().min_by_key(|worker| worker.connections());
        let arrival = Arrival { socket, peer, listener: Arc::clone(listener) };
        let refused = match fewest {
            Some(worker) if connections < limit => worker.hand_over(arrival).err(),
            _ => Some(arrival),
        };
        if let Some(arrival) = refused {
            self.shared.metrics.limit_hits(self.id, Limit::Connections);
            self.refuse(arrival.socket);
        }
    }

    /// Says that there are too many. Only so many are refused politely at a time; the rest are
    /// closed: a refusal must not become the load that it is to prevent.
    fn refuse(&self, socket: Accepted) {
        let Ok(permit) = Arc::clone(&self.refusing).try_acquire_owned() else { return };
        let Ok(stream) = socket.into_stream() else { return };
        let problem = Problem {
            refusal: Refusal::Overloaded,
            request_id: &self.request_ids.next(),
            redemption: None,
            now: self.shared.clock.now(),
            detail: Some("too many connections"),
        };
        let answer = accept::to_http1(&problem.to_response());
        tokio::task::spawn_local(async move {
            let _permit = permit;
            let patience = Duration::from_millis(limits::LINGER_MS);
            let _ = timeout(patience, accept::say_goodbye(stream, answer)).await;
        });
    }
}

/// Waits until every worker has finished what it runs, at most until the drain's time is over.
async fn drain(front: Front, drain_timeout_ms: u64) {
    let patience = Duration::from_millis(drain_timeout_ms) + limits::DRAIN_MARGIN;
    let begun = Instant::now();
    let threads: Vec<_> = front.workers.into_iter().map(Handle::close).collect();
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            // A worker that panicked has said so on standard error.
            let _ = thread.join();
        }
    });
    match within(patience, joined).await {
        Some(_) => eprintln!("yanma: drained in {} ms", begun.elapsed().as_millis()),
        None => eprintln!("yanma: the drain's time is over; what still ran is cut off"),
    }
}

async fn within<F: Future>(patience: Duration, future: F) -> Option<F::Output> {
    timeout(patience, future).await.ok()
}
