//! How a check and a verdict are written, of codes and of passes.

use std::io::Write;

use keyring::code::IssuedAt;
use keyring::time::UnixMillis;
use keyring::verify::{Rejection, VerifiedCode};

use crate::cli::failure::Failure;
use crate::refusal::Refusal;

/// What one check says.
pub(super) enum Check {
    Ok(String),
    /// The reason's word, and why.
    Refused(&'static str, String),
    NotReached(&'static str),
}

/// All that the gateway's answer would say.
pub(super) struct Verdict {
    pub(super) reason: &'static str,
    pub(super) status: u16,
    pub(super) number: &'static str,
    pub(super) title: &'static str,
    pub(super) message_zh: &'static str,
}

impl Check {
    pub(super) fn without_keyring() -> Self {
        Self::NotReached("needs --keyring DIR")
    }

    pub(super) fn of(verdict: &Result<VerifiedCode, Rejection>, why: String) -> Self {
        match verdict {
            Ok(_) => Self::Ok(why),
            Err(rejection) => Self::Refused(Refusal::of_rejection(*rejection).reason(), why),
        }
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason(),
            status: refusal.status().as_u16(),
            number: refusal.error_code(),
            title: refusal.title(),
            message_zh: refusal.message_zh(),
        }
    }
}

pub(super) fn line(out: &mut dyn Write, name: &str, check: &Check) -> Result<(), Failure> {
    match check {
        Check::Ok(why) => writeln!(out, "  {name:<10} ok           {why}")?,
        Check::Refused(reason, why) => {
            writeln!(out, "  {name:<10} REFUSED      {reason}: {why}")?;
        }
        Check::NotReached(why) => writeln!(out, "  {name:<10} not checked  {why}")?,
    }
    Ok(())
}

pub(super) fn write_refusal(verdict: &Verdict, out: &mut dyn Write) -> Result<(), Failure> {
    let Verdict { reason, status, number, title, message_zh } = verdict;
    writeln!(out, "REFUSED: {reason}, status {status}, {number}")?;
    writeln!(out, "  {title}")?;
    writeln!(out, "  {message_zh}")?;
    Ok(())
}

pub(super) fn age(made_at: IssuedAt, at: UnixMillis) -> String {
    let age_s = at.ms_since(made_at.millis()).div_euclid(1_000);
    if age_s < 0 { format!("{} s ahead", age_s.unsigned_abs()) } else { format!("{age_s} s old") }
}
