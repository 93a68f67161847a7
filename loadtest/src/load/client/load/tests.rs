use std::path::Path;

use tokio::sync::watch;

use super::*;
use crate::judge::ledger::Entry;
use crate::judge::outage::{Change, Memory};
use crate::load::codes::Wish;
use crate::load::codes::tests::site;
use crate::load::signer::Nonces;
use crate::scenario::settings::Scenario;
use crate::site::shelf::Shelf;

const YES: Answer = Answer { status: 200, outcome: Outcome::Approved, is_replayed: false };
const USED: Answer = Answer { status: 409, outcome: Outcome::CodeUsed, is_replayed: false };
const UNKNOWN: Answer =
    Answer { status: 504, outcome: Outcome::OutcomeUnknown, is_replayed: false };

/// A load that replays whatever it may, and begins with a valid code, as there is nothing else.
fn load(outages: &Arc<Outages>) -> Load {
    let dir = tempfile::tempdir().unwrap();
    let text = "about = \"x\"\n[[phase]]\nduration_s = 1\nrate = 1\n[mix]\nreplay_later = 1\n";
    let scenario = Scenario::parse(Path::new("x.toml"), text).unwrap();
    let (_, shelf) = watch::channel(Arc::new(Shelf::read(&site(dir.path(), 1)).unwrap()));
    let ledger = Arc::new(Ledger::new(9));
    let mill = Mill::new(&scenario, shelf, Arc::clone(&ledger), Nonces::new()).unwrap();
    let terms = Terms { backend_breaks: true, ..Terms::default() };
    Load::new(mill, ledger, Arc::clone(outages), terms, false)
}

impl Load {
    /// A request that was sent and waits for its answer.
    fn sent(&self) -> Job {
        self.in_flight.set(self.in_flight.get() + 1);
        let (sent_ns, sent_ms) = (clock::now_ns(), clock::unix_ms());
        let made = self.mill.borrow_mut().next_of_mix();
        let turn = made.code.as_ref().unwrap().shown.send();
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
        let load = load(&Arc::default());
        let job = load.sent();
        let redemption = named(&job).and_then(name);
        load.answered(job, answer, redemption);
        load.tally.borrow().seen.misdirected
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
    outages.expect(&[0], 0, 0);
    let load = load(&outages);
    outages.begin(0);
    load.lost(load.sent());
    assert!(load.only_entry().is_unknown());
    let again = load.sent();
    assert_eq!(again.made.class, Class::ReplayLater);
    let asked = again.asked(Trouble::default(), 0);
    assert_eq!(asked.first, Some(First::Lost));
    assert_eq!(fit(&asked, YES, &load.terms), Fit::Tolerated);
    let redemption = named(&again);
    load.answered(again, YES, redemption);
    assert_eq!((load.ledger.entries().count(), load.only_entry().approvals()), (1, 1));
    assert_eq!(load.tally.borrow().seen.lost_for_nothing, 0);
}

#[test]
fn a_code_of_unknown_outcome_is_shown_again_and_must_not_pass() {
    let load = load(&Arc::default());
    load.answered(load.sent(), UNKNOWN, None);
    assert!(load.only_entry().is_unknown() && !load.only_entry().is_refused());
    let again = load.sent();
    assert_eq!(again.made.class, Class::ReplayLater);
    assert_eq!(fit(&again.asked(Trouble::default(), 0), YES, &load.terms), Fit::Wrong);
    load.answered(again, USED, None);
    assert!(load.only_entry().is_refused());
    assert_eq!(load.tally.borrow().seen.unexpected, 0);
}

#[test]
fn an_answer_that_is_lost_while_all_gateways_live_is_a_fault() {
    let outages = Arc::new(Outages::default());
    outages.expect(&[0], 0, 0);
    let load = load(&outages);
    outages.begin(0);
    outages.end(0, 0, Memory::Kept);
    // The kill is over: it excuses nothing that is sent from here on.
    let job = load.sent();
    load.lost(Job { sent_ns: job.sent_ns + 1, ..job });
    assert_eq!(load.tally.borrow().seen.lost_for_nothing, 1);
}

#[test]
fn a_connection_that_fails_while_its_gateway_lives_is_a_fault_and_one_that_is_down_has_none() {
    let outages = Arc::new(Outages::default());
    outages.expect(&[0, 0], 0, 0);
    let load = Rc::new(load(&outages));
    load.unconnected(0, clock::now_ns());
    load.begin(0);
    outages.begin(1);
    load.unconnected(1, clock::now_ns());
    assert_eq!(load.tally.borrow().seen.unconnected, 0);
    load.unconnected(0, clock::now_ns());
    assert_eq!(load.tally.borrow().seen.unconnected, 1);
}

#[test]
fn a_stored_answer_is_no_second_approval() {
    let load = load(&Arc::default());
    let first = load.sent();
    let redemption = named(&first);
    load.answered(first, YES, redemption);
    let mut again = load.sent();
    again.made.is_same = true;
    load.answered(again, Answer { is_replayed: true, ..YES }, redemption);
    let entry = load.only_entry();
    assert!(entry.is_replayed() && entry.approvals() == 1);
    assert_eq!(load.tally.borrow().seen.unexpected, 0);
    let mut other = load.sent();
    other.made.is_same = false;
    load.answered(other, Answer { is_replayed: true, ..YES }, redemption);
    assert_eq!(load.tally.borrow().seen.unexpected, 1);
}

#[test]
fn a_code_that_was_refused_in_doubt_is_shown_again() {
    let outages = Arc::new(Outages::default());
    outages.expect(&[0], 3, 3);
    (0..2).for_each(|register| outages.register(register, None, Change::Failing));
    let mut load = load(&outages);
    load.terms.has_registers = true;
    let unavailable = Answer::new(503, Outcome::ReplayStoreUnavailable);
    load.answered(load.sent(), unavailable, None);
    assert_eq!(load.tally.borrow().seen.unexpected, 0);
    let again = load.sent();
    assert_eq!(again.made.class, Class::ReplayLater);
    let redemption = named(&again);
    load.answered(again, YES, redemption);
    assert_eq!(load.tally.borrow().seen.unexpected, 0);
}

#[test]
fn copies_are_the_same_as_the_twin_that_passed() {
    let load = load(&Arc::default());
    let mut one = load.sent();
    one.made.class = Class::ReplayAtOnce;
    one.made.is_same = false;
    let two = one.twin();
    assert_eq!([one.wish, two.wish], [Wish::Usual, Wish::Other]);
    load.note(&two, YES, &Trouble::default());
    for _ in 0..20 {
        let copy = load.sent();
        assert_eq!(copy.wish == Wish::Other, copy.made.is_same);
    }
}

#[test]
fn whoever_passed_in_place_of_a_lost_request_is_the_one_whose_answer_is_stored() {
    let outages = Arc::new(Outages::default());
    outages.expect(&[0], 0, 0);
    let load = load(&outages);
    outages.begin(0);
    load.lost(load.sent());
    let copy = |is_same| {
        let mut copy = load.sent();
        copy.made.is_same = is_same;
        copy
    };
    let passed = copy(false);
    let redemption = named(&passed);
    load.answered(passed, YES, redemption);
    load.answered(copy(false), Answer { is_replayed: true, ..YES }, redemption);
    assert_eq!(load.tally.borrow().seen.unexpected, 0);
}
