//! Small crates in a temporary directory, on which each rule shows that it can fail.

use std::fs;

use tempfile::TempDir;

/// Writes files, each a path and its text.
pub(super) fn made_up(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for (name, text) in files {
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    directory
}
