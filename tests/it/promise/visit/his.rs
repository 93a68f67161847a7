//! A hospital system in another language, written from the national interface alone, meets the
//! sandbox's stand-in of the national platform.

use crate::harness::python::python;
use crate::harness::{Client, Request};
use crate::operator::sandbox::{Sandbox, shell};

/// The national platform's own code, which says nothing of its holder.
const CODE: &str = "4240123456789012345678370000";
const SCANNED: [&str; 4] = [
    "1162 ok token=SANDBOX-TOKEN-000000001",
    "1101 ok psn_no=SANDBOX",
    "2201 ok mdtrt_id=VISIT000000002",
    "2206 ok psn_cash_pay=85.00",
];

/// Behind the gateway the platform knows whose pass it is.
const KNOWN: [&str; 3] =
    ["1101 ok psn_no=42", "2201 ok mdtrt_id=VISIT000000001", "2206 ok psn_cash_pay=85.00"];

/// The same through the gateway, with a fresh code. The first line ends with the pass.
async fn through_the_gateway(arguments: &[&str]) -> Vec<String> {
    let sandbox = Sandbox::start().await;
    let url = format!("http://{}", sandbox.addresses[0]);
    let examples = sandbox.examples();
    let mint = examples.iter().find(|example| example.name == "mint").expect("an example");
    let minted = shell(&mint.command).await;
    let code = String::from_utf8(minted.stdout).expect("digits");
    let output = python("his.py", &[&[url.as_str()], arguments, &[code.trim()]].concat()).await;
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}:\n{said}{problem}");
    said.lines().map(str::to_owned).collect()
}

/// One scan, one settlement, and the pass is what the platform's decoding gave before.
#[tokio::test]
async fn a_visit_goes_through_the_gateway_as_it_went_without_one() {
    for (charset, input, decode, path, decode_path) in [
        ("utf-8", "object", "bare", "/uif", "/api/ecqrcode"),
        ("utf-8", "string", "fsi", "/uif", "/api/ecqrcode"),
        ("gbk", "object", "bare", "/uif/gbk", "/api/ecqrcode/gbk"),
    ] {
        let form = ["--charset", charset, "--input", input, "--decode", decode, "--path", path];
        let decode_path = ["--decode-path", decode_path, "visit"];
        let found = through_the_gateway(&[&form[..], &decode_path].concat()).await;
        let token = found[0].strip_prefix("1162 ok token=").expect("a token");
        assert_eq!(token.len(), 40, "{form:?}: {token}");
        assert_eq!(found[1..4], KNOWN, "{form:?}");
        assert!(found[4].starts_with("2207 ok setl_id="), "{form:?}: {found:?}");
    }
}

/// The code that the national platform uses today is let through once, and its own token after it.
#[tokio::test]
async fn todays_national_code_serves_a_visit_and_is_decoded_once() {
    let sandbox = Sandbox::start().await;
    let url = format!("http://{}", sandbox.addresses[0]);
    let visit = async |institution: &str, mode: &str| {
        let arguments = [url.as_str(), "--institution", institution, mode, CODE];
        let output = python("his.py", &arguments).await;
        assert!(output.status.success(), "{mode}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let found = visit("H37010000001", "visit").await;
    let found: Vec<_> = found.lines().collect();
    assert_eq!(found[..4], SCANNED);
    assert!(found[4].starts_with("2207 ok setl_id="), "{found:?}");
    let elsewhere = visit("H37010000002", "refused").await;
    assert!(elsewhere.starts_with("1162 refused 1301 "), "{elsewhere}");
}

/// A retry of the decoding gets its answer again, and the platform hears what little is known.
#[tokio::test]
async fn an_opaque_code_is_reserved_for_one_request() {
    let sandbox = Sandbox::start().await;
    let ask = async |office: &str| {
        let body = format!("{{\"data\":{{\"officeId\":\"{office}\",\"ecQrCode\":\"{CODE}\"}}}}");
        let request = Request::post("/api/ecqrcode").body(body);
        let request = request.field("Content-Type", "application/json");
        Client::connect(&sandbox.addresses[0]).await.ask(request.bytes()).await
    };
    let decoded = ask("1").await;
    assert_eq!((decoded.status(), decoded.field("yanma-outcome")), (200, Some("opaque")));
    for name in ["yanma-redemption", "yanma-pass", "yanma-pass-id"] {
        assert_eq!(decoded.field(name), None, "{name}");
    }
    let body = decoded.json();
    let told = &body["data"]["received"]["headers"];
    assert_eq!(told["yanma-class"], "opaque");
    assert_eq!(told["yanma-reservation"], "ebd47473358a941eed15fbf4eba5c2a0");
    assert_eq!(told["yanma-opaque-province"], "37");
    for name in ["yanma-redemption", "yanma-subject", "yanma-pass", "yanma-code-id"] {
        assert!(told.get(name).is_none(), "{name}: {told}");
    }
    let again = ask("1").await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.body, decoded.body);
    assert_eq!(ask("2").await.json()["code"], 1301);
}

/// -1 comes for an unknown settlement alone, and its reversal finds it.
#[tokio::test]
async fn a_settlement_that_the_gateway_lost_is_reversed() {
    let found = through_the_gateway(&["--fault", "reset-booked", "unknown"]).await;
    assert!(found[4].starts_with("2207 unknown "), "{found:?}");
    assert!(found[5].starts_with("2601 ok omsgid=H37010000001"), "{found:?}");
}

/// What the hospital system prints, a line for each step, at a platform with an empty book.
async fn steps(arguments: &[&str]) -> Vec<String> {
    let sandbox = Sandbox::start().await;
    let url = format!("http://{}", sandbox.addresses[2]);
    let output = python("his.py", &[&[url.as_str()], arguments].concat()).await;
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}:\n{said}{problem}");
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_hospital_system_judges_answers_of_every_kind() {
    let output = python("his.py", &["--self-test"]).await;
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problem}");
}

#[tokio::test]
async fn one_scan_serves_a_visit_in_both_charsets_and_both_forms() {
    for (charset, input, decode, path) in [
        ("utf-8", "object", "bare", "/uif"),
        ("utf-8", "string", "fsi", "/uif"),
        ("gbk", "object", "fsi", "/uif"),
        ("gbk", "string", "bare", "/uif/gbk"),
    ] {
        let form = ["--charset", charset, "--input", input, "--decode", decode, "--path", path];
        let found = steps(&[&form[..], &["visit", CODE]].concat()).await;
        assert_eq!(found[..4], SCANNED, "{form:?}");
        assert_eq!(found[4..], ["2207 ok setl_id=SANDBOX000000003"], "{form:?}");
    }
}

#[tokio::test]
async fn a_settlement_is_given_back() {
    let found = steps(&["refund", CODE]).await;
    assert_eq!(found[5..], ["2208 ok setl_id=SANDBOX000000004"]);
}

#[tokio::test]
async fn a_refusal_is_a_sentence_for_the_cashier() {
    let of_payment = "134567890123456789";
    for form in [["--decode", "bare"], ["--decode", "fsi"]] {
        let found =
            steps(&[&form[..], &["--charset", "gbk", "refused", of_payment]].concat()).await;
        assert_eq!(found, ["1162 refused 3 扫到的不是医保码，请患者打开“医保码”再扫"]);
    }
}

#[tokio::test]
async fn a_settlement_whose_answer_is_lost_is_reversed() {
    for (fault, timeout) in [("stall-booked", "1"), ("reset-booked", "60"), ("half-booked", "60")] {
        let found = steps(&["--fault", fault, "--timeout", timeout, "unknown", CODE]).await;
        assert_eq!(found[..4], SCANNED, "{fault}");
        assert!(found[4].starts_with("2207 unknown 没有收到完整的结果"), "{fault}: {found:?}");
        assert!(found[5].starts_with("2601 ok omsgid=H37010000001"), "{fault}: {found:?}");
        assert_eq!(found.len(), 6, "{fault}: {found:?}");
    }
}

#[tokio::test]
async fn a_settlement_that_was_not_booked_leaves_nothing_to_reverse() {
    for (fault, timeout) in [("stall", "1"), ("reset", "60"), ("half", "60"), ("error", "60")] {
        let found = steps(&["--fault", fault, "--timeout", timeout, "unknown", CODE]).await;
        assert!(found[4].starts_with("2207 unknown "), "{fault}: {found:?}");
        assert!(found[5].starts_with("2601 refused 7 未找到原交易"), "{fault}: {found:?}");
        assert_eq!(found[6..], ["2601 ok nothing to reverse"], "{fault}");
    }
}

/// The two commands that show why to query first: the outcome is unknown in both.
#[tokio::test]
async fn the_book_tells_which_unknown_outcome_was_charged() {
    let sandbox = Sandbox::start().await;
    for (name, state) in
        [("query-booked", "settled"), ("query-not-booked", "not_found"), ("query", "settled")]
    {
        let examples = sandbox.examples();
        let example = examples.iter().find(|example| example.name == name).expect("an example");
        let output = shell(&example.command).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(&format!("\"state\": \"{state}\"")), "{name}: {said}");
    }
}
