//! The forms of answers: JSON, and problem documents (RFC 9457).

use std::borrow::Cow;

use accounts::{change::ChangeError, store::Failure};
use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use serde::Serialize;

/// What is sent: a whole text, or a stream.
pub(super) type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// Why a request was not done. `reason` is for programs and is in the contract.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    pub(super) detail: Cow<'static, str>,
    /// For `method_not_allowed`.
    pub(super) allow: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        reason: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, reason, detail: detail.into(), allow: None }
    }

    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (status, reason) = match &failure {
            Failure::Change { error, .. } => match error {
                ChangeError::NewerFreeze { .. } => (StatusCode::CONFLICT, "newer_freeze"),
                ChangeError::UnknownFreeze => (StatusCode::CONFLICT, "unknown_freeze"),
                ChangeError::LastEpoch => (StatusCode::BAD_REQUEST, "malformed"),
                ChangeError::Time => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            },
            Failure::NearlyFull { .. } | Failure::StoreFull(_) => {
                (StatusCode::INSUFFICIENT_STORAGE, "accounts_full")
            }
            Failure::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Failure::NotAcknowledged(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_acknowledged"),
        };
        Self::new(status, reason, failure.to_string())
    }
}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    reason: &'a str,
    detail: &'a str,
}

/// The problem as an answer.
pub(super) fn problem(problem: &Problem) -> Response<Body> {
    let Problem { status, reason, detail, allow } = problem;
    let title = status.canonical_reason().unwrap_or_default();
    let document = Document { title, status: status.as_u16(), reason, detail };
    let mut response = json(*status, &document);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if *status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(allow) = allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// A whole answer.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut text = serde_json::to_vec(value).expect("texts and numbers become JSON");
    text.push(b'\n');
    let mut response = of(Full::from(text).boxed_unsync(), "application/json");
    *response.status_mut() = status;
    response
}

/// An answer that is not stored on its way.
pub(super) fn of(body: Body, media_type: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
