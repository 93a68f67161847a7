//! How an event becomes a line: text or JSON, with or without the prefix of the journal.

use std::{env, fmt::Write as _, io};

use jiff::Timestamp;

use super::{
    entry::Entry,
    event::Level,
    field::{Field, Value},
    settings::Format,
    text::{CUT, LOG_LINE_BYTES_MAX, cut},
};

/// The lines of this process.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Style {
    pub(super) format: Format,
    /// Each line begins with `<N>`, which the journal takes off: sd-daemon(3).
    pub(super) has_prefix: bool,
}

impl Style {
    /// The whole line with its line feed.
    pub(super) fn line(self, entry: &Entry) -> String {
        let prefix = if self.has_prefix { prefix(entry.event.level()) } else { "" };
        match self.format {
            Format::Text => text(prefix, entry),
            Format::Json => json(prefix, entry),
        }
    }
}

/// The journal's number of a level.
const fn prefix(level: Level) -> &'static str {
    match level {
        Level::Info => "<6>",
        Level::Warning => "<4>",
        Level::Error => "<3>",
    }
}

/// Is standard error the journal? systemd.exec(5): the variable holds the device and inode of what
/// the manager opened, and a process may have put something else there since.
pub(super) fn is_journal() -> bool {
    let Ok(file) = rustix::fs::fstat(io::stderr()) else { return false };
    let named = env::var("JOURNAL_STREAM");
    named.is_ok_and(|named| named == format!("{}:{}", file.st_dev, file.st_ino))
}

fn text(prefix: &str, entry: &Entry) -> String {
    let (level, event) = (entry.event.level(), entry.event.name());
    let mut line = format!("{prefix}{} {level} {event}: ", time(entry.at));
    match prefix {
        "" => line.push_str(&entry.text),
        // The journal makes an entry of each line.
        prefix => line.push_str(&entry.text.replace('\n', &format!("\n{prefix}"))),
    }
    line = cut(line, LOG_LINE_BYTES_MAX);
    if entry.repeated > 0 {
        let _ = write!(line, " [{} in the second before]", entry.repeated);
    }
    line.push('\n');
    line
}

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn json(prefix: &str, entry: &Entry) -> String {
    let (level, event) = (entry.event.level(), entry.event.name());
    let mut rest = String::new();
    for Value { field, text } in &entry.fields {
        let _ = write!(rest, ",\"{}\":", field.name());
        json_value(*field, text, &mut rest);
    }
    if entry.repeated > 0 {
        let _ = write!(rest, ",\"repeated\":{}", entry.repeated);
    }
    rest.push_str("}\n");
    let time = time(entry.at);
    let mut line = format!(
        "{prefix}{{\"time\":\"{time}\",\"level\":\"{level}\",\"event\":\"{event}\",\"message\":"
    );
    let quotes = 2;
    let room = LOG_LINE_BYTES_MAX.saturating_sub(line.len() + rest.len() + quotes);
    json_string(&entry.text, room, &mut line);
    line.push_str(&rest);
    line
}

fn json_value(field: Field, text: &str, out: &mut String) {
    match text.parse::<u64>() {
        Ok(number) if field.is_number() => {
            let _ = write!(out, "{number}");
        }
        _ => json_string(text, usize::MAX, out),
    }
}

/// A string of RFC 8259, section 7. What takes more than `room` bytes between the quotes is cut.
fn json_string(text: &str, room: usize, out: &mut String) {
    out.push('"');
    let begin = out.len();
    // Where the string ends if a later character finds no room.
    let mut end_if_cut = begin;
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // DEL, and the controls above ASCII, are allowed, but a terminal may obey them.
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            character => out.push(character),
        }
        if out.len() - begin > room {
            out.truncate(end_if_cut);
            out.push_str(CUT);
            break;
        }
        if out.len() - begin + CUT.len() <= room {
            end_if_cut = out.len();
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Event;

    fn entry(event: Event, fields: &[(Field, &str)], text: &str) -> Entry {
        let at = Timestamp::from_millisecond(1_800_000_012_045).unwrap();
        let fields = fields.iter().map(|(field, value)| Value::new(*field, value));
        Entry::new(at, event, fields.collect(), text.to_owned())
    }

    fn line(format: Format, has_prefix: bool, entry: &Entry) -> String {
        Style { format, has_prefix }.line(entry)
    }

    #[test]
    fn a_line_says_when_how_grave_and_what() {
        let cut = entry(Event::DrainCut, &[], "its time is over");
        let text = "2027-01-15T08:00:12.045Z warning drain_cut: its time is over\n";
        assert_eq!(line(Format::Text, false, &cut), text);
        assert_eq!(line(Format::Text, true, &cut), format!("<4>{text}"));
        let json = "{\"time\":\"2027-01-15T08:00:12.045Z\",\"level\":\"warning\",\
                    \"event\":\"drain_cut\",\"message\":\"its time is over\"}\n";
        assert_eq!(line(Format::Json, false, &cut), json);
        assert_eq!(line(Format::Json, true, &cut), format!("<4>{json}"));
    }

    #[test]
    fn fields_stand_in_json_alone() {
        let fields = [(Field::Missing, "12"), (Field::Path, "/var/\"x\"")];
        let missing = entry(Event::RecordDecisionsMissing, &fields, "12 are missing");
        let json = line(Format::Json, false, &missing);
        assert!(json.ends_with(
            "\"message\":\"12 are missing\",\"missing\":12,\"path\":\"/var/\\\"x\\\"\"}\n"
        ));
        let text = line(Format::Text, false, &missing);
        assert!(text.ends_with(" error record_decisions_missing: 12 are missing\n"), "{text}");
    }

    #[test]
    fn a_line_says_how_many_it_stands_for() {
        let repeated = Entry { repeated: 7, ..entry(Event::AcceptFailed, &[], "no room") };
        let text = line(Format::Text, false, &repeated);
        assert!(text.ends_with(" accept_failed: no room [7 in the second before]\n"), "{text}");
        let json = line(Format::Json, false, &repeated);
        assert!(json.ends_with(",\"message\":\"no room\",\"repeated\":7}\n"), "{json}");
    }

    #[test]
    fn each_line_of_a_text_has_the_prefix() {
        let panic = entry(Event::Panic, &[], "a bug\n  at x\n  at y");
        let text = line(Format::Text, true, &panic);
        assert!(text.lines().all(|line| line.starts_with("<3>")), "{text}");
        assert_eq!(text.lines().count(), 3);
    }

    /// What a parser of another hand makes of a line.
    fn parsed(line: &str) -> serde_json::Map<String, serde_json::Value> {
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    #[test]
    fn json_holds_any_text() {
        let controls: String = (0..=0xff).map(char::from).collect();
        for text in [controls.as_str(), "", "\u{2028}\u{fffd}药🧾", "\\u0000\"}", "\r\n\t\u{1b}[2J"]
        {
            let line = line(Format::Json, false, &entry(Event::Panic, &[], text));
            assert_eq!(parsed(&line)["message"], *text);
            assert!(!line.trim_end_matches('\n').contains(char::is_control), "{line}");
        }
    }

    /// Each way to be too long, with characters that take one to six bytes.
    #[test]
    fn a_line_that_was_cut_is_json_too() {
        for unit in ["a", "\"", "\u{1}", "药", "🧾", "\\n\n"] {
            for more in 0..12 {
                let text = "x".repeat(more) + &unit.repeat(LOG_LINE_BYTES_MAX / unit.len() - 60);
                let value = unit.repeat(2_000);
                let fields = [(Field::Thread, value.as_str()), (Field::Place, &value)];
                let line = line(Format::Json, true, &entry(Event::Panic, &fields, &text));
                assert!(line.len() <= LOG_LINE_BYTES_MAX, "{}", line.len());
                let object = parsed(line.strip_prefix("<3>").unwrap());
                let message = object["message"].as_str().unwrap();
                let whole = message.strip_suffix(CUT).unwrap();
                assert!(text.starts_with(whole) && whole.len() > 100, "{message}");
            }
        }
    }

    #[test]
    fn a_text_that_just_fits_is_not_cut() {
        let empty = line(Format::Json, false, &entry(Event::Panic, &[], "")).len();
        for less in 0..10 {
            let text = "x".repeat(LOG_LINE_BYTES_MAX - empty - less);
            assert_eq!(
                parsed(&line(Format::Json, false, &entry(Event::Panic, &[], &text)))["message"],
                text
            );
        }
        let text = "x".repeat(LOG_LINE_BYTES_MAX - empty + 1);
        let line = line(Format::Json, false, &entry(Event::Panic, &[], &text));
        assert_eq!(line.len(), LOG_LINE_BYTES_MAX);
        assert!(parsed(&line)["message"].as_str().unwrap().ends_with("x [cut]"));
    }
}
