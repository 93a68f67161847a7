//! Columns that line up.

use std::iter;

/// Two spaces between columns.
const GAP: &str = "  ";

#[derive(Copy, Clone)]
pub(super) enum Align {
    Left,
    Right,
}

pub(super) struct Table {
    align: Vec<Align>,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            align: columns.iter().map(|(_, align)| *align).collect(),
            head: columns.iter().map(|(title, _)| (*title).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// The table with its head in capitals; empty if there are no rows.
    pub(super) fn text(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head: Vec<String> = self.head.iter().map(|title| title.to_uppercase()).collect();
        iter::once(&head).chain(&self.rows).map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let cells = row.iter().zip(self.widths()).zip(&self.align);
        let cells: Vec<String> = cells
            .map(|((cell, width), align)| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            })
            .collect();
        format!("{}\n", cells.join(GAP).trim_end())
    }

    fn widths(&self) -> impl Iterator<Item = usize> {
        (0..self.head.len()).map(|at| {
            let cells = iter::once(&self.head).chain(&self.rows).filter_map(move |row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        })
    }
}

/// Replaces control characters, because text from outside must not move a terminal's cursor.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
