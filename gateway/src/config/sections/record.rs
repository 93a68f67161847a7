//! The decision record: where it is written, and what happens when it cannot be.

use std::path::{Path, PathBuf};

use crate::config::table::Table;
use crate::limits;
use record::{Settings, WhenFull};

/// Reads `[record]`. It changes only at start.
pub(in crate::config) fn read(table: &mut Table<'_>, data_dir: &Path) -> Settings {
    let record = Settings {
        enabled: table.boolean("enabled", true),
        directory: path(table, "directory").unwrap_or_else(|| data_dir.join("record")),
        group: table.group("group"),
        node: table.label("node"),
        when_full: table
            .string("when_full", WhenFull::parse, "\"drop\" or \"refuse\"")
            .unwrap_or(WhenFull::Drop),
        unverified_one_in: table.number("unverified_one_in", limits::RECORD_UNVERIFIED_ONE_IN),
        queue_entries: table.number("queue_entries", limits::RECORD_QUEUE_ENTRIES),
        file_mib_max: table.number("file_mib_max", limits::RECORD_FILE_MIB_MAX),
        file_hours_max: table.number("file_hours_max", limits::RECORD_FILE_HOURS_MAX),
        keep_days: table.number("keep_days", limits::RECORD_KEEP_DAYS),
        free_mib_min: table.number("free_mib_min", limits::RECORD_FREE_MIB_MIN),
        sync_ms: table.number("sync_ms", limits::RECORD_SYNC_MS),
        subject_key: path(table, "subject_key"),
    };
    table.finish();
    if record.group.is_some() && record.directory.starts_with(data_dir) {
        table.problem(&format!(
            "{}.group: give the record a directory outside server.data_dir, which is this \
             user's alone, so that the group cannot come through it",
            table.name()
        ));
    }
    let least = limits::RECORD_KEEP_DAYS_LEAST;
    if (1..least).contains(&u64::from(record.keep_days)) {
        table.problem(&format!(
            "{}.keep_days = {}: must be 0 (nothing is deleted) or at least {least}: the law \
             wants such records kept for six months",
            table.name(),
            record.keep_days
        ));
    }
    record
}

/// A path relative to the configuration file; `None` if the key is missing.
fn path(table: &mut Table<'_>, key: &'static str) -> Option<PathBuf> {
    let base = table.base();
    let read = |text: &str| (!text.is_empty()).then(|| base.join(text));
    table.string(key, read, "a path, relative to this file")
}
