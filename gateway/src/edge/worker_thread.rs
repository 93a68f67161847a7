//! The worker threads. Each has its runtime; the accepting thread hands it connections.

use std::{
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    edge::connection::{self, Arrival},
    limits,
    metrics::WorkerId,
    worker::{Phase, Shared, Worker},
};
use registers::{Node, Registers};
use sys::{
    failpoint,
    log::{self, Event, Field},
    threads::Part,
};

/// A worker as the accepting thread sees it.
#[derive(Debug)]
pub(crate) struct Handle {
    arrivals: mpsc::Sender<Arrival>,
    connections: Arc<AtomicUsize>,
}

impl Handle {
    /// Connections that this worker has or is about to get.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Hands a connection over. Returns it if too many wait for the worker.
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
}

/// Starts a worker on a thread of its own. The thread ends after the drain, when its handle is
/// dropped and its work is done.
///
/// # Errors
///
/// The system's error if it refuses the thread or the runtime.
pub(crate) fn start(
    id: WorkerId,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<(Handle, JoinHandle<()>)> {
    let (arrivals, mut inbox) = mpsc::channel(limits::HANDOFF_QUEUE_MAX);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    // The thread does what can fail and reports the result here, where the caller can still return
    // it.
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
            worker.metrics().worker_begins(worker.id);
            let health = Arc::clone(worker.health());
            let mut has_begun = false;
            // Connections and exchanges are tasks of the runtime. They go on if this future panics.
            health.threads.keep(Part::Worker, || {
                runtime.block_on(async {
                    if !std::mem::replace(&mut has_begun, true) {
                        begin(&worker);
                    }
                    run(&worker, &mut inbox, &mut phase).await;
                });
            });
        }
    })?;
    starting.recv().map_err(io::Error::other)??;
    Ok((Handle { arrivals, connections }, thread))
}

/// The worker's flusher. It is started again if it panics, because codes of later turns wait for
/// it.
async fn keep_flushing(worker: Rc<Worker>) {
    loop {
        let its = Rc::clone(&worker);
        let flusher = tokio::task::spawn_local(async move {
            its.batch.flush_each_turn(its.verify_context()).await;
        });
        if let Err(error) = flusher.await {
            log::event(Event::VerifyFailed, format_args!("{error}"));
            worker.health().threads.ended(Part::Flusher);
        }
    }
}

/// The first worker writes to the registers which data directory this node has.
fn announce(worker: &Worker, registers: &Rc<Registers>) {
    if worker.id.index() > 0 {
        return;
    }
    let data_dir = worker.snapshot().config.server.data_dir.clone();
    match Node::of(&data_dir) {
        Ok(node) => {
            let conflict = Node::conflict(&data_dir);
            let (registers, health) = (Rc::clone(registers), Arc::clone(worker.health()));
            tokio::task::spawn_local(async move {
                let announce = async || {
                    let (node, conflict) = (node.clone(), conflict.clone());
                    node.announce(Rc::clone(&registers), conflict).await
                };
                health.threads.keep_task(Part::Registers, announce).await
            });
        }
        Err(error) => {
            let path = data_dir.join("node");
            let what = format_args!("[server] data_dir: {}: {error}", path.display());
            log::event_of(Event::NodeUnknown, &[(Field::Path, &path.display())], what);
        }
    }
}

/// Starts the worker's own tasks.
fn begin(worker: &Rc<Worker>) {
    tokio::task::spawn_local(keep_flushing(Rc::clone(worker)));
    if let Some(registers) = &worker.registers {
        registers.start();
        announce(worker, registers);
    }
}

/// Serves until the drain is over. Work that still runs at `drain_timeout_ms` is cut off.
async fn run(
    worker: &Rc<Worker>,
    inbox: &mut mpsc::Receiver<Arrival>,
    phase: &mut watch::Receiver<Phase>,
) {
    let mut ticks = interval(Duration::from_millis(limits::SWEEP_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut accepting = true;
    loop {
        tokio::select! {
            arrival = inbox.recv(), if accepting => match arrival {
                Some(arrival) => {
                    tokio::task::spawn_local(connection::serve(Rc::clone(worker), arrival));
                }
                None => accepting = false,
            },
            _ = ticks.tick() => {
                worker.tick();
                failpoint::panic_at("worker");
            }
            Ok(()) = phase.changed() => {
                if *phase.borrow() == Phase::Draining {
                    worker.leave();
                }
            }
        }
        let is_over = !accepting && worker.is_done();
        if worker.is_leaving() && (is_over || worker.is_out_of_time()) {
            return;
        }
    }
}
