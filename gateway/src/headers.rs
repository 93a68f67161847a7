//! Which header fields pass, in both directions.
//!
//! Hop-by-hop fields end here (RFC 9110 7.6.1). A client must not be able to speak for the
//! gateway: backends that map header names to variables (CGI, WSGI, PHP) read `-`, `_` and `.`
//! alike, so a name counts as ours however its punctuation is written.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRAILER, TRANSFER_ENCODING},
};

/// The request header that carries the code.
pub(crate) const YANMA_CODE: HeaderName = HeaderName::from_static("yanma-code");

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
            plain &= is_plain_number(value);
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

/// Is it written as the gateway would write it?
fn is_plain_number(value: &HeaderValue) -> bool {
    match value.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
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

fn fate(name: &HeaderName) -> Fate {
    if is_hop_by_hop(name) {
        Fate::HopByHop
    } else if is_ours(name.as_str()) && *name != YANMA_CODE || replaces_the_request(name.as_str()) {
        Fate::Forbidden
    } else if *name == YANMA_CODE || is_alike(name.as_str(), "x-forwarded-for") {
        // Read or set anew by the gateway: neither passes, neither is suspicious.
        Fate::HopByHop
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
        || is_alike(name, "forwarded")
}

fn may_be_trailer(name: &HeaderName) -> bool {
    fate(name) == Fate::Passes && ![HOST, CONTENT_LENGTH, TRAILER].contains(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_spelling_of_our_names_is_dropped_and_counted() {
        let mut headers = map(&[
            ("Yanma-Subject", "1"),
            ("yanma_subject", "1"),
            ("Yanma.Subject", "1"),
            ("yanma~subject", "1"),
            ("yanma_code", "1"),
            ("X-Original-URL", "/"),
            ("x_rewrite_url", "/"),
            ("X-HTTP-Method-Override", "GET"),
            ("Forwarded", "for=1"),
            ("yanmasubject", "kept"),
            ("accept", "kept"),
        ]);
        assert_eq!(clean_request(&mut headers, false), 9);
        assert_eq!(names(&headers), ["accept", "yanmasubject"]);
    }

    #[test]
    fn connection_takes_along_what_it_names_but_not_framing_or_host() {
        let mut headers = map(&[
            ("Connection", "close, X-Secret, Host, Content-Length, Yanma-Code"),
            ("X-Secret", "1"),
            ("Host", "his.example"),
            ("Content-Length", "3"),
            ("Keep-Alive", "timeout=5"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
            ("Proxy-Authorization", "x"),
            ("TE", "trailers"),
        ]);
        assert_eq!(clean_request(&mut headers, false), 0);
        assert_eq!(names(&headers), ["content-length", "host"]);
    }

    #[test]
    fn only_harmless_trailers_are_announced_and_only_with_chunks() {
        let lines = [("Trailer", "X-Digest, Yanma_Subject, Content-Length")];
        let mut headers = map(&lines);
        clean_request(&mut headers, true);
        assert_eq!(headers.get(TRAILER).unwrap(), "x-digest");
        let mut headers = map(&lines);
        clean_request(&mut headers, false);
        assert!(headers.is_empty());
        let mut trailers = map(&[("x-digest", "1"), ("yanma~subject", "1"), ("te", "1")]);
        clean_trailers(&mut trailers);
        assert_eq!(names(&trailers), ["x-digest"]);
    }

    #[test]
    fn cookie_crumbs_become_one_line() {
        let mut headers = map(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]);
        clean_request(&mut headers, false);
        assert_eq!(headers.get(COOKIE).unwrap(), "a=1; b=2; c=3");
        assert_eq!(headers.get_all(COOKIE).into_iter().count(), 1);
    }

    #[test]
    fn a_length_beside_chunks_does_not_reach_the_client() {
        let mut headers = map(&[
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("yanma-outcome", "approved"),
            ("set-cookie", "kept"),
        ]);
        clean_response(&mut headers, StatusCode::OK, true);
        assert_eq!(names(&headers), ["set-cookie"]);
    }

    #[test]
    fn an_answer_has_one_length_or_none() {
        let length = |status, lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("content-length", *line)).collect();
            let mut headers = map(&lines);
            clean_response(&mut headers, status, true);
            assert!(headers.get_all(CONTENT_LENGTH).into_iter().count() < 2);
            headers.get(CONTENT_LENGTH).map(|value| value.to_str().unwrap().to_owned())
        };
        let ok = |lines: &[&str]| length(StatusCode::OK, lines);
        for plain in ["0", "7", "10", "9999999999999999999"] {
            assert_eq!(ok(&[plain]).as_deref(), Some(plain));
        }
        for odd in [&["2, 2"][..], &["2", "2"], &["02"], &["2,002", " 2 "]] {
            assert_eq!(ok(odd).as_deref(), Some("2"), "{odd:?}");
        }
        let too_large = "18446744073709551616";
        for wrong in [&["2,3"][..], &["2", "3"], &["+2"], &[""], &["2,"], &["0x2"], &[too_large]] {
            assert_eq!(ok(wrong), None, "{wrong:?}");
        }
        assert_eq!(length(StatusCode::NO_CONTENT, &["2"]), None);
    }

    #[test]
    fn an_answer_announces_harmless_trailers_if_any_can_follow() {
        let announced = |coding: &'static str, may_trail| {
            let mut headers =
                map(&[("trailer", "X-T, Yanma-Outcome"), (coding, "chunked"), ("trailer", "te")]);
            clean_response(&mut headers, StatusCode::OK, may_trail);
            headers.get(TRAILER).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(announced("transfer-encoding", true).as_deref(), Some("x-t"));
        assert_eq!(announced("transfer-encoding", false), None);
        assert_eq!(announced("x-other", true), None);
    }

    #[test]
    fn one_plain_chunked_is_the_only_transfer_coding() {
        let http11 = http::Version::HTTP_11;
        let te = |values: &[&str]| {
            let lines: Vec<(&str, &str)> =
                values.iter().map(|value| ("transfer-encoding", *value)).collect();
            framing(http11, &map(&lines))
        };
        assert_eq!(te(&[]), Some(Framing::Plain));
        assert_eq!(te(&["Chunked"]), Some(Framing::Chunked));
        assert_eq!(te(&["gzip, chunked"]), None);
        assert_eq!(te(&["chunked", "chunked"]), None);
        let chunked = map(&[("transfer-encoding", "chunked")]);
        assert_eq!(framing(http::Version::HTTP_10, &chunked), None);
    }

    #[test]
    fn the_list_of_hop_by_hop_names_agrees_with_the_http_crate() {
        use http::header::{TE, UPGRADE};
        let names = [CONNECTION, EXPECT, TE, TRANSFER_ENCODING, UPGRADE];
        assert!(names.iter().all(is_hop_by_hop));
    }
}
