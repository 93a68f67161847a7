//! What is claimed: a code, a pass, or an opaque code. Its kind decides three things; all else is
//! the same for all.
//!
//! | | key behind `yanma:1:` | kept for | a register judges it |
//! |---|---|--:|---|
//! | code | `<key id>-<issued at>-<serial>` | 120 s | if it was issued later than 15 s after the memory began |
//! | pass | the id of the pass, `p...` | 960 s | if it was minted later than 15 s after the memory began |
//! | opaque code | 32 hexadecimal digits of its digest | 960 s | if now is later than 135 s after that |
//!
//! A pass is kept for 900 s of life, 10 s of skew and 50 s for clocks. 135 s are 15 s and the 120 s
//! for which an opaque code may be shown: its age is not known.
//!
//! The key of an opaque code has no window of time in it. So registers need no look at the windows
//! beside it, as the local table does, and refuse it for 960 s.

use std::fmt::{self, Write};

use keyring::{
    code::{CodeIdentity, IssuedAt},
    pass::{PassId, RedemptionId},
    time::UnixMillis,
};

use crate::limits::{CLAIM_LIFE_MS, OPAQUE_SHOWN_MS, PASS_CLAIM_LIFE_MS};

/// What is claimed. It names the key in the registers.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ClaimId(Of);

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Of {
    Code(CodeIdentity),
    Pass { identity: [u8; 16], minted_at: IssuedAt, name: PassName },
    Opaque(Digest),
}

/// The text form of a pass's id, in place.
#[derive(Copy, Clone, Eq, PartialEq)]
struct PassName {
    text: [u8; PASS_NAME_MAX],
    length: usize,
}

/// `p15-4294967295-` and 16 digits have 31.
const PASS_NAME_MAX: usize = 32;

/// The first half of a SHA-256 over an opaque code.
#[derive(Copy, Clone, Eq, PartialEq)]
struct Digest([u8; 16]);

/// When the code may have been issued, by our clock. It may have been spent from the earliest of
/// these moments on.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Issued {
    pub(crate) earliest: UnixMillis,
    pub(crate) latest: UnixMillis,
}

impl ClaimId {
    /// A pass: its 16 bytes of identity, the second in which it was minted, and the text form of
    /// its id. `None` if that is none: it begins with `p`, and has 2 to 32 letters, digits and
    /// hyphens.
    #[must_use]
    pub fn pass(identity: [u8; 16], minted_at: IssuedAt, name: &dyn fmt::Display) -> Option<Self> {
        let mut written = PassName { text: [0; PASS_NAME_MAX], length: 0 };
        write!(written, "{name}").ok()?;
        let is_named = written.as_bytes().strip_prefix(b"p").is_some_and(|rest| !rest.is_empty());
        is_named.then_some(Self(Of::Pass { identity, minted_at, name: written }))
    }

    /// An opaque code: the first half of a SHA-256 over it. Its key has no window of time in it, so
    /// a register that holds it needs no look at other windows.
    #[must_use]
    pub fn opaque(digest: [u8; 16]) -> Self {
        Self(Of::Opaque(Digest(digest)))
    }

    /// Sixteen bytes that are the same on all gateways.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        match self.0 {
            Of::Code(identity) => identity.to_bytes(),
            Of::Pass { identity, .. } => identity,
            Of::Opaque(Digest(digest)) => digest,
        }
    }

    /// How long a register keeps the claim at least: beyond every moment at which the same code
    /// could be claimed anew.
    pub(crate) fn life_ms(self) -> u64 {
        let life_ms = match self.0 {
            Of::Code(_) => CLAIM_LIFE_MS,
            Of::Pass { .. } | Of::Opaque(_) => PASS_CLAIM_LIFE_MS,
        };
        life_ms.unsigned_abs()
    }

    /// When it may have been issued, if it is claimed now. Nothing tells the age of an opaque code:
    /// it is one that is shown now, so not older than codes are shown.
    pub(crate) fn issued(self, now: UnixMillis) -> Issued {
        match self.0 {
            Of::Code(identity) => Issued::at(identity.issued_at),
            Of::Pass { minted_at, .. } => Issued::at(minted_at),
            Of::Opaque(_) => Issued { earliest: now.plus_ms(-OPAQUE_SHOWN_MS), latest: now },
        }
    }

    /// Appends the key behind its prefix: `<key id>-<issued at>-<serial as 16 hexadecimal digits>`,
    /// the id of a pass, or the 32 hexadecimal digits of a digest.
    pub(crate) fn write_name(self, out: &mut Vec<u8>) {
        match self.0 {
            Of::Code(CodeIdentity { key_id, issued_at, serial }) => {
                let (mut buffer, hyphen) = (itoa::Buffer::new(), b"-".as_slice());
                out.extend_from_slice(buffer.format(key_id.get()).as_bytes());
                out.extend_from_slice(hyphen);
                out.extend_from_slice(buffer.format(issued_at.get()).as_bytes());
                out.extend_from_slice(hyphen);
                write_hex(out, &serial.get().to_be_bytes());
            }
            Of::Pass { name, .. } => out.extend_from_slice(name.as_bytes()),
            Of::Opaque(Digest(digest)) => write_hex(out, &digest),
        }
    }
}

impl From<CodeIdentity> for ClaimId {
    fn from(identity: CodeIdentity) -> Self {
        Self(Of::Code(identity))
    }
}

impl From<PassId> for ClaimId {
    fn from(id: PassId) -> Self {
        Self::pass(id.to_bytes(), id.minted_at, &id).expect("an id of a pass is one")
    }
}

impl From<RedemptionId> for ClaimId {
    fn from(id: RedemptionId) -> Self {
        match id {
            RedemptionId::Code(identity) => identity.into(),
            RedemptionId::Pass(id) => id.into(),
            RedemptionId::Opaque(id) => Self::opaque(id.to_bytes()),
        }
    }
}

impl Issued {
    /// Of a code whose second of issue is signed.
    pub(crate) fn at(second: IssuedAt) -> Self {
        Self { earliest: second.millis(), latest: second.millis() }
    }
}

impl PassName {
    fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

impl Write for PassName {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let end = self.length + text.len();
        let room = self.text.get_mut(self.length..end).ok_or(fmt::Error)?;
        if !text.bytes().all(is_allowed) {
            return Err(fmt::Error);
        }
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl fmt::Debug for PassName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// Not shown: a code has few digits that are not known.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("digest")
    }
}

fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use keyring::code::Serial;

    use super::*;

    fn name(id: ClaimId) -> String {
        let mut out = Vec::new();
        id.write_name(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn code(key_id: &str, serial: u64) -> CodeIdentity {
        CodeIdentity {
            key_id: key_id.parse().unwrap(),
            issued_at: IssuedAt::new(1_800_000_000),
            serial: Serial::new(serial),
        }
    }

    #[test]
    fn each_kind_has_a_name_that_no_other_has() {
        for code in [code("1", 0), code("4294967295", u64::MAX)] {
            assert_eq!(name(code.into()), code.to_string());
        }
        let minted_at = IssuedAt::new(1_800_000_012);
        let text = "p1-1800000012-9401acfced36a6bc";
        let pass = ClaimId::pass([3; 16], minted_at, &text).unwrap();
        assert_eq!((name(pass), pass.to_bytes()), (text.to_owned(), [3; 16]));
        let digest = 0xebd4_7473_358a_941e_ed15_fbf4_eba5_c2a0_u128.to_be_bytes();
        let opaque = ClaimId::opaque(digest);
        assert_eq!(name(opaque), "ebd47473358a941eed15fbf4eba5c2a0");
        assert_eq!(opaque.to_bytes(), digest);
        assert!(!format!("{opaque:?}").contains("ebd4"));
    }

    #[test]
    fn what_is_no_id_of_a_pass_names_nothing() {
        let longest = "p15-4294967295-ffffffffffffffff";
        for (text, is_id) in [
            (longest, true),
            ("p1", true),
            ("p", false),
            ("", false),
            ("7001-1800000000-0123456789abcdef", false),
            ("p1-1800000012-9401acfced36a6bc9401", false),
            ("p1 2", false),
            ("p1\r\n", false),
            ("p\u{5e8}", false),
        ] {
            let id = ClaimId::pass([0; 16], IssuedAt::new(0), &text);
            assert_eq!(id.is_some(), is_id, "{text:?}");
        }
    }

    #[test]
    fn a_kind_decides_how_long_it_is_kept_and_how_old_it_may_be() {
        let now = UnixMillis::new(1_800_000_500_000);
        let (code, minted_at) = (code("7001", 1), IssuedAt::new(1_800_000_012));
        let pass = ClaimId::pass([3; 16], minted_at, &"p1-1").unwrap();
        let opaque = ClaimId::opaque([3; 16]);
        assert_eq!(ClaimId::from(code).issued(now), Issued::at(code.issued_at));
        assert_eq!(pass.issued(now), Issued::at(minted_at));
        let earliest = now.plus_ms(-120_000);
        assert_eq!(opaque.issued(now), Issued { earliest, latest: now });
        let lives = [ClaimId::from(code), pass, opaque].map(ClaimId::life_ms);
        assert_eq!(lives, [120_000, 960_000, 960_000]);
    }
}
