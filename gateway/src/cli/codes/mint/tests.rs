use clap::Parser;
use keyring::ceremony::pass as ceremony;
use keyring::code::{Kinds, UnverifiedCode};
use keyring::key::KeyState;
use keyring::pass::{Institution, LIFE_S_MAX, UnverifiedPass};
use keyring::verify::{Rejection, Rules, TimeRules, VerifiedCode};

use super::*;
use crate::cli::tests::testing::{Issuer, NOW};

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
}

/// What the program writes to standard output.
pub(in crate::cli) fn output<'a>(
    options: impl IntoIterator<Item = &'a str>,
    now: UnixMillis,
) -> Result<String, Failure> {
    let program = Program::try_parse_from(["mint"].into_iter().chain(options)).unwrap();
    let mut out = Vec::new();
    mint(&program.arguments, now, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn verify(issuer: &Issuer, text: &str) -> Result<VerifiedCode, Rejection> {
    let time = TimeRules { skew_ms: 2_000, display_days: 180 };
    let rules = Rules { kinds: Kinds::BOTH, time, recognise_late: false };
    let code = UnverifiedCode::parse(text.as_bytes()).unwrap();
    issuer.keys().verify(&code, &rules, NOW).map_err(|rejected| rejected.rejection)
}

#[test]
fn a_minted_code_says_what_was_asked_for() {
    let issuer = Issuer::new();
    let options = "--region 440300 --kind display --auth face --relation 3 --epoch 7";
    let text = issuer.mint(&options.split(' ').collect::<Vec<_>>()).unwrap();
    let code = verify(&issuer, &text).unwrap();
    assert_eq!(code.kind(), Kind::Display);
    assert_eq!((code.region().get(), code.auth()), (440_300, Auth::Face));
    assert_eq!((code.subject().get(), code.relation(), code.epoch()), (42, 3, 7));
    assert_eq!(code.issued_at().millis(), NOW);
}

#[test]
fn the_defaults_are_those_of_an_order() {
    let issuer = Issuer::new();
    let code = verify(&issuer, &issuer.mint(&[]).unwrap()).unwrap();
    let order = Order::of(Subject::new(42).unwrap(), IssuedAt::from_time(NOW).unwrap());
    let made = Spec {
        kind: code.kind(),
        issued_at: code.issued_at(),
        region: code.region(),
        auth: code.auth(),
        subject: code.subject(),
        epoch: code.epoch(),
        relation: code.relation(),
    };
    assert_eq!(made, order.spec);
}

#[test]
fn codes_are_a_line_each_and_all_different() {
    let text = Issuer::new().mint(&["--count", "3"]).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    assert!(lines.iter().all(|line| line.len() == 255 && line.bytes().all(|b| b.is_ascii_digit())));
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_spoiled_code_has_one_fault() {
    let issuer = Issuer::new();
    for (what, rejection) in [
        ("signature", Rejection::SignatureInvalid),
        ("seal", Rejection::SealInvalid),
        ("key", Rejection::KeyUnknown),
    ] {
        let text = issuer.mint(&["--spoil", what]).unwrap();
        assert_eq!(verify(&issuer, &text).unwrap_err(), rejection);
    }
}

#[test]
fn json_holds_the_code_and_what_it_says() {
    let issuer = Issuer::new();
    let text = issuer.mint(&["--format", "json", "--issued-at", "1799999990"]).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    let identity = verify(&issuer, line["code"].as_str().unwrap()).unwrap().identity();
    assert_eq!(line["code_id"], identity.to_string());
    assert_eq!(line["issued_at"], 1_799_999_990);
    assert_eq!(line["subject"], "42");
}

/// A number of JSON is a double to JavaScript and jq: it holds whole numbers up to 2^53.
#[test]
fn json_holds_no_number_that_a_double_would_change() {
    let subject = u64::MAX.to_string();
    let text = Issuer::new().mint_for(&subject, &["--format", "json"]).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["subject"], subject);
    for (name, value) in line.as_object().unwrap() {
        let exact = value.as_u64().is_none_or(|number| number < 1 << 53);
        assert!(exact, "{name}: {value}");
    }
}

#[test]
fn only_active_keys_mint() {
    let issuer = Issuer::new();
    for state in [KeyState::Retiring, KeyState::Revoked] {
        issuer.set_state(state);
        let failure = issuer.mint(&[]).unwrap_err();
        assert_eq!(failure.status(), 78);
        let text = failure.to_string();
        assert!(text.contains(&format!("key 7001 is {state}; allowed: active")), "{text}");
    }
}

#[test]
fn a_key_that_is_not_in_the_keyring_does_not_mint() {
    let failure = Issuer::new().mint(&["--key-id", "7002"]).unwrap_err();
    assert_eq!(failure.status(), 78);
    assert!(failure.to_string().ends_with("keyring.toml: there is no key 7002"));
}

#[test]
fn another_keys_private_half_does_not_mint() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    std::fs::copy(other.signing_key(), issuer.signing_key()).unwrap();
    let failure = issuer.mint(&[]).unwrap_err();
    assert_eq!(failure.status(), 78);
    assert!(failure.to_string().contains("7001.key.pem: "), "{failure}");
}

#[test]
fn a_moment_that_no_code_can_say_is_a_wrong_argument() {
    let failure = Issuer::new().mint(&["--issued-at", "4294967296"]).unwrap_err();
    assert_eq!(failure.status(), 64);
}

/// An issuer whose keyring makes passes.
fn issuer_of_passes() -> Issuer {
    let issuer = Issuer::new();
    let id = ceremony::generate(&issuer.keyring(), None).unwrap();
    ceremony::activate(&issuer.keyring(), id).unwrap();
    issuer
}

#[test]
fn a_pass_is_what_an_exchange_gives_for_the_code() {
    let issuer = issuer_of_passes();
    let options = "--format pass --institution H37010000001 --relation 3 --auth face --count 128";
    let text = issuer.mint(&options.split(' ').collect::<Vec<_>>()).unwrap();
    let mut texts: Vec<&str> = text.lines().collect();
    let hospital: Institution = "H37010000001".parse().unwrap();
    for text in &texts {
        let pass = UnverifiedPass::parse(text.as_bytes()).unwrap();
        let pass = issuer.keys().open_pass(&pass, &hospital, NOW).unwrap();
        assert_eq!((pass.subject().get(), pass.relation(), pass.auth()), (42, 3, Auth::Face));
        assert_eq!((pass.minted_at().millis(), pass.issuer()), (NOW, Issuer::key_id()));
    }
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 128);
}

#[test]
fn an_old_pass_is_made_by_an_old_code() {
    let issuer = issuer_of_passes();
    let text = issuer.mint(&["--format", "pass", "--issued-at", "1799999000"]).unwrap();
    let pass = UnverifiedPass::parse(text.trim_end().as_bytes()).unwrap();
    let pass = issuer.keys().open_pass(&pass, &Institution::NONE, NOW).unwrap();
    assert_eq!(pass.age_ms(NOW), 1_000_000);
    assert!(pass.is_over(NOW, LIFE_S_MAX));
}

#[test]
fn what_passes_do_not_have_is_a_wrong_argument() {
    let issuer = issuer_of_passes();
    for options in [
        &["--institution", "H37010000001"][..],
        &["--format", "pass", "--kind", "display"],
        &["--format", "pass", "--spoil", "seal"],
        &["--format", "pass", "--count", "129"],
    ] {
        assert_eq!(issuer.mint(options).unwrap_err().status(), 64, "{options:?}");
    }
}

#[test]
fn no_pass_is_made_without_an_active_secret_or_outside_the_keys_dates() {
    let failure = Issuer::new().mint(&["--format", "pass"]).unwrap_err();
    assert_eq!(failure.status(), 78);
    assert!(failure.to_string().contains("no [[pass_secret]] of the keyring is active"));
    let issuer = issuer_of_passes();
    let failure = issuer.mint(&["--format", "pass", "--issued-at", "1"]).unwrap_err();
    assert_eq!(failure.status(), 78);
    assert!(failure.to_string().contains("outside the dates of the issuer's key"), "{failure}");
}
