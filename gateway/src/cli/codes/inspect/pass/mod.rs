//! What a pass says, what each check says, and why it would be refused.

use std::io::Write;

use keyring::code::IssuedAt;
use keyring::key_set::KeySet;
use keyring::pass::{
    AGE_MS_MAX, Institution, LIFE_S_MAX, Pass, PassKeyState, PassRejection, UnverifiedPass,
};
use keyring::time::UnixMillis;

use super::check::{Check, Verdict, age, line, write_refusal};
use crate::cli::failure::Failure;
use crate::refusal::Refusal;

/// A pass, and what it is judged by.
pub(super) struct Inspected<'a> {
    pub(super) pass: UnverifiedPass,
    pub(super) keys: Option<&'a KeySet>,
    pub(super) institution: &'a Institution,
    pub(super) at: UnixMillis,
}

/// Why the gateway would refuse a pass.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum PassRefusal {
    Invalid,
    Expired,
    KeyRevoked,
}

impl PassRefusal {
    fn verdict(self) -> Verdict {
        match self {
            Self::Invalid => Refusal::PassInvalid,
            Self::Expired => Refusal::PassExpired,
            Self::KeyRevoked => Refusal::KeyRevoked,
        }
        .into()
    }

    fn check(self, why: String) -> Check {
        Check::Refused(self.verdict().reason, why)
    }
}

impl Inspected<'_> {
    /// Writes every field and every check. Returns why the gateway would refuse the pass, if it
    /// would.
    pub(super) fn report(
        &self,
        show_subject: bool,
        out: &mut dyn Write,
    ) -> Result<Option<PassRefusal>, Failure> {
        let opened = self.keys.map(|keys| keys.open_pass(&self.pass, self.institution, self.at));
        self.write_claims(out)?;
        line(out, "form", &self.form_check())?;
        line(out, "pass key", &self.key_check())?;
        line(out, "tag", &self.tag_check(opened.as_ref()))?;
        line(out, "issuer key", &issuer_check(opened.as_ref()))?;
        line(out, "time", &self.time_check())?;
        let refusal = self.refusal(opened.as_ref());
        if let Some(Ok(pass)) = &opened {
            write_fields(pass, show_subject, out)?;
        }
        self.write_verdict(refusal, out)?;
        Ok(refusal)
    }

    fn write_claims(&self, out: &mut dyn Write) -> Result<(), Failure> {
        writeln!(out, "The pass says (a forger can write what he likes):")?;
        if let Some(id) = self.pass.key_id() {
            let state = self.key_state().map(|state| format!(", {state}")).unwrap_or_default();
            writeln!(out, "  pass key   {id}{state}")?;
        }
        if let Some(minted_at) = self.minted_at() {
            let old = age(minted_at, self.at);
            writeln!(out, "  minted at  {minted_at} = {}, {old}", minted_at.millis())?;
            writeln!(out, "             (the latest second that its 16 bits can mean)")?;
            writeln!(out, "  ends at    {}", end_of_life(minted_at))?;
        }
        writeln!(out, "Checked as of {}:", self.at)?;
        Ok(())
    }

    fn minted_at(&self) -> Option<IssuedAt> {
        self.pass.minted_at(self.at)
    }

    fn key_state(&self) -> Option<PassKeyState> {
        let named = self.pass.key_id()?;
        let mut keys = self.keys?.pass_keys();
        keys.find(|(id, _)| *id == named).map(|(_, state)| state)
    }

    fn form_check(&self) -> Check {
        match self.pass.key_id() {
            Some(_) => Check::Ok("40 letters, format 1".to_owned()),
            None => PassRefusal::Invalid.check("40 letters of another format than 1".to_owned()),
        }
    }

    fn key_check(&self) -> Check {
        match (self.pass.key_id(), self.keys, self.key_state()) {
            (None, ..) => Check::NotReached("the form is refused"),
            (_, None, _) => Check::without_keyring(),
            (Some(id), _, None) => {
                PassRefusal::Invalid.check(format!("the keyring has no pass key {id}"))
            }
            (Some(id), _, Some(state)) if !state.opens() => {
                PassRefusal::Invalid.check(format!("pass key {id} is {state}"))
            }
            (_, _, Some(state)) => Check::Ok(format!("known and {state}: its passes open")),
        }
    }

    fn tag_check(&self, opened: Option<&Result<Pass, PassRejection>>) -> Check {
        let who = match self.institution.is_none() {
            true => "no institution (--institution NAME gives one)".to_owned(),
            false => format!("institution {}", self.institution),
        };
        match opened {
            None => Check::without_keyring(),
            Some(Ok(_) | Err(PassRejection::KeyRevoked(_))) => {
                Check::Ok(format!("the pass key made it, for {who}"))
            }
            Some(Err(PassRejection::Invalid)) if self.is_tag_asked() => PassRefusal::Invalid.check(
                format!("the pass key did not make it for {who}, or the issuer's key is gone"),
            ),
            Some(Err(PassRejection::Invalid)) => Check::NotReached("another check is refused"),
        }
    }

    /// Whether nothing stands in the way of the tag.
    fn is_tag_asked(&self) -> bool {
        self.key_state().is_some_and(PassKeyState::opens)
            && self.minted_at().is_some_and(|minted_at| !self.is_too_old(minted_at))
    }

    fn is_too_old(&self, minted_at: IssuedAt) -> bool {
        self.at.ms_since(minted_at.millis()) > AGE_MS_MAX
    }

    fn time_check(&self) -> Check {
        let Some(minted_at) = self.minted_at() else {
            return Check::NotReached("it names no second");
        };
        if self.is_too_old(minted_at) {
            PassRefusal::Invalid.check("it is older than 18 hours".to_owned())
        } else if self.at >= end_of_life(minted_at) {
            PassRefusal::Expired.check(format!("its life of {LIFE_S_MAX} s is over"))
        } else {
            Check::Ok(format!("within its life of {LIFE_S_MAX} s"))
        }
    }

    /// The first check that fails, in the gateway's order.
    fn refusal(&self, opened: Option<&Result<Pass, PassRejection>>) -> Option<PassRefusal> {
        match opened {
            Some(Err(PassRejection::Invalid)) => Some(PassRefusal::Invalid),
            Some(Err(PassRejection::KeyRevoked(_))) => Some(PassRefusal::KeyRevoked),
            Some(Ok(pass)) => pass.is_over(self.at, LIFE_S_MAX).then_some(PassRefusal::Expired),
            None => match self.minted_at() {
                None => Some(PassRefusal::Invalid),
                Some(minted_at) if self.is_too_old(minted_at) => Some(PassRefusal::Invalid),
                Some(minted_at) => {
                    (self.at >= end_of_life(minted_at)).then_some(PassRefusal::Expired)
                }
            },
        }
    }

    fn write_verdict(
        &self,
        refusal: Option<PassRefusal>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        match refusal {
            Some(refusal) => write_refusal(&refusal.verdict(), out)?,
            None if self.keys.is_some() => {
                writeln!(
                    out,
                    "Genuine and alive. Only the gateway knows whether it was used, and"
                )?;
                writeln!(out, "its routes may ask for more (authentication, region).")?;
            }
            None => {
                writeln!(out, "Well formed and fresh; whether it is genuine needs --keyring DIR.")?;
            }
        }
        Ok(())
    }
}

fn issuer_check(opened: Option<&Result<Pass, PassRejection>>) -> Check {
    match opened {
        None => Check::without_keyring(),
        Some(Ok(pass)) => Check::Ok(format!("{} is in the keyring", pass.issuer())),
        Some(Err(PassRejection::KeyRevoked(channel))) => {
            PassRefusal::KeyRevoked.check(format!("the key is revoked, channel {channel}"))
        }
        Some(Err(PassRejection::Invalid)) => Check::NotReached("the pass does not open"),
    }
}

fn write_fields(pass: &Pass, show_subject: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let region_text = if pass.region().is_chosen() { "" } else { " (none chosen)" };
    writeln!(out, "The pass holds:")?;
    writeln!(out, "  pass id    {}", pass.id())?;
    writeln!(out, "  issuer key {}, channel {}", pass.issuer(), pass.channel())?;
    writeln!(out, "  region     {}{region_text}", pass.region())?;
    writeln!(out, "  auth       {}", pass.auth())?;
    writeln!(out, "  count      {}", pass.count())?;
    if show_subject {
        writeln!(out, "  person     {}", person(pass))?;
    } else {
        writeln!(out, "  person     (--show-subject shows it)")?;
    }
    Ok(())
}

fn person(pass: &Pass) -> String {
    match pass.relation() {
        0 => format!("subject {}, the holder", pass.subject()),
        member => format!("subject {}, family member {member}", pass.subject()),
    }
}

fn end_of_life(minted_at: IssuedAt) -> UnixMillis {
    minted_at.millis().plus_ms(i64::from(LIFE_S_MAX) * 1_000)
}

#[cfg(test)]
mod tests;
