//! A keyring of one key in a directory of its own, for the tests of the programs.

use std::path::PathBuf;

use keyring::ceremony::{self, NewKey};
use keyring::code::KeyId;
use keyring::key::KeyState;
use keyring::key_set::KeySet;
use keyring::store;
use keyring::time::UnixMillis;

use super::codes::mint;
use crate::cli::failure::Failure;

/// Inside the key's dates.
pub(crate) const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) struct Issuer {
    root: tempfile::TempDir,
}

impl Issuer {
    /// Key 7001, active, for a day before [`NOW`] and ten days after.
    pub(crate) fn new() -> Self {
        let issuer = Self { root: tempfile::tempdir().unwrap() };
        let key = NewKey {
            id: Self::key_id(),
            channel: "wechat".parse().unwrap(),
            environment: "production",
            now: NOW,
            not_before: Some(NOW.plus_ms(-DAY_MS)),
            not_after: Some(NOW.plus_ms(10 * DAY_MS)),
        };
        ceremony::generate(&issuer.keyring(), &key, &issuer.signing_key()).unwrap();
        issuer
    }

    pub(crate) fn key_id() -> KeyId {
        KeyId::new(7001).unwrap()
    }

    pub(crate) fn keyring(&self) -> PathBuf {
        self.root.path().join("keyring")
    }

    pub(crate) fn signing_key(&self) -> PathBuf {
        self.root.path().join("7001.key.pem")
    }

    pub(crate) fn keys(&self) -> KeySet {
        store::load(&self.keyring(), None).unwrap()
    }

    pub(crate) fn set_state(&self, state: KeyState) {
        ceremony::set_state(&self.keyring(), Self::key_id(), state).unwrap();
    }

    /// What `yanma mint` writes at [`NOW`] for subject 42.
    pub(crate) fn mint(&self, options: &[&str]) -> Result<String, Failure> {
        self.mint_for("42", options)
    }

    /// The same for another subject.
    pub(crate) fn mint_for(&self, subject: &str, options: &[&str]) -> Result<String, Failure> {
        let keyring = self.keyring();
        let signing_key = self.signing_key();
        let fixed = [
            "--keyring",
            keyring.to_str().unwrap(),
            "--signing-key",
            signing_key.to_str().unwrap(),
            "--subject",
            subject,
        ];
        let mut options = options.to_vec();
        if !options.contains(&"--key-id") {
            options.extend(["--key-id", "7001"]);
        }
        mint::tests::output(fixed.into_iter().chain(options), NOW)
    }
}
