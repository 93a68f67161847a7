//! Where a request carries its code or its pass.

use http::{HeaderMap, HeaderName};

use crate::{
    config::{CodeUse, PassUse},
    http::names::{YANMA_CODE, YANMA_PASS},
    refusal::{Refusal, Refused},
};

/// The text that a client presents. It may be anything.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Presented<'a> {
    Code(&'a [u8]),
    Pass(&'a [u8]),
}

/// The text of the code or pass that these uses ask for: the one line of its header.
///
/// # Errors
/// `code_missing` without a line or with an empty one. `code_malformed` for more than one line, and
/// for a code beside a pass where either would do.
pub(crate) fn locate<'a>(
    (code_use, pass_use): (CodeUse, PassUse),
    headers: &'a HeaderMap,
) -> Result<Presented<'a>, Refused> {
    let code = || only_line(headers, &YANMA_CODE);
    let pass = || only_line(headers, &YANMA_PASS);
    let found = match (code_use, pass_use) {
        (_, PassUse::None) => code()?.map(Presented::Code),
        (CodeUse::None, _) => pass()?.map(Presented::Pass),
        _ => match (code()?, pass()?) {
            (Some(_), Some(_)) => return Err(Refusal::CodeMalformed.into()),
            (code, pass) => code.map(Presented::Code).or(pass.map(Presented::Pass)),
        },
    };
    found.ok_or(Refusal::CodeMissing.into())
}

/// The one line of this name. `None`: there is none, or it is empty.
fn only_line<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, Refused> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (Some(_), Some(_)) => Err(Refusal::CodeMalformed.into()),
        (line, _) => {
            let text = line.map(|line| line.as_bytes());
            Ok(text.filter(|text| !text.trim_ascii().is_empty()))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// What is located by a rule of such uses: `c` and the code's text, or `p` and the pass's.
    fn located(
        uses: (CodeUse, PassUse),
        codes: &[&'static str],
        passes: &[&'static str],
    ) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, lines) in [(YANMA_CODE, codes), (YANMA_PASS, passes)] {
            for line in lines {
                headers.append(&name, HeaderValue::from_static(line));
            }
        }
        match locate(uses, &headers).map_err(|refused| refused.refusal)? {
            Presented::Code(text) => Ok(format!("c{}", str::from_utf8(text).unwrap())),
            Presented::Pass(text) => Ok(format!("p{}", str::from_utf8(text).unwrap())),
        }
    }

    #[test]
    fn the_code_is_the_one_line_of_its_header() {
        let located = |lines| located((CodeUse::Redeem, PassUse::None), lines, &["x"]);
        assert_eq!(located(&["123"]), Ok("c123".to_owned()));
        assert_eq!(located(&[]), Err(Refusal::CodeMissing));
        assert_eq!(located(&[" "]), Err(Refusal::CodeMissing));
        assert_eq!(located(&["123", "123"]), Err(Refusal::CodeMalformed));
        assert_eq!(located(&["", "123"]), Err(Refusal::CodeMalformed));
    }

    #[test]
    fn a_pass_is_read_where_one_is_wanted() {
        let pass_only = |codes, passes| located((CodeUse::None, PassUse::Spend), codes, passes);
        assert_eq!(pass_only(&["1"], &["abc"]), Ok("pabc".to_owned()));
        assert_eq!(pass_only(&["1"], &[""]), Err(Refusal::CodeMissing));
        assert_eq!(pass_only(&[], &["a", "a"]), Err(Refusal::CodeMalformed));
        let either = |codes, passes| located((CodeUse::Redeem, PassUse::Check), codes, passes);
        assert_eq!(either(&["1"], &[]), Ok("c1".to_owned()));
        assert_eq!(either(&["1"], &[" "]), Ok("c1".to_owned()));
        assert_eq!(either(&[], &["abc"]), Ok("pabc".to_owned()));
        assert_eq!(either(&["1"], &["abc"]), Err(Refusal::CodeMalformed));
        assert_eq!(either(&[], &[]), Err(Refusal::CodeMissing));
    }
}
