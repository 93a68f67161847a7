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
fn names_that_the_gateway_judges_by_pass_in_one_spelling() {
    use Fate::{Forbidden, HopByHop, Passes};
    let fate = |name: &str| fate(&HeaderName::from_bytes(name.as_bytes()).unwrap());
    for (plain, expected) in [
        ("content-length", Passes),
        ("content-type", Passes),
        ("idempotency-key", Passes),
        ("transfer-encoding", HopByHop),
        ("keep-alive", HopByHop),
        ("http2-settings", HopByHop),
        ("proxy-authorization", HopByHop),
        ("proxy-connection", HopByHop),
    ] {
        assert_eq!(fate(plain), expected, "{plain}");
        assert_eq!(fate(&plain.to_ascii_uppercase()), expected, "{plain}");
        for mark in "_.~!#$%&'*+^`|".chars() {
            let disguised = plain.replace('-', &mark.to_string());
            assert_eq!(fate(&disguised), Forbidden, "{disguised}");
        }
    }
    for (name, expected) in [
        ("connection", HopByHop),
        ("expect", HopByHop),
        ("te", HopByHop),
        ("upgrade", HopByHop),
        ("yanma-code", HopByHop),
        ("x_forwarded_for", HopByHop),
        ("proxy", Forbidden),
        ("forwarded", Forbidden),
        ("yanma_code", Forbidden),
        ("x.http.method.override", Forbidden),
        ("host", Passes),
        ("trailer", Passes),
        ("content-encoding", Passes),
        ("contentlength", Passes),
        ("content-lengths", Passes),
        ("content-length-", Passes),
        ("-content-length", Passes),
        ("proxys", Passes),
        ("x-forwarded-forx", Passes),
        ("x-forwarded-proto", Passes),
        ("tea", Passes),
        ("yanma", Passes),
        ("_", Passes),
    ] {
        assert_eq!(fate(name), expected, "{name}");
    }
}

#[test]
fn no_trailer_frames_routes_or_describes_the_message() {
    let mut trailers = map(&[
        ("x-digest", "1"),
        ("content-type", "1"),
        ("content_length", "1"),
        ("transfer.encoding", "1"),
        ("idempotency-key", "1"),
        ("authorization", "1"),
        ("cookie", "1"),
        ("host", "1"),
        ("proxy", "1"),
    ]);
    clean_trailers(&mut trailers);
    assert_eq!(names(&trailers), ["x-digest"]);
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
    assert!(names.iter().all(|name| fate(name) == Fate::HopByHop));
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
fn a_length_is_set_once_and_in_plain_digits() {
    for lines in [&[][..], &["7"], &["07"], &["7", "7"], &["8"], &["7, 7"]] {
        let fields: Vec<_> = lines.iter().map(|line| ("content-length", *line)).collect();
        let mut headers = map(&fields);
        set_length(&mut headers, 7);
        let told: Vec<_> = headers.get_all(CONTENT_LENGTH).into_iter().collect();
        assert_eq!(told, ["7"], "{lines:?}");
    }
}
