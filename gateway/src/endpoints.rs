//! The state of each backend's endpoints: shared by all workers, kept over reloads.
//!
//! The map is touched at start, by a reload and by the prober; requests hold what they need by
//! reference and only read and count atomically.

use std::{
    cell::OnceCell,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use dashmap::DashMap;
use keyring::time::UnixMillis;
use tokio::{
    net::{TcpStream, UnixStream},
    task::JoinSet,
    time::timeout,
};

use crate::{
    config::{BackendConfig, EndpointAddress},
    limits,
};

/// Every endpoint that a configuration of this process has named.
#[derive(Debug, Default)]
pub struct Endpoints {
    known: DashMap<(String, String), Arc<Endpoint>>,
    in_flight: DashMap<String, Arc<AtomicUsize>>,
}

/// One address of a backend.
#[derive(Debug)]
pub struct Endpoint {
    address: EndpointAddress,
    label: String,
    in_flight: AtomicU32,
    up: AtomicBool,
    connect_failures: AtomicU32,
    probe_failures: AtomicU32,
    ejected_until_ms: AtomicI64,
}

/// A backend as one configuration names it.
#[derive(Debug)]
pub struct Backend {
    name: String,
    endpoints: Vec<Arc<Endpoint>>,
    in_flight: Arc<AtomicUsize>,
    connections_max: usize,
}

/// The backend has `connections_max` requests in flight.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) struct Full;

/// One request's place at a backend; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct InFlight {
    backend: Arc<AtomicUsize>,
    endpoint: OnceCell<Arc<Endpoint>>,
}

impl Endpoints {
    /// The state behind `config`: what is known already is kept.
    #[must_use]
    pub fn backend(&self, config: &BackendConfig) -> Arc<Backend> {
        let endpoints = config.endpoints.iter().map(|endpoint| {
            let label = endpoint.to_string();
            let entry = self.known.entry((config.name.clone(), label.clone()));
            let new = || Arc::new(Endpoint::new(endpoint.address.clone(), label));
            Arc::clone(&entry.or_insert_with(new))
        });
        Arc::new(Backend {
            name: config.name.clone(),
            endpoints: endpoints.collect(),
            in_flight: Arc::clone(&self.in_flight.entry(config.name.clone()).or_default()),
            connections_max: config.connections_max,
        })
    }

    /// Forgets endpoints that `backends` no longer names and nobody uses.
    pub(crate) fn forget_others(&self, backends: &[Arc<Backend>]) {
        self.known.retain(|(name, _), endpoint| {
            backends.iter().any(|backend| {
                backend.name == *name
                    && backend.endpoints.iter().any(|named| Arc::ptr_eq(named, endpoint))
            })
        });
    }
}

impl Backend {
    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its endpoints, in the configuration's order.
    #[must_use]
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Requests in flight over all workers.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    /// A place for one request, or a refusal before anything is spent.
    pub(crate) fn reserve(&self) -> Result<InFlight, Full> {
        if self.in_flight.fetch_add(1, Relaxed) >= self.connections_max {
            self.in_flight.fetch_sub(1, Relaxed);
            return Err(Full);
        }
        Ok(InFlight { backend: Arc::clone(&self.in_flight), endpoint: OnceCell::new() })
    }

    /// Of two endpoints picked by `random`, the one with fewer requests in flight (Mitzenmacher,
    /// "The power of two choices", 2001), among those that are up. If none is up any of them is
    /// tried: an honest `backend_unreachable` is better than guessing that it would be one.
    pub(crate) fn choose(&self, random: u64) -> Option<&Arc<Endpoint>> {
        let up = self.endpoints.iter().filter(|endpoint| endpoint.is_up()).count();
        let pick = |random: u64| {
            if up == 0 {
                return self.endpoints.get(index(random, self.endpoints.len()));
            }
            self.endpoints.iter().filter(|endpoint| endpoint.is_up()).nth(index(random, up))
        };
        // An endpoint may fall between counting and picking; then the first will do.
        let first = pick(random).or(self.endpoints.first())?;
        let second = pick(random.rotate_left(32)).unwrap_or(first);
        Some(if second.in_flight() < first.in_flight() { second } else { first })
    }
}

/// A number below `len` from a random one.
fn index(random: u64, len: usize) -> usize {
    let len = u64::try_from(len).unwrap_or(u64::MAX).max(1);
    usize::try_from((random & 0xffff_ffff) % len).unwrap_or(0)
}

impl Endpoint {
    fn new(address: EndpointAddress, label: String) -> Self {
        Self {
            address,
            label,
            in_flight: AtomicU32::new(0),
            up: AtomicBool::new(true),
            connect_failures: AtomicU32::new(0),
            probe_failures: AtomicU32::new(0),
            ejected_until_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &EndpointAddress {
        &self.address
    }

    /// As the configuration writes it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Is it offered requests?
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up.load(Relaxed)
    }

    fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// A connection was had: whatever was held against the endpoint is forgotten.
    pub(crate) fn record_success(&self) {
        // Mostly there is nothing to forget, and a read costs other workers nothing.
        if self.connect_failures.load(Relaxed) != 0 || !self.is_up() {
            self.connect_failures.store(0, Relaxed);
            self.up.store(true, Relaxed);
        }
    }

    /// No connection was to be had: no more requests for a second, then two, up to thirty.
    pub(crate) fn record_connect_failure(&self, now: UnixMillis) {
        let before = self.connect_failures.fetch_add(1, Relaxed).min(5);
        let pause_ms = (limits::EJECT_MS << before).min(limits::EJECT_MS_MAX);
        self.ejected_until_ms.store(now.get().saturating_add(pause_ms), Relaxed);
        self.up.store(false, Relaxed);
    }

    fn record_probe(&self, reached: bool, now: UnixMillis) {
        if reached {
            self.probe_failures.store(0, Relaxed);
            self.record_success();
        } else if self.probe_failures.fetch_add(1, Relaxed) + 1 >= limits::PROBE_FAILURES {
            self.up.store(false, Relaxed);
            // As long as probes fail it stays out, whatever requests would find.
            let until_ms = now.get().saturating_add(limits::PROBE_MS * 2);
            self.ejected_until_ms.store(until_ms, Relaxed);
        }
    }

    /// Offers requests again once the pause is over.
    fn readmit(&self, now: UnixMillis) {
        if !self.is_up() && self.ejected_until_ms.load(Relaxed) <= now.get() {
            self.up.store(true, Relaxed);
        }
    }
}

impl InFlight {
    /// The request goes to this endpoint.
    pub(crate) fn at(&self, endpoint: &Arc<Endpoint>) {
        if self.endpoint.set(Arc::clone(endpoint)).is_ok() {
            endpoint.in_flight.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.backend.fetch_sub(1, Relaxed);
        if let Some(endpoint) = self.endpoint.get() {
            endpoint.in_flight.fetch_sub(1, Relaxed);
        }
    }
}

/// Ends the pauses that are over. Called by the front thread's tick.
pub(crate) fn readmit(backends: &[Arc<Backend>], now: UnixMillis) {
    for endpoint in backends.iter().flat_map(|backend| backend.endpoints()) {
        endpoint.readmit(now);
    }
}

/// Connects to each endpoint once and notes which can be reached. Takes at most
/// [`limits::PROBE_CONNECT_MS`].
pub(crate) async fn probe(backends: &[Arc<Backend>], now: UnixMillis) {
    let mut probes = JoinSet::new();
    for endpoint in backends.iter().flat_map(|backend| backend.endpoints()) {
        let endpoint = Arc::clone(endpoint);
        probes.spawn(async move {
            let patience = Duration::from_millis(limits::PROBE_CONNECT_MS);
            let reached = timeout(patience, reach(endpoint.address())).await;
            endpoint.record_probe(matches!(reached, Ok(Ok(()))), now);
        });
    }
    while probes.join_next().await.is_some() {}
}

async fn reach(address: &EndpointAddress) -> io::Result<()> {
    match address {
        EndpointAddress::Tcp { host, port } => {
            TcpStream::connect((host.as_str(), *port)).await.map(drop)
        }
        EndpointAddress::Unix(path) => UnixStream::connect(path).await.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> UnixMillis {
        UnixMillis::new(ms)
    }

    fn backend(ports: &[u16], connections_max: usize) -> Backend {
        let endpoint = |port: &u16| {
            let address = EndpointAddress::Tcp { host: "127.0.0.1".to_owned(), port: *port };
            Arc::new(Endpoint::new(address, format!("http://127.0.0.1:{port}")))
        };
        Backend {
            name: "settlement".to_owned(),
            endpoints: ports.iter().map(endpoint).collect(),
            in_flight: Arc::default(),
            connections_max,
        }
    }

    #[test]
    fn a_backend_takes_as_many_requests_as_it_may_and_no_more() {
        let backend = backend(&[1], 2);
        let first = backend.reserve().unwrap();
        let _second = backend.reserve().unwrap();
        assert_eq!(backend.reserve().unwrap_err(), Full);
        drop(first);
        assert!(backend.reserve().is_ok());
        assert_eq!(backend.in_flight(), 1);
    }

    #[test]
    fn the_endpoint_with_fewer_requests_in_flight_is_chosen() {
        let backend = backend(&[1, 2], 9);
        let busy = backend.endpoints.first().unwrap();
        let place = backend.reserve().unwrap();
        place.at(busy);
        // The two halves of the number pick endpoint 0 and endpoint 1.
        let chosen = backend.choose(1 << 32).unwrap();
        assert_eq!(chosen.label(), "http://127.0.0.1:2");
        drop(place);
        assert_eq!(busy.in_flight(), 0);
    }

    #[test]
    fn an_endpoint_that_refuses_is_left_alone_for_ever_longer() {
        let backend = backend(&[1, 2], 9);
        let dead = backend.endpoints.first().unwrap();
        dead.record_connect_failure(at(0));
        assert!((0..64).all(|bit| backend.choose(1 << bit).unwrap().label().ends_with(":2")));
        dead.readmit(at(999));
        assert!(!dead.is_up());
        dead.readmit(at(1_000));
        assert!(dead.is_up());
        dead.record_connect_failure(at(1_000));
        dead.readmit(at(2_999));
        assert!(!dead.is_up());
        dead.record_success();
        assert!(dead.is_up());
    }

    #[test]
    fn if_none_is_up_one_is_tried_all_the_same() {
        let backend = backend(&[1], 9);
        backend.endpoints.first().unwrap().record_connect_failure(at(0));
        assert!(backend.choose(7).is_some());
    }

    #[test]
    fn probes_take_out_and_bring_back() {
        let backend = backend(&[1], 9);
        let endpoint = backend.endpoints.first().unwrap();
        endpoint.record_probe(false, at(0));
        assert!(endpoint.is_up());
        endpoint.record_probe(false, at(limits::PROBE_MS));
        assert!(!endpoint.is_up());
        endpoint.record_probe(true, at(2 * limits::PROBE_MS));
        assert!(endpoint.is_up());
    }
}
