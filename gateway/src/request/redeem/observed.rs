//! The way of a transaction on a route that only observes: the code is redeemed if that can be, and
//! the request is forwarded whatever comes of it. Never twice does not hold here.
//!
//! No stored answer is given or kept: the backend sees what it would see without a gateway.

use std::rc::Rc;

use http::{Request, Response};
use keyring::pass::{Credential, Institution, MintedPass, PassText, Token};
use registers::ClaimNote;

use super::{mint, redeem_here};
use crate::{
    code::admit::Admitted,
    code::redeem::Redeemed,
    refusal::{Refusal, Refused},
    request::bodies::{ClientBody, whole_body},
    request::context::RequestContext,
    request::decide::OnlyObserves,
    request::place::{facts, name_observed, reserve},
    request::reply::Reply,
    request::{detach::DetachOnDrop, exchange::Exchange},
    transport::body::{Outgoing, Whole},
    transport::connection_state::Connection,
    upstream::endpoints::InFlight,
    upstream::request_head::CleanHead,
};

/// A request whose code may be redeemed, and that is forwarded in either case.
pub(in crate::request) struct ObservedTransaction {
    /// That it may be forwarded in either case.
    pub(in crate::request) _only_observes: OnlyObserves,
    pub(in crate::request) admitted: Admitted,
    pub(in crate::request) gives_pass: bool,
    pub(in crate::request) institution: Institution,
    pub(in crate::request) head: CleanHead,
}

impl ObservedTransaction {
    /// # Errors
    /// What is said of HTTP, of a limit or of the backend.
    pub(in crate::request) async fn run(
        self,
        call: &Rc<RequestContext>,
        connection: &Connection,
        body: ClientBody,
    ) -> Result<Response<Reply>, Refused> {
        let whole = whole_body(call, body).await?;
        let backend = self.admitted.backend().expect("a route that observes forwards");
        let in_flight = reserve(call, connection, backend)?;
        call.hold_place()?;
        let observing = Observing { call: Rc::clone(call), transaction: self, backend, in_flight };
        DetachOnDrop::new(observing.run(whole)).await
    }
}

/// Outlives its client.
struct Observing {
    call: Rc<RequestContext>,
    transaction: ObservedTransaction,
    backend: usize,
    in_flight: InFlight,
}

impl Observing {
    async fn run(self, whole: Whole) -> Result<Response<Reply>, Refused> {
        let Self { call, transaction, backend, in_flight } = self;
        let begun = call.worker.clock().instant();
        let redeemed = transaction.redeem(&call).await;
        call.redeemed(begun);
        match redeemed {
            Ok((redeemed, minted)) => {
                let token = Some(transaction.admitted.token());
                let told = facts(&call, token, Some(redeemed.id()), minted.as_ref());
                let forwarded = transaction.head.into_request(&told, Outgoing::Whole(whole));
                let minted: Option<PassText> = minted.map(|minted| minted.text);
                let exchange = Exchange::of_redeemed(call, backend, in_flight, redeemed, None);
                exchange.gives(minted).run(forwarded).await
            }
            Err(refused) => {
                call.observe(&refused);
                let told = facts(&call, None, None, None);
                let mut forwarded: Request<Outgoing> =
                    transaction.head.into_request(&told, Outgoing::Whole(whole));
                name_observed(&call, &mut forwarded);
                Exchange::without_redemption(call, backend, in_flight, None).run(forwarded).await
            }
        }
    }
}

impl ObservedTransaction {
    /// Redeems the code on this node and for all others, and makes its pass.
    async fn redeem(
        &self,
        call: &RequestContext,
    ) -> Result<(Redeemed, Option<MintedPass>), Refused> {
        let worker = &call.worker;
        let memory = worker.memory(&call.snapshot.config);
        if self.gives_pass && memory.would_waste_a_pass(worker.clock().now()) {
            return Err(Refusal::WarmingUp.into());
        }
        call.ask_account_again()?;
        let token = self.admitted.token();
        let local = redeem_here(call, token)?;
        let spent_at = local.spent_at();
        let redeemed = match &worker.registers {
            None => local.alone(),
            Some(registers) => {
                let claimed = local.claim(registers, ClaimNote::default()).await;
                claimed.map_err(|unclaimed| unclaimed.settle(memory))?
            }
        };
        let minted = match token {
            Token::Genuine(Credential::Code(code)) if self.gives_pass => {
                Some(mint(call, code, &self.institution, spent_at))
            }
            _ => None,
        };
        Ok((redeemed, minted))
    }
}
