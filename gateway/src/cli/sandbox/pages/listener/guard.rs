//! Who may ask. Two attacks come through a browser: a page of another site sends requests here, or
//! lets its own name point at this machine (DNS rebinding).

use http::{HeaderMap, Method, StatusCode, Uri};

use super::share::Share;
use crate::web::guard;

/// How this listener is reached.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox) struct Door {
    pub(in crate::cli::sandbox) port: u16,
    /// Present: other machines may look, if they have the link.
    pub(in crate::cli::sandbox) share: Option<Share>,
}

/// Why a request is turned away.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Stranger {
    Host,
    Origin,
    NoCookie,
}

const OF_THIS_MACHINE: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

impl Stranger {
    /// 421 is for a host that this listener does not serve (RFC 9110, 15.5.20).
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::NoCookie => StatusCode::FORBIDDEN,
        }
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Host => {
                "the Host of this request is not one of the sandbox's pages: it must be 127.0.0.1, \
                 [::1], localhost or the name of --share, each with the port of the pages\n"
            }
            Self::Origin => {
                "another web page sent this request: the sandbox's pages answer to their own pages, \
                 and to programs that send no Origin and no Sec-Fetch-Site\n"
            }
            Self::NoCookie => {
                "these pages are shared by a link: open the link that the sandbox printed\n"
            }
        }
    }
}

impl Door {
    /// # Errors
    /// Why the request is turned away, before anything of it is done.
    pub(super) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Stranger> {
        let host = guard::host(headers).ok_or(Stranger::Host)?;
        let named = uri.authority().map(|authority| authority.as_str().as_bytes());
        if ![Some(host), named].into_iter().flatten().all(|host| self.is_ours(host)) {
            return Err(Stranger::Host);
        }
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        // What changes something names its page, or comes from no browser at all.
        if !guard::is_own_page(method, headers, host) || (changes && guard::hides_its_page(headers))
        {
            return Err(Stranger::Origin);
        }
        Ok(())
    }

    fn is_ours(&self, host: &[u8]) -> bool {
        let Ok(text) = str::from_utf8(host) else { return false };
        let after_literal = text.rfind(']').map_or(0, |at| at + 1);
        let (name, port) = match text.get(after_literal..).and_then(|rest| rest.find(':')) {
            Some(at) => text.split_at(after_literal + at),
            None => (text, ":80"),
        };
        let names = OF_THIS_MACHINE.into_iter().chain(self.share.as_ref().map(Share::name));
        // As text: a number could be written in several ways.
        port.strip_prefix(':') == Some(&self.port.to_string())
            && names.into_iter().any(|one| one.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;

    use super::super::share::ShareName;
    use super::*;

    fn check(method: Method, lines: &[(&str, &str)]) -> Result<(), Stranger> {
        let share = Share::new(ShareName::parse("clinic-pc").unwrap()).unwrap();
        let door = Door { port: 7463, share: Some(share) };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        door.check(&method, &Uri::from_static("/"), &headers)
    }

    #[test]
    fn only_our_names_with_our_port_are_hosts() {
        for host in ["127.0.0.1:7463", "[::1]:7463", "LocalHost:7463", "clinic-pc:7463"] {
            assert_eq!(check(Method::GET, &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:7460",
            "127.0.0.1:+7463",
            "10.0.0.1:7463",
            "evil.example:7463",
            "localhost.:7463",
            "[::1]",
            "[::2]:7463",
            "127.0.0.1:7463:7463",
            "",
        ] {
            assert_eq!(check(Method::GET, &[("host", host)]), Err(Stranger::Host), "{host}");
        }
        assert_eq!(check(Method::GET, &[]), Err(Stranger::Host));
        let twice = [("host", "localhost:7463"), ("host", "localhost:7463")];
        assert_eq!(check(Method::GET, &twice), Err(Stranger::Host));
    }

    #[test]
    fn what_changes_something_comes_from_our_page_or_from_a_program() {
        let post = |more: &[(&str, &str)]| {
            let lines: Vec<_> = [("host", "localhost:7463")].iter().chain(more).copied().collect();
            check(Method::POST, &lines)
        };
        let (own, none) = (("origin", "http://localhost:7463"), ("sec-fetch-site", "none"));
        let same = ("sec-fetch-site", "same-origin");
        assert_eq!(post(&[]), Ok(()));
        assert_eq!(post(&[own]), Ok(()));
        assert_eq!(post(&[own, same]), Ok(()));
        for lines in [
            &[none][..],
            &[same],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:7463")],
            &[("origin", "http://evil.example")],
            &[own, ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(post(lines), Err(Stranger::Origin), "{lines:?}");
        }
        let get = [("host", "localhost:7463"), ("origin", "http://evil.example")];
        assert_eq!(check(Method::GET, &get), Err(Stranger::Origin));
    }
}
