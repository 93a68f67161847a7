//! `yanma mint`: makes codes as an issuer's app would, to try and to test the gateway.

mod pass;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyring::code::{Auth, IssuedAt, KeyId, Kind, RELATION_MAX, Region, Subject};
use keyring::mint::{Spec, Spoil};
use keyring::pass::Institution;
use keyring::time::UnixMillis;

use super::issuer::Issuer;
use super::order::{Issued, Order};
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
    let Arguments { keyring, key_id, signing_key, count, .. } = arguments;
    let issuer = Issuer::load(keyring, *key_id, signing_key)?;
    let order = arguments.order(now)?;
    let mut codes = (0..*count).map(|_| issuer.issue(&order));
    if arguments.format == Format::Pass {
        let institution = arguments.institution.unwrap_or(Institution::NONE);
        return pass::write(issuer.keys(), codes, &institution, out);
    }
    codes.try_for_each(|code| write_code(&code, arguments.format, out))
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

impl Arguments {
    fn order(&self, now: UnixMillis) -> Result<Order, Failure> {
        let moment = self.issued_at.unwrap_or(now);
        let issued_at = IssuedAt::from_time(moment).ok_or_else(|| {
            Failure::Usage(format!("--issued-at {moment}: allowed: from 1970 to 2106-02-07"))
        })?;
        let spec = Spec {
            kind: self.kind,
            issued_at,
            region: self.region,
            auth: self.auth,
            subject: self.subject,
            epoch: self.epoch,
            relation: self.relation,
        };
        Ok(Order { spec, spoil: self.spoil.map(Spoil::from) })
    }
}

fn write_code(code: &Issued, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    match format {
        // Passes are written in `pass`: here a code stands for itself.
        Format::Digits | Format::Pass => {
            out.write_all(&code.digits())?;
            out.write_all(b"\n")?;
        }
        Format::Qr => out.write_all(code.symbol().to_terminal().as_bytes())?,
        Format::Png => out.write_all(&code.symbol().to_png())?,
        Format::Json => writeln!(out, "{}", code.to_json())?,
    }
    Ok(())
}

#[cfg(test)]
pub(in crate::cli) mod tests;
