//! The record of a request where nodes share registers: kept in their servers too, so that a retry
//! that comes to another node finds it.
//!
//! That a request is running stands in its claim, so on each server it is there as soon as the claim
//! is, goes with it when the code is given back, and costs no command. Whoever finds the code claimed
//! reads it there. The answer is written before the client gets it, to a majority or until
//! `replay.timeout_ms` is over; then the client gets it all the same, and that is counted.
//!
//! A node that dies in between leaves the claim. Until the note's deadline a retry hears
//! `request_in_flight`, after it `outcome_unknown`. It never leads to a forward: the claim is there,
//! and if it is not, the code was not spent and nothing had been forwarded.

use std::rc::Rc;

use http::Response;
use keyring::code::CodeIdentity;
use registers::{ClaimNote, Registers};

use super::{replay, tell};
use crate::{
    call::{Call, Refused},
    limits::{RETRY_LOST_TOLD_MS, RETRY_MARGIN_MS},
    metrics::Limit,
    refusal::Refusal,
    reply::Reply,
    retry::{
        Known, Request, StoredAnswer,
        shared::{self, SharedKnown},
    },
};

/// What a request says of itself in its claim.
#[derive(Debug)]
pub(crate) struct Mark {
    registers: Rc<Registers>,
    identity: CodeIdentity,
    note: ClaimNote,
}

impl Mark {
    /// `None` where no answers are kept.
    pub(crate) fn new(
        call: &Call,
        registers: &Rc<Registers>,
        request: &Request,
        backend: usize,
    ) -> Option<Self> {
        if call.snapshot.config.retry.store_bytes == 0 {
            return None;
        }
        let backend = call.snapshot.backend_config(backend);
        let bound_ms = backend.connect_ms + backend.timeout_ms + RETRY_MARGIN_MS;
        let now = call.worker.clock().now();
        let deadline = now.plus_ms(i64::try_from(bound_ms).unwrap_or(i64::MAX));
        let bytes = shared::note(request, &call.id, deadline).into();
        let note = ClaimNote { bytes, life_ms: bound_ms + RETRY_LOST_TOLD_MS };
        Some(Self { registers: Rc::clone(registers), identity: request.identity, note })
    }

    /// What goes into the claim.
    pub(crate) fn note(&self) -> ClaimNote {
        self.note.clone()
    }

    /// The request has come to an end that nobody can be told again.
    pub(super) fn remove(self) {
        self.registers.strip(&self.identity, &self.note);
    }

    /// Writes the answer, which counts before the note.
    pub(super) async fn finish(self, call: &Call, answer: &StoredAnswer) {
        let Self { registers, identity, note } = self;
        let keep_ms = call.snapshot.config.retry.keep_ms;
        let until = call.worker.clock().now().plus_ms(keep_ms);
        let value = shared::finished(&note.bytes, answer, until);
        // It stays as long as the note, which would say otherwise that its end is unknown.
        let life_ms = keep_ms.unsigned_abs().max(note.claim_life_ms());
        let (group, name) = (registers.group_of(&identity), shared::name_of(&identity));
        if registers.set_all(group, name.as_bytes(), &value, life_ms).await.is_err() {
            call.worker.hit(Limit::RetryRegisters);
        }
    }
}

/// What other nodes know of a request whose code is good for nothing here.
///
/// # Errors
/// Those of [`super::begin`]; `outcome_unknown` for a request whose node never told its end;
/// `otherwise` if nothing is known, or not enough servers answer.
pub(crate) async fn ask(
    call: &Call,
    registers: &Rc<Registers>,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let identity = request.identity;
    let (group, name) = (registers.group_of(&identity), shared::name_of(&identity));
    let answers = registers.get_most(group, name.as_bytes());
    let (answers, notes) = tokio::join!(answers, registers.notes(&identity));
    let (Ok(answers), Ok(notes)) = (answers, notes) else { return Err(otherwise) };
    match shared::tell(request, answers, notes, call.worker.clock().now()) {
        None => Err(otherwise),
        Some(SharedKnown::Known(Known::Finished(answer))) => replay(call, answer).ok_or(otherwise),
        Some(SharedKnown::Known(known)) => tell(call, identity, known),
        Some(SharedKnown::Lost) => {
            call.names(identity);
            Err(Refusal::OutcomeUnknown.into())
        }
    }
}
