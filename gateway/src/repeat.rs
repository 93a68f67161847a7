//! A request that may have been here before: the way of a request meets the stored answers
//! ([`crate::retry`]).

use std::rc::Rc;

use http::{HeaderName, HeaderValue, Response};
use keyring::code::CodeIdentity;

use crate::{
    body::Whole,
    call::{Call, Refused},
    metrics::Limit,
    refusal::Refusal,
    reply::Reply,
    retry::{Begin, Known, NoRoom, Request, StoredAnswer},
};

/// Set on stored answers alone: their one difference from what the first request got.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// How a request goes on that is about to spend its code.
#[derive(Debug)]
pub(crate) enum Begun {
    /// To spend its code, if it can.
    First(Pending),
    /// Not at all: it is the repetition of one that has its answer.
    Answered(Response<Reply>),
}

/// The record of the request that was first with its code: whoever asks meanwhile hears that it is
/// running. Dropped without an answer the record goes, and a retry is judged by what the replay
/// table knows: so it is where nothing was forwarded, where an answer is too large to be kept,
/// and where a bug of ours ends a request half-way.
#[derive(Debug)]
pub(crate) struct Pending {
    call: Rc<Call>,
    identity: CodeIdentity,
    is_open: bool,
}

/// Enters a request whose body is whole, before its code is spent.
///
/// # Errors
/// `request_in_flight`, `idempotency_mismatch`, `code_used`.
pub(crate) fn begin(call: &Rc<Call>, request: Request) -> Result<Begun, Refused> {
    let (worker, identity) = (&call.worker, request.identity);
    match worker.answers().begin(request, worker.clock().now()) {
        Begin::First => {
            Ok(Begun::First(Pending { call: Rc::clone(call), identity, is_open: true }))
        }
        Begin::Known(known) => tell(call, identity, known).map(Begun::Answered),
    }
}

/// What is known for a request that may not be forwarded any more, whose code has a record.
///
/// # Errors
/// Those of [`begin`], and `otherwise` if the record is gone meanwhile.
pub(crate) fn recall(
    call: &Call,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let worker = &call.worker;
    match worker.answers().recall(request, worker.clock().now()) {
        Some(known) => tell(call, request.identity, known),
        None => Err(otherwise),
    }
}

fn tell(call: &Call, identity: CodeIdentity, known: Known) -> Result<Response<Reply>, Refused> {
    call.names(identity);
    match known {
        Known::Finished(answer) => Ok(replay(call, answer)),
        Known::Running => Err(Refusal::RequestInFlight.into()),
        Known::Mismatch => Err(Refusal::IdempotencyMismatch.into()),
        Known::Other => Err(Refusal::CodeUsed.into()),
    }
}

fn replay(call: &Call, answer: StoredAnswer) -> Response<Reply> {
    let answer = answer.read().expect("this process wrote it");
    call.replayed();
    let mut response = Response::new(Reply::whole(Whole::with(answer.body, answer.trailers)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    response
}

impl Pending {
    /// Keeps the answer for those who ask again, if there is room. To be called before it is sent:
    /// who did not get it finds it.
    pub(crate) fn keep(mut self, response: &Response<Whole>) {
        let worker = &self.call.worker;
        let bounds = &self.call.snapshot.config.retry;
        if bounds.store_bytes == 0 {
            return;
        }
        let (body, headers) = (response.body(), response.headers());
        let answer =
            StoredAnswer::new(response.status(), headers, body.as_bytes(), body.trailers());
        let Some(answer) = answer else { return };
        self.is_open = false;
        let now = worker.clock().now();
        let (answers, mut shelf) = (worker.answers(), worker.shelf.borrow_mut());
        if let Err(no_room) = answers.finish(&self.identity, answer, &mut shelf, bounds, now) {
            worker.hit(match no_room {
                NoRoom::Bytes => Limit::RetryBytes,
                NoRoom::Entries => Limit::RetryEntries,
                NoRoom::Caller => Limit::RetryCaller,
            });
        }
    }

    /// The answer is passed on as it comes, so that nobody has it whole.
    pub(crate) fn too_large(self) {
        self.call.worker.hit(Limit::ReplyBytes);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.is_open {
            self.call.worker.answers().forget(&self.identity);
        }
    }
}
