//! Scalars at the edges of digits, windows and ranges, and keys that are multiples of the
//! generator as the tables' own rows are: whether an engine falls back is foreseen for each.

use ::p256::Scalar;

use super::{
    craft::{self, Key, Random, power_of_2, scalar},
    engines::{Engines, Way},
};

/// Scalars that reach P = Q inside the generator's own rows where digits are made odd, of 8 and
/// 16 bits (`models/odd_digits_forgery.py`): a forger needs no key at all then.
const ODD_DIGITS: [&str; 2] = [
    "fe000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf",
    "fffe0000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf",
];

/// Scalars at the edges of digits, windows and ranges, for a table of that many rows.
fn edges(rows: u32) -> Vec<Scalar> {
    let half = -Scalar::from(2_u64).invert().unwrap();
    let mut edges = vec![
        Scalar::ONE,
        Scalar::from(2_u64),
        Scalar::from(3_u64),
        half,
        half + Scalar::ONE,
        Scalar::from(0x7f80_u64) * power_of_2(240),
        Scalar::from(0x7fff_8000_u64) * power_of_2(224),
        scalar(ODD_DIGITS[0]),
        scalar(ODD_DIGITS[1]),
    ];
    let widths: Vec<u32> = craft::widths(rows);
    let mut all_at_the_edge = Scalar::ZERO;
    let mut alternating = Scalar::ZERO;
    let mut offset = 0;
    for (row, width) in widths.iter().enumerate() {
        let edge = power_of_2(offset + width - 1);
        all_at_the_edge += edge;
        alternating += if row % 2 == 0 { edge } else { -(edge - power_of_2(offset)) };
        if row % 6 == 0 || row + 1 == widths.len() {
            // The half-open end of this digit, and its neighbours.
            edges.extend([edge, edge + power_of_2(offset), edge - power_of_2(offset)]);
        }
        offset += width;
    }
    // The highest digit alone would put this above (n - 1) / 2; then it is read as its negative.
    edges.extend([all_at_the_edge, alternating, power_of_2(255), power_of_2(254)]);
    // The same without the two highest rows stays below n / 2, and is read as it is.
    let lower = widths[..widths.len() - 2].iter().sum::<u32>();
    edges
        .push(all_at_the_edge - power_of_2(255) - power_of_2(lower + widths[widths.len() - 2] - 1));
    let top = *widths.last().unwrap();
    edges.extend([power_of_2(top), power_of_2(128), power_of_2(64) - Scalar::ONE]);
    let negatives: Vec<Scalar> = edges.iter().map(|edge| -edge).collect();
    edges.extend(negatives);
    edges
}

/// u1 and u2 at the edges, with keys that are small or opposite to small: half of the time with
/// the u1 that makes the sum so far plus or minus what a row of an edge's digits adds.
#[test]
fn scalars_at_the_edges_with_keys_at_the_edges() {
    let mut random = Random(4);
    for (base_rows, rows) in [(16, 40), (32, 32)] {
        let (engines, edges) = (Engines::new(base_rows), edges(rows));
        for d in [1, 2, 3_u64].map(Scalar::from).into_iter().flat_map(|d| [d, -d]) {
            let key = Key::new(d, rows);
            for _ in 0..8 {
                let u2 = pick(&edges, &mut random);
                engines.assert_foreseen(&key, (pick(&edges, &mut random), u2), &mut random);
                let u1 = meeting(&key, u2, &mut random);
                let met = engines.assert_foreseen(&key, (u1, u2), &mut random);
                // With u1 = 0, the row that was to be met is the first.
                assert!(met || u1 == Scalar::ZERO, "{key:?}: {u1:?}, {u2:?}");
            }
            // u1 = +-u2, and u1 = 0.
            let u2 = random.scalar();
            for u1 in [u2, -u2, Scalar::ZERO] {
                engines.assert_foreseen(&key, (u1, u2), &mut random);
            }
        }
    }
}

/// The u1 for which u1 * G and some rows of u2 * Q add up to plus or minus what the next adds.
fn meeting(key: &Key, u2: Scalar, random: &mut Random) -> Scalar {
    let addends: Vec<Scalar> = craft::addends(u2, key.rows);
    let added: Vec<Scalar> = addends.into_iter().filter(|one| *one != Scalar::ZERO).collect();
    let row = random.below(added.len());
    let next = [added[row], -added[row]][random.below(2)];
    (next - added[..row].iter().sum::<Scalar>()) * key.d
}

/// The same scalars with a key that has nothing to do with them: all their digits are read right,
/// and nothing meets, whatever the rows.
#[test]
fn scalars_at_the_edges_with_any_key() {
    let mut random = Random(14);
    for (base_rows, rows) in [(17, 37), (18, 26), (24, 35), (26, 43), (32, 32)] {
        let engines = Engines::new(base_rows);
        let key = Key::new(random.scalar(), rows);
        let (base_edges, key_edges) = (edges(base_rows), edges(rows));
        for _ in 0..16 {
            let (u1, u2) = (pick(&base_edges, &mut random), pick(&key_edges, &mut random));
            assert!(!engines.assert_foreseen(&key, (u1, u2), &mut random));
        }
        let u2 = random.scalar();
        assert!(!engines.assert_foreseen(&key, (u2, u2), &mut random));
        assert!(!engines.assert_foreseen(&key, (-u2, u2), &mut random));
    }
}

fn pick(edges: &[Scalar], random: &mut Random) -> Scalar {
    edges[random.below(edges.len())]
}

/// A forger without any private key can choose u1. So no u1 may make the generator's rows alone
/// meet, nor a key's rows.
#[test]
fn rows_of_one_table_never_meet() {
    let mut random = Random(15);
    for rows in [16, 32] {
        let engines = Engines::new(rows);
        let key = Key::new(random.scalar(), 32);
        for u in ODD_DIGITS.map(scalar) {
            for u in [u, -u, u + Scalar::ONE, u - Scalar::ONE] {
                let other = random.scalar();
                for pair in [(u, other), (other, u)] {
                    let forged = craft::forged(&key.key, pair.0, pair.1, &mut random);
                    engines.assert(&forged, |_: Way| false);
                }
            }
        }
    }
}

/// Q = +-2^k * G for the k at which rows of either table begin, and their neighbours, with
/// scalars for which the sum so far is plus or minus what a row of the key's adds.
#[test]
fn keys_that_are_powers_of_2() {
    let mut random = Random(16);
    for (base_rows, rows) in [(20, 43), (32, 32)] {
        let engines = Engines::new(base_rows);
        let offsets = |rows: u32| {
            craft::widths(rows).into_iter().scan(0, |offset, width| {
                *offset += width;
                Some(*offset - width)
            })
        };
        let starts: Vec<u32> = offsets(base_rows).chain(offsets(rows)).collect();
        for start in starts.iter().step_by(8) {
            for exponent in [start.saturating_sub(1), *start, *start + 1] {
                let sign = [Scalar::ONE, -Scalar::ONE][random.below(2)];
                let key = Key::new(sign * power_of_2(exponent), rows);
                let u2 = random.scalar();
                let u1 = meeting(&key, u2, &mut random);
                let met = engines.assert_foreseen(&key, (u1, u2), &mut random);
                assert!(met, "{key:?}: {u1:?}, {u2:?}");
                // What happens to meet with scalars of few digits.
                let few = (power_of_2(exponent), power_of_2(random.below(255).try_into().unwrap()));
                engines.assert_foreseen(&key, few, &mut random);
            }
        }
    }
}
