//! Whether the query names the infno: some backends take a parameter before the body.

use std::borrow::Cow;

use crate::{
    malformed::{Malformed, Why},
    names::PlainName,
};

/// Whether the query has a name that is alike to `name`.
///
/// `query` is what stands behind the `?`. Names are percent-decoded, and `+` is a blank. Both `&`
/// and `;` part two parameters, as some readers part them at either.
pub fn query_names(query: &str, name: &str) -> bool {
    let wanted = PlainName::of(name);
    query.split(['&', ';']).any(|parameter| {
        let written = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        wanted.is_alike(&String::from_utf8_lossy(&decode(written)))
    })
}

/// Refuses a query that has a name alike to `name`, the last step of the infno's pointer.
///
/// # Errors
/// [`Why::Infno`].
pub fn check_query(query: &str, name: &str) -> Result<(), Malformed> {
    if query_names(query, name) {
        let detail = format!("the query has a name like {name}; only the body may name it");
        return Err(Malformed::new(Why::Infno, detail));
    }
    Ok(())
}

/// An escape that is not whole stands for itself.
fn decode(written: &str) -> Cow<'_, [u8]> {
    if !written.contains('%') {
        return Cow::Borrowed(written.as_bytes());
    }
    let mut decoded = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).filter(|_| byte == b'%');
        let value = escaped.and_then(|(digits, _)| hex(digits));
        (rest, _) = match (value, escaped) {
            (Some(value), Some((_, after))) => (after, decoded.push(value)),
            _ => (after, decoded.push(byte)),
        };
    }
    Cow::Owned(decoded)
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value: u8, digit| {
        let digit = u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        Some(value << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{check_query, query_names};
    use crate::malformed::Why;

    #[test]
    fn names_in_a_query_are_decoded_and_compared_loosely() {
        for query in [
            "infno=2207",
            "infno",
            "a=b&INFNO=1",
            "a=b;inf_no=1",
            "inf%6eo=1",
            "inf%6Eo",
            "+infno+=",
            "inf%20no=1",
            "x&%69%6e%66%6e%6f",
            "infno%00x=1",
            "%ffinfno=1",
            "infno%=1",
        ] {
            assert!(query_names(query, "infno"), "{query}");
        }
        for query in ["", "a=infno", "infno2=1", "in=fno", "inf%no=%6e", "%E4%BA%A4=1", "inf%zno"] {
            let is_named = query_names(query, "infno");
            assert_eq!(is_named, query == "inf%no=%6e", "{query}");
        }
        assert!(query_names("m%C5%BFgid=1", "msgid"), "a long s");
    }

    #[test]
    fn the_refusal_names_what_it_is_about() {
        assert!(check_query("a=1", "infno").is_ok());
        let refused = check_query("Infno=1", "infno").expect_err("a name alike");
        assert_eq!(refused.why(), Why::Infno);
        assert_eq!(refused.detail(), "the query has a name like infno; only the body may name it");
    }
}
