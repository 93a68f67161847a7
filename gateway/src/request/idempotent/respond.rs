//! Answers for a request that is not the first with its code.

use http::{HeaderValue, Response};
use keyring::pass::RedemptionId;

use crate::{
    http::names::{IDEMPOTENT_REPLAYED, YANMA_OUTCOME},
    idempotency::{Lookup, StoredResponse},
    refusal::{Refusal, Refused},
    request::{context::RequestContext, reply::Reply},
    transport::body::Whole,
};

pub(super) fn respond(
    call: &RequestContext,
    id: RedemptionId,
    known: Lookup,
) -> Result<Response<Reply>, Refused> {
    call.set_redemption(id);
    match known {
        Lookup::Finished(answer) => Ok(replay(call, answer).expect("this process wrote it")),
        Lookup::Running => Err(Refusal::RequestInFlight.into()),
        Lookup::Mismatch => Err(Refusal::IdempotencyMismatch.into()),
        Lookup::Other => Err(Refusal::used(&id).into()),
    }
}

/// `None`: what another node wrote is no answer.
pub(super) fn replay(call: &RequestContext, answer: StoredResponse) -> Option<Response<Reply>> {
    let answer = answer.read()?;
    call.replayed();
    if answer
        .headers
        .get(YANMA_OUTCOME)
        .is_some_and(|word| word == Refusal::OutcomeUnknown.reason())
    {
        call.outcome_is_unknown();
    }
    let mut response = Response::new(Reply::whole(Whole::with(answer.body, answer.trailers)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    Some(response)
}
