//! Why a store did not do what it was asked for, in words for the operator.

use crate::change::ChangeError;

/// Why a request to a store was not done. After each but [`NotAcknowledged`](Self::NotAcknowledged)
/// nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Failure {
    /// One of the changes is refused, so none was made.
    #[error("change {index}: {error}")]
    Change {
        /// Which one, from 0.
        index: usize,
        /// Why.
        error: ChangeError,
    },
    /// 85 % of the capacity is in use.
    #[error("account states use 85 % of `capacity` ({capacity}); allowed: a larger `capacity`")]
    NearlyFull {
        /// People.
        capacity: usize,
    },
    /// The store's own room is used up: its disk, its quota.
    #[error("the store of account states is full ({0}); make room, then send the change again")]
    StoreFull(String),
    /// The store cannot be asked, or may not be written.
    #[error("the store of account states cannot be used: {0}")]
    Unavailable(String),
    /// What was sent may hold. To send it again does no harm.
    #[error("the change was not acknowledged and may hold: send it again ({0})")]
    NotAcknowledged(String),
}
