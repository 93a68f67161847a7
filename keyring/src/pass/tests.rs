//! The format's vectors, each edge of time, and what must not open.

use proptest::prelude::*;

use super::*;
use crate::{
    code::{Auth, IssuedAt, KeyId, RELATION_MAX, Region, Subject},
    key::{IssuerKey, KeyState},
    key_set::KeySet,
    mint::Spec,
    sample::{self, KEY_ID, RULES, SERIAL, hex},
    time::UnixMillis,
    verify::VerifiedCode,
};

/// The vector, and two others of its second.
const FIRST: &str = "2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr";
const FAMILY: &str = "2790s59qhzqb2sr9xa563xy49bmsga8k15w0na44";
const WITHOUT_INSTITUTION: &str = "2790sxrpcjh27sq7hs63m22fggsvgrw673520af3";
const BYTES: &str = "11d20c9401acfced36a6bc63f4f8c3f321c647e84c252ef1f8";
const MINTED_AT: IssuedAt = IssuedAt::new(1_800_000_012);
const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// `ms` after the second of the vector began.
fn at(ms: i64) -> UnixMillis {
    MINTED_AT.millis().plus_ms(ms)
}

fn institution(name: &str) -> Institution {
    name.parse().unwrap()
}

fn hospital() -> Institution {
    institution("H37010000001")
}

/// Bytes 20 21 … 3f.
fn secret() -> PassSecret {
    PassSecret::new(std::array::from_fn(|i| u8::try_from(0x20 + i).unwrap()))
}

fn pass_key(id: u8, state: PassKeyState) -> PassKey {
    PassKey::new(PassKeyId::new(id).unwrap(), state, &secret())
}

/// Issuer keys with these ids and states, and these pass keys of one secret.
fn keys<const N: usize>(issuers: &[(u32, KeyState)], pass_keys: [(u8, PassKeyState); N]) -> KeySet {
    let issuer = |(id, state): &(u32, KeyState)| sample::key(KeyId::new(*id).unwrap(), *state);
    let pass_keys = pass_keys.map(|(id, state)| pass_key(id, state));
    KeySet::new(issuers.iter().map(issuer).collect())
        .unwrap()
        .with_pass_keys(PassKeys::new(pass_keys.into()).unwrap())
}

/// Issuer key 7001 and pass key 1, both active.
fn vector_keys() -> KeySet {
    keys(&[(7001, KeyState::Active)], [(1, PassKeyState::Active)])
}

fn code_of(issuer: KeyId, spec: &Spec) -> VerifiedCode {
    let code = sample::minter_of(issuer).mint(spec, SERIAL);
    let issuers = KeySet::new(vec![sample::key(issuer, KeyState::Active)]).unwrap();
    issuers.verify(&code, &RULES, sample::at(0)).unwrap()
}

fn code() -> VerifiedCode {
    code_of(KEY_ID, &sample::spec())
}

fn family_code() -> VerifiedCode {
    code_of(KEY_ID, &Spec { relation: 2, auth: Auth::Face, ..sample::spec() })
}

fn read(text: &str) -> UnverifiedPass {
    UnverifiedPass::parse(text.as_bytes()).unwrap()
}

/// What the hospital's first pass comes to with these keys, at this moment.
fn opened(keys: &KeySet, ms: i64) -> Result<Pass, PassRejection> {
    keys.open_pass(&read(FIRST), &hospital(), at(ms))
}

fn reason(keys: &KeySet, ms: i64) -> Option<PassRejection> {
    opened(keys, ms).err()
}

/// A text of any 25 bytes.
fn text_of(bytes: &[u8]) -> String {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    let letter = |five: &[u8]| five.iter().fold(0, |value, bit| value << 1 | usize::from(*bit));
    bits.chunks(5).map(|five| char::from(ALPHABET.as_bytes()[letter(five)])).collect()
}

#[test]
fn vectors_are_minted_to_the_last_letter() {
    let keys = vector_keys();
    let mint = |code: &VerifiedCode, who, count| keys.mint_pass(code, &who, MINTED_AT, count);
    let first = mint(&code(), hospital(), 5).unwrap();
    assert_eq!(first.text.as_str(), FIRST);
    assert_eq!(first.id.to_string(), "p1-1800000012-9401acfced36a6bc");
    assert_eq!(mint(&family_code(), hospital(), 6).unwrap().text.as_str(), FAMILY);
    let without = mint(&code(), Institution::NONE, 5).unwrap();
    assert_eq!(without.text.as_str(), WITHOUT_INSTITUTION);
    assert_eq!(text_of(&hex::<25>(BYTES)), FIRST);
    assert_eq!(mint(&code(), hospital(), 5 + 128), Ok(first), "the count runs on");
    assert_ne!(mint(&code(), hospital(), 6), Ok(first));
}

#[test]
fn vector_opens_and_its_fields_can_be_read() {
    let pass = opened(&vector_keys(), 1_234).unwrap();
    assert_eq!(pass.id().to_string(), "p1-1800000012-9401acfced36a6bc");
    assert_eq!((pass.minted_at(), pass.issuer()), (MINTED_AT, KEY_ID));
    assert_eq!((pass.channel().as_str(), pass.subject().get()), ("wechat", 42));
    assert_eq!((pass.region().get(), pass.relation()), (370_100, 0));
    assert_eq!((pass.auth(), pass.count()), (Auth::Password, 5));
    assert_eq!((pass.age_ms(at(1_234)), pass.age_ms(at(-1))), (1_234, -1));
    assert_eq!(pass.statement().as_bytes(), hex::<14>("000000000000002a1b595a5b4085"));
    let family = vector_keys().open_pass(&read(FAMILY), &hospital(), at(0)).unwrap();
    assert_eq!((family.relation(), family.auth(), family.count()), (2, Auth::Face, 6));
    assert_ne!(family.statement(), pass.statement());
}

#[test]
fn letters_are_read_in_either_case() {
    assert_eq!(read(&FIRST.to_uppercase()), read(FIRST));
    let mixed = FIRST.replace('k', "K");
    assert!(vector_keys().open_pass(&read(&mixed), &hospital(), at(0)).is_ok());
}

#[test]
fn only_40_letters_of_the_alphabet_are_read() {
    for wrong in [
        String::new(),
        FIRST[1..].to_owned(),
        format!("{FIRST}0"),
        format!(" {}", &FIRST[1..]),
        format!("{FIRST}\n"),
        FIRST.replace('k', "i"),
        FIRST.replace('k', "l"),
        FIRST.replace('k', "o"),
        FIRST.replace('k', "u"),
        FIRST.replace('k', "I"),
        FIRST.replace('k', "-"),
        FIRST.replace('k', "\u{212a}"),
        FIRST.replacen("ky", "é", 1),
    ] {
        assert_eq!(UnverifiedPass::parse(wrong.as_bytes()), Err(PassForm), "{wrong:?}");
    }
    let is_letter = |byte: u8| ALPHABET.contains(char::from(byte.to_ascii_lowercase()));
    for byte in 0..=255 {
        let text = [byte; PASS_LETTERS];
        assert_eq!(UnverifiedPass::parse(&text).is_ok(), byte.is_ascii() && is_letter(byte));
    }
}

/// To the millisecond: a clock that is behind, the end of the life, the end of all.
#[test]
fn a_pass_opens_from_10_s_before_its_second_until_18_hours_after() {
    let keys = vector_keys();
    let invalid = Some(PassRejection::Invalid);
    assert_eq!(reason(&keys, -10_001), invalid);
    assert_eq!(reason(&keys, -11_000), invalid);
    for ms in [-10_000, 0, 899_000, 900_000, 64_800_000] {
        assert_eq!(reason(&keys, ms), None, "{ms}");
    }
    // At 65,526 s its bits name a later second: it would open as a pass from the future.
    for ms in [64_800_001, 65_525_000, 65_526_000, 65_536_000, 2 * 65_536_000, -65_536_000] {
        assert_eq!(reason(&keys, ms), invalid, "{ms}");
    }
    assert_eq!(reason(&keys, i64::MAX - at(0).get()), invalid);
    for now in [i64::MIN, -1, 0, i64::MAX].map(UnixMillis::new) {
        let rejection = keys.open_pass(&read(FIRST), &hospital(), now).err();
        assert_eq!(rejection, invalid, "{now}");
    }
}

#[test]
fn a_life_is_over_with_its_last_second() {
    let pass = opened(&vector_keys(), 0).unwrap();
    for (ms, over) in [(-10_000, false), (0, false), (899_999, false), (900_000, true)] {
        assert_eq!(pass.is_over(at(ms), LIFE_S_MAX), over, "{ms}");
    }
    assert_eq!([59_999, 60_000].map(|ms| pass.is_over(at(ms), 60)), [false, true]);
    assert!(pass.is_over(UnixMillis::new(i64::MAX), u32::MAX));
}

/// 16 bits of the second, and none of those that are not sent, say when it was.
#[test]
fn the_second_is_the_latest_that_ends_in_the_bits() {
    let keys = vector_keys();
    for seconds in [10, 65_535, 65_536, 65_546, 1_800_000_000, u32::MAX - 10, u32::MAX] {
        let minted_at = IssuedAt::new(seconds);
        let minted = keys.mint_pass(&code(), &hospital(), minted_at, 0).unwrap();
        for ms in [-10_000, 0, 64_800_000] {
            let now = minted_at.millis().plus_ms(ms);
            let pass = keys.open_pass(&read(minted.text.as_str()), &hospital(), now).unwrap();
            assert_eq!((pass.id(), pass.minted_at()), (minted.id, minted_at), "{seconds} {ms}");
        }
    }
    // A second before 1970, and one that is too late for 32 bits.
    assert_eq!(read(FIRST).minted_at(UnixMillis::new(0)), None);
    assert_eq!(read(FIRST).minted_at(UnixMillis::new(i64::MAX)), None);
}

#[test]
fn a_pass_is_its_institutions_alone() {
    let keys = vector_keys();
    for (text, opens_for) in [(FIRST, "H37010000001"), (WITHOUT_INSTITUTION, "")] {
        for name in ["", "H37010000001", "H37010000002", "H3701000000", "h37010000001"] {
            let opens = keys.open_pass(&read(text), &institution(name), at(0));
            assert_eq!(opens.is_ok(), name == opens_for, "{text} {name}");
        }
    }
}

#[test]
fn an_issuer_key_is_known_as_long_as_it_is_in_the_keyring() {
    use KeyState::{Active, Announced, Retiring, Revoked};
    let with = |issuers: &[_]| keys(issuers, [(1, PassKeyState::Active)]);
    for state in [Announced, Active, Retiring] {
        assert_eq!(reason(&with(&[(7001, state)]), 0), None, "{state}");
    }
    let over = sample::key_between(KEY_ID, Active, sample::at(-2), sample::at(-1));
    let over = KeySet::new(vec![over])
        .unwrap()
        .with_pass_keys(PassKeys::new(vec![pass_key(1, PassKeyState::Active)]).unwrap());
    assert_eq!(reason(&over, 0), None, "the code was judged when it was spent");
    for gone in [&[][..], &[(7002, Active)], &[(7001 + 65_536, Active)]] {
        assert_eq!(reason(&with(gone), 0), Some(PassRejection::Invalid), "{gone:?}");
    }
    let wechat = PassRejection::KeyRevoked("wechat".parse().unwrap());
    assert_eq!(reason(&with(&[(7001, Revoked)]), 0), Some(wechat));
}

#[test]
fn a_revoked_issuer_key_is_told_only_of_a_genuine_pass() {
    let keys = keys(&[(7001, KeyState::Revoked)], [(1, PassKeyState::Active)]);
    let other = keys.open_pass(&read(FIRST), &institution("H37010000002"), at(0)).err();
    assert_eq!(other, Some(PassRejection::Invalid));
    assert_eq!(reason(&keys, AGE_MS_MAX + 1), Some(PassRejection::Invalid));
}

/// The id that is meant follows from the tag, whichever state the others have.
#[test]
fn issuer_keys_with_the_same_low_bits_are_told_apart_by_the_tag() {
    use KeyState::{Active, Revoked};
    let issuers = [7001, 7001 + 65_536, 7001 + 2 * 65_536];
    for issuer in issuers {
        for state in [Active, Revoked] {
            let states = issuers.map(|id| (id, if id == issuer { Active } else { state }));
            let keys = keys(&states, [(1, PassKeyState::Active)]);
            let code = code_of(KeyId::new(issuer).unwrap(), &sample::spec());
            let minted = keys.mint_pass(&code, &hospital(), MINTED_AT, 5).unwrap();
            let pass = read(minted.text.as_str());
            let pass = keys.open_pass(&pass, &hospital(), at(0)).unwrap();
            assert_eq!((pass.issuer().get(), pass.id()), (issuer, minted.id));
        }
    }
}

#[test]
fn passes_open_with_announced_active_and_retiring_secrets() {
    use PassKeyState::{Active, Announced, Retiring, Revoked};
    let issuers = [(7001, KeyState::Active)];
    for state in [Announced, Active, Retiring, Revoked] {
        let rejection = reason(&keys(&issuers, [(1, state)]), 0);
        assert_eq!(rejection, (state == Revoked).then_some(PassRejection::Invalid), "{state}");
    }
    for gone in [keys(&issuers, [(2, Active)]), keys(&issuers, [])] {
        assert_eq!(reason(&gone, 0), Some(PassRejection::Invalid));
    }
    let both = keys(&issuers, [(1, Retiring), (2, Active)]);
    assert_eq!(reason(&both, 0), None);
    let minted = both.mint_pass(&code(), &hospital(), MINTED_AT, 5).unwrap();
    assert_eq!(minted.id.key_id.get(), 2);
    let pass = both.open_pass(&read(minted.text.as_str()), &hospital(), at(0)).unwrap();
    assert_eq!(pass.id(), minted.id);
}

#[test]
fn only_an_active_secret_mints() {
    use PassKeyState::{Active, Announced, Retiring, Revoked};
    for state in [Announced, Active, Retiring, Revoked] {
        let keys = keys(&[(7001, KeyState::Active)], [(1, state)]);
        assert_eq!(keys.has_active_pass_key(), state == Active);
        let minted = keys.mint_pass(&code(), &hospital(), MINTED_AT, 5);
        assert_eq!(minted.err(), (state != Active).then_some(NoActivePassKey), "{state}");
        assert_eq!(keys.pass_keys().collect::<Vec<_>>(), [(PassKeyId::new(1).unwrap(), state)]);
    }
    assert!(!sample::key_set().has_active_pass_key());
}

#[test]
fn no_changed_letter_opens() {
    let keys = vector_keys();
    for place in 0..PASS_LETTERS {
        for letter in ALPHABET.chars().filter(|letter| !FIRST[place..].starts_with(*letter)) {
            let text = format!("{}{letter}{}", &FIRST[..place], &FIRST[place + 1..]);
            let rejection = keys.open_pass(&read(&text), &hospital(), at(0)).err();
            assert_eq!(rejection, Some(PassRejection::Invalid), "{text}");
        }
    }
}

/// Also with all pass keys of one secret, and with an issuer key for each value of the bits.
#[test]
fn no_changed_bit_opens() {
    use PassKeyState::{Active, Announced};
    let issuers: Vec<_> = (0..16).map(|bit| (7001 ^ 1 << bit, KeyState::Active)).collect();
    let issuers = [issuers, vec![(7001, KeyState::Active)]].concat();
    let pass_keys: [_; 15] = std::array::from_fn(|i| {
        (u8::try_from(i + 1).unwrap(), if i == 0 { Active } else { Announced })
    });
    let keys = keys(&issuers, pass_keys);
    assert_eq!(reason(&keys, 0), None);
    for bit in 0..200 {
        let mut bytes = hex::<25>(BYTES);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let rejection = keys.open_pass(&read(&text_of(&bytes)), &hospital(), at(0)).err();
        assert_eq!(rejection, Some(PassRejection::Invalid), "bit {bit}");
    }
}

/// A pass whose tag is right over these fields, allowed or not.
fn tagged_around(keys: &KeySet, plain: [u8; 14]) -> UnverifiedPass {
    let key = keys.active_pass_key().unwrap();
    let tagged = format::tagged(key.id(), MINTED_AT, KEY_ID, &plain);
    let tag = key.cipher().tag(&tagged, hospital().as_str().as_bytes());
    let head = hex::<25>(BYTES)[..3].try_into().unwrap();
    let masked = format::masked(key, head, tag, plain);
    read(&text_of(&[&head[..], &tag, &masked].concat()))
}

#[test]
fn fields_that_no_code_has_do_not_open() {
    let keys = vector_keys();
    let outcome = |subject: u64, word: u32| {
        let plain = [&subject.to_be_bytes()[..], &[0x1b, 0x59], &word.to_be_bytes()].concat();
        let pass = tagged_around(&keys, plain.try_into().unwrap());
        keys.open_pass(&pass, &hospital(), at(0)).err()
    };
    let word = |region: u32, relation: u32| region << 12 | relation << 9 | 1 << 7 | 5;
    assert_eq!(outcome(42, word(370_100, 0)), None, "the vector itself");
    assert_eq!(outcome(u64::MAX, word(999_999, 5)), None);
    assert_eq!(outcome(1, word(0, 0)), None);
    for (subject, word) in [
        (0, word(370_100, 0)),
        (42, word(1_000_000, 0)),
        (42, word((1 << 20) - 1, 0)),
        (42, word(370_100, 6)),
        (42, word(370_100, 7)),
    ] {
        assert_eq!(outcome(subject, word), Some(PassRejection::Invalid), "{subject} {word}");
    }
}

#[test]
fn another_format_does_not_open() {
    for first in (0..=255).filter(|first| first >> 4 != 1 || first & 15 == 0) {
        let mut bytes = hex::<25>(BYTES);
        bytes[0] = first;
        let pass = read(&text_of(&bytes));
        assert_eq!((pass.key_id(), pass.minted_at(at(0))), (None, None), "{first:02x}");
        let rejection = vector_keys().open_pass(&pass, &hospital(), at(0)).err();
        assert_eq!(rejection, Some(PassRejection::Invalid));
    }
    assert_eq!(read(FIRST).key_id(), PassKeyId::new(1));
    assert_eq!(read(FIRST).minted_at(at(0)), Some(MINTED_AT));
}

#[test]
fn debug_shows_neither_the_person_nor_a_pass_to_use() {
    let keys = vector_keys();
    let minted = keys.mint_pass(&code(), &hospital(), MINTED_AT, 5).unwrap();
    let pass = opened(&keys, 0).unwrap();
    let text = format!("{:?} {:?} {pass:?} {:?}", minted.text, read(FIRST), pass.statement());
    let expected = "PassText(..) UnverifiedPass(..) Pass { id: p1-1800000012-9401acfced36a6bc, \
                    channel: Channel(wechat), .. } Statement(..)";
    assert_eq!(text, expected);
    assert!(!format!("{minted:?} {keys:?}").contains(FIRST));
}

/// The keys of random tests, made once.
fn issuer_keys() -> [IssuerKey; 2] {
    [7001, u32::MAX].map(|id| sample::key(KeyId::new(id).unwrap(), KeyState::Active))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_minted_opens(
        (subject, relation, region, auth) in
            (1u64.., 0..=RELATION_MAX, 0..=999_999u32, 0..=3u8),
        (count, key_id, issuer, seconds) in
            (0..=COUNT_MAX, 1..=15u8, prop_oneof![Just(7001), Just(u32::MAX)], any::<u32>()),
        (name, ms) in ("[!-~]{0,40}", -10_000..=AGE_MS_MAX),
    ) {
        let issuer = KeyId::new(issuer).unwrap();
        let spec = Spec {
            region: Region::new(region).unwrap(),
            auth: Auth::from_byte(auth).unwrap(),
            subject: Subject::new(subject).unwrap(),
            relation,
            ..sample::spec()
        };
        let keys = KeySet::new(issuer_keys().into()).unwrap();
        let pass_keys = vec![pass_key(key_id, PassKeyState::Active)];
        let keys = keys.with_pass_keys(PassKeys::new(pass_keys).unwrap());
        let (who, minted_at) = (institution(&name), IssuedAt::new(seconds));
        let code = code_of(issuer, &spec);
        let minted = keys.mint_pass(&code, &who, minted_at, count).unwrap();
        let pass = UnverifiedPass::parse(minted.text.as_bytes()).unwrap();
        let pass = keys.open_pass(&pass, &who, minted_at.millis().plus_ms(ms)).unwrap();
        prop_assert_eq!((pass.id(), pass.minted_at()), (minted.id, minted_at));
        prop_assert_eq!((pass.issuer(), pass.subject()), (issuer, spec.subject));
        prop_assert_eq!((pass.region(), pass.relation()), (spec.region, relation));
        prop_assert_eq!((pass.auth(), pass.count()), (spec.auth, count));
        prop_assert_eq!(minted.id.to_string().parse(), Ok(minted.id));
    }
}

proptest! {
    /// One text in small letters for all 25 bytes.
    #[test]
    fn any_bytes_survive_their_text(bytes: [u8; 25]) {
        let text = PassText::encode(&bytes);
        prop_assert_eq!(text.as_str(), text_of(&bytes));
        prop_assert_eq!(text::decode(text.as_bytes()), Some(bytes));
    }

    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..60), now: i64) {
        if let Ok(pass) = UnverifiedPass::parse(&text) {
            let _ = vector_keys().open_pass(&pass, &hospital(), UnixMillis::new(now));
        }
    }

    #[test]
    fn no_40_letters_panic_and_none_opens(bytes: [u8; 25], now: i64) {
        let pass = read(&text_of(&bytes));
        let now = UnixMillis::new(now);
        prop_assert!(vector_keys().open_pass(&pass, &hospital(), now).is_err());
    }

    #[test]
    fn any_name_is_an_institution_or_an_error(name in proptest::collection::vec(any::<u8>(), 0..50)) {
        let is_allowed = name.len() <= 40 && name.iter().all(|byte| (0x21..=0x7e).contains(byte));
        prop_assert_eq!(Institution::parse(&name).is_ok(), is_allowed);
    }
}
