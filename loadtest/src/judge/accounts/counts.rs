//! What is known of all changed people together.

use crate::judge::law::account::Operation;

/// What is known of all changed people together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountCounts {
    /// People whose accounts are changed.
    pub people: usize,
    /// Changes by kind: freezes, lifts, unbinds.
    pub changes: [ChangeCount; 3],
    /// Requests for a change without an answer, or with one that says that it may hold.
    pub changes_unanswered: u64,
    /// Requests for a change that a gateway put off, and of which nothing holds.
    pub changes_put_off: u64,
    /// Connections for a change that could not be made.
    pub changes_unconnected: u64,
    /// Changes for which no connection was ever made.
    pub changes_unsent: u64,
    /// Changes that were refused, though they had to be made.
    pub changes_refused: u64,
    /// The first of those refusals.
    pub refusals: Vec<String>,
    /// Acknowledged freezes that were not there when they were lifted.
    pub freezes_gone: u64,
    /// Lifts of an old number, sent to be refused.
    pub old_lifts: u64,
    /// Of those, acknowledged: they undid a later freeze, or it was gone.
    pub old_lifts_made: u64,
    /// Approvals of their requests.
    pub approved: u64,
    /// Refusals as `account_frozen`.
    pub frozen: u64,
    /// Refusals as `device_unbound`.
    pub unbound: u64,
    /// Codes that were refused as frozen and approved later.
    pub given_back: u64,
    /// Approvals later than the promise allows.
    pub late: u64,
    /// Requests without an answer that were forwarded later than the promise allows.
    pub late_unanswered: u64,
    /// The first late approvals, described.
    pub examples: Vec<String>,
    /// Refusals that no change explains, or no longer.
    pub without_cause: u64,
    /// From the first sending of each change to its acknowledgement, in nanoseconds.
    pub to_acknowledgement_ns: Vec<u64>,
    /// From acknowledgements to the first refusal that each explains.
    pub to_first_refusal_ns: Vec<u64>,
    /// From acknowledgements to the sending of requests that were approved all the same, in time.
    pub within_promise_ns: Vec<u64>,
}

/// The changes of one kind.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct ChangeCount {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Sent again, because they were sent and not acknowledged.
    pub may_hold: u64,
    /// Not acknowledged at the end of the run.
    pub never_acknowledged: u64,
}

impl AccountCounts {
    /// Changes the counts of one kind.
    pub(super) fn with(&mut self, operation: Operation, note: impl FnOnce(&mut ChangeCount)) {
        if let Some(count) = self.changes.get_mut(operation.place()) {
            note(count);
        }
    }

    /// Changes that were never acknowledged.
    pub fn never_acknowledged(&self) -> u64 {
        let sent: u64 = self.changes.iter().map(|count| count.never_acknowledged).sum();
        sent + self.changes_unsent
    }

    /// Whether accounts were to be changed and no change was acknowledged.
    pub fn has_shown_nothing(&self) -> bool {
        self.people > 0 && self.changes.iter().all(|count| count.acknowledged == 0)
    }
}
