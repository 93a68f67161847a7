//! The same protocol with the times of passes: accepted from 10 s before the second in which they
//! were minted, over 60 to 900 s after it, remembered for 920 s. Reservations are among them.

use super::*;
use crate::single_use::Passes;

/// [`Protocol::BUILT`] for the table of passes.
const BUILT: Protocol =
    Protocol { judge: |mine, found, _| mine.judge::<Passes>(found), ..Protocol::BUILT };

/// One request for each pass named, with the longest life.
fn passes<const N: usize>(numbers: [usize; N]) -> [Request; N] {
    requests(numbers).map(|request| Request { early_s: 10, life_s: 900, ..request })
}

#[test]
fn the_protocol_as_built_has_no_flaw() {
    for others in [[T + 920, T + 919], [T + 920, T + 1840], [T - 920, T + 920], [T - 919, T + 1]] {
        let codes = issued([T, others[0], others[1]]);
        assert_eq!(search(BUILT, &codes, &passes([0, 0, 1, 2])), NONE, "{others:?}");
        let mut release = passes([0, 0, 0, 1]);
        release[0].releases = true;
        assert_eq!(search(BUILT, &codes, &release), NONE, "{others:?}");
    }
}

/// Processes with different `life_s` share the table.
#[test]
fn mixed_lives_have_no_flaw() {
    let codes = issued([T, T + 920, T + 919]);
    let mut requests = passes([0, 0, 1, 2]);
    requests[1].life_s = 60;
    requests[3].life_s = 60;
    assert_eq!(search(BUILT, &codes, &requests), NONE);
}

/// A reservation is accepted in its window alone, so never early.
#[test]
fn a_reservation_among_passes_has_no_flaw() {
    let codes = issued([T, T + 920, T + 910]);
    let mut requests = passes([0, 0, 1, 2]);
    requests[0].early_s = 0;
    requests[1].early_s = 0;
    assert_eq!(search(BUILT, &codes, &requests), NONE);
}

/// The end of a pass does not wait for a skew, so 910 s would do; 909 s would not.
#[test]
fn remembering_for_less_than_a_life_and_a_skew_refuses_a_pass_in_its_time() {
    let refuses = |judge, apart_s| {
        let protocol = Protocol { judge, ..BUILT };
        search(protocol, &issued([T, T + apart_s]), &passes([0, 1])).refused_in_time
    };
    assert!(refuses(|mine, found, _| judge_by(mine, found, 909), 909));
    assert!(!refuses(|mine, found, _| judge_by(mine, found, 910), 910));
}

/// With the memory of the codes' table a pass is forgotten, and spent again, where late claims are
/// told by the mark alone.
#[test]
fn with_the_memory_of_codes_a_pass_is_spent_twice() {
    let spends_twice = |judge| {
        let protocol = Protocol { judge, time_after_the_swap: Time::Mark, ..BUILT };
        search(protocol, &issued([T, T + 80, T + 79]), &passes([0, 0, 1, 2])).spent_twice
    };
    assert!(spends_twice(late::<80>));
    assert!(!spends_twice(late::<920>));
}

#[test]
fn each_rule_is_needed_for_passes_too() {
    let overtaken_is_free = |mine: Entry, found: Entry, _| match mine.judge::<Passes>(found) {
        Standing::Overtaken => Standing::Free,
        standing => standing,
    };
    let protocol = Protocol { judge: overtaken_is_free, ..BUILT };
    assert!(search(protocol, &issued([T, T + 920]), &passes([0, 1, 1])).spent_twice);
    let protocol = Protocol { takes_first_free: false, ..BUILT };
    assert!(search(protocol, &issued([T - 920, T]), &passes([0, 1, 1])).spent_twice);
    let protocol = Protocol { judges_again_after_a_lost_swap: false, ..BUILT };
    assert!(search(protocol, &issued([T]), &passes([0, 0])).spent_twice);
    let protocol = Protocol { time_after_the_swap: Time::Nothing, ..BUILT };
    assert!(search(protocol, &issued([T]), &passes([0, 0])).forwarded_late);
}
