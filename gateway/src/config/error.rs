//! What is wrong with a configuration, for the person who wrote it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used. Its text has a line for each problem, and each line names
/// the file, the key, the value and what is allowed.
#[derive(Debug)]
pub struct ConfigError {
    file: PathBuf,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line in the file, counted from one; `None` for what is missing in it.
    pub line: Option<usize>,
    /// A sentence with key, value and what is allowed.
    pub text: String,
}

impl ConfigError {
    /// The problems in the order of the file; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// `problems` may come in any order; there must be one.
    pub(super) fn new(file: &Path, mut problems: Vec<Problem>) -> Self {
        assert!(!problems.is_empty(), "an error needs a problem");
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        Self { file: file.to_owned(), problems }
    }

    pub(super) fn of_file(file: &Path, text: String) -> Self {
        Self::new(file, vec![Problem { line: None, text }])
    }

    pub(super) fn unreadable(file: &Path, error: io::Error) -> Self {
        let text = match error.kind() {
            io::ErrorKind::IsADirectory => "this is a directory; allowed: a file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self::of_file(file, text)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Problem { line, text }) in self.problems.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            let file = self.file.display();
            match line {
                Some(line) => write!(f, "{newline}{file}:{line}: {text}")?,
                None => write!(f, "{newline}{file}: {text}")?,
            }
        }
        Ok(())
    }
}
