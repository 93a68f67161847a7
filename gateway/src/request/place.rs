//! What a request needs just before it is sent: a place at its backend, and what the gateway says of
//! it there.

use http::{HeaderValue, Request};
use keyring::pass::{MintedPass, RedemptionId, Token};

use crate::{
    http::names::YANMA_OBSERVED,
    limits,
    refusal::{Limit, Refusal, Refused},
    request::context::RequestContext,
    transport::body::Outgoing,
    transport::connection_state::Connection,
    upstream::{endpoints::InFlight, request_head::ForwardedFacts},
};

/// A place at the backend. Taken when the request is whole, or the beginning of a large one is
/// here, so that slow uploads hold none.
pub(super) fn reserve(
    call: &RequestContext,
    connection: &Connection,
    backend: usize,
) -> Result<InFlight, Refused> {
    let backend = call.snapshot.backend(backend);
    let full = |limit| Refused::for_limit(Refusal::Overloaded, limit);
    if let Some(shares) = connection.shares.get() {
        let places_max = (backend.connections_max() / limits::CONNECTION_SHARE_PART).max(1);
        let share = shares.enter(backend.number(), places_max);
        call.set_share(share.ok_or_else(|| full(Limit::BackendShare))?);
    }
    backend.reserve().map_err(|_full| full(Limit::BackendConnections))
}

/// What the backend is told. The redemption is named only where the code was redeemed for this request.
pub(super) fn facts<'a>(
    call: &'a RequestContext,
    token: Option<&'a Token>,
    redemption: Option<RedemptionId>,
    minted: Option<&'a MintedPass>,
) -> ForwardedFacts<'a> {
    ForwardedFacts {
        request_id: &call.id,
        forwarded_for: call.forwarded_for.as_ref(),
        token,
        redemption,
        minted,
    }
}

/// Tells the backend what the request would have been refused for, if its route only observes.
pub(super) fn name_observed(call: &RequestContext, request: &mut Request<Outgoing>) {
    if let Some(reason) = call.observed_reason() {
        request.headers_mut().insert(YANMA_OBSERVED, HeaderValue::from_static(reason));
    }
}
