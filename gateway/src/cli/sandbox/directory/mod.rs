//! The sandbox's directory: one sandbox at a time, keys that are kept between runs.

mod files;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use keyring::ceremony::{self, NewKey};
use keyring::code::{Auth, IssuedAt, KeyId, Kind, Region, Subject};
use keyring::key::{Channel, KeyState};
use keyring::mint::{Minter, Spec, random_serial};
use keyring::store;
use keyring::time::UnixMillis;

pub(super) use self::files::{Files, KEY_ID};
use super::super::preflight::unfit::SANDBOX;
use super::settings::FIRST_LINE;
use crate::cli::failure::Failure;
use record::SubjectKey;
use sys::disk;

/// A revoked key. Nothing mints with it any more, so one code of it is kept in a file.
const REVOKED_KEY_ID: u32 = 7002;
const MS_PER_DAY: i64 = 86_400_000;
const SETTINGS: &str = "gateway.toml";

/// The directory, held for this process until it is dropped.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if it is missing and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error| {
            Failure::of(
                format!("cannot write to the directory {} (--data)", path.display()),
                &error,
            )
        };
        if path.is_file() {
            return Err(Failure::Other(format!(
                "cannot write to the directory {} (--data): this is a file; allowed: a \
                 directory, which is made if missing",
                path.display()
            )));
        }
        disk::make_private_dir(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        refuse_foreign(&path.join(SETTINGS))?;
        let lock = File::create(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::Other(format!(
                "another sandbox runs on {}; stop it, or give this one another directory (--data)",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn keyring(&self) -> PathBuf {
        self.files().keyring
    }

    pub(super) fn signing_key(&self) -> PathBuf {
        self.signing_key_of(KEY_ID)
    }

    /// One code of the revoked key, 255 digits.
    pub(super) fn revoked_code(&self) -> PathBuf {
        self.files().revoked_code
    }

    /// Makes the keys unless there are some. True: they are new.
    pub(super) fn make_keys(&self, now: UnixMillis) -> Result<bool, Failure> {
        if self.keyring().exists() {
            return Ok(false);
        }
        // Made aside and renamed when whole: a sandbox that is stopped here starts afresh.
        let unfinished = self.path.join("keyring.new");
        self.remove(&unfinished, |path| fs::remove_dir_all(path))?;
        for id in [KEY_ID, REVOKED_KEY_ID] {
            self.remove(&self.signing_key_of(id), |path| fs::remove_file(path))?;
        }
        self.generate(&unfinished, KEY_ID, "wechat", now)?;
        self.generate(&unfinished, REVOKED_KEY_ID, "alipay", now)?;
        self.mint_and_revoke(&unfinished, now)?;
        fs::rename(&unfinished, self.keyring()).map_err(|error| self.failed(&error))?;
        Ok(true)
    }

    /// Makes the key that passes are made with, unless there is one. Directories of earlier versions
    /// have none.
    pub(super) fn make_pass_key(&self) -> Result<(), Failure> {
        if store::load(&self.keyring(), Some(SANDBOX))?.has_active_pass_key() {
            return Ok(());
        }
        let id = ceremony::pass::generate(&self.keyring(), None)?;
        ceremony::pass::activate(&self.keyring(), id)?;
        Ok(())
    }

    /// Makes the key that the decision record hashes subjects with, unless there is one.
    pub(super) fn make_audit_key(&self) -> Result<(), Failure> {
        let path = self.files().subject_key;
        if path.exists() {
            return Ok(());
        }
        SubjectKey::generate(&path).map_err(|error| Failure::Other(error.to_string()))
    }

    /// Where the token of the writer of account states is.
    pub(super) fn accounts_token(&self) -> PathBuf {
        self.files().accounts_token
    }

    /// Makes that token, if there is none.
    pub(super) fn make_accounts_token(&self) -> Result<(), Failure> {
        let path = self.accounts_token();
        if path.exists() {
            return Ok(());
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::of("cannot read random bytes", &error.into()))?;
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let written = disk::open_private(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, token.as_bytes()));
        written.map_err(|error| self.failed(&error))
    }

    pub(super) fn write_settings(&self, text: &str) -> Result<PathBuf, Failure> {
        let file = self.path.join(SETTINGS);
        fs::write(&file, text).map_err(|error| self.failed(&error))?;
        Ok(file)
    }

    /// Keeps the commands to paste where a person finds them again.
    pub(super) fn write_commands(&self, text: &str) -> Result<PathBuf, Failure> {
        let file = self.path.join("commands.txt");
        fs::write(&file, text).map_err(|error| self.failed(&error))?;
        Ok(file)
    }

    /// Where the pages find what they show and use.
    pub(super) fn files(&self) -> Files {
        Files::of(&self.path)
    }

    fn signing_key_of(&self, id: u32) -> PathBuf {
        files::signing_key(&self.path, id)
    }

    fn generate(
        &self,
        keyring: &Path,
        id: u32,
        channel: &str,
        now: UnixMillis,
    ) -> Result<(), Failure> {
        let new = NewKey {
            id: key(id),
            channel: channel.parse::<Channel>().expect("a channel's name, and not many"),
            environment: SANDBOX,
            now,
            // From yesterday, or a code of a minute ago would be older than its key.
            not_before: Some(now.plus_ms(-MS_PER_DAY)),
            not_after: None,
        };
        Ok(ceremony::generate(keyring, &new, &self.signing_key_of(id))?)
    }

    /// Keeps one code of the second key, then revokes it and forgets its private half.
    fn mint_and_revoke(&self, keyring: &Path, now: UnixMillis) -> Result<(), Failure> {
        let id = key(REVOKED_KEY_ID);
        let signing_key = self.signing_key_of(REVOKED_KEY_ID);
        let keys = store::load(keyring, Some(SANDBOX))?;
        let key = keys.get(id).expect("just generated");
        let minter = Minter::for_key(key, store::read_signing_key(&signing_key)?)
            .map_err(|error| Failure::Unfit(error.to_string()))?;
        let digits = minter.mint(&spec(now), random_serial()).to_digits();
        fs::write(self.revoked_code(), digits).map_err(|error| self.failed(&error))?;
        ceremony::set_state(keyring, id, KeyState::Revoked)?;
        self.remove(&signing_key, |path| fs::remove_file(path))
    }

    fn remove(
        &self,
        path: &Path,
        remove: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::of(
            format!("cannot write to the directory {} (--data)", self.path.display()),
            error,
        )
    }
}

/// A gateway's own directory is none for a sandbox, which writes over settings and keys.
fn refuse_foreign(settings: &Path) -> Result<(), Failure> {
    match fs::read_to_string(settings) {
        Ok(text) if !text.starts_with(FIRST_LINE) => Err(Failure::Other(format!(
            "{} is there, and no sandbox wrote it; give the sandbox a directory of its own (--data)",
            settings.display()
        ))),
        _ => Ok(()),
    }
}

/// The key that phones' codes are made with.
pub(super) fn key_id() -> KeyId {
    key(KEY_ID)
}

fn key(id: u32) -> KeyId {
    KeyId::new(id).expect("not 0")
}

fn spec(now: UnixMillis) -> Spec {
    Spec {
        kind: Kind::Payment,
        issued_at: IssuedAt::from_time(now).unwrap_or(IssuedAt::new(0)),
        region: Region::new(370_100).expect("six digits"),
        auth: Auth::Password,
        subject: Subject::new(42).expect("not 0"),
        epoch: 1,
        relation: 0,
    }
}

#[cfg(test)]
mod tests;
