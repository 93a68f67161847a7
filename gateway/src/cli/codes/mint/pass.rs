//! The pass that an exchange gives for a code.

use std::io::Write;

use keyring::code::Kinds;
use keyring::key_set::KeySet;
use keyring::mint::random_serial;
use keyring::pass::{self, Institution};
use keyring::verify::{Rules, TimeRules};

use crate::cli::codes::order::Issued;
use crate::cli::failure::Failure;

/// Passes of one person and second that differ.
pub(super) const COUNT_MAX: u32 = 128;

/// Writes the pass of each code, a line each, as if it was spent in its second of issue.
pub(super) fn write(
    keys: &KeySet,
    codes: impl Iterator<Item = Issued>,
    institution: &Institution,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    // Another start each time: two runs of one second give two passes.
    let [start, ..] = random_serial().get().to_be_bytes();
    for (code, number) in codes.zip(0..=pass::COUNT_MAX) {
        let time = TimeRules { skew_ms: 0, display_days: 0 };
        let rules = Rules { kinds: Kinds::PAYMENT, time, recognise_late: false };
        let issued_at = code.issued_at();
        let code = keys.verify(code.code(), &rules, issued_at.millis()).map_err(|_| {
            let moment = issued_at.millis();
            Failure::Unfit(format!("--issued-at {moment}: outside the dates of the issuer's key"))
        })?;
        let minted = keys.mint_pass(&code, institution, issued_at, start.wrapping_add(number));
        let minted = minted.map_err(|error| Failure::Unfit(error.to_string()))?;
        writeln!(out, "{}", minted.text.as_str())?;
    }
    Ok(())
}
