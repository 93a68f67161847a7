//! A request that may have been here before: the way of a request meets the stored answers
//! ([`crate::idempotency`]).

pub(crate) mod nodes;

use std::rc::Rc;

use http::{HeaderValue, Response};
use keyring::code::CodeIdentity;

use crate::{
    http::names::IDEMPOTENT_REPLAYED,
    idempotency::{Begin, Known, NoRoom, Request, StoredAnswer},
    refusal::{Limit, Refusal, Refused},
    request::context::Call,
    request::reply::Reply,
    transport::body::Whole,
};

use self::nodes::Mark;

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
    /// The same for other nodes, in the claim.
    mark: Option<Mark>,
}

/// Enters a request whose body is whole, before its code is spent.
///
/// # Errors
/// `request_in_flight`, `idempotency_mismatch`, `code_used`.
pub(crate) fn begin(call: &Rc<Call>, request: &Request) -> Result<Begun, Refused> {
    let (worker, identity) = (&call.worker, request.identity);
    match worker.answers().begin(request, worker.clock().now()) {
        Begin::First => {
            Ok(Begun::First(Pending { call: Rc::clone(call), identity, is_open: true, mark: None }))
        }
        Begin::Known(known) => tell(call, identity, known).map(Begun::Answered),
    }
}

/// What is known for a request that may not be forwarded any more, whose code has a record.
///
/// # Errors
/// Those of [`begin`], and `otherwise` if the record is gone meanwhile.
pub(crate) async fn recall(
    call: &Call,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let worker = &call.worker;
    match worker.answers().recall(request, worker.clock().now()) {
        Some(known) => tell(call, request.identity, known),
        None => match &worker.registers {
            Some(registers) => nodes::ask(call, registers, request, otherwise).await,
            None => Err(otherwise),
        },
    }
}

/// Whether something may be known of a code that may not be forwarded.
pub(crate) fn may_know(call: &Call, identity: &CodeIdentity) -> bool {
    let worker = &call.worker;
    worker.registers.is_some() || worker.answers().knows(identity, worker.clock().now())
}

fn tell(call: &Call, identity: CodeIdentity, known: Known) -> Result<Response<Reply>, Refused> {
    call.set_redemption(identity);
    match known {
        Known::Finished(answer) => Ok(replay(call, answer).expect("this process wrote it")),
        Known::Running => Err(Refusal::RequestInFlight.into()),
        Known::Mismatch => Err(Refusal::IdempotencyMismatch.into()),
        Known::Other => Err(Refusal::CodeUsed.into()),
    }
}

/// `None`: what another node wrote is no answer.
fn replay(call: &Call, answer: StoredAnswer) -> Option<Response<Reply>> {
    let answer = answer.read()?;
    call.replayed();
    let mut response = Response::new(Reply::whole(Whole::with(answer.body, answer.trailers)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    Some(response)
}

impl Pending {
    /// Keeps the answer for those who ask again, if there is room. To be called before it is sent:
    /// who did not get it finds it.
    ///
    /// Where nodes share registers it waits for them, within `replay.timeout_ms`.
    pub(crate) async fn keep(mut self, response: &Response<Whole>) {
        // What found no room here takes none in the servers: so theirs is bounded too.
        if let Some(answer) = self.keep_here(response)
            && let Some(mark) = self.mark.take()
        {
            mark.finish(&self.call, &answer).await;
        }
    }

    /// Returns the answer for other nodes, if there are any and it has room.
    fn keep_here(&mut self, response: &Response<Whole>) -> Option<StoredAnswer> {
        let worker = &self.call.worker;
        let bounds = &self.call.snapshot.config.retry;
        if bounds.store_bytes == 0 {
            return None;
        }
        let (body, headers) = (response.body(), response.headers());
        let answer =
            StoredAnswer::new(response.status(), headers, body.as_bytes(), body.trailers())?;
        self.is_open = false;
        let for_others = self.mark.is_some().then(|| answer.clone());
        let (now, mut shelf) = (worker.clock().now(), worker.shelf.borrow_mut());
        match worker.answers().finish(&self.identity, answer, &mut shelf, bounds, now) {
            Ok(()) => for_others,
            Err(no_room) => {
                worker.count_limit(match no_room {
                    NoRoom::Bytes => Limit::RetryBytes,
                    NoRoom::Entries => Limit::RetryEntries,
                    NoRoom::Caller => Limit::RetryCaller,
                });
                None
            }
        }
    }

    /// The claim has won in which this stands.
    pub(crate) fn set_mark(&mut self, mark: Option<Mark>) {
        self.mark = mark;
    }

    /// The answer is passed on as it comes, so that nobody has it whole.
    pub(crate) fn too_large(self) {
        self.call.worker.count_limit(Limit::ReplyBytes);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.is_open {
            self.call.worker.answers().forget(&self.identity);
        }
        if let Some(mark) = self.mark.take() {
            mark.remove();
        }
    }
}
