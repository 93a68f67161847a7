//! `GET /sandbox/code`: a code, for a machine that has no `yanma mint`.
//!
//! Names, limits and defaults are those of `yanma mint`. A name without a value has its default.

mod ask;
mod fields;
mod name;
mod wrong;

use keyring::time::UnixMillis;

use self::ask::{Ask, Format};
pub(super) use self::wrong::Wrong;
use crate::cli::codes::issuer::Issuer;
use crate::web::language::Language;

/// What the address answers.
pub(in crate::cli::sandbox::pages) struct Answer {
    /// The media type.
    pub(in crate::cli::sandbox::pages) kind: &'static str,
    pub(in crate::cli::sandbox::pages) bytes: Vec<u8>,
}

/// Makes the code that a query asks for. The text of digits and of JSON ends with a line feed.
///
/// # Errors
/// What is wrong with the query. No code was made.
pub(in crate::cli::sandbox::pages) fn answer(
    query: &str,
    issuer: &Issuer,
    now: UnixMillis,
    language: Language,
) -> Result<Answer, Wrong> {
    let Ask { order, format } = Ask::parse(query, now)?;
    let code = issuer.issue(&order);
    let (kind, bytes) = match format {
        Format::Digits => ("text/plain; charset=utf-8", line(&code.digits())),
        Format::Json => ("application/json", line(code.to_json().as_bytes())),
        Format::Svg => {
            let svg = code.symbol().to_svg(label(language));
            ("image/svg+xml", svg.into_string().into_bytes())
        }
        Format::Png => ("image/png", code.symbol().to_png()),
    };
    Ok(Answer { kind, bytes })
}

fn line(text: &[u8]) -> Vec<u8> {
    [text, b"\n"].concat()
}

/// What a screen reader says of the symbol.
const fn label(language: Language) -> &'static str {
    match language {
        Language::English => "Medical insurance code",
        Language::Chinese => "医保码",
    }
}

#[cfg(test)]
mod tests;
