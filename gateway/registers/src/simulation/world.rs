//! Deterministic simulation: gateways and registers by seeded schedules. After each step no code
//! may have been forwarded twice, nor any after its end of life. Passes and opaque codes are shown
//! in flavours of their own; what is said of codes is meant of them too.
//!
//! Everything random comes from the seed: which code is shown where, which command arrives when,
//! which connection breaks and whether what was on it arrives late, who is paused, crashes, starts
//! empty or with any state of before, evicts, whose clock is off, when the layout changes. `Flavour`s are where to look: each
//! makes some of it likelier.
//!
//! `YANMA_SIMULATION_SEEDS=100000 cargo test -p registers simulation` runs longer.
//! When a recorded seed finds nothing any more, `each_condition_is_needed` looks for the next one
//! and names it.

use std::collections::HashSet;

use keyring::time::UnixMillis;

use super::{
    code::{Code, Kind, SKEW_MS},
    dice::Dice,
    gateway::{Gateway, Groups, Step},
    register::{Command, Register},
};
use crate::protocol::conditions::{Condition, Conditions};

/// How long a claim has.
pub(super) const TIMEOUT_MS: i64 = 200;
const START_MS: i64 = 1_800_000_000_000;
const STEPS: usize = 700;
const CODES: usize = 3;

/// Where a schedule looks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Three registers, and a little of everything.
    Mixed,
    /// Five registers.
    Five,
    /// Registers lose their memory.
    Loss,
    /// Registers start again with what their memory was before: a dump, a part of a log, a copy.
    Files,
    /// Time passes in long strides: keys expire, gateways sleep.
    Strides,
    /// Clocks are off by more than a minute.
    Clocks,
    /// Backends cannot be reached, and give-backs are late.
    GiveBack,
    /// The registers change from {0, 1, 2} to {0, 1, 3}, gateway by gateway.
    Epoch,
    /// Two groups.
    Groups,
    /// A register that evicts.
    Eviction,
    /// Passes, which live for 15 minutes, and registers that lose their memory.
    Passes,
    /// Opaque codes, whose age is not known, and registers that lose their memory.
    Opaque,
}

const FLAVOURS: [Flavour; 12] = [
    Flavour::Mixed,
    Flavour::Five,
    Flavour::Loss,
    Flavour::Files,
    Flavour::Strides,
    Flavour::Clocks,
    Flavour::GiveBack,
    Flavour::Epoch,
    Flavour::Groups,
    Flavour::Eviction,
    Flavour::Passes,
    Flavour::Opaque,
];

impl Flavour {
    /// Whether registers often lose their memory.
    fn loses(self) -> bool {
        matches!(self, Self::Loss | Self::Passes | Self::Opaque)
    }
}

/// What went wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Twice,
    Late,
}

pub(super) struct World {
    dice: Dice,
    flavour: Flavour,
    conditions: Conditions,
    pub(super) now: UnixMillis,
    pub(super) registers: Vec<Register>,
    pub(super) gateways: Vec<Gateway>,
    codes: Vec<Code>,
    /// Commands of connections that are gone.
    late: Vec<(usize, Command)>,
    forwarded: HashSet<usize>,
    /// Gateways that were started, so that no two have an attempt in common.
    starts: u128,
    /// Runs of registers' servers.
    processes: u64,
    is_late: bool,
}

impl World {
    pub(super) fn new(flavour: Flavour, conditions: Conditions, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let now = UnixMillis::new(START_MS);
        let count: u64 = match flavour {
            Flavour::Epoch => 4,
            Flavour::Five => 5,
            Flavour::Groups => 6,
            _ => 3,
        };
        let ahead_ms = |dice: &mut Dice| match flavour {
            Flavour::Clocks if dice.one_in(2) => -80_000,
            _ => dice.within(-400, 400),
        };
        let registers = (1..=count)
            .map(|number| {
                let ahead_ms = ahead_ms(&mut dice);
                let evicts = flavour == Flavour::Eviction && dice.one_in(2);
                Register::new(ahead_ms, evicts, number)
            })
            .collect();
        let gateways = 2 + usize::from(dice.one_in(2));
        let clocks: Vec<i64> = (0..gateways).map(|_| ahead_ms(&mut dice)).collect();
        let mut world = Self {
            dice,
            flavour,
            conditions,
            now,
            registers,
            gateways: Vec::new(),
            codes: Vec::new(),
            late: Vec::new(),
            forwarded: HashSet::new(),
            starts: 0,
            processes: count,
            is_late: false,
        };
        for (id, ahead_ms) in clocks.into_iter().enumerate() {
            let gateway = world.gateway(id, ahead_ms, false);
            world.gateways.push(gateway);
        }
        world
    }

    pub(super) fn gateway(&mut self, id: usize, ahead_ms: i64, is_new: bool) -> Gateway {
        let count = self.registers.len();
        let (groups, old_groups) = match self.flavour {
            Flavour::Epoch if is_new => (vec![vec![0, 1, 3]], vec![vec![0, 1, 2]]),
            Flavour::Epoch => (vec![vec![0, 1, 2]], vec![]),
            Flavour::Groups => (vec![vec![0, 1, 2], vec![3, 4, 5]], vec![]),
            _ => (vec![(0..count).collect()], vec![]),
        };
        let groups = Groups { epoch: if is_new { 2 } else { 1 }, groups, old_groups };
        self.starts += 1;
        Gateway::new(self.conditions, &groups, (id, ahead_ms), count, self.starts << 64)
    }

    fn run(flavour: Flavour, conditions: Conditions, seed: u64) -> Result<(), Broken> {
        let mut world = Self::new(flavour, conditions, seed);
        // Memory begins, and 15 s pass, before the first payment.
        for gateway in 0..world.gateways.len() {
            world.exchange_all(gateway);
            world.exchange_all(gateway);
        }
        world.now = world.now.plus_ms(30_000);
        for _ in 0..STEPS {
            world.step()?;
        }
        if world.is_late { Err(Broken::Late) } else { Ok(()) }
    }

    fn step(&mut self) -> Result<(), Broken> {
        self.pass_time();
        let gateway = self.dice.below(self.gateways.len());
        let register = self.dice.below(self.registers.len());
        match self.dice.below(100) {
            0..16 => self.show_a_code(gateway),
            16..30 => self.gateways[gateway].flush(self.now, register),
            30..44 => self.obey_some(gateway, register),
            44..58 => self.hear_some(gateway, register),
            58..64 => self.exchange_all(gateway),
            64..76 => self.conclude_one(gateway),
            76..84 => self.forward_one(gateway)?,
            84..88 => self.tick(gateway),
            88..91 => self.break_line(gateway, register),
            91..93 => self.arrive_late(),
            93..96 => self.trouble_a_register(register),
            96..98 => self.cut_or_mend(gateway, register),
            _ => self.restart(gateway),
        }
        self.gateways[gateway].end_overdue(self.now);
        if self.dice.one_in(4) {
            self.tick(gateway);
        }
        Ok(())
    }

    fn pass_time(&mut self) {
        let strides = match self.flavour {
            Flavour::Strides | Flavour::Clocks => 25,
            Flavour::Epoch | Flavour::Loss | Flavour::Files => 60,
            Flavour::Passes | Flavour::Opaque => 60,
            _ => 200,
        };
        let ms = if self.dice.one_in(strides) {
            match self.flavour {
                Flavour::Strides | Flavour::Clocks => self.dice.within(1_000, 125_000),
                // Past the end of a code's claim, and mostly not of a pass's.
                Flavour::Passes => self.dice.within(1_000, 240_000),
                Flavour::Opaque => self.dice.within(1_000, 60_000),
                _ => self.dice.within(1_000, 20_000),
            }
        } else {
            self.dice.within(0, 15)
        };
        self.now = self.now.plus_ms(ms);
    }

    /// Mostly one of few codes that many have seen, sometimes a new one.
    fn show_a_code(&mut self, gateway: usize) {
        let is_new = self.codes.len() < CODES || self.dice.one_in(30);
        if is_new {
            let ahead_ms = self.dice.within(-SKEW_MS / 2, SKEW_MS / 2);
            let (kind, ahead_ms) = match self.flavour {
                Flavour::Passes => (Kind::Pass, ahead_ms),
                Flavour::Opaque => (Kind::Opaque, 0),
                _ => (Kind::Code, ahead_ms),
            };
            let issued_s = self.now.plus_ms(ahead_ms).seconds();
            self.codes.push(Code { number: self.codes.len(), issued_s, kind });
        }
        let back = self.dice.below(CODES.min(self.codes.len()));
        let code = &self.codes[self.codes.len() - 1 - back];
        self.gateways[gateway].request(self.now, code);
    }

    pub(super) fn obey_one(&mut self, gateway: usize, register: usize) {
        let line = &mut self.gateways[gateway].lines[register];
        let server = &mut self.registers[register];
        if server.is_paused || line.is_cut {
            return;
        }
        if let Some((place, command)) = line.to.pop_front() {
            let answer = server.obey(self.conditions, self.now, &command);
            line.back.insert(place, answer);
        }
    }

    fn obey_some(&mut self, gateway: usize, register: usize) {
        // One at a time, so that a loss comes between two of one batch.
        let more = if self.flavour.loses() { 0 } else { self.dice.below(4) };
        for _ in 0..=more {
            self.obey_one(gateway, register);
        }
    }

    fn hear_some(&mut self, gateway: usize, register: usize) {
        for _ in 0..=self.dice.below(4) {
            self.gateways[gateway].hear(self.now, register);
        }
    }

    /// Time passes for a worker, which gives silent connections up.
    pub(super) fn tick(&mut self, gateway: usize) {
        for register in self.gateways[gateway].tick(self.now) {
            self.break_line(gateway, register);
        }
    }

    /// All that one gateway has under way goes through: what mostly happens.
    fn exchange_all(&mut self, gateway: usize) {
        for register in 0..self.registers.len() {
            // Losses and pauses come in between here and there, so not all registers are heard.
            if self.dice.one_in(4) {
                continue;
            }
            self.exchange(gateway, register);
        }
    }

    /// Turns of one connection: what was gathered, all its answers, and what follows from them.
    pub(super) fn exchange(&mut self, gateway: usize, register: usize) {
        for _ in 0..32 {
            self.gateways[gateway].flush(self.now, register);
            self.obey_one(gateway, register);
            self.gateways[gateway].hear(self.now, register);
        }
        self.tick(gateway);
    }

    fn one_of(&mut self, claims: &[usize]) -> Option<usize> {
        (!claims.is_empty()).then(|| claims[self.dice.below(claims.len())])
    }

    fn conclude_one(&mut self, gateway: usize) {
        let one = &self.gateways[gateway];
        let decided = |claim: &usize| one.is_decided(&one.claims[*claim]);
        let claims: Vec<usize> = (0..one.claims.len()).filter(decided).collect();
        if let Some(claim) = self.one_of(&claims) {
            self.is_late |= self.gateways[gateway].conclude(self.now, claim);
        }
    }

    fn forward_one(&mut self, gateway: usize) -> Result<(), Broken> {
        let claims = &self.gateways[gateway].claims;
        let is_cleared = |claim: &usize| claims[*claim].step == Step::Cleared;
        let cleared: Vec<usize> = (0..claims.len()).filter(is_cleared).collect();
        let Some(claim) = self.one_of(&cleared) else { return Ok(()) };
        let unreachable = if self.flavour == Flavour::GiveBack { 2 } else { 6 };
        if self.dice.one_in(unreachable) {
            self.gateways[gateway].cannot_forward(self.now, claim);
            return Ok(());
        }
        let claim = &mut self.gateways[gateway].claims[claim];
        claim.step = Step::Over;
        if self.forwarded.insert(claim.code) { Ok(()) } else { Err(Broken::Twice) }
    }

    fn break_line(&mut self, gateway: usize, register: usize) {
        for command in self.gateways[gateway].break_line(register) {
            // What the machine sends again on the next connection may arrive twice.
            if !self.dice.one_in(3) {
                self.late.push((register, command));
            }
        }
    }

    fn arrive_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let (register, command) = self.late.swap_remove(self.dice.below(self.late.len()));
        if !self.registers[register].is_paused {
            self.registers[register].obey(self.conditions, self.now, &command);
        }
    }

    fn trouble_a_register(&mut self, register: usize) {
        let is_likely = self.flavour.loses();
        let comes_back = match self.flavour {
            Flavour::Files => true,
            flavour if flavour.loses() => false,
            _ => self.dice.one_in(16),
        };
        if comes_back && self.registers[register].states() > 0 {
            return self.come_back(register);
        }
        let code = self.codes.len().saturating_sub(1 + self.dice.below(CODES));
        let server = &mut self.registers[register];
        match self.dice.below(4) {
            0 | 1 if is_likely => server.forget(),
            0 if self.dice.one_in(4) => server.forget(),
            1 if server.evicts => {
                if let Some(code) = self.codes.get(code) {
                    server.evict(format!("yanma:1:{}", code.identity()).as_bytes());
                }
            }
            _ => server.is_paused = !server.is_paused && self.dice.one_in(2),
        }
    }

    /// A crash and a new start with an older state. Every connection is another one then.
    pub(super) fn come_back(&mut self, register: usize) {
        let state = self.dice.below(self.registers[register].states());
        self.come_back_with(register, state);
    }

    pub(super) fn come_back_with(&mut self, register: usize, state: usize) {
        self.processes += 1;
        self.registers[register].come_back(state, self.processes);
        for gateway in 0..self.gateways.len() {
            self.break_line(gateway, register);
        }
    }

    fn cut_or_mend(&mut self, gateway: usize, register: usize) {
        let line = &mut self.gateways[gateway].lines[register];
        line.is_cut = !line.is_cut;
        if line.is_cut {
            self.break_line(gateway, register);
        } else {
            self.gateways[gateway].mend_line(register);
        }
    }

    /// A crash and a new start, in a change of layout with the new one, perhaps.
    fn restart(&mut self, gateway: usize) {
        if !self.dice.one_in(3) {
            return;
        }
        for register in 0..self.registers.len() {
            self.break_line(gateway, register);
        }
        let (ahead_ms, was_new) = (self.gateways[gateway].ahead_ms, self.gateways[gateway].is_new);
        let is_new = self.flavour == Flavour::Epoch && (was_new || self.dice.one_in(2));
        let mut new = self.gateway(gateway, ahead_ms, is_new);
        let cut = |line: &super::gateway::Line| line.is_cut;
        let mut is_cut: Vec<bool> = self.gateways[gateway].lines.iter().map(cut).collect();
        // The new layout may be cut off from a majority of the old registers for long.
        if is_new && self.dice.one_in(2) {
            for register in [1, 2] {
                is_cut[register] = true;
            }
        }
        for register in (0..is_cut.len()).filter(|register| is_cut[*register]) {
            new.lines[register].is_cut = true;
            new.break_line(register);
        }
        self.gateways[gateway] = new;
    }
}

/// The first seed that breaks the promise without these conditions.
fn first_broken(
    flavour: Flavour,
    without: &'static [Condition],
    seeds: impl Iterator<Item = u64>,
) -> Option<(u64, Broken)> {
    let mut seeds = seeds;
    seeds.find_map(|seed| Some((seed, World::run(flavour, Conditions { without }, seed).err()?)))
}

/// How many schedules of each flavour.
fn seeds() -> u64 {
    std::env::var("YANMA_SIMULATION_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

#[test]
fn no_schedule_forwards_twice_or_late() {
    for flavour in FLAVOURS {
        let broken = first_broken(flavour, &[], 0..seeds());
        assert_eq!(broken, None, "{flavour:?}");
    }
}

/// The table of conditions: what breaks when one is left out, and a seed that shows it. Condition 4,
/// which is about what operators do, has schedules of its own in [`super::change`]; condition 1, which
/// breaks only by a loss within one batch, has one in [`super::memory`].
const NEEDED: &[(u8, &[Condition], Flavour, Broken, u64)] = &[
    (2, &[Condition::Vacancy], Flavour::Mixed, Broken::Twice, 1),
    (2, &[Condition::SameLayout], Flavour::Epoch, Broken::Twice, 142),
    (2, &[Condition::Born], Flavour::Loss, Broken::Twice, 35),
    (2, &[Condition::Born], Flavour::Passes, Broken::Twice, 35),
    (2, &[Condition::Born], Flavour::Opaque, Broken::Twice, 136),
    (2, &[Condition::Kind], Flavour::Passes, Broken::Twice, 50),
    (2, &[Condition::Kind], Flavour::Opaque, Broken::Twice, 4108),
    // A deadline of at most 5 s covers for it; without both a code is spent again when its key has
    // expired.
    (2, &[Condition::EndOfLife, Condition::Deadline], Flavour::Strides, Broken::Twice, 520),
    (3, &[Condition::Rebirth], Flavour::Loss, Broken::Twice, 35),
    (5, &[Condition::SameProcess], Flavour::Files, Broken::Twice, 594),
    (5, &[Condition::Eligibility], Flavour::Eviction, Broken::Twice, 3542),
    (6, &[Condition::Deadline], Flavour::Strides, Broken::Late, 2),
    (7, &[Condition::NoGuess], Flavour::Mixed, Broken::Twice, 0),
    (8, &[Condition::Compare], Flavour::GiveBack, Broken::Twice, 1065),
    (9, &[Condition::SameGroup], Flavour::Groups, Broken::Twice, 14),
    (10, &[Condition::Clock], Flavour::Clocks, Broken::Twice, 6616),
];

#[test]
fn each_condition_is_needed() {
    let mut wrong = Vec::new();
    for (condition, without, flavour, kind, seed) in NEEDED {
        let is_kind =
            |seed: &u64| World::run(*flavour, Conditions { without }, *seed).as_ref() == Err(kind);
        if !is_kind(seed) {
            let next = (0..20_000).find(is_kind);
            wrong.push(format!("condition {condition} without {without:?}: {next:?}"));
        }
        assert_eq!(
            World::run(*flavour, Conditions::default(), *seed),
            Ok(()),
            "condition {condition}"
        );
    }
    assert!(wrong.is_empty(), "other seeds: {wrong:#?}");
    let shown: HashSet<u8> = NEEDED.iter().map(|(condition, ..)| *condition).collect();
    assert_eq!(shown.len(), 8);
}
