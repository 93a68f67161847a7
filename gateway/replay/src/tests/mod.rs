//! The table against plain models: a map of what was spent, and the queue that a path is.

mod model;
mod passes;
mod reservations;
mod retention;
mod sharing;

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use clock::{Clock, Hand};
use keyring::code::{CodeIdentity, IssuedAt, KeyId, Serial};
use keyring::time::UnixMillis;
use keyring::verify::TimeRules;

use crate::replay::{RedeemError, Redemption, Replay, ReplayError};
use crate::single_use::{Codes, Retention};
use crate::table::{PATH_LINES, Table};

const T: u32 = 1_800_000_000;

fn seconds(issued_at_s: u32) -> UnixMillis {
    UnixMillis::from_seconds(i64::from(issued_at_s))
}

fn rules(skew_s: u32) -> TimeRules {
    TimeRules { skew_ms: i64::from(skew_s) * 1_000, display_days: 180 }
}

fn code(issued_at_s: u32, serial: u64) -> CodeIdentity {
    let key_id = KeyId::new(7001).expect("not zero");
    CodeIdentity { key_id, issued_at: IssuedAt::new(issued_at_s), serial: Serial::new(serial) }
}

/// A table, a clock and a setting.
struct Node {
    replay: Replay,
    clock: Clock,
    hand: Hand,
    rules: TimeRules,
}

impl Node {
    /// The clock stands well before `T`.
    fn new(slots: usize, skew_s: u32) -> Self {
        let replay = Replay::new(slots, None).expect("a small table");
        let (clock, hand) = Clock::hand_set(seconds(T - 1_000));
        Self { replay, clock, hand, rules: rules(skew_s) }
    }

    /// Presents the code now.
    fn redeem(&self, code: CodeIdentity) -> Result<Redemption, RedeemError> {
        self.redeem_judged(code, self.clock.now())
    }

    fn redeem_judged(
        &self,
        code: CodeIdentity,
        judged_at: UnixMillis,
    ) -> Result<Redemption, RedeemError> {
        self.replay.redeem(&code, judged_at, &self.rules, &self.clock)
    }

    /// Fills the one line of a table of eight slots with codes of one second, at the first moment
    /// at which they are accepted.
    fn fill(&self, issued_at_s: u32) {
        self.hand.set(seconds(issued_at_s).plus_ms(-self.rules.skew_ms));
        for serial in 0..8 {
            assert!(self.redeem(code(issued_at_s, serial)).is_ok());
        }
        assert_eq!(self.redeem(code(issued_at_s, 8)).err(), Some(RedeemError::Full));
    }
}

#[test]
fn seventy_nine_seconds_later_the_slots_are_not_free() {
    for skew_s in 0..=10 {
        let node = Node::new(8, skew_s);
        node.fill(T);
        node.hand.set(seconds(T + 79 + 59 + skew_s));
        assert_eq!(node.redeem(code(T + 79, 9)).err(), Some(RedeemError::Full), "{skew_s}");
    }
}

#[test]
fn eighty_seconds_later_the_slots_are_free_at_the_first_moment() {
    for skew_s in 0..=10 {
        let node = Node::new(8, skew_s);
        node.fill(T);
        node.hand.set(seconds(T + 80 - skew_s));
        assert!(node.redeem(code(T + 80, 9)).is_ok(), "{skew_s}");
        assert_eq!(node.redeem(code(T + 80, 9)).err(), Some(RedeemError::Used), "{skew_s}");
    }
}

/// Only with the largest skew are two codes 79 s apart in their time at one moment.
#[test]
fn seventy_nine_seconds_earlier_a_code_in_its_time_is_not_over() {
    let node = Node::new(8, 10);
    node.fill(T);
    assert_eq!(node.redeem(code(T - 79, 9)).err(), Some(RedeemError::Full));
}

/// A code that was judged in its time and then paused: found over by the slots alone.
#[test]
fn eighty_seconds_earlier_a_code_is_over() {
    for skew_s in 0..=10 {
        let node = Node::new(8, skew_s);
        node.fill(T);
        let judged_at = seconds(T - 80);
        let outcome = node.redeem_judged(code(T - 80, 9), judged_at);
        assert_eq!(outcome.err(), Some(RedeemError::Expired), "{skew_s}");
        let outcome = node.redeem_judged(code(T - 79, 9), judged_at);
        assert_eq!(outcome.err(), Some(RedeemError::Full), "{skew_s}");
    }
}

#[test]
fn a_code_is_spent_to_the_last_millisecond_of_its_life() {
    for skew_s in 0..=10 {
        let node = Node::new(64, skew_s);
        let end = seconds(T + 60 + skew_s);
        node.hand.set(end.plus_ms(-1));
        assert!(node.redeem(code(T, 1)).is_ok(), "{skew_s}");
        assert_eq!(node.redeem(code(T, 1)).err(), Some(RedeemError::Used), "{skew_s}");
        node.hand.advance(1);
        assert_eq!(node.redeem(code(T, 2)).err(), Some(RedeemError::Expired), "{skew_s}");
    }
}

#[test]
fn a_code_that_ends_between_judgement_and_swap_is_expired_and_spent() {
    let node = Node::new(64, 2);
    node.hand.set(seconds(T + 62));
    let judged_at = seconds(T + 61);
    let outcome = node.redeem_judged(code(T, 1), judged_at);
    assert_eq!(outcome.err(), Some(RedeemError::Expired));
    assert!(node.replay.remembers(&code(T, 1)));
}

#[test]
fn another_threads_mark_ends_a_code_as_the_clock_does() {
    let node = Node::new(64, 2);
    node.hand.set(seconds(T));
    assert!(node.redeem_judged(code(T + 50, 1), seconds(T + 62)).is_ok());
    assert_eq!(node.redeem(code(T, 2)).err(), Some(RedeemError::Expired));
    assert_eq!(node.replay.high_water_mark(), seconds(T + 62));
}

#[test]
fn the_fence_refuses_what_an_earlier_table_may_have_known() {
    let (clock, _hand) = Clock::hand_set(seconds(T));
    let replay = Replay::new(64, Some(IssuedAt::new(T - 10))).expect("a small table");
    let redeem = |code: CodeIdentity| replay.redeem(&code, clock.now(), &rules(2), &clock);
    assert_eq!(redeem(code(T - 10, 1)).err(), Some(RedeemError::WarmingUp));
    assert!(redeem(code(T - 9, 1)).is_ok());
    assert_eq!(redeem(code(T - 62, 1)).err(), Some(RedeemError::Expired));
    assert_eq!(replay.fence(), Some(IssuedAt::new(T - 10)));
}

#[test]
fn a_released_code_may_be_redeemed_once_more() {
    let node = Node::new(64, 2);
    node.hand.set(seconds(T));
    let redemption = node.redeem(code(T, 1)).expect("fresh");
    assert_eq!(redemption.identity(), code(T, 1));
    assert!(node.replay.remembers(&code(T, 1)));
    assert!(node.replay.release(redemption));
    assert!(!node.replay.remembers(&code(T, 1)));
    let _second = node.redeem(code(T, 1)).expect("given back");
    assert_eq!(node.redeem(code(T, 1)).err(), Some(RedeemError::Used));
    assert_eq!(node.replay.releases(), 1);
}

#[test]
fn a_release_after_the_slot_went_to_a_younger_code_does_nothing() {
    let node = Node::new(8, 2);
    node.hand.set(seconds(T));
    let late = node.redeem(code(T, 1)).expect("fresh");
    node.fill(T + 80);
    assert!(!node.replay.release(late));
    assert_eq!(node.redeem(code(T + 80, 0)).err(), Some(RedeemError::Used));
    assert_eq!(node.replay.releases(), 0);
}

/// Released slots count as living: freeing them would forget codes that passed them.
#[test]
fn a_released_slot_is_free_to_its_own_code_alone() {
    let node = Node::new(8, 2);
    node.hand.set(seconds(T));
    let redemption = node.redeem(code(T, 100)).expect("fresh");
    for serial in 0..7 {
        assert!(node.redeem(code(T, serial)).is_ok());
    }
    assert!(node.replay.release(redemption));
    assert_eq!(node.redeem(code(T, 101)).err(), Some(RedeemError::Full));
    assert!(node.redeem(code(T, 100)).is_ok());
}

#[test]
fn spent_codes_are_remembered_past_their_life() {
    let node = Node::new(64, 2);
    node.hand.set(seconds(T));
    assert!(node.redeem(code(T, 1)).is_ok());
    node.hand.set(seconds(T + 3_600));
    assert!(node.replay.remembers(&code(T, 1)));
    assert!(!node.replay.remembers(&code(T, 2)));
    assert_eq!(node.redeem(code(T, 1)).err(), Some(RedeemError::Expired));
}

#[test]
fn entries_counts_the_living() {
    let node = Node::new(1_024, 2);
    node.hand.set(seconds(T));
    for serial in 0..300 {
        assert!(node.redeem(code(T, serial)).is_ok());
    }
    assert_eq!(node.replay.entries(seconds(T + 79)), 300);
    assert_eq!(node.replay.entries(seconds(T + 80)), 0);
}

#[test]
fn capacity_is_rounded_up_to_lines() {
    let sizes = [(0, 8), (1, 8), (8, 8), (9, 16), (1_000, 1_000)];
    for (asked, given) in sizes {
        let replay = Replay::<Codes>::new(asked, None).expect("a small table");
        assert_eq!((replay.capacity(), replay.bytes()), (given, given * 8), "{asked}");
    }
}

#[test]
fn impossible_memory_is_an_error() {
    let error = Replay::<Codes>::new(usize::MAX, None).err();
    assert!(matches!(error, Some(ReplayError::Memory { slots: usize::MAX })));
}

#[derive(Clone, Debug)]
enum Step {
    Pass {
        ms: u32,
    },
    /// A new code, issued this long ago; it is presented now and was judged a while before.
    New {
        age_s: u32,
        paused_ms: u32,
    },
    /// One of the codes seen before.
    Again {
        which: prop::sample::Index,
    },
    Release {
        which: prop::sample::Index,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<prop::sample::Index>;
    prop_oneof![
        2 => (0..20_000_u32).prop_map(|ms| Step::Pass { ms }),
        4 => (0..63_u32, prop_oneof![3 => Just(0), 1 => 0..30_000_u32])
            .prop_map(|(age_s, paused_ms)| Step::New { age_s, paused_ms }),
        4 => which().prop_map(|which| Step::Again { which }),
        1 => which().prop_map(|which| Step::Release { which }),
    ]
}

/// A node beside a plain map of which codes are spent.
struct Twin {
    node: Node,
    seen: Vec<CodeIdentity>,
    spent: HashMap<CodeIdentity, Redemption>,
}

impl Twin {
    fn new(slots: usize) -> Self {
        Self { node: Node::new(slots, 2), seen: Vec::new(), spent: HashMap::new() }
    }

    /// Takes a step. Returns the answer to the code, if the step presented one.
    fn take(&mut self, step: &Step) -> Option<(CodeIdentity, Result<(), RedeemError>)> {
        let now = self.node.clock.now();
        match step {
            Step::Pass { ms } => self.node.hand.advance(*ms),
            Step::New { age_s, paused_ms } => {
                let issued_at_s = u32::try_from(now.seconds()).expect("positive") - age_s;
                let code = code(issued_at_s, u64::try_from(self.seen.len()).expect("few"));
                self.seen.push(code);
                return Some(self.present(code, now.plus_ms(-i64::from(*paused_ms))));
            }
            Step::Again { which } if !self.seen.is_empty() => {
                return Some(self.present(*which.get(&self.seen), now));
            }
            Step::Release { which } if !self.seen.is_empty() => {
                let redemption = self.spent.remove(which.get(&self.seen));
                redemption.map(|redemption| self.node.replay.release(redemption));
            }
            Step::Again { .. } | Step::Release { .. } => {}
        }
        None
    }

    fn present(
        &mut self,
        code: CodeIdentity,
        judged_at: UnixMillis,
    ) -> (CodeIdentity, Result<(), RedeemError>) {
        let answer = self.node.redeem_judged(code, judged_at).map(|redemption| {
            let earlier = self.spent.insert(code, redemption);
            assert!(earlier.is_none(), "{code} was spent twice");
        });
        (code, answer)
    }

    fn is_over(&self, code: &CodeIdentity) -> bool {
        let ms = self.node.clock.now().ms_since(code.issued_at.millis());
        ms >= 60_000 + self.node.rules.skew_ms
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// With enough room every answer is the map's answer.
    #[test]
    fn answers_are_those_of_a_map(steps in prop::collection::vec(step(), 1..200)) {
        let mut twin = Twin::new(8_192);
        for step in &steps {
            let spent_before: HashSet<_> = twin.spent.keys().copied().collect();
            let Some((code, answer)) = twin.take(step) else { continue };
            let expected = match (twin.is_over(&code), spent_before.contains(&code)) {
                (false, false) => Ok(()),
                (false, true) => Err(RedeemError::Used),
                (true, _) => Err(RedeemError::Expired),
            };
            prop_assert_eq!(answer, expected, "{}", code);
        }
    }

    /// One line hardly ever has room, and no code is forgotten for that. The twin asserts that no
    /// code is spent twice, and a table that says full is full.
    #[test]
    fn a_crowded_table_refuses_but_never_forgets(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut twin = Twin::new(8);
        for step in &steps {
            if let Some((code, Err(RedeemError::Full))) = twin.take(step) {
                prop_assert_eq!(twin.node.replay.entries(code.issued_at.millis()), 8);
            }
        }
    }
}

#[test]
fn threads_that_race_for_the_same_codes_share_them_out() {
    let (threads, codes) = if cfg!(miri) { (2, 20) } else { (4, 20_000) };
    let node = Node::new(65_536, 2);
    node.hand.set(seconds(T));
    let run = || (0..codes).filter(|serial| node.redeem(code(T, *serial)).is_ok()).count();
    let total = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).sum::<usize>()
    });
    assert_eq!(u64::try_from(total), Ok(codes));
}

/// The chance that `lines` lines in a row are all full, when random codes hold `load` of all slots.
/// The lines are a queue that serves eight a step (Knuth, vol. 3, 6.4).
fn chance_of_full_path(load: f64, lines: usize) -> f64 {
    const QUEUE: usize = 400;
    let mean = load * 8.0;
    let mut poisson = vec![(-mean).exp()];
    for k in 1..QUEUE + 8 {
        let k_f = f64::from(u32::try_from(k).expect("small"));
        poisson.push(poisson[k - 1] * mean / k_f);
    }
    // `queue[q]`: the chance that q codes overflow into the next line.
    let next = |queue: &[f64], still_full: bool| -> Vec<f64> {
        let mut after = vec![0.0; QUEUE];
        for (q, chance) in queue.iter().enumerate() {
            for (arrivals, arrive) in poisson.iter().enumerate().take(QUEUE + 8 - q) {
                match (q + arrivals).checked_sub(8) {
                    Some(rest) if rest < QUEUE => after[rest] += chance * arrive,
                    None if !still_full => after[0] += chance * arrive,
                    _ => {}
                }
            }
        }
        after
    };
    let mut queue = vec![0.0; QUEUE];
    queue[0] = 1.0;
    for _ in 0..60 {
        queue = next(&queue, false);
    }
    for _ in 0..lines {
        queue = next(&queue, true);
    }
    queue.iter().sum()
}

#[test]
#[cfg_attr(miri, ignore = "millions of multiplications")]
fn a_path_is_never_full_at_the_planned_load() {
    assert!(chance_of_full_path(0.6, PATH_LINES) < 1e-24);
    assert!(chance_of_full_path(0.8, PATH_LINES) < 1e-4);
}

/// A table under steady traffic does a little better than the queue predicts. A code that was
/// pushed on stays there when room comes up before it, which evens the lines out.
#[test]
#[cfg_attr(miri, ignore = "a hundred thousand claims")]
fn displacement_at_the_planned_load_is_no_more_than_foretold() {
    const LINES: usize = 4_096;
    const PER_SECOND: u64 = 246;
    let table = Table::<Codes>::on_heap(LINES * 8, None, [9; 16]).expect("a small table");
    let mut beyond = [0_u32; 6];
    let mut counted = 0_u32;
    for second in 0..600_u32 {
        for serial in 0..PER_SECOND {
            let identity = code(T + second, serial).to_bytes();
            let place = table.place(&identity, T + second);
            let claim = table.claim(&place).expect("room at the planned load");
            if i64::from(second) < 2 * Codes::REMEMBER_S {
                continue;
            }
            counted += 1;
            let lines = (claim.line + LINES - place.home) % LINES;
            beyond.iter_mut().take(lines).for_each(|count| *count += 1);
        }
    }
    for (lines, count) in (1..).zip(beyond) {
        let seen = f64::from(count) / f64::from(counted);
        let foretold = chance_of_full_path(0.6, lines);
        let noise = 30.0 / f64::from(counted);
        assert!(seen < foretold + noise, "{lines}: {seen} but {foretold} foretold");
        assert!(seen + noise > foretold / 10.0, "{lines}: {seen} but {foretold} foretold");
    }
}
