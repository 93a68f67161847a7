//! What a person or a program gives on standard input.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use keyring::text;

use crate::cli::failure::Failure;
use sys::log;

/// One line from a person, who is asked with `ask`; else all of the input, `bytes_max` at most.
/// UTF-16, which PowerShell writes, is decoded; what is no text at all is handed on as it is.
pub(super) fn read(bytes_max: usize, ask: &str) -> Result<Vec<u8>, Failure> {
    let input = std::io::stdin().lock();
    let by_hand = input.is_terminal();
    if by_hand {
        log::text(&format!("{ask}\n"));
    }
    let mut input = input.take(u64::try_from(bytes_max).unwrap_or(u64::MAX));
    let mut bytes = Vec::new();
    let read =
        if by_hand { input.read_until(b'\n', &mut bytes) } else { input.read_to_end(&mut bytes) };
    read.map_err(|error| Failure::of("cannot read standard input", &error))?;
    Ok(match text::decode(&bytes) {
        Ok(text) => text.into_owned().into_bytes(),
        Err(_) => bytes,
    })
}
