//! The ceremony of pass keys, which gateways make passes with and open them.
//!
//! The life of a pass key: [`generate`] makes one that is announced, so that every gateway can open
//! its passes before the first is made. [`activate`] makes passes with it, and the key before it
//! retires: its passes still open. When the last of them is over, [`remove`] takes it out.

use std::path::{Path, PathBuf};

use super::{CeremonyError, Edit};
use crate::{
    key::{PassKeyId, PassKeyState, PassSecret},
    store::{self, PassSecretEntry},
};

/// Makes a pass secret and adds it as **announced**. It goes to the file `pass-ID.key` in the
/// keyring, 64 hex digits, mode 0600.
///
/// Without an `id` it takes the one that follows the highest in the keyring, and begins again with
/// 1 after 15. So an id comes back as late as possible.
///
/// # Errors
/// [`CeremonyError`]: if there is no keyring or it does not load, if the id is taken or its file
/// exists, or if no id is left.
pub fn generate(dir: &Path, id: Option<PassKeyId>) -> Result<PassKeyId, CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    let id = match id {
        Some(id) if edit.keyring.manifest.pass_secret(id).is_some() => {
            return Err(CeremonyError::PassIdInUse(id));
        }
        Some(id) => id,
        None => edit.free_pass_id().ok_or_else(|| CeremonyError::NoPassIdLeft(dir.to_owned()))?,
    };
    let file = file_of(id);
    let secret = store::hex_line(PassSecret::random().as_bytes());
    edit.directory.create_secret(&dir.join(&file), &secret)?;
    edit.document.add_pass_secret(id, &file, PassKeyState::Announced);
    edit.commit()?;
    Ok(id)
}

/// Lets passes be made with a key that is announced or retiring. The key that was active until now
/// retires in the same change; its id is given back.
///
/// # Errors
/// [`CeremonyError`]: if there is no such key, or if it is revoked.
pub fn activate(dir: &Path, id: PassKeyId) -> Result<Option<PassKeyId>, CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    match edit.known_pass_key(id)?.state {
        PassKeyState::Active => return Ok(None),
        PassKeyState::Announced | PassKeyState::Retiring => {}
        from @ PassKeyState::Revoked => {
            return Err(CeremonyError::PassTransition { id, from, to: PassKeyState::Active });
        }
    }
    let entries = &edit.keyring.manifest.pass_secrets;
    let before = entries.iter().find(|entry| entry.state == PassKeyState::Active);
    let before = before.map(|entry| entry.id);
    if let Some(before) = before {
        edit.document.set_pass_state(before, PassKeyState::Retiring);
    }
    edit.document.set_pass_state(id, PassKeyState::Active);
    edit.commit()?;
    Ok(before)
}

/// Lets no more passes be made with the active key; those that it made still open. Then no key
/// makes any until another is activated. A key that is retiring already is no error.
///
/// # Errors
/// [`CeremonyError`]: if there is no such key, or if it is announced or revoked.
pub fn retire(dir: &Path, id: PassKeyId) -> Result<(), CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    let to = PassKeyState::Retiring;
    match edit.known_pass_key(id)?.state {
        PassKeyState::Retiring => return Ok(()),
        PassKeyState::Active => {}
        from @ (PassKeyState::Announced | PassKeyState::Revoked) => {
            return Err(CeremonyError::PassTransition { id, from, to });
        }
    }
    edit.document.set_pass_state(id, to);
    edit.commit()
}

/// Lets a key's passes never open again. A key that is revoked already is no error.
///
/// # Errors
/// [`CeremonyError`]: if there is no such key.
pub fn revoke(dir: &Path, id: PassKeyId) -> Result<(), CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    if edit.known_pass_key(id)?.state == PassKeyState::Revoked {
        return Ok(());
    }
    edit.document.set_pass_state(id, PassKeyState::Revoked);
    edit.commit()
}

/// Takes a key that is not active out of the keyring, and gives back the path of its file. The file
/// stays: gateways that have not reloaded yet name it. As long as it is there, its id is not taken
/// again.
///
/// # Errors
/// [`CeremonyError`]: if there is no such key, or if it is active.
pub fn remove(dir: &Path, id: PassKeyId) -> Result<PathBuf, CeremonyError> {
    let mut edit = Edit::begin(dir)?;
    let key = edit.known_pass_key(id)?;
    if key.state == PassKeyState::Active {
        return Err(CeremonyError::PassKeyNeeded(id));
    }
    let file = dir.join(&key.file);
    edit.document.remove_pass_secret(id);
    edit.commit()?;
    Ok(file)
}

impl Edit<'_> {
    fn known_pass_key(&self, id: PassKeyId) -> Result<&PassSecretEntry, CeremonyError> {
        let dir = self.directory.path();
        let unknown = || CeremonyError::UnknownPassKey { id, dir: dir.to_owned() };
        self.keyring.manifest.pass_secret(id).ok_or_else(unknown)
    }

    fn free_pass_id(&self) -> Option<PassKeyId> {
        let entries = &self.keyring.manifest.pass_secrets;
        let highest = entries.iter().map(|entry| entry.id).max();
        let (behind, before): (Vec<_>, Vec<_>) =
            PassKeyId::all().partition(|id| Some(*id) > highest);
        behind.into_iter().chain(before).find(|id| {
            let is_file_there = self.directory.path().join(file_of(*id)).symlink_metadata().is_ok();
            self.keyring.manifest.pass_secret(*id).is_none() && !is_file_there
        })
    }
}

fn file_of(id: PassKeyId) -> String {
    format!("pass-{id}.key")
}

#[cfg(test)]
mod tests;
