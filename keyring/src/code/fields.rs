//! The fields of a code, each a type that cannot hold what the format forbids.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroU64},
    str::FromStr,
};

use crate::time::UnixMillis;

/// A word that is none of those allowed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{value:?} is not a {what}; allowed: {allowed}")]
pub struct UnknownWord {
    /// What the word should have been.
    pub what: &'static str,
    /// The word.
    pub value: String,
    /// The words or the range that are allowed.
    pub allowed: &'static str,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, value: &str, allowed: &'static str) -> Self {
        Self { what, value: value.to_owned(), allowed }
    }
}

/// Names an issuer's key, 1..=4294967295. An id is never given to another key.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct KeyId(NonZeroU32);

impl KeyId {
    /// `None` for 0, which names no key.
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl From<NonZeroU32> for KeyId {
    fn from(id: NonZeroU32) -> Self {
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.parse().ok().and_then(Self::new);
        id.ok_or_else(|| UnknownWord::new("key id", text, "1..=4294967295"))
    }
}

/// What a code is for.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Kind {
    /// 静态展示码: for checking a person's information; never pays, never single-use.
    Display,
    /// 动态支付码: lives 60 seconds and is spent by its first use.
    Payment,
}

impl Kind {
    /// `display` or `payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Display => "display",
            Self::Payment => "payment",
        }
    }

    /// The low half of a body's first byte.
    pub(crate) const fn nibble(self) -> u8 {
        match self {
            Self::Display => 1,
            Self::Payment => 2,
        }
    }

    pub(crate) const fn from_nibble(nibble: u8) -> Option<Self> {
        match nibble {
            1 => Some(Self::Display),
            2 => Some(Self::Payment),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "display" => Ok(Self::Display),
            "payment" => Ok(Self::Payment),
            _ => Err(UnknownWord::new("kind", text, "display, payment")),
        }
    }
}

/// A set of kinds: what a route accepts.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Display codes only.
    pub const DISPLAY: Self = Self::NONE.with(Kind::Display);
    /// Payment codes only.
    pub const PAYMENT: Self = Self::NONE.with(Kind::Payment);
    /// Every kind.
    pub const BOTH: Self = Self::DISPLAY.with(Kind::Payment);

    /// The set and `kind`.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind.nibble())
    }

    /// Whether `kind` is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind.nibble() != 0
    }

    /// Whether no kind is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How the holder proved presence when the phone made the code.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Auth {
    /// Not at all.
    None,
    /// By the payment password.
    Password,
    /// By a fingerprint.
    Fingerprint,
    /// By the face.
    Face,
}

impl Auth {
    /// `none`, `password`, `fingerprint` or `face`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Fingerprint => "fingerprint",
            Self::Face => "face",
        }
    }

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Password => 1,
            Self::Fingerprint => 2,
            Self::Face => 3,
        }
    }

    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Password),
            2 => Some(Self::Fingerprint),
            3 => Some(Self::Face),
            _ => None,
        }
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Auth {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "password" => Ok(Self::Password),
            "fingerprint" => Ok(Self::Fingerprint),
            "face" => Ok(Self::Face),
            _ => Err(UnknownWord::new("authentication", text, "none, password, fingerprint, face")),
        }
    }
}

/// 参保地: the six-digit administrative division (GB/T 2260) of the insurance; 0 = none chosen.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct Region(u32);

impl Region {
    /// `None` above 999999.
    pub const fn new(region: u32) -> Option<Self> {
        if region <= 999_999 { Some(Self(region)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether the person has chosen a place of insurance.
    pub const fn is_chosen(self) -> bool {
        self.0 != 0
    }
}

/// Always six digits.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// Exactly six digits.
impl FromStr for Region {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let six_digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        let region = text.parse().ok().filter(|_| six_digits).and_then(Self::new);
        region.ok_or_else(|| {
            UnknownWord::new("region", text, "six digits, such as 370100; 000000 = none chosen")
        })
    }
}

/// What tells a code from the others of its key and second.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct Serial(u64);

impl Serial {
    /// Any number.
    pub const fn new(serial: u64) -> Self {
        Self(serial)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Sixteen lower-case hex digits.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// When a code was made: Unix time in whole seconds.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct IssuedAt(u32);

impl IssuedAt {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The second in which `moment` lies; `None` before 1970 and after 2106-02-07.
    pub fn from_time(moment: UnixMillis) -> Option<Self> {
        u32::try_from(moment.seconds()).ok().map(Self)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The first millisecond of the second.
    pub fn millis(self) -> UnixMillis {
        UnixMillis::from_seconds(i64::from(self.0))
    }
}

impl fmt::Display for IssuedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The voucher number: one per insured person, never 0; always the holder's.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct Subject(NonZeroU64);

impl Subject {
    /// `None` for 0, which names no person.
    pub const fn new(subject: u64) -> Option<Self> {
        match NonZeroU64::new(subject) {
            Some(subject) => Some(Self(subject)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Subject {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let subject = text.parse().ok().and_then(Self::new);
        subject.ok_or_else(|| UnknownWord::new("subject", text, "1..=18446744073709551615"))
    }
}

/// What single use is keyed on: never the text and never the signature, which have twins.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct CodeIdentity {
    /// The issuer's key.
    pub key_id: KeyId,
    /// The second of issue.
    pub issued_at: IssuedAt,
    /// The serial within key and second.
    pub serial: Serial,
}

impl CodeIdentity {
    /// Key id, issued at, serial, big-endian: the bytes 1..17 of the body.
    pub fn to_bytes(self) -> [u8; 16] {
        let number = u128::from(self.key_id.get()) << 96
            | u128::from(self.issued_at.get()) << 64
            | u128::from(self.serial.get());
        number.to_be_bytes()
    }
}

/// `<key id>-<issued at>-<serial as 16 hex>`: the code id and the redemption id.
impl fmt::Display for CodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.key_id, self.issued_at, self.serial)
    }
}
