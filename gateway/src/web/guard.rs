//! Who may ask a listener that a browser on this machine can reach.
//!
//! Two attacks come through a browser. A page of another origin sends a request here; the browser
//! says so in `Origin` and `Sec-Fetch-Site`. Or a page lets the name of its own server point at this
//! machine, so that it is of our origin (DNS rebinding); then `Host` is that name. An address cannot
//! be made to point elsewhere, so each is allowed. A name is allowed only if it is ours.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use http::{
    HeaderMap, HeaderValue, Method, Uri,
    header::{HOST, HeaderName, ORIGIN},
};

use crate::http::host;

/// The longest name of DNS (RFC 1035).
const NAME_BYTES_MAX: usize = 253;

/// A name under which operators reach a listener: in lower case, without port and final full stop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostName(String);

impl HostName {
    /// What [`parse`](Self::parse) takes, for an error message.
    pub const ALLOWED: &str = "a host name such as \"gateway-1.example\", without port and without \
                               a wildcard; addresses and localhost need no entry";

    /// `None` if it is no name, or one that needs no entry.
    pub fn parse(text: &str) -> Option<Self> {
        let is_part = |part: &str| {
            let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !part.is_empty() && part.bytes().all(is_of_a_name)
        };
        // The last part of a name is no number (RFC 3696, 2), so no address is taken for a name.
        let last = text.rsplit('.').next().unwrap_or_default();
        let is_name = text.len() <= NAME_BYTES_MAX
            && text.split('.').all(is_part)
            && last.bytes().any(|byte| !byte.is_ascii_digit())
            && !text.eq_ignore_ascii_case(LOCALHOST);
        is_name.then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const LOCALHOST: &str = "localhost";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Why a request is refused.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stranger {
    /// Its host is no address and no name of ours.
    Host,
    /// A page of another origin sends it.
    Origin,
}

impl Stranger {
    /// For the person who meets it.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Host => {
                "the Host of this request is not one of this listener's: it must be an IP address, \
                 localhost, or a name in [admin] hosts of the gateway's configuration\n"
            }
            Self::Origin => {
                "another web page sent this request: this listener answers to its own pages and to \
                 programs that send no Origin and no Sec-Fetch-Site of another site\n"
            }
        }
    }
}

/// Checks who asks.
///
/// # Errors
///
/// Why the request is refused, before anything of it is done.
pub(crate) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    hosts: &[HostName],
) -> Result<(), Stranger> {
    let host = host(headers).ok_or(Stranger::Host)?;
    // Where a target names a host itself, that one counts (RFC 9112, 3.2.2). Both must be ours.
    let named = uri.authority().map(|authority| authority.as_str().as_bytes());
    let are_ours = [Some(host), named].into_iter().flatten().all(|host| is_ours(host, hosts));
    if !are_ours {
        return Err(Stranger::Host);
    }
    if is_own_page(method, headers, host) { Ok(()) } else { Err(Stranger::Origin) }
}

/// The host of a request that names one, once.
pub(crate) fn host(headers: &HeaderMap) -> Option<&[u8]> {
    only(headers, HOST)
}

/// Whether no page of another origin sends the request, as far as its browser says.
pub(crate) fn is_own_page(method: &Method, headers: &HeaderMap, host: &[u8]) -> bool {
    let is_own_origin = !headers.contains_key(ORIGIN)
        || only(headers, ORIGIN).is_some_and(|origin| is_same(origin, host));
    is_own_origin && is_own_site(method, headers)
}

/// Whether a browser sends the request and does not say of which page.
pub(crate) fn hides_its_page(headers: &HeaderMap) -> bool {
    !headers.contains_key(ORIGIN) && headers.contains_key(SEC_FETCH_SITE)
}

/// The value of a header that is there once. Two of them are read by two readers in two ways.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).into_iter();
    let first = values.next().map(HeaderValue::as_bytes);
    first.filter(|_| values.next().is_none())
}

/// An address with any port, or one of the names. Ports are free, because a tunnel changes them.
fn is_ours(value: &[u8], hosts: &[HostName]) -> bool {
    let Some(text) = str::from_utf8(value).ok().filter(|_| host::is_host(value)) else {
        return false;
    };
    if let Some(literal) = text.strip_prefix('[') {
        let address = literal.split(']').next().unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = text.split(':').next().unwrap_or_default();
    let bare = name.strip_suffix('.').unwrap_or(name);
    name.parse::<Ipv4Addr>().is_ok()
        || bare.eq_ignore_ascii_case(LOCALHOST)
        || hosts.iter().any(|host| host.0.eq_ignore_ascii_case(bare))
}

/// Whether an origin (RFC 6454) is that of the host that was asked. `null` is not.
fn is_same(origin: &[u8], host: &[u8]) -> bool {
    let Some((scheme, of_origin)) = str::from_utf8(origin).ok().and_then(|o| o.split_once("://"))
    else {
        return false;
    };
    ["http", "https"].contains(&scheme) && host::are_one(Some(scheme), of_origin.as_bytes(), host)
}

/// Whether the request comes from our own page, from the person, or from no browser.
///
/// A link in a runbook or chat opens the page from another site: a browser then shows it, and the
/// other site gets nothing of it. So a navigation of the whole tab may come from anywhere.
fn is_own_site(method: &Method, headers: &HeaderMap) -> bool {
    if !headers.contains_key(SEC_FETCH_SITE) {
        return true;
    }
    let says = |name: HeaderName, value: &str| only(headers, name) == Some(value.as_bytes());
    let site = only(headers, SEC_FETCH_SITE);
    let is_own = site.is_some_and(|site| [b"same-origin", &b"none"[..]].contains(&site));
    let opens_a_tab = *method == Method::GET
        && says(SEC_FETCH_MODE, "navigate")
        && says(SEC_FETCH_DEST, "document");
    is_own || opens_a_tab
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, uri: &str, lines: &[(&str, &str)]) -> Result<(), Stranger> {
        let headers = lines
            .iter()
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
        let hosts = [HostName::parse("Gateway-1.example").unwrap()];
        check(&method, &uri.parse().unwrap(), &headers, &hosts)
    }

    #[track_caller]
    fn assert_host(host: &str, expected: Result<(), Stranger>) {
        assert_eq!(asked(Method::GET, "/", &[("host", host)]), expected, "{host:?}");
    }

    #[test]
    fn addresses_localhost_and_listed_names_are_ours() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:7461",
            "10.1.2.3:1",
            "[::1]",
            "[::1]:7461",
            "[2001:DB8::1]:80",
            "[::ffff:127.0.0.1]:7461",
            "localhost",
            "LocalHost:9000",
            "localhost.:7461",
            "localhost:",
            "gateway-1.example",
            "GATEWAY-1.EXAMPLE.:7461",
        ] {
            assert_host(host, Ok(()));
        }
    }

    #[test]
    fn every_other_host_is_strange() {
        for host in [
            "",
            "evil.example",
            "evil.example:7461",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "gateway-1.example.evil.example",
            "a.gateway-1.example",
            "localhost..",
            "127.0.0.1.",
            "2130706433",
            "0x7f.1",
            "127.1",
            "::1",
            "[::1",
            "[::1]x",
            "[fe80::1%25eth0]",
            "[127.0.0.1]",
            "a@localhost",
            "localhost/",
            "localhost,evil.example",
            "localhost:7461:1",
            "localhost:65536",
            "localhost:x",
            "local host",
        ] {
            assert_host(host, Err(Stranger::Host));
        }
        assert_eq!(asked(Method::GET, "/", &[]), Err(Stranger::Host), "none");
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(asked(Method::GET, "/", &twice), Err(Stranger::Host), "two");
        let one = [("host", "localhost")];
        assert_eq!(asked(Method::GET, "http://evil.example/", &one), Err(Stranger::Host));
        assert_eq!(asked(Method::GET, "http://localhost/", &one), Ok(()));
    }

    #[track_caller]
    fn assert_origin(host: &str, lines: &[(&str, &str)], expected: Result<(), Stranger>) {
        let all: Vec<_> = [("host", host)].into_iter().chain(lines.iter().copied()).collect();
        assert_eq!(asked(Method::POST, "/reload", &all), expected, "{host} {lines:?}");
    }

    #[test]
    fn only_our_own_origin_may_ask() {
        let (address, foreign) = ("127.0.0.1:7461", Err(Stranger::Origin));
        assert_origin(address, &[], Ok(()));
        assert_origin(address, &[("origin", "http://127.0.0.1:7461")], Ok(()));
        assert_origin("localhost", &[("origin", "http://localhost:80")], Ok(()));
        assert_origin("LOCALHOST:7461", &[("origin", "http://localhost:7461")], Ok(()));
        assert_origin("gateway-1.example", &[("origin", "https://gateway-1.example")], Ok(()));
        for origin in [
            "null",
            "",
            "http://evil.example",
            "http://127.0.0.1:8080",
            "http://localhost:7461",
            "127.0.0.1:7461",
            "file://",
            "ftp://127.0.0.1:7461",
            "http://127.0.0.1:7461 http://evil.example",
            "http://127.0.0.1:7461/",
        ] {
            assert_origin(address, &[("origin", origin)], foreign);
        }
        let own = ("origin", "http://127.0.0.1:7461");
        assert_origin(address, &[own, own], foreign);
    }

    #[test]
    fn another_site_may_open_the_page_and_do_nothing_else() {
        let foreign = Err(Stranger::Origin);
        for (site, expected) in [
            ("same-origin", Ok(())),
            ("none", Ok(())),
            ("same-site", foreign),
            ("cross-site", foreign),
            ("", foreign),
            ("Cross-Site", foreign),
        ] {
            assert_origin("localhost", &[("sec-fetch-site", site)], expected);
        }
        let link = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(asked(Method::GET, "/", &link), Ok(()));
        assert_eq!(asked(Method::POST, "/", &link), foreign, "a form");
        let frame = link.map(|(name, value)| match name {
            "sec-fetch-dest" => (name, "iframe"),
            _ => (name, value),
        });
        assert_eq!(asked(Method::GET, "/", &frame), foreign);
        assert_eq!(asked(Method::GET, "/", &link[..2]), foreign, "a script or an image");
    }

    #[test]
    fn names_in_the_configuration_are_strict() {
        for text in ["gw", "gw-1.example", "GW_1.example.internal", "1a"] {
            assert!(HostName::parse(text).is_some(), "{text}");
        }
        let long = "a.".repeat(127);
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "*.example",
            "a:7461",
            "127.0.0.1",
            "[::1]",
            "::1",
            "a b",
            "localhost",
            "LOCALHOST",
            "http://a",
            "a/",
            "10.1",
            "网关",
            &long,
        ] {
            assert!(HostName::parse(text).is_none(), "{text}");
        }
    }
}
