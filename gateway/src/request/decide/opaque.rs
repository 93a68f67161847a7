//! What no key of ours proves: opaque codes, and tokens of other issuers in place of a pass. Both only
//! where the rule says `opaque = "reserve"`.

use keyring::{
    code::OpaqueCode,
    pass::{RedemptionId, UnverifiedPass},
    verify::Statement,
};

use super::decision::Judged;
use crate::{
    code::admit,
    config::{CodeUse, Opaque, RuleConfig},
    refusal::{Refusal, Refused},
    request::context::{RequestContext, Unverified},
    request::recall::Barred,
};

/// Characters of a foreign token: as many as a certificate number of the national interface holds.
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 8..=50;

/// The opaque code of a text, where the rule takes any.
pub(super) fn read(rule: &RuleConfig, text: &[u8]) -> Option<OpaqueCode> {
    match rule.opaque {
        Opaque::Refuse => None,
        Opaque::Reserve => OpaqueCode::parse(text),
    }
}

/// Judges an opaque code by what little it says. Nothing of it is verified.
///
/// # Errors
/// `request_in_flight` if too many requests have it; `code_used` where it is only checked.
pub(super) fn judge(
    call: &RequestContext,
    rule: &RuleConfig,
    code: OpaqueCode,
) -> Result<Judged, Refused> {
    call.presents_unverified(Unverified::Code);
    let id = RedemptionId::Opaque(code.id());
    call.note(|trail| trail.set_reservation(code.id()));
    let memory = call.worker.memory(&call.snapshot.config);
    call.enter(id, memory.hash(&id))?;
    if rule.code == CodeUse::Check && memory.remembers(&id) {
        return Err(Refusal::CodeUsed.into());
    }
    let statement = Statement::of_opaque(code.id());
    Ok(match admit::opaque::admit(code, rule, &call.snapshot.config.backends) {
        Ok(admitted) => Judged::Admitted(admitted),
        Err(refusal) => Judged::Barred(Barred { id, statement, otherwise: refusal.into() }),
    })
}

/// Whether a text in place of a pass is a token that cannot be ours, and the rule lets it pass.
pub(super) fn is_foreign(rule: &RuleConfig, text: &[u8]) -> bool {
    let text = text.trim_ascii();
    rule.opaque == Opaque::Reserve
        && TOKEN_LENGTHS.contains(&text.len())
        && text.iter().all(u8::is_ascii_graphic)
        && UnverifiedPass::parse(text).is_err()
}
