//! Everything that is settled before a request's body is looked at: the contract's order of checks.

use http::{HeaderMap, request};
use keyring::{
    code::UnverifiedCode,
    verify::{LateCode, Rules},
};

use super::recall::{Barred, Recall};
use crate::{
    code::admit::{self, Admitted, Denied},
    code::locate::locate,
    code::verify::{Proof, Verdict},
    config::{CodeUse, RouteConfig, RuleConfig},
    idempotency::IdempotencyKey,
    refusal::{Limit, Refusal, Refused},
    request::context::RequestContext,
    request::head::{self, Terms},
    request::idempotent,
};

/// Where a request goes when its head has been judged.
#[derive(Debug)]
pub(super) enum Decision {
    Forward(Accepted),
    Recall(Recall),
}

/// A request that may be forwarded.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) purpose: Purpose,
    pub(super) terms: Terms,
    /// Index of the backend in the configuration.
    pub(super) backend: usize,
}

/// What the route does with a code. Only a redeem route's code can be used up, and it is redeemed
/// before its request can be sent: there is no other way out of this enum.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The route reads no code.
    Pass,
    /// The code is proven, and stays good.
    Check(Admitted),
    /// The code is to be redeemed, for a transaction that its client may have named.
    Redeem(Admitted, Option<IdempotencyKey>),
}

/// A genuine code and what it may do here.
#[derive(Debug)]
enum Judged {
    Admitted(Admitted),
    Barred(Barred),
}

/// The checks in the contract's order; the first that fails is the answer.
pub(super) async fn decide(
    call: &RequestContext,
    head: &request::Parts,
) -> Result<Decision, Refused> {
    if call.is_over_limit() {
        return Err(Refused::for_limit(Refusal::Overloaded, Limit::RequestsInFlight));
    }
    let terms = check_head(call, head)?;
    let rule = &find_route(call, head)?.rule;
    let purpose = match rule.code {
        CodeUse::None => Purpose::Pass,
        CodeUse::Check => match judge(call, rule, &head.headers).await? {
            Judged::Admitted(admitted) => Purpose::Check(admitted),
            Judged::Barred(barred) => return Err(barred.otherwise),
        },
        CodeUse::Redeem => {
            let key = IdempotencyKey::read(&head.headers).map_err(Refused::malformed)?;
            match judge(call, rule, &head.headers).await? {
                Judged::Admitted(admitted) => Purpose::Redeem(admitted, key),
                // A code that may not be redeemed any more may have been: what is known of it comes
                // before what stands against it now.
                Judged::Barred(barred) if idempotent::may_know(call, &barred.identity) => {
                    return Ok(Decision::Recall(Recall { terms, barred, key }));
                }
                Judged::Barred(barred) => return Err(barred.otherwise),
            }
        }
    };
    let backend = match &purpose {
        Purpose::Pass => admit::admit_without_code(rule, &call.snapshot.config.backends)?,
        Purpose::Check(admitted) | Purpose::Redeem(admitted, _) => admitted.backend(),
    };
    Ok(Decision::Forward(Accepted { purpose, terms, backend }))
}

fn check_head(call: &RequestContext, head: &request::Parts) -> Result<Terms, Refused> {
    let header_count_max = call.snapshot.config.limits.header_count_max;
    head::check(head, header_count_max).inspect_err(|refused| {
        // The answer tells which methods the route takes, if there is one.
        if refused.refusal == Refusal::MethodNotAllowed
            && let Ok(index) = head::find_route(&call.snapshot.routes, &head.uri)
        {
            call.set_route(index);
        }
    })
}

fn find_route<'a>(
    call: &'a RequestContext,
    head: &request::Parts,
) -> Result<&'a RouteConfig, Refused> {
    let index = head::find_route(&call.snapshot.routes, &head.uri)?;
    call.set_route(index);
    let route = call.snapshot.route(index);
    if route.allows(&head.method) { Ok(route) } else { Err(Refusal::MethodNotAllowed.into()) }
}

/// Proves the code, then asks whether it may do here what the request wants. The one place that
/// admits a code.
async fn judge(
    call: &RequestContext,
    rule: &RuleConfig,
    headers: &HeaderMap,
) -> Result<Judged, Refused> {
    let (identity, statement, otherwise) = match verify(call, rule, headers).await? {
        Proof::InTime(code) => match admit::admit(code, rule, &call.snapshot.config.backends) {
            Ok(admitted) => return Ok(Judged::Admitted(admitted)),
            Err(Denied { refusal, code }) => (code.identity(), code.statement(), refusal),
        },
        Proof::Late(code) => (code.identity(), code.statement(), late(call, &code)),
    };
    Ok(Judged::Barred(Barred { identity, statement, otherwise: otherwise.into() }))
}

/// Reads the code and proves it: genuine, of a kind that serves here, and in its time, or late
/// where the route redeems codes.
async fn verify(
    call: &RequestContext,
    rule: &RuleConfig,
    headers: &HeaderMap,
) -> Result<Proof, Refused> {
    let code = UnverifiedCode::parse(locate(headers)?).map_err(Refusal::from)?;
    let recognise_late = rule.code == CodeUse::Redeem;
    let rules = Rules { kinds: rule.kinds, time: call.snapshot.config.codes, recognise_late };
    let worker = &call.worker;
    let is_alone = worker.requests_in_flight() <= 1;
    let verdict =
        worker.batch.verify(&call.snapshot, code, rules, is_alone, worker.verify_context());
    let Verdict { outcome, at, hash } = verdict.await;
    let proof = Proof::of(outcome).map_err(|rejected| Refused::rejected(&rejected))?;
    call.code_verified(proof.code(), at);
    call.enter_code(proof.code(), hash)?;
    Ok(proof)
}

/// Why a late code is refused. As long as the table remembers that it was used, a cashier must hear
/// that. Asked only of genuine codes: else a stranger could find out which codes were used.
fn late(call: &RequestContext, code: &LateCode) -> Refusal {
    if call.worker.replay().remembers(&code.identity()) {
        call.set_redemption(code.identity());
        Refusal::CodeUsed
    } else {
        Refusal::CodeExpired
    }
}
