//! Lines over one pair of axes.

use super::axis::{Axis, Range};
use super::frame::{Frame, Label, Size};
use super::style::stroke;
use crate::report::markup::escape;

/// Lines over one pair of axes.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What the chart shows, for screen readers.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines. More than six cannot be told apart.
    pub series: Vec<Series>,
    /// Numbered vertical lines at these x, in the order of their numbers.
    pub marks: Vec<f64>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Points with rising x. A y of NaN breaks the line.
    pub points: Vec<(f64, f64)>,
}

impl Chart {
    /// The chart as an SVG element, or nothing if there is no point to draw.
    pub fn svg(&self, size: Size) -> Option<String> {
        let points = self.series.iter().flat_map(|series| &series.points).copied();
        let finite = points.filter(|(x, y)| x.is_finite() && y.is_finite());
        let x = Range::snug(self.x.scale, finite.clone().map(|(x, _)| x))?;
        let shown = finite.filter(|(at, _)| x.place(*at).is_some());
        let y = Range::rounded(self.y.scale, shown.map(|(_, y)| y))?;
        let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        let frame = Frame::new(size, names, !self.marks.is_empty(), (x, y));
        let (width, height) = frame.size();
        Some(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" \
             viewBox=\"0 0 {width} {height}\" aria-label=\"{}\">{}{}{}{}{}</svg>",
            escape(&self.title),
            frame.grid(&self.x, &self.y),
            frame.marks(&self.marks),
            self.lines(&frame),
            self.hover(&frame),
            frame.names(&self.labels(&frame)),
        ))
    }

    fn lines(&self, frame: &Frame<'_>) -> String {
        let line = |(at, series): (usize, &Series)| {
            let class = stroke(at);
            let (path, dots) = frame.path(&series.points);
            format!(
                "<path class=\"line {class}\" d=\"{path}\"/>\
                 <path class=\"dot {class}\" d=\"{dots}\"/>"
            )
        };
        // The first series lies on top.
        self.series.iter().enumerate().map(line).rev().collect()
    }

    /// The last point of each line, to write its name beside it.
    fn labels<'a>(&'a self, frame: &Frame<'_>) -> Vec<Label<'a>> {
        let label = |(at, series): (usize, &'a Series)| {
            let (x, y) = series.points.iter().rev().find_map(|point| frame.place(*point))?;
            Some(Label { name: &series.name, class: stroke(at), x, y })
        };
        self.series.iter().enumerate().filter_map(label).collect()
    }

    /// The text that a pointer over a point shows.
    fn hover(&self, frame: &Frame<'_>) -> String {
        let Some(first) = self.series.first() else { return String::new() };
        let column = |(at, (x, _)): (usize, &(f64, f64))| {
            let values = self.series.iter().filter_map(|series| {
                let (_, y) =
                    series.points.get(at).filter(|(other, y)| other == x && y.is_finite())?;
                Some(format!("{} {}", series.name, self.y.unit.value(*y)))
            });
            let values: Vec<String> = values.collect();
            (*x, format!("{}\n{}", self.x.unit.value(*x), values.join("\n")))
        };
        frame.hover(&first.points.iter().enumerate().map(column).collect::<Vec<_>>())
    }
}
