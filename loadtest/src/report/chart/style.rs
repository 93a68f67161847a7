//! The style of all charts, and the classes that it gives to lines.

/// The style of all charts, light and dark.
pub const STYLE: &str = include_str!("chart.css");

/// Colours and dash patterns that [`STYLE`] defines.
const STROKES: usize = 6;

/// The class of a series' colour and dash pattern.
pub(super) fn stroke(at: usize) -> String {
    format!("s{}", at % STROKES + 1)
}
