use super::*;

const NOW_S: i64 = 1_800_000_000;

fn asked(class: Class, age_ms: i64) -> Asked {
    let sent_ms = NOW_S * 1_000 + age_ms;
    let answered_ms = sent_ms + 5;
    Asked {
        class,
        issued_at_s: NOW_S,
        sent_ms,
        answered_ms,
        key_is_leaving: false,
        is_fenced_off: false,
        was_lost: false,
    }
}

fn answer(outcome: Outcome) -> Answer {
    Answer { status: outcome.status().unwrap_or(200), outcome }
}

fn judged(class: Class, outcome: Outcome, terms: &Terms) -> Fit {
    fit(&asked(class, 500), answer(outcome), terms)
}

#[test]
fn each_class_has_its_outcome_and_no_other() {
    let strict = Terms::default();
    for class in Class::ALL.iter().copied() {
        assert_eq!(judged(class, class.outcome(), &strict), Fit::Expected, "{class:?}");
        for wrong in [Outcome::Nameless, Outcome::InternalError, Outcome::Overloaded] {
            assert_eq!(judged(class, wrong, &strict), Fit::Wrong, "{class:?}");
        }
        if !class.may_arrive() {
            assert_eq!(judged(class, Outcome::Approved, &strict), Fit::Wrong, "{class:?}");
        }
    }
}

#[test]
fn the_right_word_with_another_status_is_wrong() {
    let used = Answer { status: 200, outcome: Outcome::CodeUsed };
    assert_eq!(fit(&asked(Class::ReplayLater, 500), used, &Terms::default()), Fit::Wrong);
}

#[test]
fn a_backends_error_is_relayed_only_where_it_errs() {
    let relayed = Answer { status: 500, outcome: Outcome::Approved };
    let valid = asked(Class::Valid, 500);
    assert_eq!(fit(&valid, relayed, &Terms::default()), Fit::Wrong);
    let terms = Terms { backend_errs: true, ..Terms::default() };
    assert_eq!(fit(&valid, relayed, &terms), Fit::Expected);
}

#[test]
fn a_replay_is_used_until_the_code_is_over_and_expired_afterwards() {
    let terms = Terms { skew_ms: 500, ..Terms::default() };
    let at = |age_ms, outcome| fit(&asked(Class::ReplayLater, age_ms), answer(outcome), &terms);
    assert_eq!(at(59_000, Outcome::CodeUsed), Fit::Expected);
    assert_eq!(at(59_000, Outcome::CodeExpired), Fit::Wrong);
    assert_eq!(at(60_500, Outcome::CodeUsed), Fit::Expected);
    assert_eq!(at(60_500, Outcome::CodeExpired), Fit::Expected);
    assert_eq!(at(62_000, Outcome::CodeUsed), Fit::Wrong);
    assert_eq!(at(62_000, Outcome::CodeExpired), Fit::Expected);
}

#[test]
fn tolerance_needs_its_fault_in_the_scenario() {
    let strict = Terms::default();
    let breaks = Terms { backend_breaks: true, ..strict };
    assert_eq!(judged(Class::Valid, Outcome::OutcomeUnknown, &strict), Fit::Wrong);
    assert_eq!(judged(Class::Valid, Outcome::OutcomeUnknown, &breaks), Fit::Tolerated);
    assert_eq!(judged(Class::Forged, Outcome::OutcomeUnknown, &breaks), Fit::Wrong);
    let warming_up = |class, is_fenced_off| {
        let asked = Asked { is_fenced_off, ..asked(class, 500) };
        fit(&asked, answer(Outcome::WarmingUp), &strict)
    };
    assert_eq!(warming_up(Class::ReplayLater, false), Fit::Wrong);
    assert_eq!(warming_up(Class::ReplayLater, true), Fit::Tolerated);
    assert_eq!(warming_up(Class::Expired, true), Fit::Wrong);
    let leaving = Asked { key_is_leaving: true, ..asked(Class::Valid, 0) };
    assert_eq!(fit(&leaving, answer(Outcome::KeyRevoked), &strict), Fit::Tolerated);
}

#[test]
fn a_replay_passes_only_where_nobody_knows_of_the_first_sending() {
    let yes = answer(Outcome::Approved);
    let lost = |class| Asked { was_lost: true, ..asked(class, 500) };
    for class in [Class::ReplayLater, Class::ReplayOtherS] {
        assert_eq!(fit(&asked(class, 500), yes, &Terms::default()), Fit::Wrong);
        assert_eq!(fit(&lost(class), yes, &Terms::default()), Fit::Tolerated);
    }
    assert_eq!(fit(&lost(Class::Forged), yes, &Terms::default()), Fit::Wrong);
}

#[test]
fn of_twins_one_passes() {
    let [yes, no] = [Outcome::Approved, Outcome::CodeUsed].map(|one| Some(answer(one)));
    assert!(twins_fit([yes, no]) && twins_fit([no, yes]));
    assert!(!twins_fit([yes, yes]) && !twins_fit([no, no]));
    assert!(twins_fit([yes, None]) && twins_fit([None, no]) && twins_fit([None, None]));
    let [unknown, fenced] = [Outcome::OutcomeUnknown, Outcome::WarmingUp].map(|o| Some(answer(o)));
    assert!(twins_fit([unknown, no]) && twins_fit([fenced, fenced]) && twins_fit([yes, fenced]));
    // Used, and by nobody; or forwarded twice.
    assert!(!twins_fit([fenced, no]) && !twins_fit([unknown, unknown]));
}
