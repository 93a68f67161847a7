use super::*;

const YES: Answer = Answer { status: 200, outcome: Outcome::Approved };

/// A run of one code; `happen` says what happened to it.
fn run(may_arrive: bool, happen: impl FnOnce(&Ledger, crate::ledger::Sequence)) -> Verdict {
    let ledger = Ledger::new(7);
    let (sequence, _) = ledger.enter(may_arrive);
    happen(&ledger, sequence);
    judge(&ledger, seen(), false)
}

fn seen() -> Seen {
    let mut seen = Seen { sent: 1, ..Seen::default() };
    seen.count(Class::Valid, YES, 1);
    seen
}

fn arrive(ledger: &Ledger) {
    ledger.arrive(Some(b"7001-1800000000-0000000000000007"));
}

#[track_caller]
fn assert_fault(verdict: &Verdict, part: &str) {
    let [only] = verdict.faults.as_slice() else { panic!("one fault: {:?}", verdict.faults) };
    assert!(only.starts_with("1 ") && only.contains(part), "{only}");
    assert!(!verdict.is_clean());
}

#[test]
fn approved_and_arrived_once_is_clean() {
    let verdict = run(true, |ledger, code| {
        arrive(ledger);
        ledger.approve(code);
    });
    assert!(verdict.is_clean(), "{:?}", verdict.faults);
    assert_eq!((verdict.codes, verdict.approved, verdict.arrived_once), (1, 1, 1));
}

#[test]
fn a_second_arrival_is_never_forgiven() {
    let ledger = Ledger::new(7);
    let (code, _) = ledger.enter(true);
    arrive(&ledger);
    arrive(&ledger);
    ledger.approve(code);
    ledger.lose(code);
    assert_fault(&judge(&ledger, seen(), true), "more than once");
}

#[test]
fn a_second_approval_is_a_fault_even_if_it_did_not_arrive() {
    let verdict = run(true, |ledger, code| {
        arrive(ledger);
        ledger.approve(code);
        ledger.approve(code);
    });
    assert_fault(&verdict, "approved more than once");
}

#[test]
fn approved_without_arrival_is_a_fault() {
    assert_fault(&run(true, |ledger, code| ledger.approve(code)), "never reached");
}

#[test]
fn refused_with_arrival_is_a_fault_unless_something_is_unknown() {
    assert_fault(&run(true, |ledger, _| arrive(ledger)), "refused and reached");
    let unknown = run(true, |ledger, code| {
        arrive(ledger);
        ledger.lose(code);
    });
    assert!(unknown.is_clean(), "{:?}", unknown.faults);
}

#[test]
fn a_forged_code_that_arrives_is_a_fault_also_when_its_answer_was_lost() {
    let verdict = run(false, |ledger, code| {
        arrive(ledger);
        ledger.lose(code);
    });
    assert_fault(&verdict, "must never pass");
}

#[test]
fn a_stray_is_a_fault() {
    assert_fault(&run(true, |ledger, _| ledger.arrive(None)), "no redemption of this run");
}

#[test]
fn a_wrong_answer_is_a_fault_and_an_example() {
    let ledger = Ledger::new(7);
    let mut seen = seen();
    (0..9).for_each(|_| seen.unexpected(Class::Forged, YES));
    assert_eq!(seen.examples.len(), EXAMPLES_MAX);
    seen.unexpected = 1;
    assert_fault(&judge(&ledger, seen, true), "not what their code must get");
}

#[test]
fn unfit_twins_are_a_fault() {
    let seen = Seen { unfit_twins: 1, ..seen() };
    assert_fault(&judge(&Ledger::new(7), seen, true), "twice at once");
}

#[test]
fn lost_answers_are_a_fault_unless_gateways_are_killed() {
    let seen = Seen { lost: 1, ..seen() };
    assert_fault(&judge(&Ledger::new(7), seen.clone(), false), "never answered");
    assert!(judge(&Ledger::new(7), seen, true).is_clean());
}

#[test]
fn a_run_without_an_answer_shows_nothing() {
    let verdict = judge(&Ledger::new(7), Seen::default(), true);
    assert_eq!(verdict.faults.len(), 1);
    assert!(!verdict.is_clean());
}

#[test]
fn what_threads_have_seen_adds_up() {
    let mut all = seen();
    all.add(seen());
    assert_eq!((all.sent, all.answered(Outcome::Approved)), (2, 2));
    assert_eq!(all.answers.len(), 1);
}
