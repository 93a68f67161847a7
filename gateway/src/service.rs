//! The way of a request, from its head to its answer.
//!
//! [`decide`] is the contract's order of checks, read top to bottom. What it returns can only
//! be forwarded; on `redeem` routes the body is then read whole, the code is spent, and the
//! exchange with the backend runs on without its client ([`crate::exchange`]).

mod bodies;

use std::{convert::Infallible, future::Future, rc::Rc};

use http::{HeaderMap, HeaderValue, Response, Version, header::CONNECTION, request};
use http_body::Body;
use hyper::{Request, body::Incoming};
use keyring::{
    code::{CodeIdentity, UnverifiedCode},
    verify::{LateCode, Rejected, Rules, Statement, VerifiedCode},
};
use registers::Registers;

use self::bodies::{listen_a_little, read_body, stream_body};
use crate::{
    batch::Verdict,
    body::{Outgoing, Stage, Whole},
    call::{Call, Refused},
    config::{CodeUse, RouteConfig},
    connection::Connection,
    endpoints::InFlight,
    exchange::{Exchange, Outliving},
    forward::{CleanHead, Says},
    head::{self, Terms},
    headers::{self, Expectation, YANMA_CODE},
    limits,
    metrics::Limit,
    policy::{self, Admitted, Denied},
    refusal::Refusal,
    repeat::{self, Begun, Pending, abroad::Mark},
    reply::Reply,
    retry::{Caller, IdempotencyKey, Request as Repeatable},
    spend::{self, Spent},
    worker::Worker,
};
use clock::Instant;

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
    let version = request.version();
    let http1 = version != Version::HTTP_2;
    let call = Rc::new(Call::new(worker, connection.forwarded_for(), version));
    call.came_with(request.headers());
    let answered = answer(&call, &connection, request).await;
    // Where a head can be read in two ways, so can whatever follows it on the connection.
    let is_doubtful = answered.as_ref().is_err_and(|r| r.refusal == Refusal::RequestMalformed);
    let mut response = answered.unwrap_or_else(|refused| refuse(&call, &refused));
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
    call: &Rc<Call>,
    connection: &Connection,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Refused> {
    let (head, mut body) = request.into_parts();
    call.set_unread_body(!body.is_end_stream());
    match decide(call, &head).await {
        Ok(Way::Forward(decision)) => forward(call, connection, decision, head, body).await,
        Ok(Way::Recall(recall)) => tell_again(call, recall, head, body).await,
        Err(refused) => {
            listen_a_little(call, headers::expectation(&head.headers), &mut body).await;
            Err(refused)
        }
    }
}

/// Where a request goes when its head has been judged.
#[derive(Debug)]
enum Way {
    Forward(Decision),
    Recall(Recall),
}

/// A request that may not be forwarded, with a genuine code of which something is known: its
/// answer may be the one that there was, whatever has changed since.
#[derive(Debug)]
struct Recall {
    terms: Terms,
    barred: Barred,
    key: Option<IdempotencyKey>,
}

/// What there is of a code that may not be spent.
#[derive(Debug)]
struct Barred {
    identity: CodeIdentity,
    statement: Statement,
    /// What it is refused for if nothing is known any more when its body has come.
    otherwise: Refused,
}

/// Everything that is settled before the body is looked at.
#[derive(Debug)]
struct Decision {
    purpose: Purpose,
    terms: Terms,
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
    /// The code is to be spent, for a transaction that its client may have named.
    Redeem(Admitted, Option<IdempotencyKey>),
}

/// A genuine code.
#[derive(Debug)]
enum Proof {
    InTime(VerifiedCode),
    Late(LateCode),
}

/// The checks in the contract's order; the first that fails is the answer.
async fn decide(call: &Call, head: &request::Parts) -> Result<Way, Refused> {
    if call.is_one_too_many() {
        call.worker.hit(Limit::RequestsInFlight);
        return Err(Refusal::Overloaded.into());
    }
    let terms = head::check(call, head)?;
    let route = head::find_route(call, head)?;
    let purpose = match route.code {
        CodeUse::None => Purpose::Pass,
        CodeUse::Check => Purpose::Check(admit(call, route, &head.headers).await?),
        CodeUse::Redeem => {
            let key = IdempotencyKey::read(&head.headers).map_err(Refused::malformed)?;
            match admit_to_spend(call, route, &head.headers).await? {
                Ok(admitted) => Purpose::Redeem(admitted, key),
                Err(barred) => return Ok(Way::Recall(Recall { terms, barred, key })),
            }
        }
    };
    let backend = match &purpose {
        Purpose::Pass => policy::admit_without_code(route, &call.snapshot.config.backends)?,
        Purpose::Check(admitted) | Purpose::Redeem(admitted, _) => admitted.backend(),
    };
    Ok(Way::Forward(Decision { purpose, terms, backend }))
}

/// Reads the code and proves it: genuine, of a kind that serves here, and in its time, or late
/// where the route spends codes.
async fn verify(call: &Call, route: &RouteConfig, headers: &HeaderMap) -> Result<Proof, Refused> {
    let code = UnverifiedCode::parse(code_text(headers)?).map_err(Refusal::from)?;
    let recognise_late = route.code == CodeUse::Redeem;
    let rules = Rules { kinds: route.kinds, time: call.snapshot.config.codes, recognise_late };
    let worker = &call.worker;
    let is_alone = worker.requests_in_flight() <= 1;
    let verdict = worker.batch.verify(&call.snapshot, code, rules, is_alone, worker.means());
    let Verdict { outcome, at, hash } = verdict.await;
    match outcome {
        Ok(code) => {
            call.met(&code, at);
            call.enters(&code, hash)?;
            Ok(Proof::InTime(code))
        }
        Err(Rejected { late: Some(late), .. }) => {
            call.met(late.look(), at);
            call.enters(late.look(), hash)?;
            Ok(Proof::Late(late))
        }
        Err(rejected) => Err(Refused::rejected(&rejected)),
    }
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
    match verify(call, route, headers).await? {
        Proof::InTime(code) => policy::admit(code, route, &call.snapshot.config.backends)
            .map_err(|Denied { refusal, .. }| Refused::from(refusal)),
        Proof::Late(_) => Err(Refusal::CodeExpired.into()),
    }
}

/// The same where the code is to be spent. One that may not be spent any more may have been:
/// then what is known of it comes before what stands against it now. What is known of a code that
/// may be spent is asked when its body has come: see [`forward`].
async fn admit_to_spend(
    call: &Call,
    route: &RouteConfig,
    headers: &HeaderMap,
) -> Result<Result<Admitted, Barred>, Refused> {
    let (identity, statement, otherwise) = match verify(call, route, headers).await? {
        Proof::InTime(code) => match policy::admit(code, route, &call.snapshot.config.backends) {
            Ok(admitted) => return Ok(Ok(admitted)),
            Err(Denied { refusal, code }) => (code.identity(), code.statement(), refusal),
        },
        Proof::Late(code) => (code.identity(), code.statement(), late(call, &code)),
    };
    let otherwise = Refused::from(otherwise);
    if repeat::may_know(call, &identity) {
        Ok(Err(Barred { identity, statement, otherwise }))
    } else {
        Err(otherwise)
    }
}

/// Why a late code is refused: as long as the table remembers that it was spent, that is what a
/// cashier must hear. Asked only of genuine codes, or anybody could find out what was spent.
fn late(call: &Call, code: &LateCode) -> Refusal {
    if call.worker.replay().remembers(&code.identity()) {
        call.names(code.identity());
        Refusal::CodeUsed
    } else {
        Refusal::CodeExpired
    }
}

/// Reads the body of a request that is not forwarded, to see whether it is one that was.
async fn tell_again(
    call: &Call,
    recall: Recall,
    head: request::Parts,
    body: Incoming,
) -> Result<Response<Reply>, Refused> {
    let Recall { terms, barred: Barred { identity, statement, otherwise }, key } = recall;
    let head = CleanHead::new(head, terms.framing, terms.host, !body.is_end_stream());
    let whole = read_body(call, body).await?;
    let digest = head.digest(statement, &whole);
    let request = Repeatable { identity, caller: Caller::UNNAMED, key, digest };
    repeat::recall(call, &request, otherwise).await
}

async fn forward(
    call: &Rc<Call>,
    connection: &Connection,
    decision: Decision,
    head: request::Parts,
    body: Incoming,
) -> Result<Response<Reply>, Refused> {
    let Decision { purpose, terms: Terms { framing, host, expectation }, backend } = decision;
    let host = host.unwrap_or_else(|| call.snapshot.host_of_backend(backend));
    let head = CleanHead::new(head, framing, Some(host), !body.is_end_stream());
    call.worker.dropped_headers(head.forbidden);
    match purpose {
        Purpose::Redeem(admitted, key) => {
            let whole = read_body(call, body).await?;
            let code = admitted.code();
            let (identity, caller) = (code.identity(), Caller::UNNAMED);
            let digest = head.digest(code.statement(), &whole);
            let request = Repeatable { identity, caller, key, digest };
            let is_fenced = call.worker.replay().is_behind_fence(&identity);
            if is_fenced && !repeat::may_know(call, &identity) {
                return Err(spend::refuse_fenced(call, code));
            }
            let pending = match repeat::begin(call, &request)? {
                Begun::First(pending) => pending,
                Begun::Answered(response) => return Ok(response),
            };
            let in_flight = reserve(call, connection, backend)?;
            call.hold_place()?;
            let begun = call.worker.clock().instant();
            let spent = spend::spend_here(call, admitted.code());
            if let Some(registers) = &call.worker.registers {
                let spent = match spent.inspect_err(|_| call.redeemed(begun)) {
                    Ok(spent) => spent,
                    Err(refused) => return used_abroad(call, registers, &request, refused).await,
                };
                let mark = Mark::new(call, registers, &request, backend);
                let note = mark.as_ref().map(Mark::note).unwrap_or_default();
                let spent = spent.everywhere(call, registers, note);
                let call = Rc::clone(call);
                let redeeming =
                    Redeeming { call, begun, admitted, in_flight, pending, mark, request };
                return Outliving::new(redeeming.run(spent, head, whole)).await;
            }
            call.redeemed(begun);
            let spent = spent?.alone();
            let says = says(call, Some(admitted.code()), Some(spent.identity()));
            let request = head.into_request(&says, Outgoing::Whole(whole));
            let exchange = Exchange::of_spent(Rc::clone(call), backend, in_flight, spent, pending);
            Outliving::new(exchange.run(request)).await
        }
        Purpose::Check(admitted) => {
            stream(call, connection, backend, head, Some(admitted.code()), body, expectation).await
        }
        Purpose::Pass => stream(call, connection, backend, head, None, body, expectation).await,
    }
}

/// Passes a request on whose code is not spent: its body goes as it comes, once its beginning is
/// here.
async fn stream(
    call: &Rc<Call>,
    connection: &Connection,
    backend: usize,
    head: CleanHead,
    code: Option<&VerifiedCode>,
    mut body: Incoming,
    expectation: Expectation,
) -> Result<Response<Reply>, Refused> {
    // A client that waits for `100 Continue` need not send what cannot be passed on.
    if !body.is_end_stream() && call.snapshot.backend(backend).is_full() {
        call.worker.hit(Limit::BackendConnections);
        listen_a_little(call, expectation, &mut body).await;
        return Err(Refusal::Overloaded.into());
    }
    let (body, progress) = stream_body(call, body).await?;
    let in_flight = reserve(call, connection, backend)?;
    let request = head.into_request(&says(call, code, None), body);
    let exchange = Exchange::of_unspent(Rc::clone(call), backend, in_flight, progress.clone());
    // Boxed, so that the way of a request is not moved about with the room for this in it.
    let answered = Box::pin(exchange.run(request)).await;
    // An answer may come before its upload has ended.
    call.set_unread_body(progress.is_some_and(|upload| upload.get() != Stage::Through));
    answered
}

/// A place at the backend. Taken when the request is whole, or the beginning of a large one is
/// here, so that slow uploads hold none.
fn reserve(call: &Call, connection: &Connection, backend: usize) -> Result<InFlight, Refused> {
    let backend = call.snapshot.backend(backend);
    let full = |limit| {
        call.worker.hit(limit);
        Refused::from(Refusal::Overloaded)
    };
    if let Some(shares) = connection.shares.get() {
        let places_max = (backend.connections_max() / limits::CONNECTION_SHARE_PART).max(1);
        let share = shares.enter(backend.number(), places_max);
        call.shares(share.ok_or_else(|| full(Limit::BackendShare))?);
    }
    backend.reserve().map_err(|_full| full(Limit::BackendConnections))
}

fn says<'a>(
    call: &'a Call,
    code: Option<&'a VerifiedCode>,
    redemption: Option<CodeIdentity>,
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
    pending: Pending,
    mark: Option<Mark>,
    request: Repeatable,
}

impl Redeeming {
    async fn run(
        self,
        spent: impl Future<Output = Result<Spent, Refused>>,
        head: CleanHead,
        whole: Whole,
    ) -> Result<Response<Reply>, Refused> {
        let Self { call, begun, admitted, in_flight, mut pending, mark, request } = self;
        let spent = spent.await;
        call.redeemed(begun);
        let spent = match spent {
            Ok(spent) => spent,
            Err(refused) => {
                let registers = call.worker.registers.as_ref().expect("it was asked");
                let told = used_abroad(&call, registers, &request, refused).await;
                // The client may be gone, and nobody else would count this.
                return told.inspect_err(|refused| call.refused(refused));
            }
        };
        pending.set_mark(mark);
        let says = says(&call, Some(admitted.code()), Some(spent.identity()));
        let request = head.into_request(&says, Outgoing::Whole(whole));
        let backend = admitted.backend();
        Exchange::of_spent(call, backend, in_flight, spent, pending).run(request).await
    }
}

/// A code that is used: other nodes may know the answer of the request that used it.
async fn used_abroad(
    call: &Call,
    registers: &Rc<Registers>,
    request: &Repeatable,
    refused: Refused,
) -> Result<Response<Reply>, Refused> {
    if refused.refusal == Refusal::CodeUsed {
        return repeat::abroad::ask(call, registers, request, refused).await;
    }
    Err(refused)
}

fn refuse(call: &Call, refused: &Refused) -> Response<Reply> {
    call.refused(refused);
    call.problem(refused).map(Reply::whole)
}
