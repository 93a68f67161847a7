//! A request's head as the backend gets it.

use http::{
    HeaderMap, HeaderValue, Method, Request, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, VIA},
    request,
    uri::PathAndQuery,
};
use http_body::Body as _;
use keyring::{
    code::OpaqueCode,
    pass::{Credential, MintedPass, Pass, RedemptionId, Token},
    verify::{Statement, VerifiedCode},
};

use super::header_text::Text;
use crate::{
    http::{
        fields::{self, Framing},
        names::{
            X_FORWARDED_FOR, YANMA_AUTH, YANMA_CHANNEL, YANMA_CLASS, YANMA_CODE_ID,
            YANMA_ISSUED_AT, YANMA_KEY_ID, YANMA_KIND, YANMA_OPAQUE_PROVINCE, YANMA_PASS,
            YANMA_PASS_ID, YANMA_PATIENT, YANMA_REDEMPTION, YANMA_REGION, YANMA_RELATION,
            YANMA_REQUEST_ID, YANMA_RESERVATION, YANMA_SUBJECT,
        },
    },
    idempotency::{Fingerprint, FingerprintInput},
    request_id::RequestId,
    transport::body::{Outgoing, Whole},
};

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
    /// Cleans `head`. `host` is what the backend is asked for, if it is asked.
    pub(crate) fn new(
        head: request::Parts,
        framing: Framing,
        host: Option<HeaderValue>,
        has_body: bool,
    ) -> Self {
        let mut headers = head.headers;
        // Only HTTP/1.1 chunks and HTTP/2 streams can carry trailers, and bodies of open length.
        let open_length = !headers.contains_key(CONTENT_LENGTH);
        let chunked = framing == Framing::Chunked
            || head.version == Version::HTTP_2 && has_body && open_length;
        let forbidden = fields::clean_request(&mut headers, chunked);
        if let Some(host) = host {
            headers.insert(HOST, host);
        }
        let target = in_origin_form(head.uri.into_parts().path_and_query);
        Self { method: head.method, target, headers, chunked, forbidden }
    }

    /// What the client asks, for telling a retry from another request. The only place that makes a
    /// fingerprint: what a field or a form of the target adds must be gone here as it is for the backend.
    pub(crate) fn fingerprint(&self, statement: Statement, body: &Whole) -> Fingerprint {
        let input = FingerprintInput {
            method: &self.method,
            target: self.target.as_str(),
            headers: &self.headers,
            statement,
            body: body.as_bytes(),
            trailers: body.trailers(),
        };
        input.fingerprint()
    }

    /// The whole request: what the gateway facts of it is set last, over whatever was there.
    pub(crate) fn into_request(
        mut self,
        facts: &ForwardedFacts<'_>,
        body: Outgoing,
    ) -> Request<Outgoing> {
        self.frame(&body);
        facts.write_to(&mut self.headers);
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(self.target);
        *request.headers_mut() = self.headers;
        request
    }

    /// Frames the body explicitly: hyper leaves the body of a GET or HEAD out if nothing facts
    /// that there is one.
    fn frame(&mut self, body: &Outgoing) {
        match body {
            Outgoing::Whole(whole) if !whole.has_trailers() => {
                if whole.len() > 0
                    || anticipates_content(&self.method)
                    || self.headers.contains_key(CONTENT_LENGTH)
                {
                    let length = u64::try_from(whole.len()).unwrap_or(u64::MAX);
                    fields::set_length(&mut self.headers, length);
                }
                // Without chunks it is gone already.
                if self.chunked {
                    self.headers.remove(http::header::TRAILER);
                }
            }
            Outgoing::Whole(_) => self.chunk(),
            Outgoing::Upload(_) => match body.size_hint().exact() {
                // Written anew: the client's text may be `05`, or stand there twice.
                Some(length) if !self.chunked => fields::set_length(&mut self.headers, length),
                _ => self.chunk(),
            },
        }
    }

    fn chunk(&mut self) {
        self.headers.remove(CONTENT_LENGTH);
        self.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// A server may refuse these without a length, also where there is no body (RFC 9110 8.6).
fn anticipates_content(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// `http://a?x=1` and `http://a/?x=1` are one target, and reach the backend as `/?x=1`.
fn in_origin_form(target: Option<PathAndQuery>) -> PathAndQuery {
    match target {
        Some(target) if target.as_str().starts_with('/') => target,
        Some(target) => PathAndQuery::try_from(format!("/{}", target.as_str())).unwrap_or(target),
        None => PathAndQuery::from_static("/"),
    }
}

/// What the gateway tells the backend about a request.
#[derive(Debug)]
pub(crate) struct ForwardedFacts<'a> {
    pub(crate) request_id: &'a RequestId,
    /// The client's address, unless it is a process of this machine.
    pub(crate) forwarded_for: Option<&'a HeaderValue>,
    pub(crate) token: Option<&'a Token>,
    /// Present only when the code or pass has been spent for this request.
    pub(crate) redemption: Option<RedemptionId>,
    /// The pass that was made for this request.
    pub(crate) minted: Option<&'a MintedPass>,
}

impl ForwardedFacts<'_> {
    fn write_to(&self, headers: &mut HeaderMap) {
        headers.reserve(14);
        let mut text = Text::new();
        headers.append(VIA, HeaderValue::from_static("1.1 yanma"));
        headers.insert(YANMA_REQUEST_ID, text.word(self.request_id.as_str()).value());
        if let Some(address) = self.forwarded_for {
            headers.insert(X_FORWARDED_FOR, address.clone());
        }
        match self.token {
            Some(Token::Genuine(credential)) => {
                self.write_holder(credential, headers, &mut text);
                match credential {
                    Credential::Code(code) => self.write_code(code, headers, &mut text),
                    Credential::Pass(pass) => self.write_pass(pass, headers, &mut text),
                }
            }
            Some(Token::Opaque(code)) => write_opaque(code, headers, &mut text),
            None => {}
        }
        if let Some(minted) = self.minted {
            let mut pass = text.word(minted.text.as_str()).value();
            pass.set_sensitive(true);
            headers.insert(YANMA_PASS, pass);
            headers.insert(YANMA_PASS_ID, text.pass(&minted.id).value());
        }
    }

    /// Who the person is.
    fn write_holder(&self, holder: &Credential, headers: &mut HeaderMap, text: &mut Text) {
        let subject = text.number(holder.subject().get()).value();
        let relation = text.number(holder.relation()).value();
        let patient = match holder.relation() {
            0 => subject.clone(),
            family => text.number(holder.subject().get()).word("/").number(family).value(),
        };
        headers.insert(YANMA_SUBJECT, subject);
        headers.insert(YANMA_RELATION, relation);
        headers.insert(YANMA_PATIENT, patient);
        headers.insert(YANMA_REGION, text.region(holder.region()).value());
        headers.insert(YANMA_KEY_ID, text.number(holder.issuer().get()).value());
        headers.insert(YANMA_CHANNEL, HeaderValue::from_static(holder.channel().as_str()));
        headers.insert(YANMA_AUTH, HeaderValue::from_static(holder.auth().as_str()));
    }

    fn write_code(&self, code: &VerifiedCode, headers: &mut HeaderMap, text: &mut Text) {
        let identity = text.identity(&code.identity()).value();
        headers.insert(YANMA_ISSUED_AT, text.number(code.issued_at().get()).value());
        if let Some(redemption) = self.redemption {
            // The same code's, so the same text.
            debug_assert_eq!(redemption, RedemptionId::Code(code.identity()));
            headers.insert(YANMA_REDEMPTION, identity.clone());
        }
        headers.insert(YANMA_CODE_ID, identity);
        headers.insert(YANMA_KIND, HeaderValue::from_static(code.kind().as_str()));
    }

    fn write_pass(&self, pass: &Pass, headers: &mut HeaderMap, text: &mut Text) {
        let id = text.pass(&pass.id()).value();
        if let Some(redemption) = self.redemption {
            debug_assert_eq!(redemption, RedemptionId::Pass(pass.id()));
            headers.insert(YANMA_REDEMPTION, id.clone());
        }
        headers.insert(YANMA_PASS_ID, id);
        headers.insert(YANMA_KIND, HeaderValue::from_static("pass"));
    }
}

/// An opaque code's class, reservation and province; nothing of a person, as nothing is proven.
fn write_opaque(code: &OpaqueCode, headers: &mut HeaderMap, text: &mut Text) {
    headers.insert(YANMA_CLASS, HeaderValue::from_static("opaque"));
    headers.insert(YANMA_RESERVATION, text.redemption(&RedemptionId::Opaque(code.id())).value());
    headers.insert(YANMA_OPAQUE_PROVINCE, text.word(&code.province().to_string()).value());
}

/// Whether a backend may take the request's body for the next request. Methods whose bodies mean
/// nothing (RFC 9110 9.3) have backends that leave them unread.
pub(crate) fn has_unexpected_body(request: &Request<Outgoing>) -> bool {
    !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH)
        && !request.body().is_end_stream()
}

/// Tells the backend that its connection carries no further request.
pub(crate) fn ask_for_close(request: &mut Request<Outgoing>) {
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn head(
        method: Method,
        target: &'static str,
        lines: &[(HeaderName, &'static str)],
    ) -> CleanHead {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(target);
        for (name, value) in lines {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        CleanHead::new(request.into_parts().0, Framing::Plain, None, true)
    }

    #[test]
    fn a_target_is_the_same_in_every_form() {
        for (target, origin) in [
            ("/a?b=c", "/a?b=c"),
            ("http://h/a?b=c", "/a?b=c"),
            ("http://h", "/"),
            ("http://h/", "/"),
            ("http://h?b=c", "/?b=c"),
        ] {
            assert_eq!(head(Method::GET, target, &[]).target.as_str(), origin, "{target}");
        }
    }

    #[test]
    fn a_length_is_one_and_plain_and_not_left_out_where_one_is_expected() {
        let framed = |method, lines: &[(HeaderName, &'static str)], body: &'static str| {
            let mut head = head(method, "/", lines);
            head.frame(&Outgoing::Whole(Whole::new(bytes::Bytes::from_static(body.as_bytes()))));
            let lengths = head.headers.get_all(CONTENT_LENGTH);
            lengths.iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let twice = [(CONTENT_LENGTH, "05"), (CONTENT_LENGTH, "5")];
        assert_eq!(framed(Method::POST, &twice, "hello"), ["5"]);
        assert_eq!(framed(Method::GET, &[], "hello"), ["5"]);
        assert_eq!(framed(Method::GET, &[(CONTENT_LENGTH, "00")], ""), ["0"]);
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(framed(method, &[], ""), ["0"]);
        }
        for method in [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS] {
            assert!(framed(method, &[], "").is_empty());
        }
    }
}
