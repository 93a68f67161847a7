//! What one configuration and one keyring make together. It is replaced as a whole, or not at all.

pub mod routes;

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;
use keyring::{
    key::IssuerKey,
    key_set::KeySet,
    verify::{Rejected, Rejection, VerifiedCode},
};

use crate::{
    config::{BackendConfig, Config, RouteConfig},
    metrics::{
        BackendMetrics, KeyMetrics, KeyVerdict, MessageCounters, Metrics, RouteMetrics, WorkerId,
    },
    snapshot::routes::Routes,
    upstream::endpoints::{Backend, Endpoints},
};
use record::{BackendLabels, Labels, RouteLabels};

/// Everything that a request is judged by. Immutable; a request keeps the one it began with.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) config: Config,
    pub(crate) keys: KeySet,
    pub(crate) routes: Routes,
    backends: Vec<Arc<Backend>>,
    route_metrics: Vec<Arc<RouteMetrics>>,
    /// Of routes that read bodies.
    message_counters: Vec<Option<MessageCounters>>,
    backend_metrics: Vec<Arc<BackendMetrics>>,
    /// In the order of the keys.
    key_metrics: Box<[Arc<KeyMetrics>]>,
    /// Some route takes messages that reverse others.
    reverses: bool,
    /// For requests that found no route.
    no_route: Arc<RouteMetrics>,
}

impl Snapshot {
    /// Resolves names to indexes, so that no request looks anything up by name.
    #[must_use]
    pub fn new(config: Config, keys: KeySet, endpoints: &Endpoints, metrics: &Metrics) -> Self {
        let routes = Routes::new(&config.routes);
        let backends = config.backends.iter().map(|backend| endpoints.backend(backend)).collect();
        let route_metrics: Vec<_> =
            config.routes.iter().map(|route| metrics.route(&route.path)).collect();
        for (route, metrics) in config.routes.iter().zip(&route_metrics) {
            if !route.is_enforced() {
                metrics.show_observed();
            }
        }
        let messages = |route: &RouteConfig| {
            let rules = route.infno().into_iter().flat_map(|infno| &infno.rules);
            let keys = rules.map(|rule| rule.key.as_str());
            route.message.as_ref().map(|_| metrics.messages(&route.path, keys))
        };
        let message_counters = config.routes.iter().map(messages).collect();
        let backend_metrics =
            config.backends.iter().map(|backend| metrics.backend(&backend.name)).collect();
        let reverses = config.routes.iter().any(RouteConfig::reverses);
        let no_route = metrics.route("none");
        metrics.show_channels(keys.iter().map(IssuerKey::channel));
        let key_metrics = keys.iter().map(|key| metrics.key(key.id())).collect();
        Self {
            config,
            keys,
            routes,
            backends,
            route_metrics,
            message_counters,
            backend_metrics,
            key_metrics,
            reverses,
            no_route,
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The keyring.
    #[must_use]
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The names that the decision record uses while this snapshot is in force.
    #[must_use]
    pub fn record_labels(&self) -> Labels {
        let Config { routes, backends, digest, .. } = &self.config;
        let route = |route: &RouteConfig| RouteLabels { path: route.path.clone() };
        let backend = |backend: &BackendConfig| BackendLabels {
            name: backend.name.clone(),
            endpoints: backend.endpoints.iter().map(ToString::to_string).collect(),
        };
        Labels {
            config: digest.to_string(),
            keyring: self.keys.digest().to_owned(),
            routes: routes.iter().map(route).collect(),
            backends: backends.iter().map(backend).collect(),
        }
    }

    /// The backends, in the configuration's order.
    #[must_use]
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    pub(crate) fn route(&self, index: usize) -> &RouteConfig {
        self.config.routes.get(index).expect(SAME_TABLE)
    }

    pub(crate) fn backend_config(&self, index: usize) -> &BackendConfig {
        self.config.backends.get(index).expect(SAME_TABLE)
    }

    /// The `Host` for a backend if the client named none (HTTP/1.0).
    pub(crate) fn host_of_backend(&self, index: usize) -> HeaderValue {
        let endpoint = self.backend_config(index).endpoints.first();
        endpoint
            .and_then(|endpoint| HeaderValue::from_str(&endpoint.authority).ok())
            .unwrap_or_else(|| HeaderValue::from_static("localhost"))
    }

    pub(crate) fn backend(&self, index: usize) -> &Arc<Backend> {
        self.backends.get(index).expect(SAME_TABLE)
    }

    pub(crate) fn backend_metrics(&self, index: usize) -> &BackendMetrics {
        self.backend_metrics.get(index).expect(SAME_TABLE)
    }

    /// Counts what the key says of a code that names it. A code that is refused before it is asked
    /// counts nowhere, and a forged one that is late neither: of that nothing else is told.
    pub(crate) fn count_verdict(&self, worker: WorkerId, outcome: &Result<VerifiedCode, Rejected>) {
        let (key_id, verdict) = match outcome {
            Ok(code) => (Some(code.key_id()), KeyVerdict::Genuine),
            Err(Rejected { late: Some(late), .. }) => {
                (Some(late.identity().key_id), KeyVerdict::Genuine)
            }
            Err(Rejected { rejection: Rejection::SealInvalid, key_id, .. }) => {
                (*key_id, KeyVerdict::SealInvalid)
            }
            Err(Rejected { rejection: Rejection::SignatureInvalid, key_id, .. }) => {
                (*key_id, KeyVerdict::SignatureInvalid)
            }
            Err(_) => return,
        };
        let place = key_id.and_then(|id| self.keys.place(id));
        if let Some(metrics) = place.and_then(|place| self.key_metrics.get(place)) {
            metrics.codes(worker, verdict);
        }
    }

    pub(crate) fn route_metrics(&self, index: Option<usize>) -> &RouteMetrics {
        index.and_then(|index| self.route_metrics.get(index)).unwrap_or(&self.no_route)
    }

    /// Whether messages under way are kept in mind, because another may reverse them.
    pub(crate) fn reverses(&self) -> bool {
        self.reverses
    }

    /// The counters of a route that reads bodies.
    pub(crate) fn message_counters(&self, route: Option<usize>) -> Option<&MessageCounters> {
        self.message_counters.get(route?)?.as_ref()
    }
}

const SAME_TABLE: &str = "indexes are made by the snapshot that they are used on";

/// A worker's reference to a snapshot. Its requests count references to this one, on a cache line
/// that no other worker writes.
#[derive(Debug)]
pub(crate) struct Held {
    snapshot: Arc<Snapshot>,
    /// The worker's own, because each decision counts a reference to it.
    labels: Arc<Labels>,
}

impl Held {
    pub(crate) fn labels(&self) -> &Arc<Labels> {
        &self.labels
    }
}

impl std::ops::Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// The snapshot in force. Readers never wait, and replacing it never waits for readers.
#[derive(Debug)]
pub struct Current(ArcSwap<Snapshot>);

impl Current {
    /// The first snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot in force now.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    pub(crate) fn hold(&self) -> Held {
        let snapshot = self.load();
        let labels = Arc::new(snapshot.record_labels());
        Held { snapshot, labels }
    }

    /// Whether `held` is still the one in force. One load.
    pub(crate) fn is(&self, held: &Held) -> bool {
        std::ptr::eq(&raw const **self.0.load(), Arc::as_ptr(&held.snapshot))
    }

    /// Puts `snapshot` in force for every request that begins from now on.
    pub fn replace(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
