//! Searching the record. Files are streamed: a search holds one line in memory.

use std::{fmt, io, path::PathBuf};

use keyring::time::UnixMillis;

use super::{
    facts::{Facts, Text, or_dash},
    field::Field,
    lines::LineReader,
    time_range::{TextRange, TimeRange},
};

/// What a decision must be to be found. All conditions that are given must hold.
#[derive(Debug, Default)]
pub struct Query {
    /// `<key id>-<issued at>-<serial as 16 hex>`.
    pub redemption: Option<String>,
    /// 32 hex digits of [`crate::SubjectKey::hash`].
    pub subject_hash: Option<String>,
    /// 16 hex digits of [`crate::SubjectKey::fingerprint`]: the key that the subject was hashed
    /// with.
    pub subject_key: Option<String>,
    /// The gateway's own id, or the client's.
    pub request_id: Option<String>,
    /// 32 hex digits of `traceparent`.
    pub trace_id: Option<String>,
    /// What a message in a body calls itself, or the message that it reverses.
    pub msgid: Option<String>,
    /// `approved`, or a refusal's reason.
    pub outcome: Option<String>,
    /// Values that fields must have.
    pub equal: Vec<(Field, String)>,
    /// The least latency.
    pub slower_us: Option<u64>,
    /// The first moment.
    pub from: Option<UnixMillis>,
    /// The moment after the last one.
    pub to: Option<UnixMillis>,
    /// Shows lines of other events too: starts, reloads, key changes, dropped decisions.
    pub events: bool,
}

impl Query {
    /// Does the line meet all conditions?
    fn finds(&self, line: &Facts<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &Option<Text<'_>>| {
            wanted.as_deref().is_none_or(|wanted| found.as_deref() == Some(wanted))
        };
        (line.is_decision() || self.events)
            && is(&self.redemption, &line.redemption)
            && is(&self.subject_hash, &line.subject_hash)
            && is(&self.trace_id, &line.trace_id)
            && is(&self.outcome, &line.outcome)
            && (is(&self.request_id, &line.request_id)
                || is(&self.request_id, &line.client_request_id))
            && (is(&self.msgid, &line.msgid) || is(&self.msgid, &line.omsgid))
            && self.slower_us.is_none_or(|us| line.latency_us.is_some_and(|took| took >= us))
            && self.equal.iter().all(|(field, wanted)| field.of(line).as_deref() == Some(wanted))
    }

    /// Is this the first line of a file that cannot show the subject?
    fn is_of_other_key(&self, line: &Facts<'_>) -> bool {
        let key = self.subject_key.as_deref();
        key.is_some() && line.process.is_some() && line.subject_key.as_deref() != key
    }
}

/// The figures of a search.
#[derive(Debug, Default, Copy, Clone, Eq, PartialEq)]
pub struct SearchStats {
    /// Lines read.
    pub lines: u64,
    /// Lines shown.
    pub found: u64,
    /// Lines that are none of the record's, a torn last one included.
    pub unreadable: u64,
    /// Files without a line.
    pub empty: u64,
    /// Files whose subjects are hashed with another key, or not at all.
    pub other_key: u64,
    /// Files that were not read: all that they hold is before or after the time.
    pub skipped: u64,
}

/// Streams `files` and shows what `query` finds, in the order of the files. Files that hold nothing of
/// the time are not read, as far as their first lines promise that.
///
/// # Errors
/// The file that could not be read, or where `show` could not write.
pub fn search(
    files: &[PathBuf],
    query: &Query,
    mut show: impl FnMut(&[u8], &Facts<'_>) -> io::Result<()>,
) -> Result<SearchStats, SearchError> {
    let mut searched = SearchStats::default();
    let mut space = Vec::new();
    let range = TimeRange { from: query.from, to: query.to };
    let needed = range.files(files).map_err(|(path, error)| SearchError::Read(path, error))?;
    let range = TextRange::new(range);
    searched.skipped = u64::try_from(files.len() - needed.len()).unwrap_or(0);
    for path in needed {
        let failed = |error| SearchError::Read(path.clone(), error);
        let mut lines = LineReader::open(path).map_err(failed)?;
        let before = searched.lines;
        while let Some(line) = lines.next(&mut space).map_err(failed)? {
            searched.lines += 1;
            // The first line tells the key of the subjects.
            if line.number > 1 && range.is_outside(line.text) {
                continue;
            }
            let Some(facts) = Facts::parse(line.text) else {
                searched.unreadable += 1;
                continue;
            };
            if query.is_of_other_key(&facts) {
                searched.other_key += 1;
            }
            if query.finds(&facts) && range.contains(&facts.time) {
                searched.found += 1;
                show(line.text, &facts).map_err(SearchError::Show)?;
            }
        }
        searched.empty += u64::from(searched.lines == before);
    }
    Ok(searched)
}

/// Why reading ended early.
#[derive(Debug)]
pub enum SearchError {
    /// A file could not be read.
    Read(PathBuf, io::Error),
    /// `show` failed.
    Show(io::Error),
}

/// Shows a line to a person.
pub struct Summary<'a>(pub &'a Facts<'a>);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.0;
        write!(f, "{} {:<10} ", line.time, line.node)?;
        if !line.is_decision() {
            return write!(f, "{}", line.event);
        }
        write!(
            f,
            "{:<18} {} redemption {} request {} of {}",
            or_dash(&line.outcome),
            or_dash(&line.route),
            or_dash(&line.redemption),
            or_dash(&line.request_id),
            or_dash(&line.client),
        )?;
        if let Some(id) = &line.client_request_id {
            write!(f, " ({id:?})")?;
        }
        if line.infno.is_some() || line.msgid.is_some() {
            // Visible ASCII, as the gateway checked; in a record that was changed, anything.
            let (infno, msgid) = (or_dash(&line.infno), or_dash(&line.msgid));
            write!(f, ", message {} {}", infno.escape_debug(), msgid.escape_debug())?;
        }
        if let Some(id) = &line.omsgid {
            write!(f, " that reverses {}", id.escape_debug())?;
        }
        if line.backend.is_some() {
            let sent = if line.bytes_sent { "sent to" } else { "nothing sent to" };
            write!(f, ", {sent} {} {}", or_dash(&line.backend), or_dash(&line.endpoint))?;
            match line.status {
                Some(status) => write!(f, ", answered {status}")?,
                None => f.write_str(", no whole answer")?,
            }
        }
        write!(f, ", {} us", line.latency_us())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::format::{Chain, Fields};

    const AT: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    /// A file of decisions a minute apart, each with these fields.
    fn record(more: &[&dyn Fn(&mut Fields<'_>)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let dir = tempfile::tempdir().unwrap();
        let (mut chain, mut text) = (Chain::default(), Vec::new());
        for (minute, more) in (0..).zip(more) {
            chain.append(&mut text, |fields| {
                fields.word("event", "decision").time("time", AT.plus_ms(minute * 60_000));
                fields.word("node", "a");
                more(fields);
            });
        }
        let file = dir.path().join("file.jsonl");
        fs::write(&file, text).unwrap();
        (dir, vec![file])
    }

    fn found(files: &[PathBuf], query: &Query) -> Vec<String> {
        let mut found = Vec::new();
        search(files, query, |_, facts| {
            found.push(Summary(facts).to_string());
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn a_message_is_found_with_what_reverses_it() {
        let (_dir, files) = record(&[
            &|fields| {
                fields.word("infno", "2207").word("msgid", "M1");
            },
            &|fields| {
                fields.word("infno", "2601").word("msgid", "M2").word("omsgid", "M1");
            },
            &|fields| {
                fields.word("msgid", "M3");
            },
        ]);
        let query = Query { msgid: Some("M1".to_owned()), ..Query::default() };
        let found = found(&files, &query);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("message 2207 M1"), "{found:?}");
        assert!(found[1].contains("message 2601 M2 that reverses M1"), "{found:?}");
    }

    #[test]
    fn the_slow_ones_are_found_by_their_latency_and_fields_by_their_value() {
        let with = |client: &'static str, us: u64| {
            move |fields: &mut Fields<'_>| {
                fields.word("client", client).number("latency_us", us);
            }
        };
        let (_dir, files) =
            record(&[&with("one", 999_999), &with("one", 1_000_000), &with("two", 2_000_000)]);
        let slow = Query { slower_us: Some(1_000_000), ..Query::default() };
        assert_eq!(found(&files, &slow).len(), 2);
        let equal = vec![(Field::Client, "one".to_owned())];
        assert_eq!(found(&files, &Query { equal: equal.clone(), ..slow }).len(), 1);
        assert_eq!(found(&files, &Query { equal, ..Query::default() }).len(), 2);
    }

    #[test]
    fn the_ends_of_the_time_are_kept_to_the_millisecond() {
        let nothing = |_: &mut Fields<'_>| {};
        let (_dir, files) = record(&[&nothing, &nothing, &nothing]);
        let count = |from: i64, to: i64| {
            let (from, to) = (Some(AT.plus_ms(from)), Some(AT.plus_ms(to)));
            found(&files, &Query { from, to, ..Query::default() }).len()
        };
        assert_eq!((count(60_000, 120_000), count(60_001, 120_001)), (1, 1));
        assert_eq!((count(60_001, 120_000), count(0, 120_001), count(-9, 0)), (0, 3, 0));
    }
}
