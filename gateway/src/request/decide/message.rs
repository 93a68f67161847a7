//! What a request is that says so in its body: its rule, its code or pass, its institution. The
//! body is whole; it is read once and not changed.

use body::{At, CertType, Found, Malformed, check_query, check_type, walk};
use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
    request,
};
use keyring::pass::{Institution, PASS_LETTERS, UnverifiedPass};
use record::MessageNames;

use super::{Decision, opaque, plain, read_key, settle};
use crate::{
    code::locate::{Presented, locate},
    config::{CodeUse, MessageConfig, PassUse, Places, RuleConfig},
    http::names::{YANMA_CODE, YANMA_PASS},
    limits::MSGID_BYTES_MAX,
    refusal::{Refusal, Refused},
    request::context::RequestContext,
    request::head::Terms,
    transport::body::Whole,
};

/// The contract's order of checks, from the body on.
///
/// # Errors
/// `request_malformed` for a body that two readers could read in two ways, `route_not_found` for an
/// infno that the route does not list, and what [`settle`] refuses.
pub(in crate::request) async fn decide(
    call: &RequestContext,
    head: &request::Parts,
    terms: Terms,
    whole: &Whole,
) -> Result<Decision, Refused> {
    let malformed = |malformed| call.malformed_body(&malformed);
    let route = call.route().expect("a message has a route");
    let message = route.message.as_ref().expect("its route reads bodies");
    let lines = |name| lines(&head.headers, name);
    let declared = check_type(lines(&CONTENT_TYPE), lines(&CONTENT_ENCODING)).map_err(malformed)?;
    let text = message.charset.decode(declared, whole.as_bytes()).map_err(malformed)?;
    let found = walk(&text, &message.pointers).map_err(malformed)?;
    let (rule, places) = rule(call, message, head, &found)?;
    let institution = names(call, message, places, &found)?;
    call.keep_order()?;
    let key = read_key(rule, head)?;
    let carries = |cert: &CertType| cert.carries_code(&found).map_err(malformed);
    let carries_code = places.cert_type.as_ref().map_or(Ok(true), carries)?;
    if !rule.needs_credential() || !carries_code {
        return plain(call, rule, terms);
    }
    let presented = match places.code {
        None => locate((rule.code, rule.pass), &head.headers)?,
        Some(at) => {
            refuse_headers(&head.headers)?;
            let text = found.text(at).map_err(malformed)?.ok_or(Refusal::CodeMissing)?;
            presented(rule, text)
        }
    };
    settle(call, rule, terms, presented, key, &institution).await
}

/// All lines of a header.
fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).into_iter().map(|line| line.as_bytes())
}

/// The rule of the message, and where its parts stand.
fn rule<'a>(
    call: &'a RequestContext,
    message: &'a MessageConfig,
    head: &request::Parts,
    found: &Found<'_, '_>,
) -> Result<(&'a RuleConfig, &'a Places), Refused> {
    let Some(infno) = &message.infno else {
        return Ok((call.rule().expect("a route without infnos has one rule"), &message.places));
    };
    let malformed = |malformed| call.malformed_body(&malformed);
    check_query(head.uri.query().unwrap_or_default(), &infno.name).map_err(malformed)?;
    let number = found.infno(infno.at).map_err(malformed)?;
    let index = *infno.table.get(&number).ok_or(Refusal::RouteNotFound)?.value;
    call.set_infno_rule(index);
    let rule = infno.rules.get(index).expect("the table's indexes are those of its rules");
    Ok((&rule.rule, &rule.places))
}

/// Keeps what the message calls itself, for what is answered and recorded. Returns the institution
/// that a pass is bound to.
fn names(
    call: &RequestContext,
    message: &MessageConfig,
    places: &Places,
    found: &Found<'_, '_>,
) -> Result<Institution, Refused> {
    let mut names = MessageNames::default();
    let read = read_names(&mut names, message, places, found);
    let institution = names.institution.as_deref().map(|name| Institution::parse(name.as_bytes()));
    // What was read before a fault is told with the refusal.
    call.set_message(names);
    read.map_err(|malformed| call.malformed_body(&malformed))?;
    let institution = institution.unwrap_or(Ok(Institution::NONE));
    institution.map_err(|_| Refusal::RequestMalformed.into())
}

fn read_names(
    names: &mut MessageNames,
    message: &MessageConfig,
    places: &Places,
    found: &Found<'_, '_>,
) -> Result<(), Malformed> {
    if let Some(infno) = &message.infno {
        names.infno = Some(found.infno(infno.at)?.as_str().into());
    }
    let id = |at: Option<At>| match at {
        Some(at) => Ok(found.visible_ascii(at, MSGID_BYTES_MAX)?.map(Into::into)),
        None => Ok(None),
    };
    names.msgid = id(places.msgid)?;
    if let Some(at) = places.institution {
        names.institution = found.institution(at)?.map(Into::into);
    }
    names.omsgid = id(places.reverses)?;
    Ok(())
}

/// A code in a header beside one in the body could be another one.
fn refuse_headers(headers: &HeaderMap) -> Result<(), Refused> {
    if headers.contains_key(YANMA_CODE) || headers.contains_key(YANMA_PASS) {
        return Err(Refusal::CodeMalformed.into());
    }
    Ok(())
}

/// Whether the text is to be read as a code or as a pass. Where either would do, its length says.
fn presented<'a>(rule: &RuleConfig, text: &'a str) -> Presented<'a> {
    let text = text.as_bytes();
    let is_pass = match (rule.code, rule.pass) {
        (_, PassUse::None) => false,
        (CodeUse::None, _) => true,
        _ => {
            let is_pass = text.len() == PASS_LETTERS && UnverifiedPass::parse(text).is_ok();
            // A token of another issuer is no code either; digits alone are judged as a code.
            is_pass || !text.iter().all(u8::is_ascii_digit) && opaque::is_foreign(rule, text)
        }
    };
    if is_pass { Presented::Pass(text) } else { Presented::Code(text) }
}
