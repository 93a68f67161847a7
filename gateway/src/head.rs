//! What a request's head must be before anything else is asked: one well-formed HTTP request, with
//! a path that reads one way only, for a route that there is.

use http::{HeaderValue, Method, Version, header::HOST, request};

use crate::{
    call::{Call, Refused},
    config::RouteConfig,
    headers::{self, Expectation, Framing},
    metrics::Limit,
    refusal::Refusal,
    target::CheckedPath,
};

/// Is this one well-formed HTTP request that can be passed on without guessing?
pub(crate) fn check(
    call: &Call,
    head: &request::Parts,
) -> Result<(Framing, Option<HeaderValue>), Refused> {
    if head.headers.len() > call.snapshot.config.limits.header_count_max {
        call.worker.hit(Limit::Headers);
        return Err(Refusal::HeadersTooLarge.into());
    }
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return Err(Refusal::MethodNotAllowed.into());
    }
    let framing = headers::framing(head.version, &head.headers)
        .ok_or(Refused::malformed("Transfer-Encoding must be one plain `chunked`"))?;
    if headers::expectation(&head.headers) == Expectation::Unknown {
        return Err(Refusal::ExpectationFailed.into());
    }
    Ok((framing, host_of(head)?))
}

/// The host that the client asked for: an absolute target's authority, or exactly one `Host`;
/// HTTP/1.0 clients may send none (RFC 9112 3.2).
fn host_of(head: &request::Parts) -> Result<Option<HeaderValue>, Refused> {
    let mut hosts = head.headers.get_all(HOST).into_iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Refused::malformed("more than one Host"));
    }
    if let Some(authority) = head.uri.authority() {
        return HeaderValue::from_str(authority.as_str())
            .map(Some)
            .map_err(|_| Refused::malformed("the target's authority is no host"));
    }
    if first.is_none() && head.version != Version::HTTP_10 {
        return Err(Refused::malformed("Host is missing"));
    }
    Ok(first.cloned())
}

pub(crate) fn find_route<'a>(
    call: &'a Call,
    head: &request::Parts,
) -> Result<&'a RouteConfig, Refused> {
    let path = CheckedPath::check(head.uri.path()).map_err(|_| {
        Refused::malformed("the path has a form that backends may read differently")
    })?;
    let index = call.snapshot.routes.find(&path).ok_or(Refusal::RouteNotFound)?;
    call.enter(index);
    let route = call.snapshot.route(index);
    if !route.allows(&head.method) {
        return Err(Refusal::MethodNotAllowed.into());
    }
    Ok(route)
}
