use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::*;
use crate::clock::NS_PER_S;
use crate::judge::accounts::{AccountCounts, Accounts};
use crate::judge::law::account::Operation;
use crate::judge::law::terms::Terms;
use crate::judge::ledger::Ledger;
use crate::judge::outage::Outages;
use crate::load::client::named::Named;
use crate::load::codes::Mill;
use crate::load::codes::tests::site;
use crate::load::signer::Nonces;
use crate::scenario::settings::Scenario;
use crate::site::active_keys::ActiveKeys;

const YES: Answer = Answer { status: 200, outcome: Outcome::Approved, is_replayed: false };
const FROZEN: Answer = Answer { status: 403, outcome: Outcome::AccountFrozen, is_replayed: false };

/// A dispatcher whose codes are all of one person.
fn dispatcher() -> Dispatcher {
    let dir = tempfile::tempdir().unwrap();
    let text = "about = \"x\"\n[[phase]]\nduration_s = 1\nrate = 1\n[mix]\naccount = 1\n\
                [accounts]\nagain_per_mille = 1000\n";
    let scenario = Scenario::parse(Path::new("x.toml"), text).unwrap();
    let (_, active_keys) =
        watch::channel(Arc::new(ActiveKeys::read(&site(dir.path(), 1)).unwrap()));
    let ledger = Arc::new(Ledger::with_accounts(9, Accounts::new(1, 5, NS_PER_S)));
    let mill = Mill::new(&scenario, active_keys, Arc::clone(&ledger), Nonces::new()).unwrap();
    let outages = Arc::new(Outages::default());
    let dispatcher = Dispatcher::new(mill, ledger, outages, Terms::default(), false);
    dispatcher.stage.set(Stage::Running);
    dispatcher
}

impl Dispatcher {
    /// A request of the person, sent so long ago.
    fn sent_of_person(&self, ago_ns: u64) -> Job {
        self.in_flight.set(self.in_flight.get() + 1);
        let made = self.mill.borrow_mut().next_of_mix();
        let turn = made.code.as_ref().unwrap().shown.note_sent();
        let sent_ns = clock::now_ns() - ago_ns;
        Job { sent_ns, sent_ms: clock::unix_ms(), turn, ..Job::new(made, sent_ns) }
    }

    fn answer_of_person(&self, job: Job, answer: Answer) {
        let named = Named::from(job.redemption());
        self.note_answer(job, answer, named);
    }

    /// A change that was made so long ago, and acknowledged at once.
    fn changed(&self, operation: Operation, ago_ns: u64) {
        let at_ns = clock::now_ns() - ago_ns;
        let change = self.ledger.accounts().begin(0, operation, at_ns);
        self.ledger.accounts().acknowledge(change, at_ns);
    }

    fn account_counts(&self) -> AccountCounts {
        self.ledger.account_counts()
    }

    fn unexpected(&self) -> u64 {
        self.counters.borrow().seen.unexpected
    }

    fn take_call(&self) -> Option<Job> {
        let call = self.calls.borrow_mut().pop_first().map(|(_, job)| job);
        call.and_then(|job| self.unless_frozen(job))
    }
}

#[test]
fn an_approval_after_the_promise_is_wrong_and_one_before_is_not() {
    for (ago_ns, late) in [(NS_PER_S / 2, 0), (2 * NS_PER_S, 1)] {
        let dispatcher = dispatcher();
        dispatcher.changed(Operation::Freeze, ago_ns);
        dispatcher.answer_of_person(dispatcher.sent_of_person(0), YES);
        assert_eq!((dispatcher.account_counts().late, dispatcher.unexpected()), (late, late));
    }
}

#[test]
fn a_request_that_was_sent_before_the_acknowledgement_may_pass_however_late_its_answer_is() {
    let dispatcher = dispatcher();
    let job = dispatcher.sent_of_person(5 * NS_PER_S);
    dispatcher.changed(Operation::Freeze, 4 * NS_PER_S);
    dispatcher.answer_of_person(job, YES);
    assert_eq!((dispatcher.account_counts().late, dispatcher.unexpected()), (0, 0));
}

#[test]
fn a_lost_request_that_must_be_refused_is_late_if_its_code_arrived() {
    let dispatcher = dispatcher();
    dispatcher.changed(Operation::Freeze, 2 * NS_PER_S);
    let job = dispatcher.sent_of_person(0);
    let arrived = job.redemption().unwrap().to_string();
    dispatcher.note_lost(job);
    assert_eq!(dispatcher.account_counts().late_unanswered, 0);
    dispatcher.ledger.arrive(Some(arrived.as_bytes()));
    assert_eq!(dispatcher.account_counts().late_unanswered, 1);
}

#[test]
fn a_refusal_without_a_change_is_wrong() {
    let dispatcher = dispatcher();
    dispatcher.answer_of_person(dispatcher.sent_of_person(0), FROZEN);
    assert_eq!((dispatcher.account_counts().without_cause, dispatcher.unexpected()), (1, 1));
}

#[test]
fn a_code_that_was_refused_as_frozen_waits_for_the_lift_and_is_tried_again() {
    let dispatcher = dispatcher();
    dispatcher.changed(Operation::Freeze, 4 * NS_PER_S);
    let refuse = || {
        let job = dispatcher.sent_of_person(0);
        let code = job.redemption();
        dispatcher.answer_of_person(job, FROZEN);
        code
    };
    // A few looks send it although it may still be frozen.
    let looks = (0..50).map(|_| refuse().and(dispatcher.take_call()));
    let put_off = looks.filter(Option::is_none).count();
    assert!(put_off > 25, "{put_off}");
    dispatcher.calls.borrow_mut().clear();
    let code = refuse();
    dispatcher.changed(Operation::Lift, 2 * NS_PER_S);
    let again = dispatcher.take_call().unwrap();
    assert_eq!((again.made.class, again.redemption()), (Class::AccountAgain, code));
    let turn = again.made.code.as_ref().unwrap().shown.note_sent();
    dispatcher.in_flight.set(1);
    dispatcher.answer_of_person(Job { turn, sent_ns: clock::now_ns(), ..again }, YES);
    assert_eq!((dispatcher.account_counts().given_back, dispatcher.unexpected()), (1, 0));
}
