//! A request that may be forwarded goes to its backend: with its code redeemed first, or as it comes.

use std::rc::Rc;

use http::{Response, request};

use keyring::pass::Token;

use super::{
    bodies::{ClientBody, listen_a_little, stream_body, whole_body},
    decide::{Accepted, Purpose},
    place::{facts, name_observed, reserve},
    redeem::{ObservedTransaction, Transaction},
};
use crate::{
    config::RuleConfig,
    http::fields::Expectation,
    refusal::{Limit, Refusal, Refused},
    request::context::RequestContext,
    request::exchange::Exchange,
    request::head::Terms,
    request::reply::Reply,
    transport::body::Stage,
    transport::connection_state::Connection,
    upstream::request_head::CleanHead,
};

/// Forwards a request, and brings the answer.
///
/// # Errors
/// Each refusal that the contract has for a request whose head was good.
pub(super) async fn forward(
    call: &Rc<RequestContext>,
    connection: &Connection,
    accepted: Accepted,
    head: request::Parts,
    body: ClientBody,
) -> Result<Response<Reply>, Refused> {
    let Accepted { purpose, terms: Terms { framing, host, expectation }, backend } = accepted;
    let host = host.or_else(|| backend.map(|index| call.snapshot.host_of_backend(index)));
    let head = CleanHead::new(head, framing, host, !body.is_empty());
    call.worker.dropped_headers(head.forbidden);
    match purpose {
        Purpose::Redeem { admitted, key, gives_pass, institution } => {
            Transaction { admitted, key, gives_pass, institution, head }
                .run(call, connection, body)
                .await
        }
        Purpose::RedeemObserved { only_observes, admitted, gives_pass, institution } => {
            let transaction = ObservedTransaction {
                _only_observes: only_observes,
                admitted,
                gives_pass,
                institution,
                head,
            };
            Box::pin(transaction.run(call, connection, body)).await
        }
        Purpose::Observed(_) => {
            Box::pin(forward_observed(call, connection, backend, head, body, expectation)).await
        }
        Purpose::Plain => stream(call, connection, backend, head, None, body, expectation).await,
        Purpose::Check(admitted) => {
            let shown = Some(admitted.token());
            stream(call, connection, backend, head, shown, body, expectation).await
        }
    }
}

/// Forwards a request against what was found.
async fn forward_observed(
    call: &Rc<RequestContext>,
    connection: &Connection,
    backend: Option<usize>,
    head: CleanHead,
    body: ClientBody,
    expectation: Expectation,
) -> Result<Response<Reply>, Refused> {
    // As where the code is good: what may settle is not sent before it is whole.
    let body = match call.rule().is_some_and(RuleConfig::spends) {
        true => ClientBody::Read(whole_body(call, body).await?),
        false => body,
    };
    stream(call, connection, backend, head, None, body, expectation).await
}

/// Passes a request on whose code stays good: its body goes as it comes, once its beginning is
/// here.
async fn stream(
    call: &Rc<RequestContext>,
    connection: &Connection,
    backend: Option<usize>,
    head: CleanHead,
    token: Option<&Token>,
    mut body: ClientBody,
    expectation: Expectation,
) -> Result<Response<Reply>, Refused> {
    let backend = backend.expect("only what exchanges codes has none");
    // A client that waits for `100 Continue` need not send what cannot be passed on.
    if !body.is_empty() && call.snapshot.backend(backend).is_full() {
        if let ClientBody::Coming(body) = &mut body {
            listen_a_little(call, expectation, body).await;
        }
        return Err(Refused::for_limit(Refusal::Overloaded, Limit::BackendConnections));
    }
    let (body, progress) = stream_body(call, body).await?;
    let in_flight = reserve(call, connection, backend)?;
    let mut request = head.into_request(&facts(call, token, None, None), body);
    name_observed(call, &mut request);
    let exchange =
        Exchange::without_redemption(Rc::clone(call), backend, in_flight, progress.clone());
    // Boxed, so that the way of a request is not moved about with the room for this in it.
    let answered = Box::pin(exchange.run(request)).await;
    // An answer may come before its upload has ended.
    call.set_unread_body(progress.is_some_and(|upload| upload.get() != Stage::Through));
    answered
}
