//! Clients' bodies on the way of a request: held whole, passed on as they come, or heard out for a
//! moment. Each says whether the body was read to its end, as nothing may follow one that was not.

use http_body::Body as _;
use hyper::body::Incoming;

use crate::{
    http::fields::Expectation,
    limits,
    refusal::Refused,
    request::context::RequestContext,
    transport::body::{self, Begun, Outgoing, Progress, Room, Unread, Upload, Whole},
};

/// A client's body on its way.
#[derive(Debug)]
pub(super) enum ClientBody {
    Coming(Incoming),
    /// Its route had to know what is in it.
    Read(Whole),
}

impl ClientBody {
    /// Whether nothing of it is to come.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Coming(body) => body.is_end_stream(),
            Self::Read(whole) => whole.is_end_stream(),
        }
    }
}

/// A body to its end.
pub(super) async fn whole_body(call: &RequestContext, body: ClientBody) -> Result<Whole, Refused> {
    match body {
        ClientBody::Coming(body) => read_body(call, body).await,
        ClientBody::Read(whole) => Ok(whole),
    }
}

/// Reads a body to its end, within bytes, memory and time.
pub(super) async fn read_body(call: &RequestContext, mut body: Incoming) -> Result<Whole, Refused> {
    let config = &call.snapshot.config;
    let mut deadline = call.worker.sweep.deadline_of_upload(config.timeouts.body_ms);
    let begun = call.worker.clock().instant();
    let whole = body::read_whole(&mut body, &room(call), &mut deadline).await;
    call.add_wait_since(begun);
    let whole = whole.map_err(|cut| cut.why.refused())?;
    call.set_unread_body(false);
    Ok(whole)
}

/// What a client's body may take.
fn room(call: &RequestContext) -> Room<'_> {
    let limits = &call.snapshot.config.limits;
    let (memory, memory_max) = (call.worker.bodies(), Some(limits.body_memory_bytes()));
    Room { memory, memory_max, bytes_max: limits.body_bytes_max }
}

/// Reads the beginning of a body that is passed on, or all of it if that is not more.
pub(super) async fn stream_body(
    call: &RequestContext,
    body: ClientBody,
) -> Result<(Outgoing, Option<Progress>), Refused> {
    let mut body = match body {
        ClientBody::Coming(body) => body,
        ClientBody::Read(whole) => return Ok((Outgoing::Whole(whole), None)),
    };
    if body.is_end_stream() {
        return Ok((Outgoing::Whole(Whole::default()), None));
    }
    let config = &call.snapshot.config;
    let mut deadline = call.worker.sweep.deadline_of_upload(config.timeouts.body_ms);
    let begun = call.worker.clock().instant();
    let beginning = body::read_beginning(&mut body, &room(call), &mut deadline).await;
    call.add_wait_since(begun);
    match beginning.map_err(Unread::refused)? {
        Begun::Whole(whole) => {
            call.set_unread_body(false);
            Ok((Outgoing::Whole(whole), None))
        }
        Begun::Coming(beginning) => {
            let bytes_max = config.limits.body_bytes_max;
            let (upload, progress) = Upload::new(beginning, body, bytes_max, deadline);
            Ok((Outgoing::Upload(upload), Some(progress)))
        }
    }
}

/// Hears a refused client out for a moment: one that is still sending would lose the answer to
/// the reset that follows it, and one whose body was read to its end keeps its connection. A client
/// that waits for `100 Continue` is not sending. In a crowd there is no moment: a flood of refused
/// requests would hold the places of honest ones.
pub(super) async fn listen_a_little(
    call: &RequestContext,
    expectation: Expectation,
    body: &mut Incoming,
) {
    if body.is_end_stream() || expectation != Expectation::None {
        return;
    }
    if call.is_in_a_crowd() {
        return;
    }
    let mut deadline = call.worker.sweep.deadline(limits::BODY_DRAIN_MS);
    let begun = call.worker.clock().instant();
    call.set_unread_body(!body::discard(body, &mut deadline).await);
    call.add_wait_since(begun);
}
