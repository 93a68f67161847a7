//! Where the files of a crate are.

use std::fs;
use std::path::{Path, PathBuf};

use super::ranks::{CRATES, Crate};
use crate::harness::project::root;

impl Crate {
    pub(super) fn folder(&self) -> PathBuf {
        root().join(self.path)
    }

    /// The folder of the crate's modules.
    pub(super) fn source(&self) -> PathBuf {
        self.folder().join(if self.package == "tests" { "it" } else { "src" })
    }

    /// All Rust files of the crate. A crate inside its folder has a list of its own.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let is_ours = |folder: &Path| {
            let is_crate = CRATES.iter().any(|other| folder == other.folder());
            !is_crate && !folder.ends_with("target")
        };
        files_below(&self.folder(), is_ours)
            .into_iter()
            .filter(|file| file.extension().is_some_and(|ending| ending == "rs"))
            .collect()
    }
}

/// All Rust files of all crates.
pub(super) fn rust_files() -> impl Iterator<Item = PathBuf> {
    CRATES.iter().flat_map(Crate::files)
}

/// The files in a folder and in those folders below it that are `wanted`, in order.
pub(super) fn files_below(folder: &Path, wanted: impl Fn(&Path) -> bool + Copy) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) =
        entries(folder).into_iter().partition(|path| path.is_dir());
    for inner in folders.iter().filter(|inner| wanted(inner)) {
        files.extend(files_below(inner, wanted));
    }
    files.sort();
    files
}

/// A folder, and all folders below it.
pub(super) fn folders_below(folder: &Path) -> Vec<PathBuf> {
    let inner = entries(folder).into_iter().filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = inner.flat_map(|inner| folders_below(&inner)).collect();
    found.push(folder.to_owned());
    found.sort();
    found
}

/// What lies in a folder, hidden entries left out.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| {
            !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect()
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
