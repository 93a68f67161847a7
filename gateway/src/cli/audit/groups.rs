//! The largest groups, for a person or for a program.

use std::fmt;
use std::io::{self, Write};

use serde_json::json;

use record::offline::{EXACT_VALUES_MAX, Field, Group, Groups};

/// The letters of a value that a person is shown.
const VALUE_CHARS_MAX: usize = 60;

/// Writes an aligned line for each of the `count` largest groups, and one for all others.
pub(super) fn write_table(
    field: Field,
    groups: &Groups,
    count: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let largest = groups.largest(count);
    let all = groups.decisions();
    let mut rows: Vec<[String; 5]> = largest.iter().map(|group| row(group, all)).collect();
    let shown: u64 = largest.iter().map(|group| group.decisions).sum();
    let rest = all - shown;
    if rest > 0 {
        let values = groups.values() - largest.len();
        let what = match groups.shortfall() {
            0 => format!("({values} others)"),
            _ => "(others)".to_owned(),
        };
        rows.push([what, rest.to_string(), share(rest, all), String::new(), String::new()]);
    }
    let head = [field.name(), "decisions", "share", "median", "slowest"].map(str::to_owned);
    rows.insert(0, head);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    for row in &rows {
        let [value, decisions, share, median, slowest] = row;
        let [w0, w1, w2, w3, w4] = widths;
        let line =
            format!("{value:<w0$}  {decisions:>w1$}  {share:>w2$}  {median:>w3$}  {slowest:>w4$}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn row(group: &Group, all: u64) -> [String; 5] {
    [
        value(group.value.as_deref()),
        group.decisions.to_string(),
        share(group.decisions, all),
        Micros(group.median_us).to_string(),
        Micros(group.slowest_us).to_string(),
    ]
}

/// Clients choose some of them, so control characters are shown as escapes.
fn value(value: Option<&str>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let shown: String = value.escape_debug().take(VALUE_CHARS_MAX).collect();
    if shown.is_empty() { "\"\"".to_owned() } else { shown }
}

fn share(part: u64, all: u64) -> String {
    let tenths = (u128::from(part) * 1_000 + u128::from(all) / 2) / u128::from(all.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Writes a line of JSON for each of the `count` largest groups.
pub(super) fn write_json(
    field: Field,
    groups: &Groups,
    count: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    for group in groups.largest(count) {
        let Group { value, decisions, median_us, slowest_us } = group;
        let line = json!({
            "by": field.name(),
            "value": value,
            "decisions": decisions,
            "of": groups.decisions(),
            "median_us": median_us,
            "slowest_us": slowest_us,
            "too_small_by_at_most": groups.shortfall(),
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// What a person must know of counts that are not exact.
pub(super) fn inexact(groups: &Groups) -> Option<String> {
    let shortfall = groups.shortfall();
    (shortfall > 0).then(|| {
        format!(
            "warning: there are more than {EXACT_VALUES_MAX} values, so each count may be too small by up \
             to {shortfall}, and a value with no more decisions than that may be missing; median and \
             slowest are of what was counted"
        )
    })
}

/// A time in its usual unit.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0;
        match us {
            0..1_000 => write!(f, "{us} us"),
            1_000..1_000_000 => write!(f, "{}.{} ms", us / 1_000, us % 1_000 / 100),
            _ => write!(f, "{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_a_person() {
        assert_eq!(
            [0, 999, 1_000, 999_999].map(|us| Micros(us).to_string()),
            ["0 us", "999 us", "1.0 ms", "999.9 ms"]
        );
        assert_eq!(Micros(61_250_000).to_string(), "61.25 s");
        assert_eq!([share(1, 3), share(2, 2), share(0, 0)], ["33.3 %", "100.0 %", "0.0 %"]);
    }

    #[test]
    fn a_value_takes_one_short_line_whatever_a_client_sent() {
        assert_eq!(value(None), "-");
        assert_eq!(value(Some("")), "\"\"");
        assert_eq!(value(Some("a\u{1b}[2J\nb")), "a\\u{1b}[2J\\nb");
        assert_eq!(value(Some(&"x".repeat(500))).len(), VALUE_CHARS_MAX);
    }
}
