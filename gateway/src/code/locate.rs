//! Where a request carries its code.

use http::HeaderMap;

use crate::{
    http::names::YANMA_CODE,
    refusal::{Refusal, Refused},
};

/// The text of the code: the one line of its header.
///
/// # Errors
/// `code_missing` without a line or with an empty one, `code_malformed` for more than one.
pub(crate) fn locate(headers: &HeaderMap) -> Result<&[u8], Refused> {
    let mut lines = headers.get_all(YANMA_CODE).into_iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(Refusal::CodeMissing.into()),
        (Some(line), None) if !line.as_bytes().trim_ascii().is_empty() => Ok(line.as_bytes()),
        (Some(_), None) => Err(Refusal::CodeMissing.into()),
        (Some(_), Some(_)) => Err(Refusal::CodeMalformed.into()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn located(lines: &[&'static str]) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(YANMA_CODE, HeaderValue::from_static(line));
        }
        let text = locate(&headers).map_err(|refused| refused.refusal)?;
        Ok(String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn the_code_is_the_one_line_of_its_header() {
        assert_eq!(located(&["123"]), Ok("123".to_owned()));
        assert_eq!(located(&[]), Err(Refusal::CodeMissing));
        assert_eq!(located(&[" "]), Err(Refusal::CodeMissing));
        assert_eq!(located(&["123", "123"]), Err(Refusal::CodeMalformed));
        assert_eq!(located(&["", "123"]), Err(Refusal::CodeMalformed));
    }
}
