//! The way of a transaction: its body is read whole, its code is redeemed once, and only then it is
//! forwarded, or answered here. From the redemption on it goes on without its client.

mod decoded;
mod observed;

use std::rc::Rc;

use clock::Instant;
use http::{Request, Response};
use keyring::{
    code::IssuedAt,
    pass::{Credential, Institution, MintedPass, PassText, Token},
    verify::VerifiedCode,
};

use self::decoded::Decoding;
pub(super) use self::observed::ObservedTransaction;
use super::{
    bodies::{ClientBody, whole_body},
    place::{facts, reserve},
};
use crate::{
    code::admit::Admitted,
    code::redeem::{self, LocalRedemption, Redeemed},
    idempotency::{Caller, IdempotencyKey, Request as Repeatable},
    refusal::{Refusal, Refused},
    request::context::RequestContext,
    request::idempotent::{self, Next, PendingResponse, nodes::RequestNote},
    request::reply::Reply,
    request::{detach::DetachOnDrop, exchange::Exchange},
    transport::body::Outgoing,
    transport::connection_state::Connection,
    upstream::endpoints::InFlight,
    upstream::request_head::CleanHead,
};
use record::Trail;

/// A request whose code may be redeemed.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) admitted: Admitted,
    /// What its client calls it.
    pub(super) key: Option<IdempotencyKey>,
    /// A pass is made for the code.
    pub(super) gives_pass: bool,
    /// For which institution.
    pub(super) institution: Institution,
    pub(super) head: CleanHead,
}

impl Transaction {
    /// Redeems the code and forwards the request or answers it, unless its answer is known.
    pub(super) async fn run(
        self,
        call: &Rc<RequestContext>,
        connection: &Connection,
        body: ClientBody,
    ) -> Result<Response<Reply>, Refused> {
        let Self { admitted, key, gives_pass, institution, head } = self;
        let whole = whole_body(call, body).await?;
        let token = admitted.token();
        let (id, caller) = (token.id(), Caller::UNNAMED);
        let fingerprint = head.fingerprint(token.statement(), &whole);
        let request = Repeatable { id, caller, key, fingerprint };
        // Refused before its request is entered among those that run: another transaction with the
        // same code would hear `code_used` of a request that is not forwarded.
        let memory = call.worker.memory(&call.snapshot.config);
        if memory.is_behind_fence(&id) && !idempotent::may_know(call, &id) {
            // An opaque code leaves the fence as time goes by: asked again, it might be spent here.
            if matches!(token, Token::Opaque(_)) {
                return Err(Refusal::WarmingUp.into());
            }
            return Err(redeem_here(call, token).expect_err("a fence never falls"));
        }
        // The code stays good: a pass that is made now could not pay.
        if gives_pass && memory.would_waste_a_pass(call.worker.clock().now()) {
            return idempotent::recall(call, &request, Refusal::WarmingUp.into()).await;
        }
        let pending = match idempotent::begin(call, &request)? {
            Next::First(pending) => pending,
            Next::Answered(response) => return Ok(response),
        };
        let place = admitted.backend().map(|backend| {
            reserve(call, connection, backend).map(|in_flight| (backend, in_flight))
        });
        let place = place.transpose()?;
        call.hold_place()?;
        call.ask_account_again()?;
        let begun = call.worker.clock().instant();
        let local = match redeem_here(call, token) {
            Ok(local) => local,
            Err(refused) => {
                call.redeemed(begun);
                return answer_used(call, &request, refused).await;
            }
        };
        // Made before the code is claimed for all nodes, so that what is boxed is small.
        let minted = match token {
            Token::Genuine(Credential::Code(code)) if gives_pass => {
                Some(mint(call, code, &institution, local.spent_at()))
            }
            _ => None,
        };
        let facts = facts(call, Some(token), Some(local.id()), minted.as_ref());
        let redeeming = Redeeming { call: Rc::clone(call), begun, pending, request };
        match place {
            Some((backend, in_flight)) => {
                let forwarded = head.into_request(&facts, Outgoing::Whole(whole));
                let place = Place { backend, in_flight, minted: minted.map(|minted| minted.text) };
                DetachOnDrop::new(redeeming.forward(local, place, forwarded)).await
            }
            None => {
                let (Token::Genuine(credential), Some(minted)) = (token, minted) else {
                    unreachable!("only a rule that gives each code a pass answers itself")
                };
                let decoding = Decoding::new(credential, minted.text);
                DetachOnDrop::new(redeeming.decode(local, decoding)).await
            }
        }
    }
}

/// Redeems a code or pass on this node. From here on answers name the redemption.
fn redeem_here(call: &RequestContext, token: &Token) -> Result<LocalRedemption, Refused> {
    call.set_redemption(token.id());
    redeem::redeem_here(token, call.worker.memory(&call.snapshot.config))
}

/// Makes the pass of a code that was just spent.
fn mint(
    call: &RequestContext,
    code: &VerifiedCode,
    institution: &Institution,
    spent_at: IssuedAt,
) -> MintedPass {
    let (keys, count) = (call.snapshot.keys(), call.worker.next_pass_count());
    let minted = keys.mint_pass(code, institution, spent_at, count);
    let minted = minted.expect("a configuration with such a route has a key that makes passes");
    call.pass_minted(minted.id);
    minted
}

/// A request whose code is being redeemed.
struct Redeeming {
    call: Rc<RequestContext>,
    begun: Instant,
    pending: PendingResponse,
    request: Repeatable,
}

/// Where the request goes, and what its client is given with a successful answer.
struct Place {
    /// Index of the backend in the configuration.
    backend: usize,
    in_flight: InFlight,
    minted: Option<PassText>,
}

impl Redeeming {
    /// Redeems the code for all nodes, and forwards the request.
    async fn forward(
        mut self,
        local: LocalRedemption,
        place: Place,
        forwarded: Request<Outgoing>,
    ) -> Result<Response<Reply>, Refused> {
        let Place { backend, in_flight, minted } = place;
        let redeemed = match self.everywhere(local, Some(backend)).await {
            Ok(redeemed) => redeemed,
            Err(answered) => return answered,
        };
        let Self { call, pending, .. } = self;
        let exchange = Exchange::of_redeemed(call, backend, in_flight, redeemed, Some(pending));
        exchange.gives(minted).run(forwarded).await
    }

    /// Redeems the code for all nodes, and says what it is.
    async fn decode(
        mut self,
        local: LocalRedemption,
        decoding: Decoding,
    ) -> Result<Response<Reply>, Refused> {
        let redeemed = match self.everywhere(local, None).await {
            Ok(redeemed) => redeemed,
            Err(answered) => return answered,
        };
        let Self { call, pending, .. } = self;
        if let Err(refused) = call.ask_account_again() {
            let worker = &call.worker;
            let memory = worker.memory(&call.snapshot.config);
            redeemed.release(memory, worker.registers.as_ref()).await;
            call.refused(&refused);
            return Err(refused);
        }
        call.note(Trail::mark_spent);
        let response = decoding.answer(&call, redeemed.id());
        call.approved();
        pending.keep(&response).await;
        Ok(response.map(Reply::whole))
    }

    /// The code, redeemed for all nodes; or the answer if it is not.
    async fn everywhere(
        &mut self,
        local: LocalRedemption,
        backend: Option<usize>,
    ) -> Result<Redeemed, Result<Response<Reply>, Refused>> {
        let Self { call, begun, pending, request } = self;
        let redeemed = redeem_everywhere(call, local, request, backend, pending).await;
        call.redeemed(*begun);
        match redeemed {
            Ok(redeemed) => Ok(redeemed),
            Err(refused) => {
                let answered = answer_used(call, request, refused).await;
                // The client may be gone, and then nothing else would count this.
                Err(answered.inspect_err(|refused| call.refused(refused)))
            }
        }
    }
}

/// Redeems for all nodes a code that is redeemed on this one. The claim says what it is for, so that
/// another node can tell a retry.
async fn redeem_everywhere(
    call: &RequestContext,
    local: LocalRedemption,
    request: &Repeatable,
    backend: Option<usize>,
    pending: &mut PendingResponse,
) -> Result<Redeemed, Refused> {
    let worker = &call.worker;
    let Some(registers) = &worker.registers else { return Ok(local.alone()) };
    let request_note = RequestNote::new(call, registers, request, backend);
    let note = request_note.as_ref().map(RequestNote::note).unwrap_or_default();
    let memory = worker.memory(&call.snapshot.config);
    let claimed = local.claim(registers, note).await;
    let redeemed = claimed.map_err(|unclaimed| unclaimed.settle(memory))?;
    pending.set_note(request_note);
    Ok(redeemed)
}

/// The answer for a code that could not be redeemed: if it is used, other nodes may know the answer
/// of the request that used it.
async fn answer_used(
    call: &RequestContext,
    request: &Repeatable,
    refused: Refused,
) -> Result<Response<Reply>, Refused> {
    match &call.worker.registers {
        Some(registers) if refused.refusal == Refusal::used(&request.id) => {
            idempotent::nodes::ask(call, registers, request, refused).await
        }
        _ => Err(refused),
    }
}
