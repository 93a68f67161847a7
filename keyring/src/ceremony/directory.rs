//! The keyring directory while it is being changed: it is locked, and the change takes effect at
//! once or not at all.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf},
};

use super::error::CeremonyError;
use crate::store::{self, Keyring, KeyringError, MANIFEST};

const KEEP_OWNER: &str = "keep the file's owner (run this as its owner, or as root)";
const REPLACE_MOUNT: &str =
    "replace a file that is mounted by itself (mount its directory instead)";
const PUBLIC_MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o600;

/// A keyring directory that this process alone changes. Files created through it are taken away
/// again when it is dropped without [`commit`](Self::commit).
pub(super) struct Directory {
    path: PathBuf,
    /// The open directory carries the lock.
    _lock: File,
    /// The file that `keyring.toml` is, through whatever links lead to it.
    manifest: PathBuf,
    /// Where another directory holds that file, its lock: it may be the keyring of others too.
    _lock_behind_link: Option<File>,
    created: Vec<PathBuf>,
}

impl Directory {
    /// Locks the directory, and the one that `keyring.toml` leads to if it is a link.
    pub(super) fn lock(path: &Path) -> Result<Self, CeremonyError> {
        refuse_file(path)?;
        let lock = lock(path)?;
        let named = path.join(MANIFEST);
        let is_link = fs::symlink_metadata(&named).is_ok_and(|named| named.is_symlink());
        let (manifest, behind_link) = if is_link {
            let manifest = named.canonicalize().map_err(system(&named, "follow the link"))?;
            let there = parent(&manifest);
            let is_here = path.canonicalize().is_ok_and(|path| path == there);
            let behind_link = if is_here { None } else { Some(self::lock(there)?) };
            (manifest, behind_link)
        } else {
            (named, None)
        };
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
            manifest,
            _lock_behind_link: behind_link,
            created: Vec::new(),
        })
    }

    /// Makes the directory if there is none, and locks it.
    pub(super) fn make_and_lock(path: &Path) -> Result<Self, CeremonyError> {
        refuse_file(path)?;
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

    /// A new file beside `keyring.toml` that all users may read.
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

    /// Puts `text` in the place of `keyring.toml`, if the keyring loads with it. Mode and owner stay,
    /// so that a gateway that runs as another user can still read it.
    pub(super) fn commit(mut self, text: &str) -> Result<(), CeremonyError> {
        Keyring::parse(&self.path, text)?.key_set()?;
        let before = fs::metadata(&self.manifest).ok();
        if before.as_ref().is_some_and(|before| before.nlink() > 1) {
            return Err(CeremonyError::OtherNames(self.manifest.clone()));
        }
        let aside = aside(&self.manifest);
        let options = &mut OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(PUBLIC_MODE).open(&aside);
        let mut file = file.map_err(system(&aside, "create"))?;
        self.created.push(aside.clone());
        if let Some(before) = before {
            keep_owner(&file, &before).map_err(system(&self.manifest, KEEP_OWNER))?;
            file.set_permissions(before.permissions()).map_err(system(&aside, "set the mode"))?;
        }
        write_and_sync(&mut file, text).map_err(system(&aside, "write"))?;
        fs::rename(&aside, &self.manifest).map_err(|source| {
            let what = match source.kind() {
                ErrorKind::ResourceBusy => REPLACE_MOUNT,
                _ => "replace",
            };
            system(&self.manifest, what)(source)
        })?;
        // From here on the new keyring is in force, and the files that it names have to stay.
        self.created.clear();
        sync_parent(&self.manifest)
    }

    /// Keeps the created files without a change of `keyring.toml`.
    pub(super) fn keep(mut self) {
        self.created.clear();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        for path in &self.created {
            // The first error is returned already; this one cannot be reported.
            drop(fs::remove_file(path));
        }
    }
}

fn refuse_file(path: &Path) -> Result<(), KeyringError> {
    if path.is_file() { Err(KeyringError::NotDirectory(path.to_owned())) } else { Ok(()) }
}

fn lock(path: &Path) -> Result<File, CeremonyError> {
    let handle = File::open(path).map_err(system(path, "open the directory"))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(CeremonyError::Busy(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(system(path, "lock")(source)),
    }
}

/// Where the new text is written whole, to be renamed: beside the file, as a rename needs.
fn aside(manifest: &Path) -> PathBuf {
    let name = manifest.file_name().unwrap_or_default().to_string_lossy();
    manifest.with_file_name(format!(".{name}.new"))
}

fn keep_owner(file: &File, before: &fs::Metadata) -> std::io::Result<()> {
    let made = file.metadata()?;
    let other = |made: u32, before: u32| (made != before).then_some(before);
    match (other(made.uid(), before.uid()), other(made.gid(), before.gid())) {
        (None, None) => Ok(()),
        (uid, gid) => fchown(file, uid, gid),
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
