//! Files as other tools write them, and commands with mistaken arguments.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::harness::keys::{ISSUERS, WECHAT, payment, write_keyring};
use crate::harness::process::{binary, run, run_well};
use crate::harness::soon;

/// A directory with the keyring of the tests.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        write_keyring(&place.at("keyring"), ISSUERS);
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).expect("a file of text")
    }

    /// Runs a line of words; its status, and all that it said.
    async fn run(&self, line: &str) -> (i32, String) {
        let output = run(self.path(), &line.split(' ').collect::<Vec<_>>()).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.code().expect("it ended by itself"), said)
    }

    /// Runs a line with bytes on standard input.
    async fn run_with(&self, line: &str, input: impl AsRef<[u8]>) -> (i32, String) {
        self.write("input", input);
        let output = tokio::process::Command::new(binary())
            .args(line.split(' '))
            .current_dir(self.path())
            .stdin(Stdio::from(fs::File::open(self.at("input")).expect("the input")))
            .output();
        let output = soon("the end of yanma", output).await.expect("yanma starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.code().expect("it ended by itself"), said)
    }

    #[track_caller]
    fn expect(&self, (status, said): (i32, String), expected: i32, says: &str) {
        assert!(said.contains(says), "{said}\ndoes not say {says:?}");
        assert_eq!(status, expected, "{said}");
    }
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A file's text in each form in which tools save it.
fn dressed(text: &str) -> Vec<Vec<u8>> {
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    vec![
        format!("\u{feff}{}\r\n\r\n", text.replace('\n', "  \r\n")).into_bytes(),
        format!("Bag Attributes\n  friendlyName: x\n{parameters}{text}").into_bytes(),
        text.replace('\n', "").into_bytes(),
        utf16(text),
    ]
}

#[tokio::test]
async fn keys_are_taken_in_whatever_dress_they_come() {
    let place = Place::new();
    let public = place.read("keyring/7001.pub.pem");
    for (id, bytes) in (8001..).zip(dressed(&public)) {
        place.write("issuer.pem", bytes);
        let line = format!(
            "keys add --keyring keyring --key-id {id} --channel wechat --environment test \
             --public-key issuer.pem"
        );
        let said = place.run(&line).await;
        place.expect(said, 0, &format!("key {id} is announced"));
        assert_eq!(place.read(&format!("keyring/{id}.pub.pem")), public);
    }
    place.write("issuer.pem", public.replace("PUBLIC KEY", "CERTIFICATE"));
    let line = "keys add --keyring keyring --key-id 9 --channel a --public-key issuer.pem";
    place.expect(place.run(line).await, 78, "issuer.pem: this is a certificate; allowed");

    let key = WECHAT.write_signing_key(place.at("key.pem"));
    let private = place.read("key.pem");
    let mint = "mint --keyring keyring --key-id 7001 --signing-key key.pem --subject 42";
    for bytes in dressed(&private) {
        fs::write(&key, bytes).expect("the same file");
        place.expect(place.run(mint).await, 0, "");
    }
}

#[tokio::test]
async fn a_code_on_standard_input_may_be_what_a_shell_of_windows_writes() {
    let place = Place::new();
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let code = WECHAT.mint(&payment(i64::try_from(now).expect("some seconds")));
    for bytes in [
        format!("\u{feff}{code}\r\n").into_bytes(),
        format!("{code}\0").into_bytes(),
        utf16(&format!("{code}\r\n")),
    ] {
        let said = place.run_with("inspect --keyring keyring", bytes).await;
        place.expect(said, 0, "Genuine and fresh");
    }
    let said = place.run_with("inspect --keyring keyring", [0xff, 0xfe, 0x31]).await;
    place.expect(said, 1, "code_malformed");
}

#[tokio::test]
async fn a_keyring_says_once_what_to_write() {
    let place = Place::new();
    let text = place.read("keyring/keyring.toml");
    let unquoted = text.replace("\"2026-01-01T00:00:00Z\"", "2026-01-01T00:00:00Z");
    let list = "keys list --keyring keyring";
    for good in [unquoted, format!("\u{feff}{text}"), text.replace('\n', "\r\n")] {
        place.write("keyring/keyring.toml", good);
        place.expect(place.run(list).await, 0, "2026-01-01T00:00:00.000Z");
    }
    for (bad, says) in [
        (text.replace('\n', "\r").into_bytes(), "line 1 ends with a carriage return alone"),
        (utf16(&text), "this is UTF-16 text"),
        (text.replace("2100-", "9999-12-31").into_bytes(), "is not a time"),
        (text.replace("2100-01-01T00", "9999-12-31T23").into_bytes(), "it is beyond 9999-12-30"),
        (text.replace("id = 7001", "id = \"7001\"").into_bytes(), "write it without quotes"),
    ] {
        place.write("keyring/keyring.toml", bad);
        let (status, said) = place.run(list).await;
        assert_eq!(said.matches(says).count(), 1, "{said}");
        place.expect((status, said), 78, "keyring/keyring.toml: ");
    }
}

#[tokio::test]
async fn a_key_is_revoked_behind_a_link_too() {
    let place = Place::new();
    fs::create_dir(place.at("etc")).expect("a directory");
    let (named, real) = (place.at("keyring/keyring.toml"), place.at("etc/prod.toml"));
    fs::rename(&named, &real).expect("a move");
    symlink("../etc/prod.toml", &named).expect("a link");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode");
    let revoke = "keys revoke --keyring keyring --key-id 7001";
    place.expect(place.run(revoke).await, 0, "key 7001 is revoked");
    assert!(named.is_symlink(), "the link is still one");
    let text = place.read("etc/prod.toml");
    let of_7001 = text.split("[[key]]").find(|key| key.contains("id = 7001")).expect("the key");
    assert!(of_7001.contains("state = \"revoked\""), "{of_7001}");
    assert_eq!(fs::metadata(&real).expect("the file").permissions().mode() & 0o777, 0o640);

    fs::hard_link(&real, place.at("copy.toml")).expect("another name");
    let retire = "keys retire --keyring keyring --key-id 7004";
    let said = place.run("keys activate --keyring keyring --key-id 7004").await;
    place.expect(said, 78, "has other names too (hard links)");
    fs::remove_file(place.at("copy.toml")).expect("the other name");
    place.expect(place.run(retire).await, 78, "key 7004 is announced and cannot become");
}

#[tokio::test]
async fn an_emptied_file_of_the_record_is_told() {
    let mut world = crate::harness::World::with("[record]\nnode = \"a\"").await;
    world.pay(&world.code()).await.assert_approved();
    world.signal(rustix::process::Signal::TERM);
    assert!(world.process.ended().await.success());
    let directory = world.directory();
    let said = run_well(directory, &["audit", "reconcile", "data/record"]).await;
    assert!(said.contains("verdict   clean"), "{said}");
    let record = fs::read_dir(directory.join("data/record")).expect("the record");
    for file in record {
        fs::write(file.expect("a file").path(), "").expect("emptied");
    }
    let output = run(directory, &["audit", "reconcile", "data/record"]).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(": an empty file: ") && said.contains("verdict   FAILED"), "{said}");
    let output = run(directory, &["audit", "data/record"]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 files hold no line"), "{said}");
}

#[tokio::test]
async fn json_of_a_code_holds_no_number_that_a_double_would_change() {
    let place = Place::new();
    WECHAT.write_signing_key(place.at("key.pem"));
    let mint = "mint --keyring keyring --key-id 7001 --signing-key key.pem --format json --subject";
    let said = run_well(
        place.path(),
        &mint.split(' ').chain(["18446744073709551615"]).collect::<Vec<_>>(),
    )
    .await;
    let line: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(line["subject"], "18446744073709551615");
}

/// What people give by mistake: 64 wrong arguments, 78 a bad configuration or keyring, 1 the rest.
#[tokio::test]
async fn a_mistake_is_told_so_that_it_can_be_mended() {
    let place = Place::new();
    place.write("empty", "");
    place.write("binary", [0x7f, b'E', b'L', b'F', 0, 0xff]);
    let config = include_str!("../../../config/gateway.toml");
    place.write("cr.toml", config.replace('\n', "\r"));
    place.write("utf16.toml", utf16(config));
    for (line, status, says) in [
        ("check --config nowhere.toml", 78, "nowhere.toml: cannot be read: No such file"),
        ("check --config keyring", 78, "keyring: this is a directory; allowed: a file"),
        ("check --config binary", 78, "binary: line 1 holds"),
        ("check --config empty", 78, "empty: "),
        ("check --config cr.toml", 78, "cr.toml: line 1 ends with a carriage return alone"),
        ("check --config utf16.toml", 78, "utf16.toml: this is UTF-16 text"),
        ("keys list --keyring nowhere", 78, "nowhere/keyring.toml: cannot be read: No such file"),
        (
            "keys list --keyring empty",
            78,
            "empty: this is a file; allowed: the keyring's directory",
        ),
        ("keys revoke --keyring empty --key-id 1", 78, "empty: this is a file; allowed: the key"),
        ("keys revoke --keyring nowhere --key-id 1", 78, "nowhere: cannot open the directory: No"),
        ("keys revoke --keyring keyring --key-id x", 64, "allowed: 1..=4294967295"),
        (
            "keys add --keyring keyring --key-id 9 --channel a --public-key keyring",
            78,
            "keyring: this is a directory; allowed: a file",
        ),
        (
            "keys add --keyring keyring --key-id 9 --channel a --public-key binary",
            78,
            "binary: this is a binary file, such as DER; allowed: text (openssl pkey -pubin",
        ),
        (
            "keys add --keyring keyring --key-id 9 --channel a --public-key empty",
            78,
            "empty: the file is empty; allowed: SPKI PEM",
        ),
        (
            "keys generate --keyring keyring --key-id 9 --channel a --signing-key nowhere/key",
            78,
            "nowhere: cannot find the directory: No such file",
        ),
        (
            "mint --keyring keyring --key-id 7001 --signing-key keyring --subject 1",
            78,
            "keyring: this is a directory; allowed: a file",
        ),
        (
            "mint --keyring keyring --key-id 7001 --signing-key nowhere --subject 1",
            78,
            "nowhere: cannot be read: No such file",
        ),
        (
            "mint --keyring keyring --key-id 7001 --signing-key x --subject 1 --issued-at 2026-01-01",
            64,
            "it has no time of day",
        ),
        ("sandbox --data empty", 1, "empty (--data): this is a file; allowed: a directory"),
        ("inspect --keyring keyring empty", 64, "this names a file; what a file holds is"),
        ("audit nowhere", 1, "nowhere: No such file"),
        ("audit keyring", 1, "no file of a decision record"),
        ("audit reconcile keyring", 1, "no file of a decision record"),
        ("audit empty --subject 1 --key nowhere", 1, "nowhere: cannot be read: No such file"),
        ("audit key --out nowhere/key", 1, "nowhere/key: No such file"),
        ("audit key --out empty", 1, "empty: is there already"),
    ] {
        let (found, said) = place.run(line).await;
        assert!(said.contains(says), "yanma {line}\n{said}\ndoes not say {says:?}");
        assert_eq!(found, status, "yanma {line}\n{said}");
    }
}
