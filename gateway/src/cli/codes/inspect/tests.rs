use keyring::key::KeyState;

use super::*;
use crate::cli::tests::testing::{DAY_MS, Issuer, NOW};

fn inspect(text: &[u8], keys: Option<&KeySet>, at: UnixMillis) -> (Option<Refusal>, String) {
    let mut out = Vec::new();
    let refusal = report(text, keys, at, false, &mut out).unwrap();
    (refusal, String::from_utf8(out).unwrap())
}

/// What one check says: the words behind its name.
fn check<'a>(output: &'a str, name: &str) -> &'a str {
    let line = output.lines().find(|line| line.split_whitespace().next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{output}"));
    line.trim_start().strip_prefix(name).unwrap().trim_start()
}

/// The first word of every check that a keyring allows.
fn verdicts(output: &str) -> [&str; 5] {
    ["key", "time", "signature", "seal", "form"]
        .map(|name| if name == "key" { key_check(output) } else { check(output, name) })
        .map(|text| text.split_whitespace().next().unwrap())
}

/// The fields have a "key id" too.
fn key_check(output: &str) -> &str {
    check(output.split_once("Checked as of").unwrap().1, "key")
}

#[test]
fn a_good_code_passes_every_check() {
    let issuer = Issuer::new();
    let text = issuer.mint(&[]).unwrap();
    let (refusal, output) = inspect(text.as_bytes(), Some(&issuer.keys()), NOW);
    assert_eq!(refusal, None, "{output}");
    assert_eq!(verdicts(&output), ["ok"; 5], "{output}");
    assert!(output.contains("channel wechat, active"), "{output}");
}

#[test]
fn the_person_is_shown_only_when_asked_for() {
    let issuer = Issuer::new();
    let text = issuer.mint(&["--relation", "2", "--epoch", "9"]).unwrap();
    let (_, output) = inspect(text.as_bytes(), Some(&issuer.keys()), NOW);
    assert!(!output.contains("subject 42"), "{output}");
    let mut shown = Vec::new();
    report(text.as_bytes(), Some(&issuer.keys()), NOW, true, &mut shown).unwrap();
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(
        check(&shown, "seal"),
        "ok           it opens: subject 42, family member 2, device epoch 9"
    );
}

#[test]
fn an_old_code_is_expired_and_the_rest_of_it_is_judged_all_the_same() {
    let issuer = Issuer::new();
    let forged = issuer.mint(&["--spoil", "signature"]).unwrap();
    let good = issuer.mint(&[]).unwrap();
    let at = NOW.plus_ms(62_000);
    for (text, signature) in [(good, "ok"), (forged, "REFUSED")] {
        let (refusal, output) = inspect(text.as_bytes(), Some(&issuer.keys()), at);
        assert_eq!(refusal, Some(Refusal::CodeExpired), "the first check that fails counts");
        let [key, time, signature_is, ..] = verdicts(&output);
        assert_eq!([key, time, signature_is], ["ok", "REFUSED", signature], "{output}");
        assert!(output.contains("REFUSED: code_expired, status 403, YM1201"), "{output}");
        assert!(output.contains(Refusal::CodeExpired.message_zh()), "{output}");
    }
}

#[test]
fn each_fault_is_found_at_its_check() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    for (spoil, refusal, expected) in [
        ("signature", Refusal::SignatureInvalid, ["ok", "ok", "REFUSED", "not", "ok"]),
        ("seal", Refusal::SealInvalid, ["ok", "ok", "ok", "REFUSED", "ok"]),
        ("key", Refusal::KeyUnknown, ["REFUSED", "ok", "not", "not", "ok"]),
    ] {
        let text = issuer.mint(&["--spoil", spoil]).unwrap();
        let (found, output) = inspect(text.as_bytes(), Some(&keys), NOW);
        assert_eq!(found, Some(refusal));
        assert_eq!(verdicts(&output), expected, "{output}");
    }
}

#[test]
fn a_key_out_of_use_says_why() {
    let issuer = Issuer::new();
    let before_its_key = issuer.mint(&["--issued-at", "1700000000"]).unwrap();
    let (refusal, output) = inspect(before_its_key.as_bytes(), Some(&issuer.keys()), NOW);
    assert_eq!(refusal, Some(Refusal::KeyNotActive));
    let first = NOW.plus_ms(-DAY_MS);
    assert!(key_check(&output).contains(&format!("active, for codes issued from {first}")));

    let code = issuer.mint(&[]).unwrap();
    issuer.set_state(KeyState::Revoked);
    let (refusal, output) = inspect(code.as_bytes(), Some(&issuer.keys()), NOW);
    assert_eq!(refusal, Some(Refusal::KeyRevoked));
    assert!(key_check(&output).contains("the key is revoked"), "{output}");
}

#[test]
fn without_a_keyring_form_and_time_are_judged_and_the_rest_is_said_to_be_open() {
    let text = Issuer::new().mint(&["--spoil", "signature"]).unwrap();
    let (refusal, output) = inspect(text.as_bytes(), None, NOW);
    assert_eq!(refusal, None);
    assert_eq!(verdicts(&output), ["not", "ok", "not", "not", "ok"], "{output}");
    assert!(!output.contains("Genuine"), "{output}");
    let (refusal, _) = inspect(text.as_bytes(), None, NOW.plus_ms(-2_001));
    assert_eq!(refusal, Some(Refusal::CodeNotYetValid));
}

#[test]
fn what_is_no_code_is_named_but_never_repeated() {
    let identity_number = "11010119900307743X";
    let (refusal, output) = inspect(identity_number.as_bytes(), None, NOW);
    assert_eq!(refusal, Some(Refusal::WrongCodeType));
    assert!(!output.contains(identity_number) && output.contains("YM1003"), "{output}");
    let (refusal, output) = inspect(b"1234567", None, NOW);
    assert_eq!(refusal, Some(Refusal::CodeMalformed));
    assert!(!output.contains("1234567"), "{output}");
}
