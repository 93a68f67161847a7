//! The one place where a request goes on against what was found: its route only observes.

use http::request;

use super::decision::{Accepted, OnlyObserves, Purpose};
use crate::{
    code::admit,
    refusal::Refused,
    request::{context::RequestContext, head},
};

/// The request that is to be refused, or where it goes if its route only observes. What is said of
/// HTTP, of a limit or of the backend is refused on each route.
///
/// Nothing is told of its person: what was found may be that they are another. So it goes to the
/// rule's own backend, not to that of a place of insurance.
///
/// # Errors
/// The refusal, where it counts; `maintenance`.
pub(in crate::request) fn let_pass(
    call: &RequestContext,
    head: &request::Parts,
    refused: Refused,
) -> Result<Accepted, Refused> {
    let Some(rule) = call.rule() else { return Err(refused) };
    let Some(only_observes) = OnlyObserves::of(rule) else { return Err(refused) };
    if !refused.refusal.is_of_credential() {
        return Err(refused);
    }
    let terms = head::check(head, call.snapshot.config.limits.header_count_max)?;
    let backend = Some(admit::admit_without_code(rule, &call.snapshot.config.backends)?);
    call.observe(&refused);
    Ok(Accepted { purpose: Purpose::Observed(only_observes), terms, backend })
}
