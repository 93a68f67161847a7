//! The store may be set back once to an earlier state and go on from there, and a watch may lose
//! one event. Does the node believe that it is up to date while it is not? Does it forget what it
//! held? All histories of a small size are searched. The node is [`Follower`]; a rule is left out by
//! what it is told.

use std::collections::{BTreeSet, HashSet};

use super::{Asked, Follower, Found, Place, Shown, Step};
use crate::random_id::RandomId;

const CHANGES_MAX: usize = 4;
const NONCES: u8 = 6;
const LIFE: RandomId = RandomId::of(7);

#[derive(Copy, Clone, Eq, PartialEq)]
enum Rule {
    All,
    /// An answer counts by its version alone.
    Nonce,
    /// A watch begins behind the change that is held.
    FirstEvent,
    /// Everything is loaded where another change stands.
    MismatchLoads,
    /// Versions are not counted.
    Versions,
}

#[derive(Clone, Eq, PartialEq, Hash)]
struct World {
    /// Nonces of the store's changes; the place is the version.
    log: Vec<u8>,
    /// Nonces of what we applied; `None`: a change that we were not told.
    ours: Vec<Option<u8>>,
    follower: Follower,
    /// The place of the next event.
    watch: Option<usize>,
    poll: Option<Poll>,
    new: u8,
    was_set_back: bool,
    has_lost: bool,
    held: BTreeSet<u8>,
    /// The node found that the store was set back: it admits nothing any more.
    is_stopped: bool,
}

#[derive(Clone, Eq, PartialEq, Hash)]
struct Poll {
    /// What the store had when we asked, as many changes as the version says.
    version: usize,
    read: Option<Vec<u8>>,
}

fn place(version: usize, nonce: Option<u8>) -> Place {
    let nonce = RandomId::of(nonce.map_or(u128::MAX, u128::from));
    let revision = i64::try_from(version).unwrap();
    Place { version: u64::try_from(version).unwrap(), revision, nonce }
}

fn last(log: &[u8]) -> Place {
    place(log.len(), log.last().copied())
}

fn start() -> World {
    World {
        log: vec![0],
        ours: vec![Some(0)],
        follower: Follower::loaded(1, LIFE, place(1, Some(0)), 3),
        watch: None,
        poll: None,
        new: 1,
        was_set_back: false,
        has_lost: false,
        held: BTreeSet::from([0]),
        is_stopped: false,
    }
}

impl World {
    fn load(&mut self) {
        self.ours = self.log.iter().copied().map(Some).collect();
        self.follower = Follower::loaded(1, LIFE, last(&self.log), 3);
        self.watch = None;
        self.poll = None;
    }

    fn apply(&mut self, change: Place, nonce: Option<u8>) {
        self.ours.push(nonce);
        self.is_stopped = self.follower.applied(change).is_err();
    }

    fn store_steps(&self) -> Vec<Self> {
        let mut next = Vec::new();
        if self.log.len() < CHANGES_MAX && self.new < NONCES {
            let mut world = self.clone();
            world.log.push(self.new);
            world.new += 1;
            next.push(world);
        }
        if !self.was_set_back {
            next.extend((1..self.log.len()).map(|kept| Self {
                log: self.log[..kept].to_vec(),
                watch: None,
                was_set_back: true,
                ..self.clone()
            }));
        }
        next
    }

    fn open_watch(&self, rule: Rule) -> Option<Self> {
        let mut world = self.clone();
        let at = self.ours.len();
        world.follower.watch_opened();
        if rule == Rule::FirstEvent {
            assert_eq!(world.follower.delivered(Some(self.follower.place())), Step::Verified);
            world.watch = Some(at);
            return Some(world);
        }
        let nonce = *self.log.get(at - 1)?;
        match world.follower.delivered(Some(place(at, Some(nonce)))) {
            Step::Verified => world.watch = Some(at),
            Step::SetBack(_) if rule == Rule::MismatchLoads => world.load(),
            Step::SetBack(_) => world.is_stopped = true,
            step => panic!("{step:?} is no answer to the first event"),
        }
        Some(world)
    }

    fn watch_steps(&self, rule: Rule) -> Vec<Self> {
        let Some(at) = self.watch else { return self.open_watch(rule).into_iter().collect() };
        let mut next = vec![Self { watch: None, ..self.clone() }];
        let Some(&nonce) = self.log.get(at) else { return next };
        if !self.has_lost {
            next.push(Self { watch: Some(at + 1), has_lost: true, ..self.clone() });
        }
        let mut world = self.clone();
        world.watch = Some(at + 1);
        if rule == Rule::Versions {
            // What is missing is made up.
            while world.ours.len() < at {
                let made_up = place(world.ours.len() + 1, None);
                assert_eq!(world.follower.delivered(Some(made_up)), Step::Apply);
                world.apply(made_up, None);
            }
        }
        let change = place(at + 1, Some(nonce));
        match world.follower.delivered(Some(change)) {
            Step::Apply => world.apply(change, Some(nonce)),
            Step::Gap => world.load(),
            step => panic!("{step:?} is no answer to a later event"),
        }
        next.push(world);
        next
    }

    /// `Err`: the node believes that it is up to date, and is not.
    fn poll_step(&self, rule: Rule) -> Result<Self, ()> {
        let mut world = self.clone();
        let Some(poll) = world.poll.take() else {
            world.poll = Some(Poll { version: self.ours.len(), read: None });
            return Ok(world);
        };
        let Some(read) = poll.read else {
            world.poll = Some(Poll { read: Some(self.log.clone()), ..poll });
            return Ok(world);
        };
        let mut shown = last(&read);
        if rule == Rule::Nonce
            && let Some(ours) = self.ours.get(read.len() - 1)
        {
            shown.nonce = place(read.len(), *ours).nonce;
        }
        let asked = Asked { version: u64::try_from(poll.version).unwrap(), member: 0, at_ns: 0 };
        let shown = Shown { cluster: 1, revision: 0, last: Some(shown), life: Some(LIFE) };
        match world.follower.answered(asked, &shown) {
            Found::Fresh(_) if !world.is_up_to_date(&read) => Err(()),
            // The model knows a proof at once or never; what waits is searched as a later answer.
            Found::Ahead(_) => Ok(Self { follower: self.follower.clone(), ..world }),
            Found::SetBack(_) => Ok(Self { is_stopped: true, ..world }),
            _ => Ok(world),
        }
    }

    fn is_up_to_date(&self, read: &[u8]) -> bool {
        let read: Vec<Option<u8>> = read.iter().copied().map(Some).collect();
        let ours: BTreeSet<u8> = self.ours.iter().flatten().copied().collect();
        self.ours.starts_with(&read) && self.held.is_subset(&ours)
    }
}

/// How many states were searched; `None`: a history breaks the promise.
fn search(rule: Rule) -> Option<usize> {
    let mut seen = HashSet::from([start()]);
    let mut open = vec![start()];
    while let Some(world) = open.pop() {
        if world.is_stopped {
            continue;
        }
        let polled = world.poll_step(rule).ok()?;
        let steps = world.store_steps().into_iter().chain(world.watch_steps(rule)).chain([polled]);
        for mut next in steps {
            next.held.extend(next.ours.clone().into_iter().flatten());
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Some(seen.len())
}

#[test]
fn with_all_rules_the_node_is_up_to_date_when_it_believes_so() {
    assert!(search(Rule::All).is_some_and(|states| states > 1_000));
}

#[test]
fn each_rule_left_out_is_a_node_that_errs() {
    for rule in [Rule::Nonce, Rule::FirstEvent, Rule::MismatchLoads, Rule::Versions] {
        assert_eq!(search(rule), None);
    }
}
