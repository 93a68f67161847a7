use keyring::code::UnverifiedCode;

use super::*;
use crate::cli::tests::testing::NOW;

fn open(root: &tempfile::TempDir) -> Result<Directory, Failure> {
    Directory::open(&root.path().join("sandbox"))
}

#[test]
fn one_sandbox_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let first = open(&root).unwrap();
    let Err(failure) = open(&root) else { panic!("two at once") };
    assert_eq!(failure.status(), 1);
    assert!(failure.to_string().starts_with("another sandbox runs on /"), "{failure}");
    drop(first);
    open(&root).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("sandbox"), "a file").unwrap();
    let Err(failure) = open(&root) else { panic!("a file is no directory") };
    assert_eq!(failure.status(), 1);
    assert!(failure.to_string().starts_with("cannot write to the directory /"), "{failure}");
}

#[test]
fn keys_are_made_once_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let directory = open(&root).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(directory.make_keys(NOW).unwrap());
    let digest = |directory: &Directory| {
        store::load(&directory.keyring(), Some(SANDBOX)).unwrap().digest().to_owned()
    };
    let made = digest(&directory);
    assert!(!directory.make_keys(NOW).unwrap());
    assert_eq!(digest(&directory), made);
}

#[test]
fn keys_that_were_not_finished_are_made_afresh() {
    let root = tempfile::tempdir().unwrap();
    let directory = open(&root).unwrap_or_else(|failure| panic!("{failure}"));
    directory.make_keys(NOW).unwrap();
    fs::rename(directory.keyring(), directory.path().join("keyring.new")).unwrap();
    assert!(directory.make_keys(NOW).unwrap());
    let keys = store::load(&directory.keyring(), Some(SANDBOX)).unwrap();
    assert_eq!(keys.usable_at(NOW), 1);
    let signing_key = store::read_signing_key(&directory.signing_key()).unwrap();
    Minter::for_key(keys.get(key_id()).unwrap(), signing_key).map(drop).unwrap();
}

#[test]
fn the_revoked_key_leaves_one_code_and_no_private_half() {
    let root = tempfile::tempdir().unwrap();
    let directory = open(&root).unwrap_or_else(|failure| panic!("{failure}"));
    directory.make_keys(NOW).unwrap();
    let code = UnverifiedCode::parse(&fs::read(directory.revoked_code()).unwrap()).unwrap();
    let keys = store::load(&directory.keyring(), Some(SANDBOX)).unwrap();
    assert_eq!(keys.get(code.key_id().unwrap()).unwrap().state(), KeyState::Revoked);
    assert!(!directory.signing_key_of(REVOKED_KEY_ID).exists());
}
