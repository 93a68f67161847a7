//! The keyring directory while it is being changed: locked, and nothing in force before all is.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::CeremonyError;
use crate::store::{self, Keyring, MANIFEST};

/// Written whole under this name, then renamed.
const ASIDE: &str = ".keyring.toml.new";
const PUBLIC_MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o600;

/// A keyring directory that this process alone changes. Files created through it are taken away
/// again when it is dropped without [`commit`](Self::commit).
pub(super) struct Directory {
    path: PathBuf,
    /// The open directory carries the lock and can be synced.
    handle: File,
    created: Vec<PathBuf>,
}

impl Directory {
    /// Locks the directory.
    pub(super) fn lock(path: &Path) -> Result<Self, CeremonyError> {
        let handle = File::open(path).map_err(system(path, "open the directory"))?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CeremonyError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(system(path, "lock")(source)),
        }
        Ok(Self { path: path.to_owned(), handle, created: Vec::new() })
    }

    /// Makes the directory if there is none, and locks it.
    pub(super) fn make_and_lock(path: &Path) -> Result<Self, CeremonyError> {
        fs::create_dir_all(path).map_err(system(path, "make the directory"))?;
        Self::lock(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What `keyring.toml` holds; `None` if there is none.
    pub(super) fn manifest(&self) -> Result<Option<String>, CeremonyError> {
        let path = self.path.join(MANIFEST);
        match path.try_exists() {
            Ok(false) => Ok(None),
            _ => Ok(Some(store::read_manifest(&path)?)),
        }
    }

    /// A new file beside `keyring.toml` that everybody may read.
    pub(super) fn create_public(&mut self, name: &str, text: &str) -> Result<(), CeremonyError> {
        self.create(&self.path.join(name), text, PUBLIC_MODE)
    }

    /// A new file, anywhere, that its owner alone may read.
    pub(super) fn create_secret(&mut self, path: &Path, text: &str) -> Result<(), CeremonyError> {
        self.create(path, text, SECRET_MODE)
    }

    fn create(&mut self, path: &Path, text: &str, mode: u32) -> Result<(), CeremonyError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let mut file = file.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => CeremonyError::Exists(path.to_owned()),
            _ => system(path, "create")(source),
        })?;
        self.created.push(path.to_owned());
        write_and_sync(&mut file, text).map_err(system(path, "write"))?;
        sync_parent(path)
    }

    /// Puts `text` in the place of `keyring.toml`, if the keyring loads with it.
    pub(super) fn commit(mut self, text: &str) -> Result<(), CeremonyError> {
        Keyring::parse(&self.path, text)?.key_set()?;
        let (aside, manifest) = (self.path.join(ASIDE), self.path.join(MANIFEST));
        let options = &mut OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(PUBLIC_MODE).open(&aside);
        let mut file = file.map_err(system(&aside, "create"))?;
        self.created.push(aside.clone());
        if let Ok(before) = fs::metadata(&manifest) {
            file.set_permissions(before.permissions()).map_err(system(&aside, "set the mode"))?;
        }
        write_and_sync(&mut file, text).map_err(system(&aside, "write"))?;
        fs::rename(&aside, &manifest).map_err(system(&manifest, "replace"))?;
        // From here on the new keyring is in force, and the files that it names have to stay.
        self.created.clear();
        self.handle.sync_all().map_err(system(&self.path, "sync the directory"))
    }

    /// Keeps the created files without a change of `keyring.toml`.
    pub(super) fn keep(mut self) {
        self.created.clear();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        for path in &self.created {
            // There is nobody left to tell, and the first error is on its way already.
            drop(fs::remove_file(path));
        }
    }
}

/// Refuses a path that leads into the keyring `dir`, through whatever links.
pub(super) fn refuse_inside(dir: &Path, path: &Path) -> Result<(), CeremonyError> {
    let parent = parent(path);
    let real_parent = parent.canonicalize().map_err(system(parent, "find the directory"))?;
    let inside = dir.canonicalize().is_ok_and(|real_dir| real_parent.starts_with(real_dir));
    if inside {
        return Err(CeremonyError::Inside { path: path.to_owned(), dir: dir.to_owned() });
    }
    Ok(())
}

fn write_and_sync(file: &mut File, text: &str) -> std::io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A created file outlives a power cut only when its directory is synced too.
fn sync_parent(path: &Path) -> Result<(), CeremonyError> {
    let parent = parent(path);
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(system(parent, "sync the directory"))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn system(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> CeremonyError {
    let path = path.to_owned();
    move |source| CeremonyError::System { path, what, source }
}
