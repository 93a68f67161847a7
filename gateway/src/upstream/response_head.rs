//! A backend's answer as the client gets it: its head, and how it shows where it ends.

use http::{HeaderValue, Response, Version, header::CONNECTION, response};
use http_body::Body;
use keyring::pass::{PassId, PassText, RedemptionId};

use super::header_text::Text;
use crate::{
    http::{
        fields::{self, Framing},
        names::{
            YANMA_OUTCOME, YANMA_PASS, YANMA_PASS_ID, YANMA_REDEMPTION, YANMA_REQUEST_ID,
            YANMA_RESERVATION,
        },
    },
    request_id::RequestId,
};

/// What the gateway says of an answer beside its outcome.
#[derive(Debug, Default)]
pub(crate) struct AnswerFacts {
    pub(crate) redemption: Option<RedemptionId>,
    /// The request brought an opaque code: nothing was verified.
    pub(crate) is_opaque: bool,
    /// Of the pass that the request brought, or that was made for it.
    pub(crate) pass_id: Option<PassId>,
    /// The pass that was made for the request. Its client gets it if the backend's answer is a
    /// success.
    pub(crate) minted: Option<PassText>,
}

/// The backend's answer as the client gets it: relayed as it is, whatever its status.
/// `may_trail`: trailers may follow it.
pub(crate) fn answer<B>(
    mut head: response::Parts,
    body: B,
    may_trail: bool,
    request_id: &RequestId,
    facts: &AnswerFacts,
) -> Response<B> {
    fields::clean_response(&mut head.headers, head.status, may_trail);
    head.version = Version::HTTP_11;
    head.extensions = http::Extensions::new();
    let mut text = Text::new();
    head.headers.insert(
        YANMA_OUTCOME,
        HeaderValue::from_static(if facts.is_opaque { "opaque" } else { "approved" }),
    );
    head.headers.insert(YANMA_REQUEST_ID, text.word(request_id.as_str()).value());
    if let Some(redemption) = &facts.redemption {
        let name = if facts.is_opaque { YANMA_RESERVATION } else { YANMA_REDEMPTION };
        head.headers.insert(name, text.redemption(redemption).value());
    }
    if let Some(id) = &facts.pass_id {
        head.headers.insert(YANMA_PASS_ID, text.pass(id).value());
    }
    if let Some(pass) = facts.minted.as_ref().filter(|_| head.status.is_success()) {
        let mut value = text.word(pass.as_str()).value();
        value.set_sensitive(true);
        head.headers.insert(YANMA_PASS, value);
    }
    Response::from_parts(head, body)
}

/// How an answer shows where it ends (RFC 9112 6.3).
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum End {
    /// By itself: it has no body, or a length, or chunks.
    Shown,
    /// By the end of the connection alone, so it may have been cut anywhere (RFC 9112 8).
    Connection,
    /// Its body is in a transfer coding that was not asked for and that is not undone here.
    Coded,
}

/// How the answer ends. hyper reads a body by its chunks if the last coding of the last line says
/// so, by its length if there is no coding, and else to the end of the connection.
pub(crate) fn end_of<B: Body>(response: &Response<B>) -> End {
    let body = response.body();
    if body.is_end_stream() || body.size_hint().exact().is_some() {
        return End::Shown;
    }
    match fields::framing(response.version(), response.headers()) {
        Some(Framing::Chunked) => End::Shown,
        Some(Framing::Plain) => End::Connection,
        None => End::Coded,
    }
}

/// Lets the end of the connection end an answer for its client too: a chunk of length 0 would
/// promise that it is whole. In HTTP/1.0, because hyper frames what is not in HTTP/1.1 so.
pub(crate) fn end_by_close<B>(response: &mut Response<B>) {
    *response.version_mut() = Version::HTTP_10;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}
