//! `GET /sandbox/events`: what the gateway decides, told to browsers while it happens (server-sent
//! events, WHATWG HTML 9.2).
//!
//! ```text
//! the record's files -> [follow] -> [Feed] -> [EventStream], one for each open page
//!                                     ^
//!              the gateway's counters, once a second: [beat]
//! ```
//!
//! Nothing is added to the way of a request: a thread reads the files of the record, as
//! `yanma audit` would. All else lives on the pages' thread and takes no lock.
//!
//! | event | data | when |
//! |---|---|---|
//! | `hello` | `now_unix_ms`, `is_resumed`, `counters` | first |
//! | `decision` | a line of the record; its id is `chain:seq` | within 300 ms of the decision |
//! | `phone` | `phone`, `code_id`, `request_id`, `route`, `time` | just before the decision that spent a shown code |
//! | `counters` | [`counters`] | each second |
//! | `state` | `version` | something of the sandbox changed: ask `/sandbox/state` |
//!
//! `Last-Event-ID`, or `?after=` where a page opens its stream anew, resumes after that line.

mod answer;
mod beat;
mod bounds;
mod counters;
mod feed;
mod follow;
mod frames;
mod line;
mod phones;
mod ring;
pub(super) mod stream;
mod streams;

use std::{net::SocketAddr, path::PathBuf, rc::Rc};

use clock::Clock;
use tokio::task::spawn_local;

use crate::cli::sandbox::backend::Arrivals;

pub(in crate::cli::sandbox::pages) use self::{answer::answer, feed::Feed, line::Line};

/// Where the pages learn what happens.
pub(in crate::cli::sandbox::pages) struct Sources {
    /// The directories of records. They need not be there yet.
    pub(in crate::cli::sandbox::pages) records: Vec<PathBuf>,
    /// The gateway's admin listener.
    pub(in crate::cli::sandbox::pages) admin: SocketAddr,
    /// What arrived at the stand-in.
    pub(in crate::cli::sandbox::pages) arrivals: Arrivals,
    /// The gateway's clock.
    pub(in crate::cli::sandbox::pages) clock: Clock,
    /// Hashes of the people of whom all lines are kept: 32 hex digits each, as in `subject_hash`.
    pub(in crate::cli::sandbox::pages) people: Vec<String>,
}

/// Begins to follow the record, for as long as the [`LocalSet`](tokio::task::LocalSet) runs in which
/// it is called.
///
/// # Errors
/// The system gives no thread.
pub(in crate::cli::sandbox::pages) fn start(sources: Sources) -> std::io::Result<Rc<Feed>> {
    let Sources { records, admin, arrivals, clock, people } = sources;
    let looks = follow::start(records)?;
    let feed = Rc::new(Feed::new(clock, arrivals, people));
    spawn_local(follow::feed(looks, Rc::clone(&feed)));
    spawn_local(beat::keep(admin, Rc::clone(&feed)));
    Ok(feed)
}

#[cfg(test)]
mod tests;
