//! The threads of the workers: each with its runtime, fed with connections by the accepting one.

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
    accept::{self, Arrival},
    limits,
    metrics::WorkerId,
    registers::{Node, Registers},
    worker::{Phase, Shared, Worker},
};

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

/// The worker's flusher, begun anew should it ever panic: codes of later turns wait for it.
async fn keep_flushing(worker: Rc<Worker>) {
    loop {
        let worker = Rc::clone(&worker);
        let flusher = tokio::task::spawn_local(async move {
            worker.batch.flush_each_turn(worker.means()).await;
        });
        if let Err(error) = flusher.await {
            eprintln!("yanma: error: verifying a group of codes failed: {error}");
        }
    }
}

/// The first worker says in the registers whose data directory this is.
fn announce(worker: &Worker, registers: &Rc<Registers>) {
    if worker.id.index() > 0 {
        return;
    }
    let data_dir = worker.snapshot().config.server.data_dir.clone();
    match Node::of(&data_dir) {
        Ok(node) => {
            let conflict = Node::conflict(&data_dir);
            tokio::task::spawn_local(node.announce(Rc::clone(registers), conflict));
        }
        Err(error) => {
            let path = data_dir.join("node");
            eprintln!("yanma: warning: [server] data_dir: {}: {error}", path.display());
        }
    }
}

/// Serves until the drain is over. Whatever still runs at `drain_timeout_ms` is cut off.
async fn run(
    worker: Rc<Worker>,
    mut inbox: mpsc::Receiver<Arrival>,
    mut phase: watch::Receiver<Phase>,
) {
    tokio::task::spawn_local(keep_flushing(Rc::clone(&worker)));
    if let Some(registers) = &worker.registers {
        registers.start();
        announce(&worker, registers);
    }
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
