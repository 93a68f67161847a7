//! Builds and checks verification tables, on a thread of its own. Tables are built after the start
//! and after each reload, and checked again periodically. Meanwhile the `p256` crate verifies the
//! signatures of keys without a table.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
};

use keyring::{key_set::TableCheck, suite::Mismatch};

use crate::{limits, snapshot::Snapshot, worker::Shared};
use sys::{
    failpoint,
    log::{self, Event},
    threads::Part,
};

/// Tells the thread that there are new keys. Never waits.
#[derive(Debug, Clone)]
pub struct Builder(SyncSender<()>);

impl Builder {
    /// Requests tables for the snapshot in force. If a request waits already, it serves for both.
    pub(crate) fn wake(&self) {
        // Full: the waiting build will find this snapshot. Closed: the process ends.
        let _ = self.0.try_send(());
    }
}

/// Starts the thread, which builds at once.
///
/// # Errors
///
/// The system's error if it refuses the thread.
pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Builder> {
    let (wake, woken) = sync_channel(1);
    std::thread::Builder::new().name("tables".to_owned()).spawn(move || {
        shared.health.threads.keep(Part::Tables, || {
            build(&shared);
            shared.health.set_key_tables();
            care(&shared, &woken);
        });
    })?;
    Ok(Builder(wake))
}

/// Builds and checks tables until every [`Builder`] is dropped.
fn care(shared: &Shared, woken: &Receiver<()>) {
    let mut turn = 0;
    loop {
        match woken.recv_timeout(limits::TABLE_RECHECK) {
            Ok(()) => {
                failpoint::panic_at("tables");
                build(shared);
            }
            Err(RecvTimeoutError::Timeout) => {
                recheck(shared, turn);
                turn = turn.wrapping_add(1);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn build(shared: &Shared) {
    let current = shared.current.load();
    let begun = shared.clock.instant();
    allow_huge_pages(true);
    let built = build_for(&current);
    allow_huge_pages(false);
    match built {
        Ok(0) => {}
        Ok(_) => shared.metrics.tables_built(begun.elapsed_ns(&shared.clock)),
        Err(error) => log::event(
            Event::KeyTablesMissing,
            format_args!(
                "verification tables cannot be built: {error}; keys without one are verified \
                 slowly (p256)"
            ),
        ),
    }
}

/// Tables use huge pages; they are built away from the request path. Where the heap grows, a
/// request would wait until the kernel has cleared a huge page. That takes 4.5 ms in a virtual
/// machine and shows in p99.
///
/// The flag is the whole process's. It decides what the next first touch of a page gets; tables
/// keep their pages.
fn allow_huge_pages(allowed: bool) {
    // A kernel without the flag still serves, with slightly less even latency.
    let _ = rustix::thread::disable_transparent_huge_pages(!allowed);
}

/// Builds the missing tables of the snapshot's keys, within its budget. Returns how many.
pub(crate) fn build_for(snapshot: &Snapshot) -> io::Result<usize> {
    let budget = snapshot.config().server.verify_table_bytes();
    snapshot.keys().build_tables(budget)
}

fn recheck(shared: &Shared, turn: usize) {
    if shared.current.load().keys().recheck_table(turn) == TableCheck::Dropped {
        shared.metrics.table_fault();
        log::event(
            Event::KeyTableChanged,
            format_args!(
                "the memory of a verification table had changed: it is built again; if this \
                 happens more than once, replace the machine's memory"
            ),
        );
        build(shared);
    }
}

/// Logs that an engine was wrong, with the data that reproduces it. All of it is public.
pub(crate) fn report_mismatch(mismatch: &Mismatch) {
    log::event(
        Event::VerifierWrong,
        format_args!(
            "{mismatch}; the answer of p256 counts, and engine {} goes on until a restart; please \
             report this line",
            mismatch.next_engine()
        ),
    );
}
