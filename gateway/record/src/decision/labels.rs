//! Names of routes and backends.

/// The names that a configuration and a keyring give. Entries hold indexes, and the writer looks
/// the names up here. Each worker has a copy of its own: counting references to one copy would make
/// the cores wait for each other.
#[derive(Debug, Clone)]
pub struct Labels {
    /// The digest of the configuration.
    pub config: String,
    /// The digest of the keyring.
    pub keyring: String,
    /// Routes, in the order of the configuration.
    pub routes: Vec<RouteLabels>,
    /// Backends, in the order of the configuration.
    pub backends: Vec<BackendLabels>,
}

/// A route's names.
#[derive(Debug, Clone)]
pub struct RouteLabels {
    /// As the configuration writes it.
    pub path: String,
}

/// A backend's names.
#[derive(Debug, Clone)]
pub struct BackendLabels {
    /// As the configuration writes it.
    pub name: String,
    /// Addresses, in the order of the configuration.
    pub endpoints: Vec<String>,
}

/// What a route does with what the request presents.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum RouteUse {
    /// Verifies and redeems it.
    Redeem,
    /// Verifies and redeems it, and gives a pass for it.
    Exchange,
    /// Verifies it.
    Check,
    /// Opens and spends a pass.
    Pass,
    /// Opens a pass.
    PassCheck,
    /// Reads none.
    None,
}

impl RouteUse {
    /// The word in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redeem => "redeem",
            Self::Exchange => "exchange",
            Self::Check => "check",
            Self::Pass => "pass",
            Self::PassCheck => "pass_check",
            Self::None => "none",
        }
    }
}

impl Labels {
    pub(crate) fn route(&self, index: Option<usize>) -> Option<&RouteLabels> {
        self.routes.get(index?)
    }

    /// The names of a backend and of its endpoint.
    pub(crate) fn backend(
        &self,
        backend: Option<usize>,
        endpoint: Option<usize>,
    ) -> (Option<&str>, Option<&str>) {
        let found = backend.and_then(|index| self.backends.get(index));
        let endpoint = found.and_then(|backend| backend.endpoints.get(endpoint?));
        (found.map(|backend| backend.name.as_str()), endpoint.map(String::as_str))
    }
}
