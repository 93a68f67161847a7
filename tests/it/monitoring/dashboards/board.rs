//! The dashboards of `config/grafana`, as far as tests look at them.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::harness::project::{read, root};

/// One file.
pub(super) struct Board {
    /// Its name in `config/grafana`.
    pub(super) file: String,
    pub(super) panels: Vec<Panel>,
    pub(super) json: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Panel {
    pub(super) id: u32,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) grid_pos: Position,
    #[serde(default)]
    pub(super) datasource: Value,
    #[serde(default)]
    pub(super) field_config: Value,
    #[serde(default)]
    pub(super) targets: Vec<Target>,
}

/// Where a panel lies, in columns of 24 and in rows.
#[derive(Debug, Deserialize)]
pub(super) struct Position {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) ref_id: String,
    pub(super) datasource: Value,
    pub(super) expr: String,
    pub(super) legend_format: String,
}

/// One expression that a dashboard asks, wherever it stands.
#[derive(Debug)]
pub(super) struct Query {
    /// `overview.json: Requests by outcome: A`.
    pub(super) place: String,
    pub(super) expression: String,
    /// The labels that the dashboard prints of each series.
    pub(super) printed: Vec<String>,
}

pub(super) fn files() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("config/grafana")).expect("config/grafana");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

pub(super) fn boards() -> Vec<Board> {
    files().into_iter().map(Board::read).collect()
}

impl Board {
    fn read(path: PathBuf) -> Self {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let json: Value = serde_json::from_str(&read(&path)).expect("a dashboard is JSON");
        let panels = Vec::deserialize(&json["panels"]);
        let panels = panels.unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { file, panels, json }
    }

    pub(super) fn uid(&self) -> &str {
        self.json["uid"].as_str().expect("a uid")
    }

    /// The panels that show something: a row is only a heading.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Panel> {
        self.panels.iter().filter(|panel| panel.kind != "row")
    }

    /// The variables of the dashboard.
    pub(super) fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"])
    }

    /// Marks on all plots, less the ones that Grafana keeps itself.
    pub(super) fn marks(&self) -> impl Iterator<Item = &Value> {
        list(&self.json["annotations"]["list"]).iter().filter(|mark| mark["builtIn"].is_null())
    }

    /// All expressions: of panels, of marks, of variables.
    pub(super) fn queries(&self) -> Vec<Query> {
        let query = |what: &str, part: &str, expression: &str, printed: Vec<String>| Query {
            place: format!("{}: {what}: {part}", self.file),
            expression: expression.to_owned(),
            printed,
        };
        let panels =
            self.shown().flat_map(|panel| panel.targets.iter().map(move |one| (panel, one)));
        let of_panels = panels.map(|(panel, one)| {
            query(&panel.title, &one.ref_id, &one.expr, printed(&one.legend_format))
        });
        let of_marks = self.marks().map(|mark| {
            query(
                text(mark, "name"),
                "mark",
                text(mark, "expr"),
                printed(text(mark, "titleFormat")),
            )
        });
        let of_variables =
            self.variables().iter().filter(|one| one["type"] == "query").map(|one| {
                let asked = one["query"]["query"].as_str().expect("a query");
                let inner =
                    asked.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
                let (metric, label) = inner
                    .and_then(|inner| inner.split_once(", "))
                    .expect("label_values(METRIC, LABEL)");
                query(text(one, "name"), "variable", metric, vec![label.to_owned()])
            });
        of_panels.chain(of_marks).chain(of_variables).collect()
    }
}

pub(super) fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("no text {key} in {of}"))
}

pub(super) fn list(of: &Value) -> &[Value] {
    of.as_array().expect("a list")
}

/// The labels in `{{a}} of {{b}}`.
fn printed(format: &str) -> Vec<String> {
    let parts = format.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
    parts.map(|(label, _)| label.trim().to_owned()).collect()
}
