//! One event as it was said, before it is a line of either format.

use jiff::Timestamp;

use super::{LOG_LINE_BYTES_MAX, event::Event};

/// What happened, when, and the sentence about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When it was said.
    pub at: Timestamp,
    /// What happened. It has the level.
    pub event: Event,
    /// The sentence for a person, at most [`LOG_LINE_BYTES_MAX`] bytes and a mark where it was cut.
    pub text: String,
}

impl Entry {
    /// Cuts a text that is too long.
    pub(super) fn new(at: Timestamp, event: Event, text: String) -> Self {
        Self { at, event, text: cut(text) }
    }

    /// The whole line with its line feed.
    pub(super) fn line(&self) -> String {
        let Self { at, event, text } = self;
        format!("{at:.3} {} {}: {text}\n", event.level(), event.name())
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LOG_LINE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(LOG_LINE_BYTES_MAX));
        text.push_str(" [cut]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_how_grave_and_what() {
        let at = Timestamp::from_millisecond(1_800_000_012_045).unwrap();
        assert_eq!(
            Entry::new(at, Event::DrainCut, "its time is over".to_owned()).line(),
            "2027-01-15T08:00:12.045Z warning drain_cut: its time is over\n"
        );
    }

    #[test]
    fn a_text_has_an_end() {
        let long = cut("药".repeat(LOG_LINE_BYTES_MAX));
        assert!(long.len() <= LOG_LINE_BYTES_MAX + 8 && long.ends_with("药 [cut]"));
        assert_eq!(cut("one".to_owned()), "one");
    }
}
