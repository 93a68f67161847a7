//! Changes, and by what they may replace what is held. Pure: a store reads, plans and writes.

use keyring::{
    code::{IssuedAt, Subject},
    key::Channel,
    time::UnixMillis,
};

use crate::{
    entry::{Cause, Day, Entry, Facet, Floor, Member, Relation, Value},
    limits::BIND_AHEAD_S,
};

/// A change of one person's account.
#[derive(Copy, Clone)]
pub struct Change {
    /// Whose account it is.
    pub subject: Subject,
    /// What is done.
    pub operation: Operation,
}

/// What can be done.
#[derive(Copy, Clone)]
pub enum Operation {
    /// Holds, through the last day if there is one. It always gives the hold a new number.
    Freeze {
        /// On whose word.
        cause: Cause,
        /// Whose voucher; all if it is 0.
        relation: Relation,
        /// The last day.
        until: Option<Day>,
    },
    /// Ends one hold.
    Lift {
        /// On whose word it was.
        cause: Cause,
        /// Whose voucher; all if it is 0.
        relation: Relation,
        /// The number of the hold; `None`: the one that is there when the store reads.
        freeze: Option<u64>,
    },
    /// Refuses the channel's codes up to this epoch.
    Unbind {
        /// The channel of the device.
        channel: Channel,
        /// Its epoch, below 65535.
        epoch: u16,
    },
    /// A member is bound: codes of an earlier one stay refused.
    BindMember(Member),
    /// A member is removed, through the last day if there is one.
    RemoveMember(Member, Option<Day>),
    /// Holds what the entry says, of an import. Floors and `since` only rise.
    Merge(Entry),
    /// Deletes the entry if it is over.
    CleanUp {
        /// Of which facet.
        facet: Facet,
        /// How long a display code lives, in days.
        display_days: u32,
    },
}

/// An entry of the store, with the number of the change that put it.
#[derive(Copy, Clone)]
pub struct Held {
    /// The entry.
    pub entry: Entry,
    /// The number: of a hold, what a lift names.
    pub number: u64,
}

/// What must hold of an entry when it is written.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// There is no entry.
    Absent,
    /// The entry still has this number.
    Number(u64),
}

/// One write of a store.
#[derive(Copy, Clone)]
pub struct Write {
    /// Of which facet.
    pub facet: Facet,
    /// What is put; `None`: the entry is deleted.
    pub put: Option<Value>,
    /// Without it nothing of the change is written, and the store reads again.
    pub expected: Expected,
}

/// A change that is refused.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChangeError {
    /// The account was frozen again after the freeze that the lift names.
    #[error("freeze {held} is newer than the one to lift; allowed: lift {held}, if that is meant")]
    NewerFreeze {
        /// The number of the hold that stands.
        held: u64,
    },
    /// No change has had this number yet.
    #[error("no freeze has this number; allowed: the number that the freeze was answered with")]
    UnknownFreeze,
    /// An epoch that leaves no higher one.
    #[error("epoch 65535 cannot be unbound; allowed: 0 to 65534; freeze the account instead")]
    LastEpoch,
    /// The clock shows a time before 1970 or after 2106.
    #[error("the time does not fit; allowed: 1970 to 2106")]
    Time,
}

impl Operation {
    /// The facet that tells what was done. To bind a member deletes its removal as well.
    pub fn facet(&self) -> Facet {
        match *self {
            Self::Freeze { cause, relation, .. } | Self::Lift { cause, relation, .. } => {
                Facet::Hold(cause, relation)
            }
            Self::Unbind { channel, .. } => Facet::Floor(channel),
            Self::BindMember(member) => Facet::Since(member),
            Self::RemoveMember(member, _) => Facet::Removed(member),
            Self::Merge(entry) => entry.facet(),
            Self::CleanUp { facet, .. } => facet,
        }
    }

    /// May it add an entry? All others only delete.
    pub fn may_add(&self) -> bool {
        !matches!(self, Self::Lift { .. } | Self::CleanUp { .. })
    }

    /// What is to be written, by what was read. No writes: all is so already.
    ///
    /// # Errors
    /// The change is refused.
    pub fn plan(
        &self,
        read: impl Fn(Facet) -> Option<Held>,
        now: UnixMillis,
    ) -> Result<Vec<Write>, ChangeError> {
        match *self {
            Self::Freeze { cause, relation, until } => {
                let facet = Facet::Hold(cause, relation);
                Ok(vec![Write { facet, put: Some(Value::Until(until)), expected: Expected::Any }])
            }
            Self::Lift { cause, relation, freeze } => {
                let facet = Facet::Hold(cause, relation);
                lift(facet, read(facet), freeze)
            }
            Self::Unbind { channel, epoch } => {
                let facet = Facet::Floor(channel);
                unbind(facet, read(facet), epoch, now)
            }
            Self::BindMember(member) => bind(member, read, now),
            Self::RemoveMember(member, until) => {
                let facet = Facet::Removed(member);
                Ok(put(facet, read(facet), Value::Until(until)))
            }
            Self::Merge(entry) => {
                let facet = entry.facet();
                Ok(raise(facet, read(facet), entry.value()))
            }
            Self::CleanUp { facet, display_days } => {
                let over = read(facet).filter(|held| held.entry.is_over(now, display_days));
                Ok(over.map(|held| delete(facet, held)).into_iter().collect())
            }
        }
    }
}

fn lift(facet: Facet, held: Option<Held>, freeze: Option<u64>) -> Result<Vec<Write>, ChangeError> {
    let Some(held) = held else { return Ok(Vec::new()) };
    match freeze {
        Some(named) if named < held.number => Err(ChangeError::NewerFreeze { held: held.number }),
        Some(named) if named > held.number => Err(ChangeError::UnknownFreeze),
        _ => Ok(vec![delete(facet, held)]),
    }
}

fn unbind(
    facet: Facet,
    held: Option<Held>,
    epoch: u16,
    now: UnixMillis,
) -> Result<Vec<Write>, ChangeError> {
    if epoch == u16::MAX {
        return Err(ChangeError::LastEpoch);
    }
    let at = IssuedAt::from_time(now).ok_or(ChangeError::Time)?;
    Ok(raise(facet, held, Value::Floor(Floor { epoch, at })))
}

fn bind(
    member: Member,
    read: impl Fn(Facet) -> Option<Held>,
    now: UnixMillis,
) -> Result<Vec<Write>, ChangeError> {
    let at = IssuedAt::from_time(now.plus_ms(BIND_AHEAD_S * 1_000)).ok_or(ChangeError::Time)?;
    let (removed, since) = (Facet::Removed(member), Facet::Since(member));
    let raised = raise(since, read(since), Value::Since(at));
    Ok(read(removed).map(|held| delete(removed, held)).into_iter().chain(raised).collect())
}

/// Puts what only rises. What is as high or higher stays.
fn raise(facet: Facet, held: Option<Held>, value: Value) -> Vec<Write> {
    let is_there = held.is_some_and(|held| match (held.entry.value(), value) {
        (Value::Floor(there), Value::Floor(floor)) => there.epoch >= floor.epoch,
        (Value::Since(there), Value::Since(at)) => there >= at,
        _ => false,
    });
    if is_there { Vec::new() } else { put(facet, held, value) }
}

fn delete(facet: Facet, held: Held) -> Write {
    Write { facet, put: None, expected: Expected::Number(held.number) }
}

fn put(facet: Facet, held: Option<Held>, value: Value) -> Vec<Write> {
    if held.is_some_and(|held| held.entry.value() == value) {
        return Vec::new();
    }
    let expected = held.map_or(Expected::Absent, |held| Expected::Number(held.number));
    vec![Write { facet, put: Some(value), expected }]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn held(facet: &str, value: &str, number: u64) -> Option<Held> {
        Some(Held { entry: Entry::parse(facet, value).unwrap(), number })
    }

    fn lifting(freeze: Option<u64>) -> Operation {
        Operation::Lift { cause: Cause::Hotline, relation: Relation::ALL, freeze }
    }

    #[test]
    fn a_freeze_is_put_whatever_stands() {
        let freeze =
            Operation::Freeze { cause: Cause::Hotline, relation: Relation::ALL, until: None };
        let writes = freeze.plan(|_| held("hotline.0", "-", 7), NOW).unwrap();
        assert_eq!(writes.len(), 1);
        assert_eq!(writes[0].expected, Expected::Any);
    }

    #[test]
    fn a_lift_deletes_the_number_that_it_names_and_no_later_one() {
        let read = |_| held("hotline.0", "-", 7);
        assert_eq!(lifting(Some(7)).plan(read, NOW).unwrap()[0].expected, Expected::Number(7));
        assert_eq!(lifting(None).plan(read, NOW).unwrap()[0].expected, Expected::Number(7));
        let newer = lifting(Some(6)).plan(read, NOW).err();
        assert_eq!(newer, Some(ChangeError::NewerFreeze { held: 7 }));
        assert_eq!(lifting(Some(8)).plan(read, NOW).err(), Some(ChangeError::UnknownFreeze));
        assert!(lifting(Some(7)).plan(|_| None, NOW).unwrap().is_empty());
    }

    #[test]
    fn floors_only_rise_and_leave_an_epoch() {
        let channel = "wechat".parse().unwrap();
        let read = |_| held("floor.wechat", "3 1", 7);
        let plan = |epoch| Operation::Unbind { channel, epoch }.plan(read, NOW);
        assert!(plan(2).unwrap().is_empty());
        assert!(plan(3).unwrap().is_empty());
        assert_eq!(plan(4).unwrap()[0].expected, Expected::Number(7));
        assert_eq!(plan(u16::MAX).err(), Some(ChangeError::LastEpoch));
    }

    #[test]
    fn a_merge_puts_what_differs_and_lowers_nothing() {
        let merge = |facet, value| Operation::Merge(Entry::parse(facet, value).unwrap());
        let read = |facet: Facet| match facet {
            Facet::Hold(..) => held("hotline.0", "-", 7),
            _ => held("floor.wechat", "3 1", 8),
        };
        assert!(merge("hotline.0", "-").plan(read, NOW).unwrap().is_empty());
        let ends = merge("hotline.0", "2026-12-12").plan(read, NOW).unwrap();
        assert_eq!(ends[0].expected, Expected::Number(7));
        assert!(merge("floor.wechat", "2 9").plan(read, NOW).unwrap().is_empty());
        assert_eq!(merge("floor.wechat", "4 9").plan(|_| None, NOW).unwrap().len(), 1);
    }

    #[test]
    fn a_bound_member_does_not_inherit_codes() {
        let member = Member::new(2).unwrap();
        let read = |facet| match facet {
            Facet::Removed(_) => held("removed.2", "-", 5),
            _ => None,
        };
        let writes = Operation::BindMember(member).plan(read, NOW).unwrap();
        assert!(writes[0].put.is_none() && writes[0].expected == Expected::Number(5));
        assert_eq!(writes[1].put, Some(Value::Since(IssuedAt::new(1_800_000_010))));
        let later = |_| held("since.2", "1800000011", 6);
        let writes = Operation::BindMember(member).plan(later, NOW).unwrap();
        assert!(writes.iter().all(|write| write.facet == Facet::Removed(member)));
    }
}
