//! Messages under way, by the names that their clients gave them.
//!
//! A hospital system that got no answer reverses its settlement by the settlement's own id (冲正,
//! infno 2601). While the settlement still runs here, such a reversal could reach the platform first
//! and find nothing. Then the settlement would stand, and no client would know. So the reversal of a
//! message that is under way is refused, and comes again.
//!
//! Each process knows its own messages alone. A reversal that reaches another node, or the successor
//! in an upgrade, is not held.

use std::hash::RandomState;

use dashmap::{DashMap, Entry};
use record::MessageNames;

/// Parts of the map with a lock each, so that two workers seldom meet.
const PARTS: usize = 256;

/// How many requests are under way with a message. Entries are as many as these requests.
#[derive(Debug)]
pub struct MessagesUnderWay(DashMap<Box<str>, u32>);

impl Default for MessagesUnderWay {
    fn default() -> Self {
        Self(DashMap::with_hasher_and_shard_amount(RandomState::new(), PARTS))
    }
}

impl MessagesUnderWay {
    /// One more request with this message. A message without an id is not entered.
    pub(crate) fn enter(&self, names: &MessageNames) {
        if let Some(key) = key(names, names.msgid.as_deref()) {
            *self.0.entry(key).or_insert(0) += 1;
        }
    }

    /// A request that was entered has its outcome.
    pub(crate) fn leave(&self, names: &MessageNames) {
        let Some(key) = key(names, names.msgid.as_deref()) else { return };
        if let Entry::Occupied(mut entered) = self.0.entry(key) {
            *entered.get_mut() -= 1;
            if *entered.get() == 0 {
                entered.remove();
            }
        }
    }

    /// Whether the message that this one reverses is under way, from the same institution.
    pub(crate) fn is_reversed_early(&self, names: &MessageNames) -> bool {
        key(names, names.omsgid.as_deref()).is_some_and(|key| self.0.contains_key(&key))
    }
}

/// The institution and the message. Neither holds a blank, so no two pairs have one text.
pub(super) fn key(names: &MessageNames, msgid: Option<&str>) -> Option<Box<str>> {
    let institution = names.institution.as_deref().unwrap_or_default();
    Some(format!("{institution} {}", msgid?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settles(institution: Option<&str>, msgid: &str) -> MessageNames {
        let institution = institution.map(Into::into);
        MessageNames { institution, msgid: Some(msgid.into()), ..MessageNames::default() }
    }

    fn reverses(institution: Option<&str>, omsgid: &str) -> MessageNames {
        let omsgid = Some(omsgid.into());
        MessageNames { omsgid, ..settles(institution, "R") }
    }

    #[test]
    fn a_message_is_not_reversed_while_any_request_with_it_is_under_way() {
        let messages = MessagesUnderWay::default();
        let (settlement, reversal) = (settles(Some("H1"), "M1"), reverses(Some("H1"), "M1"));
        assert!(!messages.is_reversed_early(&reversal));
        messages.enter(&settlement);
        messages.enter(&settlement);
        messages.leave(&settlement);
        assert!(messages.is_reversed_early(&reversal));
        messages.leave(&settlement);
        assert!(!messages.is_reversed_early(&reversal));
        assert!(messages.0.is_empty(), "nothing is kept of what has ended");
    }

    #[test]
    fn another_institution_or_another_message_is_not_held() {
        let messages = MessagesUnderWay::default();
        messages.enter(&settles(Some("H1"), "M1"));
        messages.enter(&settles(None, "M2"));
        for (institution, omsgid, is_held) in [
            (Some("H1"), "M1", true),
            (Some("H1"), "M2", false),
            (Some("H2"), "M1", false),
            (None, "M1", false),
            (None, "M2", true),
        ] {
            let reversal = reverses(institution, omsgid);
            assert_eq!(messages.is_reversed_early(&reversal), is_held, "{reversal:?}");
        }
        assert!(!messages.is_reversed_early(&settles(Some("H1"), "M1")), "it reverses nothing");
    }
}
