//! A line of the record as the pages keep it.

use std::{ops::Range, rc::Rc};

use bytes::Bytes;
use serde::Deserialize;

/// A decision: its text as the record has it, and where it stands there.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct Line {
    place: Place,
    /// The whole event, made once for all streams.
    event: Bytes,
    text: Range<usize>,
}

impl Line {
    /// The line's JSON object, as `gateway/record` describes it.
    pub(in crate::cli::sandbox::pages) fn text(&self) -> &str {
        let text = self.event.get(self.text.clone()).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }

    /// The id of its event: `chain:seq`.
    pub(in crate::cli::sandbox::pages) fn id(&self) -> String {
        format!("{}:{}", self.place.chain, self.place.seq)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn event(&self) -> &Bytes {
        &self.event
    }
}

/// Names a line: its process and its number there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) chain: Rc<str>,
    pub(super) seq: u64,
}

impl Place {
    /// Reads `chain:seq`. `None` if it is no such text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (chain, seq) = text.rsplit_once(':')?;
        let is_number = seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| is_number && is_chain(chain))?;
        Some(Self { chain: chain.into(), seq })
    }
}

/// Letters that a process's name has. None of them ends a line of an event.
fn is_chain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What a line says, as far as it decides where the line goes.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) place: Place,
    pub(super) event: String,
    /// Empty if the line has none.
    pub(super) time: String,
    pub(super) outcome: Option<String>,
    pub(super) subject_hash: Option<String>,
    /// The code or pass that this decision spent.
    pub(super) spent: Option<String>,
    /// Decisions that the line stands for.
    pub(super) stands_for: u64,
}

#[derive(Deserialize)]
struct Fields {
    seq: u64,
    event: String,
    #[serde(default)]
    time: String,
    outcome: Option<String>,
    subject_hash: Option<String>,
    redemption: Option<String>,
    spending: Option<String>,
    stands_for: Option<u64>,
}

impl Read {
    /// `None`: the line cannot be named or is no line of the record.
    pub(super) fn parse(chain: &Rc<str>, text: &str) -> Option<Self> {
        let fields: Fields = serde_json::from_str(text).ok()?;
        // Between the parts of an object JSON allows what would end a line of an event.
        if !is_chain(chain) || text.contains(['\r', '\n']) {
            return None;
        }
        let is_spent = fields.spending.as_deref() == Some("spent");
        Some(Self {
            place: Place { chain: Rc::clone(chain), seq: fields.seq },
            event: fields.event,
            time: fields.time,
            outcome: fields.outcome,
            subject_hash: fields.subject_hash,
            spent: fields.redemption.filter(|_| is_spent),
            stands_for: fields.stands_for.unwrap_or(1),
        })
    }

    /// The line, if it is a decision.
    pub(super) fn line(&self, text: &str) -> Option<Rc<Line>> {
        if self.event != "decision" {
            return None;
        }
        let Place { chain, seq } = &self.place;
        let head = format!("event: decision\nid: {chain}:{seq}\ndata: ");
        let range = head.len()..head.len() + text.len();
        let event = Bytes::from(head + text + "\n\n");
        Some(Rc::new(Line { place: self.place.clone(), event, text: range }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_process_and_a_number() {
        let place = Place::parse("20261126T020212123Z-4711:7").unwrap();
        assert_eq!((&*place.chain, place.seq), ("20261126T020212123Z-4711", 7));
        for text in [
            "",
            ":",
            "a:",
            ":1",
            "a:+1",
            "a:-1",
            "a b:1",
            "a\n:1",
            "a:1:x",
            "a:99999999999999999999",
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_decision_is_one_event_with_the_line_as_it_is() {
        let chain = Rc::from("1-2");
        let text = r#"{"seq":3,"event":"decision", "redemption":"7001-1-2","spending":"spent"}"#;
        let read = Read::parse(&chain, text).unwrap();
        assert_eq!(read.spent.as_deref(), Some("7001-1-2"));
        let line = read.line(text).unwrap();
        assert_eq!(*line.event(), format!("event: decision\nid: 1-2:3\ndata: {text}\n\n"));
        assert_eq!((line.text(), line.id().as_str()), (text, "1-2:3"));
        let kept = text.replace("\"spent\"", "\"given_back\"");
        assert_eq!(Read::parse(&chain, &kept).unwrap().spent, None);
        let start = Read::parse(&chain, r#"{"seq":0,"event":"start"}"#).unwrap();
        assert!(start.line("{}").is_none());
    }

    #[test]
    fn what_would_break_the_stream_is_left_out() {
        let chain = Rc::from("1-2");
        for text in ["{\"seq\":1,\r\"event\":\"decision\"}", "[]", "{\"event\":\"decision\"}", "{"]
        {
            assert!(Read::parse(&chain, text).is_none(), "{text:?}");
        }
        let odd = Rc::from("1\n2");
        assert!(Read::parse(&odd, r#"{"seq":1,"event":"decision"}"#).is_none());
    }
}
