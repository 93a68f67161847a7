//! The forms of the admin listener's answers.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;

/// hyper leaves out the body of an answer to HEAD, but not its length.
pub(super) fn get(
    method: &Method,
    answer: impl FnOnce() -> Response<Full<Bytes>>,
) -> Response<Full<Bytes>> {
    match *method {
        Method::GET | Method::HEAD => answer(),
        _ => method_not_allowed("GET, HEAD"),
    }
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let why = format!("method not allowed; allowed: {allowed}\n");
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, why);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
