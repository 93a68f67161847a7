//! The names that the record writes for what decisions know by number.

/// The names that a configuration and a keyring give to what decisions know by number. Each
/// worker has one of its own for each snapshot, so that counting references to it is quick.
#[derive(Debug, Clone)]
pub struct Labels {
    /// The digest of the configuration.
    pub config: String,
    /// The digest of the keyring.
    pub keyring: String,
    /// By the numbers that entries have.
    pub routes: Vec<RouteLabels>,
    /// By the numbers that entries have.
    pub backends: Vec<BackendLabels>,
}

/// A route's names.
#[derive(Debug, Clone)]
pub struct RouteLabels {
    /// As the configuration writes it.
    pub path: String,
    /// What the route does with a code.
    pub route_use: RouteUse,
}

/// A backend's names.
#[derive(Debug, Clone)]
pub struct BackendLabels {
    /// As the configuration writes it.
    pub name: String,
    /// Addresses, by the numbers that entries have.
    pub endpoints: Vec<String>,
}

/// What a route does with a code.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum RouteUse {
    /// Verifies and redeems it.
    Redeem,
    /// Verifies it.
    Check,
    /// Reads none.
    None,
}

impl RouteUse {
    /// The word in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redeem => "redeem",
            Self::Check => "check",
            Self::None => "none",
        }
    }
}

impl Labels {
    pub(crate) fn route(&self, index: Option<usize>) -> Option<&RouteLabels> {
        self.routes.get(index?)
    }

    /// Backend and endpoint.
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
