//! The key that subjects are hashed with. The nodes of one operator share it. So its owner can find
//! a person's decisions on all nodes, and others cannot.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use keyring::{
    code::Subject,
    store::{self, KeyringError},
};
use sha2::Sha256;

const KEY_BYTES: usize = 32;

/// Hashes subjects: HMAC-SHA-256, of which 16 bytes are recorded.
#[derive(Clone)]
pub struct SubjectKey(Hmac<Sha256>);

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey")
    }
}

/// A key file cannot be used or made. The text names the file, never its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read, or is no key.
    #[error(transparent)]
    Unusable(#[from] KeyringError),
    /// It could not be made.
    #[error("{}: {why}", path.display())]
    NotMade {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl SubjectKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Hmac::new_from_slice(&bytes).expect("HMAC takes a key of any length"))
    }

    /// Reads a key file: 64 hex digits, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self::new(*store::read_secret_bytes(path)?))
    }

    /// Makes a key and writes it to a file of mode 0600. Never overwrites one.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn generate(path: &Path) -> Result<(), KeyFileError> {
        let failed = |error: io::Error| {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists => "is there already, and is not overwritten".into(),
                _ => error.to_string(),
            };
            KeyFileError::NotMade { path: path.to_owned(), why }
        };
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(|error| failed(error.into()))?;
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let written = file.write_all(format!("{hex}\n").as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // Half a key would make the next try fail.
            let _ = fs::remove_file(path);
            failed(error)
        })
    }

    /// The recorded hash of a subject: 16 bytes of HMAC-SHA-256 over the domain and the number.
    #[must_use]
    pub fn hash(&self, subject: Subject) -> [u8; 16] {
        let mut mac = self.0.clone();
        mac.update(b"yanma subject v1\n");
        mac.update(&subject.get().to_be_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("32 bytes hold 16")
    }

    /// Names this key without giving it away: 8 bytes of HMAC-SHA-256. Shows nodes with another
    /// key.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        let mut mac = self.0.clone();
        mac.update(b"yanma subject key v1\n");
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("32 bytes hold 8")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    fn subject(number: u64) -> Subject {
        Subject::new(number).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.key");
        SubjectKey::generate(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let (one, two) = (SubjectKey::read(&path).unwrap(), SubjectKey::read(&path).unwrap());
        assert_eq!(one.hash(subject(42)), two.hash(subject(42)));
        assert_ne!(one.hash(subject(42)), one.hash(subject(43)));
        assert_ne!(one.hash(subject(42)), SubjectKey::new([0; 32]).hash(subject(42)));
        let again = SubjectKey::generate(&path).unwrap_err().to_string();
        assert!(again.contains("audit.key: is there already"), "{again}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let open = SubjectKey::read(&path).unwrap_err().to_string();
        assert!(open.contains("0644") && open.contains("chmod 600"), "{open}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let one = |text: String| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            SubjectKey::read(&path).map(|key| key.fingerprint())
        };
        let plain = one("a0".repeat(32)).unwrap();
        assert_eq!(one(format!("\u{feff}{}\r\n", "A0 ".repeat(32))).unwrap(), plain);
        for text in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let said = SubjectKey::read(&path).unwrap_err().to_string();
            assert!(said.contains("64 hex digits") && !said.contains("ggg"), "{said}");
        }
    }
}
