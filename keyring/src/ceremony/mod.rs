//! The keys ceremony: everything that changes a keyring directory.
//!
//! Each change is atomic: a reader sees the keyring before or after it. It keeps the comments of
//! `keyring.toml` and shuts out a second editor. It is refused before it is made if the keyring
//! would not load after it. No private key ever enters the directory.
//!
//! The life of a key: `generate` makes one that is active at once; `add` takes in an issuer's
//! public key as announced, so that every gateway knows it before the first code is made with it.
//! Then activate, retire, revoke, and in the end remove, after which the id stays taken for ever.
//! The keys of passes have a ceremony of their own: see [`pass`].

mod directory;
mod document;
mod error;
pub mod pass;

use std::{num::NonZeroU32, path::Path};

pub use error::CeremonyError;

use crate::{
    code::{KeyId, UnverifiedCode},
    key::{Channel, IssuerKey, KeyState, KeyTerms},
    key_set::KeySet,
    seal::{SealKey, SealSecret},
    store::{self, KeyEntry, Keyring, KeyringError, MANIFEST, SecretId},
    suite::{self, PublicKey, Suite, key_file},
    time::UnixMillis,
};
use directory::Directory;
use document::Document;

const MS_PER_DAY: i64 = 86_400_000;
/// How long a new key accepts codes unless told otherwise: a year of 365 days.
pub const TERM_MS: i64 = 365 * MS_PER_DAY;
/// How long after `not_after` a key's display codes may still be shown: the default of
/// `display_days`. Until then the key is removed only by force.
pub const LAST_CODES_MS: i64 = 180 * MS_PER_DAY;

const FIRST_SECRET: SecretId = NonZeroU32::MIN;
const FIRST_SECRET_FILE: &str = "seal-1.key";

/// What the keyring shall say of a new key.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// An id that no key has or had.
    pub id: KeyId,
    /// Who shows the codes.
    pub channel: Channel,
    /// `production`, `sandbox`; 1 to 32 of a-z, 0-9 and -.
    pub environment: &'a str,
    /// The time of the ceremony.
    pub now: UnixMillis,
    /// The first moment at which codes may be issued, in whole seconds; `None` is now.
    pub not_before: Option<UnixMillis>,
    /// The first moment at which they may no longer; `None` is a year after `not_before`.
    pub not_after: Option<UnixMillis>,
}

/// Makes a key pair and adds its public half as **active**; makes directory and seal secret if
/// there are none. The private key goes to `signing_key`: PKCS#8 PEM, mode 0600.
///
/// # Errors
/// [`CeremonyError`]: if the id is or was a key's, if `signing_key` exists or lies inside the
/// keyring, or if the keyring would not load. Nothing is left behind but an empty directory.
pub fn generate(dir: &Path, new: &NewKey<'_>, signing_key: &Path) -> Result<(), CeremonyError> {
    let mut edit = Edit::begin_or_create(dir)?;
    directory::refuse_inside(dir, signing_key)?;
    let pair = suite::random_key();
    edit.add_key(new, KeyState::Active, &PublicKey::from(&pair))?;
    edit.directory.create_secret(signing_key, &key_file::signing_key::to_pem(&pair))?;
    edit.commit()
}

/// Adds an issuer's public key, SPKI PEM or JWK, as **announced**; makes directory and seal secret
/// if there are none.
///
/// `proof` is the text of a code that the issuer made with the new key and the seal key that
/// [`export_seal_key`] gave for it, of whatever time; it shows that the issuer holds both.
///
/// # Errors
/// [`CeremonyError`]: if the id is or was a key's, if the file holds no public key, if the proof
/// does not hold, or if the keyring would not load. Nothing is left behind but an empty directory.
pub fn add(
    dir: &Path,
    new: &NewKey<'_>,
    public_key: &Path,
    proof: Option<&[u8]>,
) -> Result<(), CeremonyError> {
    let public_key = store::read_public_key(public_key)?;
    let mut edit = Edit::begin_or_create(dir)?;
    let key = edit.add_key(new, KeyState::Announced, &public_key)?;
    if let Some(proof) = proof {
        let code = UnverifiedCode::parse(proof).map_err(CeremonyError::ProofForm)?;
        key.prove(&code).map_err(CeremonyError::Proof)?;
    }
    edit.commit()
}

/// Activates, retires or revokes a key: announced or retiring to active, active to retiring, any
/// to revoked. A state that the key has already is no error.
///
/// # Errors
/// [`CeremonyError`]: if there is no such key, or if the state cannot follow its own.
pub fn set_state(dir: &Path, id: KeyId, state: KeyState) -> Result<(), CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    let from = edit.known(id)?.state;
    match (from, state) {
        (_, KeyState::Revoked) | (KeyState::Active, KeyState::Retiring) => {}
        (KeyState::Announced | KeyState::Retiring, KeyState::Active) => {}
        _ if from == state => return Ok(()),
        _ => return Err(CeremonyError::Transition { id, from, to: state }),
    }
    edit.document.set_state(id, state);
    edit.commit()
}

/// Takes a key out of the keyring; its id stays taken, and the file of its public key stays too,
/// so that an old code can still be checked.
///
/// # Errors
/// [`CeremonyError`]: if there is no such key, or, unless `force`d, if it is not revoked and its
/// last display code may still be shown at `now` ([`LAST_CODES_MS`] after `not_after`).
pub fn remove(dir: &Path, id: KeyId, now: UnixMillis, force: bool) -> Result<(), CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    let key = edit.known(id)?;
    let until = key.not_after.plus_ms(LAST_CODES_MS);
    if key.state != KeyState::Revoked && now < until && !force {
        return Err(CeremonyError::Needed { id, state: key.state, until });
    }
    edit.document.remove_key(id);
    edit.commit()
}

/// The keys of a keyring, of whatever environment.
///
/// # Errors
/// [`KeyringError`] if the keyring does not load.
pub fn list(dir: &Path) -> Result<KeySet, KeyringError> {
    store::load(dir, None)
}

/// Writes the seal key of a key id to `out`: 32 hex digits, mode 0600. This is what the issuer is
/// given beside the key id. The id may be one that is yet to be added, so that the issuer can mint
/// the proof; its seal key comes from the newest seal secret, as that of a new key does.
///
/// # Errors
/// [`CeremonyError`]: if the keyring does not load or has no seal secret, if the id was removed,
/// or if `out` exists or lies inside the keyring.
pub fn export_seal_key(dir: &Path, id: KeyId, out: &Path) -> Result<(), CeremonyError> {
    let edit = Edit::begin(dir)?;
    directory::refuse_inside(dir, out)?;
    let seal_key = match edit.keyring.manifest.key(id) {
        Some(entry) => edit.keyring.seal_key(entry)?,
        None => edit.future_seal_key(id)?,
    };
    let Edit { mut directory, .. } = edit;
    directory.create_secret(out, &store::hex_line(seal_key.as_bytes()))?;
    directory.keep();
    Ok(())
}

/// One change of a keyring, from the lock to the rename.
struct Edit<'a> {
    directory: Directory,
    keyring: Keyring<'a>,
    document: Document,
}

impl<'a> Edit<'a> {
    fn begin(dir: &'a Path) -> Result<Self, CeremonyError> {
        let directory = Directory::lock(dir)?;
        let text = store::read_manifest(&dir.join(MANIFEST))?;
        Self::of(directory, dir, &text)
    }

    fn begin_or_create(dir: &'a Path) -> Result<Self, CeremonyError> {
        let directory = Directory::make_and_lock(dir)?;
        let text = directory.manifest()?;
        Self::of(directory, dir, text.as_deref().unwrap_or(document::TEMPLATE))
    }

    fn of(directory: Directory, dir: &'a Path, text: &str) -> Result<Self, CeremonyError> {
        let keyring = Keyring::parse(dir, text)?;
        let document = Document::parse(&dir.join(MANIFEST), text)?;
        Ok(Self { directory, keyring, document })
    }

    fn known(&self, id: KeyId) -> Result<&KeyEntry, CeremonyError> {
        let unknown = || CeremonyError::Unknown { id, dir: self.directory.path().to_owned() };
        self.keyring.manifest.key(id).ok_or_else(unknown)
    }

    fn require_unused(&self, id: KeyId) -> Result<(), CeremonyError> {
        if self.keyring.manifest.key(id).is_some() {
            return Err(CeremonyError::IdInUse(id));
        }
        if self.keyring.manifest.removed_ids.contains(&id) {
            return Err(CeremonyError::IdRemoved(id));
        }
        Ok(())
    }

    fn add_key(
        &mut self,
        new: &NewKey<'_>,
        state: KeyState,
        public_key: &PublicKey,
    ) -> Result<IssuerKey, CeremonyError> {
        self.require_unused(new.id)?;
        let terms = new.terms(state);
        let (secret_id, seal_key) = self.seal_key_for_new(public_key.suite(), new.id)?;
        let key = IssuerKey::new(terms.clone(), *public_key, seal_key)
            .map_err(|error| CeremonyError::Dates { id: new.id, error })?;
        let file = format!("{}.pub.pem", new.id);
        self.directory.create_public(&file, &key_file::public_key::to_pem(public_key))?;
        self.document.add_key(&terms, public_key.suite(), &file, secret_id);
        Ok(key)
    }

    /// From the newest seal secret; without any, the first one is made.
    fn seal_key_for_new(
        &mut self,
        suite: Suite,
        id: KeyId,
    ) -> Result<(SecretId, SealKey), CeremonyError> {
        if let Some((secret_id, secret)) = self.keyring.newest_secret() {
            return Ok((secret_id, secret.derive_for(suite, id)));
        }
        let secret = SealSecret::random();
        let path = self.directory.path().join(FIRST_SECRET_FILE);
        self.directory.create_secret(&path, &store::hex_line(secret.as_bytes()))?;
        self.document.add_secret(FIRST_SECRET, FIRST_SECRET_FILE);
        Ok((FIRST_SECRET, secret.derive_for(suite, id)))
    }

    fn future_seal_key(&self, id: KeyId) -> Result<SealKey, CeremonyError> {
        self.require_unused(id)?;
        let secret = self.keyring.newest_secret();
        let (_, secret) =
            secret.ok_or_else(|| CeremonyError::NoSecret(self.directory.path().to_owned()))?;
        Ok(secret.derive(id))
    }

    fn commit(self) -> Result<(), CeremonyError> {
        let text = self.document.to_string();
        self.directory.commit(&text)
    }
}

impl NewKey<'_> {
    fn terms(&self, state: KeyState) -> KeyTerms {
        let whole_second = |moment: UnixMillis| UnixMillis::from_seconds(moment.seconds());
        let not_before = whole_second(self.not_before.unwrap_or(self.now));
        let not_after = self.not_after.map_or(not_before.plus_ms(TERM_MS), whole_second);
        KeyTerms {
            id: self.id,
            channel: self.channel,
            state,
            not_before,
            not_after,
            environment: self.environment.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
