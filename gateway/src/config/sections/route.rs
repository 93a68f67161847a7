//! The routes: where requests go, and what they need.

use http::{HeaderValue, Method};
use keyring::code::{Kind, Kinds};

use super::backend::BackendConfig;
use super::refusals;
use crate::config::region::RegionPrefix;
use crate::config::table::{Item, Table};
use crate::http::path::CheckedPath;
use crate::limits;
use crate::refusal::shape::{Shape, Unknown};

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

/// What a route does with a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CodeUse {
    /// Verifies and redeems it: money may move.
    Redeem,
    /// Verifies it and does not redeem it.
    Check,
    /// Reads none.
    None,
}

/// How strongly the holder must have proved presence.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum MinAuth {
    /// Not at all.
    None,
    /// By the payment password, or better.
    Password,
    /// By fingerprint or face.
    Biometric,
}

/// One `[[route]]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteConfig {
    /// Whole segments, compared without case; no slash at the end but in `/`.
    pub path: String,
    /// Empty: all methods that [`is_served`] accepts.
    pub methods: Vec<Method>,
    /// What the route does with a code.
    pub code: CodeUse,
    /// The accepted kinds of code; none where the route reads no code.
    pub kinds: Kinds,
    /// The weakest authentication that is accepted.
    pub min_auth: MinAuth,
    /// Whether the person must have chosen a place of insurance.
    pub require_region: bool,
    /// Places that are open; `None`: all.
    pub open_regions: Option<Vec<RegionPrefix>>,
    /// An index into the backends.
    pub backend: usize,
    /// Places with a backend of their own, by index; the longest prefix first.
    pub region_backends: Vec<(RegionPrefix, usize)>,
    /// The shape of each refusal, once the path is matched.
    pub refusals: Shape,
    /// How an unknown outcome is told, where a code was spent.
    pub unknown: Unknown,
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
        let regional = self.region_backends.iter().map(|(_, backend)| *backend);
        std::iter::once(self.backend).chain(regional)
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
    let code = code_use(table);
    let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
    let allowed = format!("the name of a backend: {}", names.join(", "));
    let find = |name: &str| names.iter().position(|other| *other == name);
    let route = RouteConfig {
        path,
        methods: methods(table),
        code: code.unwrap_or(CodeUse::Check),
        kinds: kinds(table, code),
        min_auth: table.string("min_auth", min_auth, MIN_AUTHS).unwrap_or(MinAuth::None),
        require_region: table.boolean("require_region", code != Some(CodeUse::None)),
        open_regions: open_regions(table),
        backend: table.required("backend", find, &allowed).unwrap_or_default(),
        region_backends: region_backends(table.table("region_backends"), find, &allowed),
        refusals: refusals::shape(table),
        unknown: refusals::unknown(table),
    };
    table.finish();
    if code == Some(CodeUse::None) {
        check_asks_nothing(table, &route);
    }
    if code.is_some_and(|code| code != CodeUse::Redeem) && route.unknown == Unknown::Cut {
        let name = table.name();
        table.problem(&format!("{name}.unknown = \"cut\": only a route that spends codes cuts"));
    }
    route
}

const PATH_ALLOWED: &str = "a plain path such as /settle, of at most 256 bytes and without a \
                            slash at its end";
const _: () = assert!(limits::ROUTE_PATH_BYTES_MAX == 256);

fn path(text: &str) -> Option<String> {
    let is_plain = CheckedPath::check(text).is_ok() && text.len() <= limits::ROUTE_PATH_BYTES_MAX;
    let is_whole = text == "/" || !text.ends_with('/');
    (is_plain && is_whole).then(|| text.to_owned())
}

fn code_use(table: &mut Table<'_>) -> Option<CodeUse> {
    const ALLOWED: &str = "\"redeem\", \"check\" or \"none\"";
    table.missing("code", ALLOWED);
    let item = table.item("code")?;
    match item.string() {
        Some("redeem") => return Some(CodeUse::Redeem),
        Some("check") => return Some(CodeUse::Check),
        Some("none") => return Some(CodeUse::None),
        Some("exchange" | "pass") => item.refuse(&format!("{ALLOWED}; this word is reserved")),
        _ => item.refuse(ALLOWED),
    }
    None
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

fn kinds(table: &mut Table<'_>, code: Option<CodeUse>) -> Kinds {
    let Some(items) = table.items("kinds", 2) else {
        return if code == Some(CodeUse::None) { Kinds::NONE } else { Kinds::PAYMENT };
    };
    let read = |kinds: Kinds, item: Item<'_>| match item.string().and_then(|text| text.parse().ok())
    {
        Some(Kind::Display) if code == Some(CodeUse::Redeem) => {
            item.refuse("\"payment\" on a redeem route: a display code never pays");
            kinds
        }
        Some(kind) => kinds.with(kind),
        None => {
            item.refuse("\"payment\" or \"display\"");
            kinds
        }
    };
    items.into_iter().fold(Kinds::NONE, read)
}

const MIN_AUTHS: &str = "\"none\", \"password\" or \"biometric\"";

fn min_auth(text: &str) -> Option<MinAuth> {
    match text {
        "none" => Some(MinAuth::None),
        "password" => Some(MinAuth::Password),
        "biometric" => Some(MinAuth::Biometric),
        _ => None,
    }
}

fn open_regions(table: &mut Table<'_>) -> Option<Vec<RegionPrefix>> {
    let items = table.items("open_regions", limits::REGIONS_MAX)?;
    let mut prefixes: Vec<RegionPrefix> = Vec::new();
    for item in items {
        let prefix: Option<RegionPrefix> = item.string().and_then(|text| text.parse().ok());
        match prefix.filter(|prefix| !prefixes.contains(prefix)) {
            Some(prefix) => prefixes.push(prefix),
            None => item.refuse(&format!("{}, each once", RegionPrefix::ALLOWED)),
        }
    }
    Some(prefixes)
}

fn region_backends(
    table: Table<'_>,
    find: impl Fn(&str) -> Option<usize>,
    allowed: &str,
) -> Vec<(RegionPrefix, usize)> {
    let mut backends = Vec::new();
    for (prefix, item) in table.entries(limits::REGIONS_MAX) {
        match (prefix.parse::<RegionPrefix>(), item.string().and_then(&find)) {
            (Ok(prefix), Some(backend)) => backends.push((prefix, backend)),
            (Err(_), _) => item.refuse_key(RegionPrefix::ALLOWED),
            (Ok(_), None) => item.refuse(allowed),
        }
    }
    backends.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.digits()));
    backends
}

/// Refuses a demand that the route cannot check, because it would look like protection.
fn check_asks_nothing(table: &Table<'_>, route: &RouteConfig) {
    let asked = [
        ("kinds", route.kinds != Kinds::NONE),
        ("min_auth", route.min_auth != MinAuth::None),
        ("require_region", route.require_region),
        ("open_regions", route.open_regions.is_some()),
        ("region_backends", !route.region_backends.is_empty()),
    ];
    for (key, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        let name = table.name();
        table.problem(&format!("{name}.{key}: a route with code = \"none\" sees no code to ask"));
    }
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
        other.code != CodeUse::Redeem
            && !other.path.is_empty()
            && !other.path.eq_ignore_ascii_case(&route.path)
            && path.is_within(&other.path)
            && share_backend(route, other, backends)
    };
    if route.code == CodeUse::Redeem
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
