//! What follows from what is held for a person.

use keyring::{
    code::{IssuedAt, Subject},
    key::Channel,
    time::UnixMillis,
};

use crate::entry::{Cause, Day, Facet, Relation, end_of, epoch_of, facet_of, raised_at, second_of};

/// What a code or a pass says of its person, as far as the account's state goes by it.
#[derive(Copy, Clone)]
pub struct Claim {
    /// The holder's voucher number.
    pub subject: Subject,
    /// Whose voucher of the account it is.
    pub relation: Relation,
    /// Who showed the code.
    pub channel: Channel,
    /// The epoch of the voucher on its device. A pass does not say it: then the channel's floor is
    /// compared by its time.
    pub epoch: Option<u16>,
    /// When the code was issued; of a pass, when it was minted.
    pub issued_at: IssuedAt,
}

/// Why an account admits nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// `account_frozen`.
    #[error("the account is frozen")]
    Frozen,
    /// `account_not_ready`.
    #[error("the account is not ready")]
    NotReady,
    /// `family_member_removed`.
    #[error("the member was removed from the family account")]
    MemberRemoved,
    /// `device_unbound`.
    #[error("the device was unbound")]
    DeviceUnbound,
}

/// What is held for one person, as far as it goes by a claim, before the time is known. Days are
/// the first ones not covered; 0: nothing is held.
#[derive(Copy, Clone, Default)]
pub(crate) struct Weighed {
    frozen_ends: u64,
    pending_ends: u64,
    removed_ends: u64,
    is_issued_before: bool,
    is_unbound: bool,
}

/// Weighs the words of one person.
pub(crate) fn weigh(words: &[u64], claim: &Claim) -> Weighed {
    let member = claim.relation.member();
    let removed = member.map(|member| Facet::Removed(member).number());
    let since = member.map(|member| Facet::Since(member).number());
    let floor = Facet::Floor(claim.channel).number();
    let mut weighed = Weighed::default();
    for word in words.iter().copied() {
        let number = facet_of(word);
        if let Some((cause, relation)) = Facet::hold_of(number) {
            if relation == Relation::ALL || relation == claim.relation {
                weighed.hold(cause, end_of(word));
            }
        } else if removed == Some(number) {
            weighed.removed_ends = end_of(word);
        } else if since == Some(number) {
            weighed.is_issued_before = second_of(word) >= u64::from(claim.issued_at.get());
        } else if floor == number {
            weighed.is_unbound = match claim.epoch {
                Some(epoch) => epoch_of(word) >= u64::from(epoch),
                None => raised_at(word) >= u64::from(claim.issued_at.get()),
            };
        }
    }
    weighed
}

impl Weighed {
    fn hold(&mut self, cause: Cause, end: u64) {
        let ends = match cause {
            Cause::Pending => &mut self.pending_ends,
            Cause::Holder | Cause::Hotline | Cause::Operator => &mut self.frozen_ends,
        };
        *ends = end.max(*ends);
    }

    /// A freeze comes first, then a pending enrolment, the member, the device.
    ///
    /// # Errors
    /// What refuses.
    pub(crate) fn judge(&self, now: UnixMillis) -> Result<(), Refused> {
        let today = u64::from(Day::of(now).get());
        if self.frozen_ends > today {
            return Err(Refused::Frozen);
        }
        if self.pending_ends > today {
            return Err(Refused::NotReady);
        }
        if self.removed_ends > today || self.is_issued_before {
            return Err(Refused::MemberRemoved);
        }
        if self.is_unbound { Err(Refused::DeviceUnbound) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;

    fn judged(entries: &[(&str, &str)], relation: u8) -> Result<(), Refused> {
        judged_at_epoch(entries, relation, Some(3))
    }

    fn judged_at_epoch(
        entries: &[(&str, &str)],
        relation: u8,
        epoch: Option<u16>,
    ) -> Result<(), Refused> {
        let words: Vec<u64> = entries
            .iter()
            .map(|(facet, value)| Entry::parse(facet, value).unwrap().word())
            .collect();
        let claim = Claim {
            subject: Subject::new(42).unwrap(),
            relation: Relation::new(relation).unwrap(),
            channel: "wechat".parse().unwrap(),
            epoch,
            issued_at: IssuedAt::new(1_000),
        };
        weigh(&words, &claim).judge("2026-12-12T23:59:59+08:00".parse().unwrap())
    }

    #[test]
    fn a_hold_is_of_its_relation_or_of_all_through_its_last_day() {
        assert_eq!(judged(&[], 0), Ok(()));
        assert_eq!(judged(&[("hotline.0", "2026-12-12")], 3), Err(Refused::Frozen));
        assert_eq!(judged(&[("hotline.0", "2026-12-11")], 3), Ok(()));
        assert_eq!(judged(&[("holder.2", "-")], 2), Err(Refused::Frozen));
        assert_eq!(judged(&[("holder.2", "-")], 3), Ok(()));
        assert_eq!(judged(&[("holder.2", "-")], 0), Ok(()));
        let two = [("hotline.0", "2026-12-12"), ("holder.0", "2026-01-01")];
        assert_eq!(judged(&two, 0), Err(Refused::Frozen), "the last day of any counts");
    }

    #[test]
    fn only_pending_is_not_ready() {
        assert_eq!(judged(&[("pending.0", "-")], 0), Err(Refused::NotReady));
        assert_eq!(judged(&[("pending.0", "-"), ("operator.0", "-")], 0), Err(Refused::Frozen));
    }

    #[test]
    fn a_member_is_refused_while_removed_and_for_what_was_issued_before() {
        assert_eq!(judged(&[("removed.1", "-")], 1), Err(Refused::MemberRemoved));
        assert_eq!(judged(&[("removed.1", "-")], 0), Ok(()));
        assert_eq!(judged(&[("since.1", "1000")], 1), Err(Refused::MemberRemoved));
        assert_eq!(judged(&[("since.1", "999")], 1), Ok(()));
    }

    #[test]
    fn the_epoch_must_be_above_the_channels_floor() {
        assert_eq!(judged(&[("floor.wechat", "3 0")], 0), Err(Refused::DeviceUnbound));
        assert_eq!(judged(&[("floor.wechat", "2 9")], 0), Ok(()));
        assert_eq!(judged(&[("floor.alipay", "3 0")], 0), Ok(()));
        assert_eq!(
            judged(&[("floor.wechat", "3 0"), ("removed.1", "-")], 1),
            Err(Refused::MemberRemoved)
        );
    }

    #[test]
    fn a_pass_was_made_after_the_channels_floor_rose() {
        let judged = |floor| judged_at_epoch(&[("floor.wechat", floor)], 0, None);
        assert_eq!(judged("9 999"), Ok(()));
        assert_eq!(judged("9 1000"), Err(Refused::DeviceUnbound));
    }
}
