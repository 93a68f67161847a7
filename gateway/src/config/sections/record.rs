//! The decision record: where it is written, and what happens when it cannot be.

use std::path::{Path, PathBuf};

use crate::config::table::Table;
use crate::limits;

/// `[record]`. Changes only at start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordConfig {
    /// Whether decisions are recorded.
    pub enabled: bool,
    /// The directory of the record's files.
    pub directory: PathBuf,
    /// Who may read the files beside this process's user.
    pub group: Option<String>,
    /// The name of this node in each line; absent: the host's.
    pub node: Option<String>,
    /// What happens to requests when the record cannot be written.
    pub when_full: WhenFull,
    /// Of so many decisions on what is no genuine code, one is recorded.
    pub unverified_one_in: u32,
    /// Decisions that may wait to be written, over all workers.
    pub queue_entries: usize,
    /// A larger file is closed.
    pub file_mib_max: u64,
    /// An older file is closed.
    pub file_hours_max: u32,
    /// Closed files older than this are deleted; 0: none is.
    pub keep_days: u32,
    /// Nothing is written with less room than this.
    pub free_mib_min: u64,
    /// How often what was written is made safe from a power cut; 0: when the kernel does it.
    pub sync_ms: u32,
    /// The file of the key that subjects are hashed with; absent: they are left out.
    pub subject_key: Option<PathBuf>,
}

/// What happens to requests when the record cannot be written.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum WhenFull {
    /// They are served, and what is not recorded is counted, in the record too.
    Drop,
    /// Those that would spend a code are refused as `overloaded` before they do.
    Refuse,
}

impl WhenFull {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Refuse => "refuse",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Drop, Self::Refuse].into_iter().find(|word| word.as_str() == text)
    }
}

impl RecordConfig {
    pub(in crate::config) fn read(table: &mut Table<'_>, data_dir: &Path) -> Self {
        let record = Self {
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
}

/// A path relative to the configuration file; `None` if the key is missing.
fn path(table: &mut Table<'_>, key: &'static str) -> Option<PathBuf> {
    let base = table.base();
    let read = |text: &str| (!text.is_empty()).then(|| base.join(text));
    table.string(key, read, "a path, relative to this file")
}
