//! What operators choose of the record.

use std::path::PathBuf;

/// `[record]` of the configuration. Each field is a key of that name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Whether decisions are recorded.
    pub enabled: bool,
    /// The directory of the record's files.
    pub directory: PathBuf,
    /// The group that may read the files beside this process's user: its name or its number.
    pub group: Option<String>,
    /// The name of this node in each line; absent: the host's.
    pub node: Option<String>,
    /// What happens to requests when the record cannot be written.
    pub when_full: WhenFull,
    /// One of so many decisions without a genuine code is recorded; at least 1.
    pub unverified_one_in: u32,
    /// Decisions that may wait to be written, over all workers.
    pub queue_entries: usize,
    /// MiB. A larger file is closed.
    pub file_mib_max: u64,
    /// Hours. An older file is closed.
    pub file_hours_max: u32,
    /// Days. Closed files older than this are deleted; 0: none is.
    pub keep_days: u32,
    /// MiB. Nothing is written with less room than this.
    pub free_mib_min: u64,
    /// Milliseconds. How often what was written is made safe from a power cut; 0: when the kernel
    /// does it.
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
    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Refuse => "refuse",
        }
    }

    /// Reads the word in the configuration; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Drop, Self::Refuse].into_iter().find(|word| word.as_str() == text)
    }
}
