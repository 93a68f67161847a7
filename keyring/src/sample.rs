//! The format's test vector, and keys and codes around it, for the tests of this crate.

use crate::{
    code::{Auth, BODY_BYTES, IssuedAt, KeyId, Kind, Kinds, Region, Serial, Subject},
    key::{IssuerKey, KeyState, KeyTerms},
    key_set::KeySet,
    mint::{Minter, Spec},
    seal::{SealKey, SealSecret},
    suite::{PublicKey, SigningKey},
    time::UnixMillis,
    verify::{Rules, TimeRules},
};

/// The vector's text.
pub(crate) const VECTOR: &str = concat!(
    "0506655003963680959109749995956105483586474931456016950088166495408608152073606255883",
    "6172203300068170262452923041254993141079124831254293850695028428432461758752657070198",
    "6306692546853102412671229557435080602713806275784275781651772177112526279853163561317",
);
/// The vector's body.
pub(crate) const VECTOR_BODY: [u8; BODY_BYTES] = [
    0x12, 0x00, 0x00, 0x1b, 0x59, 0x6b, 0x49, 0xd2, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
    0xef, 0x05, 0xa5, 0xb4, 0x01, 0xf6, 0xea, 0xaf, 0x03, 0x37, 0x4e, 0xe6, 0x1c, 0xf6, 0x44, 0x8b,
    0x7b, 0xd5, 0x0b, 0xdb, 0x47, 0xdc, 0xab, 0xd2, 0x10,
];
/// The vector's serial.
pub(crate) const SERIAL: Serial = Serial::new(0x0123_4567_89ab_cdef);
/// The vector's key id.
pub(crate) const KEY_ID: KeyId = KeyId::new(7001).expect("not 0");
/// The vector's second of issue.
pub(crate) const ISSUED_S: i64 = 1_800_000_000;

/// Bytes written as hex.
pub(crate) fn hex<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// `ms` after the vector's second of issue began.
pub(crate) fn at(ms: i64) -> UnixMillis {
    UnixMillis::from_seconds(ISSUED_S).plus_ms(ms)
}

pub(crate) fn seal_secret() -> SealSecret {
    SealSecret::new(std::array::from_fn(|i| u8::try_from(i).unwrap()))
}

pub(crate) fn seal_key() -> SealKey {
    seal_secret().derive(KEY_ID)
}

/// The private key of RFC 6979 A.2.5.
pub(crate) fn signing_key() -> SigningKey {
    let scalar = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
    SigningKey::from_slice(&hex::<32>(scalar)).unwrap()
}

pub(crate) fn minter() -> Minter {
    minter_of(KEY_ID)
}

pub(crate) fn minter_of(id: KeyId) -> Minter {
    Minter::new(id, signing_key(), seal_secret().derive(id))
}

/// What the vector says.
pub(crate) fn spec() -> Spec {
    Spec {
        kind: Kind::Payment,
        issued_at: IssuedAt::new(1_800_000_000),
        region: Region::new(370_100).unwrap(),
        auth: Auth::Password,
        subject: Subject::new(42).unwrap(),
        epoch: 1,
        relation: 0,
    }
}

/// The vector's key in that state, valid for a day on both sides of the vector.
pub(crate) fn key(id: KeyId, state: KeyState) -> IssuerKey {
    key_between(id, state, at(-86_400_000), at(86_400_000))
}

pub(crate) fn key_between(
    id: KeyId,
    state: KeyState,
    not_before: UnixMillis,
    not_after: UnixMillis,
) -> IssuerKey {
    let terms = KeyTerms {
        id,
        channel: "wechat".parse().unwrap(),
        state,
        not_before,
        not_after,
        environment: "production".to_owned(),
    };
    let public_key = PublicKey::from(&signing_key());
    IssuerKey::new(terms, public_key, seal_secret().derive(id)).unwrap()
}

pub(crate) fn key_set() -> KeySet {
    KeySet::new(vec![key(KEY_ID, KeyState::Active)]).unwrap()
}

pub(crate) const RULES: Rules = Rules {
    kinds: Kinds::BOTH,
    time: TimeRules { skew_ms: 2_000, display_days: 180 },
    recognise_late: false,
};
