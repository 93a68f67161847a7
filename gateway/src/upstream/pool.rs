//! The idle connections of one worker to backends, and new ones.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{Gate, Lease};
use crate::{
    config::BackendConfig,
    limits,
    transport::deadline::Sweep,
    upstream::endpoints::{Endpoint, NotConnected, dial},
};
use clock::Instant;

/// The idle connections of one worker, newest first. The older ones expire unused.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) sweep: Rc<Sweep>,
    pub(super) idle: RefCell<HashMap<usize, Vec<Idle>>>,
}

#[derive(Debug)]
pub(super) struct Idle {
    lease: Lease,
    since_ms: u64,
}

impl Pool {
    pub(crate) fn new(sweep: Rc<Sweep>) -> Rc<Self> {
        Rc::new(Self { sweep, idle: RefCell::default() })
    }

    /// Returns a connection to `endpoint`: an idle one that still lives, or a new one. `now` is the
    /// moment of the call; the caller has read it already.
    ///
    /// Cancel safe: a connection that is being made is closed.
    pub(crate) async fn acquire(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        backend: &BackendConfig,
        now: Instant,
    ) -> Result<Lease, NotConnected> {
        // After a reload, idle connections may remain from a time when the backend allowed reuse.
        while let Some(lease) = backend.reuse.then(|| self.take(endpoint)).flatten() {
            let idle_ns = lease.idle_since.map_or(u64::MAX, |since| now.nanos_since(since));
            // The runtime sees a hang-up only at its next poll of the kernel. Until then hyper
            // would write into the closed connection.
            if idle_ns > limits::UPSTREAM_LOOK_NS && !lease.gate.is_silent() {
                continue;
            }
            if lease.sender.is_ready() {
                return Ok(lease);
            }
        }
        self.dial(endpoint, backend).await
    }

    /// A new connection to `endpoint`. Cancel safe: a connection that is being made is closed.
    pub(crate) async fn dial(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        backend: &BackendConfig,
    ) -> Result<Lease, NotConnected> {
        let mut deadline = self.sweep.deadline(backend.connect_ms);
        let stream = std::pin::pin!(dial(endpoint.address()));
        let stream = deadline.limit(stream).await.unwrap_or(Err(NotConnected::Endpoint))?;
        let gate = Gate::new(stream);
        let handshake = http1::Builder::new()
            // One flat write costs less than a gathered one for bodies of a few hundred bytes.
            .writev(false)
            .max_header_size(limits::ANSWER_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(gate.stream()))
            .await;
        let Ok((sender, connection)) = handshake else { return Err(NotConnected::Endpoint) };
        let driver = tokio::task::spawn_local(async move {
            // The exchange that used the connection reports how it ended.
            let _ = connection.await;
        })
        .abort_handle();
        Ok(Lease {
            sender,
            gate,
            driver,
            endpoint: Arc::clone(endpoint),
            idle_ms: if backend.reuse { backend.idle_ms } else { 0 },
            idle_since: None,
            was_used: false,
            pool: Rc::clone(self),
        })
    }

    /// Closes the connections that idled too long. Returns whether there was any.
    pub(crate) fn expire(&self) -> bool {
        let (now_ms, mut any) = (self.sweep.now_ms(), false);
        self.idle.borrow_mut().retain(|_, idle| {
            idle.retain(|idle| {
                let stays = now_ms < idle.since_ms.saturating_add(idle.lease.idle_ms)
                    && !idle.lease.sender.is_closed();
                any |= !stays;
                stays
            });
            !idle.is_empty()
        });
        any
    }

    fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Lease> {
        let now_ms = self.sweep.now_ms();
        let mut pools = self.idle.borrow_mut();
        let Idle { lease, since_ms } = pools.get_mut(&key(endpoint))?.pop()?;
        (now_ms < since_ms.saturating_add(lease.idle_ms)).then_some(lease)
    }

    pub(super) fn put(&self, lease: Lease) {
        let since_ms = self.sweep.now_ms();
        let mut pools = self.idle.borrow_mut();
        pools.entry(key(&lease.endpoint)).or_default().push(Idle { lease, since_ms });
    }
}

/// An endpoint's address identifies it: each idle connection holds an `Arc` of its endpoint, so the
/// address is not reused.
fn key(endpoint: &Arc<Endpoint>) -> usize {
    Arc::as_ptr(endpoint).addr()
}
