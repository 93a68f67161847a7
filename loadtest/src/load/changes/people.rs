//! Which change comes next: people with no change under way, frozen ones that may be lifted.

use crate::judge::accounts::{Accounts, CHANNELS};
use crate::judge::law::account::Operation;
use crate::rng::Rng;

/// Of so many freezes, one is of an account that is frozen already.
const AGAIN_OF: u64 = 8;
/// How often another person is drawn, if the first cannot be changed now.
const DRAWS: usize = 32;

/// What the writers know of all people.
pub(super) struct People {
    people: Vec<State>,
    held_ns: u64,
    rng: Rng,
}

/// What the writers know of a person.
#[derive(Copy, Clone, Debug, Default)]
struct State {
    is_busy: bool,
    hold: Option<Hold>,
}

/// A freeze that holds.
#[derive(Copy, Clone, Debug)]
struct Hold {
    /// Its number; `None` if a later copy of the request may have given it another one.
    number: Option<u64>,
    /// It was sent once, so no copy can have given it a newer number.
    is_newest: bool,
    since_ns: u64,
    /// The number of the freeze before it.
    old: Option<u64>,
}

/// A change that is to be sent.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Next {
    pub(super) person: usize,
    pub(super) operation: Operation,
    /// The number of the freeze to lift.
    pub(super) freeze: Option<u64>,
    /// It names a freeze that a later one has replaced, so it must be refused.
    pub(super) is_old: bool,
    /// A copy of the freeze that was sent before may have given it a newer number.
    pub(super) may_be_newer: bool,
}

impl Next {
    fn new(person: usize, operation: Operation) -> Self {
        Self { person, operation, freeze: None, is_old: false, may_be_newer: false }
    }
}

impl People {
    pub(super) fn new(count: usize, held_ns: u64, rng: Rng) -> Self {
        Self { people: vec![State::default(); count], held_ns, rng }
    }

    /// The next freeze; `None` if no one is free for it.
    pub(super) fn freeze(&mut self) -> Option<Next> {
        let is_again = self.rng.below(AGAIN_OF) == 0;
        let person = self
            .draw(|state| is_again == state.hold.is_some())
            .or_else(|| self.draw(|state| state.hold.is_none_or(|hold| hold.number.is_none())))?;
        Some(Next::new(person, Operation::Freeze))
    }

    /// The next lift, of the freeze that has held longest. First comes a lift of an old number.
    pub(super) fn lift(&mut self, now_ns: u64) -> Option<Next> {
        let until_ns = now_ns.checked_sub(self.held_ns)?;
        let held = self.people.iter().enumerate().filter(|(_, state)| !state.is_busy);
        let ripe = held.filter_map(|(person, state)| Some((state.hold?, person)));
        let ripe = ripe.filter(|(hold, _)| hold.since_ns <= until_ns && hold.number.is_some());
        let (hold, person) = ripe.min_by_key(|(hold, _)| hold.since_ns)?;
        let state = self.people.get_mut(person)?;
        state.is_busy = true;
        let old = state.hold.as_mut().and_then(|hold| hold.old.take());
        let (freeze, is_old) = (old.or(hold.number), old.is_some());
        let may_be_newer = !hold.is_newest;
        Some(Next { freeze, is_old, may_be_newer, ..Next::new(person, Operation::Lift) })
    }

    /// The next unbind.
    pub(super) fn unbind(&mut self, accounts: &Accounts) -> Option<Next> {
        let person = self.draw(|_| true)?;
        let channel = self.rng.place(CHANNELS);
        let epoch = accounts.next_epoch(person, channel);
        Some(Next::new(person, Operation::Unbind { channel, epoch }))
    }

    /// Notes that a freeze holds under this number.
    pub(super) fn note_frozen(
        &mut self,
        person: usize,
        number: Option<u64>,
        is_newest: bool,
        now_ns: u64,
    ) {
        let Some(state) = self.people.get_mut(person) else { return };
        let old = state.hold.and_then(|hold| hold.number);
        state.hold = Some(Hold { number, is_newest, since_ns: now_ns, old });
        state.is_busy = false;
    }

    /// Notes that a freeze does not hold any more.
    pub(super) fn note_lifted(&mut self, person: usize) {
        if let Some(state) = self.people.get_mut(person) {
            *state = State::default();
        }
    }

    /// Notes that the number of a freeze is not known. It can only be frozen anew.
    pub(super) fn note_unknown(&mut self, person: usize) {
        if let Some(state) = self.people.get_mut(person) {
            state.hold = state.hold.map(|hold| Hold { number: None, ..hold });
            state.is_busy = false;
        }
    }

    /// Notes that a change is over that leaves the freeze as it was.
    pub(super) fn note_free(&mut self, person: usize) {
        if let Some(state) = self.people.get_mut(person) {
            state.is_busy = false;
        }
    }

    /// Draws a person who is not busy, and is so from now on.
    fn draw(&mut self, is_such: impl Fn(&State) -> bool) -> Option<usize> {
        for _ in 0..DRAWS {
            let person = self.rng.place(self.people.len());
            let state = self.people.get_mut(person)?;
            if !state.is_busy && is_such(state) {
                state.is_busy = true;
                return Some(person);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(count: usize) -> People {
        People::new(count, 1_000, Rng::new(1))
    }

    #[test]
    fn a_person_has_one_change_under_way() {
        let mut people = people(2);
        let mut drawn = [people.freeze().unwrap().person, people.freeze().unwrap().person];
        drawn.sort_unstable();
        assert_eq!(drawn, [0, 1]);
        assert_eq!(people.freeze(), None);
        assert_eq!(people.unbind(&Accounts::default()), None);
        people.note_free(0);
        assert_eq!(people.unbind(&Accounts::default()).unwrap().person, 0);
    }

    #[test]
    fn the_freeze_that_held_longest_is_lifted_by_its_number_when_it_held_long_enough() {
        let mut people = people(2);
        assert!(people.freeze().is_some() && people.freeze().is_some());
        people.note_frozen(1, Some(8), true, 5_000);
        people.note_frozen(0, Some(9), true, 6_000);
        assert_eq!(people.lift(5_999), None);
        let lift = people.lift(9_000).unwrap();
        assert_eq!((lift.person, lift.freeze, lift.is_old), (1, Some(8), false));
        people.note_lifted(1);
        assert_eq!(people.lift(9_000).unwrap().person, 0);
        assert_eq!(people.lift(9_000), None);
    }

    #[test]
    fn an_old_number_is_tried_once_before_the_new_one() {
        let mut people = people(1);
        people.freeze().unwrap();
        people.note_frozen(0, Some(8), true, 0);
        people.note_frozen(0, Some(9), true, 10);
        let old = people.lift(5_000).unwrap();
        assert_eq!((old.freeze, old.is_old), (Some(8), true));
        people.note_free(0);
        let new = people.lift(5_000).unwrap();
        assert_eq!((new.freeze, new.is_old), (Some(9), false));
    }

    #[test]
    fn a_freeze_of_unknown_number_is_only_frozen_anew() {
        let mut people = people(1);
        people.freeze().unwrap();
        people.note_frozen(0, Some(8), true, 0);
        people.note_unknown(0);
        assert_eq!(people.lift(9_000), None);
        assert_eq!(people.freeze().unwrap().person, 0);
    }
}
