use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::*;
use crate::{
    ceremony::{list, tests::new_key},
    store::MANIFEST,
};

/// A keyring of one issuer key, and its directory.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let signing_key = place.0.path().join("1.key");
        crate::ceremony::generate(&place.dir(), &new_key(1), &signing_key).unwrap();
        place
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("keyring")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.dir().join(MANIFEST)).unwrap()
    }

    fn generate(&self) -> u8 {
        generate(&self.dir(), None).unwrap().get()
    }

    fn activate(&self, n: u8) -> Option<PassKeyId> {
        activate(&self.dir(), id(n)).unwrap()
    }

    /// Id and state of each pass key, as a gateway reads them.
    fn states(&self) -> Vec<(u8, PassKeyState)> {
        let keys = list(&self.dir()).unwrap();
        keys.pass_keys().map(|(id, state)| (id.get(), state)).collect()
    }

    fn delete_file(&self, n: u8) {
        fs::remove_file(self.dir().join(file_of(id(n)))).unwrap();
    }
}

fn id(id: u8) -> PassKeyId {
    PassKeyId::new(id).unwrap()
}

use PassKeyState::{Active, Announced, Retiring, Revoked};

#[test]
fn a_new_pass_key_is_announced_and_its_secret_is_its_own() {
    let place = Place::new();
    assert_eq!([place.generate(), place.generate()], [1, 2]);
    assert_eq!(place.states(), [(1, Announced), (2, Announced)]);
    let secret = |n| {
        let path = place.dir().join(file_of(id(n)));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(text.trim_end().len(), 64);
        assert!(!place.text().contains(text.trim_end()));
        text
    };
    assert_ne!(secret(1), secret(2));
}

#[test]
fn exactly_one_key_is_active_and_the_one_before_retires_with_it() {
    let place = Place::new();
    assert_eq!([place.generate(), place.generate(), place.generate()], [1, 2, 3]);
    assert_eq!(place.activate(1), None);
    assert_eq!(place.activate(1), None, "it is already");
    assert_eq!(place.activate(2), Some(id(1)));
    assert_eq!(place.states(), [(1, Retiring), (2, Active), (3, Announced)]);
    assert_eq!(place.activate(1), Some(id(2)), "a change that is taken back");
    assert_eq!(place.states(), [(1, Active), (2, Retiring), (3, Announced)]);
    retire(&place.dir(), id(1)).unwrap();
    assert_eq!(place.states(), [(1, Retiring), (2, Retiring), (3, Announced)]);
    assert!(!list(&place.dir()).unwrap().has_active_pass_key());
}

#[test]
fn states_follow_one_another_and_revoked_is_the_end() {
    let place = Place::new();
    place.generate();
    let before = place.text();
    let error = retire(&place.dir(), id(1)).unwrap_err().to_string();
    assert!(error.starts_with("pass key 1 is announced and cannot become retiring; "), "{error}");
    assert_eq!(place.text(), before);
    place.activate(1);
    retire(&place.dir(), id(1)).unwrap();
    retire(&place.dir(), id(1)).unwrap();
    revoke(&place.dir(), id(1)).unwrap();
    revoke(&place.dir(), id(1)).unwrap();
    assert_eq!(place.states(), [(1, Revoked)]);
    for error in [activate(&place.dir(), id(1)).map(drop), retire(&place.dir(), id(1))] {
        let error = error.unwrap_err();
        assert!(matches!(error, CeremonyError::PassTransition { .. }), "{error}");
    }
}

#[test]
fn an_active_key_can_be_revoked_and_is_not_removed() {
    let place = Place::new();
    place.generate();
    place.activate(1);
    let error = remove(&place.dir(), id(1)).unwrap_err();
    assert!(matches!(error, CeremonyError::PassKeyNeeded(_)), "{error}");
    assert!(error.to_string().contains("15 minutes"), "{error}");
    revoke(&place.dir(), id(1)).unwrap();
    remove(&place.dir(), id(1)).unwrap();
    assert_eq!(place.states(), []);
}

#[test]
fn a_removed_key_leaves_its_file_which_keeps_its_id() {
    let place = Place::new();
    place.generate();
    let file = remove(&place.dir(), id(1)).unwrap();
    assert_eq!(file, place.dir().join("pass-1.key"));
    assert!(file.exists() && !place.text().contains("pass_secret"), "{}", place.text());
    let error = generate(&place.dir(), Some(id(1))).unwrap_err();
    assert!(matches!(error, CeremonyError::Exists(_)), "{error}");
    assert_eq!(place.generate(), 2);
    place.delete_file(1);
    assert_eq!(generate(&place.dir(), Some(id(1))).unwrap(), id(1));
}

#[test]
fn an_id_comes_back_as_late_as_possible() {
    let place = Place::new();
    (1..=14).for_each(|n| assert_eq!(place.generate(), n));
    for n in [1, 2, 14] {
        remove(&place.dir(), id(n)).unwrap();
    }
    place.delete_file(2);
    place.delete_file(14);
    assert_eq!(place.generate(), 14, "it follows the highest");
    assert_eq!(place.generate(), 15);
    assert_eq!(place.generate(), 2, "the file of 1 is still there");
    let error = generate(&place.dir(), None).unwrap_err();
    assert!(matches!(error, CeremonyError::NoPassIdLeft(_)), "{error}");
    place.delete_file(1);
    assert_eq!(place.generate(), 1);
}

#[test]
fn what_is_not_there_or_taken_is_an_error() {
    let place = Place::new();
    place.generate();
    let error = generate(&place.dir(), Some(id(1))).unwrap_err();
    assert!(matches!(error, CeremonyError::PassIdInUse(_)), "{error}");
    let dir = place.dir();
    for outcome in [
        activate(&dir, id(2)).map(drop),
        retire(&dir, id(2)),
        revoke(&dir, id(2)),
        remove(&dir, id(2)).map(drop),
    ] {
        let error = outcome.unwrap_err().to_string();
        assert!(error.ends_with("keyring: no [[pass_secret]] has the id 2"), "{error}");
    }
    let nowhere = place.0.path().join("nowhere");
    assert!(generate(&nowhere, None).is_err() && !nowhere.exists());
}

#[test]
fn edits_keep_comments_and_the_other_tables() {
    let place = Place::new();
    place.generate();
    place.generate();
    let before = place
        .text()
        .replace("state = \"announced\"", "state = \"announced\"   # since spring")
        .replacen("[[pass_secret]]", "# the first\n[[pass_secret]]  # of two", 1);
    fs::write(place.dir().join(MANIFEST), &before).unwrap();
    place.activate(2);
    let (head, tail) = before.rsplit_once("\"announced\"").unwrap();
    assert_eq!(place.text(), format!("{head}\"active\"{tail}"));
    place.activate(1);
    remove(&place.dir(), id(2)).unwrap();
    let text = place.text();
    assert!(text.contains("# the first\n[[pass_secret]]  # of two\nid = 1\n"), "{text}");
    assert!(text.contains("# since spring") && !text.contains("id = 2"), "{text}");
    assert!(text.contains("[[key]]\nid = 1\n") && !text.contains("removed_ids = [2"), "{text}");
}

#[test]
fn a_change_that_would_not_load_leaves_no_secret_behind() {
    let place = Place::new();
    place.generate();
    fs::set_permissions(place.dir().join("pass-1.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let before = place.text();
    let error = generate(&place.dir(), None).unwrap_err().to_string();
    assert!(error.contains("pass-1.key: mode 0644"), "{error}");
    assert!(activate(&place.dir(), id(1)).is_err());
    assert_eq!(place.text(), before);
    assert!(!place.dir().join("pass-2.key").exists());
}
