//! The front: accepts connections, spreads them over the workers, and obeys signals.

use std::{future::Future, io, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, interval, sleep, timeout},
};

use crate::{
    accept::{self, Arrival},
    crew::{self, Handle},
    endpoints,
    io::{Accepted, Listener, Peer},
    limits,
    metrics::{Gauge, Limit, WorkerId},
    refusal::{Problem, Refusal},
    reload::{ReloadRequest, Reloader},
    request_id::RequestIds,
    signals::{Signal, Signals},
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
pub async fn run(
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
    reloader: Reloader,
    mut reloads: mpsc::Receiver<ReloadRequest>,
    mut signals: Signals,
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
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::task::spawn_local(accept_all(Rc::clone(&front), listener)))
        .collect();
    obey(&shared, &reloader, &mut reloads, &mut signals).await;

    shared.health.set_draining();
    let server = shared.current.load().config().server.clone();
    eprintln!("yanma: leaving: not ready, still accepting for {} ms", server.drain_delay_ms);
    // Reloads are over: what is finished is finished as it began.
    sleep(Duration::from_millis(server.drain_delay_ms)).await;
    for task in accepting {
        task.abort();
        // The task is dropped, and the listener with it, before the workers are told.
        let _ = task.await;
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

/// Waits for the signal to leave; reloads on the way.
async fn obey(
    shared: &Shared,
    reloader: &Reloader,
    reloads: &mut mpsc::Receiver<ReloadRequest>,
    signals: &mut Signals,
) {
    let mut ticks = interval(Duration::from_millis(limits::SWEEP_MS));
    loop {
        tokio::select! {
            _ = ticks.tick() => look_around(shared),
            signal = signals.next() => match signal {
                Signal::Leave => return,
                Signal::Reload => drop(reloader.reload(shared)),
                Signal::Upgrade => {
                    eprintln!("yanma: SIGUSR2: this version cannot hand over; restart instead");
                }
            },
            Some(request) = reloads.recv() => {
                // Whoever asked may have gone; the reload has happened all the same.
                let _ = request.answer.send(reloader.reload(shared));
            }
        }
    }
}

/// Compares the clocks, tells health whether keys can be used now, and gives the canary its
/// allowance for the time until the next look.
pub(crate) fn look_around(shared: &Shared) {
    shared.clock.tick();
    shared.health.set_clock(shared.clock.trusted());
    shared.health.set_record(shared.record.is_well());
    let (current, now) = (shared.current.load(), shared.clock.now());
    endpoints::readmit(current.backends(), now);
    shared.health.set_keys(current.keys().usable_at(now) > 0);
    current.keys().verifier().allow_rechecks(limits::REJECT_RECHECKS_MAX);
}

async fn accept_all(front: Rc<Front>, listener: Listener) {
    let open = front.shared.metrics.listener(listener.label());
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => front.place(socket, peer, &open),
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
    fn place(&self, socket: Accepted, peer: Peer, open: &Arc<Gauge>) {
        let connections: usize = self.workers.iter().map(Handle::connections).sum();
        let limit = self.shared.current.load().config().limits.connections_max;
        let fewest = self.workers.iter().min_by_key(|worker| worker.connections());
        let arrival = Arrival { socket, peer, open: Arc::clone(open) };
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
