use std::path::Path;

use tokio::sync::watch;

use super::*;
use crate::judge::ledger::Entry;
use crate::judge::outage::{Change, Memory};
use crate::judge::redemption::Redemption;
use crate::load::codes::code::Wish;
use crate::load::codes::tests::{mill_of, site};
use crate::load::signer::Nonces;
use crate::scenario::settings::Scenario;
use crate::site::active_keys::ActiveKeys;

const YES: Answer = Answer { status: 200, outcome: Outcome::Approved, is_replayed: false };
const USED: Answer = Answer { status: 409, outcome: Outcome::CodeUsed, is_replayed: false };
const UNKNOWN: Answer =
    Answer { status: 504, outcome: Outcome::OutcomeUnknown, is_replayed: false };

/// A dispatcher that only replays. It begins with a valid code, because there is nothing to replay
/// yet.
fn dispatcher(outages: &Arc<Outages>) -> Dispatcher {
    let dir = tempfile::tempdir().unwrap();
    let text = "about = \"x\"\n[[phase]]\nduration_s = 1\nrate = 1\n[mix]\nreplay_later = 1\n";
    let scenario = Scenario::parse(Path::new("x.toml"), text).unwrap();
    let (_, active_keys) =
        watch::channel(Arc::new(ActiveKeys::read(&site(dir.path(), 1)).unwrap()));
    let ledger = Arc::new(Ledger::new(9));
    let mill = Mill::new(&scenario, active_keys, Arc::clone(&ledger), Nonces::new()).unwrap();
    let terms = Terms { backend_breaks: true, ..Terms::default() };
    Dispatcher::new(mill, ledger, Arc::clone(outages), terms, false)
}

impl Dispatcher {
    /// A request that was sent and waits for its answer.
    fn sent(&self) -> Job {
        self.in_flight.set(self.in_flight.get() + 1);
        let (sent_ns, sent_ms) = (clock::now_ns(), clock::unix_ms());
        let made = self.mill.borrow_mut().next_of_mix();
        let turn = made.code.as_ref().unwrap().shown.note_sent();
        Job { sent_ns, sent_ms, turn, ..Job::new(made, sent_ns) }
    }

    fn only_entry(&self) -> Entry {
        self.ledger.entries().next().unwrap()
    }
}

fn named(job: &Job) -> Option<Redemption> {
    job.made.code.as_ref().unwrap().redemption()
}

#[test]
fn an_approval_names_the_code_that_was_sent_and_a_refusal_may() {
    let misdirected = |answer, name: fn(Redemption) -> Option<Redemption>| {
        let dispatcher = dispatcher(&Arc::default());
        let job = dispatcher.sent();
        let redemption = named(&job).and_then(name);
        dispatcher.note_answer(job, answer, redemption);
        dispatcher.counters.borrow().seen.misdirected
    };
    assert_eq!(misdirected(YES, Some), 0);
    assert_eq!(misdirected(YES, |_| None), 1);
    assert_eq!(misdirected(USED, |_| None), 0);
    for answer in [YES, USED] {
        assert_eq!(misdirected(answer, |r| Some(Redemption { serial: r.serial + 1, ..r })), 1);
        assert_eq!(misdirected(answer, |r| Some(Redemption { key_id: r.key_id + 1, ..r })), 1);
        assert_eq!(misdirected(answer, |r| Some(Redemption { issued_at_s: 1, ..r })), 1);
    }
}

#[test]
fn a_code_without_an_answer_is_shown_again_and_may_pass() {
    let outages = Arc::new(Outages::default());
    outages.set_up(&[0], 0, 0);
    let dispatcher = dispatcher(&outages);
    outages.begin(0);
    dispatcher.note_lost(dispatcher.sent());
    assert!(dispatcher.only_entry().is_unknown());
    let again = dispatcher.sent();
    assert_eq!(again.made.class, Class::ReplayLater);
    let asked = again.asked(Trouble::default(), 0);
    assert_eq!(asked.first, Some(First::Lost));
    assert_eq!(fit(&asked, YES, &dispatcher.terms), Fit::Tolerated);
    let redemption = named(&again);
    dispatcher.note_answer(again, YES, redemption);
    assert_eq!((dispatcher.ledger.entries().count(), dispatcher.only_entry().approvals()), (1, 1));
    assert_eq!(dispatcher.counters.borrow().seen.lost_for_nothing, 0);
}

#[test]
fn a_code_of_unknown_outcome_is_shown_again_and_must_not_pass() {
    let dispatcher = dispatcher(&Arc::default());
    dispatcher.note_answer(dispatcher.sent(), UNKNOWN, None);
    assert!(dispatcher.only_entry().is_unknown() && !dispatcher.only_entry().is_refused());
    let again = dispatcher.sent();
    assert_eq!(again.made.class, Class::ReplayLater);
    assert_eq!(fit(&again.asked(Trouble::default(), 0), YES, &dispatcher.terms), Fit::Wrong);
    dispatcher.note_answer(again, USED, None);
    assert!(dispatcher.only_entry().is_refused());
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 0);
}

#[test]
fn an_answer_that_is_lost_while_all_gateways_live_is_a_fault() {
    let outages = Arc::new(Outages::default());
    outages.set_up(&[0], 0, 0);
    let dispatcher = dispatcher(&outages);
    outages.begin(0);
    outages.end(0, 0, Memory::Kept);
    // The kill is over: it excuses nothing that is sent from here on.
    let job = dispatcher.sent();
    dispatcher.note_lost(Job { sent_ns: job.sent_ns + 1, ..job });
    assert_eq!(dispatcher.counters.borrow().seen.lost_for_nothing, 1);
}

#[test]
fn a_connection_that_fails_while_its_gateway_lives_is_a_fault_and_one_that_is_down_has_none() {
    let outages = Arc::new(Outages::default());
    outages.set_up(&[0, 0], 0, 0);
    let dispatcher = Rc::new(dispatcher(&outages));
    dispatcher.note_unconnected(0, clock::now_ns());
    dispatcher.begin(0);
    outages.begin(1);
    dispatcher.note_unconnected(1, clock::now_ns());
    assert_eq!(dispatcher.counters.borrow().seen.unconnected, 0);
    dispatcher.note_unconnected(0, clock::now_ns());
    assert_eq!(dispatcher.counters.borrow().seen.unconnected, 1);
}

#[test]
fn a_stored_answer_is_no_second_approval() {
    let dispatcher = dispatcher(&Arc::default());
    let first = dispatcher.sent();
    let redemption = named(&first);
    dispatcher.note_answer(first, YES, redemption);
    let mut again = dispatcher.sent();
    again.made.is_same = true;
    dispatcher.note_answer(again, Answer { is_replayed: true, ..YES }, redemption);
    let entry = dispatcher.only_entry();
    assert!(entry.is_replayed() && entry.approvals() == 1);
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 0);
    let mut other = dispatcher.sent();
    other.made.is_same = false;
    dispatcher.note_answer(other, Answer { is_replayed: true, ..YES }, redemption);
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 1);
}

#[test]
fn a_code_that_was_refused_in_doubt_is_shown_again() {
    let outages = Arc::new(Outages::default());
    outages.set_up(&[0], 3, 3);
    (0..2).for_each(|register| outages.note_register(register, None, Change::Failing));
    let mut dispatcher = dispatcher(&outages);
    dispatcher.terms.has_registers = true;
    let unavailable = Answer::new(503, Outcome::ReplayStoreUnavailable);
    dispatcher.note_answer(dispatcher.sent(), unavailable, None);
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 0);
    let again = dispatcher.sent();
    assert_eq!(again.made.class, Class::ReplayLater);
    let redemption = named(&again);
    dispatcher.note_answer(again, YES, redemption);
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 0);
}

#[test]
fn copies_are_the_same_as_the_twin_that_passed() {
    let dispatcher = dispatcher(&Arc::default());
    let mut one = dispatcher.sent();
    one.made.class = Class::ReplayAtOnce;
    one.made.is_same = false;
    let two = one.twin();
    assert_eq!([one.wish, two.wish], [Wish::Usual, Wish::Other]);
    dispatcher.note(&two, YES, &Trouble::default());
    for _ in 0..20 {
        let copy = dispatcher.sent();
        assert_eq!(copy.wish == Wish::Other, copy.made.is_same);
    }
}

#[test]
fn whoever_passed_in_place_of_a_lost_request_is_the_one_whose_answer_is_stored() {
    let outages = Arc::new(Outages::default());
    outages.set_up(&[0], 0, 0);
    let dispatcher = dispatcher(&outages);
    outages.begin(0);
    dispatcher.note_lost(dispatcher.sent());
    let copy = |is_same| {
        let mut copy = dispatcher.sent();
        copy.made.is_same = is_same;
        copy
    };
    let passed = copy(false);
    let redemption = named(&passed);
    dispatcher.note_answer(passed, YES, redemption);
    dispatcher.note_answer(copy(false), Answer { is_replayed: true, ..YES }, redemption);
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 0);
}

/// A dispatcher whose starts begin visits, and the exchange of the first.
fn visiting() -> (Dispatcher, Job) {
    let outages = Arc::new(Outages::default());
    outages.set_up(&[0], 0, 0);
    let dispatcher = dispatcher(&outages);
    let dir = tempfile::tempdir().unwrap();
    let more = "[mix]\nexchange = 1\n[visits]\nagain_per_mille = 0\nchecks = [1, 1]\n\
                abandoned_per_mille = 0\n";
    *dispatcher.mill.borrow_mut() = mill_of(&site(dir.path(), 1), more);
    let mut job = dispatcher.sent();
    job.visit = dispatcher.mill.borrow_mut().visit(&job.made).map(Box::new);
    (dispatcher, job)
}

/// Takes the next call of the visit, as sent.
fn called(dispatcher: &Dispatcher) -> Job {
    let (_, job) = dispatcher.calls.borrow_mut().pop_first().unwrap();
    dispatcher.in_flight.set(dispatcher.in_flight.get() + 1);
    let turn = job.made.code.as_ref().unwrap().shown.note_sent();
    Job { sent_ns: clock::now_ns(), sent_ms: clock::unix_ms(), turn, ..job }
}

#[test]
fn a_visit_goes_on_with_the_pass_and_each_answer_must_name_what_it_spent() {
    let (dispatcher, exchange) = visiting();
    let id = Redemption {
        issued_at_s: u32::try_from(clock::unix_s()).unwrap(),
        ..Redemption::parse(b"p1-1800000012-9401acfced36a6bc").unwrap()
    };
    let handed_out =
        Named { redemption: named(&exchange), pass: Some([b'7'; 40]), pass_id: Some(id) };
    dispatcher.note_answer(exchange, YES, handed_out);
    let misdirected = || dispatcher.counters.borrow().seen.misdirected;
    assert_eq!(misdirected(), 0);
    let check = called(&dispatcher);
    assert_eq!((check.made.class, check.redemption()), (Class::PassCheck, Some(id)));
    // It spends nothing, so it must not say that it did.
    let spent = Named { redemption: Some(id), pass: None, pass_id: Some(id) };
    dispatcher.note_answer(check, YES, spent);
    assert_eq!(misdirected(), 1);
    let pass = called(&dispatcher);
    assert_eq!(pass.made.class, Class::Pass);
    let other = Redemption { serial: id.serial + 1, ..id };
    dispatcher.note_answer(pass, YES, Named { pass_id: Some(other), ..spent });
    assert_eq!(misdirected(), 2);
    assert_eq!(dispatcher.counters.borrow().seen.unexpected, 0);
    assert_eq!(dispatcher.next_call_ns(), None);
}

#[test]
fn an_exchange_that_hands_out_no_pass_is_found_out() {
    let (dispatcher, exchange) = visiting();
    let redemption = named(&exchange);
    dispatcher.note_answer(exchange, YES, redemption);
    assert_eq!(dispatcher.counters.borrow().seen.misdirected, 1);
    assert_eq!(dispatcher.next_call_ns(), None);
}
