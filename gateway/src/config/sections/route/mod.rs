//! The routes: which requests they take, and what may not stand beside each other.

pub(in crate::config) mod message;
pub(in crate::config) mod rule;

use http::{HeaderValue, Method};

use self::message::{InfnoConfig, MessageConfig};
use self::rule::RuleConfig;
use super::backend::BackendConfig;
use crate::config::table::Table;
use crate::http::path::CheckedPath;
use crate::limits;

/// All methods. The list is closed: no route can be configured for another one.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// One `[[route]]`.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// Whole segments, compared without case; no slash at the end but in `/`.
    pub path: String,
    /// Empty: all methods that [`is_served`] accepts.
    pub methods: Vec<Method>,
    /// What its requests need, and where they go. With infnos: what their rules have in common.
    pub rule: RuleConfig,
    /// What is read in bodies.
    pub message: Option<Box<MessageConfig>>,
}

impl RouteConfig {
    /// Whether the route takes this method.
    pub fn allows(&self, method: &Method) -> bool {
        match self.methods.as_slice() {
            [] => is_served(method),
            methods => methods.contains(method),
        }
    }

    /// The `Allow` header that an answer 405 must have (RFC 9110, 15.5.6). Allocates.
    pub fn allow_header(&self) -> HeaderValue {
        if self.methods.is_empty() { all_methods() } else { list(&self.methods) }
    }

    /// All backends that a request may be sent to, by index.
    pub(in crate::config) fn backends(&self) -> impl Iterator<Item = usize> {
        self.rules().flat_map(RuleConfig::backends)
    }

    /// Its rules by infno, where its messages name one.
    pub(crate) fn infno(&self) -> Option<&InfnoConfig> {
        self.message.as_ref()?.infno.as_ref()
    }

    /// What its requests may need: one rule, or one for each infno.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &RuleConfig> {
        let infno = self.infno();
        let of_infnos = infno.into_iter().flat_map(|infno| &infno.rules).map(|rule| &rule.rule);
        infno.is_none().then_some(&self.rule).into_iter().chain(of_infnos)
    }

    /// Whether each of its rules refuses what it would refuse.
    pub(crate) fn is_enforced(&self) -> bool {
        self.rules().all(|rule| rule.enforce)
    }

    /// Whether its messages may reverse others.
    pub(crate) fn reverses(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.reverses())
    }

    /// Whether a request can spend a code or a pass here.
    fn spends(&self) -> bool {
        self.rules().any(RuleConfig::spends)
    }
}

/// Whether any route could take this method. Names of methods are compared by case (RFC 9110, 9.1),
/// so `post` is no method. CONNECT and TRACE are not for a proxy like this one.
pub fn is_served(method: &Method) -> bool {
    METHODS.contains(method)
}

/// The `Allow` header for requests that match no route. Allocates.
pub fn all_methods() -> HeaderValue {
    list(&METHODS)
}

fn list(methods: &[Method]) -> HeaderValue {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    HeaderValue::try_from(names.join(", ")).expect("method names are tokens")
}

/// Reads every `[[route]]` and checks the routes against each other.
pub(in crate::config) fn read_all(
    root: &mut Table<'_>,
    backends: &[BackendConfig],
) -> Vec<RouteConfig> {
    root.missing("route", "one or more [[route]] tables");
    let mut routes: Vec<RouteConfig> = Vec::new();
    let mut tables = root.tables("route", limits::ROUTES_MAX);
    routes.extend(tables.iter_mut().map(|table| read(table, backends)));
    for (i, (table, route)) in tables.iter().zip(&routes).enumerate() {
        check_unique(table, route, routes.iter().take(i));
        check_not_below(table, route, &routes, backends);
    }
    routes
}

/// Reads one route. A value that could not be read gets a default that later rules accept.
fn read(table: &mut Table<'_>, backends: &[BackendConfig]) -> RouteConfig {
    let path = table.required("path", path, PATH_ALLOWED).unwrap_or_default();
    let methods = methods(table);
    let rule = match table.has("infno") {
        true => RuleConfig::read_defaults(table, backends),
        false => RuleConfig::read(table, backends),
    };
    let message = MessageConfig::read(table, &rule, backends).map(Box::new);
    table.finish();
    RouteConfig { path, methods, rule, message }
}

pub(super) const PATH_ALLOWED: &str = "a plain path such as /settle, of at most 256 bytes and without a \
                            slash at its end";
const _: () = assert!(limits::ROUTE_PATH_BYTES_MAX == 256);

pub(super) fn path(text: &str) -> Option<String> {
    let is_plain = CheckedPath::check(text).is_ok() && text.len() <= limits::ROUTE_PATH_BYTES_MAX;
    let is_whole = text == "/" || !text.ends_with('/');
    (is_plain && is_whole).then(|| text.to_owned())
}

fn methods(table: &mut Table<'_>) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for item in table.items("methods", METHODS.len()).unwrap_or_default() {
        let known = METHODS.iter().find(|method| item.string() == Some(method.as_str()));
        match known.filter(|method| !methods.contains(method)) {
            Some(method) => methods.push(method.clone()),
            None => item.refuse("one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, each once"),
        }
    }
    methods
}

fn check_unique<'r>(
    table: &Table<'_>,
    route: &RouteConfig,
    mut others: impl Iterator<Item = &'r RouteConfig>,
) {
    let is_same = |other: &RouteConfig| other.path.eq_ignore_ascii_case(&route.path);
    if !route.path.is_empty() && others.any(is_same) {
        let (name, path) = (table.name(), &route.path);
        table.problem(&format!("{name}.path = \"{path}\": must be unique, compared without case"));
    }
}

/// Refuses a redeem route below a route without redemption that has the same backend. An attacker
/// could find a path that the gateway takes for the outer route and the backend for the inner one.
/// That request would pay without redeeming a code.
fn check_not_below(
    table: &Table<'_>,
    route: &RouteConfig,
    routes: &[RouteConfig],
    backends: &[BackendConfig],
) {
    let Ok(path) = CheckedPath::check(&route.path) else { return };
    let is_outer = |other: &&RouteConfig| {
        !other.spends()
            && !other.path.is_empty()
            && !other.path.eq_ignore_ascii_case(&route.path)
            && path.is_within(&other.path)
            && share_backend(route, other, backends)
    };
    if route.spends()
        && let Some(outer) = routes.iter().find(is_outer)
    {
        table.problem(&format!(
            "{}.path = \"{}\": a redeem route must not lie below \"{}\", which spends no code and \
             has the same backend; give one of them another backend or path",
            table.name(),
            route.path,
            outer.path
        ));
    }
}

/// Whether the routes share a backend. Two names of one endpoint count as one backend.
fn share_backend(a: &RouteConfig, b: &RouteConfig, backends: &[BackendConfig]) -> bool {
    let backend = |index: usize| backends.get(index);
    a.backends()
        .filter_map(backend)
        .any(|mine| b.backends().filter_map(backend).any(|theirs| mine.shares_endpoint(theirs)))
}
