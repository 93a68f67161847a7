//! One person: the changes that were sent, and the devices.

use super::counts::AccountCounts;
use crate::judge::law::account::{Change, Operation, Shown, Standing, standing};
use crate::rng::Rng;

/// Channels of issuer keys, see `site`.
pub const CHANNELS: usize = 3;
/// Epoch 65535 cannot be unbound.
const EPOCH_MAX: u16 = 65_534;

/// One person.
#[derive(Default)]
pub(super) struct Person {
    /// In the order of their sending.
    changes: Vec<Noted>,
    /// The highest epoch of each channel that an unbind named.
    floors: [u16; CHANNELS],
}

/// A change with what became of it.
pub(super) struct Noted {
    number: u64,
    pub(super) change: Change,
    /// Once it was sent and not acknowledged.
    pub(super) was_in_doubt: bool,
    /// When the first refusal came that it explains.
    refused_ns: Option<u64>,
}

impl Person {
    pub(super) fn begin(&mut self, number: u64, operation: Operation, sent_ns: u64) {
        if let Operation::Unbind { channel, epoch } = operation
            && let Some(floor) = self.floors.get_mut(channel)
        {
            *floor = epoch.max(*floor);
        }
        let change = Change { operation, sent_ns, acknowledged_ns: None };
        self.changes.push(Noted { number, change, was_in_doubt: false, refused_ns: None });
    }

    pub(super) fn noted(&mut self, number: u64) -> Option<&mut Noted> {
        self.changes.iter_mut().rev().find(|noted| noted.number == number)
    }

    pub(super) fn withdraw(&mut self, number: u64) {
        self.changes.retain(|noted| noted.number != number);
    }

    pub(super) fn standing(&self, shown: &Shown, stale_ns: u64) -> Standing {
        standing(self.changes.iter().map(|noted| &noted.change), shown, stale_ns)
    }

    pub(super) fn next_epoch(&self, channel: usize) -> u16 {
        self.floor(channel).saturating_add(1).min(EPOCH_MAX)
    }

    /// The epoch of a new code. A third of them come from the device that was unbound last.
    pub(super) fn draw_epoch(&self, channel: usize, rng: &mut Rng) -> u16 {
        match self.floor(channel) {
            floor if floor > 0 && rng.below(3) == 0 => floor,
            floor => floor + 1,
        }
    }

    /// The epoch of a code that the newest change must refuse soon, if that is acknowledged and no
    /// refusal was seen.
    pub(super) fn unproven(&self, channel: usize) -> Option<u16> {
        let newest = self
            .changes
            .last()
            .filter(|noted| noted.change.acknowledged_ns.is_some() && noted.refused_ns.is_none())?;
        let mut before = self.changes.iter().rev().skip(1);
        match newest.change.operation {
            Operation::Unbind { channel: of, epoch } => (of == channel).then_some(epoch),
            Operation::Lift => None,
            Operation::Freeze => {
                let hold = before.find(|noted| noted.change.operation.is_of_hold());
                let is_first = hold.is_none_or(|hold| hold.change.operation == Operation::Lift);
                is_first.then(|| self.floor(channel) + 1)
            }
        }
    }

    /// Notes a refusal. It belongs to the newest of its causes, unless an earlier one may have been
    /// the cause as well.
    pub(super) fn note_first_refusal(&mut self, now_ns: u64, is_cause: impl Fn(&Change) -> bool) {
        let is_such =
            |noted: &&mut Noted| is_cause(&noted.change) && noted.change.sent_ns <= now_ns;
        let mut causes = self.changes.iter_mut().rev().filter(is_such);
        let Some(newest) = causes.next() else { return };
        let is_new = causes.next().is_none_or(|before| before.change.operation == Operation::Lift);
        if is_new && newest.change.operation != Operation::Lift && newest.refused_ns.is_none() {
            newest.refused_ns = Some(now_ns);
        }
    }

    pub(super) fn add_to(&self, counts: &mut AccountCounts) {
        for Noted { change, refused_ns, .. } in &self.changes {
            match change.acknowledged_ns {
                // A refusal may come before the acknowledgement was read.
                Some(acknowledged_ns) => counts.to_first_refusal_ns.extend(
                    refused_ns.map(|refused_ns| refused_ns.saturating_sub(acknowledged_ns)),
                ),
                None => counts.with(change.operation, |count| count.never_acknowledged += 1),
            }
        }
    }

    fn floor(&self, channel: usize) -> u16 {
        self.floors.get(channel).copied().unwrap_or(0)
    }
}
