//! What writers of account states were answered.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What was asked for, as the label `op` of `yanma_accounts_changes_total`.
const OPERATIONS: [&str; 6] =
    ["freeze", "unfreeze", "unbind", "bind-member", "remove-member", "import"];

/// What came of a change.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum ChangeResult {
    /// It is acknowledged.
    Changed,
    /// All was so already.
    Unchanged,
    /// A rule refuses it, or there is no room.
    Refused,
    /// The store cannot be asked.
    Unavailable,
    /// It may hold.
    NotAcknowledged,
}

impl ChangeResult {
    const ALL: [Self; 5] =
        [Self::Changed, Self::Unchanged, Self::Refused, Self::Unavailable, Self::NotAcknowledged];

    const fn label(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::NotAcknowledged => "not_acknowledged",
        }
    }
}

/// Counts by operation and result. Few change them: no worker has cells of its own.
#[derive(Debug, Default)]
pub(crate) struct AccountChangeCounts {
    cells: [[AtomicU64; ChangeResult::ALL.len()]; OPERATIONS.len()],
}

impl AccountChangeCounts {
    /// Counts changes. An operation that is none of the contract's counts nowhere.
    pub(crate) fn add(&self, operation: &str, result: ChangeResult, changes: u64) {
        let row = OPERATIONS.iter().position(|name| *name == operation);
        let column = ChangeResult::ALL.iter().position(|other| *other == result);
        let cell = row.and_then(|row| self.cells.get(row)).zip(column);
        if let Some(cell) = cell.and_then(|(row, column)| row.get(column)) {
            cell.fetch_add(changes, Relaxed);
        }
    }

    /// Each count with its labels.
    pub(crate) fn samples(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 2], u64)> {
        OPERATIONS.iter().zip(&self.cells).flat_map(|(operation, row)| {
            ChangeResult::ALL.iter().zip(row).map(|(result, cell)| {
                ([("op", *operation), ("result", result.label())], cell.load(Relaxed))
            })
        })
    }
}
