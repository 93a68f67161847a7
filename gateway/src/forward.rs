//! The request as the backend gets it, and its answer as the client gets it.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version,
    header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, VIA},
    request, response,
    uri::PathAndQuery,
};
use http_body::Body;
use keyring::{code::CodeIdentity, verify::VerifiedCode};

use crate::{
    body::Outgoing,
    headers::{self, Framing},
    io::Peer,
    request_id::RequestId,
};

const YANMA_SUBJECT: HeaderName = HeaderName::from_static("yanma-subject");
const YANMA_RELATION: HeaderName = HeaderName::from_static("yanma-relation");
const YANMA_PATIENT: HeaderName = HeaderName::from_static("yanma-patient");
const YANMA_REGION: HeaderName = HeaderName::from_static("yanma-region");
const YANMA_CHANNEL: HeaderName = HeaderName::from_static("yanma-channel");
const YANMA_AUTH: HeaderName = HeaderName::from_static("yanma-auth");
const YANMA_KIND: HeaderName = HeaderName::from_static("yanma-kind");
const YANMA_ISSUED_AT: HeaderName = HeaderName::from_static("yanma-issued-at");
const YANMA_KEY_ID: HeaderName = HeaderName::from_static("yanma-key-id");
const YANMA_CODE_ID: HeaderName = HeaderName::from_static("yanma-code-id");
/// The redemption's id, towards backend and client.
pub(crate) const YANMA_REDEMPTION: HeaderName = HeaderName::from_static("yanma-redemption");
/// The request's id, towards backend and client.
pub(crate) const YANMA_REQUEST_ID: HeaderName = HeaderName::from_static("yanma-request-id");
/// What the gateway decided, towards the client.
pub(crate) const YANMA_OUTCOME: HeaderName = HeaderName::from_static("yanma-outcome");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A request's head after the gateway's checks, with the client's harmful fields gone.
#[derive(Debug)]
pub(crate) struct CleanHead {
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    chunked: bool,
    /// Names that only the gateway may use, or that replace the request, and were dropped.
    pub(crate) forbidden: u64,
}

impl CleanHead {
    /// Cleans `head`. `host` is what the backend is asked for.
    pub(crate) fn new(
        head: request::Parts,
        framing: Framing,
        host: HeaderValue,
        has_body: bool,
    ) -> Self {
        let mut headers = head.headers;
        // Only HTTP/1.1 chunks and HTTP/2 streams can carry trailers, and bodies of open length.
        let open_length = !headers.contains_key(CONTENT_LENGTH);
        let chunked = framing == Framing::Chunked
            || head.version == Version::HTTP_2 && has_body && open_length;
        let forbidden = headers::clean_request(&mut headers, chunked);
        headers.insert(HOST, host);
        let target =
            head.uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Self { method: head.method, target, headers, chunked, forbidden }
    }

    /// The whole request: what the gateway says of it is set last, over whatever was there.
    pub(crate) fn into_request(mut self, says: &Says<'_>, body: Outgoing) -> Request<Outgoing> {
        self.frame(&body);
        says.write_to(&mut self.headers);
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(self.target);
        *request.headers_mut() = self.headers;
        request
    }

    /// Frames the body explicitly: hyper leaves the body of a GET or HEAD out if nothing says
    /// that there is one.
    fn frame(&mut self, body: &Outgoing) {
        match body {
            Outgoing::Whole(whole) if !whole.has_trailers() => {
                if whole.len() > 0 || self.headers.contains_key(CONTENT_LENGTH) {
                    self.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
                }
                self.headers.remove(http::header::TRAILER);
            }
            Outgoing::Whole(_) => self.chunk(),
            Outgoing::Upload(_) if self.chunked => self.chunk(),
            Outgoing::Upload(_) => {}
        }
    }

    fn chunk(&mut self) {
        self.headers.remove(CONTENT_LENGTH);
        self.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// What the gateway tells the backend about a request.
#[derive(Debug)]
pub(crate) struct Says<'a> {
    pub(crate) request_id: &'a RequestId,
    pub(crate) peer: Peer,
    pub(crate) code: Option<&'a VerifiedCode>,
    /// Present only when the code has been spent for this request.
    pub(crate) redemption: Option<CodeIdentity>,
}

impl Says<'_> {
    fn write_to(&self, headers: &mut HeaderMap) {
        headers.reserve(14);
        let mut text = Text::default();
        headers.append(VIA, HeaderValue::from_static("1.1 yanma"));
        text.set(headers, YANMA_REQUEST_ID, format_args!("{}", self.request_id.as_str()));
        if let Peer::Ip(ip) = self.peer {
            text.set(headers, X_FORWARDED_FOR, format_args!("{ip}"));
        }
        if let Some(code) = self.code {
            self.write_code(code, headers, &mut text);
        }
    }

    fn write_code(&self, code: &VerifiedCode, headers: &mut HeaderMap, text: &mut Text) {
        let (subject, relation) = (code.subject(), code.relation());
        text.set(headers, YANMA_SUBJECT, format_args!("{subject}"));
        text.set(headers, YANMA_RELATION, format_args!("{relation}"));
        match relation {
            0 => text.set(headers, YANMA_PATIENT, format_args!("{subject}")),
            _ => text.set(headers, YANMA_PATIENT, format_args!("{subject}/{relation}")),
        }
        text.set(headers, YANMA_REGION, format_args!("{}", code.region()));
        text.set(headers, YANMA_ISSUED_AT, format_args!("{}", code.issued_at().get()));
        text.set(headers, YANMA_KEY_ID, format_args!("{}", code.key_id()));
        text.set(headers, YANMA_CODE_ID, format_args!("{}", code.identity()));
        if let Some(redemption) = self.redemption {
            text.set(headers, YANMA_REDEMPTION, format_args!("{redemption}"));
        }
        headers.insert(YANMA_CHANNEL, HeaderValue::from_static(code.channel().as_str()));
        headers.insert(YANMA_AUTH, HeaderValue::from_static(code.auth().as_str()));
        headers.insert(YANMA_KIND, HeaderValue::from_static(code.kind().as_str()));
    }
}

/// Header values of one request, formatted into one allocation and cut from it.
#[derive(Debug)]
struct Text(BytesMut);

impl Default for Text {
    fn default() -> Self {
        Self(BytesMut::with_capacity(256))
    }
}

impl Text {
    fn set(&mut self, headers: &mut HeaderMap, name: HeaderName, value: std::fmt::Arguments<'_>) {
        // Writing into a buffer that grows cannot fail.
        let _ = self.0.write_fmt(value);
        let bytes: Bytes = self.0.split().freeze();
        let value = HeaderValue::from_maybe_shared(bytes);
        headers.insert(name, value.expect("digits, letters and punctuation are visible ASCII"));
    }
}

/// The backend's answer as the client gets it: relayed as it is, whatever its status.
pub(crate) fn answer<B>(
    mut head: response::Parts,
    body: B,
    request_id: &RequestId,
    redemption: Option<CodeIdentity>,
) -> Response<B> {
    headers::clean_response(&mut head.headers);
    head.version = Version::HTTP_11;
    head.extensions = http::Extensions::new();
    let mut text = Text::default();
    head.headers.insert(YANMA_OUTCOME, HeaderValue::from_static("approved"));
    text.set(&mut head.headers, YANMA_REQUEST_ID, format_args!("{}", request_id.as_str()));
    if let Some(redemption) = redemption {
        text.set(&mut head.headers, YANMA_REDEMPTION, format_args!("{redemption}"));
    }
    Response::from_parts(head, body)
}

/// Does the answer's framing let one see its end? A body that ends when the connection does
/// may have been cut anywhere (RFC 9112 8).
pub(crate) fn shows_its_end<B: Body>(response: &Response<B>) -> bool {
    response.body().is_end_stream()
        || response.body().size_hint().exact().is_some()
        || response.headers().contains_key(TRANSFER_ENCODING)
}
