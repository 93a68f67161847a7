//! Who may change account states does it here: an API with a listener and a thread of its own.
//!
//! | path | what it does |
//! |---|---|
//! | `POST /accounts/changes` | freezes, lifts, unbinds, binds and removes members |
//! | `GET /accounts/<subject>` | what the store holds for a person |
//! | `POST /accounts/import` | merges lines of an export, some thousand a request |
//! | `GET /accounts/export` | all that is held, from memory |
//!
//! A request goes from `serve` to `pages`, which asks `caller` who it is, and from there to
//! `changes`, `import`, `export` or the store. `desk` is what all of them need. `gateway/contract/accounts.md` has the formats.

mod answer;
mod caller;
mod changes;
mod desk;
mod export;
mod import;
pub(crate) mod line;
mod pages;
mod rates;
mod serve;

pub(crate) use self::serve::{Handle, Opened};
