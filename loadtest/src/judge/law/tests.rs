use super::account::Standing;
use super::twins::{Meanwhile, twins_fit};
use super::*;
use crate::judge::outage::Trouble;

const NOW_S: i64 = 1_800_000_000;

fn asked(class: Class, age_ms: i64) -> Asked {
    let sent_ms = NOW_S * 1_000 + age_ms;
    let answered_ms = sent_ms + 5;
    let first = class.is_replay().then_some(First::Answered(Answer::new(200, Outcome::Approved)));
    Asked {
        class,
        issued_at_s: NOW_S,
        sent_ms,
        answered_ms,
        key_is_leaving: false,
        first,
        is_same: false,
        is_beside_another: false,
        trouble: Trouble::default(),
        arrived: 0,
        standing: Standing::default(),
    }
}

fn answer(outcome: Outcome) -> Answer {
    Answer::new(outcome.status().unwrap_or(200), outcome)
}

fn stored(outcome: Outcome) -> Answer {
    Answer { is_replayed: true, ..answer(outcome) }
}

fn judged(class: Class, outcome: Outcome, terms: &Terms) -> Fit {
    fit(&asked(class, 500), answer(outcome), terms)
}

fn troubled(class: Class, outcome: Outcome, trouble: Trouble, terms: &Terms) -> Fit {
    fit(&Asked { trouble, ..asked(class, 500) }, answer(outcome), terms)
}

/// What a scenario without faults tolerates.
fn strict() -> Terms {
    Terms { skew_ms: 500, backend_timeout_ms: 10_000, ..Terms::default() }
}

#[test]
fn each_class_has_its_outcome_and_no_other() {
    let strict = strict();
    for class in Class::ALL.iter().copied() {
        assert_eq!(judged(class, class.outcome(), &strict), Fit::Expected, "{class:?}");
        let wrong = [
            Outcome::Nameless,
            Outcome::InternalError,
            Outcome::Overloaded,
            Outcome::WarmingUp,
            Outcome::ReplayFull,
            Outcome::ReplayStoreUnavailable,
            Outcome::RequestInFlight,
            Outcome::AccountFrozen,
            Outcome::AccountNotReady,
            Outcome::DeviceUnbound,
            Outcome::AccountStateUnavailable,
        ];
        for wrong in wrong {
            assert_eq!(judged(class, wrong, &strict), Fit::Wrong, "{class:?} {wrong:?}");
        }
        if class.outcome() != Outcome::Approved {
            assert_eq!(judged(class, Outcome::Approved, &strict), Fit::Wrong, "{class:?}");
        }
        for outcome in [Outcome::Approved, Outcome::OutcomeUnknown, Outcome::CodeUsed] {
            assert_eq!(fit(&asked(class, 500), stored(outcome), &strict), Fit::Wrong, "{class:?}");
        }
    }
}

#[test]
fn the_right_word_with_another_status_is_wrong() {
    let used = Answer::new(200, Outcome::CodeUsed);
    assert_eq!(fit(&asked(Class::ReplayLater, 500), used, &strict()), Fit::Wrong);
}

#[test]
fn a_backends_error_is_relayed_only_where_it_errs() {
    let relayed = Answer::new(500, Outcome::Approved);
    let valid = asked(Class::Valid, 500);
    assert_eq!(fit(&valid, relayed, &strict()), Fit::Wrong);
    let terms = Terms { backend_errs: true, ..strict() };
    assert_eq!(fit(&valid, relayed, &terms), Fit::Expected);
}

#[test]
fn a_replay_is_used_for_ever_and_expired_only_when_the_code_is_over() {
    let at = |age_ms, outcome| fit(&asked(Class::ReplayLater, age_ms), answer(outcome), &strict());
    assert_eq!(at(59_000, Outcome::CodeUsed), Fit::Expected);
    assert_eq!(at(59_000, Outcome::CodeExpired), Fit::Wrong);
    assert_eq!(at(60_500, Outcome::CodeUsed), Fit::Expected);
    assert_eq!(at(60_500, Outcome::CodeExpired), Fit::Expected);
    assert_eq!(at(62_000, Outcome::CodeUsed), Fit::Expected);
    assert_eq!(at(62_000, Outcome::CodeExpired), Fit::Expected);
}

#[test]
fn a_stored_answer_is_right_for_the_same_bytes_and_only_if_it_is_the_first() {
    let same = |first| Asked { is_same: true, first, ..asked(Class::ReplayLater, 500) };
    let terms = Terms { backend_errs: true, backend_breaks: true, ..strict() };
    let judged = |first, answer| fit(&same(first), answer, &terms);
    let first = |outcome| Some(First::Answered(answer(outcome)));
    let [yes, unknown] = [Outcome::Approved, Outcome::OutcomeUnknown].map(stored);
    let failed = Answer { status: 500, ..yes };
    assert_eq!(judged(first(Outcome::Approved), yes), Fit::Expected);
    assert_eq!(judged(first(Outcome::Approved), failed), Fit::Wrong);
    assert_eq!(judged(first(Outcome::Approved), unknown), Fit::Wrong);
    assert_eq!(judged(first(Outcome::OutcomeUnknown), unknown), Fit::Expected);
    assert_eq!(judged(first(Outcome::OutcomeUnknown), yes), Fit::Wrong);
    for lost in [yes, failed, unknown] {
        assert_eq!(judged(Some(First::Lost), lost), Fit::Expected);
    }
    assert_eq!(judged(first(Outcome::Approved), stored(Outcome::CodeUsed)), Fit::Wrong);
    let twin = Asked { is_same: true, ..asked(Class::ReplayAtOnce, 0) };
    assert_eq!(fit(&twin, yes, &terms), Fit::Expected);
    assert_eq!(fit(&Asked { is_same: false, ..twin }, yes, &terms), Fit::Wrong);
    let valid = Asked { is_same: true, ..asked(Class::Valid, 0) };
    assert_eq!(fit(&valid, yes, &terms), Fit::Wrong);
}

#[test]
fn a_request_is_in_flight_only_beside_another_with_the_same_bytes() {
    let alone = Asked { is_same: true, ..asked(Class::ReplayLater, 500) };
    let in_flight = answer(Outcome::RequestInFlight);
    let beside = Asked { is_beside_another: true, ..alone };
    assert_eq!(fit(&alone, in_flight, &strict()), Fit::Wrong);
    assert_eq!(fit(&beside, in_flight, &strict()), Fit::Expected);
    let other = Asked { is_same: false, ..beside };
    assert_eq!(fit(&other, in_flight, &strict()), Fit::Wrong);
    // Another node may have two equal copies at once.
    let nodes = Terms { has_registers: true, ..strict() };
    assert_eq!(fit(&other, in_flight, &nodes), Fit::Expected);
    assert_eq!(fit(&Asked { is_same: false, ..alone }, in_flight, &nodes), Fit::Wrong);
}

#[test]
fn a_claim_that_was_not_taken_back_says_that_its_request_runs_and_then_that_its_end_is_unknown() {
    let terms = Terms { has_registers: true, ..strict() };
    for class in [Class::ReplayLater, Class::ReplayOtherS] {
        for outcome in [Outcome::RequestInFlight, Outcome::OutcomeUnknown] {
            let after = |first| Asked { first, is_same: true, ..asked(class, 500) };
            for open in [First::Lost, First::InDoubt] {
                let fit = fit(&after(Some(open)), answer(outcome), &terms);
                assert_ne!(fit, Fit::Wrong, "{open:?} {outcome:?}");
            }
            let approved = Some(First::Answered(answer(Outcome::Approved)));
            assert_eq!(fit(&after(approved), answer(outcome), &terms), Fit::Wrong);
        }
    }
}

#[test]
fn tolerance_needs_its_fault_in_the_scenario() {
    let strict = strict();
    let breaks = Terms { backend_breaks: true, ..strict };
    assert_eq!(judged(Class::Valid, Outcome::OutcomeUnknown, &strict), Fit::Wrong);
    assert_eq!(judged(Class::Valid, Outcome::OutcomeUnknown, &breaks), Fit::Tolerated);
    assert_eq!(judged(Class::Forged, Outcome::OutcomeUnknown, &breaks), Fit::Wrong);
    let fenced = Trouble { is_fenced_off: true, ..Trouble::default() };
    let warming_up = |class| troubled(class, Outcome::WarmingUp, fenced, &strict);
    assert_eq!(warming_up(Class::ReplayLater), Fit::Tolerated);
    assert_eq!(warming_up(Class::Expired), Fit::Wrong);
    let leaving = Asked { key_is_leaving: true, ..asked(Class::Valid, 0) };
    assert_eq!(fit(&leaving, answer(Outcome::KeyRevoked), &strict), Fit::Tolerated);
}

#[test]
fn a_replay_passes_only_where_nobody_knows_of_the_first_sending() {
    let yes = answer(Outcome::Approved);
    let lost = |class| Asked { first: Some(First::Lost), ..asked(class, 500) };
    for class in [Class::ReplayLater, Class::ReplayOtherS] {
        assert_eq!(fit(&asked(class, 500), yes, &strict()), Fit::Wrong);
        assert_eq!(fit(&lost(class), yes, &strict()), Fit::Tolerated);
    }
    assert_eq!(fit(&lost(Class::Forged), yes, &strict()), Fit::Wrong);
}

#[test]
fn a_pause_excuses_what_it_made_too_late_and_nothing_else() {
    let paused = |paused_ms| Trouble { paused_ms, ..Trouble::default() };
    let terms = strict();
    let late = |trouble, answered_ms| {
        let asked = Asked { trouble, answered_ms, ..asked(Class::Valid, 500) };
        fit(&asked, answer(Outcome::CodeExpired), &terms)
    };
    let over_ms = NOW_S * 1_000 + 60_500;
    assert_eq!(late(paused(60_000), over_ms), Fit::Tolerated);
    assert_eq!(late(paused(60_000), over_ms - 1_000), Fit::Wrong);
    assert_eq!(late(paused(0), over_ms), Fit::Wrong);
    // The start had to wait, because all connections waited for the gateway that was stopped.
    let waited = Asked { answered_ms: over_ms, ..asked(Class::Valid, 60_400) };
    assert_eq!(fit(&waited, answer(Outcome::CodeExpired), &terms), Fit::Tolerated);
    let unknown = |ms| troubled(Class::Valid, Outcome::OutcomeUnknown, paused(ms), &terms);
    assert_eq!([unknown(8_000), unknown(10_000)], [Fit::Wrong, Fit::Tolerated]);
}

#[test]
fn a_stepped_clock_excuses_as_much_as_it_is_ahead() {
    let ahead = |ahead_ms| Trouble { ahead_ms, ..Trouble::default() };
    let terms = strict();
    let judged = |class, age_ms, ahead_ms| {
        let asked = Asked { trouble: ahead(ahead_ms), ..asked(class, age_ms) };
        fit(&asked, answer(Outcome::CodeExpired), &terms)
    };
    assert_eq!(judged(Class::Valid, 500, 2_000), Fit::Wrong);
    assert_eq!(judged(Class::Valid, 58_500, 2_000), Fit::Tolerated);
    assert_eq!(judged(Class::ReplayLater, 59_000, 2_000), Fit::Expected);
    assert_eq!(judged(Class::ReplayLater, 57_000, 2_000), Fit::Wrong);
    // Time never runs back, so no step makes a code of now one of the future.
    for outcome in [Outcome::CodeNotYetValid, Outcome::ClockSuspect] {
        assert_eq!(troubled(Class::Valid, outcome, ahead(2_000), &terms), Fit::Wrong);
    }
}

#[test]
fn registers_excuse_a_refusal_only_where_there_may_be_no_majority() {
    let terms = Terms { has_registers: true, ..strict() };
    let with = |votes| Trouble { votes, ..Trouble::default() };
    let judged = |outcome, votes| troubled(Class::Valid, outcome, with(votes), &terms);
    let unavailable = Outcome::ReplayStoreUnavailable;
    assert_eq!(judged(unavailable, Votes::All), Fit::Wrong);
    assert_eq!(judged(unavailable, Votes::Majority), Fit::Wrong);
    assert_eq!(judged(unavailable, Votes::Open), Fit::Tolerated);
    assert_eq!(judged(unavailable, Votes::Missing), Fit::Tolerated);
    assert_eq!(judged(Outcome::CodeUsed, Votes::Open), Fit::Wrong);
    // Two registers that lost their memory abstain.
    assert_eq!(judged(Outcome::WarmingUp, Votes::Majority), Fit::Wrong);
    assert_eq!(judged(Outcome::WarmingUp, Votes::Open), Fit::Tolerated);
    // Without a majority to ask, an approval is a guess.
    assert_eq!(judged(Outcome::Approved, Votes::Open), Fit::Expected);
    assert_eq!(judged(Outcome::Approved, Votes::Missing), Fit::Wrong);
    let off = |ahead_ms| Trouble { ahead_ms, ..Trouble::default() };
    let clock = |ms| troubled(Class::Valid, unavailable, off(ms), &terms);
    assert_eq!([clock(700), clock(2_000)], [Fit::Wrong, Fit::Tolerated]);
}

#[test]
fn a_gateway_without_its_data_directory_may_refuse_to_spend_and_nothing_else() {
    let astray = Trouble { is_astray: true, ..Trouble::default() };
    let judged = |class, outcome| troubled(class, outcome, astray, &strict());
    let unavailable = Outcome::ReplayStoreUnavailable;
    assert_eq!(judged(Class::Valid, unavailable), Fit::Tolerated);
    assert_eq!(judged(Class::Expired, unavailable), Fit::Wrong);
    assert_eq!(judged(Class::Valid, Outcome::WarmingUp), Fit::Wrong);
    assert_eq!(judged(Class::ReplayLater, Outcome::Approved), Fit::Wrong);
}

#[test]
fn a_table_is_full_only_when_it_is() {
    let terms = Terms { small_table: Some(1_000), ..strict() };
    let full = |arrived, terms: &Terms| {
        let asked = Asked { arrived, ..asked(Class::Valid, 500) };
        fit(&asked, answer(Outcome::ReplayFull), terms)
    };
    assert_eq!([full(749, &terms), full(750, &terms)], [Fit::Wrong, Fit::Tolerated]);
    assert_eq!(full(1_000_000, &strict()), Fit::Wrong);
}

fn fits(one: Option<Answer>, other: Option<Answer>, votes: Votes) -> bool {
    fit_meanwhile(one, other, Meanwhile { votes, was_in_doubt: false })
}

fn fit_meanwhile(one: Option<Answer>, other: Option<Answer>, meanwhile: Meanwhile) -> bool {
    let fits = twins_fit([one, other], meanwhile);
    assert_eq!(fits, twins_fit([other, one], meanwhile), "{one:?} {other:?}");
    fits
}

#[test]
fn of_twins_one_passes() {
    let all = |one, other| fits(one, other, Votes::All);
    let [yes, no] = [Outcome::Approved, Outcome::CodeUsed].map(|one| Some(answer(one)));
    assert!(all(yes, no) && !all(yes, yes) && !all(no, no));
    assert!(all(yes, None) && all(None, no) && all(None, None));
    let [unknown, fenced] = [Outcome::OutcomeUnknown, Outcome::WarmingUp].map(|o| Some(answer(o)));
    assert!(all(unknown, no) && all(fenced, fenced) && all(yes, fenced));
    // A code that is used although neither passed, or that was forwarded twice.
    assert!(!all(fenced, no) && !all(unknown, unknown));
}

#[test]
fn a_twin_is_in_flight_or_shown_the_answer_only_beside_one_that_passed() {
    let all = |one, other| fits(one, other, Votes::All);
    let [yes, no, in_flight] =
        [Outcome::Approved, Outcome::CodeUsed, Outcome::RequestInFlight].map(|o| Some(answer(o)));
    let [again, unknown_again] =
        [Outcome::Approved, Outcome::OutcomeUnknown].map(|outcome| Some(stored(outcome)));
    let unknown = Some(answer(Outcome::OutcomeUnknown));
    assert!(all(yes, in_flight) && all(yes, again) && all(unknown, unknown_again));
    assert!(all(None, again) && all(None, in_flight) && all(unknown, in_flight));
    assert!(!all(again, again) && !all(in_flight, in_flight) && !all(no, in_flight));
    assert!(!all(no, again) && !all(unknown, again) && !all(in_flight, again));
}

#[test]
fn a_claim_that_was_held_back_by_a_stop_leaves_its_twin_a_used_code() {
    let meanwhile = Meanwhile { votes: Votes::All, was_in_doubt: true };
    let stopped = |one, other| fit_meanwhile(one, other, meanwhile);
    let [yes, no] = [Outcome::Approved, Outcome::CodeUsed].map(|one| Some(answer(one)));
    for why in [Outcome::CodeExpired, Outcome::WarmingUp, Outcome::ReplayStoreUnavailable] {
        let why = Some(answer(why));
        assert!(stopped(why, no) && !fits(why, no, Votes::All));
    }
    assert!(
        !stopped(no, no) && !stopped(yes, yes) && !stopped(no, Some(answer(Outcome::ReplayFull)))
    );
}

#[test]
fn twins_may_both_be_denied_where_not_all_registers_vote() {
    let [yes, no] = [Outcome::Approved, Outcome::CodeUsed].map(|one| Some(answer(one)));
    let unavailable = Some(answer(Outcome::ReplayStoreUnavailable));
    assert!(fits(no, no, Votes::Majority) && fits(no, unavailable, Votes::Majority));
    assert!(!fits(no, unavailable, Votes::All) && !fits(yes, yes, Votes::Missing));
}

#[test]
fn a_pass_is_used_only_after_a_request_that_may_have_spent_it() {
    let terms = strict();
    let used = Outcome::PassUsed;
    assert_eq!(judged(Class::PassAgain, used, &terms), Fit::Expected);
    for class in [Class::Pass, Class::PassCheck, Class::Exchange, Class::ExchangeAgain] {
        assert_eq!(judged(class, used, &terms), Fit::Wrong, "{class:?}");
    }
    assert_eq!(judged(Class::PassAgain, Outcome::CodeUsed, &terms), Fit::Wrong);
    assert_eq!(judged(Class::PassAgain, Outcome::Approved, &terms), Fit::Wrong);
    assert_eq!(judged(Class::PassAgain, Outcome::PassInvalid, &terms), Fit::Wrong);
    let lost = Asked { first: Some(First::Lost), ..asked(Class::PassAgain, 500) };
    assert_eq!(fit(&lost, answer(Outcome::Approved), &terms), Fit::Tolerated);
    assert_eq!(fit(&lost, answer(used), &terms), Fit::Expected);
}

#[test]
fn a_pass_is_expired_after_its_own_life_and_opens_nothing_then() {
    let at = |class, age_ms, outcome| fit(&asked(class, age_ms), answer(outcome), &strict());
    for class in [Class::PassCheck, Class::Pass] {
        assert_eq!(at(class, 899_000, Outcome::PassExpired), Fit::Wrong);
        assert_eq!(at(class, 899_000, Outcome::Approved), Fit::Expected);
        assert_eq!(at(class, 900_100, Outcome::PassExpired), Fit::Expected);
        assert_eq!(at(class, 901_000, Outcome::Approved), Fit::Wrong);
        assert_eq!(at(class, 61_000, Outcome::CodeExpired), Fit::Wrong);
    }
}

#[test]
fn a_pass_is_opened_without_registers_and_spent_with_a_majority() {
    let terms = Terms { has_registers: true, ..strict() };
    let missing = Trouble { votes: Votes::Missing, ..Trouble::default() };
    let judged = |class| troubled(class, Outcome::Approved, missing, &terms);
    assert_eq!(judged(Class::PassCheck), Fit::Expected);
    assert_eq!([judged(Class::Pass), judged(Class::Exchange)], [Fit::Wrong; 2]);
    let fenced = Trouble { is_fenced_off: true, ..Trouble::default() };
    let refused = |class| troubled(class, Outcome::WarmingUp, fenced, &terms);
    assert_eq!([refused(Class::PassCheck), refused(Class::Pass)], [Fit::Wrong, Fit::Tolerated]);
}

#[test]
fn an_account_that_refuses_is_approved_only_within_the_promise_and_refused_only_with_a_cause() {
    let terms = strict();
    let judged = |standing, outcome| {
        fit(&Asked { standing, ..asked(Class::Account, 500) }, answer(outcome), &terms)
    };
    let late = Standing { must_be_refused: true, may_be_frozen: true, ..Standing::default() };
    let in_time = Standing { must_be_refused: false, ..late };
    assert_eq!(judged(late, Outcome::Approved), Fit::Wrong);
    assert_eq!(judged(in_time, Outcome::Approved), Fit::Expected);
    assert_eq!(judged(late, Outcome::AccountFrozen), Fit::Expected);
    assert_eq!(judged(late, Outcome::DeviceUnbound), Fit::Wrong);
    let unbound = Standing { may_be_unbound: true, ..Standing::default() };
    assert_eq!(judged(unbound, Outcome::DeviceUnbound), Fit::Expected);
    assert_eq!(judged(unbound, Outcome::AccountFrozen), Fit::Wrong);
    // No freeze is a pending enrolment.
    assert_eq!(judged(late, Outcome::AccountNotReady), Fit::Wrong);
}

#[test]
fn a_refusal_gives_the_code_back() {
    let again = |outcome| judged(Class::AccountAgain, outcome, &strict());
    assert_eq!(again(Outcome::Approved), Fit::Expected);
    for wrong in [Outcome::CodeUsed, Outcome::AccountFrozen, Outcome::CodeExpired] {
        assert_eq!(again(wrong), Fit::Wrong, "{wrong:?}");
    }
}

#[test]
fn an_account_state_is_unavailable_only_where_something_is_broken_and_an_account_is_looked_at() {
    let unavailable = Outcome::AccountStateUnavailable;
    let broken = Terms { may_be_stale: true, ..strict() };
    for class in [Class::Valid, Class::Account, Class::PassCheck, Class::ReplayLater] {
        assert_eq!(judged(class, unavailable, &broken), Fit::Tolerated, "{class:?}");
        assert_eq!(judged(class, unavailable, &strict()), Fit::Wrong, "{class:?}");
    }
    assert_eq!(judged(Class::Forged, unavailable, &broken), Fit::Wrong);
}
