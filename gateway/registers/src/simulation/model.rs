//! The specification of condition 4 as an exhaustive model of small size: a change of layout from
//! the registers {0, 1, 2} to {0, 1, 3}, one gateway with the old layout, one with the new, one code.
//! A port of the design's own model; times are whole numbers.

use std::collections::HashSet;

/// When the new layout votes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Opens {
    /// At each register as soon as that has adopted it.
    Each,
    /// When a majority of the old registers has adopted it, for codes issued after that moment.
    Majority,
}

const REGISTERS: usize = 4;
const LAYOUTS: [[usize; 3]; 2] = [[0, 1, 2], [0, 1, 3]];
/// How long a code lives.
const LIFE: u8 = 3;

#[derive(Copy, Clone, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    /// When each register adopted the new layout.
    adopted: [Option<u8>; REGISTERS],
    /// Which gateway was first there.
    keys: [Option<u8>; REGISTERS],
    gateways: [Phase; 2],
    issued: Option<u8>,
}

#[derive(Copy, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// Bits of registers.
    Claims {
        votes: u8,
        asked: u8,
    },
    Forwards,
}

impl State {
    fn next(self, opens: Opens, time_max: u8, push: &mut impl FnMut(Self)) {
        if self.now < time_max {
            push(Self { now: self.now + 1, ..self });
        }
        if self.issued.is_none() {
            push(Self { issued: Some(self.now), ..self });
        }
        for register in LAYOUTS[1] {
            if self.adopted[register].is_none() {
                let mut adopted = self.adopted;
                adopted[register] = Some(self.now);
                push(Self { adopted, ..self });
            }
        }
        let Some(issued) = self.issued else { return };
        for gateway in 0..2 {
            self.act(gateway, issued, opens, push);
        }
    }

    fn act(self, gateway: usize, issued: u8, opens: Opens, push: &mut impl FnMut(Self)) {
        match self.gateways[gateway] {
            Phase::Idle if (issued..issued + LIFE).contains(&self.now) => {
                push(self.goes(gateway, Phase::Claims { votes: 0, asked: 0 }, self.keys));
            }
            Phase::Claims { votes, asked } => {
                for register in LAYOUTS[gateway] {
                    let bit = 1 << register;
                    if asked & bit != 0 {
                        continue;
                    }
                    let is_free = self.keys[register].is_none();
                    let mut keys = self.keys;
                    keys[register].get_or_insert(u8::try_from(gateway).unwrap());
                    let is_vote = is_free && self.is_vote(gateway, register, issued, opens);
                    let votes = votes | if is_vote { bit } else { 0 };
                    let phase = Phase::Claims { votes, asked: asked | bit };
                    push(self.goes(gateway, phase, keys));
                }
                if votes.count_ones() >= 2 {
                    push(self.goes(gateway, Phase::Forwards, self.keys));
                }
            }
            Phase::Idle | Phase::Forwards => {}
        }
    }

    fn goes(self, gateway: usize, phase: Phase, keys: [Option<u8>; REGISTERS]) -> Self {
        let mut gateways = self.gateways;
        gateways[gateway] = phase;
        Self { now: self.now, adopted: self.adopted, keys, gateways, issued: self.issued }
    }

    fn is_vote(self, gateway: usize, register: usize, issued: u8, opens: Opens) -> bool {
        let Some(born) = self.adopted[register] else { return gateway == 0 };
        if gateway == 0 || issued <= born {
            return false;
        }
        let mut old: Vec<u8> = LAYOUTS[0].iter().filter_map(|one| self.adopted[*one]).collect();
        old.sort_unstable();
        opens == Opens::Each || old.get(1).is_some_and(|opened| issued > *opened)
    }
}

/// How many states there are, and whether in one of them both gateways forward the code.
fn search(opens: Opens, time_max: u8) -> (usize, bool) {
    let first = State {
        now: 0,
        adopted: [None; REGISTERS],
        keys: [None; REGISTERS],
        gateways: [Phase::Idle; 2],
        issued: None,
    };
    let mut seen = HashSet::from([first]);
    let mut open = vec![first];
    while let Some(state) = open.pop() {
        if state.gateways == [Phase::Forwards; 2] {
            return (seen.len(), true);
        }
        state.next(opens, time_max, &mut |state| {
            if seen.insert(state) {
                open.push(state);
            }
        });
    }
    (seen.len(), false)
}

#[test]
fn a_layout_that_votes_register_by_register_spends_twice() {
    assert!(search(Opens::Each, 5).1);
}

#[test]
fn a_layout_that_opens_with_a_majority_of_the_old_one_does_not() {
    let (states, is_broken) = search(Opens::Majority, 3);
    assert!(!is_broken);
    assert!(states > 10_000, "{states}");
}
