//! What the fuzz targets do with an input, and `tests/corpus.rs` with the corpus.

#![allow(dead_code, reason = "each fuzz target uses one of the two")]

use std::sync::OnceLock;

use keyring::{
    code::UnverifiedCode,
    suite::{Claim, Engine, GROUP_MAX, PublicKey, SigningKey, Verifier, VerifyingKey},
};

/// Text from a scanner: whatever is read is written in one way, which reads the same.
pub(crate) fn code(data: &[u8]) {
    let Ok(code) = UnverifiedCode::parse(data) else { return };
    let text = code.to_digits();
    let again = UnverifiedCode::parse(&text).expect("what was written can be read");
    assert_eq!(again.to_digits(), text);
    assert_eq!(again.claims(), code.claims());
}

/// One byte for the key, 32 of the digest, 64 of the signature; what is missing is 0. All engines
/// agree with the reference, alone and in each lane.
pub(crate) fn signature(data: &[u8]) {
    let Setup { verifiers, keys } = setup();
    let mut input = [0; 97];
    let len = data.len().min(input.len());
    input[..len].copy_from_slice(&data[..len]);
    let [which, numbers @ ..] = input;
    let key = &keys[usize::from(which) % keys.len()];
    let (digest, signature) = numbers.split_first_chunk().expect("96 bytes");
    let signature = signature.try_into().expect("64 bytes");
    let claim = Claim { key, digest: *digest, signature };
    let expected = Verifier::reference().verify(&claim);
    for verifier in verifiers {
        for size in [1, 2, 3, GROUP_MAX] {
            let mut answers = [!expected; GROUP_MAX];
            verifier.verify_group(&[claim; GROUP_MAX][..size], &mut answers[..size]);
            assert_eq!(answers[..size], [expected; GROUP_MAX][..size], "{verifier:?}");
        }
    }
}

struct Setup {
    verifiers: Vec<Verifier>,
    keys: Vec<VerifyingKey>,
}

/// Keys 1, n - 1 and 7, 7, 7 ..: two meet the generator's own multiples, one is like any other.
fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let last = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
        let byte = |i: usize| u8::from_str_radix(&last[2 * i..2 * i + 2], 16).expect("hex");
        let one: [u8; 32] = std::array::from_fn(|i| u8::from(i == 31));
        let scalars = [one, std::array::from_fn(byte), [7; 32]];
        let key = |scalar: [u8; 32]| {
            let key = SigningKey::from_slice(&scalar).expect("in 1..n");
            VerifyingKey::from(PublicKey::from(&key))
        };
        let keys: Vec<VerifyingKey> = scalars.map(key).into();
        let verifiers = [Engine::Ifma, Engine::Portable].into_iter().filter_map(|engine| {
            let verifier = Verifier::new(engine, |mismatch| panic!("{mismatch}")).ok()?;
            let all: Vec<&VerifyingKey> = keys.iter().collect();
            verifier.build_tables(&all, 4 << 20).expect("memory");
            Some(verifier)
        });
        Setup { verifiers: verifiers.collect(), keys: keys.clone() }
    })
}
