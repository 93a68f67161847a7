//! Pass secrets as `keyring.toml` names them.

use super::*;
use crate::key::{PassKeyId, PassKeyState};

const PASS_SECRET: &str = "\
[[pass_secret]]
id = 1
file = \"pass-1.key\"
state = \"active\"
";

/// A sound keyring with one pass secret.
fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("pass-1.key", SECRET, 0o600).write(MANIFEST, with(PASS_SECRET), 0o644);
    dir
}

fn with(pass_secrets: &str) -> String {
    format!("{pass_secrets}{KEYRING}")
}

/// The error after one change of the table.
fn error_of(from: &str, to: &str) -> String {
    assert!(PASS_SECRET.contains(from));
    dir().write(MANIFEST, with(&PASS_SECRET.replacen(from, to, 1)), 0o644).error()
}

#[test]
fn pass_secrets_are_read_with_their_states() {
    use PassKeyState::{Active, Announced, Retiring, Revoked};
    let dir = dir();
    let mut text = PASS_SECRET.to_owned();
    for (id, state) in [(15, "announced"), (2, "retiring"), (3, "revoked")] {
        text += &PASS_SECRET.replace("= 1\n", &format!("= {id}\n")).replace("active", state);
    }
    let keys = dir.write(MANIFEST, with(&text), 0o644).load().unwrap();
    let states: Vec<_> = keys.pass_keys().map(|(id, state)| (id.get(), state)).collect();
    assert_eq!(states, [(1, Active), (2, Retiring), (3, Revoked), (15, Announced)]);
    assert!(keys.has_active_pass_key());
    assert_eq!(Dir::new().load().unwrap().pass_keys().len(), 0);
}

/// A reload of another secret under the same id is seen.
#[test]
fn the_digest_is_of_the_secret_too() {
    let dir = dir();
    let digest = dir.load().unwrap().digest().to_owned();
    let other = SECRET.replace("1f", "2f");
    assert_ne!(dir.write("pass-1.key", other, 0o600).load().unwrap().digest(), digest);
    assert_eq!(dir.write("pass-1.key", SECRET, 0o600).load().unwrap().digest(), digest);
    assert_ne!(Dir::new().load().unwrap().digest(), digest);
}

#[test]
fn values_are_refused_with_what_is_allowed() {
    for (from, to, parts) in [
        ("id = 1", "id = 0", ["line 2", "0 is not a pass key id; allowed: 1..=15"]),
        ("id = 1", "id = 16", ["line 2", "16 is not a pass key id; allowed: 1..=15"]),
        ("id = 1", "id = \"1\"", ["line 2", "allowed: 1..=15; write it without quotes"]),
        ("\"active\"", "\"on\"", ["line 4", "allowed: announced, active, retiring, revoked"]),
        ("state = \"active\"", "", ["line 1", "missing field `state`"]),
        ("file =", "path =", ["line 3", "unknown field `path`"]),
        ("[[pass_secret]]", "[pass_secret]", ["line 1", "write its name in double brackets"]),
    ] {
        assert_says(&error_of(from, to), &["keyring.toml", parts[0], parts[1]]);
    }
}

#[test]
fn ids_are_unique_and_one_secret_is_active() {
    let twice = PASS_SECRET.repeat(2);
    let error = dir().write(MANIFEST, with(&twice), 0o644).error();
    assert_says(&error, &["keyring.toml: [[pass_secret]] id 1 is there twice; ids are unique"]);
    let both = PASS_SECRET.to_owned() + &PASS_SECRET.replace("= 1\n", "= 2\n");
    let error = dir().write(MANIFEST, with(&both), 0o644).error();
    assert_says(&error, &["[[pass_secret]] ids 1 and 2 are both active; allowed: one active"]);
    let id = PassKeyId::new(1).unwrap();
    let none = PASS_SECRET.replace("active", "retiring");
    let keys = dir().write(MANIFEST, with(&none), 0o644).load().unwrap();
    assert_eq!(keys.pass_keys().collect::<Vec<_>>(), [(id, PassKeyState::Retiring)]);
    assert!(!keys.has_active_pass_key());
}

#[test]
fn a_secret_file_is_as_strict_as_the_seals() {
    let dir = dir();
    let error = dir.write("pass-1.key", SECRET, 0o640).error();
    assert_says(&error, &["pass-1.key: mode 0640", "chmod 600 DIR/pass-1.key"]);
    let error = dir.write("pass-1.key", &SECRET[2..], 0o600).error();
    assert_says(&error, &["pass-1.key: no secret: it holds 62 hex digits; allowed: 32 bytes"]);
    assert!(!error.contains("0203"), "{error}");
    fs::remove_file(dir.0.path().join("pass-1.key")).unwrap();
    assert_says(&dir.error(), &["pass-1.key: cannot be read: No such file"]);
    // A secret that opens nothing must be whole too: the keyring is read as it is written.
    let revoked = with(&PASS_SECRET.replace("active", "revoked"));
    assert_says(&dir.write(MANIFEST, revoked, 0o644).error(), &["pass-1.key: cannot be read"]);
}
