//! A comparison as horizontal bars, as a file that stands alone.

use super::frame::text_width;
use super::style::STYLE;
use crate::report::figures;
use crate::report::markup::escape;

const WIDTH: f64 = 820.0;
const EDGE: f64 = 24.0;
const ROW: f64 = 30.0;
const BAR: f64 = 16.0;

/// One bar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// Whose value it is.
    pub label: String,
    /// The value. A negative value or NaN has no bar.
    pub value: f64,
    /// The unit after the value: "µs", "requests/s".
    pub unit: String,
    /// The row that the chart is about.
    pub highlight: bool,
}

/// Horizontal bars from 0, in the order given, under a title and, if not empty, a note on how they
/// were measured. A whole SVG file that can be read on white and on dark backgrounds.
pub fn bars(title: &str, note: &str, rows: &[Bar]) -> String {
    let text_top = if note.is_empty() { 62.0 } else { 84.0 };
    let height = text_top + ROW * figures::length(rows.len()) + 14.0;
    let inner: String = (0_u32..).zip(rows).map(|(at, bar)| row(at, bar, rows, text_top)).collect();
    let note = match note {
        "" => String::new(),
        _ => format!("<text class=\"tick\" x=\"{EDGE}\" y=\"62\">{}</text>", escape(note)),
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" \
         width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         aria-label=\"{title}\"><style>{STYLE}</style>\
         <rect class=\"card\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"10\"/>\
         <text class=\"title\" x=\"{EDGE}\" y=\"38\">{title}</text>{note}{inner}</svg>\n",
        WIDTH - 1.0,
        height - 1.0,
        title = escape(title),
    )
}

fn row(at: u32, bar: &Bar, rows: &[Bar], text_top: f64) -> String {
    let labels = rows.iter().map(|bar| text_width(&bar.label) + 8.0).fold(0.0, f64::max).min(320.0);
    let values = rows.iter().map(|bar| text_width(&value(bar)) + 8.0).fold(0.0, f64::max);
    let most = rows.iter().map(|bar| bar.value).filter(|value| value.is_finite());
    let most = most.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let left = EDGE + labels + 12.0;
    let room = (WIDTH - EDGE - values - 10.0 - left).max(40.0);
    let share = if bar.value.is_finite() { (bar.value / most).clamp(0.0, 1.0) } else { 0.0 };
    let top = text_top + ROW * f64::from(at);
    let class = if bar.highlight { "strong" } else { "plain" };
    format!(
        "<text class=\"label {class}\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>\
         <rect class=\"bar {class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
         height=\"{BAR}\" rx=\"2\"/>\
         <text class=\"label {class}\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
        left - 12.0,
        escape(&bar.label),
        (share * room).max(1.0),
        left + share * room + 10.0,
        escape(&value(bar)),
        y = top + 12.5,
    )
}

fn value(bar: &Bar) -> String {
    if bar.value.is_finite() {
        format!("{} {}", figures::number(bar.value), bar.unit).trim_end().to_owned()
    } else {
        figures::NONE.to_owned()
    }
}
