//! Requests that may repeat an earlier one: connects a request with the stored answers
//! ([`crate::idempotency`]).

pub(crate) mod nodes;
mod respond;

use std::{rc::Rc, sync::Arc};

use http::Response;
use keyring::pass::RedemptionId;

use crate::{
    idempotency::{Begun, Facts, NoRoom, Request, StoredResponse},
    refusal::{Limit, Refused},
    request::context::RequestContext,
    request::reply::Reply,
    transport::body::Whole,
};

use self::{nodes::RequestNote, respond::respond};

/// How a request goes on that is about to redeem its code.
#[derive(Debug)]
pub(crate) enum Next {
    /// It redeems its code, if it can.
    First(PendingResponse),
    /// It stops, because it repeats a request that already has its answer.
    Answered(Response<Reply>),
}

/// The entry of the first request with its code. While this lives, a repetition hears that the
/// request is running.
///
/// If it is dropped without an answer, the entry is removed. A retry is then judged by the replay
/// table alone. There are three such cases:
/// - Nothing was forwarded.
/// - The answer is too large to be kept.
/// - A bug of ours ended the request half-way.
#[derive(Debug)]
pub(crate) struct PendingResponse {
    call: Rc<RequestContext>,
    id: RedemptionId,
    is_open: bool,
    /// The same for other nodes, in the claim.
    note: Option<RequestNote>,
}

/// Enters a request whose body is whole, before its code is redeemed.
///
/// # Errors
/// `request_in_flight`, `idempotency_mismatch`, `code_used`.
pub(crate) fn begin(call: &Rc<RequestContext>, request: &Request) -> Result<Next, Refused> {
    let (worker, id) = (&call.worker, request.id);
    match worker.responses().begin(request, worker.clock().now()) {
        Begun::First => {
            if call.snapshot.config.status.is_some() {
                note_facts(call, &id);
            }
            Ok(Next::First(PendingResponse {
                call: Rc::clone(call),
                id,
                is_open: true,
                note: None,
            }))
        }
        Begun::Known(known) => respond(call, id, known).map(Next::Answered),
    }
}

/// Keeps what a person is told who asks what became of it.
#[cold]
fn note_facts(call: &RequestContext, id: &RedemptionId) {
    let (at, names) = (call.worker.clock().now(), call.message().map(Arc::clone));
    call.worker.responses().note(id, Facts { request_id: call.id, at, names });
}

/// What is known of a request that may no longer be forwarded, and whose code has an entry.
///
/// # Errors
/// Those of [`begin`], and `otherwise` if the entry was removed meanwhile.
pub(crate) async fn recall(
    call: &RequestContext,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let worker = &call.worker;
    match worker.responses().recall(request, worker.clock().now()) {
        Some(known) => respond(call, request.id, known),
        None => match &worker.registers {
            Some(registers) => nodes::ask(call, registers, request, otherwise).await,
            None => Err(otherwise),
        },
    }
}

/// Whether something may be known of a code that may not be forwarded.
pub(crate) fn may_know(call: &RequestContext, id: &RedemptionId) -> bool {
    let worker = &call.worker;
    worker.registers.is_some() || worker.responses().knows(id, worker.clock().now())
}

impl PendingResponse {
    /// Keeps the answer for repetitions, if there is room. Call it before the answer is sent: a
    /// client that did not get it can then ask again.
    ///
    /// Where nodes share registers it waits for them, within `replay.timeout_ms`.
    pub(crate) async fn keep(mut self, response: &Response<Whole>) {
        // An answer that found no room here is not written to the servers, so their memory is
        // bounded too.
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
        match worker.responses().finish(&self.id, answer, &mut expiries, bounds, now) {
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

    /// Called when the claim that holds this note has won.
    pub(crate) fn set_note(&mut self, note: Option<RequestNote>) {
        self.note = note;
    }

    /// The answer is streamed, so the gateway never has it whole and cannot store it.
    pub(crate) fn too_large(self) {
        self.call.worker.count_limit(Limit::ReplyBytes);
    }
}

impl Drop for PendingResponse {
    fn drop(&mut self) {
        if self.is_open {
            self.call.worker.responses().forget(&self.id);
        }
        if let Some(note) = self.note.take() {
            note.remove();
        }
    }
}
