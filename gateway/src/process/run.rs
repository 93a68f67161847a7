//! The life of a process that serves: it accepts, obeys, drains and leaves.

use std::{io, os::fd::AsFd as _, rc::Rc, sync::Arc, thread::JoinHandle, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use sys::{
    log::{self, Event, Field},
    threads::{Part, unwound},
};

use super::{
    control::{Leave, Orders, obey},
    systemd,
    takeover::Named,
};
use crate::{
    admin,
    edge::{
        acceptor::{Acceptor, keep_accepting},
        worker_thread::{self, Handle},
    },
    limits,
    metrics::{Metrics, WorkerId},
    transport::listener::Listener,
    worker::{Phase, Shared},
    writing,
};

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
    (admin, writing): (admin::Handle, Option<writing::Handle>),
    shared: Arc<Shared>,
    mut orders: Orders,
) -> io::Result<()> {
    let (phase, _) = watch::channel(Phase::Serving);
    let (workers, threads) = start_workers(&shared, &phase)?;
    let acceptor = Acceptor::new(&shared, workers)?;
    let listeners: Vec<_> = listeners.into_iter().map(Rc::new).collect();
    let accepting: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let accept = keep_accepting(Rc::clone(&acceptor), Rc::clone(listener));
            tokio::task::spawn_local(accept)
        })
        .collect();
    let sockets: Vec<Named<'_>> = listeners
        .iter()
        .map(|listener| (listener.label(), listener.as_fd()))
        .chain([admin.named()])
        .chain(writing.iter().map(writing::Handle::named))
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
        let delay_ms = server.drain_delay_ms;
        let what = format_args!("leaving: not ready, still accepting for {delay_ms} ms");
        log::event(Event::Draining, what);
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
            writing.iter().for_each(writing::Handle::let_go);
            listeners.iter().for_each(|listener| listener.let_go());
            drop(listeners);
            successor.relieve().await;
        }
    }
    phase.send_replace(Phase::Draining);
    // No connection comes to the workers any more: nothing but this holds their handles.
    drop(acceptor);
    drain(threads, server.drain_timeout_ms, &shared.metrics).await;
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

/// Waits until every worker has finished what it runs, at most until the drain's time is over. The
/// last line of the log tells what the process counted: a scrape may not have seen it.
async fn drain(threads: Vec<JoinHandle<()>>, drain_timeout_ms: u64, metrics: &Metrics) {
    let patience = Duration::from_millis(drain_timeout_ms) + limits::DRAIN_MARGIN;
    let begun = Instant::now();
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            // Panics are caught in the thread.
            let _ = thread.join();
        }
    });
    let is_over = timeout(patience, joined).await.is_ok();
    let ms = begun.elapsed().as_millis();
    let counts: String =
        metrics.outcomes().iter().map(|(outcome, n)| format!(" {outcome}={n}")).collect();
    if is_over {
        let what = format_args!("in {ms} ms; requests of this process by outcome:{counts}");
        log::event_of(Event::Drained, &[(Field::DurationMs, &ms)], what);
    } else {
        let n = metrics.requests_in_flight.total();
        let what = format_args!(
            "the drain's time is over; {n} requests that still ran are cut off; the others of this \
             process by outcome:{counts}"
        );
        log::event_of(Event::DrainCut, &[(Field::DurationMs, &ms)], what);
    }
}
