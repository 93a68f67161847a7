//! Connections that are held beside the traffic. Each sends one request and is silent then.

use std::cell::Cell;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{oneshot, watch};

use super::http1;
use crate::judge::outcome::Outcome;
use crate::net::address::Address;
use crate::net::stream::{Inbox, Stream};

/// Connections from one source address. The kernel gives out some 28,000 ports for each.
const OF_A_SOURCE: usize = 20_000;
/// Connections that are opened at the same time, because a listener's queue is bounded.
const AT_ONCE: usize = 64;

/// Idle connections, held until this is dropped.
pub struct IdleConnections {
    opened: u64,
    closed: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl IdleConnections {
    /// Opens `count` connections, spread over `targets`, on a thread of their own, and waits until
    /// each has had its answer. Dropping the future leaves the thread to the end of the process.
    ///
    /// # Errors
    /// The system's error of the first connection that failed, or that its answer was wrong.
    pub async fn open(targets: Vec<Address>, count: usize) -> io::Result<Self> {
        let closed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&closed);
        let (stop, mut stopped) = watch::channel(false);
        let (opened, opening) = oneshot::channel();
        let thread = std::thread::Builder::new().name("idle".to_owned()).spawn(move || {
            let runtime =
                Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => runtime.block_on(async move {
                    let all = open_all(&targets, count, &counter).await;
                    let _ = opened.send(all);
                    let _ = stopped.wait_for(|is_over| *is_over).await;
                }),
                Err(error) => drop(opened.send(Err(error))),
            }
        })?;
        opening.await.map_err(io::Error::other)??;
        let opened = u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Self { opened, closed, stop, thread: Some(thread) })
    }

    /// How many were opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// How many of them the gateway has closed since.
    pub fn closed_by_gateway(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }
}

impl Drop for IdleConnections {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed where it happened.
            let _ = thread.join();
        }
    }
}

async fn open_all(targets: &[Address], count: usize, closed: &Arc<AtomicU64>) -> io::Result<()> {
    let next = Rc::new(Cell::new(0));
    let openers: Vec<_> = (0..AT_ONCE.min(count))
        .map(|_| {
            let (targets, closed) = (targets.to_vec(), Arc::clone(closed));
            tokio::task::spawn_local(open_some(targets, count, Rc::clone(&next), closed))
        })
        .collect();
    for opener in openers {
        opener.await.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn open_some(
    targets: Vec<Address>,
    count: usize,
    next: Rc<Cell<usize>>,
    closed: Arc<AtomicU64>,
) -> io::Result<()> {
    loop {
        let number = next.get();
        if number >= count {
            return Ok(());
        }
        next.set(number + 1);
        let target = targets.get(number % targets.len().max(1)).ok_or(io::ErrorKind::NotFound)?;
        let stream = Stream::connect_from(target, source(target, number)).await?;
        match http1::greet(&stream).await?.answer.outcome {
            Outcome::CodeMalformed => {}
            other => return Err(io::Error::other(format!("answered {}", other.word()))),
        }
        let closed = Arc::clone(&closed);
        tokio::task::spawn_local(async move {
            // No request was sent, so whatever comes now is the end of the connection.
            let _ = Inbox::new(1).fill(&stream).await;
            closed.fetch_add(1, Ordering::Relaxed);
        });
    }
}

/// A source address for this connection. Loopback has as many as are needed.
fn source(target: &Address, number: usize) -> Option<Ipv4Addr> {
    let Address::Tcp(address) = target else { return None };
    let last = u8::try_from(1 + number / OF_A_SOURCE).ok()?;
    address.ip().is_loopback().then(|| Ipv4Addr::new(127, 0, 1, last))
}
