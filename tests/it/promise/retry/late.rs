//! A repeated request with an expired code still gets the stored answer. The tests run in a
//! sandbox: after any other first start the fence refuses every code that could expire within a
//! test.

use crate::harness::process::run_well;
use crate::harness::{Client, Request, now_ms, until};
use crate::operator::sandbox::Sandbox;

/// Life and skew of a payment code, and the difference that two readings of a clock may have.
const LIFE_MS: i64 = 60_000 + 2_000 + 250;
/// How old the codes are when they pay: old enough to expire soon, young enough for a slow machine.
const AGE_S: i64 = 50;

#[tokio::test]
async fn a_late_code_finds_its_answer_or_what_became_of_it() {
    let sandbox = Sandbox::start().await;
    let issued_at = now_ms() / 1_000 - AGE_S;
    let mint = async |spoil: &[&str]| {
        let keys = ["--keyring", "sandbox/keyring", "--key-id", "7001"];
        let files = ["--signing-key", "sandbox/7001.key.pem", "--subject", "42"];
        let issued_at = issued_at.to_string();
        let time = ["--issued-at", issued_at.as_str()];
        let all = [&["mint"], &keys[..], &files, &time, spoil].concat();
        run_well(sandbox.directory.path(), &all).await.trim().to_owned()
    };
    let [kept, unkept, unused] = [mint(&[]).await, mint(&[]).await, mint(&[]).await];
    let forged = mint(&["--spoil", "signature"]).await;
    let mut client = Client::connect(&sandbox.addresses[0]).await;
    let mut ask = async |request: Request| client.ask(request.bytes()).await;
    let pay = |code: &str| Request::post("/pay").code(code);

    let first = ask(pay(&kept)).await;
    assert_eq!((first.status(), first.field("yanma-outcome")), (200, Some("approved")));
    forget(&sandbox).await;
    assert_eq!(ask(pay(&unkept)).await.status(), 200);
    until(issued_at * 1_000 + LIFE_MS).await;

    let again = ask(pay(&kept)).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!((again.status(), &again.body), (200, &first.body));
    assert_eq!(again.request_id(), first.request_id());
    let other = ask(pay(&kept).body("{}")).await;
    let body = other.assert_refused("code_used");
    assert!(body["redemption"].as_str().is_some_and(|id| again.text().contains(id)));
    ask(pay(&unkept)).await.assert_refused("code_used");
    ask(pay(&unused)).await.assert_refused("code_expired");
    // The code is forged, so the answer tells only what the code itself shows.
    let forged = ask(pay(&forged)).await;
    let body = forged.assert_refused("code_expired");
    assert!(body["redemption"].is_null());
    // A route that spends nothing stores no answers.
    ask(Request::post("/identify").code(&kept)).await.assert_refused("code_expired");
    // What the book says: charged once, and nothing of the code that came too late.
    let redemption = first.field("yanma-redemption").expect("it was spent").to_owned();
    let settled = ask(Request::get(&format!("/query?redemption={redemption}"))).await.json();
    assert_eq!(settled["output"]["state"], "settled", "{settled}");
    assert_eq!(settled["output"]["arrivals_of_redemption"], 1, "{settled}");
}

/// From now on no more answers are kept.
async fn forget(sandbox: &Sandbox) {
    let path = sandbox.directory.path().join("sandbox/gateway.toml");
    let config = std::fs::read_to_string(&path).expect("the sandbox's configuration");
    std::fs::write(&path, format!("{config}\n[retry]\nstore_mib = 0\n")).expect("the same file");
    sandbox.process.signal(rustix::process::Signal::HUP);
    crate::harness::eventually("a reload", async || {
        sandbox.process.said().contains(" info reloaded: ").then_some(())
    })
    .await;
}
