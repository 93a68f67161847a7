//! The law for people whose accounts are changed while the load runs.
//!
//! An acknowledged freeze or unbind is honoured within `stale_ms`, or nothing is admitted. From the
//! sending of a lift on, both answers are right. `stale_ms` after its acknowledgement, a refusal has
//! no cause any more.
//!
//! All moments are of one clock, the tool's monotonic clock. Sending is noted before the first byte
//! leaves, and an acknowledgement after its last byte came. Both err in the gateway's favour.

/// By how much wall clock and monotonic clock may differ when one is computed from the other.
const CLOCKS_NS: u64 = 5_000_000;

/// What a code says of its person.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Voucher {
    /// The person's number in this run.
    pub person: usize,
    /// Who shows the code: a place in the list of channels.
    pub channel: usize,
    /// The epoch of the voucher on its device.
    pub epoch: u16,
    /// Of a pass: the beginning of the second in which it was minted. It does not say its epoch, so
    /// an unbind of that second or later refuses it.
    pub minted_from_ns: Option<u64>,
}

/// What is done to an account.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Operation {
    /// It is frozen.
    Freeze,
    /// The freeze ends.
    Lift,
    /// A channel's codes up to an epoch are refused, for ever.
    Unbind {
        /// A place in the list of channels.
        channel: usize,
        /// The last epoch that is refused.
        epoch: u16,
    },
}

/// A change of one person's account. The next one of the same person is sent after its
/// acknowledgement.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// What is done.
    pub operation: Operation,
    /// Before it was first sent. From here on it may hold.
    pub sent_ns: u64,
    /// After the acknowledgement came; `None` as long as it only may hold.
    pub acknowledged_ns: Option<u64>,
}

/// A request that was answered, or whose connection was lost.
#[derive(Copy, Clone, Debug)]
pub struct Shown {
    /// Whose code or pass it carries.
    pub voucher: Voucher,
    /// Before its first byte left.
    pub sent_ns: u64,
    /// When its answer was there.
    pub answered_ns: u64,
}

/// What the changes of a person mean for one request. The default is that of a person to whom
/// nothing was done.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// How long before the sending a change was acknowledged that refuses the request.
    pub refused_for_ns: Option<u64>,
    /// That was longer than the promise allows: an approval is a fault.
    pub must_be_refused: bool,
    /// A node may hold the account as frozen.
    pub may_be_frozen: bool,
    /// A node may hold the device as unbound.
    pub may_be_unbound: bool,
}

/// What a person's changes, in the order of their sending, mean for a request.
pub fn standing<'a>(
    changes: impl DoubleEndedIterator<Item = &'a Change> + Clone,
    shown: &Shown,
    stale_ns: u64,
) -> Standing {
    let newest_first = changes.rev().filter(|change| change.sent_ns <= shown.answered_ns);
    let age_ns = |change: &Change| shown.sent_ns.checked_sub(change.acknowledged_ns?);
    let (mut frozen_for_ns, mut may_be_frozen, mut may_be_lifted) = (None, false, false);
    for change in newest_first.clone() {
        match change.operation {
            Operation::Freeze => {
                may_be_frozen = true;
                if !may_be_lifted {
                    frozen_for_ns = frozen_for_ns.max(age_ns(change));
                }
            }
            // Every node has it, so no earlier freeze counts.
            Operation::Lift if age_ns(change) > Some(stale_ns) => break,
            Operation::Lift => may_be_lifted = true,
            Operation::Unbind { .. } => {}
        }
    }
    let unbinds = newest_first.filter(|change| change.may_unbind(&shown.voucher));
    let surely = unbinds.clone().filter(|change| change.surely_unbinds(&shown.voucher));
    let unbound_for_ns = surely.filter_map(age_ns).max();
    let refused_for_ns = frozen_for_ns.max(unbound_for_ns);
    Standing {
        refused_for_ns,
        must_be_refused: refused_for_ns > Some(stale_ns),
        may_be_frozen,
        may_be_unbound: unbinds.count() > 0,
    }
}

impl Operation {
    /// Its place in a list of the three kinds.
    pub fn place(self) -> usize {
        match self {
            Self::Freeze => 0,
            Self::Lift => 1,
            Self::Unbind { .. } => 2,
        }
    }

    /// Whether it is about a hold, and not about a device.
    pub fn is_of_hold(self) -> bool {
        matches!(self, Self::Freeze | Self::Lift)
    }
}

impl Change {
    /// Whether it may refuse this voucher's codes, or this pass.
    pub fn may_unbind(&self, voucher: &Voucher) -> bool {
        self.is_of_device(voucher, |minted_from_ns| {
            let until_ns = self.acknowledged_ns.unwrap_or(u64::MAX).saturating_add(CLOCKS_NS);
            until_ns >= minted_from_ns
        })
    }

    /// Whether it refuses them wherever it is held.
    pub fn surely_unbinds(&self, voucher: &Voucher) -> bool {
        self.is_of_device(voucher, |minted_from_ns| self.sent_ns >= minted_from_ns + CLOCKS_NS)
    }

    /// Compares the epochs, or by `is_of_pass` the beginning of the second in which a pass was made.
    fn is_of_device(&self, voucher: &Voucher, is_of_pass: impl Fn(u64) -> bool) -> bool {
        let Operation::Unbind { channel, epoch } = self.operation else { return false };
        let is_of_device = match voucher.minted_from_ns {
            Some(minted_from_ns) => is_of_pass(minted_from_ns),
            None => voucher.epoch <= epoch,
        };
        channel == voucher.channel && is_of_device
    }
}

#[cfg(test)]
mod tests;
