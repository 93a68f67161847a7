//! The way of a request, from its head to its answer.
//!
//! [`decide`] is the contract's order of checks, read top to bottom. What it returns can only
//! be forwarded; on `redeem` routes the body is then read whole, the code is spent, and the
//! exchange with the backend belongs to nobody but itself ([`crate::exchange`]).

use std::{convert::Infallible, future::Future, rc::Rc};

use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Version,
    header::{ALLOW, CONNECTION, HOST},
    request,
};
use http_body::Body;
use hyper::{Request, body::Incoming};
use keyring::{
    code::UnverifiedCode,
    verify::{Rules, VerifiedCode},
};

use crate::{
    batch::Verdict,
    body::{self, Failure, Outgoing, Unread, Upload, Whole},
    call::{Call, Refused},
    clock::Instant,
    config::{CodeUse, RouteConfig},
    connection::Connection,
    endpoints::InFlight,
    exchange::{Exchange, Outliving},
    forward::{CleanHead, Says},
    headers::{self, Expectation, Framing, YANMA_CODE},
    limits,
    metrics::Limit,
    policy::{self, Admitted, Denied},
    refusal::{Problem, Refusal},
    reply::Reply,
    spend::{self, Spent},
    target::CheckedPath,
    worker::Worker,
};

/// Answers one request. Never fails, as the type says that hyper wants: what goes wrong is an
/// answer.
///
/// Cancel safe in the sense that matters: dropping the future before the code is spent spends
/// nothing, and after it the exchange goes on without its client.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Infallible> {
    let active = connection.begin();
    let http1 = request.version() != Version::HTTP_2;
    let call = Rc::new(Call::new(worker, connection.forwarded_for()));
    call.came_with(request.headers());
    let answered = answer(&call, request).await;
    // Where a head can be read in two ways, so can whatever follows it on the connection.
    let is_doubtful = answered.as_ref().is_err_and(|r| r.refusal == Refusal::RequestMalformed);
    let mut response = answered.unwrap_or_else(|refused| refuse(&call, &refused));
    if http1 && (is_doubtful || call.worker.is_leaving()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let write_ms = (!http1).then_some(call.snapshot.config.timeouts.write_ms);
    Ok(response.map(|reply| reply.during(active, write_ms)))
}

async fn answer(call: &Rc<Call>, request: Request<Incoming>) -> Result<Response<Reply>, Refused> {
    let (head, mut body) = request.into_parts();
    match decide(call, &head).await {
        Ok(decision) => forward(call, decision, head, body).await,
        Err(refused) => {
            listen_a_little(call, &head.headers, &mut body).await;
            Err(refused)
        }
    }
}

/// Everything that is settled before the body is looked at.
#[derive(Debug)]
struct Decision {
    purpose: Purpose,
    framing: Framing,
    /// Absent only in HTTP/1.0.
    host: Option<HeaderValue>,
    backend: usize,
}

/// What the route does with a code. Only a redeem route's code can be spent, and it is spent
/// before its request can be sent: there is no other way out of this enum.
#[derive(Debug)]
enum Purpose {
    /// The route reads no code.
    Pass,
    /// The code is proven, and stays good.
    Check(Admitted),
    /// The code is to be spent.
    Redeem(Admitted),
}

/// The checks in the contract's order; the first that fails is the answer.
async fn decide(call: &Call, head: &request::Parts) -> Result<Decision, Refused> {
    if call.is_one_too_many() {
        call.worker.hit(Limit::RequestsInFlight);
        return Err(Refusal::Overloaded.into());
    }
    let (framing, host) = check_head(call, head)?;
    let route = find_route(call, head)?;
    let purpose = match route.code {
        CodeUse::None => Purpose::Pass,
        CodeUse::Check => Purpose::Check(admit(call, route, &head.headers).await?),
        CodeUse::Redeem => Purpose::Redeem(admit(call, route, &head.headers).await?),
    };
    let backend = match &purpose {
        Purpose::Pass => policy::admit_without_code(route, &call.snapshot.config.backends)?,
        Purpose::Check(admitted) | Purpose::Redeem(admitted) => admitted.backend(),
    };
    Ok(Decision { purpose, framing, host, backend })
}

/// Is this one well-formed HTTP request that can be passed on without guessing?
fn check_head(
    call: &Call,
    head: &request::Parts,
) -> Result<(Framing, Option<HeaderValue>), Refused> {
    if head.headers.len() > call.snapshot.config.limits.header_count_max {
        call.worker.hit(Limit::Headers);
        return Err(Refusal::HeadersTooLarge.into());
    }
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return Err(Refusal::MethodNotAllowed.into());
    }
    let framing = headers::framing(head.version, &head.headers)
        .ok_or(Refused::malformed("Transfer-Encoding must be one plain `chunked`"))?;
    if headers::expectation(&head.headers) == Expectation::Unknown {
        return Err(Refusal::ExpectationFailed.into());
    }
    Ok((framing, host_of(head)?))
}

/// The host that the client asked for: an absolute target's authority, or exactly one `Host`;
/// HTTP/1.0 clients may send none (RFC 9112 3.2).
fn host_of(head: &request::Parts) -> Result<Option<HeaderValue>, Refused> {
    let mut hosts = head.headers.get_all(HOST).into_iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Refused::malformed("more than one Host"));
    }
    if let Some(authority) = head.uri.authority() {
        return HeaderValue::from_str(authority.as_str())
            .map(Some)
            .map_err(|_| Refused::malformed("the target's authority is no host"));
    }
    if first.is_none() && head.version != Version::HTTP_10 {
        return Err(Refused::malformed("Host is missing"));
    }
    Ok(first.cloned())
}

fn find_route<'a>(call: &'a Call, head: &request::Parts) -> Result<&'a RouteConfig, Refused> {
    let path = CheckedPath::check(head.uri.path()).map_err(|_| {
        Refused::malformed("the path has a form that backends may read differently")
    })?;
    let index = call.snapshot.routes.find(&path).ok_or(Refusal::RouteNotFound)?;
    call.enter(index);
    let route = call.snapshot.route(index);
    if !route.allows(&head.method) {
        return Err(Refusal::MethodNotAllowed.into());
    }
    Ok(route)
}

/// Reads the code and proves it: genuine, of a kind that serves here, and in its time.
async fn verify(
    call: &Call,
    route: &RouteConfig,
    headers: &HeaderMap,
) -> Result<VerifiedCode, Refused> {
    let code = UnverifiedCode::parse(code_text(headers)?).map_err(Refusal::from)?;
    let rules = Rules { kinds: route.kinds, time: call.snapshot.config.codes };
    let worker = &call.worker;
    let is_alone = worker.requests_in_flight() <= 1;
    let verdict = worker.batch.verify(&call.snapshot, code, rules, is_alone, worker.means());
    let Verdict { outcome, at } = verdict.await;
    let code = outcome.map_err(|rejected| Refused::rejected(&rejected))?;
    call.met(&code, at);
    Ok(code)
}

fn code_text(headers: &HeaderMap) -> Result<&[u8], Refused> {
    let mut lines = headers.get_all(YANMA_CODE).into_iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(Refusal::CodeMissing.into()),
        (Some(line), None) if !line.as_bytes().trim_ascii().is_empty() => Ok(line.as_bytes()),
        (Some(_), None) => Err(Refusal::CodeMissing.into()),
        (Some(_), Some(_)) => Err(Refusal::CodeMalformed.into()),
    }
}

/// Proves the code, then asks whether it may do here what the request wants.
async fn admit(call: &Call, route: &RouteConfig, headers: &HeaderMap) -> Result<Admitted, Refused> {
    let code = verify(call, route, headers).await?;
    policy::admit(code, route, &call.snapshot.config.backends)
        .map_err(|Denied { refusal, .. }| Refused::from(refusal))
}

async fn forward(
    call: &Rc<Call>,
    decision: Decision,
    head: request::Parts,
    body: Incoming,
) -> Result<Response<Reply>, Refused> {
    let Decision { purpose, framing, host, backend } = decision;
    let host = host.unwrap_or_else(|| call.snapshot.host_of_backend(backend));
    let head = CleanHead::new(head, framing, host, !body.is_end_stream());
    call.worker.dropped_headers(head.forbidden);
    match purpose {
        Purpose::Redeem(admitted) => {
            let whole = read_body(call, body).await?;
            let in_flight = reserve(call, backend)?;
            call.hold_place()?;
            let begun = call.worker.clock().instant();
            let spent = spend::spend_here(call, admitted.code());
            if let Some(registers) = &call.worker.registers {
                let spent = spent.inspect_err(|_| call.redeemed(begun))?;
                let spent = spent.everywhere(call, registers);
                let redeeming = Redeeming { call: Rc::clone(call), begun, admitted, in_flight };
                return Outliving::new(redeeming.run(spent, head, whole)).await;
            }
            call.redeemed(begun);
            let spent = spent?.alone();
            let says = says(call, Some(admitted.code()), Some(spent.identity()));
            let request = head.into_request(&says, Outgoing::Whole(whole));
            let exchange = Exchange::of_spent(Rc::clone(call), backend, in_flight, spent);
            Outliving::new(exchange.run(request)).await
        }
        Purpose::Check(admitted) => stream(call, backend, head, Some(admitted.code()), body).await,
        Purpose::Pass => stream(call, backend, head, None, body).await,
    }
}

/// Passes a request on whose code is not spent: its body goes as it comes.
async fn stream(
    call: &Rc<Call>,
    backend: usize,
    head: CleanHead,
    code: Option<&VerifiedCode>,
    body: Incoming,
) -> Result<Response<Reply>, Refused> {
    let in_flight = reserve(call, backend)?;
    let (body, failure) = stream_body(call, body)?;
    let request = head.into_request(&says(call, code, None), body);
    let exchange = Exchange::of_unspent(Rc::clone(call), backend, in_flight, failure);
    // Boxed, so that the way of a request is not moved about with the room for this in it.
    Box::pin(exchange.run(request)).await
}

/// A place at the backend. Taken when the request is whole, so that slow uploads hold none.
fn reserve(call: &Call, backend: usize) -> Result<InFlight, Refused> {
    call.snapshot.backend(backend).reserve().map_err(|_full| {
        call.worker.hit(Limit::BackendConnections);
        Refused::from(Refusal::Overloaded)
    })
}

fn says<'a>(
    call: &'a Call,
    code: Option<&'a VerifiedCode>,
    redemption: Option<keyring::code::CodeIdentity>,
) -> Says<'a> {
    Says { request_id: &call.id, forwarded_for: call.forwarded_for.as_ref(), code, redemption }
}

/// A request whose code is being spent for all nodes. From the claim on it goes on without its
/// client, as an exchange does.
struct Redeeming {
    call: Rc<Call>,
    begun: Instant,
    admitted: Admitted,
    in_flight: InFlight,
}

impl Redeeming {
    async fn run(
        self,
        spent: impl Future<Output = Result<Spent, Refused>>,
        head: CleanHead,
        whole: Whole,
    ) -> Result<Response<Reply>, Refused> {
        let Self { call, begun, admitted, in_flight } = self;
        let spent = spent.await;
        call.redeemed(begun);
        // The client may be gone, and nobody else would count this.
        let spent = spent.inspect_err(|refused| call.refused(refused))?;
        let says = says(&call, Some(admitted.code()), Some(spent.identity()));
        let request = head.into_request(&says, Outgoing::Whole(whole));
        let backend = admitted.backend();
        Exchange::of_spent(call, backend, in_flight, spent).run(request).await
    }
}

async fn read_body(call: &Call, mut body: Incoming) -> Result<Whole, Refused> {
    let config = &call.snapshot.config;
    let mut deadline = call.worker.sweep.deadline(config.timeouts.body_ms);
    let begun = call.worker.clock().instant();
    let whole = body::read_whole(&mut body, config.limits.body_bytes_max, &mut deadline).await;
    call.was_away(begun);
    whole.map_err(|cut| over_limit(call, cut.why))
}

fn stream_body(call: &Call, body: Incoming) -> Result<(Outgoing, Option<Failure>), Refused> {
    if body.is_end_stream() {
        return Ok((Outgoing::Whole(Whole::default()), None));
    }
    let config = &call.snapshot.config;
    let deadline = call.worker.sweep.deadline(config.timeouts.body_ms);
    let (upload, failure) = Upload::new(body, config.limits.body_bytes_max, deadline)
        .map_err(|unread| over_limit(call, unread))?;
    Ok((Outgoing::Upload(upload), Some(failure)))
}

fn over_limit(call: &Call, unread: Unread) -> Refused {
    if unread == Unread::TooLarge {
        call.worker.hit(Limit::BodyBytes);
    }
    unread.refusal().into()
}

/// Hears a refused client out for a moment: one that is still sending would lose the answer to
/// the reset that follows it. A client that waits for `100 Continue` is not sending.
async fn listen_a_little(call: &Call, headers: &HeaderMap, body: &mut Incoming) {
    if body.is_end_stream() || headers::expectation(headers) != Expectation::None {
        return;
    }
    let mut deadline = call.worker.sweep.deadline(limits::BODY_DRAIN_MS);
    let begun = call.worker.clock().instant();
    body::discard(body, &mut deadline).await;
    call.was_away(begun);
}

fn refuse(call: &Call, refused: &Refused) -> Response<Reply> {
    call.refused(refused);
    let redemption = call.redemption().map(|identity| identity.to_string());
    let problem = Problem {
        refusal: refused.refusal,
        request_id: &call.id,
        redemption: redemption.as_deref(),
        now: call.worker.clock().now(),
        detail: refused.detail,
    };
    let mut response = problem.to_response();
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(route) = call.route()
    {
        response.headers_mut().insert(ALLOW, route.allow_header());
    }
    response.map(|bytes| Reply::whole(Whole::new(bytes)))
}
