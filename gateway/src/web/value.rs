//! How values are written. `assets/format.js` writes them the same way; an end-to-end test compares
//! the two on a page.

use jiff::Timestamp;
use serde_json::Value;

/// How a value of a document is written.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// As it is.
    Text,
    /// As it is, in the letters of programs: paths, addresses, digests.
    Name,
    /// With commas between thousands, and a unit behind it.
    Number(&'static str),
    /// Bytes in the largest unit that makes one or more.
    Bytes,
    /// Seconds, in the two largest units.
    Span,
    /// A Unix time in seconds, as UTC.
    Moment,
    /// A Unix time in milliseconds, as UTC.
    Millis,
    /// Of a Unix time in milliseconds, the time of day in whole seconds, as UTC.
    Clock,
    /// A word of a closed set, in the page's language.
    Word,
}

/// What stands where there is no value; of a text, nothing.
const NONE: &str = "–";

impl Form {
    /// The value of `data-as`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Name => "name",
            Self::Number(_) => "number",
            Self::Bytes => "bytes",
            Self::Span => "span",
            Self::Moment => "moment",
            Self::Millis => "millis",
            Self::Clock => "clock",
            Self::Word => "word",
        }
    }

    /// The value of `data-unit`.
    pub(crate) fn unit(self) -> Option<&'static str> {
        match self {
            Self::Number(unit) => Some(unit).filter(|unit| !unit.is_empty()),
            _ => None,
        }
    }

    /// A value as a person reads it.
    pub(crate) fn show(self, value: &Value) -> String {
        let shown = match self {
            Self::Text | Self::Name | Self::Word => plain(value),
            Self::Number(unit) => value.as_f64().map(|number| format!("{}{unit}", commas(number))),
            Self::Bytes => value.as_u64().map(bytes),
            Self::Span => value.as_f64().map(span),
            Self::Moment => value.as_i64().and_then(|s| Timestamp::from_second(s).ok()).map(utc),
            Self::Millis => moment_ms(value).map(precise),
            Self::Clock => moment_ms(value).map(|at| at.strftime("%H:%M:%S").to_string()),
        };
        let none = if self == Self::Text { "" } else { NONE };
        shown.unwrap_or_else(|| none.to_owned())
    }
}

fn moment_ms(value: &Value) -> Option<Timestamp> {
    Timestamp::from_millisecond(value.as_i64()?).ok()
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

fn commas(number: f64) -> String {
    let text = number.abs().to_string();
    let (whole, part) = text.split_once('.').map_or((&*text, None), |(w, p)| (w, Some(p)));
    let mut shown = if number < 0.0 { "-".to_owned() } else { String::new() };
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if let Some(part) = part {
        shown.push('.');
        shown.push_str(part);
    }
    shown
}

fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut units = UNITS.into_iter();
    let (mut unit, mut size) = (units.next().unwrap_or_default(), 1_u64);
    for next in units {
        if bytes / size < 1_024 {
            break;
        }
        (unit, size) = (next, size << 10);
    }
    let whole = bytes / size;
    let tenths = (bytes % size) * 10 / size;
    if size == 1 { format!("{whole} {unit}") } else { format!("{whole}.{tenths} {unit}") }
}

#[expect(clippy::as_conversions, reason = "whole seconds of less than 2^53")]
fn span(seconds: f64) -> String {
    let s = seconds.max(0.0) as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn precise(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_for_a_person() {
        let cases = [
            (Form::Number(""), json!(0), "0"),
            (Form::Number(""), json!(1_204), "1,204"),
            (Form::Number("/s"), json!(1_234_567.25), "1,234,567.25/s"),
            (Form::Number(" %"), json!(99.98), "99.98 %"),
            (Form::Number(""), json!(-1_000), "-1,000"),
            (Form::Number(""), Value::Null, "–"),
            (Form::Bytes, json!(1_023), "1023 B"),
            (Form::Bytes, json!(1_536), "1.5 KiB"),
            (Form::Bytes, json!(24_u64 << 30), "24.0 GiB"),
            (Form::Bytes, json!(5_000_u64 << 40), "5000.0 TiB"),
            (Form::Span, json!(59.9), "59 s"),
            (Form::Span, json!(61), "1 min 1 s"),
            (Form::Span, json!(7_260), "2 h 1 min"),
            (Form::Span, json!(90_000), "1 d 1 h"),
            (Form::Moment, json!(1_800_000_000), "2027-01-15 08:00:00"),
            (Form::Millis, json!(1_800_000_000_045_i64), "2027-01-15 08:00:00.045"),
            (Form::Clock, json!(1_800_000_001_999_i64), "08:00:01"),
            (Form::Text, json!("a<b"), "a<b"),
            (Form::Text, Value::Null, ""),
            (Form::Name, json!([1]), "–"),
        ];
        for (form, value, expected) in cases {
            assert_eq!(form.show(&value), expected, "{form:?} {value}");
        }
    }
}
