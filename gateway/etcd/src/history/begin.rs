//! May everything be loaded from what the members show? It must not be less than was known.

use accounts::status::LoadReason;

use super::{Place, Shown, Sign};
use crate::random_id::RandomId;

/// What this node knew of the store when it last followed it.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct Known {
    pub(crate) cluster: u64,
    pub(crate) life: RandomId,
    pub(crate) place: Place,
    /// Nothing is admitted in this life again.
    pub(crate) is_set_back: bool,
}

/// What is to be done.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Begin {
    Load { life: RandomId, place: Place, is_another_life: bool },
    NoLife,
    SetBack(Sign),
}

/// `there` is what the store holds now at the place that was known: `None` if it keeps that place
/// no more, `Some(None)` if it never had it.
pub(crate) fn judge(known: Option<Known>, shown: &Shown, there: Option<Option<Place>>) -> Begin {
    let (Some(life), Some(place)) = (shown.life, shown.last) else { return Begin::NoLife };
    let Some(known) = known else {
        return Begin::Load { life, place, is_another_life: false };
    };
    if known.life != life {
        return Begin::Load { life, place, is_another_life: true };
    }
    if known.is_set_back {
        return Begin::SetBack(Sign::Earlier);
    }
    if known.cluster != shown.cluster {
        return Begin::SetBack(Sign::OtherCluster);
    }
    if place.version < known.place.version {
        return Begin::SetBack(Sign::ShowsLess);
    }
    let is_other = there.is_some_and(|there| there != Some(known.place))
        || (place.version == known.place.version && place != known.place);
    if is_other {
        return Begin::SetBack(Sign::OtherChange);
    }
    Begin::Load { life, place, is_another_life: false }
}

impl Begin {
    /// Why it is loaded, if nothing else is known.
    pub(crate) fn reason(self, otherwise: LoadReason) -> LoadReason {
        match self {
            Self::Load { is_another_life: true, .. } => LoadReason::Life,
            _ => otherwise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(version: u64, nonce: u128) -> Place {
        let revision = i64::try_from(version).unwrap() + 100;
        Place { version, revision, nonce: RandomId::of(nonce) }
    }

    fn shown(cluster: u64, last: Place, life: u128) -> Shown {
        let revision = last.revision;
        Shown { cluster, revision, last: Some(last), life: Some(RandomId::of(life)) }
    }

    fn known(is_set_back: bool) -> Option<Known> {
        Some(Known { cluster: 1, life: RandomId::of(7), place: place(5, 50), is_set_back })
    }

    #[test]
    fn less_than_was_known_is_never_loaded_in_the_same_life() {
        let judged = |shown: Shown, there| judge(known(false), &shown, there);
        let is_loaded = |begin| matches!(begin, Begin::Load { is_another_life: false, .. });
        assert!(is_loaded(judged(shown(1, place(5, 50), 7), None)));
        assert!(is_loaded(judged(shown(1, place(6, 60), 7), Some(Some(place(5, 50))))));
        let set_back = |sign| Begin::SetBack(sign);
        let earlier = shown(1, place(4, 40), 7);
        assert_eq!(judged(earlier, None), set_back(Sign::ShowsLess));
        assert_eq!(judged(shown(2, place(6, 60), 7), None), set_back(Sign::OtherCluster));
        assert_eq!(judged(shown(1, place(5, 51), 7), None), set_back(Sign::OtherChange));
        let overtaken = shown(1, place(6, 60), 7);
        assert_eq!(judged(overtaken, Some(Some(place(5, 51)))), set_back(Sign::OtherChange));
        assert_eq!(judged(overtaken, Some(None)), set_back(Sign::OtherChange));
        assert_eq!(judge(known(true), &overtaken, None), set_back(Sign::Earlier));
    }

    #[test]
    fn another_life_is_loaded_and_none_is_not() {
        let other = shown(2, place(1, 1), 8);
        let begin = judge(known(true), &other, None);
        assert_eq!(begin.reason(LoadReason::Start), LoadReason::Life);
        assert_eq!(judge(None, &other, None).reason(LoadReason::Gap), LoadReason::Gap);
        let dead = Shown { life: None, ..other };
        assert_eq!(judge(known(false), &dead, None), Begin::NoLife);
        assert_eq!(judge(None, &dead, None), Begin::NoLife);
    }
}
