use super::*;
use crate::judge::class::Class;
use crate::judge::outcome::Answer;
use crate::judge::seen::EXAMPLES_MAX;

/// A backend that breaks no answer.
const WHOLE: Broken = Broken { unknown: 0, errors: 0 };
const UNKNOWN: Answer =
    Answer { status: 504, outcome: Outcome::OutcomeUnknown, is_replayed: false };
const YES: Answer = Answer { status: 200, outcome: Outcome::Approved, is_replayed: false };

/// A run of one code, to which `happen` happens.
fn run(may_arrive: bool, happen: impl FnOnce(&Ledger, crate::judge::ledger::Sequence)) -> Verdict {
    let ledger = Ledger::new(7);
    let (sequence, _) = ledger.enter(may_arrive);
    happen(&ledger, sequence);
    judge(&ledger, seen(), WHOLE)
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
    assert!(only.ends_with(": 1") && only.contains(part), "{only}");
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
    assert_fault(&judge(&ledger, seen(), WHOLE), "more than once");
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
    let refused = run(true, |ledger, code| {
        arrive(ledger);
        ledger.refuse(code);
    });
    assert_fault(&refused, "refused and reached");
    // One of twins was refused, the other's answer was lost.
    let unknown = run(true, |ledger, code| {
        arrive(ledger);
        ledger.refuse(code);
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
    (0..9).for_each(|_| seen.add_unexpected(Class::Forged, None, YES));
    assert_eq!(seen.examples.len(), EXAMPLES_MAX);
    seen.unexpected = 1;
    assert_fault(&judge(&ledger, seen, WHOLE), "not what their code must get");
}

#[test]
fn unfit_twins_are_a_fault() {
    let mut seen = seen();
    seen.add_unfit([Some(YES), Some(YES)]);
    assert_eq!(seen.unfit_examples, [[Some(YES); 2]]);
    assert_fault(&judge(&Ledger::new(7), seen, WHOLE), "twice at once");
}

#[test]
fn answers_that_were_lost_for_nothing_are_a_fault_whatever_was_killed() {
    let seen = Seen { lost: 2, lost_for_nothing: 1, ..seen() };
    assert_fault(&judge(&Ledger::new(7), seen, WHOLE), "their gateway lived");
    let excused = Seen { lost: 1, ..self::seen() };
    assert!(judge(&Ledger::new(7), excused, WHOLE).is_clean());
}

#[test]
fn a_connection_that_was_refused_for_nothing_is_a_fault() {
    let seen = Seen { unconnected: 1, ..seen() };
    assert_fault(&judge(&Ledger::new(7), seen, WHOLE), "connections were refused");
}

#[test]
fn a_stored_answer_needs_one_arrival_and_somebody_who_may_have_had_it_first() {
    let stored = |happen: fn(&Ledger, crate::judge::ledger::Sequence)| {
        run(true, |ledger, code| {
            ledger.replay(code);
            happen(ledger, code);
        })
    };
    let first = stored(|ledger, code| {
        arrive(ledger);
        ledger.approve(code);
        ledger.refuse(code);
    });
    assert!(first.is_clean(), "{:?}", first.faults);
    let lost = stored(|ledger, code| {
        arrive(ledger);
        ledger.lose(code);
    });
    assert!(lost.is_clean(), "{:?}", lost.faults);
    assert_fault(&stored(|ledger, _| arrive(ledger)), "stored answers were shown");
    assert_fault(&stored(|ledger, code| ledger.lose(code)), "stored answers were shown");
    let doubled = stored(|ledger, code| {
        (0..2).for_each(|_| arrive(ledger));
        ledger.approve(code);
    });
    assert_eq!(doubled.faults.len(), 2, "{:?}", doubled.faults);
}

#[test]
fn stored_answers_are_no_outcomes_of_their_own() {
    let mut seen = seen();
    seen.count(Class::ReplayLater, Answer { is_replayed: true, ..UNKNOWN }, 1);
    seen.count(Class::ReplayLater, Answer { is_replayed: true, ..YES }, 2);
    assert_eq!((seen.replayed(), seen.answered(Outcome::Approved)), (3, 1));
    assert!(judge(&Ledger::new(7), seen, WHOLE).is_clean());
}

#[test]
fn a_code_whose_request_was_never_answered_was_not_refused() {
    let verdict = run(true, |ledger, _| arrive(ledger));
    assert_eq!(verdict.refused_but_arrived, 0);
}

#[test]
fn an_answer_to_another_code_is_a_fault() {
    let seen = Seen { misdirected: 1, ..seen() };
    assert_fault(&judge(&Ledger::new(7), seen, WHOLE), "did not name the code");
}

#[test]
fn more_unknown_outcomes_than_the_backend_broke_are_a_fault() {
    let mut seen = seen();
    seen.count(Class::Valid, UNKNOWN, 6);
    let judged = |unknown, seen: &Seen| {
        let broken = Broken { unknown, ..Broken::default() };
        judge(&Ledger::new(7), seen.clone(), broken)
    };
    assert!(judged(6, &seen).is_clean());
    assert_fault(&judged(5, &seen), "called unknown");
    assert_fault(&judged(7, &seen), "passed on as whole");
    // The lost answer may have been the seventh.
    seen.lost = 1;
    assert!(judged(7, &seen).is_clean());
    // One of the six came of a gateway that was stopped for too long.
    seen.unknown_excused = 1;
    assert!(judged(5, &seen).is_clean() && !judged(4, &seen).is_clean());
}

#[test]
fn an_error_that_became_a_success_is_a_fault() {
    let broken = Broken { errors: 1, ..Broken::default() };
    let relayed = Answer::new(500, Outcome::Approved);
    let mut seen = seen();
    assert_fault(&judge(&Ledger::new(7), seen.clone(), broken), "were not passed on");
    seen.count(Class::Valid, relayed, 1);
    assert!(judge(&Ledger::new(7), seen, broken).is_clean());
}

#[test]
fn a_run_without_an_answer_shows_nothing() {
    let verdict = judge(&Ledger::new(7), Seen::default(), WHOLE);
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

#[test]
fn a_pass_that_arrives_twice_is_a_fault_and_a_call_that_opens_it_is_none() {
    const PASS: &[u8] = b"p1-1800000012-9401acfced36a6bc";
    let pass = crate::judge::redemption::Redemption::parse(PASS).unwrap();
    let judged = |arrivals: usize, approvals, checks: u64| {
        let ledger = Ledger::new(7);
        ledger.enter(true);
        let entry = ledger.enter_pass(pass);
        (0..arrivals).for_each(|_| ledger.arrive(Some(PASS)));
        (0..approvals).for_each(|_| ledger.approve(entry));
        ledger.passes().send_check(&pass);
        ledger.passes().approve_check(&pass);
        (0..checks).for_each(|_| ledger.arrive_check(Some(PASS), None));
        judge(&ledger, seen(), WHOLE)
    };
    let clean = judged(1, 1, 1);
    assert!(clean.is_clean(), "{:?}", clean.faults);
    assert_eq!((clean.codes, clean.passes.handed_out, clean.arrived_once), (1, 1, 1));
    assert_fault(&judged(2, 1, 1), "reached the backend more than once");
    assert_fault(&judged(1, 2, 1), "approved more than once");
    assert_fault(&judged(0, 1, 1), "approved and never reached");
    assert_fault(&judged(1, 1, 0), "open a pass were approved and never reached");
    assert_fault(&judged(1, 1, 2), "more often than they were sent");
}

#[test]
fn one_late_approval_is_a_fault_and_one_at_the_edge_is_none() {
    use crate::judge::accounts::{Accounts, Told};
    use crate::judge::law::account::{Operation, Shown, Voucher};

    let judged = |late_ns: u64, operation, answer| {
        let ledger = Ledger::with_accounts(7, Accounts::new(1, 1, 1_000));
        let (code, _) = ledger.enter(true);
        let accounts = ledger.accounts();
        let change = accounts.begin(0, operation, 10);
        accounts.acknowledge(change, 20);
        let voucher = Voucher { person: 0, channel: 0, epoch: 1, minted_from_ns: None };
        let sent_ns = 1_020 + late_ns;
        let shown = Shown { voucher, sent_ns, answered_ns: sent_ns + 5 };
        let standing = accounts.standing(&shown);
        match answer {
            Some(answer) => {
                let told = Told { answer, redemption: None, is_again: false };
                accounts.note_answer(&shown, &standing, &told);
                ledger.approve(code);
            }
            // The answer was lost, and the backend has the request.
            None => {
                ledger.lose(code);
                ledger.doubt(code, &standing);
            }
        }
        arrive(&ledger);
        judge(&ledger, seen(), WHOLE)
    };
    let unbind = Operation::Unbind { channel: 0, epoch: 1 };
    for operation in [Operation::Freeze, unbind] {
        for answer in [Some(YES), None] {
            assert!(judged(0, operation, answer).is_clean());
            assert_fault(&judged(1, operation, answer), "later than the promise");
        }
    }
    assert!(judged(1, Operation::Lift, Some(YES)).is_clean());
}

#[test]
fn changes_that_went_wrong_are_faults() {
    let judged = |note: fn(&mut AccountCounts)| {
        let ledger = Ledger::new(7);
        ledger.accounts().count(note);
        judge(&ledger, seen(), WHOLE)
    };
    assert_fault(&judged(|counts| counts.without_cause = 1), "was not there, or no longer");
    assert_fault(&judged(|counts| counts.freezes_gone = 1), "when they were lifted");
    assert_fault(&judged(|counts| counts.old_lifts_made = 1), "when they were lifted");
    assert_fault(&judged(|counts| counts.changes_refused = 1), "changes were refused");
    let never = |counts: &mut AccountCounts| {
        counts.changes[0].never_acknowledged = 1;
    };
    assert_fault(&judged(never), "never acknowledged");
    assert_fault(&judged(|counts| counts.changes_unsent = 1), "never acknowledged");
    assert!(judged(|counts| counts.changes_unanswered = 9).is_clean());
    let nothing = Ledger::with_accounts(7, crate::judge::accounts::Accounts::new(1, 1, 1));
    let nothing = judge(&nothing, seen(), WHOLE);
    assert!(nothing.faults[0].contains("nothing was shown of them"), "{:?}", nothing.faults);
}
