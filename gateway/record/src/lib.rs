//! The decision record: one line of JSON for each decision, chained by hash, in files that rotate.
//!
//! | folder | what is there |
//! |---|---|
//! | `limits`, `settings` | its bounds; what operators choose |
//! | `format` | the form of a line, its hash and chain; the names of files |
//! | `decision` | what a worker knows of a decision |
//! | `queue` | from the workers to the writer |
//! | `files` | the directory, the file that is written |
//! | `writer` | the thread, and what each line says |
//! | `recorder` | the handle of the workers; begin and end |
//! | `offline` | reading it back: search, reconcile |

mod decision;
mod files;
mod format;
mod key_change;
pub mod limits;
pub mod offline;
mod queue;
mod recorder;
mod settings;
mod subject_key;
mod writer;

pub use self::{
    decision::{
        BackendLabels, ClientText, ENTRY_BYTES, Entry, Labels, RouteLabels, RouteUse, Trail,
        client_text,
    },
    format::{FileName, LineHash, Sound, Unsound},
    queue::OnPanic,
    recorder::{Context, Reading, Record, RecordError, Recording},
    settings::{Settings, WhenFull},
    subject_key::{KeyFileError, SubjectKey},
};
