//! One line of an export, which an import takes: an entry as JSON.

use accounts::entry::Entry;
use keyring::code::Subject;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    subject: String,
    facet: String,
    value: String,
}

/// Reads one line.
///
/// # Errors
/// What is wrong, without the person's number.
pub(crate) fn parse(text: &[u8]) -> Result<(Subject, Entry), String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let subject = line.subject.parse();
    let subject = subject.map_err(|_| "the subject is no number from 1 to 2^64 - 1".to_owned())?;
    let entry = Entry::parse(&line.facet, &line.value).map_err(|error| error.to_string())?;
    Ok((subject, entry))
}

/// Writes one line to the end of `out`.
pub(super) fn write(subject: Subject, entry: Entry, out: &mut Vec<u8>) {
    let line = Line {
        subject: subject.to_string(),
        facet: entry.facet().to_string(),
        value: entry.value().to_string(),
    };
    serde_json::to_writer(&mut *out, &line).expect("memory takes what is written");
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let (subject, entry) = (Subject::new(42), Entry::parse("floor.wechat", "3 1800000000"));
        let mut out = Vec::new();
        write(subject.unwrap(), entry.unwrap(), &mut out);
        let text = "{\"subject\":\"42\",\"facet\":\"floor.wechat\",\"value\":\"3 1800000000\"}\n";
        assert_eq!(str::from_utf8(&out), Ok(text));
        assert!(parse(&out) == Ok((subject.unwrap(), entry.unwrap())));
        for wrong in ["", "{}", r#"{"subject":"0","facet":"holder.0","value":"-"}"#] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
