use clap::Parser;

use super::*;
use crate::cli::tests::testing::Issuer;

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    ceremony: PassCeremony,
}

/// What the program writes to standard output.
fn output(issuer: &Issuer, options: &[&str]) -> Result<String, Failure> {
    let keyring = issuer.keyring();
    let fixed = ["--keyring", keyring.to_str().unwrap()];
    let arguments = ["keys"].iter().chain(options).chain(&fixed);
    let program = Program::try_parse_from(arguments).unwrap();
    let mut out = Vec::new();
    program.ceremony.run(&mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[track_caller]
fn assert_says(issuer: &Issuer, options: &[&str], parts: &[&str]) {
    let said = output(issuer, options).unwrap();
    for part in parts {
        assert!(said.contains(part), "{said}\ndoes not say {part:?}");
    }
}

/// The rows below the heading, word by word.
fn rows(issuer: &Issuer) -> Vec<String> {
    let table = output(issuer, &["pass-list"]).unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.map(|row| row.join(" ")).collect()
}

#[test]
fn each_step_says_what_comes_next() {
    let issuer = Issuer::new();
    assert_eq!(rows(&issuer), [""; 0]);
    let next = "pass key 1 is announced; next: give the keyring to every gateway, reload them";
    assert_says(&issuer, &["pass-generate"], &[next, "pass-activate --pass-key-id 1"]);
    assert_says(
        &issuer,
        &["pass-activate", "--pass-key-id", "1"],
        &["pass key 1 is active; gateways know at their next reload\n"],
    );
    assert_says(&issuer, &["pass-generate", "--pass-key-id", "15"], &["pass key 15 is announced"]);
    assert_eq!(
        rows(&issuer),
        ["1 active are made, and open", "15 announced open; none is made yet"]
    );
    assert_says(
        &issuer,
        &["pass-activate", "--pass-key-id", "15"],
        &["Pass key 1 is retiring", "remove it 15 minutes after the last gateway has reloaded"],
    );
    assert_eq!(
        rows(&issuer),
        ["1 retiring open; no more are made", "15 active are made, and open"]
    );
    assert_says(
        &issuer,
        &["pass-remove", "--pass-key-id", "1"],
        &["pass key 1 is removed; 15 minutes after", "keyring/pass-1.key, which makes its id free"],
    );
    assert_says(
        &issuer,
        &["pass-retire", "--pass-key-id", "15"],
        &["pass key 15 is retiring, and no pass key is active"],
    );
    assert_says(&issuer, &["pass-revoke", "--pass-key-id", "15"], &["pass key 15 is revoked"]);
    assert_eq!(rows(&issuer), ["15 revoked are refused"]);
}

#[test]
fn what_cannot_be_done_is_a_bad_keyring() {
    let issuer = Issuer::new();
    for (options, says) in [
        (["pass-activate", "--pass-key-id", "1"], "no [[pass_secret]] has the id 1"),
        (["pass-remove", "--pass-key-id", "1"], "no [[pass_secret]] has the id 1"),
    ] {
        let failure = output(&issuer, &options).unwrap_err();
        assert_eq!(failure.status(), 78);
        assert!(failure.to_string().contains(says), "{failure}");
    }
    output(&issuer, &["pass-generate"]).unwrap();
    output(&issuer, &["pass-activate", "--pass-key-id", "1"]).unwrap();
    let failure = output(&issuer, &["pass-remove", "--pass-key-id", "1"]).unwrap_err();
    assert!(failure.to_string().contains("pass key 1 is active; allowed: remove it when"));
}

#[test]
fn an_id_that_no_pass_key_has_is_a_wrong_argument() {
    for id in ["0", "16", "one"] {
        let arguments = ["keys", "pass-activate", "--keyring", "k", "--pass-key-id", id];
        let Err(error) = Program::try_parse_from(arguments) else { panic!("{id}") };
        assert!(error.to_string().contains("is not a pass key id; allowed: 1..=15"), "{error}");
    }
}
