//! `[log]`: what the lines of the log are, and which are written.

use sys::log::{Format, Level, Settings};

use crate::config::table::Table;

pub(in crate::config) fn read(table: &mut Table<'_>) -> Settings {
    let format = |text: &str| match text {
        "text" => Some(Format::Text),
        "json" => Some(Format::Json),
        _ => None,
    };
    let level = |text: &str| match text {
        "info" => Some(Level::Info),
        "warning" => Some(Level::Warning),
        "error" => Some(Level::Error),
        _ => None,
    };
    let read = Settings {
        format: table.string("format", format, "\"text\" or \"json\"").unwrap_or_default(),
        level: table
            .string("level", level, "\"info\", \"warning\" or \"error\"")
            .unwrap_or_default(),
    };
    table.finish();
    read
}
