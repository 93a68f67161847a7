//! One event as it was said, before it is a line of either format.

use jiff::Timestamp;

use super::{
    event::Event,
    field::{Field, Value},
    text::{LOG_LINE_BYTES_MAX, cut},
};

/// What is handed to the log.
pub(super) enum Said {
    Event(Entry),
    /// Whole lines, each with its line feed.
    Text(String),
}

/// What happened, when, and the sentence about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When it was said; of one with `repeated`, the end of the second that it tells of.
    pub at: Timestamp,
    /// What happened. It has the level.
    pub event: Event,
    /// The sentence for a person, at most [`LOG_LINE_BYTES_MAX`] bytes and a mark where it was cut.
    pub text: String,
    /// What it is about, for a program.
    pub fields: Vec<Value>,
    /// How many were held back in the second before. This one has the text of the last of them.
    pub repeated: u64,
}

impl Entry {
    /// Cuts a text that is too long.
    pub(super) fn new(at: Timestamp, event: Event, fields: Vec<Value>, text: String) -> Self {
        let is_listed = |value: &Value| event.fields().contains(&value.field);
        debug_assert!(fields.iter().all(is_listed), "{} has a field of another", event.name());
        Self { at, event, text: cut(text, LOG_LINE_BYTES_MAX), fields, repeated: 0 }
    }

    /// Tells that lines are missing before the next one.
    pub(super) fn missing(at: Timestamp, count: u64) -> Self {
        let fields = vec![Value::new(Field::Missing, &count)];
        Self::new(
            at,
            Event::LogLinesMissing,
            fields,
            format!("{count} could not be written in time"),
        )
    }

    /// Is this the same happening to the same thing?
    pub(super) fn repeats(&self, other: &Self) -> bool {
        self.event == other.event && self.subject().eq(other.subject())
    }

    fn subject(&self) -> impl Iterator<Item = &Value> {
        self.fields.iter().filter(|value| value.field.is_subject())
    }
}
