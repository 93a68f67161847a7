use keyring::ceremony::pass as ceremony;
use keyring::key::KeyState;
use keyring::pass::PassKeyId;

use super::*;
use crate::cli::tests::testing::{Issuer, NOW};

const HOSPITAL: &str = "H37010000001";

/// An issuer whose keyring makes passes.
fn issuer() -> Issuer {
    let issuer = Issuer::new();
    let id = ceremony::generate(&issuer.keyring(), None).unwrap();
    ceremony::activate(&issuer.keyring(), id).unwrap();
    issuer
}

fn pass_of(issuer: &Issuer, options: &[&str]) -> UnverifiedPass {
    let text = issuer.mint(&[&["--format", "pass"], options].concat()).unwrap();
    UnverifiedPass::parse(text.trim_end().as_bytes()).unwrap()
}

fn hospital_pass(issuer: &Issuer) -> UnverifiedPass {
    pass_of(issuer, &["--institution", HOSPITAL])
}

/// What is said of a pass at the hospital.
fn inspect(
    pass: UnverifiedPass,
    keys: Option<&KeySet>,
    at: UnixMillis,
    show_subject: bool,
) -> (Option<PassRefusal>, String) {
    let mut out = Vec::new();
    let institution = &HOSPITAL.parse().unwrap();
    let refusal = Inspected { pass, keys, institution, at }.report(show_subject, &mut out).unwrap();
    (refusal, String::from_utf8(out).unwrap())
}

/// The first word of each check.
fn verdicts(output: &str) -> [&str; 5] {
    let checks = output.split_once("Checked as of").unwrap().1;
    ["form", "pass key", "tag", "issuer key", "time"].map(|name| {
        let line = checks.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{output}")).split_whitespace().next().unwrap()
    })
}

#[test]
fn a_good_pass_passes_every_check_and_says_its_fields() {
    let issuer = issuer();
    let pass = hospital_pass(&issuer);
    let (refusal, output) = inspect(pass, Some(&issuer.keys()), NOW, false);
    assert_eq!((refusal, verdicts(&output)), (None, ["ok"; 5]), "{output}");
    for part in [
        "  pass key   1, active\n",
        "  minted at  1800000000 = 2027-01-15T08:00:00.000Z, 0 s old\n",
        "  ends at    2027-01-15T08:15:00.000Z\n",
        "  pass id    p1-1800000000-",
        "  issuer key 7001, channel wechat\n",
        "  region     370100\n",
        "  auth       password\n",
        "Genuine and alive.",
    ] {
        assert!(output.contains(part), "{output}\ndoes not say {part:?}");
    }
}

#[test]
fn the_person_is_shown_only_when_asked_for() {
    let issuer = issuer();
    let pass = pass_of(&issuer, &["--institution", HOSPITAL, "--relation", "2"]);
    let (_, output) = inspect(pass, Some(&issuer.keys()), NOW, false);
    assert!(!output.contains("subject 42") && !output.contains("family"), "{output}");
    let (_, output) = inspect(pass, Some(&issuer.keys()), NOW, true);
    assert!(output.contains("  person     subject 42, family member 2\n"), "{output}");
}

#[test]
fn a_pass_of_another_institution_does_not_open() {
    let issuer = issuer();
    for options in [&[][..], &["--institution", "H37010000002"]] {
        let pass = pass_of(&issuer, options);
        let (refusal, output) = inspect(pass, Some(&issuer.keys()), NOW, true);
        assert_eq!(refusal, Some(PassRefusal::Invalid));
        assert_eq!(verdicts(&output), ["ok", "ok", "REFUSED", "not", "ok"], "{output}");
        assert!(output.contains("REFUSED: pass_invalid, status 403, YM1801"), "{output}");
        assert!(!output.contains("subject") && !output.contains("region"), "{output}");
    }
}

#[test]
fn a_life_of_900_s_and_the_end_of_all_are_judged() {
    let issuer = issuer();
    let pass = hospital_pass(&issuer);
    let outcome = |ms| inspect(pass, Some(&issuer.keys()), NOW.plus_ms(ms), false);
    assert_eq!(outcome(899_999).0, None);
    let (refusal, output) = outcome(900_000);
    assert_eq!(refusal, Some(PassRefusal::Expired));
    assert_eq!(verdicts(&output), ["ok", "ok", "ok", "ok", "REFUSED"], "{output}");
    assert!(output.contains("REFUSED: pass_expired, status 403, YM1802"), "{output}");
    let (refusal, output) = outcome(AGE_MS_MAX + 1);
    assert_eq!(refusal, Some(PassRefusal::Invalid));
    assert_eq!(verdicts(&output), ["ok", "ok", "not", "not", "REFUSED"], "{output}");
}

#[test]
fn the_keys_states_decide() {
    let issuer = issuer();
    let pass = hospital_pass(&issuer);
    issuer.set_state(KeyState::Revoked);
    let (refusal, output) = inspect(pass, Some(&issuer.keys()), NOW, false);
    assert_eq!(refusal, Some(PassRefusal::KeyRevoked));
    assert_eq!(verdicts(&output), ["ok", "ok", "ok", "REFUSED", "ok"], "{output}");
    assert!(output.contains("REFUSED: key_revoked, status 403, YM1104"), "{output}");

    let id = PassKeyId::new(1).unwrap();
    ceremony::revoke(&issuer.keyring(), id).unwrap();
    for says in ["pass key 1 is revoked", "the keyring has no pass key 1"] {
        let (refusal, output) = inspect(pass, Some(&issuer.keys()), NOW, false);
        assert_eq!(refusal, Some(PassRefusal::Invalid));
        assert_eq!(verdicts(&output), ["ok", "REFUSED", "not", "not", "ok"], "{output}");
        assert!(output.contains(says), "{output}");
        drop(ceremony::remove(&issuer.keyring(), id));
    }
}

#[test]
fn without_a_keyring_form_and_time_are_judged_and_the_rest_is_said_to_be_open() {
    let pass = hospital_pass(&issuer());
    let (refusal, output) = inspect(pass, None, NOW, true);
    assert_eq!((refusal, verdicts(&output)), (None, ["ok", "not", "not", "not", "ok"]));
    assert!(output.contains("needs --keyring DIR") && !output.contains("Genuine"), "{output}");
    assert_eq!(inspect(pass, None, NOW.plus_ms(900_000), true).0, Some(PassRefusal::Expired));
    let late = NOW.plus_ms(AGE_MS_MAX + 1);
    assert_eq!(inspect(pass, None, late, true).0, Some(PassRefusal::Invalid));
    let other = UnverifiedPass::parse(&[b'z'; 40]).unwrap();
    let (refusal, output) = inspect(other, None, NOW, true);
    assert_eq!(refusal, Some(PassRefusal::Invalid));
    assert_eq!(verdicts(&output), ["REFUSED", "not", "not", "not", "not"], "{output}");
}
