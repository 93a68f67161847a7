//! A request that may not be forwarded, with a genuine code of which something is known.

use http::{Response, request};

use keyring::{pass::RedemptionId, verify::Statement};

use super::bodies::{ClientBody, whole_body};
use crate::{
    idempotency::{Caller, IdempotencyKey, Request as Repeatable},
    refusal::Refused,
    request::context::RequestContext,
    request::head::Terms,
    request::idempotent,
    request::reply::Reply,
    upstream::request_head::CleanHead,
};

/// Its answer may be the one that there was, whatever has changed since.
#[derive(Debug)]
pub(super) struct Recall {
    pub(super) terms: Terms,
    pub(super) barred: Barred,
    pub(super) key: Option<IdempotencyKey>,
}

/// What there is of a code that may not be redeemed.
#[derive(Debug)]
pub(super) struct Barred {
    pub(super) id: RedemptionId,
    pub(super) statement: Statement,
    /// What it is refused for if nothing is known any more when its body has come.
    pub(super) otherwise: Refused,
}

impl Recall {
    /// Reads the request's body, to see whether it is the request that was forwarded.
    ///
    /// # Errors
    /// What is known of that request if it has no answer, or what stands against the code now.
    pub(super) async fn run(
        self,
        call: &RequestContext,
        head: request::Parts,
        body: ClientBody,
    ) -> Result<Response<Reply>, Refused> {
        let Self { terms, barred: Barred { id, statement, otherwise }, key } = self;
        let head = CleanHead::new(head, terms.framing, terms.host, !body.is_empty());
        let whole = whole_body(call, body).await?;
        let fingerprint = head.fingerprint(statement, &whole);
        let request = Repeatable { id, caller: Caller::UNNAMED, key, fingerprint };
        idempotent::recall(call, &request, otherwise).await
    }
}
