//! `[trace]`: spans of this gateway's own in the traces of others.

use crate::config::table::Table;

/// `[trace]`.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct TraceConfig {
    /// Whether requests of a sampled trace get a span of ours.
    pub spans: bool,
}

impl TraceConfig {
    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let read = Self { spans: table.boolean("spans", false) };
        table.finish();
        read
    }
}
