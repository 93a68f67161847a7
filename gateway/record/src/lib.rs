#![doc = include_str!("../README.md")]
//!
//! # The source, low to high
//!
//! | module | what is there |
//! |---|---|
//! | [`limits`], `settings` | its bounds; what operators choose |
//! | `subject_key` | the key that subjects are hashed with |
//! | `format` | the form of a line, its hash and chain; names of files |
//! | `key_change` | what a reload did to the keys |
//! | `decision` | what a worker knows of a decision |
//! | `queue` | from the workers to the writer |
//! | `account` | changes of account states, which no worker makes |
//! | `files` | the directory, and the file that is written |
//! | `writer` | the thread, and the fields of each kind of line |
//! | `recorder` | the record as a process uses it |
//! | [`offline`] | reading it back: search, counts, reconcile, anchors |

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod account;
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
    account::{AccountChange, AccountChanges, AccountEvent, AccountImport, AccountPlace},
    decision::{
        BackendLabels, ClientText, ENTRY_BYTES, Entry, Labels, MessageNames, RouteLabels, RouteUse,
        Span, Trail, client_text,
    },
    recorder::{Context, OnPanic, Record, RecordError, RecordStats, Recording},
    settings::{Settings, WhenFull},
    subject_key::{KeyFileError, SubjectKey},
};
