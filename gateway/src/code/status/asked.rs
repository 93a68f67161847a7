//! What is asked for: by the path behind `status.path`, and by the query.

use keyring::pass::{Institution, RedemptionId};

use crate::{http::percent, limits::MSGID_BYTES_MAX, refusal::Refused};

/// Whose fate is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// That of the code or pass in the header.
    OfHolder(Institution),
    /// That of this redemption. `None`: this is no id.
    Of(Option<RedemptionId>),
    /// That of a message.
    OfMessage { institution: Institution, msgid: Box<str> },
}

const NAMES: &str = "the query may have `institution` and `msgid`, each once, percent-encoded";
const INSTITUTION: &str = "`institution` must be 1 to 40 characters of visible ASCII";
const MSGID: &str = "`msgid` must be 1 to 64 characters of visible ASCII";

impl Asked {
    /// `rest` is what stands behind `status.path`. `None`: there is nothing at this path.
    ///
    /// # Errors
    /// `request_malformed`.
    pub(crate) fn read(rest: &str, query: Option<&str>) -> Option<Result<Self, Refused>> {
        match rest.strip_prefix('/').unwrap_or(rest) {
            "" => Some(Self::of_query(query.unwrap_or_default())),
            deeper if deeper.contains('/') => None,
            id => Some(Ok(Self::Of(id.parse().ok()))),
        }
    }

    fn of_query(query: &str) -> Result<Self, Refused> {
        let (mut institution, mut msgid) = (None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let malformed = || Refused::malformed(NAMES);
            let (name, value) = parameter.split_once('=').ok_or_else(malformed)?;
            let slot = match name {
                "institution" => &mut institution,
                "msgid" => &mut msgid,
                _ => return Err(malformed()),
            };
            let value = percent::decode(value).ok_or_else(malformed)?;
            if slot.replace(value).is_some() {
                return Err(malformed());
            }
        }
        let institution = match institution {
            None => Institution::NONE,
            Some(name) => named(&name).ok_or_else(|| Refused::malformed(INSTITUTION))?,
        };
        match msgid {
            None => Ok(Self::OfHolder(institution)),
            Some(msgid) => {
                let msgid = visible(&msgid).ok_or_else(|| Refused::malformed(MSGID))?;
                Ok(Self::OfMessage { institution, msgid })
            }
        }
    }
}

/// An empty name is a mistake of the program that asks, and does not mean "none".
fn named(name: &[u8]) -> Option<Institution> {
    Institution::parse(name).ok().filter(|institution| !institution.is_none())
}

fn visible(text: &[u8]) -> Option<Box<str>> {
    let fits = (1..=MSGID_BYTES_MAX).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    str::from_utf8(text).ok().filter(|_| fits).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refusal;

    fn read(rest: &str, query: &str) -> Option<Asked> {
        Asked::read(rest, Some(query)).map(Result::unwrap)
    }

    #[test]
    fn what_is_asked_for_is_read_out_of_path_and_query() {
        let hospital = Institution::parse(b"H37010000001").unwrap();
        assert_eq!(Asked::read("", None).unwrap().unwrap(), Asked::OfHolder(Institution::NONE));
        for rest in ["", "/"] {
            let asked = read(rest, "institution=H3701%30000001");
            assert_eq!(asked, Some(Asked::OfHolder(hospital)));
        }
        let msgid = "a+%".into();
        let asked = read("", "msgid=a+%25&institution=H37010000001");
        assert_eq!(asked, Some(Asked::OfMessage { institution: hospital, msgid }));
        let id = "7001-1800000000-0123456789abcdef";
        assert_eq!(read(&format!("/{id}"), "x"), Some(Asked::Of(id.parse().ok())));
        assert_eq!(read("/7001", ""), Some(Asked::Of(None)));
        assert_eq!(read("/7001/x", ""), None);
        assert_eq!(read("/7001/", ""), None);
    }

    #[test]
    fn a_query_that_two_readers_could_read_in_two_ways_is_malformed() {
        let long = "x".repeat(65);
        for query in [
            "institution=a&institution=a",
            "msgid=a&msgid=b",
            "Msgid=a",
            "msgid",
            "msgid=",
            "msgid=%",
            "msgid=%2",
            "msgid=%+2",
            "msgid=%20",
            "institution=",
            "institution=&msgid=a",
            "institution=%e5%8c%bb",
            "a=b",
            &format!("msgid={long}"),
            &format!("institution={long}"),
        ] {
            let refused = Asked::read("", Some(query)).unwrap().unwrap_err();
            assert_eq!(refused.refusal, Refusal::RequestMalformed, "{query}");
            assert!(refused.detail.is_some(), "{query}");
        }
    }
}
