//! The stand-in backend. It counts every redemption, and fails as often as the scenario says.
//!
//! It must cost less than the gateway before it. So it takes one read, one write and one pass of a
//! parser for each request, on a thread of its own.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use crate::judge::call::Call;
use crate::judge::ledger::Ledger;
use crate::net::address::Address;
use crate::net::stream::{Inbox, Listener, Stream};
use crate::rng::Rng;
use crate::scenario::settings::BackendSettings;

/// The largest request: the gateway's head is below 17 KiB, and the body is ours.
const REQUEST_BYTES_MAX: usize = 32 * 1_024;
const FIELDS_MAX: usize = 64;

/// Time between two attempts to accept when no descriptor was free.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);

const SETTLED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Content-Length: 39\r\n\r\n{\"infcode\":0,\"output\":{\"setl_id\":\"1\"}}\n";
const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
    Content-Length: 37\r\n\r\n{\"infcode\":-1,\"err_msg\":\"on request\"}";

/// A backend that runs until it is dropped.
pub struct Backend {
    address: Address,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What it has done so far.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct BackendCounts {
    /// Whole requests.
    pub arrivals: u64,
    /// Answered late.
    pub delayed: u64,
    /// Answered with 500.
    pub errors: u64,
    /// Reset instead of an answer.
    pub resets: u64,
    /// Cut in the middle of the answer.
    pub halves: u64,
    /// Never answered.
    pub stalls: u64,
}

struct Shared {
    ledger: Arc<Ledger>,
    faults: BackendSettings,
    connections: watch::Sender<usize>,
    counts: AtomicCounts,
}

#[derive(Default)]
struct AtomicCounts {
    arrivals: AtomicU64,
    delayed: AtomicU64,
    errors: AtomicU64,
    resets: AtomicU64,
    halves: AtomicU64,
    stalls: AtomicU64,
}

/// What happens to one request.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Fate {
    Settle,
    Fail,
    Reset,
    Half,
    Stall,
}

impl Backend {
    /// Listens at `address` on a thread of its own.
    ///
    /// # Errors
    /// The system's error if it cannot listen.
    pub fn start(
        address: &Address,
        faults: BackendSettings,
        ledger: Arc<Ledger>,
    ) -> io::Result<Self> {
        let connections = watch::Sender::new(0);
        let shared =
            Arc::new(Shared { ledger, faults, connections, counts: AtomicCounts::default() });
        let (stop, stopped) = watch::channel(false);
        let (started, starting) = std::sync::mpsc::sync_channel(1);
        let (own, served) = (address.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("backend".to_owned()).spawn(move || {
            let runtime =
                Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let made = runtime.and_then(|runtime| {
                let listener = runtime.block_on(Listener::bind(&own))?;
                Ok((runtime, listener))
            });
            match made {
                Ok((runtime, listener)) => {
                    let _ = started.send(Ok(()));
                    runtime.block_on(serve(listener, served, stopped));
                }
                Err(error) => drop(started.send(Err(error))),
            }
        })?;
        starting.recv().map_err(io::Error::other)??;
        Ok(Self { address: address.clone(), shared, stop, thread: Some(thread) })
    }

    /// Waits until no connection is left, in the kernel's accept queue either. Then nothing can
    /// arrive late.
    ///
    /// # Errors
    /// The system's error if the backend does not serve any more.
    pub async fn wait_until_alone(&self) -> io::Result<()> {
        // Connections are accepted in order. A byte that begins no request is answered by a close.
        // When the close comes, every earlier connection is counted.
        let last = Stream::connect(&self.address).await?;
        last.write_all(b"\0").await?;
        let mut inbox = Inbox::new(1);
        while inbox.fill(&last).await? {}
        let mut connections = self.shared.connections.subscribe();
        // The sender lives as long as this value does.
        let _ = connections.wait_for(|count| *count == 0).await;
        Ok(())
    }

    /// What it has done so far.
    pub fn counts(&self) -> BackendCounts {
        self.shared.counts.read()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed where it happened.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: Listener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let rng = Rc::new(RefCell::new(Rng::random()));
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok(stream) = stream else {
            // No descriptor is free. Open connections go on and may free some.
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let (shared, rng) = (Arc::clone(&shared), Rc::clone(&rng));
        shared.connections.send_modify(|count| *count += 1);
        tokio::task::spawn_local(async move {
            // A gateway that is killed resets its connections.
            let _ = converse(&stream, &shared, &rng).await;
            drop(stream);
            shared.connections.send_modify(|count| *count -= 1);
        });
    }
}

async fn converse(stream: &Stream, shared: &Shared, rng: &RefCell<Rng>) -> io::Result<()> {
    let mut inbox = Inbox::new(REQUEST_BYTES_MAX);
    loop {
        let Some(length) = arrived(inbox.filled(), &shared.ledger)? else {
            if !inbox.fill(stream).await? {
                return Ok(());
            }
            continue;
        };
        inbox.take(length);
        AtomicCounts::add(&shared.counts.arrivals);
        let fate = shared.faults.fate(rng.borrow_mut().below(1_000));
        if shared.faults.delay_ms > 0 {
            AtomicCounts::add(&shared.counts.delayed);
            tokio::time::sleep(Duration::from_millis(shared.faults.delay_ms)).await;
        }
        shared.counts.note(fate);
        match fate {
            Fate::Settle => stream.write_all(SETTLED).await?,
            Fate::Fail => stream.write_all(FAILED).await?,
            Fate::Reset => return stream.reset_on_close(),
            Fate::Half => {
                return stream.write_all(SETTLED.split_at(SETTLED.len() - 20).0).await;
            }
            // Waits until the gateway closes.
            Fate::Stall => {
                while inbox.fill(stream).await? {}
                return Ok(());
            }
        }
    }
}

/// Notes a request that has arrived whole, and returns its length.
fn arrived(bytes: &[u8], ledger: &Ledger) -> io::Result<Option<usize>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let head = match request.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let field = |name: &str| {
        let found = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.map(|field| field.value)
    };
    let length = head + field("content-length").and_then(number).unwrap_or(0);
    if bytes.len() < length {
        return Ok(None);
    }
    let redemption = field("yanma-redemption");
    if request.path == Some(Call::PassCheck.path()) {
        ledger.arrive_check(field("yanma-pass-id"), redemption);
    } else {
        ledger.arrive(redemption);
    }
    Ok(Some(length))
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

impl BackendSettings {
    /// What a random number below 1,000 means.
    fn fate(&self, drawn: u64) -> Fate {
        let fates = [
            (self.error_per_mille, Fate::Fail),
            (self.reset_per_mille, Fate::Reset),
            (self.half_per_mille, Fate::Half),
            (self.stall_per_mille, Fate::Stall),
        ];
        let mut end = 0;
        let mut reached = |width| {
            end += width;
            drawn < end
        };
        let found = fates.into_iter().find(|(width, _)| reached(*width));
        found.map_or(Fate::Settle, |(_, fate)| fate)
    }
}

impl AtomicCounts {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn note(&self, fate: Fate) {
        match fate {
            Fate::Settle => {}
            Fate::Fail => Self::add(&self.errors),
            Fate::Reset => Self::add(&self.resets),
            Fate::Half => Self::add(&self.halves),
            Fate::Stall => Self::add(&self.stalls),
        }
    }

    fn read(&self) -> BackendCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BackendCounts {
            arrivals: read(&self.arrivals),
            delayed: read(&self.delayed),
            errors: read(&self.errors),
            resets: read(&self.resets),
            halves: read(&self.halves),
            stalls: read(&self.stalls),
        }
    }
}

#[cfg(test)]
mod tests;
