use std::collections::BTreeMap;
use std::path::Path;
#[expect(clippy::disallowed_types, reason = "a stand-in for tests")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::judge::law::account::{Shown, Voucher};
use crate::net::stream::{Inbox, Listener, Stream};

const TOKEN: &str = "a token of 32 letters, or so more";

/// A stand-in for the writing API. It holds what it acknowledges, and errs as it is told.
struct Api {
    errs: Errs,
    requests: AtomicU64,
    #[expect(clippy::disallowed_types, reason = "a stand-in for tests")]
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    number: u64,
    held: BTreeMap<String, u64>,
    /// How often each request came.
    names: BTreeMap<String, u64>,
}

/// How it errs. A number says that each so many-th request is concerned; 0: none.
#[derive(Copy, Clone, Default)]
struct Errs {
    lost: u64,
    not_acknowledged: u64,
    unavailable: u64,
    forgets: bool,
    lifts_any: bool,
    forbids: bool,
}

impl Api {
    fn answer(&self, request: &str) -> Option<(u16, String)> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let is_turn = |every: u64| every > 0 && number.is_multiple_of(every);
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Authorization: Bearer {TOKEN}\r\n")), "{head}");
        let asked: serde_json::Value = serde_json::from_str(body).unwrap();
        let name = asked["request"].as_str().unwrap().to_owned();
        let mut book = self.book.lock().unwrap();
        *book.names.entry(name).or_default() += 1;
        if is_turn(self.errs.unavailable) {
            return Some((503, problem("unavailable")));
        }
        if self.errs.forbids {
            return Some((403, problem("not_allowed")));
        }
        let answer = book.change(&asked["changes"][0], &self.errs);
        if is_turn(self.errs.not_acknowledged) {
            return Some((503, problem("not_acknowledged")));
        }
        (!is_turn(self.errs.lost)).then_some(answer)
    }
}

impl Book {
    fn change(&mut self, change: &serde_json::Value, errs: &Errs) -> (u16, String) {
        let subject = change["subject"].as_str().unwrap().to_owned();
        let made = |freeze: serde_json::Value, changed: bool| {
            let result =
                serde_json::json!({"subject": subject, "freeze": freeze, "changed": changed});
            (200, serde_json::json!({"results": [result]}).to_string())
        };
        match change["op"].as_str().unwrap() {
            "freeze" => {
                self.number += 1;
                if !errs.forgets {
                    self.held.insert(subject.clone(), self.number);
                }
                made(self.number.to_string().into(), true)
            }
            "unfreeze" => {
                let named: u64 = change["freeze"].as_str().unwrap().parse().unwrap();
                match self.held.get(&subject) {
                    Some(held) if *held > named && !errs.lifts_any => {
                        (409, problem("newer_freeze"))
                    }
                    held => {
                        let changed = held.is_some();
                        self.held.remove(&subject);
                        made(serde_json::Value::Null, changed)
                    }
                }
            }
            _ => made(serde_json::Value::Null, true),
        }
    }
}

fn problem(reason: &str) -> String {
    serde_json::json!({"reason": reason, "detail": "as the test wishes"}).to_string()
}

async fn serve(listener: Listener, api: Arc<Api>) {
    loop {
        let stream = listener.accept().await.unwrap();
        let api = Arc::clone(&api);
        tokio::spawn(async move { converse(&stream, &api).await });
    }
}

async fn converse(stream: &Stream, api: &Api) {
    let mut inbox = Inbox::new(8_192);
    while inbox.fill(stream).await.unwrap_or(false) {
        let text = String::from_utf8(inbox.filled().to_vec()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() < length.unwrap().parse().unwrap() {
            continue;
        }
        if let Some((status, body)) = api.answer(&text) {
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        return;
    }
}

fn orders(directory: &Path, gateways: Vec<Address>) -> ChangeOrders {
    let text = "about = \"x\"\n[[phase]]\nduration_s = 1\nrate = 1\n[mix]\naccount = 1\n\
                [accounts]\npeople = 12\nfreezes_per_s = 60\nlifts_per_s = 60\nunbinds_per_s = 20\n\
                held_ms = 50\nwriters = 3\n";
    let scenario =
        crate::scenario::settings::Scenario::parse(&directory.join("x.toml"), text).unwrap();
    let accounts = Accounts::new(12, 1, NS_PER_S);
    let ledger = Arc::new(Ledger::with_accounts(0, accounts));
    let settings = scenario.accounts.unwrap();
    ChangeOrders { settings, gateways, token: TOKEN.to_owned(), ledger }
}

/// Changes for a second and a half, at a gateway that errs so and at one that is not there.
async fn changed(errs: Errs) -> (Arc<Ledger>, Arc<Api>) {
    let directory = tempfile::tempdir().unwrap();
    let address = Address::Unix(directory.path().join("api.sock"));
    let listener = Listener::bind(&address).await.unwrap();
    #[expect(clippy::disallowed_types, reason = "a stand-in for tests")]
    let book = Mutex::default();
    let api = Arc::new(Api { errs, requests: AtomicU64::new(0), book });
    let served = tokio::spawn(serve(listener, Arc::clone(&api)));
    let nowhere = Address::Unix(directory.path().join("nowhere.sock"));
    let orders = orders(directory.path(), vec![address, nowhere]);
    let begin_ns = clock::now_ns();
    let end_ns = begin_ns + 3 * NS_PER_S / 2;
    let times = Times { begin_ns, measured_ns: begin_ns, end_ns };
    let ledger = Arc::clone(&orders.ledger);
    ChangeThread::start(orders, times).unwrap().wait_until_done().await.unwrap();
    served.abort();
    (ledger, api)
}

#[tokio::test]
async fn a_change_without_an_acknowledgement_is_sent_again_under_its_name_until_it_has_one() {
    let errs = Errs { lost: 5, not_acknowledged: 7, unavailable: 11, ..Errs::default() };
    let (ledger, api) = changed(errs).await;
    let counts = ledger.account_counts();
    assert_eq!(counts.changes_refused, 0, "{:?}", counts.refusals);
    assert_eq!((counts.never_acknowledged(), counts.freezes_gone), (0, 0));
    for count in counts.changes {
        assert!(count.acknowledged > 3 && count.may_hold > 0, "{counts:?}");
    }
    assert!(counts.old_lifts > 0 && counts.old_lifts_made == 0, "{counts:?}");
    assert!(counts.changes_unconnected > 0 && counts.changes_unanswered > 0, "{counts:?}");
    let book = api.book.lock().unwrap();
    let again: u64 = book.names.values().map(|times| times - 1).sum();
    assert!(again >= counts.changes_unanswered, "{again}");
    // What the judge holds for frozen is what the stand-in holds.
    for person in 0..12 {
        let voucher = Voucher { person, channel: 0, epoch: u16::MAX, minted_from_ns: None };
        let later_ns = clock::now_ns() + 10 * NS_PER_S;
        let shown = Shown { voucher, sent_ns: later_ns, answered_ns: later_ns };
        let standing = ledger.accounts().standing(&shown);
        let subject = ledger.accounts().subject(person).to_string();
        assert_eq!(standing.must_be_refused, book.held.contains_key(&subject), "{subject}");
        assert_eq!(standing.may_be_frozen, standing.must_be_refused);
    }
}

#[tokio::test]
async fn a_store_that_forgets_freezes_or_lets_an_old_lift_undo_a_new_one_is_found_out() {
    let (forgets, lifts) = tokio::join!(
        changed(Errs { forgets: true, ..Errs::default() }),
        changed(Errs { lifts_any: true, ..Errs::default() }),
    );
    let forgets = forgets.0.account_counts();
    assert!(forgets.freezes_gone > 0, "{forgets:?}");
    let lifts = lifts.0.account_counts();
    assert!(lifts.old_lifts_made > 0, "{lifts:?}");
}

#[tokio::test]
async fn a_change_that_was_answered_as_not_acknowledged_may_hold() {
    let counts = changed(Errs { not_acknowledged: 3, ..Errs::default() }).await.0.account_counts();
    let may_hold: u64 = counts.changes.iter().map(|count| count.may_hold).sum();
    assert!(may_hold > 5 && counts.changes_unanswered >= may_hold, "{counts:?}");
    let counts = changed(Errs { unavailable: 3, ..Errs::default() }).await.0.account_counts();
    assert_eq!(counts.changes.map(|count| count.may_hold), [0; 3], "{counts:?}");
    assert!(counts.changes_put_off > 5 && counts.changes_refused == 0, "{counts:?}");
}

#[tokio::test]
async fn changes_that_find_no_gateway_are_told_and_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(directory.path(), vec![Address::Unix(directory.path().join("no.sock"))]);
    let accounts = Arc::clone(&orders.ledger);
    let writers = Writers::new(orders, clock::now_ns() + NS_PER_S / 10);
    let next = writers.next(0).unwrap();
    writers.make(next).await;
    let counts = accounts.account_counts();
    assert!(counts.changes_unconnected > 0 && counts.never_acknowledged() == 1, "{counts:?}");
    assert!(counts.has_shown_nothing());
}

#[tokio::test]
async fn a_change_that_is_refused_is_a_fault_and_explains_nothing() {
    let counts = changed(Errs { forbids: true, ..Errs::default() }).await.0.account_counts();
    assert!(counts.changes_refused > 10 && counts.never_acknowledged() == 0, "{counts:?}");
    assert!(counts.refusals[0].ends_with("403 not_allowed as the test wishes"), "{counts:?}");
}

#[test]
fn each_kind_is_due_at_its_own_rate() {
    let due: Vec<_> = Due::new([2, 1, 0], 100).take(4).collect();
    let half_ns = NS_PER_S / 2;
    assert_eq!(due, [(0, 100), (1, 100), (0, 100 + half_ns), (0, 100 + NS_PER_S)]);
    assert_eq!(Due::new([0; 3], 0).next(), None);
}
