//! What a phone knows.

use keyring::code::Region;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::password::PasswordHash;

/// Phones at most: each person has one at first, and there is room for new ones.
pub(in crate::cli::sandbox::pages) const PHONES_MAX: usize = 15;
/// Members of a family account at most.
pub(in crate::cli::sandbox::pages) const MEMBERS_MAX: usize = 5;
/// How far the clock of a phone may be off, in seconds: behind and ahead.
const CLOCK_OFF_S: std::ops::RangeInclusive<i32> = -120..=3_600;

/// A phone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::sandbox::pages) struct Phone {
    /// From 1.
    pub(in crate::cli::sandbox::pages) id: u8,
    /// Absent: the code is not activated on it.
    pub(in crate::cli::sandbox::pages) activation: Option<Activation>,
    /// How far its clock is ahead, in seconds.
    pub(in crate::cli::sandbox::pages) clock_ahead_s: i32,
}

/// The code on a phone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::sandbox::pages) struct Activation {
    /// Whose code it is.
    pub(in crate::cli::sandbox::pages) person: u8,
    /// Of the issuer's key.
    pub(in crate::cli::sandbox::pages) channel: String,
    /// Grows with each activation of this person and channel.
    pub(in crate::cli::sandbox::pages) epoch: u16,
    /// The place of insurance, six digits. Absent: not chosen yet.
    pub(in crate::cli::sandbox::pages) region: Option<String>,
    /// Absent: none was set.
    pub(in crate::cli::sandbox::pages) password: Option<PasswordHash>,
    /// Whose code it shows: 0 is the holder's, 1 to 5 a member's.
    pub(in crate::cli::sandbox::pages) shown_relation: u8,
}

/// A person's family account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::sandbox::pages) struct Family {
    pub(in crate::cli::sandbox::pages) person: u8,
    /// Of the newest activation; 0: there was none. It is kept when all begins afresh, because the
    /// gateway never lowers what it refuses.
    pub(in crate::cli::sandbox::pages) last_epoch: u16,
    pub(in crate::cli::sandbox::pages) members: Vec<Member>,
}

/// A member of a family account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::sandbox::pages) struct Member {
    /// 1 to 5.
    pub(in crate::cli::sandbox::pages) relation: u8,
    pub(in crate::cli::sandbox::pages) name: String,
}

impl Phone {
    pub(super) const fn blank(id: u8) -> Self {
        Self { id, activation: None, clock_ahead_s: 0 }
    }

    /// Whether what the file says can be.
    pub(super) fn is_sound(&self) -> bool {
        let of_activation = |one: &Activation| {
            let is_region = |text: &String| text.parse::<Region>().is_ok();
            super::Person::of(one.person).is_some()
                && one.epoch > 0
                && usize::from(one.shown_relation) <= MEMBERS_MAX
                && one.region.as_ref().is_none_or(is_region)
        };
        Self::is_clock(self.clock_ahead_s) && self.activation.as_ref().is_none_or(of_activation)
    }

    /// What a page may know of it: never a password.
    pub(in crate::cli::sandbox::pages) fn shown(&self) -> Value {
        let activation = self.activation.as_ref().map(|one| {
            json!({
                "person": one.person,
                "channel": one.channel,
                "epoch": one.epoch,
                "region": one.region,
                "has_password": one.password.is_some(),
                "shown_relation": one.shown_relation,
            })
        });
        json!({ "id": self.id, "activation": activation, "clock_ahead_s": self.clock_ahead_s })
    }

    /// Whether a clock may be so far ahead.
    pub(in crate::cli::sandbox::pages) fn is_clock(ahead_s: i32) -> bool {
        CLOCK_OFF_S.contains(&ahead_s)
    }
}

impl Family {
    pub(super) fn is_sound(&self) -> bool {
        let is_relation = |one: &Member| (1..=MEMBERS_MAX).contains(&usize::from(one.relation));
        let is_once = |one: &Member| {
            self.members.iter().filter(|other| other.relation == one.relation).count() == 1
        };
        super::Person::of(self.person).is_some()
            && self.members.len() <= MEMBERS_MAX
            && self.members.iter().all(|one| is_relation(one) && is_once(one))
    }
}
