//! What a request's head must be before anything else is asked: one well-formed HTTP request, with
//! a path that reads one way only, for a route that there is.

use http::{HeaderValue, Uri, Version, header::HOST, request};

use crate::{
    config,
    http::fields::{self, Expectation, Framing},
    http::host,
    http::path::CheckedPath,
    refusal::{Limit, Refusal, Refused},
    snapshot::routes::Routes,
};

/// What a sound head says beside its fields.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) framing: Framing,
    /// Absent only in HTTP/1.0.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) expectation: Expectation,
}

/// Is this one well-formed HTTP request that can be passed on without guessing?
///
/// # Errors
/// `headers_too_large`, `method_not_allowed`, `expectation_failed`, `request_malformed`: the first
/// that applies.
pub(crate) fn check(head: &request::Parts, header_count_max: usize) -> Result<Terms, Refused> {
    if head.headers.len() > header_count_max {
        let refused = Refused::for_limit(Refusal::HeadersTooLarge, Limit::Headers);
        return Err(refused.with_detail(TOO_MANY));
    }
    if !config::is_served(&head.method) {
        return Err(Refusal::MethodNotAllowed.into());
    }
    let framing = fields::framing(head.version, &head.headers)
        .ok_or(Refused::malformed("Transfer-Encoding must be one plain `chunked`"))?;
    let expectation = fields::expectation(&head.headers);
    if expectation == Expectation::Unknown {
        return Err(Refused::from(Refusal::ExpectationFailed).with_detail(ONLY_CONTINUE));
    }
    Ok(Terms { framing, host: host_of(head)?, expectation })
}

const TOO_MANY: &str = "more header lines than the gateway's limits.header_count_max";
const AMBIGUOUS: &str = "the path has a form that backends may read differently";
const ONLY_CONTINUE: &str = "the only expectation that HTTP defines is 100-continue";
const NO_HOST: &str = "Host must be a name or an address, with a port or without: his.example:8080";
const NO_AUTHORITY: &str = "the target's authority must be a host with a port or without; a user \
                            name has no place in it";

/// The host that the client asked for: an absolute target's authority, or exactly one `Host`;
/// HTTP/1.0 clients may send none (RFC 9112 3.2).
fn host_of(head: &request::Parts) -> Result<Option<HeaderValue>, Refused> {
    let mut hosts = head.headers.get_all(HOST).into_iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Refused::malformed("more than one Host"));
    }
    if head.uri.authority().is_some() {
        return host_of_authority(head, first).map(Some);
    }
    match first {
        Some(host) if host::is_host(host.as_bytes()) => Ok(Some(host.clone())),
        Some(_) => Err(Refused::malformed(NO_HOST)),
        None if head.version == Version::HTTP_10 => Ok(None),
        None => Err(Refused::malformed("Host is missing")),
    }
}

/// In HTTP/1.1 an absolute target counts and `Host` does not (RFC 9112 3.2.2). In HTTP/2 both must
/// mean one host (RFC 9113 8.3.1).
fn host_of_authority(
    head: &request::Parts,
    beside: Option<&HeaderValue>,
) -> Result<HeaderValue, Refused> {
    let scheme = head.uri.scheme_str();
    if !matches!(scheme, None | Some("http" | "https")) {
        return Err(Refused::malformed("the target's scheme must be http or https"));
    }
    let authority = head.uri.authority().map_or("", |authority| authority.as_str());
    if !host::is_host(authority.as_bytes()) {
        return Err(Refused::malformed(NO_AUTHORITY));
    }
    if head.version == Version::HTTP_2
        && beside.is_some_and(|h| !host::are_one(scheme, authority.as_bytes(), h.as_bytes()))
    {
        return Err(Refused::malformed("Host and :authority name two hosts"));
    }
    HeaderValue::from_str(authority).map_err(|_| Refused::malformed(NO_AUTHORITY))
}

/// The index of the route that a sound head asks for, whatever its method.
///
/// # Errors
/// `request_malformed` for a path that has more than one reading, `route_not_found`.
pub(crate) fn find_route(routes: &Routes, uri: &Uri) -> Result<usize, Refused> {
    let path = CheckedPath::check(uri.path()).map_err(|_| Refused::malformed(AMBIGUOUS))?;
    routes.find(&path).ok_or(Refusal::RouteNotFound.into())
}
