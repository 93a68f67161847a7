//! What became of it? A holder asks, with the code or pass. No route is asked and nothing is spent.

use http::{
    HeaderValue, Method, Response,
    header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE},
    request,
};
use keyring::{
    code::Kinds,
    pass::{Institution, RedemptionId},
    verify::Rules,
};

use super::verify;
use crate::{
    code::locate::{Presented, locate},
    code::open::open,
    code::status::{Asked, Fate},
    config::{CodeUse, PassUse},
    http::names::{YANMA_OUTCOME, YANMA_REQUEST_ID},
    http::path::CheckedPath,
    refusal::{Refusal, Refused},
    request::{context::RequestContext, idempotent::nodes, reply::Reply},
    transport::body::Whole,
};

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD");
const NO_CERTIFICATE: &str = "by id or msgid the admin listener alone tells; a holder sends \
                              Yanma-Code, or Yanma-Pass and `institution`";

/// What is asked for, if the path is that of `[status]` or below it. For a request that found no
/// route.
pub(in crate::request) fn asked(
    call: &RequestContext,
    head: &request::Parts,
    refused: &Refused,
) -> Option<Result<Asked, Refused>> {
    let status = call.snapshot.config.status.as_ref()?;
    let is_for_no_route = call.route().is_none()
        && matches!(refused.refusal, Refusal::RouteNotFound | Refusal::MethodNotAllowed);
    if !is_for_no_route {
        return None;
    }
    let path = CheckedPath::check(head.uri.path()).ok()?;
    let rest = path.as_str().get(status.path.len()..)?;
    path.is_within(&status.path).then(|| Asked::read(rest, head.uri.query()))?
}

/// Answers a holder.
///
/// # Errors
/// Those of a bad code or pass, `request_in_flight`, `institution_not_allowed`,
/// `replay_store_unavailable`.
pub(in crate::request) async fn answer(
    call: &RequestContext,
    head: &request::Parts,
    asked: Result<Asked, Refused>,
) -> Result<Response<Reply>, Refused> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let refused = Refusal::MethodNotAllowed.into();
        call.refused(&refused);
        let mut response = call.refusal(&refused);
        response.headers_mut().insert(ALLOW, ALLOWED);
        return Ok(response.map(Reply::whole));
    }
    let Asked::OfHolder(institution) = asked? else {
        // Whether it is known is not told either.
        return Err(Refused::from(Refusal::InstitutionNotAllowed).with_detail(NO_CERTIFICATE));
    };
    let id = prove(call, head, &institution).await?;
    let mut fate = call.worker.sources(&call.snapshot.config).of_redemption(&id)?;
    if let Some(registers) = call.worker.registers.as_ref().filter(|_| !fate.is_told()) {
        fate = fate.with(nodes::tell(call, registers, id).await?);
    }
    call.approved();
    Ok(tell(call, &fate))
}

/// The code or pass in the header. It must be genuine, and may be late or spent.
async fn prove(
    call: &RequestContext,
    head: &request::Parts,
    institution: &Institution,
) -> Result<RedemptionId, Refused> {
    let config = &call.snapshot.config;
    match locate((CodeUse::Check, PassUse::Check), &head.headers)? {
        Presented::Code(text) => {
            let rules = Rules { kinds: Kinds::PAYMENT, time: config.codes, recognise_late: true };
            let proof = verify(call, rules, text).await?;
            Ok(RedemptionId::Code(proof.code().identity()))
        }
        Presented::Pass(text) => {
            call.pass_presented();
            let now = call.worker.clock().now();
            let pass = open(&call.snapshot.keys, text, institution, now)?;
            call.pass_opened(&pass, now);
            let id = RedemptionId::Pass(pass.id());
            call.enter(id, call.worker.memory(config).hash(&id))?;
            Ok(id)
        }
    }
}

fn tell(call: &RequestContext, fate: &Fate) -> Response<Reply> {
    let json = fate.to_json();
    let mut response = Response::new(Reply::whole(Whole::default()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(json.len()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(YANMA_OUTCOME, HeaderValue::from_static("approved"));
    let request_id = HeaderValue::from_str(call.id.as_str()).expect("it is visible ASCII");
    headers.insert(YANMA_REQUEST_ID, request_id);
    call.name_pass(headers);
    response.map(|_| Reply::whole(Whole::new(json.into())))
}
