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

mod beat;
mod bounds;
mod codes;
mod counters;
mod feed;
mod follow;
mod frames;
mod line;
mod ring;
pub(in crate::cli::sandbox::pages) mod stream;
mod streams;
mod usage;

use std::{net::SocketAddr, path::PathBuf, rc::Rc};

use clock::Clock;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::Either;
use tokio::{task::spawn_local, time::sleep};

use self::{
    bounds::{PROBE_TIME, PROBES, RETRY_AFTER_S},
    stream::EventStream,
    streams::Crowded,
};
use super::messages::{Answer, Asked, Problem};
use crate::cli::sandbox::backend::Arrivals;

pub(in crate::cli::sandbox::pages) use self::{feed::Feed, line::Line};

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

/// `GET /sandbox/events`.
pub(in crate::cli::sandbox::pages) async fn answer(feed: &Rc<Feed>, asked: &Asked) -> Answer {
    let named = asked.field("after");
    // The header is a browser's own, so it is newer than the address that the page has asked for.
    let header = asked.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    match open(feed, header.or(named.as_deref())).await {
        Ok(stream) => {
            let mut answer = Response::new(Either::Right(stream));
            let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            answer
        }
        Err(crowded) => {
            let sentence = crowded.sentence(asked.language);
            let mut answer = Problem::new(StatusCode::SERVICE_UNAVAILABLE, sentence).answer();
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
            answer
        }
    }
}

/// Opens a stream after a line. Waits until the record was read once.
///
/// Cancel safety: dropping the future opens nothing.
async fn open(feed: &Rc<Feed>, after: Option<&str>) -> Result<EventStream, Crowded> {
    feed.read_once().await;
    // A page that was left may still have its place: only a write tells that its browser is gone,
    // and the second one ends its connection.
    for _ in 0..PROBES {
        if let Ok(stream) = EventStream::open(feed, after) {
            return Ok(stream);
        }
        feed.probe();
        sleep(PROBE_TIME).await;
    }
    EventStream::open(feed, after)
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[cfg(test)]
mod tests;
