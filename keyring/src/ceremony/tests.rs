use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::{
    code::UnverifiedCode,
    mint::{Minter, Spec, Spoil},
    sample::{self, RULES, SERIAL, at, hex},
    verify::Rejection,
};

/// A place with a keyring and room beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn keyring(&self) -> PathBuf {
        self.at("keyring")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.keyring().join(MANIFEST)).unwrap()
    }

    fn generate(&self, id: u32) -> Result<(), CeremonyError> {
        generate(&self.keyring(), &new_key(id), &self.at(&format!("{id}.key")))
    }

    /// A public key beside the keyring.
    fn public_key(&self) -> PathBuf {
        let path = self.at("issuer.pub.pem");
        fs::write(&path, key_file::public_key::to_pem(&PublicKey::from(&sample::signing_key())))
            .unwrap();
        path
    }

    fn add(&self, id: u32, proof: Option<&[u8]>) -> Result<(), CeremonyError> {
        add(&self.keyring(), &new_key(id), &self.public_key(), proof)
    }

    fn state(&self, id: u32) -> KeyState {
        list(&self.keyring()).unwrap().get(key_id(id)).unwrap().state()
    }

    fn set_state(&self, id: u32, state: KeyState) -> Result<(), CeremonyError> {
        set_state(&self.keyring(), key_id(id), state)
    }

    fn minter(&self, id: u32) -> Minter {
        let keys = list(&self.keyring()).unwrap();
        let signing_key = store::read_signing_key(&self.at(&format!("{id}.key"))).unwrap();
        Minter::for_key(keys.get(key_id(id)).unwrap(), signing_key).ok().unwrap()
    }

    /// An issuer's minter, made from what the issuer was given.
    fn issuers_minter(&self, id: u32) -> Minter {
        let out = self.at(&format!("{id}.seal"));
        export_seal_key(&self.keyring(), key_id(id), &out).unwrap();
        let seal_key =
            SealKey::new(Suite::Es256, hex(fs::read_to_string(out).unwrap().trim()).into());
        Minter::new(key_id(id), sample::signing_key(), seal_key)
    }

    /// Names of all files in the keyring.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.keyring()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

fn key_id(id: u32) -> KeyId {
    KeyId::new(id).unwrap()
}

pub(super) fn new_key(id: u32) -> NewKey<'static> {
    NewKey {
        id: key_id(id),
        channel: "wechat".parse().unwrap(),
        environment: "production",
        now: at(999),
        not_before: None,
        not_after: None,
    }
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_generated_key_is_active_for_a_year_and_mints() {
    let place = Place::new();
    place.generate(7001).unwrap();
    assert_eq!(place.files(), ["7001.pub.pem", MANIFEST, "seal-1.key"]);
    assert_eq!(mode(place.at("7001.key")), 0o600);
    assert_eq!(mode(place.keyring().join("seal-1.key")), 0o600);
    assert!(!place.text().contains("PRIVATE"));

    let keys = store::load(&place.keyring(), Some("production")).unwrap();
    let key = keys.get(key_id(7001)).unwrap();
    assert_eq!((key.state(), key.not_before()), (KeyState::Active, at(0)));
    assert_eq!(key.not_after(), at(365 * 86_400_000));
    let code = place.minter(7001).mint(&sample::spec(), SERIAL);
    assert!(keys.verify(&code, &RULES, at(999)).is_ok());
}

#[test]
fn an_added_key_is_announced_and_then_lives() {
    let place = Place::new();
    place.add(7001, None).unwrap();
    let code = place.issuers_minter(7001).mint(&sample::spec(), SERIAL);
    let outcome = || {
        let keys = list(&place.keyring()).unwrap();
        keys.verify(&code, &RULES, at(999)).map(|_| ()).map_err(|rejected| rejected.rejection)
    };
    assert_eq!(outcome(), Err(Rejection::KeyNotActive));
    for (state, expected) in [
        (KeyState::Active, Ok(())),
        (KeyState::Retiring, Ok(())),
        (KeyState::Active, Ok(())),
        (KeyState::Revoked, Err(Rejection::KeyRevoked)),
    ] {
        place.set_state(7001, state).unwrap();
        assert_eq!(outcome(), expected, "{state}");
    }
}

#[test]
fn states_follow_one_another_and_revoked_is_the_end() {
    use KeyState::{Active, Announced, Retiring, Revoked};
    let place = Place::new();
    for (id, path) in [(1, vec![]), (2, vec![Active]), (3, vec![Active, Retiring])] {
        place.add(id, None).unwrap();
        path.into_iter().for_each(|state| place.set_state(id, state).unwrap());
    }
    for (id, state) in [(1, Retiring), (2, Announced), (3, Announced)] {
        let before = place.text();
        let error = place.set_state(id, state).unwrap_err();
        assert!(matches!(error, CeremonyError::Transition { .. }), "{error}");
        assert_eq!(place.text(), before);
    }
    for id in [1, 2, 3] {
        place.set_state(id, place.state(id)).unwrap();
        place.set_state(id, Revoked).unwrap();
        place.set_state(id, Revoked).unwrap();
        assert!(place.set_state(id, Active).is_err());
    }
    let error = place.set_state(4, Active).unwrap_err().to_string();
    assert!(error.ends_with("keyring: no key has the id 4"), "{error}");
}

#[test]
fn a_proof_is_minted_before_the_key_is_added() {
    let place = Place::new();
    place.generate(1).unwrap();
    let minter = place.issuers_minter(7001);
    let old = Spec { issued_at: crate::code::IssuedAt::new(1), ..sample::spec() };
    let add = |code: &UnverifiedCode| place.add(7001, Some(&code.to_digits()));
    for (spoil, says) in [
        (Spoil::Signature, "not signed with the private half"),
        (Spoil::Seal, "its seal does not open"),
        (Spoil::Key, "it names another key id"),
    ] {
        let error = add(&minter.mint_spoiled(&old, SERIAL, spoil)).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let error = place.add(7001, Some(b"123")).unwrap_err().to_string();
    assert!(error.starts_with("the proof is no code"), "{error}");
    assert_eq!(place.files(), ["1.pub.pem", MANIFEST, "seal-1.key"], "nothing is left behind");
    add(&minter.mint(&old, SERIAL)).unwrap();
    assert_eq!(place.state(7001), KeyState::Announced);
}

#[test]
fn an_exported_seal_key_is_what_the_keyring_uses() {
    let place = Place::new();
    place.generate(1).unwrap();
    let export = |id, name: &str| export_seal_key(&place.keyring(), key_id(id), &place.at(name));
    export(7001, "early").unwrap();
    place.add(7001, None).unwrap();
    export(7001, "late").unwrap();
    let early = fs::read_to_string(place.at("early")).unwrap();
    assert_eq!(early, fs::read_to_string(place.at("late")).unwrap());
    assert_eq!((early.trim_end().len(), mode(place.at("early"))), (32, 0o600));
    assert!(matches!(export(7001, "late"), Err(CeremonyError::Exists(_))));
    assert!(matches!(export(7001, "keyring/x"), Err(CeremonyError::Inside { .. })));
}

#[test]
fn a_keyring_without_a_seal_secret_gives_no_seal_key() {
    let place = Place::new();
    fs::create_dir(place.keyring()).unwrap();
    fs::write(place.keyring().join(MANIFEST), "").unwrap();
    let error = export_seal_key(&place.keyring(), key_id(1), &place.at("x")).unwrap_err();
    assert!(matches!(error, CeremonyError::NoSecret(_)), "{error}");
}

#[test]
fn private_keys_stay_outside_and_are_never_overwritten() {
    let place = Place::new();
    let make = |path: PathBuf| generate(&place.keyring(), &new_key(1), &path);
    std::os::unix::fs::symlink(place.keyring(), place.at("link")).unwrap();
    fs::create_dir_all(place.keyring().join("deep")).unwrap();
    for inside in ["keyring/1.key", "keyring/deep/1.key", "link/1.key", "keyring/deep/../1.key"] {
        let error = make(place.at(inside)).unwrap_err();
        assert!(matches!(error, CeremonyError::Inside { .. }), "{inside}: {error}");
    }
    fs::write(place.at("1.key"), "precious").unwrap();
    assert!(matches!(make(place.at("1.key")), Err(CeremonyError::Exists(_))));
    assert_eq!(fs::read_to_string(place.at("1.key")).unwrap(), "precious");
    assert!(matches!(make(place.at("no/1.key")), Err(CeremonyError::System { .. })));
    assert_eq!(place.files(), ["deep"], "nothing is left behind");
}

#[test]
fn an_id_is_never_used_again() {
    let place = Place::new();
    place.generate(1).unwrap();
    fs::remove_file(place.at("1.key")).unwrap();
    assert!(matches!(place.generate(1), Err(CeremonyError::IdInUse(_))));
    assert!(matches!(place.add(1, None), Err(CeremonyError::IdInUse(_))));
    place.set_state(1, KeyState::Revoked).unwrap();
    remove(&place.keyring(), key_id(1), at(0), false).unwrap();
    assert!(place.text().contains("removed_ids = [1]"), "{}", place.text());
    assert!(matches!(place.generate(1), Err(CeremonyError::IdRemoved(_))));
    assert!(matches!(place.add(1, None), Err(CeremonyError::IdRemoved(_))));
    let error = export_seal_key(&place.keyring(), key_id(1), &place.at("x")).unwrap_err();
    assert!(matches!(error, CeremonyError::IdRemoved(_)));
    assert!(!place.at("1.key").exists());
}

#[test]
fn a_key_is_removed_when_its_last_code_is_over() {
    let over_ms = (365 + 180) * 86_400_000;
    for (ms, force, removed) in
        [(over_ms - 1, false, false), (over_ms, false, true), (0, true, true)]
    {
        let place = Place::new();
        place.generate(1).unwrap();
        let outcome = remove(&place.keyring(), key_id(1), at(ms), force);
        assert_eq!(outcome.is_ok(), removed, "{outcome:?}");
        assert_eq!(list(&place.keyring()).unwrap().iter().len(), usize::from(!removed));
        assert_eq!(outcome.is_err(), matches!(outcome, Err(CeremonyError::Needed { .. })));
    }
}

#[test]
fn edits_keep_comments_and_order() {
    let place = Place::new();
    place.generate(1).unwrap();
    place.generate(2).unwrap();
    let before = place
        .text()
        .replace("state = \"active\"", "state = \"active\"   # since spring")
        .replacen("[[key]]", "# the first\n[[key]]  # of two", 1);
    fs::write(place.keyring().join(MANIFEST), &before).unwrap();
    place.set_state(2, KeyState::Retiring).unwrap();
    let (head, tail) = before.rsplit_once("\"active\"").unwrap();
    assert_eq!(place.text(), format!("{head}\"retiring\"{tail}"));
    place.set_state(2, KeyState::Revoked).unwrap();
    remove(&place.keyring(), key_id(2), at(0), false).unwrap();
    let text = place.text();
    assert!(text.contains("# the first\n[[key]]  # of two\nid = 1\n"), "{text}");
    assert!(text.contains("# since spring") && !text.contains("id = 2"), "{text}");
}

#[test]
fn a_change_that_would_not_load_is_not_made() {
    let place = Place::new();
    place.generate(1).unwrap();
    let before = place.text();
    let new = NewKey { environment: "Wrong Name", ..new_key(2) };
    let error = generate(&place.keyring(), &new, &place.at("2.key")).unwrap_err().to_string();
    assert!(error.contains("allowed: 1 to 32 of a-z"), "{error}");
    let new = NewKey { not_after: Some(at(0)), ..new_key(2) };
    let error = generate(&place.keyring(), &new, &place.at("2.key")).unwrap_err().to_string();
    assert!(error.starts_with("key 2: not_after 2027-01-15T08:00:00.000Z is not later"), "{error}");
    assert_eq!((place.text(), place.files().len()), (before, 3));
    assert!(!place.at("2.key").exists());
}

#[test]
fn a_second_ceremony_is_shut_out() {
    let place = Place::new();
    place.generate(1).unwrap();
    let held = Directory::lock(&place.keyring()).unwrap();
    let error = place.set_state(1, KeyState::Retiring).unwrap_err();
    assert!(matches!(error, CeremonyError::Busy(_)), "{error}");
    drop(held);
    place.set_state(1, KeyState::Retiring).unwrap();
}

#[test]
fn a_leftover_of_a_crash_is_no_hindrance() {
    let place = Place::new();
    place.generate(1).unwrap();
    fs::write(place.keyring().join(".keyring.toml.new"), "half a li").unwrap();
    place.set_state(1, KeyState::Retiring).unwrap();
    assert_eq!(place.state(1), KeyState::Retiring);
    assert_eq!(place.files(), ["1.pub.pem", MANIFEST, "seal-1.key"]);
}

/// The keyring's file stands elsewhere, and a link leads to it.
fn link_manifest(place: &Place) -> PathBuf {
    let (named, real) = (place.keyring().join(MANIFEST), place.at("real/prod.toml"));
    fs::create_dir(place.at("real")).unwrap();
    fs::rename(&named, &real).unwrap();
    std::os::unix::fs::symlink("../real/prod.toml", &named).unwrap();
    real
}

#[test]
fn a_change_goes_through_links_to_the_file_behind_them() {
    let place = Place::new();
    place.generate(1).unwrap();
    let real = link_manifest(&place);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(place.keyring(), place.at("other-name")).unwrap();
    set_state(&place.at("other-name"), key_id(1), KeyState::Revoked).unwrap();
    place.generate(2).unwrap();
    assert!(place.keyring().join(MANIFEST).is_symlink());
    let text = fs::read_to_string(&real).unwrap();
    assert!(text.contains("\"revoked\"") && text.contains("id = 2"), "{text}");
    assert_eq!(mode(real), 0o640);
    assert_eq!(fs::read_dir(place.at("real")).unwrap().count(), 1, "nothing is left behind");
    assert_eq!(place.files(), ["1.pub.pem", "2.pub.pem", MANIFEST, "seal-1.key"]);
}

#[test]
fn two_keyrings_of_one_file_are_changed_one_after_the_other() {
    let place = Place::new();
    place.generate(1).unwrap();
    link_manifest(&place);
    let held = Directory::lock(&place.at("real")).unwrap();
    let error = place.set_state(1, KeyState::Revoked).unwrap_err();
    assert!(matches!(error, CeremonyError::Busy(_)), "{error}");
    drop(held);
    place.set_state(1, KeyState::Revoked).unwrap();
}

#[test]
fn a_link_to_nothing_and_a_file_of_two_names_are_refused() {
    let place = Place::new();
    place.generate(1).unwrap();
    let named = place.keyring().join(MANIFEST);
    fs::hard_link(&named, place.at("copy.toml")).unwrap();
    let error = place.set_state(1, KeyState::Revoked).unwrap_err();
    assert!(matches!(error, CeremonyError::OtherNames(_)), "{error}");
    assert_eq!(place.state(1), KeyState::Active);
    fs::remove_file(place.at("copy.toml")).unwrap();
    place.set_state(1, KeyState::Revoked).unwrap();

    let real = link_manifest(&place);
    fs::remove_file(real).unwrap();
    for error in [place.set_state(1, KeyState::Active), place.generate(2)] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("keyring.toml: cannot follow the link: No such file"), "{error}");
    }
    assert!(named.is_symlink());
}

#[test]
fn a_change_keeps_the_owner_of_the_file() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let place = Place::new();
    place.generate(1).unwrap();
    let named = place.keyring().join(MANIFEST);
    // Only root can give a file away: others see here that theirs stays theirs.
    let before = chown(&named, Some(4711), Some(4712)).and_then(|()| fs::metadata(&named));
    let before = before.or_else(|_| fs::metadata(&named)).unwrap();
    place.set_state(1, KeyState::Retiring).unwrap();
    let after = fs::metadata(&named).unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
}

#[test]
fn times_without_quotes_stay_as_they_are_written() {
    let place = Place::new();
    place.generate(1).unwrap();
    let (head, tail) = place
        .text()
        .split_once("not_before = \"")
        .map(|(head, tail)| {
            let (moment, tail) = tail.split_once('"').unwrap();
            (format!("{head}not_before = {moment}"), tail.to_owned())
        })
        .unwrap();
    fs::write(place.keyring().join(MANIFEST), format!("{head}{tail}")).unwrap();
    place.set_state(1, KeyState::Retiring).unwrap();
    assert!(place.text().starts_with(&head), "{}", place.text());
    assert_eq!(place.state(1), KeyState::Retiring);
}

#[test]
fn the_newest_seal_secret_serves_new_keys() {
    let place = Place::new();
    place.generate(1).unwrap();
    let secret = store::hex_line(&[7; 32]);
    fs::write(place.keyring().join("seal-2.key"), &*secret).unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place.keyring().join("seal-2.key"), private).unwrap();
    let text = place.text() + "\n[[seal_secret]]\nid = 2\nfile = \"seal-2.key\"\n";
    fs::write(place.keyring().join(MANIFEST), text).unwrap();
    place.generate(2).unwrap();
    for id in [1, 2] {
        let code = place.minter(id).mint(&sample::spec(), SERIAL);
        assert!(list(&place.keyring()).unwrap().verify(&code, &RULES, at(999)).is_ok(), "{id}");
    }
    let manifest = Keyring::read(&place.keyring()).unwrap().manifest;
    let secrets: Vec<_> = manifest.keys.iter().map(|key| key.seal_secret.get()).collect();
    assert_eq!(secrets, [1, 2]);
}
