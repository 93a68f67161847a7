//! Which header fields pass, in both directions.
//!
//! Hop-by-hop fields end here (RFC 9110 7.6.1). A client must not be able to speak for the
//! gateway: backends that map header names to variables (CGI, WSGI, PHP) read `-`, `_` and `.`
//! alike, so a name counts as ours however its punctuation is written. Nor may a client frame the
//! message, name its transaction or say what its body is behind the gateway's back: such names
//! pass in their one spelling only.

#[cfg(test)]
mod tests;

use super::names::YANMA_CODE;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRAILER, TRANSFER_ENCODING},
};

/// What becomes of one header field.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
enum Fate {
    Passes,
    /// Means something between two neighbours only.
    HopByHop,
    /// Would speak for the gateway, or replace path or method behind its back.
    Forbidden,
}

/// Removes what must not reach a backend; returns how many names were forbidden.
///
/// `Transfer-Encoding` goes too: the body is framed anew for the backend.
pub(crate) fn clean_request(headers: &mut HeaderMap, keep_trailer: bool) -> u64 {
    let named = take_connection_names(headers);
    let mut forbidden = 0;
    // Most requests have nothing to drop, and then this list allocates nothing.
    let mut drop: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        match fate(name) {
            Fate::Passes if named.contains(name) => drop.push(name.clone()),
            Fate::Passes => {}
            Fate::HopByHop => drop.push(name.clone()),
            Fate::Forbidden => {
                forbidden += 1;
                drop.push(name.clone());
            }
        }
    }
    for name in &drop {
        headers.remove(name);
    }
    clean_trailer_list(headers, keep_trailer);
    join_cookies(headers);
    forbidden
}

/// Removes what must not reach a client from a backend's answer. `may_trail`: trailers may follow.
pub(crate) fn clean_response(headers: &mut HeaderMap, status: StatusCode, may_trail: bool) {
    let named = take_connection_names(headers);
    let mut drop: Vec<HeaderName> = Vec::new();
    let (mut chunked, mut announces, mut lengths, mut plain) = (false, false, 0, true);
    for (name, value) in headers.iter() {
        if is_hop_by_hop(name) || is_ours(name.as_str()) || named.contains(name) {
            chunked |= *name == TRANSFER_ENCODING;
            drop.push(name.clone());
        } else if *name == CONTENT_LENGTH {
            lengths += 1;
            plain &= plain_number(value).is_some();
        } else if *name == TRAILER {
            announces = true;
        }
    }
    for name in &drop {
        headers.remove(name);
    }
    if chunked || status == StatusCode::NO_CONTENT {
        // hyper read the body by its chunks; a length beside them would cut it silently. And where
        // there is no body, HTTP/2 has no length either (RFC 9110 8.6).
        headers.remove(CONTENT_LENGTH);
    } else if lengths > 1 || !plain {
        unify_lengths(headers);
    }
    if announces {
        clean_trailer_list(headers, chunked && may_trail);
    }
}

/// Gives a message one length in plain digits. Where that is there already, nothing is made anew.
pub(crate) fn set_length(headers: &mut HeaderMap, length: u64) {
    let mut lines = headers.get_all(CONTENT_LENGTH).into_iter();
    let is_there = match (lines.next(), lines.next()) {
        (Some(only), None) => plain_number(only) == Some(length),
        _ => false,
    };
    if !is_there {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// A number that is written as the gateway would write it.
fn plain_number(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    let is_plain = match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let number = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    if is_plain { digits.iter().try_fold(0, number) } else { None }
}

/// Lengths that are there several times, or oddly written, become one number. If they are none, or
/// differ, hyper has refused the answer, unless it has no body that could be cut: then they go.
fn unify_lengths(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONTENT_LENGTH).into_iter();
    let mut numbers =
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(number);
    let first = numbers.next().flatten();
    let agreed = first.filter(|first| numbers.all(|other| other == Some(*first)));
    match agreed {
        Some(length) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        None => drop(headers.remove(CONTENT_LENGTH)),
    }
}

/// Digits and nothing else (RFC 9110 8.6): Rust would take a sign too.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Removes what a trailer must not carry: what a header must not, and framing.
pub(crate) fn clean_trailers(trailers: &mut HeaderMap) {
    let drop: Vec<HeaderName> =
        trailers.keys().filter(|name| !may_be_trailer(name)).cloned().collect();
    for name in &drop {
        trailers.remove(name);
    }
}

/// Asked of each name of each request, so the first letter decides where to look.
fn fate(name: &HeaderName) -> Fate {
    let text = name.as_str();
    match text.as_bytes().first() {
        Some(b'c') => match text.len() {
            10 if text == "connection" => Fate::HopByHop,
            12 => in_one_spelling(text, "content-type", Fate::Passes),
            14 => in_one_spelling(text, "content-length", Fate::Passes),
            _ => Fate::Passes,
        },
        Some(b'e') if text == "expect" => Fate::HopByHop,
        Some(b'f') if text == "forwarded" => Fate::Forbidden,
        Some(b'h') => in_one_spelling(text, "http2-settings", Fate::HopByHop),
        Some(b'i') => in_one_spelling(text, "idempotency-key", Fate::Passes),
        Some(b'k') => in_one_spelling(text, "keep-alive", Fate::HopByHop),
        Some(b'p') => fate_of_proxy(text),
        Some(b't') if text == "te" => Fate::HopByHop,
        Some(b't') => in_one_spelling(text, "transfer-encoding", Fate::HopByHop),
        Some(b'u') if text == "upgrade" => Fate::HopByHop,
        Some(b'x') if replaces_the_request(text) => Fate::Forbidden,
        // Set anew by the gateway: it does not pass, and is not suspicious.
        Some(b'x') if is_alike(text, "x-forwarded-for") => Fate::HopByHop,
        // So is the code, which is read by the gateway alone.
        Some(b'y') if *name == YANMA_CODE => Fate::HopByHop,
        Some(b'y') if is_ours(text) => Fate::Forbidden,
        _ => Fate::Passes,
    }
}

/// A name by which the gateway judges a request. In any other punctuation a backend that maps
/// names to variables would take it for the same name, and the gateway has not read it.
fn in_one_spelling(name: &str, plain: &str, fate: Fate) -> Fate {
    // The usual spelling is found by one comparison.
    if name == plain {
        fate
    } else if is_alike(name, plain) {
        Fate::Forbidden
    } else {
        Fate::Passes
    }
}

/// As `HTTP_PROXY`, `Proxy` tells programs which proxy to use (httpoxy, CVE-2016-5385).
fn fate_of_proxy(name: &str) -> Fate {
    if name == "proxy" {
        Fate::Forbidden
    } else if name.starts_with("proxy-") {
        Fate::HopByHop
    } else if begins_alike(name, "proxy-") {
        Fate::Forbidden
    } else {
        Fate::Passes
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "expect"
            | "http2-settings"
            | "keep-alive"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    ) || name.as_str().starts_with("proxy-")
}

fn is_ours(name: &str) -> bool {
    begins_alike(name, "yanma-")
}

/// Some backends let these replace path or method after the gateway has judged them.
fn replaces_the_request(name: &str) -> bool {
    begins_alike(name, "x-original-")
        || begins_alike(name, "x-rewrite-")
        || begins_alike(name, "x-http-method")
}

/// A receiver may put trailers among the headers, so none may be there that frames, routes, names
/// or describes the message, or says who sends it (RFC 9110 6.5.1).
fn may_be_trailer(name: &HeaderName) -> bool {
    fate(name) == Fate::Passes
        && !matches!(
            name.as_str(),
            "authorization"
                | "content-encoding"
                | "content-length"
                | "content-range"
                | "content-type"
                | "cookie"
                | "host"
                | "idempotency-key"
                | "set-cookie"
                | "trailer"
        )
}

/// Does `name` begin with `prefix`, if every character that is no letter or digit reads as `-`?
fn begins_alike(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len()
        && name.bytes().zip(prefix.bytes()).all(|(byte, expected)| {
            if expected == b'-' {
                !byte.is_ascii_alphanumeric()
            } else {
                byte.eq_ignore_ascii_case(&expected)
            }
        })
}

fn is_alike(name: &str, whole: &str) -> bool {
    name.len() == whole.len() && begins_alike(name, whole)
}

/// The header names that `Connection` lists. It may not name what frames or routes the message,
/// nor anything of ours: that is how a client would strip what the gateway says.
fn take_connection_names(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',') {
            let Ok(name) = HeaderName::from_bytes(token.trim_ascii()) else { continue };
            if ![HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) && !is_ours(name.as_str())
            {
                names.push(name);
            }
        }
    }
    names
}

/// Announces only those trailers that will pass; none at all if the body is not chunked.
fn clean_trailer_list(headers: &mut HeaderMap, keep: bool) {
    if !headers.contains_key(TRAILER) {
        return;
    }
    let names: Vec<String> = headers
        .get_all(TRAILER)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .filter(may_be_trailer)
        .map(|name| name.to_string())
        .collect();
    headers.remove(TRAILER);
    if let Ok(list) = HeaderValue::try_from(names.join(", "))
        && keep
        && !names.is_empty()
    {
        headers.insert(TRAILER, list);
    }
}

/// HTTP/2 may split one cookie header into several; HTTP/1.1 allows one (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).into_iter();
    let (Some(first), Some(_)) = (crumbs.next(), crumbs.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for crumb in headers.get_all(COOKIE).into_iter().skip(1) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, value);
    }
}

/// What the request's head says about its framing; every other form is refused.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Framing {
    /// No `Transfer-Encoding`: `Content-Length` or nothing.
    Plain,
    /// Exactly one plain `chunked`.
    Chunked,
}

/// Reads `Transfer-Encoding`. `None`: anything but one plain `chunked` (RFC 9112 6.1 lets a
/// server refuse, and a proxy that guesses smuggles).
pub(crate) fn framing(version: http::Version, headers: &HeaderMap) -> Option<Framing> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    match (codings.next(), codings.next()) {
        (None, _) => Some(Framing::Plain),
        (Some(only), None)
            if version != http::Version::HTTP_10
                && only.as_bytes().eq_ignore_ascii_case(b"chunked") =>
        {
            Some(Framing::Chunked)
        }
        _ => None,
    }
}

/// What the client expects before it sends its body (RFC 9110 10.1.1).
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Expectation {
    None,
    Continue,
    /// Nothing else was ever defined: 417.
    Unknown,
}

pub(crate) fn expectation(headers: &HeaderMap) -> Expectation {
    match headers.get(EXPECT) {
        None => Expectation::None,
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Expectation::Continue
        }
        Some(_) => Expectation::Unknown,
    }
}
