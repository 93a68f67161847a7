use http::{
    HeaderName, Uri, Version,
    header::{ACCEPT, EXPECT, HOST, TRANSFER_ENCODING},
};

use super::fixture::{Asked, Node};
use crate::{
    http::fields::{Expectation, Framing},
    refusal::{Limit, Refusal, Refused},
    request::head::{Terms, check, find_route},
};

const LINES_MAX: usize = 8;

fn checked(asked: &Asked) -> Result<Terms, Refused> {
    check(asked.head(), LINES_MAX)
}

/// Of a refusal, what the client and the operator can tell apart.
#[track_caller]
fn refused(asked: &Asked) -> (Refusal, Option<&'static str>, Option<Limit>) {
    let refused = checked(asked).expect_err("it is refused");
    (refused.refusal, refused.detail, refused.limit)
}

#[track_caller]
fn assert_malformed(asked: &Asked) {
    let (refusal, detail, limit) = refused(asked);
    assert_eq!((refusal, limit), (Refusal::RequestMalformed, None), "{:?}", asked.head());
    assert!(detail.is_some(), "the client's developer is told what is wrong");
}

fn with(name: HeaderName, value: &str) -> Asked {
    Asked::post("/pay").field(name, value)
}

#[test]
fn header_lines_are_counted_and_the_limit_is_named() {
    let lines = |count| (1..count).fold(Asked::post("/pay"), |asked, _| asked.field(ACCEPT, "*/*"));
    assert!(checked(&lines(LINES_MAX)).is_ok());
    let (refusal, _, limit) = refused(&lines(LINES_MAX + 1));
    assert_eq!((refusal, limit), (Refusal::HeadersTooLarge, Some(Limit::Headers)));
}

#[test]
fn methods_that_no_route_can_take_are_refused() {
    for method in ["TRACE", "CONNECT", "BREW", "post"] {
        let expected = (Refusal::MethodNotAllowed, None, None);
        assert_eq!(refused(&Asked::new(method, "/pay")), expected, "{method}");
    }
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert!(checked(&Asked::new(method, "/pay")).is_ok(), "{method}");
    }
}

#[test]
fn only_one_plain_chunked_frames_a_body() {
    let framing = |asked: &Asked| checked(asked).unwrap().framing;
    assert_eq!(framing(&Asked::post("/pay")), Framing::Plain);
    assert_eq!(framing(&with(TRANSFER_ENCODING, "chunked")), Framing::Chunked);
    assert_eq!(framing(&with(TRANSFER_ENCODING, "Chunked")), Framing::Chunked);
    for coding in ["", "identity", "gzip", "gzip, chunked", "chunked, chunked", "chunked;q=1"] {
        assert_malformed(&with(TRANSFER_ENCODING, coding));
    }
    let twice = with(TRANSFER_ENCODING, "chunked").field(TRANSFER_ENCODING, "chunked");
    assert_malformed(&twice);
    assert_malformed(&with(TRANSFER_ENCODING, "chunked").version(Version::HTTP_10));
}

#[test]
fn an_expectation_is_100_continue_or_is_not_met() {
    let expectation = |asked: &Asked| checked(asked).unwrap().expectation;
    assert_eq!(expectation(&Asked::post("/pay")), Expectation::None);
    for value in ["100-continue", "100-Continue"] {
        assert_eq!(expectation(&with(EXPECT, value)), Expectation::Continue);
    }
    for value in ["", "200-ok", "100-continue, 200-ok"] {
        let (refusal, _, limit) = refused(&with(EXPECT, value));
        assert_eq!((refusal, limit), (Refusal::ExpectationFailed, None), "{value}");
    }
}

fn bare() -> Asked {
    Asked::bare("POST", "/pay")
}

fn host(asked: &Asked) -> Option<String> {
    let host = checked(asked).unwrap().host;
    host.map(|host| host.to_str().unwrap().to_owned())
}

#[test]
fn there_is_one_host() {
    assert_eq!(host(&bare().field(HOST, "his.example:8080")).as_deref(), Some("his.example:8080"));
    assert_malformed(&bare());
    assert_malformed(&bare().version(Version::HTTP_2));
    assert_eq!(host(&bare().version(Version::HTTP_10)), None, "an old client may name none");
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
        let same_twice = bare().field(HOST, "a").field(HOST, "a");
        assert_malformed(&same_twice.version(version));
        for odd in ["", "a b", "user@a", "a:port", "a,b", "a..b"] {
            assert_malformed(&bare().field(HOST, odd).version(version));
        }
    }
}

#[test]
fn in_http_1_an_absolute_target_says_the_host() {
    let absolute = |target| Asked::bare("POST", target);
    let target = "http://his.example:8080/pay";
    assert_eq!(host(&absolute(target)).as_deref(), Some("his.example:8080"));
    let beside = absolute(target).field(HOST, "another.example");
    assert_eq!(host(&beside).as_deref(), Some("his.example:8080"));
    assert_malformed(&absolute(target).field(HOST, "his.example").field(HOST, "his.example"));
    assert_malformed(&absolute("ftp://his.example/pay"));
    assert_malformed(&absolute("http://user@his.example/pay"));
}

#[test]
fn in_http_2_host_and_authority_are_one() {
    let with = |target, host| Asked::bare("POST", target).field(HOST, host);
    let both = |target, host| with(target, host).version(Version::HTTP_2);
    for named in ["his.example", "HIS.example", "his.example:80"] {
        let asked = both("http://his.example/pay", named);
        assert_eq!(host(&asked).as_deref(), Some("his.example"), "{named}");
    }
    assert_malformed(&both("http://his.example/pay", "another.example"));
    assert_malformed(&both("http://his.example/pay", "his.example:443"));
    assert!(checked(&both("https://his.example/pay", "his.example:443")).is_ok());
}

/// Each head has all faults that come later in the contract's order.
#[test]
fn the_first_fault_is_the_answer() {
    let broken = |method, lines: usize, coding, expectation| {
        let asked = Asked::bare(method, "/pay").field(TRANSFER_ENCODING, coding);
        (0..lines).fold(asked.field(EXPECT, expectation), |asked, _| asked.field(ACCEPT, "*/*"))
    };
    let first = |asked: &Asked| (refused(asked).0, refused(asked).1);
    let answer = first(&broken("TRACE", LINES_MAX, "gzip", "x"));
    assert_eq!(answer.0, Refusal::HeadersTooLarge);
    let answer = first(&broken("TRACE", 1, "gzip", "x"));
    assert_eq!(answer.0, Refusal::MethodNotAllowed);
    let answer = first(&broken("POST", 1, "gzip", "x"));
    assert_eq!(answer.0, Refusal::RequestMalformed);
    assert!(answer.1.unwrap().contains("Transfer-Encoding"), "{answer:?}");
    let answer = first(&broken("POST", 1, "chunked", "x"));
    assert_eq!(answer.0, Refusal::ExpectationFailed);
    let answer = first(&broken("POST", 1, "chunked", "100-continue"));
    assert_eq!(answer, (Refusal::RequestMalformed, Some("Host is missing")));
}

#[test]
fn a_route_is_found_by_a_path_with_one_reading() {
    let snapshot = Node::new().worker.snapshot();
    let find = |target: &'static str| {
        find_route(&snapshot.routes, &Uri::from_static(target)).map_err(|refused| refused.refusal)
    };
    for (target, index) in [("/pay", 0), ("/PAY/x?a=//", 0), ("/check", 1), ("/free/", 2)] {
        assert_eq!(find(target), Ok(index), "{target}");
    }
    for target in ["/", "/payx", "/nowhere"] {
        assert_eq!(find(target), Err(Refusal::RouteNotFound), "{target}");
    }
    for target in ["/pay//x", "/pay/../free", "/pay%2fx", "/pay/%2e%2e/free", "/nowhere/..", "*"] {
        assert_eq!(find(target), Err(Refusal::RequestMalformed), "{target}");
    }
}
