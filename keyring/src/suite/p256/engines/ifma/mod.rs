//! The engine for AVX-512 IFMA: eight lanes add at once, each the entries of one signature, or of
//! a part of one.
//!
//! The only file of this crate with `unsafe`: the way into code for CPU features that were
//! checked, and loads of whole entries.

#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    reason = "features that were checked, loads of whole entries; eight lanes, indexed as such"
)]

use std::arch::x86_64::{
    __m512i as V, __mmask8 as Mask, _MM_HINT_T0, _mm_prefetch, _mm512_loadu_si512,
    _mm512_set_epi64, _mm512_shuffle_i64x2, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use super::{group::Sum, portable::r_plus_n};
use crate::suite::{
    curve::{
        engine::Engine,
        layout::{ENTRY_BYTES, Entry},
        limbs::{self, U256},
        terms::Addends,
    },
    p256::arithmetic::field8::{Fe8, Raw, Wide, lanes, limbs_of},
    sizes::GROUP_MAX,
};

/// How many steps ahead entries are asked of memory. A step takes about 0.2 µs, memory half of
/// that; with more lines under way the buffers for them are full, and everything waits.
const STEPS_AHEAD: usize = 2;
/// What a lane adds that has nothing to add; its sum is not kept.
static NOTHING: Entry = [0; ENTRY_BYTES];

/// Proof that this CPU can run the engine.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Ifma(());

impl Ifma {
    pub(crate) fn detect() -> Option<Self> {
        Engine::Ifma.is_available().then_some(Self(()))
    }

    /// For each of up to eight sums what `portable::judge` says of it.
    pub(crate) fn judge(self, sums: &[Sum<'_>]) -> [Option<bool>; GROUP_MAX] {
        // SAFETY: `Engine::is_available` checked every feature that `judge` is compiled for, and
        // `self` is proof that it was asked.
        unsafe { judge(sums) }
    }
}

/// A test that is compiled for the engine's features.
#[cfg(test)]
pub(crate) type Test = unsafe fn();

#[cfg(test)]
impl Ifma {
    pub(crate) fn call(self, test: Test) {
        // SAFETY: as in `judge`; a test is unsafe to call for its features alone.
        unsafe { test() }
    }
}

/// Shares the sums out among the lanes: sum i has lanes i * width to (i + 1) * width - 1. The
/// first half of a sum's lanes adds for u1 * G, the other for u2 * Q, each a stretch of rows: two
/// different stretches of one scalar's rows are different numbers below n / 2, so that only the
/// last addition of the lanes can meet P = +-Q, and only if u1 * G = +-u2 * Q.
fn share_out<'a>(sums: &[Sum<'a>], width: usize, lanes: &mut [Addends<'a>; GROUP_MAX]) {
    for (sum, lanes) in sums.iter().zip(lanes.chunks_mut(width)) {
        if width == 1 {
            sum.base.share_out(lanes);
            sum.key.share_out(lanes);
        } else {
            let (base, key) = lanes.split_at_mut(width / 2);
            sum.base.share_out(base);
            sum.key.share_out(key);
        }
    }
}

/// Eight sums, in the coordinates of `point::Xyzz`. x is below 1.001 p, y below 3 p, zz
/// and zzz below 1.5 p.
#[derive(Copy, Clone, Debug)]
struct Xyzz8 {
    x: Fe8,
    y: Raw,
    zz: Fe8,
    zzz: Fe8,
}

/// Eight affine points, coordinates below 16 p; `negative` lanes are subtracted.
#[derive(Copy, Clone, Debug)]
struct Affine8 {
    x: Fe8,
    y: Fe8,
    negative: Mask,
    /// Lanes that have a point at all.
    present: Mask,
}

lanes! {
    fn judge(sums: &[Sum<'_>]) -> [Option<bool>; GROUP_MAX] {
        let width = match sums.len() {
            0 | 1 => 8,
            2 => 4,
            3 | 4 => 2,
            _ => 1,
        };
        let mut lanes = std::array::from_fn(|_| Addends::new());
        share_out(sums, width, &mut lanes);
        let (mut total, mut present) = add_up(&lanes);
        let mut step = 1;
        while step < width {
            (total, present) = total.joined(present, step);
            step *= 2;
        }
        let (vanished, equal) = total.compare(sums, width);
        let mut verdicts = [None; GROUP_MAX];
        for (i, verdict) in verdicts.iter_mut().enumerate().take(sums.len()) {
            let lane = 1 << (i * width);
            // A lane without a sum cannot be: u2 is not 0, so some digit is not.
            *verdict = (vanished & lane == 0 && present & lane != 0).then_some(equal & lane != 0);
        }
        verdicts
    }

    /// Each lane's sum, and which lanes have one.
    fn add_up(lanes: &[Addends<'_>; GROUP_MAX]) -> (Xyzz8, Mask) {
        for step in 0..STEPS_AHEAD {
            prefetch(lanes, step);
        }
        let steps = lanes.iter().map(|lane| lane.len()).max().unwrap_or(0);
        let (mut total, mut present) = (Xyzz8::nothing(), 0);
        for step in 0..steps {
            prefetch(lanes, step + STEPS_AHEAD);
            let point = gather(lanes, step);
            let sum = match step {
                0 => Xyzz8::from_affine(&point),
                1 => total.plus_first(&point),
                _ => total.plus(&point),
            };
            total = if point.present == 0xff { sum } else { total.blend(point.present, &sum) };
            present |= point.present;
        }
        (total, present)
    }

    fn prefetch(lanes: &[Addends<'_>; GROUP_MAX], step: usize) {
        for lane in lanes {
            if let Some(addend) = lane.get(step) {
                _mm_prefetch::<_MM_HINT_T0>(addend.entry.as_ptr().cast());
            }
        }
    }

    /// The entries of one step: eight cache lines, transposed.
    fn gather(lanes: &[Addends<'_>; GROUP_MAX], step: usize) -> Affine8 {
        let (mut negative, mut present) = (0, 0);
        let mut rows = [load(&NOTHING); GROUP_MAX];
        for (i, lane) in lanes.iter().enumerate() {
            if let Some(addend) = lane.get(step) {
                rows[i] = load(addend.entry);
                negative |= Mask::from(addend.negative) << i;
                present |= 1 << i;
            }
        }
        let [x0, x1, x2, x3, y0, y1, y2, y3] = transposed(rows);
        Affine8 {
            x: Fe8::from_words_times_16([x0, x1, x2, x3]),
            y: Fe8::from_words_times_16([y0, y1, y2, y3]),
            negative,
            present,
        }
    }

    fn load(entry: &Entry) -> V {
        // SAFETY: an entry has the 64 bytes that are read, and no alignment is asked for.
        unsafe { _mm512_loadu_si512(entry.as_ptr().cast()) }
    }

    /// Word i of lane j becomes word j of register i.
    fn transposed(rows: [V; 8]) -> [V; 8] {
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
        let even = quarters([
            _mm512_unpacklo_epi64(r0, r1),
            _mm512_unpacklo_epi64(r2, r3),
            _mm512_unpacklo_epi64(r4, r5),
            _mm512_unpacklo_epi64(r6, r7),
        ]);
        let odd = quarters([
            _mm512_unpackhi_epi64(r0, r1),
            _mm512_unpackhi_epi64(r2, r3),
            _mm512_unpackhi_epi64(r4, r5),
            _mm512_unpackhi_epi64(r6, r7),
        ]);
        [even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]]
    }

    /// The 128-bit quarters of four registers, transposed.
    fn quarters(rows: [V; 4]) -> [V; 4] {
        let [a, b, c, d] = rows;
        let (ab_low, cd_low) =
            (_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0x44>(c, d));
        let (ab_high, cd_high) =
            (_mm512_shuffle_i64x2::<0xee>(a, b), _mm512_shuffle_i64x2::<0xee>(c, d));
        [
            _mm512_shuffle_i64x2::<0x88>(ab_low, cd_low),
            _mm512_shuffle_i64x2::<0xdd>(ab_low, cd_low),
            _mm512_shuffle_i64x2::<0x88>(ab_high, cd_high),
            _mm512_shuffle_i64x2::<0xdd>(ab_high, cd_high),
        ]
    }

    /// The same number in no lane but the sums' own: sum i's in lane i * width.
    fn spread(numbers: impl Iterator<Item = U256>, width: usize) -> Fe8 {
        let mut words = [[0; GROUP_MAX]; 5];
        for (i, number) in numbers.enumerate() {
            for (limb, lanes) in limbs_of(number).into_iter().zip(&mut words) {
                if let Some(lane) = lanes.get_mut(i * width) {
                    *lane = limb;
                }
            }
        }
        Fe8::from_limbs(words.map(|lanes| from_lanes(lanes)))
    }

    fn from_lanes(lanes: [i64; GROUP_MAX]) -> V {
        let [l0, l1, l2, l3, l4, l5, l6, l7] = lanes;
        _mm512_set_epi64(l7, l6, l5, l4, l3, l2, l1, l0)
    }
}

impl Xyzz8 {
    lanes! {
        /// What is there before anything was added; never read.
        fn nothing() -> Self {
            let one = Fe8::one();
            Self { x: one, y: one.raw(), zz: one, zzz: one }
        }

        fn from_affine(point: &Affine8) -> Self {
            let one = Fe8::one();
            Self {
                x: point.x.raw().folded(),
                y: point.signed_y(),
                zz: one,
                zzz: one,
            }
        }

        /// Adds affine points to sums of one point each (ZZ = ZZZ = 1), blindly as in `plus`:
        /// formulas `mmadd-2008-s`, four products less.
        fn plus_first(&self, point: &Affine8) -> Self {
            // Both folded: below 1.001 p. p below 3.1, r below 3.1.
            let p = point.x.raw().folded().raw().minus::<2>(&self.x.raw()).carried();
            let r = point.signed_y().minus::<2>(&self.y).carried();
            let pp = p.times(&p).carried();
            let ppp = p.times(&pp).carried();
            let q = self.x.times(&pp).carried();
            let (x, [a, b], [c, d]) = self.chord(&r, &r.times(&r), &ppp, &q);
            let y = Wide::product(&a, &b).plus_product(&c, &d).reduced();
            Self { x, y, zz: pp, zzz: ppp }
        }

        /// Adds affine points, blindly: where a point equals the sum or its negative, ZZ becomes
        /// a multiple of p and stays one, whatever is added later. Formulas `madd-2008-s`, in an
        /// order in which each reduction runs beside a product that does not wait for it.
        fn plus(&self, point: &Affine8) -> Self {
            // A point is below 16 p: u below zz + 1 < 2.5, s below zzz + 1 < 2.5.
            let t = Wide::product(&point.x, &self.zz);
            let (u, t) = t.reduced_beside_product(&point.y, &self.zzz);
            // p below 2.5 + 2, r below 4 + 3.
            let p = u.minus::<2>(&self.x.raw()).carried();
            let (s, t) = t.reduced_beside_square(&p);
            let r = s.negated_where::<4>(point.negative).minus::<3>(&self.y).carried();
            // pp below 4.5^2 / 16 + 1 < 2.3.
            let (pp, t) = t.reduced_beside_square(&r);
            let pp = pp.carried();
            // r^2 below 7^2 / 16 + 1 < 4.1, q below 1.001 * 2.3 / 16 + 1 < 1.2.
            let (rr, t) = t.reduced_beside_product(&self.x, &pp);
            let (q, t) = t.reduced_beside_product(&p, &pp);
            let q = q.carried();
            // ppp below 4.5 * 2.3 / 16 + 1 < 1.7.
            let (ppp, t) = t.reduced_beside_product(&self.zz, &pp);
            let ppp = ppp.carried();
            let (x, first, second) = self.chord(&r, &rr, &ppp, &q);
            // zz and zzz below 1.5 * 2.3 / 16 + 1 < 1.3; y below (7 * 3.2 + 3 * 1.7) / 16 + 1 < 2.8.
            let (zz, t) = t.reduced_beside_products(first.each_ref(), second.each_ref());
            let (y, t) = t.reduced_beside_product(&self.zzz, &ppp);
            Self { x, y, zz: zz.carried(), zzz: t.reduced().carried() }
        }

        /// The x of the third point on the lines, for r^2 below 4.1 p, ppp below 1.7 p and q
        /// below 1.2 p; and the factors of its y = r * (q - x) - y * ppp.
        fn chord(&self, r: &Fe8, rr: &Raw, ppp: &Fe8, q: &Fe8) -> (Fe8, [Fe8; 2], [Fe8; 2]) {
            // What is taken off is below 1.7 + 2 * 1.2 = 4.1.
            let x = rr.minus::<5>(&ppp.raw()).minus_twice(&q.raw()).folded();
            // Below 1.2 + 2.
            let q_less_x = q.raw().minus::<2>(&x.raw()).carried();
            let minus_y = self.y.negated_where::<3>(0xff).carried();
            (x, [*r, q_less_x], [minus_y, *ppp])
        }

        /// Adds up pairs of lanes, blindly: lane i and lane i + `distance`, for the lanes i whose
        /// bit `distance` is 0, where the sum goes. A lane that is not present adds nothing.
        /// Formulas `add-2008-s`; both lanes of a pair work at its products, two at a time. What
        /// is left in the other lane of a pair has no meaning.
        fn joined(&self, present: Mask, distance: usize) -> (Self, Mask) {
            let pairs = Pairs::at(distance);
            let y = self.y.carried();
            let (zz, zzz) = (pairs.swapped(&self.zz), pairs.swapped(&self.zzz));
            // Each lane's own numerator over the common denominator. u below 1.001 * 1.5 / 16 + 1
            // < 1.1, s below 3 * 1.5 / 16 + 1 < 1.3.
            let t = Wide::product(&self.x, &zz);
            let (u, t) = t.reduced_beside_product(&y, &zzz);
            let (s, t) = t.reduced_beside_product(
                &pairs.join(&self.zz, &self.zzz),
                &pairs.join(&zz, &zzz),
            );
            let (u, s) = (u.carried(), s.carried());
            // p below 1.1 + 2, r below 1.3 + 2: as in `plus` and less.
            let p = pairs.swapped(&u).raw().minus::<2>(&u.raw()).carried();
            let r = pairs.swapped(&s).raw().minus::<2>(&s.raw()).carried();
            let (denominators, t) = t.reduced_beside_square(&pairs.join_first(&p, &r));
            // pp in the first lane of a pair, r^2 in the second; then ppp and q.
            let squares = t.reduced().carried();
            let pp = pairs.first(&squares);
            let cubes = pairs.join_first(&p, &u).times(&pp).carried();
            let (ppp, q) = (pairs.first(&cubes), pairs.second(&cubes));
            let scaled = Self { x: u, y: s.raw(), ..*self };
            let (x, first, second) = scaled.chord(&r, &pairs.second(&squares).raw(), &ppp, &q);
            let t = Wide::product(&denominators.carried(), &pairs.join_first(&pp, &ppp));
            let (zs, t) = t.reduced_beside_products(first.each_ref(), second.each_ref());
            let zs = zs.carried();
            let sum = Self { x, y: t.reduced(), zz: zs, zzz: pairs.second(&zs) };

            let other = Self {
                x: pairs.swapped(&self.x),
                y: pairs.swapped(&y).raw(),
                zz,
                zzz,
            };
            let other_present = pairs.swapped_mask(present);
            // Only one there: that one. None: whatever, for the mask says so.
            let either = self.blend(!present, &other);
            (either.blend(present & other_present, &sum), present | other_present)
        }

        /// In which lanes ZZ is 0, and in which x is the sum's r modulo n.
        fn compare(&self, sums: &[Sum<'_>], width: usize) -> (Mask, Mask) {
            let vanished = self.zz.is_multiple_of_p(2);
            let x = self.x.times(&Fe8::plain_one());
            let mut equal = self.equals(&x, spread(sums.iter().map(|sum| sum.r), width));
            // One r in 2^128, unless a forger searches for it.
            if sums.iter().any(|sum| r_plus_n(sum.r).is_some()) {
                let more = sums.iter().map(|sum| r_plus_n(sum.r).unwrap_or(limbs::ZERO));
                // 0 stands for "no second candidate", so x = 0 must not count.
                let has_more = spread(more.clone(), width).is_multiple_of_p(0);
                equal |= self.equals(&x, spread(more, width)) & !has_more;
            }
            (vanished, equal)
        }

        /// Where X = r * ZZ. Both sides are products with 1 / R: below 1.1 p each.
        fn equals(&self, x: &Raw, r: Fe8) -> Mask {
            let difference = x.minus::<2>(&self.zz.times(&r)).carried();
            difference.is_multiple_of_p(4)
        }

        fn blend(&self, mask: Mask, other: &Self) -> Self {
            Self {
                x: self.x.blend(mask, &other.x),
                y: self.y.blend(mask, &other.y),
                zz: self.zz.blend(mask, &other.zz),
                zzz: self.zzz.blend(mask, &other.zzz),
            }
        }
    }
}

/// Lanes in pairs, as far apart as a power of 2 says.
#[derive(Copy, Clone, Debug)]
struct Pairs {
    distance: usize,
    swap: V,
    first: V,
    second: V,
    /// The second lanes of the pairs.
    seconds: Mask,
}

impl Pairs {
    lanes! {
        fn at(distance: usize) -> Self {
            let index = |lane: usize| i64::try_from(lane).unwrap_or(0);
            let seconds = (0..GROUP_MAX).filter(|lane| lane & distance != 0);
            Self {
                distance,
                swap: from_lanes(std::array::from_fn(|lane| index(lane ^ distance))),
                first: from_lanes(std::array::from_fn(|lane| index(lane & !distance))),
                second: from_lanes(std::array::from_fn(|lane| index(lane | distance))),
                seconds: seconds.fold(0, |mask, lane| mask | 1 << lane),
            }
        }

        /// Each lane from the other of its pair.
        fn swapped(&self, a: &Fe8) -> Fe8 {
            a.permuted(self.swap)
        }

        fn swapped_mask(&self, mask: Mask) -> Mask {
            let up = (mask & !self.seconds) << self.distance;
            up | (mask & self.seconds) >> self.distance
        }

        /// Both lanes of a pair from its first, or from its second.
        fn first(&self, a: &Fe8) -> Fe8 {
            a.permuted(self.first)
        }

        fn second(&self, a: &Fe8) -> Fe8 {
            a.permuted(self.second)
        }

        /// The first lane's `a`, and the second lane's `b`.
        fn join(&self, a: &Fe8, b: &Fe8) -> Fe8 {
            a.blend(self.seconds, b)
        }

        /// The first lane's `a`, and the first lane's `b` in the second.
        fn join_first(&self, a: &Fe8, b: &Fe8) -> Fe8 {
            self.join(a, &self.first(b))
        }
    }
}

impl Affine8 {
    lanes! {
        /// y or -y, folded: below 1.001 p.
        fn signed_y(&self) -> Raw {
            self.y.raw().negated_where::<16>(self.negative).folded().raw()
        }
    }
}

#[cfg(test)]
mod tests;
