//! Who may look, where the listener is open to other machines: who has the link.
//!
//! The link carries 128 random bits. A browser trades them for a cookie, so that they do not stay in
//! its address line, and no page of another site can make the browser send the cookie.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use maud::{DOCTYPE, html};
use subtle::ConstantTimeEq as _;

use crate::cli::sandbox::pages::messages::{Answer, html as page};
use crate::web::{guard::HostName, language::Language};

const COOKIE_NAME: &str = "yanma-sandbox";
const KEY_BYTES: usize = 16;

/// The name under which other machines reach this one.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox) struct ShareName(String);

impl ShareName {
    /// # Errors
    /// What is allowed.
    pub(in crate::cli::sandbox) fn parse(text: &str) -> Result<Self, String> {
        let address = text.trim_matches(['[', ']']).parse::<IpAddr>();
        match address {
            Ok(IpAddr::V6(address)) => Ok(Self(format!("[{address}]"))),
            Ok(IpAddr::V4(address)) => Ok(Self(address.to_string())),
            Err(_) => HostName::parse(text)
                .map(|name| Self(name.to_string()))
                .ok_or_else(|| format!("allowed: an address, or {}", HostName::ALLOWED)),
        }
    }

    pub(in crate::cli::sandbox) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name, and the key of the link.
#[derive(Clone)]
pub(in crate::cli::sandbox) struct Share {
    name: ShareName,
    /// 32 hexadecimal digits.
    key: String,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Share {
    /// A new link, which ends with this process.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(in crate::cli::sandbox) fn new(name: ShareName) -> Result<Self, getrandom::Error> {
        let mut random = [0; KEY_BYTES];
        getrandom::fill(&mut random)?;
        let key = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name, key })
    }

    pub(in crate::cli::sandbox::pages) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// What stands behind the address in the link.
    pub(in crate::cli::sandbox) fn query(&self) -> String {
        format!("?key={}", self.key)
    }

    /// Whether a request carries the cookie.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let mut cookies =
            lines.flat_map(|line| line.split(';')).filter_map(|one| one.split_once('='));
        cookies.any(|(name, value)| name.trim() == COOKIE_NAME && self.is_key(value.trim()))
    }

    /// Whether a query is that of the link.
    pub(super) fn is_link(&self, query: Option<&str>) -> bool {
        let mut fields = query.unwrap_or_default().split('&');
        fields.any(|field| field.strip_prefix("key=").is_some_and(|key| self.is_key(key)))
    }

    /// Trades the link's key for the cookie. A redirection would still count as coming from the site
    /// with the link, and the browser would not send a strict cookie. So a page of ours leads on.
    pub(super) fn trade(&self, language: Language) -> Answer {
        let on = match language {
            Language::English => "Open the sandbox",
            Language::Chinese => "打开沙箱",
        };
        let markup = html! {
            (DOCTYPE)
            html lang=(language.tag()) {
                head {
                    meta charset="utf-8";
                    title { "Yanma" }
                    meta http-equiv="refresh" content="0; url=/";
                }
                body { p { a href="/" { (on) } } }
            }
        };
        let mut answer = page(language, markup.into_string());
        *answer.status_mut() = StatusCode::OK;
        let cookie = format!("{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/", self.key);
        let cookie = HeaderValue::from_str(&cookie).expect("hexadecimal digits");
        answer.headers_mut().insert(SET_COOKIE, cookie);
        answer
    }

    fn is_key(&self, text: &str) -> bool {
        text.as_bytes().ct_eq(self.key.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_address_or_a_host() {
        for (text, expected) in [
            ("clinic-pc", Some("clinic-pc")),
            ("192.168.1.5", Some("192.168.1.5")),
            ("::1", Some("[::1]")),
            ("[fd00::1]", Some("[fd00::1]")),
            ("a:7463", None),
            ("", None),
            ("http://a", None),
        ] {
            let parsed = ShareName::parse(text).ok();
            assert_eq!(parsed.as_ref().map(ShareName::as_str), expected, "{text}");
        }
    }

    #[test]
    fn only_the_links_own_key_opens() {
        let share = Share::new(ShareName::parse("clinic-pc").unwrap()).unwrap();
        assert_eq!(share.key.len(), 32);
        assert!(share.is_link(Some(&share.query()[1..])));
        assert!(!share.is_link(Some("key=0")) && !share.is_link(None));
        let cookies = |text: String| [(COOKIE, text.parse().unwrap())].into_iter().collect();
        assert!(share.knows(&cookies(format!("a=b; yanma-sandbox={}", share.key))));
        assert!(!share.knows(&cookies(format!("yanma-sandbox={}0", share.key))));
        assert!(!share.knows(&HeaderMap::new()));
        assert!(!format!("{share:?}").contains(&share.key));
    }
}
