//! What a member shows of the store's history.

use std::fmt;

use crate::random_id::RandomId;

/// One change of the store's history.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub(crate) struct Place {
    /// It counts changes.
    pub(crate) version: u64,
    /// The store's number of it.
    pub(crate) revision: i64,
    /// Tells it from another change at the same place.
    pub(crate) nonce: RandomId,
}

/// What one member shows.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct Shown {
    pub(crate) cluster: u64,
    /// Of the store: not below that of the last change.
    pub(crate) revision: i64,
    /// The last change.
    pub(crate) last: Option<Place>,
    pub(crate) life: Option<RandomId>,
}

/// By what it is seen that the store was set back.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Sign {
    OtherChange,
    OtherCluster,
    ShowsLess,
    /// It was found earlier, and the life is still the same.
    Earlier,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherChange => "another change stands where this node's last one was",
            Self::OtherCluster => "the members are of another cluster",
            Self::ShowsLess => "the members show fewer changes than this node held",
            Self::Earlier => "this was found earlier, and no `init` came since",
        })
    }
}
