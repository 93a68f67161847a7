//! Follows one history: what is applied, and what the members' answers prove of it.

use std::collections::VecDeque;

use super::{Place, Shown, Sign};
use crate::{
    limits::{ANSWERS_WAITING, NONCES_KEPT},
    random_id::RandomId,
};

/// One place of the history, and all that is known of the places before it.
#[derive(Clone, Eq, PartialEq, Hash, Debug)]
pub(crate) struct Follower {
    cluster: u64,
    life: RandomId,
    members: usize,
    place: Place,
    /// Nonces of the changes up to ours, the newest last.
    nonces: VecDeque<RandomId>,
    /// Did the watch show the change that is held?
    is_verified: bool,
    waiting: Vec<Waiting>,
    /// The member that showed less than it must, or another cluster, and was the last to answer.
    doubtful: Option<usize>,
}

/// An answer that is ahead of what is applied.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
struct Waiting {
    at_ns: i64,
    version: u64,
    nonce: RandomId,
}

/// A question to a member: what it must at least show.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) member: usize,
    /// The moment of sending.
    pub(crate) at_ns: i64,
    pub(super) version: u64,
}

/// What an answer says.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Found {
    /// All that was acknowledged before this moment is applied.
    Fresh(i64),
    /// It will say that when this version is applied.
    Ahead(u64),
    Nothing,
    NoLife,
    OtherLife,
    SetBack(Sign),
}

/// What is to be done with a change that the watch delivers.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Step {
    /// It is the one that is held.
    Verified,
    Apply,
    /// A change is missing: load everything.
    Gap,
    SetBack(Sign),
}

impl Follower {
    /// Everything was loaded as of `place`. `members` are configured.
    pub(crate) fn loaded(cluster: u64, life: RandomId, place: Place, members: usize) -> Self {
        let nonces = VecDeque::from([place.nonce]);
        let (waiting, doubtful) = (Vec::new(), None);
        Self { cluster, life, members, place, nonces, is_verified: false, waiting, doubtful }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn life(&self) -> RandomId {
        self.life
    }

    pub(crate) fn cluster(&self) -> u64 {
        self.cluster
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// A watch is opened from the revision of the change that is held.
    pub(crate) fn watch_opened(&mut self) {
        self.is_verified = false;
    }

    /// The watch delivers a change; `None`: what it delivers first is no change of this program.
    pub(crate) fn delivered(&mut self, change: Option<Place>) -> Step {
        if !self.is_verified {
            if change != Some(self.place) {
                return Step::SetBack(Sign::OtherChange);
            }
            self.is_verified = true;
            return Step::Verified;
        }
        match change {
            Some(change) if change.version == self.place.version + 1 => Step::Apply,
            _ => Step::Gap,
        }
    }

    /// The change that was to be applied is applied. `Some`: what waited for it is proved.
    ///
    /// # Errors
    /// An answer showed another change at this place.
    pub(crate) fn applied(&mut self, change: Place) -> Result<Option<i64>, Sign> {
        self.place = change;
        self.nonces.push_back(change.nonce);
        if self.nonces.len() > NONCES_KEPT {
            self.nonces.pop_front();
        }
        let mut proved = None;
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.version > self.place.version {
                self.waiting.push(waiting);
            } else if self.nonce_of(waiting.version) == Some(waiting.nonce) {
                proved = proved.max(Some(waiting.at_ns));
            } else {
                return Err(Sign::OtherChange);
            }
        }
        Ok(proved)
    }

    /// A question is sent now. Its answer must show what is held now.
    pub(crate) fn ask(&self, member: usize, at_ns: i64) -> Asked {
        Asked { member, at_ns, version: self.place.version }
    }

    /// A member answered.
    pub(crate) fn answered(&mut self, asked: Asked, shown: &Shown) -> Found {
        let ours = Some(self.life);
        if shown.cluster != self.cluster {
            return match (self.doubt(asked.member), shown.life) {
                (false, _) => Found::Nothing,
                (true, None) => Found::NoLife,
                (true, life) if life != ours => Found::OtherLife,
                (true, _) => Found::SetBack(Sign::OtherCluster),
            };
        }
        match shown.life {
            None => return Found::NoLife,
            life if life != ours => return Found::OtherLife,
            _ => {}
        }
        let last = match shown.last {
            Some(last) if last.version >= asked.version => last,
            _ if self.doubt(asked.member) => return Found::SetBack(Sign::ShowsLess),
            _ => return Found::Nothing,
        };
        self.doubtful = None;
        if last.version > self.place.version {
            self.wait(Waiting { at_ns: asked.at_ns, version: last.version, nonce: last.nonce });
            return Found::Ahead(last.version);
        }
        match self.nonce_of(last.version) {
            None => Found::Nothing,
            Some(nonce) if nonce == last.nonce => Found::Fresh(asked.at_ns),
            Some(_) => Found::SetBack(Sign::OtherChange),
        }
    }

    fn wait(&mut self, waiting: Waiting) {
        if self.waiting.len() >= ANSWERS_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push(waiting);
    }

    /// The second member in turn decides; one alone may have been emptied or set up wrongly.
    fn doubt(&mut self, member: usize) -> bool {
        let is_second = self.doubtful.is_some_and(|first| first != member || self.members == 1);
        self.doubtful = self.doubtful.or(Some(member));
        is_second
    }

    /// `None`: it is not kept any more.
    fn nonce_of(&self, version: u64) -> Option<RandomId> {
        let back = usize::try_from(self.place.version.checked_sub(version)?).ok()?;
        self.nonces.iter().rev().nth(back).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: u64 = 1;

    fn life() -> RandomId {
        RandomId::of(7)
    }

    fn place(version: u64, nonce: u128) -> Place {
        let revision = i64::try_from(version).unwrap();
        Place { version, revision, nonce: RandomId::of(nonce) }
    }

    fn shown(last: Place) -> Shown {
        let (revision, last) = (last.revision, Some(last));
        Shown { cluster: CLUSTER, revision, last, life: Some(life()) }
    }

    fn follower() -> Follower {
        Follower::loaded(CLUSTER, life(), place(5, 50), 3)
    }

    #[test]
    fn an_answer_counts_from_its_sending_when_its_change_is_applied() {
        let mut follower = follower();
        let asked = follower.ask(0, 1_000);
        assert_eq!(follower.answered(asked, &shown(place(5, 50))), Found::Fresh(1_000));
        let asked = follower.ask(1, 2_000);
        assert_eq!(follower.answered(asked, &shown(place(6, 60))), Found::Ahead(6));
        follower.watch_opened();
        assert_eq!(follower.delivered(Some(place(5, 50))), Step::Verified);
        assert_eq!(follower.delivered(Some(place(6, 60))), Step::Apply);
        assert_eq!(follower.applied(place(6, 60)), Ok(Some(2_000)));
        let late = follower.ask(2, 3_000);
        assert_eq!(follower.delivered(Some(place(7, 70))), Step::Apply);
        assert_eq!(follower.applied(place(7, 70)), Ok(None));
        assert_eq!(follower.answered(late, &shown(place(6, 60))), Found::Fresh(3_000));
    }

    #[test]
    fn two_members_in_turn_show_a_store_that_was_set_back() {
        let mut follower = follower();
        let mut answered = |member, version, nonce| {
            let asked = follower.ask(member, 0);
            follower.answered(asked, &shown(place(version, nonce)))
        };
        assert_eq!(answered(0, 4, 40), Found::Nothing);
        assert_eq!(answered(0, 4, 40), Found::Nothing);
        assert_eq!(answered(1, 5, 50), Found::Fresh(0));
        assert_eq!(answered(2, 4, 40), Found::Nothing);
        assert_eq!(answered(0, 4, 40), Found::SetBack(Sign::ShowsLess));
        assert_eq!(answered(1, 5, 51), Found::SetBack(Sign::OtherChange));
    }

    #[test]
    fn another_cluster_counts_by_two_members_and_never_proves() {
        let mut follower = follower();
        let other = Shown { cluster: 2, ..shown(place(5, 50)) };
        let ask = |follower: &Follower, member| follower.ask(member, 0);
        let asked = ask(&follower, 0);
        assert_eq!(follower.answered(asked, &other), Found::Nothing);
        let asked = ask(&follower, 1);
        assert_eq!(follower.answered(asked, &other), Found::SetBack(Sign::OtherCluster));
        let begun = Shown { life: Some(RandomId::of(8)), ..other };
        assert_eq!(follower.answered(asked, &begun), Found::OtherLife);
        let dead = Shown { life: None, ..shown(place(5, 50)) };
        assert_eq!(follower.answered(asked, &dead), Found::NoLife);
    }

    #[test]
    fn a_missing_or_repeated_change_is_a_gap_and_another_first_one_a_set_back() {
        let mut follower = follower();
        assert_eq!(follower.delivered(Some(place(5, 51))), Step::SetBack(Sign::OtherChange));
        assert_eq!(follower.delivered(None), Step::SetBack(Sign::OtherChange));
        assert_eq!(follower.delivered(Some(place(5, 50))), Step::Verified);
        assert_eq!(follower.delivered(Some(place(7, 70))), Step::Gap);
        assert_eq!(follower.delivered(Some(place(5, 50))), Step::Gap);
    }
}
