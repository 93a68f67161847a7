//! The frame of a chart: places of all parts, and everything but the lines.

use super::axis::{Axis, Range};
use super::style::stroke;
use crate::report::figures;
use crate::report::markup::escape;

/// The width of a letter of the labels. It is generous, because text cannot be measured here.
const LETTER: f64 = 6.7;

/// The radius of a number's circle.
const BADGE: f64 = 9.0;

/// From one line of labels to the next.
const LEADING: f64 = 16.0;

/// Lines of at most so many points show each point.
const DOTTED_MOST: usize = 20;

/// More columns than these are too thin to be pointed at.
const HOVERED_MOST: usize = 400;

/// The width for which a chart is drawn. Letters keep their size, so a phone needs another drawing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Size {
    /// A page.
    Wide,
    /// A phone.
    Narrow,
}

pub(super) struct Frame<'a> {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Range,
    y: Range,
    names: Vec<&'a str>,
    beside: bool,
}

/// A line's name beside its end.
pub(super) struct Label<'a> {
    pub(super) name: &'a str,
    pub(super) class: String,
    /// Where the line ends.
    pub(super) x: f64,
    pub(super) y: f64,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        size: Size,
        names: Vec<&'a str>,
        marked: bool,
        (x, y): (Range, Range),
    ) -> Self {
        let (width, plot, left) = match size {
            Size::Wide => (880.0, 240.0, 66.0),
            Size::Narrow => (360.0, 200.0, 58.0),
        };
        let longest = names.iter().map(|name| text_width(name)).fold(0.0, f64::max);
        let beside = longest + 16.0 < width * 0.2;
        let right = if beside { width - longest - 16.0 } else { width - 14.0 };
        let mut frame =
            Self { width, height: 0.0, left, right, top: 0.0, bottom: 0.0, x, y, names, beside };
        let rows = frame.legend_places().last().map_or(0.0, |(_, y)| y + LEADING);
        frame.top = rows + if marked { 30.0 } else { 14.0 };
        frame.bottom = frame.top + plot;
        frame.height = frame.bottom + 44.0;
        frame
    }

    pub(super) fn size(&self) -> (f64, f64) {
        (self.width, self.height)
    }

    /// The place of a point; `None` outside the axes.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        Some((self.across(x)?, self.up(y)?))
    }

    fn across(&self, x: f64) -> Option<f64> {
        self.x.place(x).map(|share| self.left + share * (self.right - self.left))
    }

    fn up(&self, y: f64) -> Option<f64> {
        self.y.place(y).map(|share| self.bottom - share * (self.bottom - self.top))
    }

    /// A path through points, broken where a point is missing. And dots, for single points and for
    /// lines of few points.
    pub(super) fn path(&self, points: &[(f64, f64)]) -> (String, String) {
        let (mut path, mut dots) = (String::new(), String::new());
        let few = points.len() <= DOTTED_MOST;
        let places: Vec<_> = points.iter().map(|point| self.place(*point)).collect();
        for run in places.split(Option::is_none) {
            for (at, (x, y)) in run.iter().flatten().enumerate() {
                let letter = if at == 0 { 'M' } else { 'L' };
                path += &format!("{letter}{x:.1} {y:.1}");
                if few || run.len() == 1 {
                    dots += &format!("M{x:.1} {y:.1}h0");
                }
            }
        }
        (path, dots)
    }

    /// Horizontal rules, ticks on both axes and what they measure.
    pub(super) fn grid(&self, x: &Axis, y: &Axis) -> String {
        let mut svg = String::new();
        for value in self.y.ticks(5.0) {
            let Some(at) = self.up(value) else { continue };
            let (left, right, text) = (self.left, self.right, y.unit.tick(value));
            svg += &format!("<path class=\"rule\" d=\"M{left:.1} {at:.1}H{right:.1}\"/>");
            svg += &tick(left - 8.0, at + 4.0, "end", &text);
        }
        let mut free = f64::NEG_INFINITY;
        for value in self.x.ticks((self.right - self.left) / 75.0) {
            let Some(at) = self.across(value) else { continue };
            let text = x.unit.tick(value);
            let half = text_width(&text) / 2.0;
            let foot = self.bottom;
            svg += &format!("<path class=\"foot\" d=\"M{at:.1} {foot:.1}v5\"/>");
            if at - half < free || at + half > self.width {
                continue;
            }
            free = at + half + 8.0;
            svg += &tick(at, foot + 19.0, "middle", &text);
        }
        let middle = f64::midpoint(self.left, self.right);
        svg += &format!(
            "<path class=\"foot\" d=\"M{:.1} {:.1}H{:.1}\"/>",
            self.left, self.bottom, self.right
        );
        svg += &tick(middle, self.bottom + 38.0, "middle", x.label);
        svg + &tick(self.left - 8.0, self.top - 14.0, "end", y.label)
    }

    /// Vertical lines with their numbers above. A number moves aside for the one before it. It is
    /// left out if it would be too far from its line.
    pub(super) fn marks(&self, marks: &[f64]) -> String {
        let mut svg = String::new();
        let mut free = f64::NEG_INFINITY;
        for (number, mark) in (1_u32..).zip(marks) {
            let Some(at) = self.across(*mark) else { continue };
            let (top, bottom) = (self.top - 4.0, self.bottom);
            svg += &format!("<path class=\"mark\" d=\"M{at:.1} {top:.1}V{bottom:.1}\"/>");
            let badge = at.max(free);
            if badge - at < 2.0 * BADGE {
                svg += &numbered(badge, top - BADGE, number);
                free = badge + 2.0 * BADGE + 1.0;
            }
        }
        svg
    }

    /// The legend, and each name beside its line if there is room.
    pub(super) fn names(&self, labels: &[Label<'_>]) -> String {
        let mut svg = if self.names.len() > 1 { self.legend() } else { String::new() };
        if !self.beside {
            return svg;
        }
        let mut labels: Vec<&Label<'_>> = labels.iter().collect();
        labels.sort_by(|one, other| one.y.total_cmp(&other.y));
        let ys = apart(labels.iter().map(|label| label.y).collect(), self.top, self.bottom);
        for (label, y) in labels.iter().zip(ys) {
            svg += &format!(
                "<text class=\"name {}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                label.class,
                label.x + 8.0,
                y + 4.0,
                escape(label.name)
            );
        }
        svg
    }

    fn legend(&self) -> String {
        let mut svg = String::new();
        for (at, ((x, y), name)) in self.legend_places().iter().zip(&self.names).enumerate() {
            let (class, middle) = (stroke(at), y + 8.0);
            svg += &format!("<path class=\"line {class}\" d=\"M{x:.1} {middle:.1}h22\"/>");
            svg += &tick(x + 28.0, y + 12.0, "start", name);
        }
        svg
    }

    /// Where each entry of the legend begins, in as many rows as it takes.
    fn legend_places(&self) -> Vec<(f64, f64)> {
        let (mut x, mut y) = (self.left, 2.0);
        let mut places = Vec::new();
        for name in self.names.iter().filter(|_| self.names.len() > 1) {
            let width = 28.0 + text_width(name);
            if x > self.left && x + width > self.width {
                (x, y) = (self.left, y + LEADING + 2.0);
            }
            places.push((x, y));
            x += width + 18.0;
        }
        places
    }

    /// Columns that show their text to a resting pointer.
    pub(super) fn hover(&self, columns: &[(f64, String)]) -> String {
        if columns.is_empty() || columns.len() > HOVERED_MOST {
            return String::new();
        }
        let room = (self.right - self.left) / figures::length(columns.len());
        let mut svg = String::new();
        for (x, text) in columns {
            let Some(at) = self.across(*x) else { continue };
            svg += &format!(
                "<rect class=\"hover\" x=\"{:.1}\" y=\"{:.1}\" width=\"{room:.1}\" \
                 height=\"{:.1}\"><title>{}</title></rect>",
                at - room / 2.0,
                self.top,
                self.bottom - self.top,
                escape(text)
            );
        }
        svg
    }
}

/// Moves rising places apart until lines of text fit, without leaving the chart.
fn apart(mut ys: Vec<f64>, top: f64, bottom: f64) -> Vec<f64> {
    let mut least = top;
    for y in &mut ys {
        *y = y.max(least);
        least = *y + LEADING;
    }
    let mut most = bottom;
    for y in ys.iter_mut().rev() {
        *y = y.min(most);
        most = *y - LEADING;
    }
    ys
}

fn numbered(x: f64, y: f64, number: u32) -> String {
    format!(
        "<circle class=\"badge\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{BADGE}\"/>\
         <text class=\"number\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{number}</text>",
        y + 4.0
    )
}

pub(super) fn text_width(text: &str) -> f64 {
    text.chars().map(|letter| if letter.is_ascii() { LETTER } else { 2.0 * LETTER }).sum()
}

fn tick(x: f64, y: f64, anchor: &str, text: &str) -> String {
    let text = escape(text);
    format!("<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}
