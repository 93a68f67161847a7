use serde_json::json;

use super::super::message::{Desk, Marks};
use super::super::verdict::tests::heard;
use super::*;
use crate::cli::sandbox::pages::messages::Heard;

const NOW: UnixMillis = UnixMillis::new(1_800_000_100_000);
const PASS_ID: &str = "p1-1800000000-0123456789abcdef";

/// A till whose answers a test gives.
struct Counter(Till);

impl Counter {
    fn new() -> Self {
        Self(Till::new(1))
    }

    fn desk(&mut self) -> Desk {
        Desk { institution: "H37010000001", now: NOW, serial: self.0.draw() }
    }

    fn answer(&mut self, sent: &Sent, answer: Result<Heard, String>) {
        let verdict = Verdict::of(sent.verb, &answer);
        let opened = Opened { pass: "pass".into(), pass_id: Some(PASS_ID.into()) };
        self.0.conclude(sent, &verdict, Some(opened));
    }

    fn decode(&mut self, code: &str, answer: Result<Heard, String>) {
        self.0.begin(Verb::Decode).unwrap();
        let bill = format!("bill-{}", self.0.draw());
        let charge = Charge { bill, code: code.into(), redemption: None, msgid: None };
        let call = self.desk().decode(code, Marks::default()).call;
        let sent = Sent { verb: Verb::Decode, call, charge, amount: "100.00".into() };
        self.0.note_sent(&sent);
        self.answer(&sent, answer);
    }

    fn settle(&mut self, answer: Result<Heard, String>) {
        self.0.begin(Verb::Settle).unwrap();
        let letter = self.desk().settle("pass", "100.00", Marks::default());
        let sent = Sent::of_visit(Verb::Settle, self.0.visit().unwrap(), letter);
        self.0.note_sent(&sent);
        self.answer(&sent, answer);
    }

    fn retry(&mut self, answer: Result<Heard, String>) {
        self.0.begin(Verb::Retry).unwrap();
        let sent = self.0.last().unwrap();
        self.answer(&sent, answer);
    }

    fn query(&mut self, state: &str, is_running: bool) {
        self.0.begin(Verb::Query).unwrap();
        let charge = self.0.charge_to_ask().unwrap();
        let book = heard(200, "approved", &json!({"infcode": 0, "output": {"state": state}}));
        self.0.conclude_query(&charge, &Verdict::of(Verb::Query, &book), is_running);
    }

    fn reverse(&mut self, answer: Result<Heard, String>) {
        self.0.begin(Verb::Reverse).unwrap();
        let charge = self.0.charge_to_reverse().unwrap();
        let letter = self.desk().reverse(charge.msgid.as_deref().unwrap(), Marks::default());
        let amount = String::new();
        let sent = Sent { verb: Verb::Reverse, call: letter.call, charge, amount };
        self.0.note_sent(&sent);
        self.answer(&sent, answer);
    }

    /// Whether charging is on, and what the largest button is.
    fn is(&self) -> (bool, String) {
        let shown = self.0.shown(NOW);
        let next = shown["next"].as_str().unwrap().to_owned();
        assert_eq!(shown["may"]["settle"], shown["charging"] == "on");
        (shown["charging"] == "on", next)
    }
}

fn done() -> Result<Heard, String> {
    heard(200, "approved", &json!({"infcode": 0}))
}

fn unknown() -> Result<Heard, String> {
    heard(200, "outcome_unknown", &json!({"infcode": -1, "err_msg": "x"}))
}

fn refused(reason: &str) -> Result<Heard, String> {
    heard(200, reason, &json!({"infcode": 1301, "err_msg": "x"}))
}

fn nothing() -> Result<Heard, String> {
    heard(200, "approved", &json!({"infcode": 7, "err_msg": "未找到原交易"}))
}

#[test]
fn a_visit_pays_once() {
    let mut till = Counter::new();
    assert_eq!(till.0.begin(Verb::Settle), Err(Objection::NoVisit));
    till.decode("a", done());
    assert_eq!(till.is(), (true, "settle".into()));
    assert_eq!(till.0.shown(NOW)["pass_expires_ms"], 1_800_000_900_000_i64);
    till.settle(done());
    assert_eq!(till.is(), (true, "scan".into()));
    assert_eq!(till.0.begin(Verb::Settle), Err(Objection::Finished));
}

#[test]
fn while_it_waits_it_does_nothing_else() {
    let mut till = Counter::new();
    till.0.begin(Verb::Decode).unwrap();
    assert_eq!(till.0.begin(Verb::Decode), Err(Objection::Busy));
    assert_eq!(till.0.shown(NOW)["may"]["settle"], false);
}

#[test]
fn after_an_unknown_outcome_only_the_book_puts_charging_on_again() {
    let unclear = heard(500, "approved", &json!({"infcode": -1}));
    for lost in [unknown(), Err("reset".to_owned()), refused("pass_used"), unclear] {
        let mut till = Counter::new();
        till.decode("a", done());
        till.settle(lost);
        assert_eq!(till.is(), (false, "query".into()));
        assert_eq!(till.0.begin(Verb::Settle), Err(Objection::Off));
        assert_eq!(till.0.begin(Verb::Reverse), Err(Objection::QueryFirst));
        // Scanning stays possible, and the next code changes nothing of it.
        till.decode("b", done());
        assert_eq!(till.0.begin(Verb::Settle), Err(Objection::Off));
        till.decode("c", refused("code_used"));
        assert_eq!(till.is(), (false, "query".into()));
        till.query("settled", false);
        assert_eq!(till.is(), (true, "scan".into()));
    }
}

#[test]
fn what_the_book_has_not_is_reversed_before_charging_goes_on() {
    for end in [done(), nothing()] {
        let mut till = Counter::new();
        till.decode("a", done());
        till.settle(unknown());
        till.query("not_found", true);
        assert_eq!(till.is(), (false, "query".into()), "its request is still under way");
        till.query("not_found", false);
        assert_eq!(till.is(), (false, "reverse".into()));
        assert_eq!(till.0.begin(Verb::Settle), Err(Objection::ReverseFirst));
        till.decode("b", done());
        till.reverse(refused("request_in_flight"));
        assert_eq!(till.is(), (false, "reverse".into()));
        till.reverse(end);
        // The next patient's visit has waited.
        assert_eq!(till.is(), (true, "settle".into()));
        till.settle(done());
    }
}

#[test]
fn a_reversed_or_refunded_bill_is_over() {
    for state in ["reversed", "refunded"] {
        let mut till = Counter::new();
        till.decode("a", done());
        till.settle(unknown());
        till.query(state, false);
        assert_eq!(till.is(), (true, "scan".into()), "{state}");
        assert_eq!(till.0.begin(Verb::Reverse), Err(Objection::NothingToReverse));
    }
}

#[test]
fn the_same_again_can_end_the_doubt_and_nothing_else_of_it_can() {
    let mut till = Counter::new();
    till.decode("a", done());
    till.settle(Err("reset".to_owned()));
    for answer in [unknown(), refused("request_in_flight"), refused("overloaded"), nothing()] {
        till.retry(answer);
        assert_eq!(till.is(), (false, "query".into()));
    }
    till.retry(done());
    assert_eq!(till.is(), (true, "scan".into()));
    assert!(till.0.charge_to_reverse().is_ok(), "it paid");
}

#[test]
fn a_code_that_was_used_elsewhere_is_asked_for_and_never_reversed() {
    for (state, is_running) in [("settled", false), ("not_found", false)] {
        let mut till = Counter::new();
        till.decode("a", refused("code_used"));
        assert_eq!(till.is(), (false, "query".into()));
        assert!(till.0.charge_to_ask().unwrap().msgid.is_none());
        till.query(state, is_running);
        assert_eq!(till.is(), (true, "scan".into()), "{state}");
        assert_eq!(till.0.begin(Verb::Reverse), Err(Objection::NothingToReverse), "{state}");
    }
}

#[test]
fn a_settlement_can_be_taken_back_once() {
    let mut till = Counter::new();
    till.decode("a", done());
    till.settle(done());
    till.query("settled", false);
    till.reverse(done());
    assert_eq!(till.is(), (true, "scan".into()));
    assert_eq!(till.0.begin(Verb::Reverse), Err(Objection::NothingToReverse));
    // The book still tells of it.
    till.query("reversed", false);
    assert_eq!(till.is(), (true, "scan".into()));
}

#[test]
fn a_code_that_is_read_twice_is_one_request_until_it_has_paid() {
    let mut till = Counter::new();
    till.decode("a", done());
    let first = till.0.last().unwrap();
    let again = till.0.decode_again("a").unwrap();
    assert_eq!(again.call.body, first.call.body);
    assert!(till.0.decode_again("b").is_none());
    till.0.begin(Verb::Decode).unwrap();
    till.0.note_sent(&again);
    till.answer(&again, done());
    assert_eq!(till.is(), (true, "settle".into()));
    till.settle(done());
    assert!(till.0.decode_again("a").is_none());
}

#[test]
fn another_code_closes_the_visit_whatever_it_is() {
    let mut till = Counter::new();
    till.decode("a", done());
    till.decode("b", refused("code_expired"));
    assert_eq!(till.0.begin(Verb::Settle), Err(Objection::NoVisit));
    let mut till = Counter::new();
    till.decode("a", done());
    till.settle(refused("pass_expired"));
    assert_eq!(till.is(), (true, "scan".into()));
    till.decode("a", done());
    till.settle(refused("backend_unreachable"));
    assert_eq!(till.is(), (true, "retry".into()), "nothing was sent, and the pass is good");
    till.retry(done());
    assert_eq!(till.is(), (true, "scan".into()));
    till.decode("b", refused("account_frozen"));
    assert_eq!(till.is(), (true, "scan".into()));
}
