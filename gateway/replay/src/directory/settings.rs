//! What a process wants of its data directory.

use std::path::PathBuf;

use crate::header::Store;

/// Which tables a process wants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub dir: PathBuf,
    /// The least number of slots of the codes' table; a slot has 8 bytes.
    pub capacity: usize,
    /// The same of the passes' table; `None`: there is none.
    pub passes: Option<usize>,
    /// How far the clocks of issuers may be off, in milliseconds; at most
    /// [`keyring::verify::SKEW_MS_MAX`].
    pub skew_ms: i64,
    /// What remembers the codes.
    pub store: Store,
}

/// Whether a new table begins behind a fence.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Fence {
    /// Codes issued until now, and a skew's time after, are refused as `warming_up`.
    UntilNow,
    /// It does not: the keys are younger than this process.
    NotNeeded,
}
