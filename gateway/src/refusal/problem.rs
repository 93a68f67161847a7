//! A refusal as an HTTP answer: `application/problem+json` (RFC 9457).

use std::fmt;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};
use keyring::time::UnixMillis;
use serde::Serialize;

use super::Refusal;
use crate::http::names::{YANMA_OUTCOME, YANMA_REDEMPTION, YANMA_REQUEST_ID};
use crate::request_id::RequestId;

/// A body has about 500 bytes: one allocation is enough for any.
const BODY_BYTES: usize = 768;

/// What is known of a refused request.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// Why.
    pub refusal: Refusal,
    /// Which request.
    pub request_id: &'a RequestId,
    /// The identity under which the code is spent, once known.
    pub redemption: Option<&'a str>,
    /// The server's time.
    pub now: UnixMillis,
    /// More for a developer, in English, where it helps no forger.
    pub detail: Option<&'a str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: fmt::Arguments<'a>,
    title: &'static str,
    status: u16,
    reason: &'static str,
    error_code: &'static str,
    action: &'static str,
    message_zh: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_sent: Option<bool>,
    time: fmt::Arguments<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl Problem<'_> {
    /// The answer: status, headers and body.
    pub fn to_response(&self) -> Response<Bytes> {
        let body = self.body();
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.refusal.status();
        self.write_headers(response.headers_mut(), body.len());
        *response.body_mut() = body;
        response
    }

    fn body(&self) -> Bytes {
        let Self { refusal, request_id, redemption, now, detail } = *self;
        let mut json = Vec::with_capacity(BODY_BYTES);
        let body = Body {
            r#type: format_args!("urn:yanma:refusal:{}", refusal.reason()),
            title: refusal.title(),
            status: refusal.status().as_u16(),
            reason: refusal.reason(),
            error_code: refusal.error_code(),
            action: refusal.action(),
            message_zh: refusal.message_zh(),
            request_id: request_id.as_str(),
            redemption,
            request_sent: refusal.request_sent(),
            time: format_args!("{now}"),
            detail,
        };
        serde_json::to_writer(&mut json, &body).expect("strings and a number are JSON");
        json.into()
    }

    fn write_headers(&self, headers: &mut HeaderMap, body_bytes: usize) {
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, json);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body_bytes));
        write_names(headers, self.refusal.reason(), self.request_id, self.redemption);
        if let Some(seconds) = self.refusal.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// What each answer of the gateway's own says of itself, in whatever shape.
pub(super) fn write_names(
    headers: &mut HeaderMap,
    outcome: &'static str,
    request_id: &RequestId,
    redemption: Option<&str>,
) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(YANMA_OUTCOME, HeaderValue::from_static(outcome));
    headers.insert(YANMA_REQUEST_ID, visible(request_id.as_str()));
    if let Some(redemption) = redemption {
        headers.insert(YANMA_REDEMPTION, visible(redemption));
    }
}

fn visible(id: &str) -> HeaderValue {
    HeaderValue::from_str(id).expect("ids are visible ASCII")
}
