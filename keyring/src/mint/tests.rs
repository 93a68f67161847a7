use proptest::prelude::*;

use super::*;
use crate::{
    sample::{self, KEY_ID, RULES, SERIAL, VECTOR, VECTOR_BODY, hex},
    verify::Rejection,
};

fn rejection(code: &UnverifiedCode) -> Rejection {
    sample::key_set().verify(code, &RULES, sample::at(0)).unwrap_err().rejection
}

#[test]
fn vector_is_minted_to_the_last_digit() {
    let code = sample::minter().mint(&sample::spec(), SERIAL);
    assert_eq!(code.body(), &VECTOR_BODY);
    let (r, s) = code.signature().split_at(32);
    assert_eq!(r, hex::<32>("e6dde09a450f0e51321f12581438b588cdde051411a4db694221e55876e00f08"));
    assert_eq!(s, hex::<32>("d9a0b9502d046a88a36ac8d62080586dde3bcd67d108f4cc755d5d6320904165"));
    assert_eq!(code.to_digits(), VECTOR.as_bytes());
    assert_eq!(UnverifiedCode::parse(VECTOR.as_bytes()), Ok(code));
}

#[test]
fn each_fault_is_the_only_one() {
    let spoiled = |spoil| sample::minter().mint_spoiled(&sample::spec(), SERIAL, spoil);
    assert_eq!(rejection(&spoiled(Spoil::Signature)), Rejection::SignatureInvalid);
    assert_eq!(rejection(&spoiled(Spoil::Seal)), Rejection::SealInvalid);
    assert_eq!(rejection(&spoiled(Spoil::Key)), Rejection::KeyUnknown);
}

#[test]
fn a_keyrings_key_mints_while_announced_or_active() {
    let minter = |state| Minter::for_key(&sample::key(KEY_ID, state), sample::signing_key());
    for state in [KeyState::Announced, KeyState::Active] {
        let code = minter(state).ok().unwrap().mint(&sample::spec(), SERIAL);
        assert_eq!(code.to_digits(), VECTOR.as_bytes());
    }
    for state in [KeyState::Retiring, KeyState::Revoked] {
        assert_eq!(minter(state).err(), Some(MintError::State(KEY_ID, state)));
    }
}

#[test]
fn another_keys_private_half_mints_nothing() {
    let other = crate::suite::random_key();
    let minter = Minter::for_key(&sample::key(KEY_ID, KeyState::Active), other);
    assert_eq!(minter.err(), Some(MintError::NotTheKey(KEY_ID)));
}

#[test]
#[should_panic(expected = "relation 6; allowed: 0..=5")]
fn a_sixth_family_member_is_a_bug() {
    sample::minter().mint(&Spec { relation: 6, ..sample::spec() }, SERIAL);
}

#[test]
fn random_serials_differ() {
    assert_ne!(random_serial(), random_serial());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is minted is read back whole, and its twin says the same.
    #[test]
    fn what_is_minted_verifies(
        (serial, subject, epoch) in (any::<u64>(), 1u64.., any::<u16>()),
        (relation, region, auth) in (0..=RELATION_MAX, 0..=999_999u32, 0..=3u8),
        display: bool,
    ) {
        let spec = Spec {
            kind: if display { Kind::Display } else { Kind::Payment },
            region: Region::new(region).unwrap(),
            auth: Auth::from_byte(auth).unwrap(),
            subject: Subject::new(subject).unwrap(),
            epoch,
            relation,
            ..sample::spec()
        };
        let minted = sample::minter().mint(&spec, Serial::new(serial));
        let twin = minted.with_other_s().unwrap();
        prop_assert_ne!(twin.to_digits(), minted.to_digits());
        for code in [UnverifiedCode::parse(&minted.to_digits()).unwrap(), twin] {
            let verified = sample::key_set().verify(&code, &RULES, sample::at(0)).unwrap();
            let read = Spec {
                kind: verified.kind(),
                issued_at: verified.issued_at(),
                region: verified.region(),
                auth: verified.auth(),
                subject: verified.subject(),
                epoch: verified.epoch(),
                relation: verified.relation(),
            };
            prop_assert_eq!(read, spec);
            prop_assert_eq!(verified.identity().serial, Serial::new(serial));
        }
    }
}
