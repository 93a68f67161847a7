//! What a person shows: a code or a pass. Both say who the person is, and both are spent once.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use super::{id::PassId, opened::Pass};
use crate::{
    code::{Auth, CodeIdentity, IssuedAt, KeyId, OpaqueId, Region, Serial, Subject, UnknownWord},
    key::Channel,
    verify::{Statement, VerifiedCode},
};

/// A genuine code or pass. It cannot be cloned.
#[derive(Debug)]
pub enum Credential {
    /// What the person's phone showed.
    Code(VerifiedCode),
    /// What a gateway gave for a spent code.
    Pass(Pass),
}

/// The name of a redemption: that of the code or of the pass that is spent for it. Of an opaque
/// code it names a reservation: nothing is proven of it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum RedemptionId {
    /// Of a code, redeemed or exchanged for a pass.
    Code(CodeIdentity),
    /// Of a pass.
    Pass(PassId),
    /// Of an opaque code.
    Opaque(OpaqueId),
}

impl Credential {
    /// What single use is keyed on.
    pub fn id(&self) -> RedemptionId {
        match self {
            Self::Code(code) => RedemptionId::Code(code.identity()),
            Self::Pass(pass) => RedemptionId::Pass(pass.id()),
        }
    }

    /// Who showed the code.
    pub fn channel(&self) -> Channel {
        match self {
            Self::Code(code) => code.channel(),
            Self::Pass(pass) => pass.channel(),
        }
    }

    /// The key of the issuer that signed the code.
    pub fn issuer(&self) -> KeyId {
        match self {
            Self::Code(code) => code.key_id(),
            Self::Pass(pass) => pass.issuer(),
        }
    }

    /// 参保地, the place of insurance.
    pub fn region(&self) -> Region {
        match self {
            Self::Code(code) => code.region(),
            Self::Pass(pass) => pass.region(),
        }
    }

    /// How the holder proved presence.
    pub fn auth(&self) -> Auth {
        match self {
            Self::Code(code) => code.auth(),
            Self::Pass(pass) => pass.auth(),
        }
    }

    /// The holder's voucher number. With a relation other than 0 the patient is
    /// (subject, relation), never the subject alone.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Code(code) => code.subject(),
            Self::Pass(pass) => pass.subject(),
        }
    }

    /// 0 = the holder; 1..=5 = that member of the holder's family account.
    pub fn relation(&self) -> u8 {
        match self {
            Self::Code(code) => code.relation(),
            Self::Pass(pass) => pass.relation(),
        }
    }

    /// All that it says beside its identity, for telling whether a request is the same again.
    pub fn statement(&self) -> Statement {
        match self {
            Self::Code(code) => code.statement(),
            Self::Pass(pass) => pass.statement(),
        }
    }
}

/// Its bytes in one piece: a hash by fields takes each field for a message of its own, and every
/// redemption is hashed several times.
impl Hash for RedemptionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&match self {
            Self::Code(identity) => identity.to_bytes(),
            Self::Pass(id) => id.to_bytes(),
            Self::Opaque(id) => id.to_bytes(),
        });
    }
}

/// The text of the code's identity or of the pass's id. A pass's begins with `p`; that of an opaque
/// code has no hyphen.
impl fmt::Display for RedemptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(identity) => identity.fmt(f),
            Self::Pass(id) => id.fmt(f),
            Self::Opaque(id) => id.fmt(f),
        }
    }
}

/// Reads exactly what `Display` writes: one text for each id.
impl FromStr for RedemptionId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "<key id>-<issued at>-<serial, 16 hex digits> of a code, or \
                               p<key id>-<minted at>-<tag, 16 hex digits> of a pass";
        let read = match text.starts_with('p') {
            true => text.parse().ok().map(Self::Pass),
            false => code_identity(text).map(Self::Code),
        };
        read.filter(|id| id.to_string() == text)
            .ok_or_else(|| UnknownWord::new("redemption id", text, ALLOWED))
    }
}

fn code_identity(text: &str) -> Option<CodeIdentity> {
    let (key_id, rest) = text.split_once('-')?;
    let (issued_at, serial) = rest.split_once('-')?;
    Some(CodeIdentity {
        key_id: KeyId::new(key_id.parse().ok()?)?,
        issued_at: IssuedAt::new(issued_at.parse().ok()?),
        serial: Serial::new(u64::from_str_radix(serial, 16).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_in_no_other_way() {
        for text in ["7001-1800000000-0123456789abcdef", "p1-1800000012-9401acfced36a6bc"] {
            assert_eq!(text.parse::<RedemptionId>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "p",
            "7001",
            "7001-1800000000",
            "07001-1800000000-0123456789abcdef",
            "+7001-1800000000-0123456789abcdef",
            "7001-1800000000-0123456789ABCDEF",
            "7001-1800000000-123456789abcdef",
            "7001-1800000000-0123456789abcdef-",
            "7001-99999999999-0123456789abcdef",
            "P1-1800000012-9401acfced36a6bc",
            "p16-1800000012-9401acfced36a6bc",
        ] {
            assert!(text.parse::<RedemptionId>().is_err(), "{text}");
        }
    }
}
