//! The protocol as an executable specification: a few requests for a few codes in a table of two
//! slots. The model searches every interleaving and every passing of time.
//!
//! Each clause of the protocol can be left out, and the tests show that each is needed. The clauses
//! name what `table` and `entry` do. Entries are judged by the very function that `table` calls.

mod passes;

use std::collections::HashSet;

use crate::entry::{Entry, Standing};
use crate::single_use::{Codes, Retention};

const SLOTS: usize = 2;
const CODES_MAX: usize = 3;
const REQUESTS_MAX: usize = 5;
const LIFE_S: i64 = 60;
const REMEMBER_S: i64 = Codes::REMEMBER_S;

/// The clauses. [`Protocol::BUILT`] is what is built.
#[derive(Copy, Clone)]
struct Protocol {
    /// What a found entry means. The flag is true if the code is over by the high-water mark.
    judge: fn(Entry, Entry, bool) -> Standing,
    takes_first_free: bool,
    judges_again_after_a_lost_swap: bool,
    time_after_the_swap: Time,
    raises_the_mark: bool,
    releases_in_place: bool,
    refuses_when_full: bool,
}

/// What a request reads after the swap, to see whether the code is over.
#[derive(Copy, Clone)]
enum Time {
    Nothing,
    /// The mark alone: the clock is read once, when the code is judged.
    Mark,
    MarkAndClock,
}

impl Protocol {
    const BUILT: Self = Self {
        judge: |mine, found, _| mine.judge::<Codes>(found),
        takes_first_free: true,
        judges_again_after_a_lost_swap: true,
        time_after_the_swap: Time::MarkAndClock,
        raises_the_mark: true,
        releases_in_place: true,
        refuses_when_full: true,
    };
}

#[derive(Copy, Clone)]
struct Code {
    issued_at_s: u32,
    home: usize,
}

#[derive(Copy, Clone)]
struct Request {
    code: usize,
    /// So many seconds before its issue second the code is accepted.
    early_s: i64,
    /// So many seconds after its issue second the code is over.
    life_s: i64,
    releases: bool,
}

impl Request {
    fn with_skew(self, skew_s: i64) -> Self {
        Self { early_s: skew_s, life_s: LIFE_S + skew_s, ..self }
    }
}

/// What went wrong in at least one run.
#[derive(Copy, Clone, Default, Eq, PartialEq, Debug)]
struct Flaws {
    spent_twice: bool,
    forwarded_late: bool,
    refused_in_time: bool,
}

const NONE: Flaws = Flaws { spent_twice: false, forwarded_late: false, refused_in_time: false };

/// How far a request has come. `step` counts slots along its path.
#[derive(Copy, Clone, Eq, PartialEq, Hash)]
enum Progress {
    Arrived,
    Judged { at_s: i64 },
    Loads { step: usize },
    Swaps { slot: usize, step: usize, found: Entry },
    Checks { slot: usize },
    Releases { slot: usize },
    Done,
}

#[derive(Copy, Clone, Eq, PartialEq, Hash)]
struct State {
    /// Index into the instants.
    now: usize,
    mark_s: i64,
    slots: [Entry; SLOTS],
    requests: [Progress; REQUESTS_MAX],
    /// Per code.
    forwarded: [u8; CODES_MAX],
}

struct Search<'a> {
    protocol: Protocol,
    codes: &'a [Code],
    requests: &'a [Request],
    /// The seconds at which anything changes for any request.
    instants_s: Vec<i64>,
    flaws: Flaws,
}

fn search(protocol: Protocol, codes: &[Code], requests: &[Request]) -> Flaws {
    let mut instants_s: Vec<i64> = requests
        .iter()
        .flat_map(|request| {
            let issued_at_s = i64::from(codes[request.code].issued_at_s);
            let end_s = issued_at_s + request.life_s;
            [issued_at_s - request.early_s, end_s - 1, end_s]
        })
        .collect();
    instants_s.sort_unstable();
    instants_s.dedup();
    let mut search = Search { protocol, codes, requests, instants_s, flaws: Flaws::default() };
    search.run();
    search.flaws
}

impl Search<'_> {
    fn run(&mut self) {
        let start = State {
            now: 0,
            mark_s: i64::MIN,
            slots: [Entry::EMPTY; SLOTS],
            requests: [Progress::Arrived; REQUESTS_MAX],
            forwarded: [0; CODES_MAX],
        };
        let mut seen = HashSet::from([start]);
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            for next in self.successors(&state) {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }

    /// Time passes, or one request takes one step.
    fn successors(&mut self, state: &State) -> Vec<State> {
        let mut successors = Vec::new();
        if state.now + 1 < self.instants_s.len() {
            successors.push(State { now: state.now + 1, ..*state });
        }
        for number in 0..self.requests.len() {
            if state.requests[number] != Progress::Done {
                let mut next = *state;
                next.requests[number] = self.advance(&mut next, number);
                successors.push(next);
            }
        }
        successors
    }

    fn advance(&mut self, state: &mut State, number: usize) -> Progress {
        let request = self.requests[number];
        let code = self.codes[request.code];
        let now_s = self.instants_s[state.now];
        let start_s = i64::from(code.issued_at_s) - request.early_s;
        let end_s = i64::from(code.issued_at_s) + request.life_s;
        match state.requests[number] {
            Progress::Arrived if now_s < start_s => Progress::Arrived,
            Progress::Arrived if now_s >= end_s => Progress::Done,
            Progress::Arrived => Progress::Judged { at_s: now_s },
            Progress::Judged { at_s } => {
                if self.protocol.raises_the_mark {
                    state.mark_s = state.mark_s.max(at_s);
                }
                Progress::Loads { step: 0 }
            }
            Progress::Loads { step } => self.load(state, request, step, now_s, end_s),
            Progress::Swaps { slot, step, found } if state.slots[slot] != found => {
                let again = self.protocol.judges_again_after_a_lost_swap;
                Progress::Loads { step: if again { step } else { step + 1 } }
            }
            Progress::Swaps { slot, .. } => {
                state.slots[slot] = self.entry(request);
                Progress::Checks { slot }
            }
            Progress::Checks { slot } => {
                let is_seen = match self.protocol.time_after_the_swap {
                    Time::Nothing => false,
                    Time::Mark => state.mark_s >= end_s,
                    Time::MarkAndClock => state.mark_s.max(now_s) >= end_s,
                };
                if is_seen { Progress::Done } else { self.go_on(state, request, slot, end_s) }
            }
            Progress::Releases { slot } => self.release(state, request, slot),
            Progress::Done => Progress::Done,
        }
    }

    fn load(
        &mut self,
        state: &State,
        request: Request,
        step: usize,
        now_s: i64,
        end_s: i64,
    ) -> Progress {
        let home = self.codes[request.code].home;
        if step >= SLOTS {
            let evicted = Progress::Swaps { slot: home, step: 0, found: state.slots[home] };
            return if self.protocol.refuses_when_full { Progress::Done } else { evicted };
        }
        let slot = (home + step) % SLOTS;
        let found = state.slots[slot];
        match (self.protocol.judge)(self.entry(request), found, state.mark_s >= end_s) {
            Standing::Spent => Progress::Done,
            Standing::Overtaken => {
                self.flaws.refused_in_time |= now_s < end_s;
                Progress::Done
            }
            Standing::Living => Progress::Loads { step: step + 1 },
            Standing::Free if self.protocol.takes_first_free => {
                Progress::Swaps { slot, step, found }
            }
            Standing::Free => {
                let is_empty = |slot: &usize| state.slots[*slot] == Entry::EMPTY;
                let slot = (0..SLOTS).find(is_empty).unwrap_or(slot);
                Progress::Swaps { slot, step, found: state.slots[slot] }
            }
        }
    }

    /// Forwards the request, and counts it.
    fn go_on(&mut self, state: &mut State, request: Request, slot: usize, end_s: i64) -> Progress {
        if request.releases {
            return Progress::Releases { slot };
        }
        self.flaws.forwarded_late |= self.instants_s[state.now] >= end_s;
        state.forwarded[request.code] += 1;
        self.flaws.spent_twice |= state.forwarded[request.code] > 1;
        Progress::Done
    }

    fn release(&self, state: &mut State, request: Request, slot: usize) -> Progress {
        let entry = self.entry(request);
        if state.slots[slot] == entry {
            let in_place = self.protocol.releases_in_place;
            state.slots[slot] = if in_place { entry.released() } else { Entry::EMPTY };
        }
        Progress::Done
    }

    fn entry(&self, request: Request) -> Entry {
        let tag = u64::try_from(request.code).expect("a small number");
        Entry::spent(self.codes[request.code].issued_at_s, tag)
    }
}

/// Issue seconds; all codes are at home in slot 0.
fn issued<const N: usize>(seconds: [u32; N]) -> [Code; N] {
    seconds.map(|issued_at_s| Code { issued_at_s, home: 0 })
}

/// One request for each code named, with the largest skew.
fn requests<const N: usize>(codes: [usize; N]) -> [Request; N] {
    codes.map(|code| Request { code, early_s: 0, life_s: 0, releases: false }.with_skew(10))
}

/// Of three requests for code 0 the first releases it.
fn with_a_release() -> [Request; 4] {
    let mut requests = requests([0, 0, 0, 1]);
    requests[0].releases = true;
    requests
}

/// A second in the middle of the range, so that codes may be issued before it.
const T: u32 = 1_000;
/// One turn of a counter of 22 bits.
const TURN: u32 = 1 << 22;

#[test]
fn the_protocol_as_built_has_no_flaw() {
    let built = Protocol::BUILT;
    for others in [[T + 80, T + 79], [T + 80, T + 160], [T - 80, T + 80], [T - 79, T + 1]] {
        let codes = issued([T, others[0], others[1]]);
        assert_eq!(search(built, &codes, &requests([0, 0, 1, 2])), NONE, "{others:?}");
        assert_eq!(search(built, &codes, &with_a_release()), NONE, "{others:?}");
    }
}

#[test]
fn five_requests_find_no_flaw() {
    let codes = issued([T, T + 80, T + 79]);
    assert_eq!(search(Protocol::BUILT, &codes, &requests([0, 0, 1, 1, 2])), NONE);
}

#[test]
fn two_homes_and_mixed_skews_have_no_flaw() {
    let mut codes = issued([T, T + 80, T + 79]);
    codes[1].home = 1;
    let mut requests = requests([0, 0, 1, 2]);
    requests[1] = requests[1].with_skew(0);
    requests[2] = requests[2].with_skew(0);
    assert_eq!(search(Protocol::BUILT, &codes, &requests), NONE);
}

#[test]
fn an_age_later_nothing_is_confused() {
    let half_turn = issued([T, T + TURN / 4 * 3]);
    assert_eq!(search(Protocol::BUILT, &half_turn, &requests([0, 0, 1, 1])), NONE);
    let turn = issued([T, T + TURN - 80, T + TURN]);
    assert_eq!(search(Protocol::BUILT, &turn, &requests([0, 1, 2, 2])), NONE);
}

/// A code that finds one issued 80 s later must not go on: it may have been in that slot.
#[test]
fn without_overtaken_refused_a_late_claim_spends_twice() {
    let codes = issued([T, T + 80]);
    let mut protocol = Protocol::BUILT;
    protocol.time_after_the_swap = Time::Nothing;
    assert!(!search(protocol, &codes, &requests([0, 0, 1])).spent_twice);
    protocol.judge = |mine, found, _| match mine.judge::<Codes>(found) {
        Standing::Overtaken => Standing::Living,
        standing => standing,
    };
    assert!(search(protocol, &codes, &requests([0, 0, 1])).spent_twice);
    protocol.judge = |mine, found, _| match mine.judge::<Codes>(found) {
        Standing::Overtaken => Standing::Free,
        standing => standing,
    };
    assert!(search(protocol, &codes, &requests([0, 0, 1])).spent_twice);
}

#[test]
fn overwriting_the_younger_spends_that_one_twice() {
    let mut protocol = Protocol::BUILT;
    protocol.judge = |mine, found, _| match mine.judge::<Codes>(found) {
        Standing::Overtaken => Standing::Free,
        standing => standing,
    };
    assert!(search(protocol, &issued([T, T + 80]), &requests([0, 1, 1])).spent_twice);
}

#[test]
fn remembering_a_second_less_refuses_a_code_in_its_time() {
    let mut protocol = Protocol::BUILT;
    protocol.judge = |mine, found, _| judge_by(mine, found, REMEMBER_S - 1);
    let flaws = search(protocol, &issued([T, T + 79]), &requests([0, 1]));
    assert!(flaws.refused_in_time);
}

#[test]
fn taking_another_than_the_first_free_slot_spends_twice() {
    let protocol = Protocol { takes_first_free: false, ..Protocol::BUILT };
    let codes = issued([T - 80, T]);
    assert!(search(protocol, &codes, &requests([0, 1, 1])).spent_twice);
}

#[test]
fn going_on_after_a_lost_swap_spends_twice() {
    let protocol = Protocol { judges_again_after_a_lost_swap: false, ..Protocol::BUILT };
    assert!(search(protocol, &issued([T]), &requests([0, 0])).spent_twice);
}

#[test]
fn without_the_check_after_the_swap_a_paused_request_is_forwarded_late() {
    let protocol = Protocol { time_after_the_swap: Time::Nothing, ..Protocol::BUILT };
    let flaws = search(protocol, &issued([T]), &requests([0, 0]));
    assert_eq!(flaws, Flaws { forwarded_late: true, ..NONE });
}

/// Late claims, by the mark alone. The protocol here lacks the rule that a code which finds a
/// younger one is over, and reads the clock once. Then the memory must last for a life and twice
/// the largest skew, to the second. And the mark must be raised before the table is touched.
#[test]
fn a_late_claim_needs_the_mark_and_every_second_of_memory() {
    let spends_twice = |judge, skews_s: [i64; 4], issued_s: [u32; 2]| {
        let protocol = Protocol { judge, time_after_the_swap: Time::Mark, ..Protocol::BUILT };
        let codes = issued([T, T + issued_s[0], T + issued_s[1]]);
        let mut requests = requests([0, 0, 1, 2]);
        for (request, skew_s) in requests.iter_mut().zip(skews_s) {
            *request = request.with_skew(skew_s);
        }
        search(protocol, &codes, &requests).spent_twice
    };
    assert!(!spends_twice(late::<60>, [0; 4], [60, 59]));
    assert!(spends_twice(late::<59>, [0; 4], [60, 59]));
    assert!(!spends_twice(late::<80>, [10; 4], [80, 79]));
    assert!(spends_twice(late::<79>, [10; 4], [80, 79]));
    // One process has another skew: the largest counts, not the node's own.
    assert!(spends_twice(late::<60>, [0, 10, 0, 0], [60, 61]));
    assert!(!spends_twice(late::<80>, [0, 10, 0, 10], [60, 80]));

    let time_after_the_swap = Time::Mark;
    let mut protocol = Protocol { judge: late::<80>, time_after_the_swap, ..Protocol::BUILT };
    let codes = issued([T, T + 80]);
    assert!(!search(protocol, &codes, &requests([0, 0, 1])).spent_twice);
    protocol.raises_the_mark = false;
    assert!(search(protocol, &codes, &requests([0, 0, 1])).spent_twice);
}

/// A memory of so many seconds; younger codes are passed like any other.
fn late<const REMEMBER: i64>(mine: Entry, found: Entry, _: bool) -> Standing {
    match judge_by(mine, found, REMEMBER) {
        Standing::Overtaken => Standing::Living,
        standing => standing,
    }
}

/// Code 1 passed the slot of code 0 and is behind it. Then that slot is emptied.
#[test]
fn emptying_a_slot_on_release_spends_another_code_twice() {
    let protocol = Protocol { releases_in_place: false, ..Protocol::BUILT };
    let mut requests = requests([0, 1, 1]);
    requests[0].releases = true;
    let codes = issued([T, T + 1]);
    assert!(search(protocol, &codes, &requests).spent_twice);
    assert_eq!(search(Protocol::BUILT, &codes, &requests), NONE);
}

#[test]
fn evicting_when_full_spends_twice() {
    let protocol = Protocol { refuses_when_full: false, ..Protocol::BUILT };
    let codes = issued([T, T + 1, T + 2]);
    assert!(search(protocol, &codes, &requests([0, 0, 1, 2])).spent_twice);
}

/// Why the issue second is kept whole. With 22 bits, even by the high-water mark:
/// - A request for code 0 sleeps for more than half a turn, takes code 1 for older and overwrites
///   it. Code 1 is spent again.
/// - Code 2 takes a slot of an earlier turn for living and goes behind it. A sleeping request for
///   code 1, to which that slot was free, takes it. Now it is free to code 2, which is spent again.
#[test]
fn a_counter_that_wraps_spends_twice() {
    let mut protocol = Protocol::BUILT;
    protocol.judge = |mine, found, over| match judge_wrapped(mine, found) {
        Standing::Overtaken if !over => Standing::Free,
        standing => standing,
    };
    let half_turn = issued([T, T + TURN / 4 * 3]);
    assert!(search(protocol, &half_turn, &requests([0, 1, 1])).spent_twice);
    let turn = issued([T, T + TURN - 80, T + TURN]);
    assert!(search(protocol, &turn, &requests([0, 1, 2, 2])).spent_twice);
}

fn judge_wrapped(mine: Entry, found: Entry) -> Standing {
    let turn = i64::from(TURN);
    let d = mine.issued_at_s() - found.issued_at_s();
    let wrapped = (d + turn / 2).rem_euclid(turn) - turn / 2;
    if found == Entry::EMPTY || found == mine || wrapped.abs() < REMEMBER_S {
        judge_by(mine, found, i64::MAX)
    } else if wrapped > 0 {
        Standing::Free
    } else {
        Standing::Overtaken
    }
}

/// [`Entry::judge`] with another memory.
fn judge_by(mine: Entry, found: Entry, remember_s: i64) -> Standing {
    let d = mine.issued_at_s() - found.issued_at_s();
    if found == Entry::EMPTY || d >= remember_s {
        Standing::Free
    } else if d <= remember_s.saturating_neg() {
        Standing::Overtaken
    } else if found == mine {
        Standing::Spent
    } else if found == mine.released() {
        Standing::Free
    } else {
        Standing::Living
    }
}
