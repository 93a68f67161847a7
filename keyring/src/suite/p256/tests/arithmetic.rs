//! Field, scalars and digits against a big-integer library, with words at their ends.

use ::p256::{
    ProjectivePoint, Scalar as Reference,
    elliptic_curve::{
        PrimeField as _,
        bigint::{NonZero, U256 as Big, U512},
        sec1::ToSec1Point as _,
    },
};
use proptest::prelude::*;

use super::craft;
use crate::suite::{
    curve::{
        inverse::{self, Odd},
        layout::Layout,
        limbs::{self, Modulus, U256},
        table::Table,
        terms::{Addends, Term},
    },
    p256::{
        arithmetic::{
            field::{Fe, PRIME},
            point::Affine,
            scalar::{self, ORDER, Scalar},
        },
        key::PublicKey,
        tables::build,
    },
    sizes::GROUP_MAX,
};

/// 2^512 modulo the two.
const R2: [(U256, U256); 2] = [(PRIME, r2(PRIME)), (ORDER, r2(ORDER))];

const fn r2(modulus: U256) -> U256 {
    let modulus = NonZero::<Big>::new_unwrap(big(modulus));
    let one = Big::ONE.rem_vartime(&modulus);
    let mut power = one;
    let mut i = 0;
    while i < 512 {
        power = power.add_mod(&power, &modulus);
        i += 1;
    }
    power.to_words()
}

const fn big(number: U256) -> Big {
    Big::from_words(number)
}

fn remainder(number: U512, modulus: U256) -> U256 {
    let modulus = NonZero::new(big(modulus).resize::<8>()).unwrap();
    let remainder: Big = number.rem_vartime(&modulus).resize();
    remainder.to_words()
}

fn product(a: U256, b: U256) -> U512 {
    big(a).concatenating_mul(&big(b))
}

/// a * b mod m.
fn times(a: U256, b: U256, m: U256) -> U256 {
    remainder(product(a, b), m)
}

/// a * 2^256 mod m: a number in Montgomery form.
fn montgomery(a: U256, m: U256) -> U256 {
    remainder(U512::from((Big::ZERO, big(a))), m)
}

fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::MAX - 1),
        Just(0xffff_ffff),
        Just(0xffff_ffff_0000_0000),
        Just(1 << 63),
        any::<u64>()
    ]
}

/// Numbers below 2^256 with words at their ends, and neighbours of p, n and their halves.
fn number() -> impl Strategy<Value = U256> {
    let near = |modulus: U256| {
        (0_u64..4, any::<bool>()).prop_map(move |(distance, above)| {
            let distance = [distance, 0, 0, 0];
            let shifted = if above { limbs::add } else { limbs::sub };
            shifted(modulus, distance).0
        })
    };
    let half = |m: U256| big(m).shr_vartime(1).to_words();
    prop_oneof![
        4 => [word(), word(), word(), word()],
        1 => near(PRIME),
        1 => near(ORDER),
        1 => near(half(PRIME)),
        1 => near(half(ORDER)),
        1 => near(limbs::ZERO),
    ]
}

fn below(m: U256) -> impl Strategy<Value = U256> {
    number().prop_map(
        move |number| {
            if limbs::is_below(number, m) { number } else { limbs::sub(number, m).0 }
        },
    )
}

fn be_bytes(number: U256) -> [u8; 32] {
    let words = number.into_iter().rev().flat_map(u64::to_be_bytes);
    words.collect::<Vec<u8>>().try_into().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 4096 }))]

    #[test]
    fn products_and_squares_are_exact(a in number(), b in number()) {
        let words = |(low, high): (U256, U256)| U512::from((big(low), big(high)));
        prop_assert_eq!(words(limbs::mul_wide(a, b)), product(a, b));
        prop_assert_eq!(words(limbs::square_wide(a)), product(a, a));
    }

    #[test]
    fn montgomery_products(a in number(), b in number()) {
        for (m, r2) in R2 {
            let b = if limbs::is_below(b, m) { b } else { limbs::sub(b, m).0 };
            let result = Modulus::new(m, r2).mul(a, b);
            prop_assert!(limbs::is_below(result, m));
            prop_assert_eq!(montgomery(result, m), times(a, b, m));
        }
    }

    #[test]
    fn field_operations(a in below(PRIME), b in below(PRIME)) {
        let (x, y) = (Fe::new(a), Fe::new(b));
        prop_assert_eq!(x.words(), montgomery(a, PRIME));
        let is = |result: Fe, number: U256| result == Fe::new(number);
        prop_assert!(is(x.times(y), times(a, b, PRIME)));
        prop_assert!(is(x.squared(), times(a, a, PRIME)));
        let p = NonZero::new(big(PRIME)).unwrap();
        prop_assert!(is(x.plus(y), big(a).add_mod(&big(b), &p).to_words()));
        prop_assert!(is(x.minus(y), big(a).sub_mod(&big(b), &p).to_words()));
        prop_assert!(is(x.negated_if(true), big(a).neg_mod(&p).to_words()));
        prop_assert_eq!(x.negated_if(false), x);
        prop_assert_eq!(x.is_zero(), a == limbs::ZERO);
    }

    #[test]
    fn inverses(a in number()) {
        for (m, _) in R2 {
            let a = if limbs::is_below(a, m) { a } else { limbs::sub(a, m).0 };
            let inverse = inverse::inverse(a, &Odd::new(m));
            prop_assert!(limbs::is_below(inverse, m));
            let expected = if a == limbs::ZERO { limbs::ZERO } else { limbs::ONE };
            prop_assert_eq!(times(a, inverse, m), expected);
        }
        let a = if limbs::is_below(a, PRIME) { a } else { limbs::sub(a, PRIME).0 };
        let x = Fe::new(a);
        let expected = if x.is_zero() { Fe::ZERO } else { Fe::ONE };
        prop_assert_eq!(x.times(x.inverse()), expected);
    }

    #[test]
    fn scalars_are_read_in_their_range(number in number()) {
        let bytes = be_bytes(number);
        let is_in_range = number != limbs::ZERO && limbs::is_below(number, ORDER);
        let read = Scalar::from_signature(&bytes);
        prop_assert_eq!(read.map(Scalar::words), is_in_range.then_some(number));
        let digest = Scalar::from_digest(&bytes).words();
        prop_assert_eq!(digest, remainder(U512::from((big(number), Big::ZERO)), ORDER));
        let (halved, negative) = Scalar::from_digest(&bytes).halved();
        prop_assert!(halved[3] >> 63 == 0);
        let back = if negative { limbs::sub(ORDER, halved).0 } else { halved };
        prop_assert_eq!(back, digest);
    }

    #[test]
    fn many_are_inverted_at_once(
        numbers in proptest::collection::vec(below(ORDER), 0..=GROUP_MAX),
        other in below(ORDER),
    ) {
        let scalars: Vec<Scalar> = numbers
            .iter()
            .filter_map(|number| Scalar::from_signature(&be_bytes(*number)))
            .collect();
        let inverses = scalar::inverses(&scalars);
        prop_assert_eq!(inverses.len(), scalars.len());
        let other = Scalar::from_digest(&be_bytes(other));
        for (scalar, inverse) in scalars.iter().zip(inverses) {
            prop_assert_eq!(scalar.times(inverse).words(), limbs::ONE);
            let quotient = other.times(inverse).words();
            prop_assert_eq!(times(quotient, scalar.words(), ORDER), other.words());
        }
    }
}

/// What a term adds is what its scalar says, and each entry is the multiple that it stands for.
#[cfg_attr(miri, ignore = "tables are mapped memory")]
#[test]
fn terms_add_up_to_their_scalar() {
    let mut random = craft::Random(40);
    for rows in [16, 17, 18, 20, 26, 31, 32, 37, 43] {
        let unit = random.scalar();
        let table = table(unit, rows);
        let half = -Reference::from(2_u64).invert().unwrap();
        let mut scalars = vec![Reference::ZERO, Reference::ONE, half, half + Reference::ONE];
        scalars.extend((0..40).map(|_| random.scalar()));
        for scalar in scalars {
            let mine = Scalar::from_digest(&craft::bytes(scalar));
            let (halved, negative) = mine.halved();
            let mut lists = [const { Addends::new_const() }; 3];
            Term { scalar: halved, negative, table: &table }.share_out(&mut lists);
            let found = lists.iter().flatten();
            let found: Vec<Affine> = found
                .map(|addend| Affine::of_entry(addend.entry).negated_if(addend.negative))
                .collect();
            let addends = craft::addends(scalar, rows).into_iter();
            let expected: Vec<Affine> = addends
                .filter(|one| *one != Reference::ZERO)
                .map(|one| point(one * unit))
                .collect();
            assert_eq!(found, expected, "{rows} rows, {scalar:?}");
        }
    }
}

/// Every entry of small tables, by the `p256` crate.
#[cfg_attr(miri, ignore = "tables are mapped memory")]
#[test]
fn every_entry_is_its_multiple() {
    for rows in [40, 43] {
        let mut unit = Reference::from(0x1234_5678_u64);
        let table = table(unit, rows);
        let mut entries = table.entries().iter();
        for width in craft::widths(rows) {
            let multiples = 1..=1_u64 << (width - 1);
            for (multiple, entry) in multiples.zip(entries.by_ref()) {
                let expected = point(unit * Reference::from(multiple));
                assert_eq!(Affine::of_entry(entry), expected, "{rows} rows, {multiple}");
            }
            unit *= Reference::from(1_u64 << width);
        }
        assert!(entries.next().is_none(), "tables this small are not rounded up");
    }
}

fn table(unit: Reference, rows: u32) -> Table {
    build::key_table(&public_key(unit), Layout::of_rows(rows)).unwrap()
}

fn public_key(scalar: Reference) -> PublicKey {
    let point = (ProjectivePoint::GENERATOR * scalar).to_affine();
    PublicKey::from_sec1(point.to_sec1_point(false).as_bytes()).unwrap()
}

fn point(scalar: Reference) -> Affine {
    Affine::from_sec1(&public_key(scalar).to_sec1())
}

#[test]
fn constants_are_what_they_are_called() {
    assert_eq!(be_bytes(ORDER), crate::sample::hex(super::ORDER));
    assert_eq!(be_bytes(limbs::sub(ORDER, limbs::ONE).0), craft::bytes(-Reference::ONE));
    assert_eq!(Fe::ONE, Fe::new(limbs::ONE));
    assert_eq!(Fe::THREE, Fe::new([3, 0, 0, 0]));
    assert_eq!(Affine::generator(), point(Reference::ONE));
    assert!(Affine::generator().is_on_curve());
    let Affine { x, y } = Affine::generator();
    assert!(!Affine { x, y: y.plus(Fe::ONE) }.is_on_curve());
    assert_eq!(Reference::from_repr(be_bytes(limbs::ONE).into()).unwrap(), Reference::ONE);
}
