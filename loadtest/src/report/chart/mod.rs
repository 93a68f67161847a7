//! Charts as SVG, drawn by hand: no script, no outside resource.
//!
//! A chart takes its colours and fonts from classes. Inside a page the page brings the style
//! ([`STYLE`]); a chart that stands alone carries it, and a card of its own colour to lie on, so
//! that it can be read on a white page and on a dark one.

mod axis;
mod bars;
mod frame;
mod lines;
mod style;

pub use self::axis::{Axis, Scale, Unit};
pub use self::bars::{Bar, bars};
pub use self::frame::Size;
pub use self::lines::{Chart, Series};
pub use self::style::STYLE;

#[cfg(test)]
pub(super) mod tests;
