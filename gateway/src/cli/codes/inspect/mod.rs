//! `yanma inspect`: what a code or a pass says, what each check says, and why it would be refused.

mod check;
mod pass;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use keyring::code::{Claims, CodeIdentity, Kind, Kinds, TEXT_BYTES_MAX, UnverifiedCode};
use keyring::key::IssuerKey;
use keyring::key_set::KeySet;
use keyring::pass::{Institution, UnverifiedPass};
use keyring::store;
use keyring::time::UnixMillis;
use keyring::verify::{Rejection, Rules, TimeRules, VerifiedCode};

use self::check::{Check, line};
use crate::cli::failure::Failure;
use crate::cli::input;
use crate::limits;
use crate::refusal::Refusal;
use clock::Clock;

const AFTER_HELP: &str = "\
Examples:
  yanma inspect --keyring keyring 0506655...          the digits as they were scanned
  yanma mint ... | yanma inspect --keyring keyring    the digits from standard input
  yanma inspect --keyring keyring --at 2026-11-23T09:41:21+08:00 ...   as the gateway saw it then
  yanma inspect --keyring keyring --institution H37010000001 2790s5...   a pass, 40 letters

Codes are judged by the gateway's own code, with a skew of 2 s and display codes of 180 days;
passes with a life of 900 s.
Exit status: 0 nothing is wrong, 1 refused.";

/// Say every field of a code or a pass, every check, and why the gateway would refuse it
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Keyring directory to judge by; without it only form and time are checked
    #[arg(long, value_name = "DIR")]
    keyring: Option<PathBuf>,
    /// Judge as of this moment: Unix seconds, or RFC 3339 as 2026-01-01T08:00:00+08:00
    /// [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<UnixMillis>,
    /// Show who the person is, which is sealed in the code or masked in the pass
    #[arg(long)]
    show_subject: bool,
    /// The institution that a pass is bound to, as the gateway has it from certificate or body
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    institution: Institution,
    /// What the scanner typed, or a pass; read from standard input if absent
    #[arg(value_name = "DIGITS")]
    digits: Option<String>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let keys = match &arguments.keyring {
        Some(dir) => Some(store::load(dir, None)?),
        None => None,
    };
    let text = match &arguments.digits {
        Some(digits) if Path::new(digits).is_file() => {
            let message = "DIGITS: this names a file; what a file holds is inspected by: \
                           yanma inspect < FILE";
            return Err(Failure::Usage(message.to_owned()));
        }
        Some(digits) => digits.as_bytes().to_vec(),
        // One byte more than the longest code, which shows that the text was longer.
        None => input::read(TEXT_BYTES_MAX + 1, "Scan or paste the code, then press Enter:")?,
    };
    let at = arguments.at.unwrap_or_else(|| Clock::system().now());
    let mut out = std::io::stdout().lock();
    let is_refused = match UnverifiedPass::parse(text.trim_ascii()) {
        Ok(pass) => {
            let Arguments { institution, show_subject, .. } = arguments;
            let inspected = pass::Inspected { pass, keys: keys.as_ref(), institution, at };
            inspected.report(*show_subject, &mut out)?.is_some()
        }
        Err(_) => report(&text, keys.as_ref(), at, arguments.show_subject, &mut out)?.is_some(),
    };
    if is_refused { Err(Failure::Refused) } else { Ok(()) }
}

/// Writes every check of `text`, and returns why the gateway would refuse it, if it would.
fn report(
    text: &[u8],
    keys: Option<&KeySet>,
    at: UnixMillis,
    show_subject: bool,
    out: &mut dyn Write,
) -> Result<Option<Refusal>, Failure> {
    let refusal = match UnverifiedCode::parse(text) {
        Err(error) => {
            let refusal = Refusal::from(error);
            // The text itself is never shown: it may be a person's identity number.
            line(out, "form", &Check::Refused(refusal.reason(), error.to_string()))?;
            Some(refusal)
        }
        Ok(code) => {
            write_fields(&code, keys, at, out)?;
            line(out, "form", &Check::Ok("255 digits, format 1".to_owned()))?;
            let judgement = Judgement::new(&code, keys, at);
            judgement.write(show_subject, out)?;
            judgement.refusal()
        }
    };
    write_verdict(refusal, keys.is_some(), out)?;
    Ok(refusal)
}

fn write_fields(
    code: &UnverifiedCode,
    keys: Option<&KeySet>,
    at: UnixMillis,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Claims { kind, key_id, issued_at, serial, region, auth } = code.claims();
    let key = key_of(code, keys);
    let key_text = match (key_id, key) {
        (None, _) => "0".to_owned(),
        (Some(id), None) => id.to_string(),
        (Some(id), Some(key)) => format!("{id}, channel {}, {}", key.channel(), key.state()),
    };
    let region_text = if region.is_chosen() { "" } else { " (none chosen)" };
    writeln!(out, "The code says (a forger can write what he likes):")?;
    writeln!(out, "  kind       {kind}")?;
    writeln!(out, "  key id     {key_text}")?;
    writeln!(out, "  issued at  {} = {}, {}", issued_at, issued_at.millis(), age(code, at))?;
    writeln!(out, "  ends at    {}", time_rules().end_of_life(kind, issued_at))?;
    writeln!(out, "  serial     {serial}")?;
    writeln!(out, "  region     {region}{region_text}")?;
    writeln!(out, "  auth       {auth}")?;
    if let Some(key_id) = key_id {
        writeln!(out, "  code id    {}", CodeIdentity { key_id, issued_at, serial })?;
    }
    writeln!(out, "Checked as of {at}:")?;
    Ok(())
}

fn key_of<'a>(code: &UnverifiedCode, keys: Option<&'a KeySet>) -> Option<&'a IssuerKey> {
    keys?.get(code.key_id()?)
}

fn age(code: &UnverifiedCode, at: UnixMillis) -> String {
    check::age(code.claims().issued_at, at)
}

/// The defaults of the configuration. Which kinds are accepted is a setting of a route.
fn time_rules() -> TimeRules {
    TimeRules {
        skew_ms: i64::try_from(limits::SKEW_MS.default).expect("some seconds"),
        display_days: u32::try_from(limits::DISPLAY_DAYS.default).expect("some days"),
    }
}

fn rules() -> Rules {
    Rules { kinds: Kinds::BOTH, time: time_rules(), recognise_late: false }
}

/// The results of the checks after the form.
struct Judgement<'a> {
    kind: Kind,
    key: Option<&'a IssuerKey>,
    /// The verdict of the clock alone.
    time: Option<Refusal>,
    /// Absent without a keyring: these checks need it.
    by_keys: Option<ByKeys>,
}

struct ByKeys {
    /// The gateway's verdict.
    now: Result<VerifiedCode, Rejection>,
    /// The verdict as of the moment of issue. It passes the check of the time, so an old code's
    /// signature and seal are checked too.
    when_fresh: Result<VerifiedCode, Rejection>,
}

impl<'a> Judgement<'a> {
    fn new(code: &UnverifiedCode, keys: Option<&'a KeySet>, at: UnixMillis) -> Self {
        let Claims { kind, issued_at, .. } = code.claims();
        let verify = |keys: &KeySet, at| {
            keys.verify(code, &rules(), at).map_err(|rejected| rejected.rejection)
        };
        let time = rules().time.judge(kind, issued_at, at).err();
        Self {
            kind,
            key: key_of(code, keys),
            time: time.map(|error| Refusal::of_rejection(error.into())),
            by_keys: keys.map(|keys| ByKeys {
                now: verify(keys, at),
                when_fresh: verify(keys, issued_at.millis()),
            }),
        }
    }

    /// Why the gateway would refuse the code: the first check that fails.
    fn refusal(&self) -> Option<Refusal> {
        match &self.by_keys {
            Some(by_keys) => by_keys.now.as_ref().err().map(|why| Refusal::of_rejection(*why)),
            None => self.time,
        }
    }

    fn write(&self, show_subject: bool, out: &mut dyn Write) -> Result<(), Failure> {
        line(out, "kind", &self.kind_check())?;
        line(out, "key", &self.key_check())?;
        line(out, "time", &self.time_check())?;
        line(out, "signature", &self.signature_check())?;
        line(out, "seal", &self.seal_check(show_subject))
    }

    fn kind_check(&self) -> Check {
        Check::Ok(match self.kind {
            Kind::Payment => "pays, where the route's kinds have \"payment\"".to_owned(),
            Kind::Display => "never pays: for routes whose kinds have \"display\"".to_owned(),
        })
    }

    fn key_check(&self) -> Check {
        let Some(by_keys) = &self.by_keys else { return Check::without_keyring() };
        let why = match by_keys.when_fresh {
            Err(Rejection::KeyUnknown) => "the keyring has no such key".to_owned(),
            Err(Rejection::KeyRevoked) => "the key is revoked".to_owned(),
            Err(Rejection::KeyNotActive) => self.why_not_active(),
            _ => return Check::Ok("known, trusted, and the code is within its dates".to_owned()),
        };
        Check::of(&by_keys.when_fresh, why)
    }

    fn why_not_active(&self) -> String {
        match self.key {
            Some(key) => format!(
                "the key is {}, for codes issued from {} to before {}",
                key.state(),
                key.not_before(),
                key.not_after()
            ),
            None => "the key is not in use".to_owned(),
        }
    }

    fn time_check(&self) -> Check {
        match self.time {
            None => Check::Ok("within its time".to_owned()),
            Some(refusal) => Check::Refused(refusal.reason(), refusal.title().to_owned()),
        }
    }

    fn signature_check(&self) -> Check {
        let Some(by_keys) = &self.by_keys else { return Check::without_keyring() };
        match by_keys.when_fresh {
            Ok(_) | Err(Rejection::SealInvalid) => Check::Ok("the key made it".to_owned()),
            Err(Rejection::SignatureInvalid) => {
                Check::of(&by_keys.when_fresh, "the key did not make it".to_owned())
            }
            Err(_) => Check::NotReached("the key is refused"),
        }
    }

    fn seal_check(&self, show_subject: bool) -> Check {
        let Some(by_keys) = &self.by_keys else { return Check::without_keyring() };
        match &by_keys.when_fresh {
            Ok(code) if show_subject => Check::Ok(person(code)),
            Ok(_) => Check::Ok("it opens (--show-subject shows the person)".to_owned()),
            Err(Rejection::SealInvalid) => {
                Check::of(&by_keys.when_fresh, "it does not open".to_owned())
            }
            Err(Rejection::SignatureInvalid) => Check::NotReached("the signature is refused"),
            Err(_) => Check::NotReached("the key is refused"),
        }
    }
}

fn person(code: &VerifiedCode) -> String {
    let relation = match code.relation() {
        0 => "the holder".to_owned(),
        member => format!("family member {member}"),
    };
    format!("it opens: subject {}, {relation}, device epoch {}", code.subject(), code.epoch())
}

fn write_verdict(
    refusal: Option<Refusal>,
    with_keyring: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match refusal {
        Some(refusal) => {
            check::write_refusal(&refusal.into(), out)?;
        }
        None if with_keyring => {
            writeln!(out, "Genuine and fresh. Only the gateway knows whether it was used, and")?;
            writeln!(out, "its routes may ask for more (kind, authentication, region).")?;
        }
        None => writeln!(out, "Well formed and fresh; whether it is genuine needs --keyring DIR.")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
