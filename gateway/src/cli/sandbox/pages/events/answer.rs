//! Opens a stream, or says that there is no place.

use std::rc::Rc;

use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::Either;
use tokio::time::sleep;

use super::{
    bounds::{PROBE_TIME, PROBES, RETRY_AFTER_S},
    feed::Feed,
    stream::EventStream,
    streams::Crowded,
};
use crate::cli::sandbox::pages::messages::{Answer, Asked, Problem};

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
pub(super) async fn open(feed: &Rc<Feed>, after: Option<&str>) -> Result<EventStream, Crowded> {
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
