//! What developers of hospital systems copy: each sample pays at a real gateway, and charges once
//! whatever gets lost.

mod between;
mod programs;
mod texts;

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use self::between::{Between, Trouble};
use self::programs::{Program, Run, programs};
use crate::harness::contract::REFUSALS;
use crate::harness::keys::identity;
use crate::harness::process::address;
use crate::harness::project::read;
use crate::harness::{Client, Request};
use crate::operator::sandbox::{Sandbox, shell};

const BILL: &str = "B20261128-0001";
/// A code of WeChat Pay, which is no code of ours.
const WECHAT: &str = "134567890123456789";

/// A program at a till of a sandbox.
struct Till {
    sandbox: Arc<Sandbox>,
    program: &'static Program,
}

impl Till {
    async fn code(&self, options: &str) -> String {
        let examples = self.sandbox.examples();
        let mint = examples.iter().find(|example| example.name == "mint").expect("an example");
        let output = shell(&format!("{} {options}", mint.command)).await;
        let code = String::from_utf8(output.stdout).expect("digits").trim().to_owned();
        assert_eq!(code.len(), 255, "{}", String::from_utf8_lossy(&output.stderr));
        code
    }

    fn gateway(&self) -> &str {
        &self.sandbox.addresses[0]
    }

    /// A bill that no other program pays.
    fn bill(&self) -> String {
        format!("{BILL}-{}", self.program.file)
    }

    async fn pay(&self, between: &Between, scans: &[&str]) -> Run {
        self.program.pay(&between.address, &self.bill(), scans, &[]).await
    }

    /// What the book says of a code: its state, and how often it came to the stand-in.
    async fn book(&self, code: &str) -> (String, Value) {
        let query = Request::get(&format!("/query?redemption={}", identity(code)));
        let answer = Client::connect(self.gateway()).await.ask(query.bytes()).await;
        let found = answer.json()["output"].clone();
        let state = found["state"].as_str().expect("a state").to_owned();
        (state, found["arrivals_of_redemption"].clone())
    }

    async fn assert_charged_once(&self, code: &str) {
        assert_eq!(
            self.book(code).await,
            ("settled".to_owned(), 1.into()),
            "{}",
            self.program.file
        );
    }
}

impl Run {
    fn assert_shown(&self, wanted: &[&str]) {
        assert_eq!(self.screen, wanted, "{}", self.log);
    }

    /// What support asks for is in the log.
    fn assert_logged(&self, reason: &str) {
        let row = row(reason);
        let wanted = format!("outcome={reason} request_id=");
        let line = self.log.lines().find(|line| line.contains(&wanted)).expect(&self.log);
        let id = line.split_once("request_id=").map(|(_, rest)| &rest[..16]).expect("an id");
        assert!(id.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{line}");
        assert!(line.ends_with(&format!(" error_code={}", row.error_code)), "{line}");
    }
}

fn row(reason: &str) -> &'static crate::harness::contract::Row {
    REFUSALS.iter().find(|row| row.reason == reason).expect("a reason of the contract")
}

fn sentence(reason: &str) -> &'static str {
    &row(reason).message_zh
}

fn open(bill: &str) -> String {
    format!("OPEN {bill}: not known whether it was charged. Query it, do not charge again")
}

/// Plays a scene with each program at the same time, all at one sandbox.
async fn each<Scene>(play: impl Fn(Till) -> Scene)
where
    Scene: Future<Output = ()> + Send + 'static,
{
    let programs = programs();
    let sandbox = Arc::new(Sandbox::start().await);
    let mut scenes = JoinSet::new();
    for program in programs {
        scenes.spawn(play(Till { sandbox: Arc::clone(&sandbox), program }));
    }
    while let Some(played) = scenes.join_next().await {
        played.expect("a scene without a failure");
    }
}

#[tokio::test]
async fn a_code_pays() {
    each(|till| async move {
        let code = till.code("").await;
        let mut between = Between::start(till.gateway(), Trouble::Nothing).await;
        let run = till.pay(&between, &[&code]).await;
        run.assert_shown(&[&format!("PAID {} 12.30", till.bill())]);
        assert_eq!(run.exit, Some(0), "{run:?}");
        let [sent] = &between.payments()[..] else { panic!("one payment: {run:?}") };
        assert_eq!(sent.field("idempotency-key"), Some(format!("\"{}\"", till.bill()).as_str()));
        assert_eq!(sent.field("x-request-id"), Some(format!("{}-1", till.bill()).as_str()));
        assert_eq!(sent.field("expect"), None);
        till.assert_charged_once(&code).await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_outcome_that_was_booked_is_found_by_the_query() {
    each(|till| async move {
        let code = till.code("").await;
        let mut between = Between::start(till.gateway(), Trouble::Fault("stall-booked")).await;
        // The second code lies ready. It must not be asked for.
        let run = till.pay(&between, &[&code, &till.code("").await]).await;
        let paid = format!("PAID {} 12.30", till.bill());
        run.assert_shown(&[sentence("outcome_unknown"), &paid]);
        run.assert_logged("outcome_unknown");
        assert_eq!((run.exit, between.payments().len()), (Some(0), 1), "{run:?}");
        till.assert_charged_once(&code).await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_outcome_that_was_not_booked_is_paid_with_a_new_code() {
    each(|till| async move {
        let [code, new] = [till.code("").await, till.code("").await];
        let mut between = Between::start(till.gateway(), Trouble::Fault("stall")).await;
        let run = till.pay(&between, &[&code, &new]).await;
        let bill = till.bill();
        let [not, paid] = [format!("NOT CHARGED {bill}"), format!("PAID {bill} 12.30")];
        run.assert_shown(&[sentence("outcome_unknown"), "没有这笔", &not, &paid]);
        assert_eq!((run.exit, between.payments().len()), (Some(0), 2), "{run:?}");
        assert_eq!(till.book(&code).await.0, "not_found");
        till.assert_charged_once(&new).await;
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_shown_in_the_words_of_the_contract() {
    each(|till| async move {
        let old = till.code("--issued-at $(($(date +%s) - 120))").await;
        let mut between = Between::start(till.gateway(), Trouble::Nothing).await;
        let run = till.pay(&between, &[WECHAT, &old]).await;
        let not = format!("NOT CHARGED {}", till.bill());
        run.assert_shown(&[sentence("wrong_code_type"), &not, sentence("code_expired"), &not]);
        run.assert_logged("wrong_code_type");
        run.assert_logged("code_expired");
        assert_eq!((run.exit, between.payments().len()), (Some(1), 2), "{run:?}");
    })
    .await;
}

#[tokio::test]
async fn a_code_that_paid_another_bill_pays_none_again() {
    each(|till| async move {
        let code = till.code("").await;
        let mut between = Between::start(till.gateway(), Trouble::Nothing).await;
        let (other, bill) = (format!("{}-other", till.bill()), till.bill());
        let run = till.program.pay(&between.address, &other, &[&code], &[]).await;
        assert_eq!(run.exit, Some(0), "{run:?}");
        let run = till.pay(&between, &[&code]).await;
        let found = format!("THIS CODE HAS PAID {other}, NOT {bill}");
        run.assert_shown(&[sentence("code_used"), &found, &format!("NOT CHARGED {bill}")]);
        run.assert_logged("code_used");
        assert_eq!((run.exit, between.payments().len()), (Some(1), 2), "{run:?}");
        till.assert_charged_once(&code).await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_reason_to_send_again() {
    for trouble in [Trouble::NoAnswer, Trouble::HalfAnAnswer] {
        each(move |till| async move {
            let code = till.code("").await;
            let mut between = Between::start(till.gateway(), trouble).await;
            // The refusal comes first, so that a library that keeps connections has one that breaks.
            let run = till.pay(&between, &[WECHAT, &code]).await;
            assert_eq!(run.screen.last(), Some(&format!("PAID {} 12.30", till.bill())), "{run:?}");
            let said_so = run.screen.iter().filter(|line| line.starts_with("NO ANSWER: ")).count();
            assert_eq!((run.exit, said_so), (Some(0), 1), "{run:?}");
            assert_eq!(between.payments().len(), 2, "{trouble:?}: {run:?}");
            till.assert_charged_once(&code).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again_byte_for_byte() {
    each(|till| async move {
        let code = till.code("").await;
        let mut between = Between::start(till.gateway(), Trouble::NoRequest).await;
        let run = till.pay(&between, &[&code]).await;
        assert!(run.screen[0].starts_with("NO ANSWER: "), "{run:?}");
        assert_eq!(run.screen[1..], [format!("PAID {} 12.30", till.bill())], "{run:?}");
        assert!(run.log.contains(" state=not_seen\n"), "{run:?}");
        let [first, second] = &between.payments()[..] else { panic!("two payments: {run:?}") };
        for name in ["yanma-code", "idempotency-key", "content-type"] {
            assert_eq!(first.field(name), second.field(name), "{name}");
        }
        assert_eq!((&first.start, &first.body), (&second.start, &second.body));
        till.assert_charged_once(&code).await;
    })
    .await;
}

#[tokio::test]
async fn a_till_that_waits_no_longer_asks_until_the_request_is_over() {
    each(|till| async move {
        let code = till.code("").await;
        let mut between = Between::start(till.gateway(), Trouble::Late).await;
        let run = till.program.pay(&between.address, &till.bill(), &[&code], &["3"]).await;
        assert!(run.screen[0].starts_with("NO ANSWER: "), "{run:?}");
        assert!(run.log.contains(" state=running\n"), "{run:?}");
        assert_eq!(run.screen[1..], [format!("PAID {} 12.30", till.bill())], "{run:?}");
        assert_eq!((run.exit, between.payments().len()), (Some(0), 1), "{run:?}");
        till.assert_charged_once(&code).await;
    })
    .await;
}

#[tokio::test]
async fn without_an_answer_to_the_query_the_bill_stays_open() {
    each(|till| async move {
        let [code, new] = [till.code("").await, till.code("").await];
        let trouble = Trouble::FaultAndNoQuery("stall-booked");
        let mut between = Between::start(till.gateway(), trouble).await;
        let run = till.pay(&between, &[&code, &new]).await;
        run.assert_shown(&[sentence("outcome_unknown"), &open(&till.bill())]);
        assert_eq!((run.exit, between.payments().len()), (Some(3), 1), "{run:?}");
        till.assert_charged_once(&code).await;
    })
    .await;
}

#[tokio::test]
async fn where_nothing_listens_the_bill_stays_open() {
    each(|till| async move {
        let [code, new] = [till.code("").await, till.code("").await];
        let run = till.program.pay(&address(), &till.bill(), &[&code, &new], &[]).await;
        assert!(run.screen[0].starts_with("NO ANSWER: "), "{run:?}");
        assert_eq!(run.screen[1..], [open(&till.bill())], "{run:?}");
        assert_eq!(run.exit, Some(3), "{run:?}");
        assert_eq!(till.book(&new).await.0, "not_found");
    })
    .await;
}

#[tokio::test]
async fn the_command_of_the_readme_works_as_pasted() {
    let sandbox = Sandbox::start().await;
    let readme = read(&programs::sample("README.md"));
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let [gateway, _, _, pages] = &sandbox.addresses;
    let command = block.expect("a command").replace("127.0.0.1:7460", gateway);
    // A test has an address of its own, and the pages know the usual ones by name alone.
    let (_, port) = pages.split_once(':').expect("a port");
    let request = format!("-H 'Host: 127.0.0.1:{port}' 'http://{pages}");
    let command = command.replace("'http://127.0.0.1:7463", &request);
    let folder = programs::sample("");
    let output = shell(&format!("cd '{}' && {command}", folder.display())).await;
    let screen = String::from_utf8_lossy(&output.stdout);
    assert_eq!(screen, "PAID B1 12.30\n", "{}", String::from_utf8_lossy(&output.stderr));
}
