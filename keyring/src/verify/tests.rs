use proptest::prelude::*;

use super::*;
use crate::{
    code::{Auth, KeyId, Region, Subject},
    mint::{Spec, Spoil},
    sample::{self, KEY_ID, RULES, SERIAL, VECTOR, at},
    suite::SigningKey,
};

const DAY_MS: i64 = 86_400_000;

fn vector() -> UnverifiedCode {
    UnverifiedCode::parse(VECTOR.as_bytes()).unwrap()
}

fn outcome(keys: &KeySet, code: &UnverifiedCode, now: UnixMillis) -> Result<(), Rejection> {
    keys.verify(code, &RULES, now).map(|_| ()).map_err(|rejected| rejected.rejection)
}

fn with_state(state: KeyState) -> KeySet {
    KeySet::new(vec![sample::key(KEY_ID, state)]).unwrap()
}

#[test]
fn vector_verifies_and_its_fields_can_be_read() {
    let code = sample::key_set().verify(&vector(), &RULES, at(1_234)).unwrap();
    assert_eq!(code.identity().to_string(), "7001-1800000000-0123456789abcdef");
    assert_eq!((code.key_id(), code.channel().as_str()), (KEY_ID, "wechat"));
    assert_eq!((code.kind(), code.auth()), (Kind::Payment, Auth::Password));
    assert_eq!((code.region().get(), code.subject().get()), (370_100, 42));
    assert_eq!((code.epoch(), code.relation()), (1, 0));
    assert_eq!((code.age(at(1_234)), code.age(at(-1))), (1_234, -1));
}

#[test]
fn debug_shows_neither_the_person_nor_a_code_to_use() {
    let verified = sample::key_set().verify(&vector(), &RULES, at(0)).unwrap();
    let text = format!("{:?} {verified:?}", vector());
    let expected = "UnverifiedCode { key_id: Some(KeyId(7001)), .. } VerifiedCode { identity: \
                    7001-1800000000-0123456789abcdef, channel: Channel(wechat), .. }";
    assert_eq!(text, expected);
}

/// Each edge to the millisecond, at both ends of the allowed skew.
#[test]
fn a_payment_code_is_in_its_time_for_60_s_and_twice_the_skew() {
    for skew_ms in [0, 1, 2_000, SKEW_MS_MAX] {
        let rules = TimeRules { skew_ms, display_days: 180 };
        let judge = |ms| rules.judge(Kind::Payment, IssuedAt::new(1_800_000_000), at(ms));
        assert_eq!(judge(-300_001), Err(TimeError::ClockSuspect));
        assert_eq!(judge(-300_000), Err(TimeError::NotYetValid));
        assert_eq!(judge(-skew_ms - 1), Err(TimeError::NotYetValid));
        assert_eq!(judge(-skew_ms), Ok(()));
        assert_eq!(judge(0), Ok(()));
        assert_eq!(judge(59_999 + skew_ms), Ok(()));
        assert_eq!(judge(60_000 + skew_ms), Err(TimeError::Expired));
        assert_eq!(judge(i64::MAX - at(0).get()), Err(TimeError::Expired));
    }
}

#[test]
fn a_display_code_is_in_its_time_for_its_days_and_twice_the_skew() {
    for (skew_ms, display_days) in [(0, 0), (2_000, 1), (2_000, 180), (10_000, u32::MAX)] {
        let rules = TimeRules { skew_ms, display_days };
        let judge = |ms| rules.judge(Kind::Display, IssuedAt::new(1_800_000_000), at(ms));
        let life_ms = i64::from(display_days) * DAY_MS;
        assert_eq!(judge(-300_001), Err(TimeError::ClockSuspect));
        assert_eq!(judge(-skew_ms - 1), Err(TimeError::NotYetValid));
        if life_ms + skew_ms > 0 {
            assert_eq!(judge(-skew_ms), Ok(()));
            assert_eq!(judge(life_ms + skew_ms - 1), Ok(()));
        }
        assert_eq!(judge(life_ms + skew_ms), Err(TimeError::Expired));
    }
}

#[test]
fn time_holds_at_the_ends_of_the_clock() {
    let time = RULES.time;
    for issued_at in [0, 1, u32::MAX].map(IssuedAt::new) {
        let start = issued_at.millis();
        assert_eq!(time.judge(Kind::Payment, issued_at, start), Ok(()));
        let past = time.judge(Kind::Payment, issued_at, UnixMillis::new(i64::MIN));
        assert_eq!(past, Err(TimeError::ClockSuspect));
        let end = time.end_of_life(Kind::Payment, issued_at);
        assert_eq!(end.ms_since(start), 62_000);
    }
}

#[test]
fn only_trusted_keys_are_accepted() {
    for (state, expected) in [
        (KeyState::Announced, Err(Rejection::KeyNotActive)),
        (KeyState::Active, Ok(())),
        (KeyState::Retiring, Ok(())),
        (KeyState::Revoked, Err(Rejection::KeyRevoked)),
    ] {
        assert_eq!(outcome(&with_state(state), &vector(), at(0)), expected, "{state}");
    }
}

/// The dates bound the second of issue, half open, and say nothing of `now`.
#[test]
fn key_dates_bound_the_second_of_issue() {
    let between = |from_ms, to_ms| {
        let key = sample::key_between(KEY_ID, KeyState::Active, at(from_ms), at(to_ms));
        outcome(&KeySet::new(vec![key]).unwrap(), &vector(), at(50_000))
    };
    assert_eq!(between(0, 1), Ok(()));
    assert_eq!(between(1, 100_000), Err(Rejection::KeyNotActive));
    assert_eq!(between(-100_000, 0), Err(Rejection::KeyNotActive));
    assert_eq!(between(-100_000, 1), Ok(()));
}

#[test]
fn checks_come_in_order() {
    let forged = sample::minter().mint_spoiled(&sample::spec(), SERIAL, Spoil::Signature);
    let unknown = sample::minter_of(KeyId::new(7002).unwrap()).mint(&sample::spec(), SERIAL);
    let keyless = sample::minter().mint_spoiled(&sample::spec(), SERIAL, Spoil::Key);
    let display_only = Rules { kinds: Kinds::DISPLAY, ..RULES };
    let late = at(70_000);
    let wrong_kind = |code| {
        sample::key_set().verify(code, &display_only, late).map(|_| ()).unwrap_err().rejection
    };
    assert_eq!(wrong_kind(&unknown), Rejection::WrongKind(Kind::Payment));
    for code in [&unknown, &keyless] {
        assert_eq!(outcome(&sample::key_set(), code, late), Err(Rejection::KeyUnknown));
    }
    let revoked = with_state(KeyState::Revoked);
    assert_eq!(outcome(&revoked, &forged, late), Err(Rejection::KeyRevoked));
    let announced = with_state(KeyState::Announced);
    assert_eq!(outcome(&announced, &forged, late), Err(Rejection::KeyNotActive));
    assert_eq!(outcome(&sample::key_set(), &forged, late), Err(Rejection::Expired));
    assert_eq!(outcome(&sample::key_set(), &forged, at(0)), Err(Rejection::SignatureInvalid));
}

#[test]
fn a_refusal_names_the_channel_of_a_known_key_only() {
    let channel = |code: &UnverifiedCode, rules: &Rules| {
        let rejected = sample::key_set().verify(code, rules, at(70_000)).unwrap_err();
        rejected.channel.map(Channel::as_str)
    };
    let unknown = sample::minter_of(KeyId::new(7002).unwrap()).mint(&sample::spec(), SERIAL);
    assert_eq!(channel(&vector(), &Rules { kinds: Kinds::NONE, ..RULES }), Some("wechat"));
    assert_eq!(channel(&vector(), &RULES), Some("wechat"));
    assert_eq!(channel(&unknown, &RULES), None);
}

#[test]
fn screening_needs_no_signature() {
    let forged = sample::minter().mint_spoiled(&sample::spec(), SERIAL, Spoil::Signature);
    assert!(sample::key_set().screen(&forged, &RULES, at(0)).is_ok());
    let late = sample::key_set().screen(&forged, &RULES, at(62_000)).unwrap_err();
    assert_eq!(late.rejection, Rejection::Expired);
}

const LATE: Rules = Rules { recognise_late: true, ..RULES };

fn late(code: &UnverifiedCode, now: UnixMillis) -> Option<LateCode> {
    let rejected = sample::key_set().verify(code, &LATE, now).unwrap_err();
    assert_eq!(rejected.rejection, Rejection::Expired);
    rejected.late
}

#[test]
fn a_genuine_code_past_its_time_is_recognised_for_ten_minutes() {
    assert!(sample::key_set().verify(&vector(), &LATE, at(61_999)).is_ok());
    for ms in [62_000, 599_999] {
        let late = late(&vector(), at(ms)).expect("recognised");
        assert_eq!(late.identity().to_string(), "7001-1800000000-0123456789abcdef");
        assert_eq!((late.look().channel().as_str(), late.look().age(at(ms))), ("wechat", ms));
    }
    assert!(late(&vector(), at(600_000)).is_none());
    let rejected = sample::key_set().verify(&vector(), &RULES, at(62_000)).unwrap_err();
    assert!(rejected.late.is_none(), "not asked for");
}

/// Otherwise a forger could ask whether an identity was spent.
#[test]
fn a_late_code_is_recognised_only_when_signature_and_seal_hold() {
    for spoil in [Spoil::Signature, Spoil::Seal] {
        let code = sample::minter().mint_spoiled(&sample::spec(), SERIAL, spoil);
        assert!(late(&code, at(70_000)).is_none(), "{spoil:?}");
    }
    let from_the_future = sample::key_set().verify(&vector(), &LATE, at(-3_000)).unwrap_err();
    assert_eq!(from_the_future.rejection, Rejection::NotYetValid);
    assert!(from_the_future.late.is_none());
}

#[test]
fn a_late_display_code_is_not_worth_its_signature() {
    let spec = Spec { kind: Kind::Display, auth: Auth::None, ..sample::spec() };
    let time = TimeRules { skew_ms: 0, display_days: 0 };
    let code = sample::minter().mint(&spec, SERIAL);
    let rules = Rules { time, ..LATE };
    assert!(sample::key_set().verify(&code, &rules, at(1)).unwrap_err().late.is_none());
}

/// Each field changes the statement; identity and signature do not.
#[test]
fn a_statement_is_all_that_is_said_beside_the_identity() {
    let said = |spec: &Spec, serial| {
        let code = sample::minter().mint(spec, serial);
        sample::key_set().verify(&code, &RULES, at(0)).unwrap().statement()
    };
    let spec = sample::spec();
    let statement = said(&spec, SERIAL);
    assert_eq!(said(&spec, crate::code::Serial::new(1)), statement);
    assert_eq!(late(&vector(), at(70_000)).unwrap().statement(), statement);
    for other in [
        Spec { kind: Kind::Display, auth: Auth::None, ..spec },
        Spec { region: Region::new(370_101).unwrap(), ..spec },
        Spec { auth: Auth::Face, ..spec },
        Spec { subject: Subject::new(43).unwrap(), ..spec },
        Spec { epoch: 2, ..spec },
        Spec { relation: 1, ..spec },
    ] {
        assert_ne!(said(&other, SERIAL), statement, "{other:?}");
    }
}

#[test]
fn every_signed_bit_counts() {
    let keys = sample::key_set();
    let code = vector();
    for bit in 0..41 * 8 {
        let mut bytes = [0; 105];
        bytes[..41].copy_from_slice(code.body());
        bytes[41..].copy_from_slice(code.signature());
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = UnverifiedCode::from_bytes(bytes) {
            assert!(outcome(&keys, &changed, at(0)).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_stolen_signing_key_alone_makes_nothing() {
    let thief = crate::mint::Minter::new(
        KEY_ID,
        sample::signing_key(),
        crate::seal::SealKey::new(crate::suite::Suite::Es256, [7; 16].into()),
    );
    let code = thief.mint(&sample::spec(), SERIAL);
    assert_eq!(outcome(&sample::key_set(), &code, at(0)), Err(Rejection::SealInvalid));
}

#[test]
fn a_stolen_seal_key_alone_makes_nothing() {
    let signing_key = SigningKey::from_slice(&[7; 32]).unwrap();
    let thief = crate::mint::Minter::new(KEY_ID, signing_key, sample::seal_key());
    let code = thief.mint(&sample::spec(), SERIAL);
    assert_eq!(outcome(&sample::key_set(), &code, at(0)), Err(Rejection::SignatureInvalid));
}

#[test]
fn proof_asks_for_both_keys_and_not_for_state_or_time() {
    let key = sample::key(KEY_ID, KeyState::Announced);
    let old = Spec { issued_at: IssuedAt::new(1), ..sample::spec() };
    assert_eq!(key.prove(&sample::minter().mint(&old, SERIAL)), Ok(()));
    let spoiled = |spoil| key.prove(&sample::minter().mint_spoiled(&old, SERIAL, spoil));
    assert_eq!(spoiled(Spoil::Signature), Err(Rejection::SignatureInvalid));
    assert_eq!(spoiled(Spoil::Seal), Err(Rejection::SealInvalid));
    assert_eq!(spoiled(Spoil::Key), Err(Rejection::KeyUnknown));
}

/// What the group holds in one place.
#[derive(Copy, Clone, Debug)]
enum Member {
    Good,
    Twin,
    Spoiled(Spoil),
    Late,
    /// The same, where a late code is to be recognised.
    Recognised,
    LateAndForged,
    Unwanted,
}

fn member() -> impl Strategy<Value = Member> {
    use Member::{Good, Late, LateAndForged, Recognised, Spoiled, Twin, Unwanted};
    prop_oneof![
        Just(Good),
        Just(Twin),
        Just(Spoiled(Spoil::Signature)),
        Just(Spoiled(Spoil::Seal)),
        Just(Spoiled(Spoil::Key)),
        Just(Late),
        Just(Recognised),
        Just(LateAndForged),
        Just(Unwanted),
    ]
}

impl Member {
    fn code(self, serial: u64) -> UnverifiedCode {
        let (minter, serial) = (sample::minter(), crate::code::Serial::new(serial));
        let late = Spec { issued_at: IssuedAt::new(1_799_999_900), ..sample::spec() };
        match self {
            Self::Good | Self::Unwanted => minter.mint(&sample::spec(), serial),
            Self::Twin => minter.mint(&sample::spec(), serial).with_other_s().unwrap(),
            Self::Spoiled(spoil) => minter.mint_spoiled(&sample::spec(), serial, spoil),
            Self::Late | Self::Recognised => minter.mint(&late, serial),
            Self::LateAndForged => minter.mint_spoiled(&late, serial, Spoil::Signature),
        }
    }

    fn rules(self) -> Rules {
        let kinds = if matches!(self, Self::Unwanted) { Kinds::DISPLAY } else { Kinds::BOTH };
        let recognise_late = matches!(self, Self::Recognised | Self::LateAndForged);
        Rules { kinds, recognise_late, ..RULES }
    }
}

/// What an answer says, late codes included.
fn read(answer: Result<VerifiedCode, Rejected>) -> Result<CodeIdentity, String> {
    answer.map(|code| code.identity()).map_err(|rejected| format!("{rejected:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A group of any size and mixture is judged as its codes are one by one, in their order.
    #[test]
    fn a_group_is_judged_like_its_members(members in proptest::collection::vec(member(), 0..20)) {
        let (keys, now) = (sample::key_set(), at(0));
        let codes: Vec<_> =
            members.iter().zip(0..).map(|(one, serial)| (one.code(serial), one.rules())).collect();
        let group: Vec<_> = codes.iter().map(|(code, rules)| (code, rules)).collect();
        let mut out = vec![keys.verify(&vector(), &RULES, now)];
        keys.verify_group(group.iter().copied(), now, &mut out);
        let together: Vec<_> = out.into_iter().map(read).collect();
        let alone: Vec<_> =
            group.iter().map(|(code, rules)| read(keys.verify(code, rules, now))).collect();
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn time_is_one_window(ms in -400_000..400_000i64, skew_ms in 0..=SKEW_MS_MAX) {
        let rules = TimeRules { skew_ms, display_days: 180 };
        let judged = rules.judge(Kind::Payment, IssuedAt::new(1_800_000_000), at(ms));
        prop_assert_eq!(judged.is_ok(), (-skew_ms..60_000 + skew_ms).contains(&ms));
    }
}
