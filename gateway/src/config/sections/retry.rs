//! What is kept for those who ask again.

use crate::config::table::Table;
use crate::limits;

/// `[retry]`: the stored answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RetryConfig {
    /// Bytes of all stored answers, with what it takes to find them.
    pub store_bytes: usize,
    /// Stored answers.
    pub entries_max: usize,
    /// How long each is kept, in milliseconds.
    pub keep_ms: i64,
    /// What one named caller may have of `store_bytes`, in percent.
    pub caller_share_percent: usize,
}

impl RetryConfig {
    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let store_mib: usize = table.number("store_mib", limits::RETRY_STORE_MIB);
        let keep_s: i64 = table.number("keep_s", limits::RETRY_KEEP_S);
        let read = Self {
            store_bytes: store_mib << 20,
            entries_max: table.number("entries_max", limits::RETRY_ENTRIES_MAX),
            keep_ms: keep_s * 1_000,
            caller_share_percent: table
                .number("caller_share_percent", limits::RETRY_CALLER_SHARE_PERCENT),
        };
        table.finish();
        read
    }

    /// Bytes that one named caller may have.
    pub fn share_bytes(&self) -> usize {
        self.store_bytes / 100 * self.caller_share_percent
    }
}
