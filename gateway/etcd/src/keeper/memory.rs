//! What a keeper remembers of the store beyond one process, and what it told the operator.

use std::{io, path::PathBuf};

use sys::log::{Event, event};
use tokio::task::JoinHandle;

use crate::{
    history::{Known, Place, Sign},
    seen,
};

/// Why the store cannot be followed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Trouble {
    /// What is held only grows old.
    #[error("the account store cannot be loaded: {0}")]
    Unreachable(String),
    /// A set back while the process is away would not be noticed.
    #[error("{0}")]
    Unseen(String),
    #[error("the account store cannot be held: {0}")]
    Failing(String),
    #[error("the account store has no life; nothing is admitted until `yanma accounts init` ends")]
    NoLife,
    #[error(
        "the account store was set back: {0}; nothing is admitted until `yanma accounts init` ends"
    )]
    SetBack(Sign),
}

/// What was followed last, in memory and in the file `seen`.
pub(super) struct Memory {
    path: PathBuf,
    /// `None`: the file is not read yet.
    known: Option<Option<Known>>,
    written: Option<Known>,
    writing: Option<JoinHandle<io::Result<()>>>,
    told: Option<Trouble>,
}

impl Memory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: None, written: None, writing: None, told: None }
    }

    /// What was followed last; `None`: nothing ever.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn known(&mut self) -> Result<Option<Known>, Trouble> {
        if let Some(known) = self.known {
            return Ok(known);
        }
        let known = seen::read(&self.path);
        let known = known.map_err(|error| Trouble::Failing(error.to_string()))?;
        self.known = Some(known);
        Ok(known)
    }

    /// Everything was loaded.
    pub(super) async fn begin(&mut self, known: Known) {
        self.known = Some(Some(known));
        self.write().await;
    }

    /// In this life nothing is admitted again.
    pub(super) async fn set_back(&mut self) {
        if let Some(Some(known)) = &mut self.known {
            known.is_set_back = true;
        }
        self.write().await;
    }

    pub(super) fn forget_trouble(&mut self) {
        self.told = None;
    }

    /// Each state is told once.
    pub(super) fn tell(&mut self, trouble: Trouble) {
        let is_same = self
            .told
            .as_ref()
            .is_some_and(|told| std::mem::discriminant(told) == std::mem::discriminant(&trouble));
        if is_same {
            return;
        }
        let kind = match trouble {
            Trouble::SetBack(_) => Event::AccountsSetBack,
            _ => Event::AccountsFailing,
        };
        event(kind, format_args!("{trouble}"));
        self.told = Some(trouble);
    }

    /// Remembers that all changes up to this one are applied.
    pub(super) fn remember(&mut self, place: Place) {
        if let Some(Some(known)) = &mut self.known {
            known.place = place;
        }
    }

    /// Writes what is known, unless it is written or being written.
    pub(super) async fn write_if_idle(&mut self) {
        if self.writing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.begin_write().await;
        }
    }

    async fn write(&mut self) {
        self.begin_write().await;
        self.end_write().await;
    }

    async fn begin_write(&mut self) {
        self.end_write().await;
        let known = self.known.flatten();
        if known == self.written {
            return;
        }
        let Some(known) = known else { return };
        self.written = Some(known);
        let path = self.path.clone();
        // The disk may be slow, and polls must go on.
        self.writing = Some(tokio::task::spawn_blocking(move || seen::write(&path, &known)));
    }

    async fn end_write(&mut self) {
        let Some(writing) = self.writing.take() else { return };
        let written = writing.await.unwrap_or_else(|ended| Err(io::Error::other(ended)));
        if let Err(error) = written {
            self.written = None;
            let path = self.path.display();
            let trouble = Trouble::Unseen(format!("{path} cannot be written: {error}"));
            self.tell(trouble);
        }
    }
}
