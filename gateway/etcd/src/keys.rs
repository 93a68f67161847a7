//! The keys of the store: `/yanma/life`, `/yanma/head`, `/yanma/a/<bucket>/<subject>/<facet>`.

use accounts::entry::{Entry, Facet, FormatError};
use keyring::code::Subject;

use crate::messages::KeyValue;

/// All keys of this program, from this one ...
pub(crate) const ALL: &str = "/yanma/";
/// ... to before this one.
pub(crate) const ALL_END: &str = "/yanma0";
/// The random id of the store's life.
pub(crate) const LIFE: &str = "/yanma/life";
/// The nonce of the last change. Its `version` counts changes.
pub(crate) const HEAD: &str = "/yanma/head";
/// The first key behind `/yanma/life`: a range from `head` to here is both.
pub(crate) const LIFE_END: &str = "/yanma/life\0";
/// The second of the last clean-up.
pub(crate) const CLEANED: &str = "/yanma/cleaned";
/// Buckets: three hexadecimal digits.
pub(crate) const BUCKETS: u64 = 4_096;

const ENTRIES: &str = "/yanma/a/";
const ENTRIES_END: &str = "/yanma/a0";
/// 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4).
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// A key or value below `/yanma/a/` that this program did not write. Its text, which may name a
/// person, is not shown.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "an entry of revision {revision} is none of this program's ({why}); look at it with \
     `etcdctl watch --prefix /yanma/a/ --rev {revision}`, then delete or mend it"
)]
pub(crate) struct ForeignEntry {
    revision: i64,
    why: String,
}

fn bucket(subject: Subject) -> u64 {
    subject.get().wrapping_mul(MULTIPLIER) >> 52
}

/// The key of an entry.
pub(crate) fn entry(subject: Subject, facet: Facet) -> String {
    format!("{ENTRIES}{:03x}/{subject}/{facet}", bucket(subject))
}

/// From and to of a person's entries.
pub(crate) fn person(subject: Subject) -> (String, String) {
    let start = format!("{ENTRIES}{:03x}/{subject}", bucket(subject));
    (format!("{start}/"), format!("{start}0"))
}

/// From and to of the buckets from `first`, `count` of them.
pub(crate) fn buckets(first: u64, count: u64) -> (String, String) {
    let end = first.saturating_add(count);
    let end_key =
        if end >= BUCKETS { ENTRIES_END.to_owned() } else { format!("{ENTRIES}{end:03x}/") };
    // What sorts before the first bucket is foreign, and must be met too.
    let from = if first == 0 { ENTRIES.to_owned() } else { format!("{ENTRIES}{first:03x}/") };
    (from, end_key)
}

/// All entries.
pub(crate) fn entries() -> (String, String) {
    (ENTRIES.to_owned(), ENTRIES_END.to_owned())
}

pub(crate) fn is_entry(key: &[u8]) -> bool {
    key.starts_with(ENTRIES.as_bytes())
}

/// Whose entry a key is, and of what.
///
/// # Errors
/// The key is none that this program writes.
pub(crate) fn parse_key(kv: &KeyValue) -> Result<(Subject, Facet), ForeignEntry> {
    let error = |why: &str| ForeignEntry { revision: kv.mod_revision, why: why.to_owned() };
    const ALLOWED: &str = "allowed: /yanma/a/<bucket of the subject>/<subject>/<facet>";
    let text = std::str::from_utf8(&kv.key).map_err(|_| error(ALLOWED))?;
    let rest = text.strip_prefix(ENTRIES).ok_or_else(|| error(ALLOWED))?;
    let mut parts = rest.split('/');
    let (Some(_), Some(subject), Some(facet), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(error(ALLOWED));
    };
    let subject: Subject = subject.parse().map_err(|_| error(ALLOWED))?;
    let facet: Facet = facet.parse().map_err(|why: FormatError| error(&why.to_string()))?;
    // The bucket, and the subject's only form.
    if entry(subject, facet) == text { Ok((subject, facet)) } else { Err(error(ALLOWED)) }
}

/// An entry that is held.
///
/// # Errors
/// Key or value is none that this program writes.
pub(crate) fn parse_entry(kv: &KeyValue) -> Result<(Subject, Entry), ForeignEntry> {
    let (subject, facet) = parse_key(kv)?;
    let error = |why: String| ForeignEntry { revision: kv.mod_revision, why };
    let value = std::str::from_utf8(&kv.value).map_err(|_| error("its value is no text".into()))?;
    let entry = Entry::parse(&facet.to_string(), value).map_err(|why| error(why.to_string()))?;
    Ok((subject, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(key: &str, value: &str) -> KeyValue {
        KeyValue { key: key.into(), value: value.into(), mod_revision: 7, ..KeyValue::default() }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        for subject in [1, 42, u64::MAX] {
            let subject = Subject::new(subject).unwrap();
            let facet = "floor.wechat".parse().unwrap();
            let key = entry(subject, facet);
            let read = parse_entry(&kv(&key, "3 1")).unwrap();
            assert!(read.0 == subject && read.1.facet() == facet);
            let (from, to) = person(subject);
            assert!(from < key && key < to);
            let (from, to) = buckets(bucket(subject), 1);
            assert!(from < key && key < to);
        }
        assert_eq!(buckets(0, BUCKETS), (ENTRIES.to_owned(), ENTRIES_END.to_owned()));
    }

    #[test]
    fn a_foreign_key_is_an_error_that_names_no_person() {
        let mine = entry(Subject::new(42).unwrap(), "holder.0".parse().unwrap());
        assert!(parse_entry(&kv(&mine, "-")).is_ok());
        let elsewhere = mine.replacen(&mine[9..12], "fff", 1);
        for key in
            ["/yanma/a/", "/yanma/a/x", &elsewhere, &format!("{mine}/"), &mine.replace("42", "042")]
        {
            let error = parse_entry(&kv(key, "-")).err().unwrap().to_string();
            assert!(error.contains("revision 7") && !error.contains("42"), "{key}: {error}");
        }
        let error = parse_entry(&kv(&mine, "2026-13-01")).err().unwrap().to_string();
        assert!(error.contains("YYYY-MM-DD"), "{error}");
    }
}
