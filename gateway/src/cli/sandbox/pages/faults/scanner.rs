//! What a scanner reads that is held before a phone: mostly what the phone shows.

use std::fs;

use http::StatusCode;
use keyring::code::{IssuedAt, Subject};
use keyring::mint::Spoil;

use super::switches::Scanner;
use super::words::Word;
use crate::cli::codes::order::Order;
use crate::cli::sandbox::pages::{
    messages::{Asked, Problem},
    site::Site,
};

/// A payment code of WeChat Pay, of today's national platform, and an identity number: invented.
pub(super) const WECHAT_PAY: &str = "134567890123456789";
pub(super) const OPAQUE: &str = "4240000000000000000000000007";
const IDENTITY: &str = "11010519491231002X";
/// The subject of forged codes.
const SUBJECT: u64 = 4_299;

/// What the scanner of a till reads in front of a phone.
///
/// # Errors
/// The phone shows no code, or there is no photograph.
pub(in crate::cli::sandbox::pages) fn read(
    site: &Site,
    asked: &Asked,
    phone: u8,
) -> Result<String, Problem> {
    let nothing = |word: Word| Problem::conflict(word.in_language(asked.language));
    let scanner = site.switches.borrow().scanner;
    match scanner {
        Scanner::AsShown => {
            let shown = site.shown.borrow().get(&phone).map(|shown| shown.digits.clone());
            shown.ok_or_else(|| nothing(Word::NothingShown))
        }
        Scanner::Screenshot => {
            site.switches.borrow().photograph.clone().ok_or_else(|| nothing(Word::NoPhotograph))
        }
        Scanner::Signature => Ok(spoiled(site, Spoil::Signature)),
        Scanner::Seal => Ok(spoiled(site, Spoil::Seal)),
        Scanner::Key => Ok(spoiled(site, Spoil::Key)),
        Scanner::Revoked => revoked(site),
        Scanner::WechatPay => Ok(WECHAT_PAY.to_owned()),
        Scanner::Opaque => Ok(OPAQUE.to_owned()),
        Scanner::Identity => Ok(IDENTITY.to_owned()),
    }
}

/// A code with something wrong in it.
pub(super) fn spoiled(site: &Site, spoil: Spoil) -> String {
    let subject = Subject::new(SUBJECT).expect("not 0");
    let issued_at = IssuedAt::from_time(site.clock.now()).unwrap_or(IssuedAt::new(0));
    let order = Order { spoil: Some(spoil), ..Order::of(subject, issued_at) };
    text(&site.front().issuer.issue(&order).digits())
}

/// The code that was kept of the revoked key.
pub(super) fn revoked(site: &Site) -> Result<String, Problem> {
    let path = &site.front().files.revoked_code;
    let read = fs::read_to_string(path);
    read.map(|digits| digits.trim().to_owned()).map_err(|error| {
        let why = format!("{}: {error}", path.display());
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    })
}

pub(super) fn text(digits: &[u8]) -> String {
    String::from_utf8_lossy(digits).into_owned()
}
