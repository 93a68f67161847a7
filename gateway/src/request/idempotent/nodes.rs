//! The entry of a request where nodes share registers. The registers' servers keep it too, so that
//! a retry on another node finds it.
//!
//! A running request is noted in its claim. The note exists as soon as the claim does. It is
//! removed with the claim when the code is released, and it costs no command. A node that finds the
//! code claimed reads the note there.
//!
//! The answer is written before the client gets it: to a majority, or until `replay.timeout_ms` is
//! over. If no majority answered in time, the client still gets its answer, and the failure is
//! counted.
//!
//! A node that dies in between leaves the claim. Until the note's deadline a retry hears
//! `request_in_flight`, and after it `outcome_unknown`.
//!
//! A retry never leads to a forward. The claim is there. If it is not, the code was not redeemed
//! and nothing was forwarded.

use std::rc::Rc;

use http::Response;
use keyring::pass::RedemptionId;
use registers::{ClaimNote, Registers};

use super::respond::{replay, respond};
use crate::{
    code::status::Abroad,
    idempotency::{
        Lookup, Request, StoredResponse,
        shared::{self, SharedLookup},
    },
    limits::{RETRY_LOST_TOLD_MS, RETRY_MARGIN_MS},
    refusal::{Limit, Refusal, Refused},
    request::context::RequestContext,
    request::reply::Reply,
};

/// The facts about a request that its claim stores.
#[derive(Debug)]
pub(crate) struct RequestNote {
    registers: Rc<Registers>,
    id: RedemptionId,
    note: ClaimNote,
}

impl RequestNote {
    /// `None` where no answers are kept. Without a backend the gateway answers itself, at once.
    pub(crate) fn new(
        call: &RequestContext,
        registers: &Rc<Registers>,
        request: &Request,
        backend: Option<usize>,
    ) -> Option<Self> {
        if call.snapshot.config.retry.store_bytes == 0 {
            return None;
        }
        let backend = backend.map(|index| call.snapshot.backend_config(index));
        let exchange_ms = backend.map_or(0, |backend| backend.connect_ms + backend.timeout_ms);
        let bound_ms = exchange_ms + RETRY_MARGIN_MS;
        let now = call.worker.clock().now();
        let deadline = now.plus_ms(i64::try_from(bound_ms).unwrap_or(i64::MAX));
        let bytes = shared::note(request, &call.id, deadline).into();
        let note = ClaimNote { bytes, life_ms: bound_ms + RETRY_LOST_TOLD_MS };
        Some(Self { registers: Rc::clone(registers), id: request.id, note })
    }

    /// What goes into the claim.
    pub(crate) fn note(&self) -> ClaimNote {
        self.note.clone()
    }

    /// The request has ended, and its answer cannot be sent again.
    pub(super) fn remove(self) {
        self.registers.strip(self.id, &self.note);
    }

    /// Writes the answer. Readers prefer it to the note.
    pub(super) async fn finish(self, call: &RequestContext, answer: &StoredResponse) {
        let Self { registers, id, note } = self;
        let keep_ms = call.snapshot.config.retry.keep_ms;
        let until = call.worker.clock().now().plus_ms(keep_ms);
        let value = shared::finished(&note.bytes, answer, until);
        // The answer stays as long as the note. Without the answer, the note would say that the
        // outcome is unknown.
        let life_ms = keep_ms.unsigned_abs().max(note.claim_life_ms(id));
        let (group, name) = (registers.group_of(id), shared::name_of(&id));
        if registers.set_all(group, name.as_bytes(), &value, life_ms).await.is_err() {
            call.worker.count_limit(Limit::RetryRegisters);
        }
    }
}

/// What other nodes know of a request whose code this node cannot accept.
///
/// # Errors
///
/// Those of [`super::begin`]. `outcome_unknown` for a request whose node never reported its end.
/// `otherwise` if nothing is known, or if not enough servers answer.
pub(crate) async fn ask(
    call: &RequestContext,
    registers: &Rc<Registers>,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let id = request.id;
    let (group, name) = (registers.group_of(id), shared::name_of(&id));
    let answers = registers.get_most(group, name.as_bytes());
    let (answers, notes) = tokio::join!(answers, registers.notes(id));
    let (Ok(answers), Ok(notes)) = (answers, notes) else { return Err(otherwise) };
    match shared::look_up(request, answers, notes, call.worker.clock().now()) {
        None => Err(otherwise),
        Some(SharedLookup::Known(Lookup::Finished(answer))) => {
            replay(call, answer).ok_or(otherwise)
        }
        Some(SharedLookup::Known(known)) => respond(call, id, known),
        Some(SharedLookup::Lost) => {
            call.set_redemption(id);
            Err(Refusal::OutcomeUnknown.into())
        }
    }
}

/// What other nodes know of a code or pass, for a person who asks.
///
/// # Errors
/// `replay_store_unavailable`: less than a majority answered.
pub(crate) async fn tell(
    call: &RequestContext,
    registers: &Rc<Registers>,
    id: RedemptionId,
) -> Result<Abroad, Refused> {
    let (group, name) = (registers.group_of(id), shared::name_of(&id));
    let answers = registers.get_most(group, name.as_bytes());
    let (answers, notes) = tokio::join!(answers, registers.notes(id));
    let (Ok(answers), Ok(notes)) = (answers, notes) else {
        return Err(Refusal::ReplayStoreUnavailable.into());
    };
    // A claim without a note has an empty one.
    let is_claimed = !notes.is_empty();
    Ok(match shared::tell(id, answers, notes, call.worker.clock().now()) {
        Some(told) => Abroad::Told(told),
        None if is_claimed => Abroad::Claimed,
        None => Abroad::Nothing,
    })
}
