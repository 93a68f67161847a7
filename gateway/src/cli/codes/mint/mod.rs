//! `yanma mint`: makes codes as an issuer's app would, to try and to test the gateway.

mod pass;
pub(crate) mod qr;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyring::code::{
    Auth, Claims, CodeIdentity, IssuedAt, KeyId, Kind, RELATION_MAX, Region, Serial, Subject,
    UnverifiedCode,
};
use keyring::key::{IssuerKey, KeyState};
use keyring::mint::{Minter, Spec, Spoil, random_serial};
use keyring::pass::Institution;
use keyring::store;
use keyring::time::UnixMillis;
use serde::Serialize;

use self::qr::Symbol;
use crate::cli::failure::Failure;
use clock::Clock;

const AFTER_HELP: &str = "\
Examples:
  yanma mint --keyring keyring --key-id 7001 --signing-key 7001.key.pem --subject 42
  yanma mint ... --format qr                          show it, to scan from the screen
  yanma mint ... --format png > code.png
  yanma mint ... --issued-at $(($(date +%s) - 120))   an old code, to see it refused
  yanma mint ... --spoil signature                    a forged code, to see it refused
  yanma mint ... --format pass --institution H37010000001   the pass that an exchange gives for it

A payment code lives 60 seconds and pays once. A pass lives up to 15 minutes and pays once.";

/// Make codes as an issuer's app does, to try and to test the gateway
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Keyring directory that knows the key; its seal secret makes the sealed part
    #[arg(long, value_name = "DIR")]
    keyring: PathBuf,
    /// Issuer key to mint with; must be active in the keyring
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
    /// That key's private half: PEM of PKCS#8 or SEC 1, mode 0600
    #[arg(long, value_name = "FILE")]
    signing_key: PathBuf,
    /// Voucher number of the insured person, 1 or more; only the back office can read it
    #[arg(long, value_name = "N")]
    subject: Subject,
    /// Place of insurance (参保地), six digits; 000000 = none chosen
    #[arg(long, value_name = "DIVISION", default_value = "370100")]
    region: Region,
    /// payment: lives 60 seconds, pays once; display: shows who the person is, never pays
    #[arg(long, value_name = "payment|display", default_value = "payment")]
    kind: Kind,
    /// How the holder proved presence: none, password, fingerprint or face
    #[arg(long, value_name = "HOW", default_value = "password")]
    auth: Auth,
    /// 0 = the holder, 1 to 5 = that member of the holder's family account
    #[arg(long, value_name = "0..5", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(0..=i64::from(RELATION_MAX)))]
    relation: u8,
    /// How often the voucher was activated on a new device
    #[arg(long, value_name = "N", default_value_t = 1)]
    epoch: u16,
    /// Moment of issue: Unix seconds, or RFC 3339 as 2026-01-01T08:00:00+08:00 [default: now]
    #[arg(long, value_name = "TIME")]
    issued_at: Option<UnixMillis>,
    /// How many codes to make, each with its own random serial number
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Make one thing wrong, to see the code refused
    #[arg(long, value_name = "WHAT")]
    spoil: Option<SpoilArgument>,
    /// How to write the codes
    #[arg(long, value_name = "HOW", default_value = "digits")]
    format: Format,
    /// With --format pass: the institution that the pass is bound to, as the gateway has it from
    /// certificate or body [default: none]
    #[arg(long, value_name = "NAME")]
    institution: Option<Institution>,
}

#[derive(Copy, Clone, ValueEnum)]
enum SpoilArgument {
    /// Sign something else: signature_invalid
    Signature,
    /// Seal with a broken tag, signed all the same: seal_invalid
    Seal,
    /// Name a key id that no keyring knows: key_unknown
    Key,
}

impl From<SpoilArgument> for Spoil {
    fn from(spoil: SpoilArgument) -> Self {
        match spoil {
            SpoilArgument::Signature => Self::Signature,
            SpoilArgument::Seal => Self::Seal,
            SpoilArgument::Key => Self::Key,
        }
    }
}

#[derive(Copy, Clone, Eq, PartialEq, ValueEnum)]
enum Format {
    /// 255 digits a line, as a scanner types them
    Digits,
    /// A QR symbol in the terminal
    Qr,
    /// A PNG file with the QR symbol, to standard output
    Png,
    /// One JSON object a line: the digits and what they say
    Json,
    /// 40 letters a line: the pass of a code that was spent when it was issued; needs an active
    /// pass key in the keyring
    Pass,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_png(arguments)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    mint(arguments, Clock::system().now(), &mut out)?;
    out.flush()?;
    Ok(())
}

fn mint(arguments: &Arguments, now: UnixMillis, out: &mut dyn Write) -> Result<(), Failure> {
    check_pass(arguments)?;
    let keys = store::load(&arguments.keyring, None)?;
    let key = keys.get(arguments.key_id).ok_or_else(|| unknown(arguments))?;
    check_state(key, arguments)?;
    let signing_key = store::read_signing_key(&arguments.signing_key)?;
    let minter = Minter::for_key(key, signing_key)
        .map_err(|error| Failure::Unfit(format!("{}: {error}", arguments.signing_key.display())))?;
    let spec = arguments.spec(now)?;
    if arguments.format == Format::Pass {
        let codes = (0..arguments.count).map(|_| minter.mint(&spec, random_serial()));
        let institution = arguments.institution.unwrap_or(Institution::NONE);
        return pass::write(&keys, codes, &institution, out);
    }
    for _ in 0..arguments.count {
        let code = make(&minter, &spec, random_serial(), arguments.spoil);
        write_code(&code, &spec, arguments.format, out)?;
    }
    Ok(())
}

fn check_png(Arguments { format, count, .. }: &Arguments) -> Result<(), Failure> {
    if *format != Format::Png {
        Ok(())
    } else if *count > 1 {
        Err(Failure::Usage(format!("--count {count}: a PNG holds one code; allowed: 1")))
    } else if std::io::stdout().is_terminal() {
        let message = "--format png would fill this terminal with binary data; \
                       send it to a file (> code.png), or use --format qr";
        Err(Failure::Usage(message.to_owned()))
    } else {
        Ok(())
    }
}

/// Refuses what passes do not have, and what only they have.
fn check_pass(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { format, institution, kind, spoil, count, .. } = arguments;
    let wrong = if *format != Format::Pass {
        institution.map(|_| "--institution: codes are bound to none; allowed with --format pass")
    } else if *kind == Kind::Display {
        Some("--kind display: only payment codes are exchanged for a pass")
    } else if spoil.is_some() {
        Some("--spoil: a spoiled code gets no pass; change a letter of the pass instead")
    } else if *count > pass::COUNT_MAX {
        Some("--count: at most 128 passes of one person and second differ; allowed: 1 to 128")
    } else {
        None
    };
    wrong.map_or(Ok(()), |message| Err(Failure::Usage(message.to_owned())))
}

fn unknown(Arguments { keyring, key_id, .. }: &Arguments) -> Failure {
    let manifest = keyring.join(store::MANIFEST);
    Failure::Unfit(format!("{}: there is no key {key_id}", manifest.display()))
}

/// Refuses a key whose state forbids new codes.
fn check_state(key: &IssuerKey, Arguments { keyring, .. }: &Arguments) -> Result<(), Failure> {
    let why = match key.state() {
        KeyState::Active => return Ok(()),
        KeyState::Announced => "gateways do not accept its codes yet (yanma keys activate)",
        KeyState::Retiring => "no new codes are made with it; mint with its successor",
        KeyState::Revoked => "gateways refuse its codes for ever",
    };
    let manifest = keyring.join(store::MANIFEST);
    Err(Failure::Unfit(format!(
        "{}: key {} is {}; allowed: active; {why}",
        manifest.display(),
        key.id(),
        key.state()
    )))
}

impl Arguments {
    fn spec(&self, now: UnixMillis) -> Result<Spec, Failure> {
        let moment = self.issued_at.unwrap_or(now);
        let issued_at = IssuedAt::from_time(moment).ok_or_else(|| {
            Failure::Usage(format!("--issued-at {moment}: allowed: from 1970 to 2106-02-07"))
        })?;
        Ok(Spec {
            kind: self.kind,
            issued_at,
            region: self.region,
            auth: self.auth,
            subject: self.subject,
            epoch: self.epoch,
            relation: self.relation,
        })
    }
}

fn make(
    minter: &Minter,
    spec: &Spec,
    serial: Serial,
    spoil: Option<SpoilArgument>,
) -> UnverifiedCode {
    match spoil {
        None => minter.mint(spec, serial),
        Some(spoil) => minter.mint_spoiled(spec, serial, spoil.into()),
    }
}

fn write_code(
    code: &UnverifiedCode,
    spec: &Spec,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let digits = code.to_digits();
    match format {
        // Passes are written in `pass`: here a code stands for itself.
        Format::Digits | Format::Pass => {
            out.write_all(&digits)?;
            out.write_all(b"\n")?;
        }
        Format::Qr => out.write_all(Symbol::new(&digits).to_terminal().as_bytes())?,
        Format::Png => out.write_all(&Symbol::new(&digits).to_png())?,
        Format::Json => {
            let line = serde_json::to_string(&Line::new(code, spec, &digits))
                .expect("a flat object of texts and numbers");
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// A code and all its contents, the sealed part too: the issuer who makes it knows them.
#[derive(Serialize)]
struct Line<'a> {
    code: &'a str,
    kind: &'static str,
    key_id: u32,
    issued_at: u32,
    serial: String,
    region: String,
    auth: &'static str,
    /// A string, because numbers above 2^53 lose digits in JavaScript and jq.
    subject: String,
    epoch: u16,
    relation: u8,
    /// The redemption's name in the gateway. A code of key id 0 has none.
    code_id: Option<String>,
}

impl<'a> Line<'a> {
    fn new(code: &UnverifiedCode, spec: &Spec, digits: &'a [u8]) -> Self {
        let claims = code.claims();
        Self {
            code: str::from_utf8(digits).expect("ASCII digits"),
            kind: claims.kind.as_str(),
            key_id: claims.key_id.map_or(0, KeyId::get),
            issued_at: claims.issued_at.get(),
            serial: claims.serial.to_string(),
            region: claims.region.to_string(),
            auth: claims.auth.as_str(),
            subject: spec.subject.get().to_string(),
            epoch: spec.epoch,
            relation: spec.relation,
            code_id: code_id(&claims),
        }
    }
}

fn code_id(claims: &Claims) -> Option<String> {
    let Claims { key_id, issued_at, serial, .. } = *claims;
    key_id.map(|key_id| CodeIdentity { key_id, issued_at, serial }.to_string())
}

#[cfg(test)]
pub(in crate::cli) mod tests;
