mod forms;
mod passes;

use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::{files::lets_others_in, *};
use crate::{
    sample::{self, KEY_ID, RULES, VECTOR, at},
    suite::{
        PublicKey,
        key_file::{public_key, signing_key},
    },
};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const KEYRING: &str = r#"
[[seal_secret]]
id = 1
file = "seal-1.key"

[[key]]
id = 7001
channel = "wechat"
algorithm = "ES256"
public_key_file = "7001.pub.pem"
seal_secret = 1
not_before = "2027-01-01T00:00:00Z"
not_after  = "2028-01-01T00:00:00Z"
state = "active"
environment = "production"
"#;
/// The public half of the sample key (RFC 6979 A.2.5).
const JWK: &str = r#"{ "kty": "EC", "crv": "P-256", "kid": "7001",
    "x": "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y",
    "y": "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk" }"#;

struct Dir(TempDir);

impl Dir {
    /// A sound keyring.
    fn new() -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        dir.write(MANIFEST, KEYRING, 0o644).write("seal-1.key", SECRET, 0o600);
        let pem = public_key::to_pem(&PublicKey::from(&sample::signing_key()));
        dir.write("7001.pub.pem", &pem, 0o644);
        dir
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> &Self {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Reads a private key of this text.
    fn signing_key(&self, text: impl AsRef<[u8]>) -> Result<crate::suite::SigningKey, String> {
        let path = self.0.path().join("issuer.pem");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        read_signing_key(&path).map_err(|error| error.to_string())
    }

    fn load(&self) -> Result<KeySet, KeyringError> {
        load(self.0.path(), Some("production"))
    }

    /// The error, with the directory taken out of it.
    fn error(&self) -> String {
        let error = self.load().unwrap_err().to_string();
        error.replace(&self.0.path().display().to_string(), "DIR")
    }
}

/// The error after one change of `keyring.toml`.
fn error_of(from: &str, to: &str) -> String {
    assert!(KEYRING.contains(from));
    Dir::new().write(MANIFEST, KEYRING.replacen(from, to, 1), 0o644).error()
}

#[track_caller]
fn assert_says(error: &str, parts: &[&str]) {
    for part in ["DIR/"].iter().chain(parts) {
        assert!(error.contains(part), "{error}\ndoes not say {part:?}");
    }
}

#[test]
fn a_keyring_verifies_the_vector() {
    let keys = Dir::new().load().unwrap();
    let key = keys.get(KEY_ID).unwrap();
    assert_eq!((key.channel().as_str(), key.algorithm()), ("wechat", "ES256"));
    assert_eq!(key.not_before().to_string(), "2027-01-01T00:00:00.000Z");
    assert_eq!(key.not_after().to_string(), "2028-01-01T00:00:00.000Z");
    assert_eq!((key.state().as_str(), key.environment()), ("active", "production"));
    let code = crate::code::UnverifiedCode::parse(VECTOR.as_bytes()).unwrap();
    assert!(keys.verify(&code, &RULES, at(0)).is_ok());
}

#[test]
fn a_jwk_is_as_good_as_a_pem() {
    let dir = Dir::new();
    let pem = dir.load().unwrap();
    let jwk = dir.write("7001.pub.pem", JWK, 0o644).load().unwrap();
    assert_eq!(pem.digest(), jwk.digest());
}

#[test]
fn an_empty_keyring_is_sound() {
    assert_eq!(Dir::new().write(MANIFEST, "", 0o644).load().unwrap().iter().len(), 0);
}

#[test]
fn what_is_unknown_or_missing_is_an_error_with_its_line() {
    assert_says(&error_of("state =", "stat ="), &["keyring.toml", "line 14", "stat", "state"]);
    assert_says(&error_of("[[key]]", "[[keys]]"), &["keyring.toml", "keys", "seal_secret"]);
    assert_says(&error_of("file = \"seal-1.key\"", ""), &["keyring.toml", "missing field `file`"]);
    assert_says(&error_of("id = 7001", "id = "), &["keyring.toml", "line 7"]);
}

#[test]
fn values_are_refused_with_what_is_allowed() {
    for (from, to, parts) in [
        ("id = 7001", "id = 0", ["line 7", "0 is not an id; allowed: 1..=4294967295"]),
        ("id = 7001", "id = 4294967296", ["line 7", "allowed: 1..=4294967295"]),
        ("\"wechat\"", "\"We Chat\"", ["line 8", "allowed: 1 to 32 of a-z, 0-9 and -"]),
        ("ES256", "RS256", ["line 9", "\"RS256\" is not an algorithm; allowed: ES256"]),
        ("2027-01-01T00:00:00Z", "2027-01-01", ["line 12", "allowed: RFC 3339"]),
        ("\"active\"", "\"on\"", ["line 14", "allowed: announced, active, retiring, revoked"]),
        ("\"production\"", "\"\"", ["line 15", "allowed: 1 to 32 of a-z, 0-9 and -"]),
    ] {
        assert_says(&error_of(from, to), &["keyring.toml", parts[0], parts[1]]);
    }
}

#[test]
fn a_time_may_be_written_as_toml_has_it() {
    for (from, to) in [
        ("\"2027-01-01T00:00:00Z\"", "2027-01-01T00:00:00Z"),
        ("\"2027-01-01T00:00:00Z\"", "2027-01-01 08:00:00+08:00"),
        ("\"2027-01-01T00:00:00Z\"", "1798761600"),
    ] {
        let dir = Dir::new();
        let keys = dir.write(MANIFEST, KEYRING.replacen(from, to, 1), 0o644).load().unwrap();
        let not_before = keys.get(KEY_ID).unwrap().not_before().to_string();
        assert_eq!(not_before, "2027-01-01T00:00:00.000Z", "{to}");
    }
    for (to, says) in [
        ("2027-01-01", "\"2027-01-01\" is not a time: it has no time of day; allowed: RFC 3339"),
        ("2027-01-01T00:00:00", "it has no offset from UTC, such as Z"),
        ("9999-12-31T23:59:59Z", "it is beyond 9999-12-30T22:00:00Z"),
        ("\"9999-12-31T23:59:59Z\"", "it is beyond 9999-12-30T22:00:00Z"),
        ("1798761600000", "these may be milliseconds"),
        ("true", "\"true\" is not a time; allowed: RFC 3339"),
    ] {
        let error = error_of("\"2027-01-01T00:00:00Z\"", to);
        assert_says(&error, &["keyring.toml: ", "line 12", says]);
    }
}

#[test]
fn a_slip_of_the_pen_is_told_once_with_what_to_write() {
    for (from, to, parts) in [
        (
            "id = 7001",
            "id = \"7001\"",
            ["line 7", "allowed: 1..=4294967295; write it without quotes"],
        ),
        ("[[key]]", "[key]", ["line 6", "write its name in double brackets, such as [[key]]"]),
        ("\"active\"", "“active”", ["line 14", "(U+201C) is not '\"' of the keyboard"]),
        ("\"active\"", "\"Active\"", ["line 14", "allowed: announced, active"]),
        ("state =", "state ＝", ["line 14", "(U+FF1D) is not '=' of the keyboard; write '='"]),
    ] {
        assert_says(&error_of(from, to), &["keyring.toml: ", parts[0], parts[1]]);
    }
    let with = |text: &[u8]| Dir::new().write(MANIFEST, text, 0o644).error();
    let utf16: Vec<u8> = KEYRING.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_says(&with(&utf16), &["keyring.toml: this is UTF-16 text", "allowed: UTF-8"]);
    let error = with(KEYRING.replace('\n', "\r").as_bytes());
    assert_says(&error, &["keyring.toml: line 1 ends with a carriage return alone"]);
    assert_eq!(error.matches("carriage return alone").count(), 1, "{error}");
    assert_says(&with(b"# \xd1\xe9\n"), &["keyring.toml: line 1 holds the byte 0xd1"]);
    for good in
        [format!("\u{feff}{KEYRING}"), KEYRING.replace('\n', "\r\n"), KEYRING.replace(' ', "\t")]
    {
        assert!(Dir::new().write(MANIFEST, good, 0o644).load().is_ok());
    }
    let dir = Dir::new();
    let error = load(&dir.0.path().join(MANIFEST), None).unwrap_err().to_string();
    assert!(error.contains("this is a file; allowed: the keyring's directory"), "{error}");
}

#[test]
fn what_must_fit_together_is_refused_with_the_key() {
    let error = error_of("seal_secret = 1", "seal_secret = 2");
    assert_says(&error, &["[[key]] id 7001: seal_secret = 2; allowed", "(1)"]);
    let error = error_of("2028-01-01", "2027-01-01");
    assert_says(&error, &["[[key]] id 7001: not_after", "not later than not_before"]);
    let error = error_of("\"production\"", "\"sandbox\"");
    assert_says(&error, &["[[key]] id 7001: environment = \"sandbox\"; allowed: \"production\""]);
    let error = error_of("[[seal_secret]]", "removed_ids = [7001]\n[[seal_secret]]");
    assert_says(&error, &["[[key]] id 7001 is one of removed_ids"]);
    let key = KEYRING.split_once("[[key]]").unwrap().1;
    let error = Dir::new().write(MANIFEST, format!("{KEYRING}[[key]]{key}"), 0o644).error();
    assert_says(&error, &["key id 7001 is there twice; ids are unique"]);
    let secret = "[[seal_secret]]\nid = 1\nfile = \"seal-1.key\"\n";
    let error = Dir::new().write(MANIFEST, format!("{KEYRING}{secret}"), 0o644).error();
    assert_says(&error, &["[[seal_secret]] id 1 is there twice; ids are unique"]);
}

#[test]
fn tools_take_keys_of_any_environment() {
    let dir = Dir::new();
    dir.write(MANIFEST, KEYRING.replace("production", "sandbox"), 0o644);
    assert!(dir.load().is_err());
    assert_eq!(load(dir.0.path(), None).unwrap().iter().len(), 1);
}

/// Root's group reads nothing by it, and a group may not write.
#[test]
fn only_root_may_give_a_secret_to_a_group() {
    for (mode, user, group, is_open) in [
        (0o600, 0, 0, false),
        (0o440, 0, 65_532, false),
        (0o640, 0, 65_532, false),
        (0o640, 0, 0, true),
        (0o640, 1_000, 65_532, true),
        (0o660, 0, 65_532, true),
        (0o644, 0, 65_532, true),
    ] {
        assert_eq!(lets_others_in(mode, user, group), is_open, "{mode:o} {user} {group}");
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let dir = Dir::new();
    for mode in [0o640, 0o604, 0o620, 0o601, 0o666] {
        let error = dir.write("seal-1.key", SECRET, mode).error();
        assert_says(&error, &["seal-1.key: mode", "allowed: 0600", "chmod 600 DIR/seal-1.key"]);
        assert_says(&error, &[&format!("{mode:04o}")]);
    }
    for mode in [0o600, 0o400, 0o700] {
        assert!(dir.write("seal-1.key", SECRET, mode).load().is_ok(), "{mode:o}");
    }
}

#[test]
fn a_wrong_secret_is_refused_without_being_shown() {
    for wrong in ["", "00", &SECRET[2..], &SECRET.replace("1f", "1g"), &format!("00{SECRET}")] {
        let error = Dir::new().write("seal-1.key", wrong, 0o600).error();
        assert_says(&error, &["seal-1.key: no secret: ", "; allowed: 32 bytes as 64 hex digits"]);
        assert!(!error.contains("0001"), "{error}");
    }
    assert!(Dir::new().write("seal-1.key", SECRET.to_uppercase(), 0o600).load().is_ok());
}

#[test]
fn a_private_key_in_the_keyring_is_refused() {
    let dir = Dir::new();
    let private = signing_key::to_pem(&sample::signing_key());
    let error = dir.write("7001.pub.pem", &private, 0o644).error();
    assert_says(&error, &["7001.pub.pem: this is a private key"]);
    let error = dir.write("7001.pub.pem", JWK.replace("kid", "d"), 0o644).error();
    assert_says(&error, &["7001.pub.pem: this JWK holds a private key"]);
}

#[test]
fn a_wrong_public_key_is_refused() {
    for (wrong, says) in [
        ("".to_owned(), "the file is empty; allowed: SPKI PEM"),
        (JWK.replace("P-256", "P-384"), "allowed: \"EC\", \"P-256\""),
        (JWK.replace("kid\": \"7001", "alg\": \"ES384"), "alg \"ES384\"; allowed: \"ES256\""),
        (JWK.replace("YP7U", "YP7"), "x \"YP7"),
        (JWK.replace("YP7U", "YP7V"), "no point on P-256"),
        (JWK.replace("\"y\"", "\"z\""), "a JWK without y; needed: 32 bytes in base64url"),
    ] {
        let error = Dir::new().write("7001.pub.pem", &wrong, 0o644).error();
        assert_says(&error, &["7001.pub.pem: ", says]);
    }
}

#[test]
fn files_are_bounded_and_must_be_there() {
    let dir = Dir::new();
    let error = dir.write("7001.pub.pem", "x".repeat((1 << 14) + 1), 0o644).error();
    assert_says(&error, &["7001.pub.pem: too large; allowed: at most 16384 bytes"]);
    let error = dir.write(MANIFEST, "#".repeat((1 << 20) + 1), 0o644).error();
    assert_says(&error, &["keyring.toml: too large; allowed: at most 1048576 bytes"]);
    fs::remove_file(dir.0.path().join(MANIFEST)).unwrap();
    assert_says(&dir.error(), &["keyring.toml: cannot be read: No such file"]);
}

#[test]
fn a_signing_key_is_read_by_its_owner_alone() {
    let dir = Dir::new();
    let path = dir.0.path().join("issuer.pem");
    let pem = signing_key::to_pem(&sample::signing_key());
    dir.write("issuer.pem", &pem, 0o600);
    assert_eq!(read_signing_key(&path).unwrap(), sample::signing_key());
    dir.write("issuer.pem", &pem, 0o644);
    assert!(matches!(read_signing_key(&path), Err(KeyringError::Mode { mode: 0o644, .. })));
}
