//! `traceparent` of W3C Trace Context, levels 1 and 2: which trace a request belongs to.
//!
//! ```text
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! version-trace id-id of the span that called-flags, in lower-case hex
//! ```

use http::{HeaderName, HeaderValue};

/// The name of the field.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const SAMPLED: u8 = 0b01;
/// The trace id is random (level 2).
const RANDOM: u8 = 0b10;

/// What a well-formed value says.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct TraceParent {
    /// Not zero.
    pub trace_id: [u8; 16],
    /// The span that called. Zero is invalid, and it is no reason to lose the trace id.
    pub parent_id: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// Reads a value (3.2.2). `None` for other text, and for the trace id of zeros. Of a later version
    /// the first four parts are read, as the recommendation asks.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let version = text.get(..2)?;
        let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        let ends = text.len() == 55 || (version != b"00" && text.get(55) == Some(&b'-'));
        if !dashes || !ends || version == b"ff" {
            return None;
        }
        let [_version]: [u8; 1] = bytes(version)?;
        let [flags] = bytes(text.get(53..55)?)?;
        let (trace_id, parent_id) = (bytes(text.get(3..35)?)?, bytes(text.get(36..52)?)?);
        (trace_id != [0; 16]).then_some(Self { trace_id, parent_id, flags })
    }

    /// Whether the caller records this trace, and named its own span.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0 && self.parent_id != [0; 8]
    }

    /// The value for those that are called by the span `id`, which is sampled. In version 00: flags that
    /// are not known are not passed on.
    pub fn child(&self, id: [u8; 8]) -> HeaderValue {
        let mut text = *b"00-................................-................-0.";
        let flags = if self.flags & RANDOM == 0 { b'1' } else { b'3' };
        if let Some(trace) = text.get_mut(3..35) {
            write(trace, &self.trace_id);
        }
        if let Some(span) = text.get_mut(36..52) {
            write(span, &id);
        }
        if let Some(last) = text.last_mut() {
            *last = flags;
        }
        HeaderValue::from_bytes(&text).expect("it is visible ASCII")
    }
}

/// Lower-case hex digits as bytes.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut all = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let (high, low) = (value(*high), value(*low));
        *byte = high << 4 | low & 15;
        all |= high | low;
    }
    (all <= 15).then_some(bytes)
}

/// The value of each lower-case hex digit; 255 for other bytes.
static VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut digits: &[u8] = DIGITS;
    let mut value = 0;
    while let [digit, rest @ ..] = digits {
        #[expect(
            clippy::as_conversions,
            clippy::indexing_slicing,
            reason = "no other way in a const"
        )]
        {
            values[*digit as usize] = value;
        }
        value += 1;
        digits = rest;
    }
    values
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn value(digit: u8) -> u8 {
    VALUES.get(usize::from(digit)).copied().unwrap_or(255)
}

/// Writes bytes as hex digits over `text`.
fn write(text: &mut [u8], bytes: &[u8]) {
    let digit = |four: u8| DIGITS.get(usize::from(four)).copied().unwrap_or_default();
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn parse(text: impl AsRef<str>) -> Option<TraceParent> {
        TraceParent::parse(text.as_ref().as_bytes())
    }

    #[test]
    fn a_value_is_read_by_the_recommendation() {
        let good = format!("00-{TRACE}-{PARENT}-01");
        let read = parse(&good).unwrap();
        assert_eq!((read.trace_id[0], read.trace_id[15]), (0x4b, 0x36));
        assert_eq!(read.parent_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(parse(format!("cc-{TRACE}-{PARENT}-01-more")).is_some());
        for bad in [
            String::new(),
            good.to_uppercase(),
            format!("{good}-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0x-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{PARENT}-0x"),
            format!("00-{TRACE}-00f067aa0ba902bx-01"),
            good.replace('-', "_"),
            good[..54].to_owned(),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_sampled_says_so_and_has_a_parent() {
        for (parent, flags, is_sampled) in [
            (PARENT, "01", true),
            (PARENT, "03", true),
            (PARENT, "ff", true),
            (PARENT, "00", false),
            (PARENT, "02", false),
            ("0000000000000000", "01", false),
        ] {
            let read = parse(format!("00-{TRACE}-{parent}-{flags}")).unwrap();
            assert_eq!(read.is_sampled(), is_sampled, "{parent} {flags}");
        }
    }

    #[test]
    fn a_child_has_the_trace_its_own_id_and_the_flags_that_are_known() {
        let id = [0xab, 0, 1, 2, 3, 4, 5, 0xff];
        for (version, flags, child) in [("00", "01", "01"), ("00", "03", "03"), ("42", "fd", "01")]
        {
            let read = parse(format!("{version}-{TRACE}-{PARENT}-{flags}")).unwrap();
            assert_eq!(read.child(id), format!("00-{TRACE}-ab000102030405ff-{child}"));
        }
    }
}
