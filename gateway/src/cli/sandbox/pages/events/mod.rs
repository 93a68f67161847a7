//! `GET /sandbox/events`: what the gateway decides, told to browsers while it happens (server-sent
//! events, WHATWG HTML 9.2).
//!
//! ```text
//! the record's files -> [follow] -> [Feed] -> [EventBody], one for each open page
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

mod beat;
pub mod bounds;
mod codes;
mod counters;
mod feed;
mod follow;
mod frames;
mod line;
mod ring;
mod stream;
mod streams;
mod usage;

use std::{net::SocketAddr, path::PathBuf, rc::Rc};

use clock::Clock;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header::CONTENT_TYPE};
use tokio::task::spawn_local;

pub use self::{feed::Feed, line::Line, stream::EventBody, streams::Crowded};
use crate::cli::sandbox::backend::Arrivals;

/// Where the pages learn what happens.
pub struct Sources {
    /// The directory of the record. It need not be there yet.
    pub record: PathBuf,
    /// The gateway's admin listener.
    pub admin: SocketAddr,
    /// What arrived at the stand-in.
    pub arrivals: Arrivals,
    /// The gateway's clock.
    pub clock: Clock,
    /// Hashes of the people of whom all lines are kept: 32 hex digits each, as in `subject_hash`.
    pub people: Vec<String>,
}

/// Begins to follow the record, for as long as the [`LocalSet`](tokio::task::LocalSet) runs in which
/// it is called.
///
/// # Errors
/// The system gives no thread.
pub fn start(sources: Sources) -> std::io::Result<Rc<Feed>> {
    let Sources { record, admin, arrivals, clock, people } = sources;
    let looks = follow::start(record)?;
    let feed = Rc::new(Feed::new(clock, arrivals, people));
    spawn_local(follow::feed(looks, Rc::clone(&feed)));
    spawn_local(beat::keep(admin, Rc::clone(&feed)));
    Ok(feed)
}

/// Opens a stream for a page. Waits until the record was read once.
///
/// Cancel safety: dropping the future opens nothing.
///
/// # Errors
/// There are as many streams as there may be. The answer is 503 with `Retry-After`.
pub async fn open(
    feed: &Rc<Feed>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response<EventBody>, Crowded> {
    feed.read_once().await;
    let body = EventBody::open(feed, resume_after(query, headers))?;
    let mut answer = Response::new(body);
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

/// The header is a browser's own, so it is newer than the query of the page's address.
fn resume_after<'a>(query: Option<&'a str>, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut fields = query.unwrap_or_default().split('&');
    let named = fields.find_map(|field| field.strip_prefix("after="));
    headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).or(named)
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[cfg(test)]
mod tests;
