use std::collections::HashSet;

use keyring::time::UnixMillis;
use serde_json::Value;

use super::*;
use crate::request_id::RequestIds;

/// The contract's rows, as its file has them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    refusal: Vec<Row>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    reason: String,
    status: u16,
    error_code: String,
    action: String,
    fault: String,
    produced: bool,
    retry_after: Option<u32>,
    title: String,
    message_zh: String,
}

fn contract() -> Vec<Row> {
    let text = include_str!("../../contract/refusals.toml");
    toml::from_str::<Contract>(text).unwrap().refusal
}

#[test]
fn the_refusals_are_the_contracts_table() {
    let rows = contract();
    assert_eq!(rows.len(), Refusal::ALL.len());
    for (row, refusal) in rows.iter().zip(Refusal::ALL) {
        let reason = row.reason.as_str();
        assert_eq!(refusal.reason(), reason);
        assert_eq!(refusal.status().as_u16(), row.status, "{reason}");
        assert_eq!(refusal.error_code(), row.error_code, "{reason}");
        assert_eq!(refusal.action(), row.action, "{reason}");
        assert_eq!(refusal.retry_after_s(), row.retry_after, "{reason}");
        assert_eq!(refusal.title(), row.title, "{reason}");
        assert_eq!(refusal.message_zh(), row.message_zh, "{reason}");
    }
}

/// Alerts divide all outcomes by fault: a word in none of the classes would be in no alert.
#[test]
fn each_refusal_is_one_partys_fault() {
    const FAULTS: [&str; 6] = ["code", "holder", "policy", "caller", "gateway", "backend"];
    let rows = contract();
    assert!(rows.iter().all(|row| FAULTS.contains(&row.fault.as_str())));
    let gateway: Vec<&str> =
        rows.iter().filter(|row| row.fault == "gateway").map(|row| row.reason.as_str()).collect();
    let own = [
        "overloaded",
        "warming_up",
        "replay_store_unavailable",
        "replay_full",
        "account_state_unavailable",
        "internal_error",
    ];
    assert_eq!(gateway, own);
}

/// A reserved word that no code makes is dead code, which the compiler would find; one that is made
/// although the contract reserves it is found here.
#[test]
fn reserved_words_are_not_made() {
    let rows = contract();
    let reserved = rows.iter().filter(|row| !row.produced).map(|row| row.reason.as_str());
    assert_eq!(reserved.collect::<Vec<_>>(), ["rate_limited", "internal_error"]);
}

#[test]
fn reasons_and_numbers_are_unique_and_indexes_dense() {
    let reasons: HashSet<_> = Refusal::ALL.map(Refusal::reason).into();
    let numbers: HashSet<_> = Refusal::ALL.map(Refusal::error_code).into();
    assert_eq!((reasons.len(), numbers.len()), (Refusal::ALL.len(), Refusal::ALL.len()));
    assert!(Refusal::ALL.iter().enumerate().all(|(i, refusal)| refusal.index() == i));
}

#[test]
fn titles_are_sentences_that_differ() {
    let titles: HashSet<_> = Refusal::ALL.map(Refusal::title).into();
    assert_eq!(titles.len(), Refusal::ALL.len());
    for title in titles {
        assert!(title.is_ascii() && title.ends_with('.') && title.len() <= 64, "{title}");
    }
}

#[test]
fn a_kind_in_the_wrong_place_has_two_reasons() {
    let refusal = |kind| Refusal::of_rejection(Rejection::WrongKind(kind));
    assert_eq!(refusal(Kind::Display), Refusal::DisplayCodeNotPayable);
    assert_eq!(refusal(Kind::Payment), Refusal::PaymentCodeNotAccepted);
}

fn answer(refusal: Refusal, redemption: Option<&str>) -> http::Response<bytes::Bytes> {
    let request_id = RequestIds::new([1, 2]).next();
    let now = UnixMillis::new(1_800_000_000_123);
    let detail = Some("a \"detail\"");
    Problem { refusal, request_id: &request_id, redemption, now, detail }.to_response()
}

#[test]
fn every_answer_is_a_problem_of_rfc_9457() {
    for refusal in Refusal::ALL {
        let response = answer(refusal, None);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(response.status(), refusal.status());
        assert_eq!(body["type"], format!("urn:yanma:refusal:{}", refusal.reason()));
        assert_eq!(body["title"], refusal.title());
        assert_eq!(body["status"], refusal.status().as_u16());
        assert_eq!(body["reason"], refusal.reason());
        assert_eq!(body["error_code"], refusal.error_code());
        assert_eq!(body["action"], refusal.action());
        assert_eq!(body["message_zh"], refusal.message_zh());
        assert_eq!(body["time"], "2027-01-15T08:00:00.123Z");
        assert_eq!(body["detail"], "a \"detail\"");
        assert_eq!(body.get("redemption"), None);
        assert_eq!(response.headers()["yanma-outcome"], refusal.reason());
        assert_eq!(body["request_id"], response.headers()["yanma-request-id"].to_str().unwrap());
        let retry_after = response.headers().get("retry-after").is_some();
        assert_eq!(retry_after, refusal.retry_after_s().is_some());
    }
}

#[test]
fn the_sentence_goes_out_as_utf8_and_the_headers_say_what_the_body_is() {
    let response = answer(Refusal::CodeUsed, Some("7001-1800000000-0123456789abcdef"));
    let text = str::from_utf8(response.body()).unwrap();
    assert!(text.contains(Refusal::CodeUsed.message_zh()), "{text}");
    assert!(text.contains(r#""redemption":"7001-1800000000-0123456789abcdef""#), "{text}");
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["content-length"], text.len().to_string().as_str());
    assert_eq!(headers["yanma-redemption"], "7001-1800000000-0123456789abcdef");
}
