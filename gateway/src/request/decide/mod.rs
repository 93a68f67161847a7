//! Everything that is settled before a request's body is looked at: the contract's order of checks.

mod decision;
pub(super) mod message;
pub(super) mod observed;
mod opaque;
pub(super) mod status;

use http::request;
use keyring::{
    code::UnverifiedCode,
    pass::{Credential, Institution, RedemptionId},
    verify::Rules,
};

use self::decision::Judged;
pub(in crate::request) use self::decision::{Accepted, Decision, OnlyObserves, Purpose};
use super::recall::{Barred, Recall};
use crate::{
    code::admit::{self, Denied},
    code::locate::{Presented, locate},
    code::open::open,
    code::verify::{Proof, Verdict},
    config::{CodeUse, PassUse, RouteConfig, RuleConfig},
    idempotency::IdempotencyKey,
    refusal::{Limit, Refusal, Refused},
    request::context::{RequestContext, Unverified},
    request::head::{self, Terms},
    request::idempotent,
};

/// The checks in the contract's order; the first that fails is the answer.
pub(in crate::request) async fn decide(
    call: &RequestContext,
    head: &request::Parts,
) -> Result<Decision, Refused> {
    if call.is_over_limit() {
        return Err(Refused::for_limit(Refusal::Overloaded, Limit::RequestsInFlight));
    }
    let terms = check_head(call, head)?;
    let route = find_route(call, head)?;
    if route.message.is_some() {
        return Ok(Decision::Read(terms));
    }
    let rule = &route.rule;
    if !rule.needs_credential() {
        return plain(call, rule, terms);
    }
    // A key that is malformed is the client's mistake, whatever the code is.
    let key = read_key(rule, head)?;
    let presented = locate((rule.code, rule.pass), &head.headers)?;
    settle(call, rule, terms, presented, key, &Institution::NONE).await
}

/// The client's name for its transaction, where one may be redeemed.
///
/// # Errors
/// `request_malformed`.
pub(in crate::request) fn read_key(
    rule: &RuleConfig,
    head: &request::Parts,
) -> Result<Option<IdempotencyKey>, Refused> {
    match rule.spends() {
        true => IdempotencyKey::read(&head.headers).map_err(Refused::malformed),
        false => Ok(None),
    }
}

/// A request that presents nothing goes on as it is.
pub(in crate::request) fn plain(
    call: &RequestContext,
    rule: &RuleConfig,
    terms: Terms,
) -> Result<Decision, Refused> {
    let backend = admit::admit_without_code(rule, &call.snapshot.config.backends)?;
    let (purpose, backend) = (Purpose::Plain, Some(backend));
    Ok(Decision::Forward(Accepted { purpose, terms, backend }))
}

/// Judges what the request presents by its rule, and says where the request goes.
pub(in crate::request) async fn settle(
    call: &RequestContext,
    rule: &RuleConfig,
    terms: Terms,
    presented: Presented<'_>,
    key: Option<IdempotencyKey>,
    institution: &Institution,
) -> Result<Decision, Refused> {
    let (judged, is_spent) = match presented {
        Presented::Pass(text) if opaque::is_foreign(rule, text) => {
            call.presents_unverified(Unverified::ForeignToken);
            return plain(call, rule, terms);
        }
        Presented::Code(text) => (judge_code(call, rule, text).await?, rule.code != CodeUse::Check),
        Presented::Pass(text) => {
            (judge_pass(call, rule, text, institution)?, rule.pass == PassUse::Spend)
        }
    };
    // Of an opaque code nothing is known that a pass could say.
    let is_code = matches!(presented, Presented::Code(_)) && !call.is_opaque();
    let gives_pass = is_code && rule.code == CodeUse::Exchange;
    match judged {
        Judged::Admitted(admitted) => {
            let backend = admitted.backend();
            let institution = *institution;
            let purpose = match (is_spent, OnlyObserves::of(rule)) {
                (true, None) => Purpose::Redeem { admitted, key, gives_pass, institution },
                (true, Some(only_observes)) => {
                    Purpose::RedeemObserved { only_observes, admitted, gives_pass, institution }
                }
                (false, _) => Purpose::Check(admitted),
            };
            Ok(Decision::Forward(Accepted { purpose, terms, backend }))
        }
        // What may not be redeemed any more may have been: what is known of it comes before what
        // stands against it now.
        Judged::Barred(barred)
            if is_spent && rule.enforce && idempotent::may_know(call, &barred.id) =>
        {
            Ok(Decision::Recall(Recall { terms, barred, key }))
        }
        Judged::Barred(barred) => Err(barred.otherwise),
    }
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

/// Proves the code, then asks whether it may do here what the request wants.
async fn judge_code(
    call: &RequestContext,
    rule: &RuleConfig,
    text: &[u8],
) -> Result<Judged, Refused> {
    if let Some(code) = opaque::read(rule, text) {
        return opaque::judge(call, rule, code);
    }
    let recognise_late = rule.code != CodeUse::Check;
    let rules = Rules { kinds: rule.kinds, time: call.snapshot.config.codes, recognise_late };
    match verify(call, rules, text).await? {
        Proof::InTime(code) => Ok(judge(call, rule, Credential::Code(code))),
        Proof::Late(code) => {
            let (id, statement) = (RedemptionId::Code(code.identity()), code.statement());
            let otherwise = late(call, id).into();
            Ok(Judged::Barred(Barred { id, statement, otherwise }))
        }
    }
}

/// The same for a pass.
fn judge_pass(
    call: &RequestContext,
    rule: &RuleConfig,
    text: &[u8],
    institution: &Institution,
) -> Result<Judged, Refused> {
    call.pass_presented();
    let (config, now) = (&call.snapshot.config, call.worker.clock().now());
    let pass = open(&call.snapshot.keys, text, institution, now)?;
    call.pass_opened(&pass, now);
    let (id, statement) = (RedemptionId::Pass(pass.id()), pass.statement());
    let memory = call.worker.memory(config);
    call.enter(id, memory.hash(&id))?;
    if pass.is_over(now, config.passes.life_s) {
        let otherwise = match rule.pass {
            PassUse::Spend => late(call, id),
            PassUse::Check | PassUse::None => Refusal::PassExpired,
        };
        return Ok(Judged::Barred(Barred { id, statement, otherwise: otherwise.into() }));
    }
    Ok(judge(call, rule, Credential::Pass(pass)))
}

/// The one place that admits a code or pass.
fn judge(call: &RequestContext, rule: &RuleConfig, credential: Credential) -> Judged {
    let cleared = match call.ask_account(&credential, rule) {
        Ok(cleared) => cleared,
        Err(refusal) => return barred(Denied { refusal, credential }),
    };
    match admit::admit(credential, cleared, rule, &call.snapshot.config.backends) {
        Ok(admitted) => Judged::Admitted(admitted),
        Err(denied) => barred(denied),
    }
}

fn barred(Denied { refusal, credential }: Denied) -> Judged {
    let (id, statement) = (credential.id(), credential.statement());
    Judged::Barred(Barred { id, statement, otherwise: refusal.into() })
}

/// Reads the code and proves it: genuine, of a kind that serves here, and in its time, or late
/// where the rules recognise that.
async fn verify(call: &RequestContext, rules: Rules, text: &[u8]) -> Result<Proof, Refused> {
    let code = UnverifiedCode::parse(text).map_err(Refusal::from)?;
    let worker = &call.worker;
    let is_alone = worker.requests_in_flight() <= 1;
    let verdict =
        worker.batch.verify(&call.snapshot, code, rules, is_alone, worker.verify_context());
    let Verdict { outcome, at, hash } = verdict.await;
    let proof = Proof::of(outcome).map_err(|rejected| call.code_rejected(&rejected))?;
    call.code_verified(proof.code(), at);
    call.enter(RedemptionId::Code(proof.code().identity()), hash)?;
    Ok(proof)
}

/// Why a late code or pass is refused. As long as the table remembers that it was used, a cashier
/// must hear that. Asked only of genuine ones: else a stranger could find out which were used.
fn late(call: &RequestContext, id: RedemptionId) -> Refusal {
    if call.worker.memory(&call.snapshot.config).remembers(&id) {
        call.set_redemption(id);
        Refusal::used(&id)
    } else {
        Refusal::expired(&id)
    }
}
