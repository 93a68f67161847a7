//! What a client would rather have: `Accept` and `Accept-Language` with their weights.
//!
//! RFC 9110, 12.4.2 and 12.5. What cannot be read is left out, as if the client had not said it.

use http::{
    HeaderMap,
    header::{ACCEPT, HeaderName},
};

/// The highest weight, in thousandths.
const WHOLE: u16 = 1_000;

/// Whether JSON is preferred to plain text. Where a client prefers neither, it is not.
///
/// The weight decides. Then the more exact range decides: `application/json` is more than `*/*`.
/// Then what was named first.
pub(crate) fn prefers_json(headers: &HeaderMap) -> bool {
    let json = preference(headers, "application", "json");
    let text = preference(headers, "text", "plain");
    json.is_some_and(|json| json.weight > 0 && text.is_none_or(|text| json > text))
}

/// How much a media type is wanted. The greater one wins.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
struct Preference {
    weight: u16,
    exactness: u8,
    earliness: std::cmp::Reverse<usize>,
}

/// The weight of a type is that of the most exact range that holds it (RFC 9110, 12.5.1).
fn preference(headers: &HeaderMap, kind: &str, subtype: &str) -> Option<Preference> {
    let ranges = weighted(headers, ACCEPT).enumerate().filter_map(|(at, (range, weight))| {
        let (range_kind, range_subtype) = range.split_once('/')?;
        let is = |range: &str, of: &str| range.eq_ignore_ascii_case(of);
        let exactness = match (range_kind, range_subtype) {
            ("*", "*") => 1,
            (range, "*") if is(range, kind) => 2,
            (range, of) if is(range, kind) && is(of, subtype) => 3,
            _ => return None,
        };
        Some(Preference { weight, exactness, earliness: std::cmp::Reverse(at) })
    });
    ranges.max_by_key(|range| (range.exactness, range.weight, range.earliness))
}

/// The elements of a list without their parameters, each with its weight in thousandths.
pub(crate) fn weighted(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, u16)> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(element)
}

fn element(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let value = parts.next().filter(|value| !value.is_empty())?;
    let mut weight = WHOLE;
    for parameter in parts {
        if let Some((name, written)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            weight = qvalue(written.trim())?;
        }
    }
    Some((value, weight))
}

/// `0`, `1`, or one of them with up to three digits after the point; not above 1.
fn qvalue(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let is_sound = digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match whole {
        "0" => 0,
        "1" => WHOLE,
        _ => return None,
    };
    let thousandths: u16 = format!("{digits:0<3}").parse().ok().filter(|_| is_sound)?;
    Some(whole + thousandths).filter(|weight| *weight <= WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (ACCEPT, line.parse().unwrap())).collect()
    }

    #[test]
    fn json_comes_only_to_a_client_that_prefers_it() {
        let cases: [(&[&str], bool); 16] = [
            (&[], false),
            (&["*/*"], false),
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["application/json;q=0"], false),
            (&["application/json, text/plain"], true),
            (&["text/plain, application/json"], false),
            (&["application/json, text/plain, */*"], true),
            (&["application/json;q=0.5, text/plain"], false),
            (&["text/plain;q=0.8, application/json;q=0.9"], true),
            (&["application/*, */*;q=0.1"], true),
            (&["text/html, */*"], false),
            (&["*/*, application/json;q=0.1"], false),
            (&["text/plain", "application/json;q=0.999"], false),
            (&["image/png"], false),
            (&["application/json;q=nonsense"], false),
        ];
        for (lines, expected) in cases {
            assert_eq!(prefers_json(&asks(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn weights_are_thousandths_of_one() {
        let cases =
            [("1", 1_000), ("1.000", 1_000), ("0", 0), ("0.5", 500), ("0.05", 50), ("0.125", 125)];
        for (text, weight) in cases {
            assert_eq!(qvalue(text), Some(weight), "{text}");
        }
        for text in ["", "2", "1.001", "0.1234", "-1", ".5", "0.x", "+0.1", "0.+1"] {
            assert_eq!(qvalue(text), None, "{text}");
        }
    }
}
