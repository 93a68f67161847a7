//! A request that may have been here before: the way of a request meets the stored answers
//! ([`crate::idempotency`]).

pub(crate) mod nodes;
mod respond;

use std::rc::Rc;

use http::Response;
use keyring::code::CodeIdentity;

use crate::{
    idempotency::{Begun, NoRoom, Request, StoredResponse},
    refusal::{Limit, Refused},
    request::context::RequestContext,
    request::reply::Reply,
    transport::body::Whole,
};

use self::{nodes::RequestNote, respond::respond};

/// How a request goes on that is about to spend its code.
#[derive(Debug)]
pub(crate) enum Next {
    /// To spend its code, if it can.
    First(PendingResponse),
    /// Not at all: it is the repetition of one that has its answer.
    Answered(Response<Reply>),
}

/// The record of the request that was first with its code: whoever asks meanwhile hears that it is
/// running. Dropped without an answer the record goes, and a retry is judged by what the replay
/// table knows: so it is where nothing was forwarded, where an answer is too large to be kept,
/// and where a bug of ours ends a request half-way.
#[derive(Debug)]
pub(crate) struct PendingResponse {
    call: Rc<RequestContext>,
    identity: CodeIdentity,
    is_open: bool,
    /// The same for other nodes, in the claim.
    note: Option<RequestNote>,
}

/// Enters a request whose body is whole, before its code is spent.
///
/// # Errors
/// `request_in_flight`, `idempotency_mismatch`, `code_used`.
pub(crate) fn begin(call: &Rc<RequestContext>, request: &Request) -> Result<Next, Refused> {
    let (worker, identity) = (&call.worker, request.identity);
    match worker.responses().begin(request, worker.clock().now()) {
        Begun::First => Ok(Next::First(PendingResponse {
            call: Rc::clone(call),
            identity,
            is_open: true,
            note: None,
        })),
        Begun::Known(known) => respond(call, identity, known).map(Next::Answered),
    }
}

/// What is known for a request that may not be forwarded any more, whose code has a record.
///
/// # Errors
/// Those of [`begin`], and `otherwise` if the record is gone meanwhile.
pub(crate) async fn recall(
    call: &RequestContext,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let worker = &call.worker;
    match worker.responses().recall(request, worker.clock().now()) {
        Some(known) => respond(call, request.identity, known),
        None => match &worker.registers {
            Some(registers) => nodes::ask(call, registers, request, otherwise).await,
            None => Err(otherwise),
        },
    }
}

/// Whether something may be known of a code that may not be forwarded.
pub(crate) fn may_know(call: &RequestContext, identity: &CodeIdentity) -> bool {
    let worker = &call.worker;
    worker.registers.is_some() || worker.responses().knows(identity, worker.clock().now())
}

impl PendingResponse {
    /// Keeps the answer for those who ask again, if there is room. To be called before it is sent:
    /// who did not get it finds it.
    ///
    /// Where nodes share registers it waits for them, within `replay.timeout_ms`.
    pub(crate) async fn keep(mut self, response: &Response<Whole>) {
        // What found no room here takes none in the servers: so theirs is bounded too.
        if let Some(answer) = self.keep_here(response)
            && let Some(note) = self.note.take()
        {
            note.finish(&self.call, &answer).await;
        }
    }

    /// Returns the answer for other nodes, if there are any and it has room.
    fn keep_here(&mut self, response: &Response<Whole>) -> Option<StoredResponse> {
        let worker = &self.call.worker;
        let bounds = &self.call.snapshot.config.retry;
        if bounds.store_bytes == 0 {
            return None;
        }
        let (body, headers) = (response.body(), response.headers());
        let answer =
            StoredResponse::new(response.status(), headers, body.as_bytes(), body.trailers())?;
        self.is_open = false;
        let for_others = self.note.is_some().then(|| answer.clone());
        let (now, mut expiries) = (worker.clock().now(), worker.expiries.borrow_mut());
        match worker.responses().finish(&self.identity, answer, &mut expiries, bounds, now) {
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
    pub(crate) fn set_note(&mut self, note: Option<RequestNote>) {
        self.note = note;
    }

    /// The answer is passed on as it comes, so that nobody has it whole.
    pub(crate) fn too_large(self) {
        self.call.worker.count_limit(Limit::ReplyBytes);
    }
}

impl Drop for PendingResponse {
    fn drop(&mut self) {
        if self.is_open {
            self.call.worker.responses().forget(&self.identity);
        }
        if let Some(note) = self.note.take() {
            note.remove();
        }
    }
}
