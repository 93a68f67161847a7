//! The part of RESP2 that registers speak with us: requests as arrays of strings, and their answers
//! read in place. <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use super::{
    claim::{Attempt, ClaimNote},
    claim_id::ClaimId,
    layout::LAYOUT_KEY,
};
use crate::limits::ANSWER_BYTES_MAX;

/// Deletes a claim only where it is this attempt's (condition 8).
pub(crate) const COMPARE_AND_DELETE: &[u8] =
    b"if redis.call('GETRANGE', KEYS[1], 0, 15) == ARGV[1] then \
    return redis.call('DEL', KEYS[1]) end return 0";

/// Leaves of a claim the attempt alone, where its note is this one.
const COMPARE_AND_STRIP: &[u8] = b"if redis.call('GETRANGE', KEYS[1], 16, -1) == ARGV[1] then \
    redis.call('SET', KEYS[1], redis.call('GETRANGE', KEYS[1], 0, 15), 'KEEPTTL') end return 0";

/// An answer, borrowed from the buffer that it was read into.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply<'a> {
    /// `+OK`.
    Status,
    /// `-ERR ...`, without the minus.
    Error(&'a [u8]),
    Number(i64),
    Nil,
    Bytes(&'a [u8]),
    /// An array of two strings: what `TIME` answers.
    Pair(&'a [u8], &'a [u8]),
}

/// The bytes are no answer; the connection is of no more use.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Garbled;

/// The first answer in `bytes` and its length; `None` if it is not whole yet.
///
/// # Errors
/// [`Garbled`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Reply<'_>, usize)>, Garbled> {
    let mut cursor = Cursor { bytes, at: 0 };
    let reply = cursor.reply()?;
    Ok(reply.map(|reply| (reply, cursor.at)))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn reply(&mut self) -> Result<Option<Reply<'a>>, Garbled> {
        let Some(line) = self.line()? else { return Ok(None) };
        let (kind, text) = line.split_first().ok_or(Garbled)?;
        Ok(match kind {
            b'+' => Some(Reply::Status),
            b'-' => Some(Reply::Error(text)),
            b':' => Some(Reply::Number(number(text)?)),
            b'$' => self.string(text)?.map(|string| string.map_or(Reply::Nil, Reply::Bytes)),
            b'*' if text == b"-1" => Some(Reply::Nil),
            b'*' if text == b"2" => {
                let Some(first) = self.element()? else { return Ok(None) };
                let Some(second) = self.element()? else { return Ok(None) };
                Some(Reply::Pair(first, second))
            }
            _ => return Err(Garbled),
        })
    }

    /// A string within an array.
    fn element(&mut self) -> Result<Option<&'a [u8]>, Garbled> {
        let Some(line) = self.line()? else { return Ok(None) };
        let text = line.strip_prefix(b"$").ok_or(Garbled)?;
        self.string(text)?.map(|string| string.ok_or(Garbled)).transpose()
    }

    /// Up to the next CR LF, which is passed over.
    fn line(&mut self) -> Result<Option<&'a [u8]>, Garbled> {
        const LINE_MAX: usize = 64 * 1_024;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return if rest.len() > LINE_MAX { Err(Garbled) } else { Ok(None) };
        };
        self.at += end + 2;
        Ok(rest.get(..end))
    }

    fn string(&mut self, length: &[u8]) -> Result<Option<Option<&'a [u8]>>, Garbled> {
        let length = number(length)?;
        if length == -1 {
            return Ok(Some(None));
        }
        let length = usize::try_from(length).map_err(|_| Garbled)?;
        if length > ANSWER_BYTES_MAX {
            return Err(Garbled);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((string, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        match rest.get(..2) {
            Some(b"\r\n") => {
                self.at += length + 2;
                Ok(Some(Some(string)))
            }
            Some(_) => Err(Garbled),
            None => Ok(None),
        }
    }
}

fn number(text: &[u8]) -> Result<i64, Garbled> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Garbled)
}

/// What `TIME` answers, in milliseconds.
pub(crate) fn time_ms(seconds: &[u8], micros: &[u8]) -> Option<i64> {
    let (seconds, micros) = (number(seconds).ok()?, number(micros).ok()?);
    seconds.checked_mul(1_000)?.checked_add(micros / 1_000)
}

/// `SET yanma:1:<redemption> <attempt><note> NX GET PX 120000`; of a pass `PX 960000`.
///
/// `PX` and not `PXAT`, which answers OK for a time that is past and stores nothing. Redis 7 and
/// Valkey take `NX` and `GET` together.
pub(crate) fn claim(out: &mut Vec<u8>, id: ClaimId, attempt: Attempt, note: &ClaimNote) {
    out.extend_from_slice(b"*7\r\n$3\r\nSET\r\n");
    claim_key(out, id);
    out.push(b'$');
    decimal(out, attempt.0.len() + note.bytes.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&attempt.0);
    out.extend_from_slice(&note.bytes);
    out.extend_from_slice(b"\r\n$2\r\nNX\r\n$3\r\nGET\r\n$2\r\nPX\r\n");
    string(out, itoa::Buffer::new().format(note.claim_life_ms(id)).as_bytes());
}

/// `GET` of a claim.
pub(crate) fn get_claim(out: &mut Vec<u8>, id: ClaimId) {
    out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n");
    claim_key(out, id);
}

/// `GET yanma:layout`, then `TIME`: the end of a batch of claims (condition 1).
pub(crate) fn end_of_batch(out: &mut Vec<u8>) {
    out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n");
    string(out, LAYOUT_KEY);
    out.extend_from_slice(b"*1\r\n$4\r\nTIME\r\n");
}

/// Gives a claim back where it is this attempt's.
pub(crate) fn release(out: &mut Vec<u8>, id: ClaimId, attempt: Attempt) {
    out.extend_from_slice(b"*5\r\n$4\r\nEVAL\r\n");
    string(out, COMPARE_AND_DELETE);
    out.extend_from_slice(b"$1\r\n1\r\n");
    claim_key(out, id);
    string(out, &attempt.0);
}

/// Takes the note off a claim.
pub(crate) fn strip(out: &mut Vec<u8>, id: ClaimId, note: &ClaimNote) {
    out.extend_from_slice(b"*5\r\n$4\r\nEVAL\r\n");
    string(out, COMPARE_AND_STRIP);
    out.extend_from_slice(b"$1\r\n1\r\n");
    claim_key(out, id);
    string(out, &note.bytes);
}

/// Any command.
pub(crate) fn command(out: &mut Vec<u8>, parts: &[&[u8]]) {
    out.push(b'*');
    decimal(out, parts.len());
    out.extend_from_slice(b"\r\n");
    for part in parts {
        string(out, part);
    }
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'$');
    decimal(out, text.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn decimal(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// `yanma:1:<redemption>`, as a string of RESP.
fn claim_key(out: &mut Vec<u8>, id: ClaimId) {
    const PREFIX: &[u8] = b"yanma:1:";
    // The length stands first. It has two digits: a name has 2 to 38 bytes.
    let start = out.len();
    out.extend_from_slice(b"$00\r\n");
    let key = out.len();
    out.extend_from_slice(PREFIX);
    id.write_name(out);
    let length = u8::try_from(out.len() - key).expect("a prefix and a name");
    if let Some([_, tens, units, ..]) = out.get_mut(start..) {
        (*tens, *units) = (b'0' + length / 10, b'0' + length % 10);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use keyring::code::{CodeIdentity, IssuedAt, Serial};
    use proptest::prelude::*;

    use super::*;

    fn identity() -> CodeIdentity {
        CodeIdentity {
            key_id: "7001".parse().unwrap(),
            issued_at: IssuedAt::new(1_800_000_000),
            serial: Serial::new(0x0123_4567_89ab_cdef),
        }
    }

    #[test]
    fn a_claim_is_one_command_with_the_redemption_as_its_key() {
        let mut out = Vec::new();
        claim(&mut out, identity().into(), Attempt([b'a'; 16]), &ClaimNote::default());
        let text = "*7\r\n$3\r\nSET\r\n$40\r\nyanma:1:7001-1800000000-0123456789abcdef\r\n$16\r\n\
                    aaaaaaaaaaaaaaaa\r\n$2\r\nNX\r\n$3\r\nGET\r\n$2\r\nPX\r\n$6\r\n120000\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), text);
        assert!(text.contains(&format!("yanma:1:{}\r\n", identity())));

        let mut out = Vec::new();
        let note = ClaimNote { bytes: b"note".as_slice().into(), life_ms: 600_000 };
        claim(&mut out, identity().into(), Attempt([b'a'; 16]), &note);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("$20\r\naaaaaaaaaaaaaaaanote\r\n") && text.ends_with("$6\r\n600000\r\n")
        );
    }

    #[test]
    fn a_claim_of_a_pass_is_the_same_and_kept_for_longer() {
        let minted_at = IssuedAt::new(1_800_000_012);
        let pass = ClaimId::pass([3; 16], minted_at, &"p1-1800000012-9401acfced36a6bc").unwrap();
        let opaque = ClaimId::opaque([0xeb; 16]);
        for (id, key) in [
            (pass, "$38\r\nyanma:1:p1-1800000012-9401acfced36a6bc"),
            (opaque, "$40\r\nyanma:1:ebebebebebebebebebebebebebebebeb"),
            (ClaimId::pass([3; 16], minted_at, &"p1").unwrap(), "$10\r\nyanma:1:p1"),
        ] {
            let mut out = Vec::new();
            claim(&mut out, id, Attempt([b'a'; 16]), &ClaimNote::default());
            let expected = format!(
                "*7\r\n$3\r\nSET\r\n{key}\r\n$16\r\naaaaaaaaaaaaaaaa\r\n$2\r\nNX\r\n$3\r\nGET\r\n\
                 $2\r\nPX\r\n$6\r\n960000\r\n"
            );
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let whole =
            b"+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n$4\r\na\r\nb\r\n*2\r\n$2\r\n18\r\n$1\r\n5\r\n*-1\r\n";
        let expected = [
            Reply::Status,
            Reply::Error(b"ERR no"),
            Reply::Number(-7),
            Reply::Nil,
            Reply::Bytes(b"a\r\nb"),
            Reply::Pair(b"18", b"5"),
            Reply::Nil,
        ];
        let mut at = 0;
        for reply in expected {
            let (found, length) = parse(&whole[at..]).unwrap().unwrap();
            assert_eq!(found, reply);
            for cut in 0..length {
                assert_eq!(parse(&whole[at..at + cut]), Ok(None), "{reply:?} cut at {cut}");
            }
            at += length;
        }
        assert_eq!(at, whole.len());
        assert_eq!(time_ms(b"1800000000", b"999999"), Some(1_800_000_000_999));
    }

    #[test]
    fn what_is_no_answer_ends_the_connection() {
        for wrong in [
            "\r\n",
            "x\r\n",
            ":x\r\n",
            "$-2\r\n",
            "$99999999999\r\n",
            "$1\r\nab\r\n",
            "*3\r\n",
            "*2\r\n:1\r\n",
        ] {
            assert_eq!(parse(wrong.as_bytes()), Err(Garbled), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some((_, length))) = parse(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
