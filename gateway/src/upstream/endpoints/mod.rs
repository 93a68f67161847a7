//! The state of each backend's endpoints: shared by all workers, kept over reloads.
//!
//! The map is touched at start and by a reload; requests hold what they need by reference and
//! only read and count atomically.

mod dial;
mod endpoint;
mod probe;
#[cfg(test)]
mod tests;

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use dashmap::DashMap;
use keyring::time::UnixMillis;

pub(crate) use self::dial::{NotConnected, dial};
pub use self::endpoint::Endpoint;
pub(crate) use self::probe::probe;
use crate::config::BackendConfig;

/// Every endpoint of the configuration in force, by backend and label.
#[derive(Debug, Default)]
pub struct Endpoints {
    known: DashMap<(String, String), Arc<Endpoint>>,
    in_flight: DashMap<String, Arc<AtomicUsize>>,
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
#[must_use = "dropping it frees the place"]
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

    /// Forgets what `backends` no longer names. Requests that still are there keep what they
    /// hold until they end.
    pub(crate) fn forget_others(&self, backends: &[Arc<Backend>]) {
        self.known.retain(|_, known| {
            let mut named = backends.iter().flat_map(|backend| backend.endpoints());
            named.any(|endpoint| Arc::ptr_eq(endpoint, known))
        });
        self.in_flight.retain(|name, _| backends.iter().any(|backend| backend.name == *name));
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

    /// How many requests may be in flight at once.
    #[must_use]
    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Are all places taken just now?
    pub(crate) fn is_full(&self) -> bool {
        self.in_flight() >= self.connections_max
    }

    /// Tells this backend from others, also over reloads.
    pub(crate) fn number(&self) -> usize {
        Arc::as_ptr(&self.in_flight).addr()
    }

    /// A place for one request, or a refusal before anything is spent.
    ///
    /// The count never passes the bound, not even for a moment: otherwise two that are refused
    /// at the same time could keep a third out of the last place.
    pub(crate) fn reserve(&self) -> Result<InFlight, Full> {
        let one_more = |n: usize| (n < self.connections_max).then_some(n + 1);
        self.in_flight
            .fetch_update(Relaxed, Relaxed, one_more)
            .map(|_| InFlight { backend: Arc::clone(&self.in_flight), endpoint: OnceCell::new() })
            .map_err(|_| Full)
    }

    /// Of two endpoints picked by `random`, the one with fewer requests in flight (Mitzenmacher,
    /// "The power of two choices", 2001), among those that are up. If none is up any of them is
    /// tried: an honest `backend_unreachable` is better than guessing that it would be one.
    pub(crate) fn choose(&self, random: u64) -> Option<&Arc<Endpoint>> {
        let up = self.endpoints.iter().filter(|endpoint| endpoint.is_up());
        less_busy_of_two(up, random).or_else(|| less_busy_of_two(self.endpoints.iter(), random))
    }
}

/// `None` without candidates: there are none, or all fell between counting and picking.
fn less_busy_of_two<'a>(
    candidates: impl Iterator<Item = &'a Arc<Endpoint>> + Clone,
    random: u64,
) -> Option<&'a Arc<Endpoint>> {
    let count = candidates.clone().count();
    let random = usize::try_from(random).unwrap_or(usize::MAX);
    let index = random.checked_rem(count)?;
    let first = candidates.clone().nth(index)?;
    // The second is another one: 1 to count - 1 steps further round.
    let Some(steps) = (random / count).checked_rem(count - 1) else { return Some(first) };
    let second = candidates.cycle().nth(index + 1 + steps)?;
    Some(if second.in_flight() < first.in_flight() { second } else { first })
}

impl InFlight {
    /// The request goes to this endpoint.
    pub(crate) fn at(&self, endpoint: &Arc<Endpoint>) {
        if self.endpoint.set(Arc::clone(endpoint)).is_ok() {
            endpoint.enter();
        }
    }

    /// Where the request goes, once that is known.
    pub(crate) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.endpoint.get()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.backend.fetch_sub(1, Relaxed);
        if let Some(endpoint) = self.endpoint.get() {
            endpoint.leave();
        }
    }
}

/// Ends the pauses that are over. Called by the front thread's tick.
pub(crate) fn readmit(backends: &[Arc<Backend>], now: UnixMillis) {
    for endpoint in backends.iter().flat_map(|backend| backend.endpoints()) {
        endpoint.readmit(now);
    }
}
