//! The way of a request, from its head to its answer.
//!
//! [`decide`] is the contract's order of checks, read top to bottom. What it returns can only
//! be forwarded; on `redeem` routes the body is then read whole, the code is spent, and the
//! exchange with the backend runs on without its client ([`crate::request::exchange`]).

mod bodies;
pub(crate) mod context;
mod decide;
mod detach;
mod exchange;
mod forward;
mod head;
mod idempotent;
mod place;
mod recall;
mod redeem;
mod reply;
#[cfg(test)]
pub(crate) mod tests;

use std::rc::Rc;

use http::{HeaderValue, Response, Version, header::CONNECTION, request};
use http_body::Body;
use hyper::{Request, body::Incoming};

use self::{
    bodies::{ClientBody, listen_a_little, read_body},
    decide::{Decision, decide, message, observed, status},
    forward::forward,
};
use crate::{
    http::fields,
    refusal::{Refusal, Refused},
    request::context::RequestContext,
    request::head::Terms,
    request::reply::Reply,
    transport::connection_state::Connection,
    worker::Worker,
};

/// In place of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the outcome is unknown, and this client is to see a cut connection")]
pub(crate) struct Cut;

/// Answers one request. What goes wrong is an answer too. It fails only where the configuration asks
/// for a cut in place of an answer. hyper then ends the connection without a byte, or the stream.
///
/// Cancel safe in the sense that matters: dropping the future before the code is spent spends
/// nothing, and after it the exchange goes on without its client.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<Reply>, Cut> {
    let mut active = connection.begin();
    let version = request.version();
    let http1 = version != Version::HTTP_2;
    let (peer, refusals) = (connection.forwarded_for(), connection.refusals());
    let call = Rc::new(RequestContext::new(worker, peer, version, refusals));
    call.read_client_ids(request.headers());
    if call.snapshot.config.trace.spans {
        call.begin_span(&mut request);
    }
    let answered = answer(&call, &connection, request).await;
    // Where a head can be read in two ways, so can whatever follows it on the connection.
    let is_doubtful = answered.as_ref().is_err_and(|r| r.refusal == Refusal::RequestMalformed);
    let mut response = answered.unwrap_or_else(|refused| refuse(&call, &refused));
    if call.is_cut() {
        // Else an HTTP/2 client would seem to have dropped it.
        active.mark_answered();
        return Err(Cut);
    }
    // In HTTP/1.0 a body of open length ends with its connection.
    let is_open = version == Version::HTTP_10 && response.body().size_hint().exact().is_none();
    let is_last = is_doubtful || connection.is_malformed() || call.has_unread_body() || is_open;
    if http1 && (is_last || call.worker.is_leaving()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        connection.announces_its_end();
        if version == Version::HTTP_10 {
            // hyper would add its `keep-alive` for an old client to what it takes for HTTP/1.1.
            *response.version_mut() = version;
        }
    }
    let write_ms = (!http1).then_some(call.snapshot.config.timeouts.write_ms);
    Ok(response.map(|reply| reply.during(active, write_ms)))
}

async fn answer(
    call: &Rc<RequestContext>,
    connection: &Connection,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Refused> {
    let (head, body) = request.into_parts();
    call.set_unread_body(!body.is_end_stream());
    match decide(call, &head).await {
        Ok(Decision::Forward(accepted)) => {
            forward(call, connection, accepted, head, ClientBody::Coming(body)).await
        }
        Ok(Decision::Recall(recall)) => recall.run(call, head, ClientBody::Coming(body)).await,
        // Boxed, so that the way of other requests is not moved about with the room for this in it.
        Ok(Decision::Read(terms)) => {
            Box::pin(answer_message(call, connection, terms, head, body)).await
        }
        Err(refused) => Box::pin(answer_refused(call, connection, head, body, refused)).await,
    }
}

/// Answers a request that is refused by its head, or forwards it if its route only observes. A
/// question what became of a code is for no route, and is answered here.
async fn answer_refused(
    call: &Rc<RequestContext>,
    connection: &Connection,
    head: request::Parts,
    mut body: Incoming,
    refused: Refused,
) -> Result<Response<Reply>, Refused> {
    if let Some(asked) = status::asked(call, &head, &refused) {
        listen_a_little(call, fields::expectation(&head.headers), &mut body).await;
        return status::answer(call, &head, asked).await;
    }
    match observed::let_pass(call, &head, refused) {
        Ok(accepted) => forward(call, connection, accepted, head, ClientBody::Coming(body)).await,
        Err(refused) => {
            call.find_shape(&head.uri);
            listen_a_little(call, fields::expectation(&head.headers), &mut body).await;
            Err(refused)
        }
    }
}

/// Answers a request whose body says what it is.
async fn answer_message(
    call: &Rc<RequestContext>,
    connection: &Connection,
    terms: Terms,
    head: request::Parts,
    body: Incoming,
) -> Result<Response<Reply>, Refused> {
    let whole = read_body(call, body).await?;
    let decided = message::decide(call, &head, terms, &whole).await;
    let decision = decided
        .or_else(|refused| observed::let_pass(call, &head, refused).map(Decision::Forward))?;
    let body = ClientBody::Read(whole);
    match decision {
        Decision::Forward(accepted) => forward(call, connection, accepted, head, body).await,
        Decision::Recall(recall) => recall.run(call, head, body).await,
        Decision::Read(_) => unreachable!("a message is read once"),
    }
}

fn refuse(call: &RequestContext, refused: &Refused) -> Response<Reply> {
    call.refused(refused);
    call.refusal(refused).map(Reply::whole)
}
