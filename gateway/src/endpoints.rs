//! What is known of the backends' endpoints: who is up, and how busy it is.
//!
//! All workers share it and it survives reloads: an endpoint that a new configuration still names
//! keeps its state and its counts. A request reads it through an `Arc` that its worker holds; the
//! map is touched by reloads, probing and the admin listener alone.

mod endpoint;
mod probe;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use keyring::time::UnixMillis;

pub use self::endpoint::Endpoint;
pub use self::probe::probe_loop;
use crate::config::{self, BackendConfig};

/// All backends of the configuration in force, by name.
#[derive(Debug, Default)]
pub struct Endpoints(DashMap<String, Arc<Backend>>);

impl Endpoints {
    /// Takes a configuration's backends into force, and gives them back in its order. What was
    /// there before and is not named any more is forgotten, once the requests on it are done.
    pub fn apply(&self, configs: &[BackendConfig]) -> Vec<Arc<Backend>> {
        let backends: Vec<_> = configs.iter().map(|config| Arc::new(self.renew(config))).collect();
        self.0.retain(|name, _| configs.iter().any(|config| config.name == *name));
        for backend in &backends {
            self.0.insert(backend.name.clone(), Arc::clone(backend));
        }
        backends
    }

    /// The backends in force, in the order of their names.
    pub fn backends(&self) -> Vec<Arc<Backend>> {
        let mut backends: Vec<_> = self.0.iter().map(|entry| Arc::clone(entry.value())).collect();
        backends.sort_by(|a, b| a.name.cmp(&b.name));
        backends
    }

    fn renew(&self, config: &BackendConfig) -> Backend {
        let old = self.0.get(&config.name).map(|entry| Arc::clone(entry.value()));
        Backend::new(config, old.as_deref())
    }
}

/// Endpoints that answer alike.
#[derive(Debug)]
pub struct Backend {
    name: String,
    endpoints: Vec<Arc<Endpoint>>,
    in_flight: Arc<AtomicUsize>,
    connections_max: usize,
    connect_ms: u64,
}

/// As many requests as allowed are on their way to a backend.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct Full;

impl Backend {
    fn new(config: &BackendConfig, old: Option<&Self>) -> Self {
        assert!(!config.endpoints.is_empty(), "the configuration was checked");
        let endpoint = |config: &config::Endpoint| {
            let mut known = old.iter().flat_map(|old| &old.endpoints);
            let known = known.find(|endpoint| endpoint.config() == config).map(Arc::clone);
            known.unwrap_or_else(|| Arc::new(Endpoint::new(config.clone())))
        };
        Self {
            name: config.name.clone(),
            endpoints: config.endpoints.iter().map(endpoint).collect(),
            in_flight: old.map(|old| Arc::clone(&old.in_flight)).unwrap_or_default(),
            connections_max: config.connections_max,
            connect_ms: config.connect_ms,
        }
    }

    /// The backend's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The endpoints, at least one, in the configuration's order.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Requests on their way, over all endpoints and workers.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How many requests may be on their way at once.
    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Takes a place for one request.
    ///
    /// # Errors
    /// [`Full`] when `connections_max` requests are on their way.
    pub fn reserve(&self) -> Result<InFlight, Full> {
        let one_more = |n: usize| (n < self.connections_max).then_some(n + 1);
        self.in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map(|_| InFlight { backend: Arc::clone(&self.in_flight), endpoint: None })
            .map_err(|_| Full)
    }

    /// The less busy of two endpoints that `random` picks among those that are up: "the power of
    /// two choices" (Mitzenmacher 2001). Taking the least busy of all would send every worker to
    /// the same endpoint at once.
    ///
    /// With all of them down it picks among all: the request then ends in an honest
    /// `backend_unreachable` if they really are, and a wrong verdict stops nobody.
    pub fn choose(&self, random: u64, now: UnixMillis) -> &Arc<Endpoint> {
        let up = self.endpoints.iter().filter(|endpoint| endpoint.is_up(now));
        less_busy_of_two(up, random)
            .or_else(|| less_busy_of_two(self.endpoints.iter(), random))
            .expect("a backend has an endpoint")
    }
}

/// `None` without candidates. They may change between the passes, as others set their state; at
/// the worst there are none left then.
fn less_busy_of_two<'a>(
    candidates: impl Iterator<Item = &'a Arc<Endpoint>> + Clone,
    random: u64,
) -> Option<&'a Arc<Endpoint>> {
    let count = candidates.clone().count();
    let random = usize::try_from(random).expect("usize has 64 bits");
    let index = random.checked_rem(count)?;
    let first = candidates.clone().nth(index)?;
    let Some(step) = (random / count).checked_rem(count - 1) else { return Some(first) };
    let second = candidates.cycle().nth(index + 1 + step)?;
    Some(if second.in_flight() < first.in_flight() { second } else { first })
}

/// A place for one request at a backend, and at an endpoint once one is chosen. Given back when
/// dropped.
#[must_use = "dropping it gives the place back"]
#[derive(Debug)]
pub struct InFlight {
    backend: Arc<AtomicUsize>,
    endpoint: Option<Arc<Endpoint>>,
}

impl InFlight {
    /// The request goes to this endpoint, and no more to one that was chosen before.
    pub fn go_to(&mut self, endpoint: &Arc<Endpoint>) {
        endpoint.enter();
        if let Some(left) = self.endpoint.replace(Arc::clone(endpoint)) {
            left.leave();
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(endpoint) = &self.endpoint {
            endpoint.leave();
        }
        self.backend.fetch_sub(1, Ordering::Relaxed);
    }
}
