//! Charts as SVG, drawn by hand: no script, no outside resource.
//!
//! A chart takes its colours and fonts from classes. A page with charts contains the style
//! ([`STYLE`]). A chart that stands alone contains the style itself, and has a card of its own
//! colour behind it. So it is readable on a white and on a dark page.

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
