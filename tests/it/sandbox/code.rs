//! `GET /sandbox/code`: codes for machines that have no `yanma mint`.

use serde_json::Value;

use crate::harness::{Client, Message, Request};
use crate::operator::sandbox::Sandbox;

async fn ask(sandbox: &Sandbox, query: &str, language: &str) -> Message {
    let pages = &sandbox.addresses[3];
    let request = Request::get(&format!("/sandbox/code?{query}"));
    let request = request.host(pages).field("Accept-Language", language);
    Client::connect(pages).await.ask(request.bytes()).await
}

async fn pay(sandbox: &Sandbox, code: &str) -> Message {
    let request = Request::post("/pay").code(code);
    Client::connect(&sandbox.addresses[0]).await.ask(request.bytes()).await
}

#[tokio::test]
async fn a_code_of_the_address_pays_once() {
    let sandbox = Sandbox::start().await;
    let answer = ask(&sandbox, "subject=42&kind=&region=&age_s=&format=digits", "en").await;
    let code = answer.text().strip_suffix('\n').expect("a line feed");
    assert_eq!((answer.status(), code.len()), (200, 255));
    let answer = pay(&sandbox, code).await;
    assert_eq!(answer.field("yanma-outcome"), Some("approved"), "{}", answer.text());
    // The same request again would get the same answer.
    let other = Request::post("/pay").code(code).body("{\"infno\":\"2208\"}");
    let answer = Client::connect(&sandbox.addresses[0]).await.ask(other.bytes()).await;
    answer.assert_refused("code_used");
    for (query, reason) in [
        ("subject=42&age_s=120", "code_expired"),
        ("subject=42&age_s=-60", "code_not_yet_valid"),
        ("subject=42&spoil=signature", "signature_invalid"),
        ("subject=42&spoil=seal", "seal_invalid"),
        ("subject=42&spoil=key", "key_unknown"),
    ] {
        let answer = ask(&sandbox, query, "en").await;
        pay(&sandbox, answer.text().trim_end()).await.assert_refused(reason);
    }
    let json = ask(&sandbox, "subject=18446744073709551615&format=json", "en").await.json();
    assert_eq!(json["subject"], "18446744073709551615");
}

#[tokio::test]
async fn what_is_not_allowed_is_told_in_the_persons_language() {
    let sandbox = Sandbox::start().await;
    let answer = ask(&sandbox, "subject=42&relation=6", "en").await;
    assert_eq!(answer.status(), 400);
    let sentence = answer.json()["error"].as_str().map(str::to_owned).expect("a sentence");
    assert!(sentence.contains("relation") && sentence.contains("1 to 5"), "{sentence}");
    let answer = ask(&sandbox, "subject=42&color=red", "zh-CN").await;
    let Value::String(sentence) = &answer.json()["error"] else { panic!("no sentence") };
    assert!(sentence.contains("color") && sentence.contains("可用"), "{sentence}");
}
