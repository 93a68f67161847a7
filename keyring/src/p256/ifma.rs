//! The engine for AVX-512 IFMA: eight lanes add at once, each the entries of one signature, or of
//! a part of one.
//!
//! The only file of this crate with `unsafe`: the way into code for CPU features that were
//! checked, and loads of whole entries.

use std::arch::x86_64::{
    __m512i as V, __mmask8 as Mask, _MM_HINT_T0, _mm_prefetch, _mm512_loadu_si512,
    _mm512_set_epi64, _mm512_shuffle_i64x2, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use super::{
    GROUP_MAX,
    comb::{ENTRY_BYTES, Entry},
    digits::Run,
    engine::Engine,
    field8::{Fe8, Raw, lanes, limbs_of},
    group::Sum,
    limbs::{self, U256},
    portable::r_plus_n,
};

/// How many steps ahead entries are asked of memory. A step takes about 0.2 µs, memory half of
/// that, and eight lines a step leave room for the requests of others.
const STEPS_AHEAD: usize = 3;
/// What a lane adds that has nothing to add; its sum is not kept.
static NOTHING: Entry = [0; ENTRY_BYTES];

/// Proof that this CPU can run the engine.
#[derive(Copy, Clone, Debug)]
pub(super) struct Ifma(());

impl Ifma {
    pub(super) fn detect() -> Option<Self> {
        Engine::Ifma.is_available().then_some(Self(()))
    }

    /// For each of up to eight sums what `portable::judge` says of it.
    pub(super) fn judge(self, sums: &[Sum<'_>]) -> [Option<bool>; GROUP_MAX] {
        // SAFETY: `Engine::is_available` checked every feature that `judge` is compiled for, and
        // `self` is proof that it was asked.
        unsafe { judge(sums) }
    }
}

/// What one lane adds up: two stretches, one after the other.
#[derive(Copy, Clone, Debug, Default)]
struct Lane<'a> {
    first: Run<'a>,
    second: Run<'a>,
}

impl<'a> Lane<'a> {
    fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    #[inline]
    fn get(&self, step: usize) -> Option<(&'a Entry, bool)> {
        let in_first = self.first.len();
        if step < in_first { self.first.get(step) } else { self.second.get(step - in_first) }
    }
}

/// Shares the sums out among the lanes: sum i has lanes i * width to (i + 1) * width - 1. The
/// first half of a sum's lanes adds for u1 * G, the other for u2 * Q, each a stretch of rows: two
/// different stretches of one scalar's rows are different numbers below n / 2, so that only the
/// last addition of the lanes can meet P = +-Q, and only if u1 * G = +-u2 * Q.
fn share_out<'a>(sums: &'a [Sum<'_>], width: usize) -> [Lane<'a>; GROUP_MAX] {
    let mut lanes = [Lane::default(); GROUP_MAX];
    for (sum, lanes) in sums.iter().zip(lanes.chunks_mut(width)) {
        let (base, key) = (sum.base.run(), sum.key.run());
        if let [lane] = lanes {
            *lane = Lane { first: base, second: key };
            continue;
        }
        let half = width / 2;
        for (part, lane) in lanes.iter_mut().enumerate() {
            let run = if part < half { base.part(part, half) } else { key.part(part - half, half) };
            *lane = Lane { first: run, second: Run::default() };
        }
    }
    lanes
}

/// Eight sums, in the coordinates of [`super::point::Xyzz`]. x is below 1.001 p, y below 3 p, zz
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
        let lanes = share_out(sums, width);
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
    fn add_up(lanes: &[Lane<'_>; GROUP_MAX]) -> (Xyzz8, Mask) {
        for step in 0..STEPS_AHEAD {
            prefetch(lanes, step);
        }
        let steps = lanes.iter().map(Lane::len).max().unwrap_or(0);
        let first = gather(lanes, 0);
        let mut total = Xyzz8::from_affine(&first);
        for step in 1..steps {
            prefetch(lanes, step + STEPS_AHEAD - 1);
            let point = gather(lanes, step);
            let sum = if step == 1 { total.plus_first(&point) } else { total.plus(&point) };
            total = if point.present == 0xff { sum } else { total.blend(point.present, &sum) };
        }
        (total, first.present)
    }

    fn prefetch(lanes: &[Lane<'_>; GROUP_MAX], step: usize) {
        for lane in lanes {
            if let Some((entry, _)) = lane.get(step) {
                _mm_prefetch::<_MM_HINT_T0>(entry.as_ptr().cast());
            }
        }
    }

    /// The entries of one step: eight cache lines, transposed.
    fn gather(lanes: &[Lane<'_>; GROUP_MAX], step: usize) -> Affine8 {
        let (mut negative, mut present) = (0, 0);
        let mut rows = [load(&NOTHING); GROUP_MAX];
        for (i, lane) in lanes.iter().enumerate() {
            if let Some((entry, is_negative)) = lane.get(step) {
                rows[i] = load(entry);
                negative |= Mask::from(is_negative) << i;
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
            let pp = p.squared().carried();
            let ppp = p.times(&pp).carried();
            self.chord(&r, pp, ppp, pp, ppp)
        }

        /// Adds affine points, blindly: where a point equals the sum or its negative, ZZ becomes
        /// a multiple of p and stays one, whatever is added later. Formulas `madd-2008-s`.
        fn plus(&self, point: &Affine8) -> Self {
            // A point is below 16 p: u below zz + 1 < 2.5, s below zzz + 1 < 2.5.
            let u = point.x.times(&self.zz);
            let s = point.y.times(&self.zzz).negated_where::<4>(point.negative);
            // p below 2.5 + 2, r below 4 + 3.
            let p = u.minus::<2>(&self.x.raw()).carried();
            let r = s.minus::<3>(&self.y).carried();
            // pp below 4.5^2 / 16 + 1 < 2.3, ppp below 4.5 * 2.3 / 16 + 1 < 1.7.
            let pp = p.squared().carried();
            let ppp = p.times(&pp).carried();
            // Both below 1.5 * 2.3 / 16 + 1 < 1.3.
            let zz = self.zz.times(&pp).carried();
            let zzz = self.zzz.times(&ppp).carried();
            self.chord(&r, pp, ppp, zz, zzz)
        }

        /// The third point of the lines through the sums and the points: r below 7 p.
        fn chord(&self, r: &Fe8, pp: Fe8, ppp: Fe8, zz: Fe8, zzz: Fe8) -> Self {
            // q below 1.001 * 2.3 / 16 + 1 < 1.2.
            let q = self.x.times(&pp).carried();
            // r^2 below 7^2 / 16 + 1 < 4.1; what is taken off is below 1.7 + 2 * 1.2 = 4.1.
            let x = r.squared().minus::<5>(&ppp.raw()).minus_twice(&q.raw()).folded();
            // Below 1.2 + 2.
            let q_less_x = q.raw().minus::<2>(&x.raw()).carried();
            let minus_y = self.y.negated::<3>().carried();
            // Below (7 * 3.2 + 3 * 1.7) / 16 + 1 < 2.8.
            let y = r.times_plus(&q_less_x, &minus_y, &ppp);
            Self { x, y, zz, zzz }
        }

        /// Adds to each lane the lane `distance` above it, blindly; a lane that is not present
        /// adds nothing. Formulas `add-2008-s`.
        fn joined(&self, present: Mask, distance: usize) -> (Self, Mask) {
            let from = from_lanes(std::array::from_fn(|lane| {
                i64::try_from((lane + distance) % GROUP_MAX).unwrap_or(0)
            }));
            let (this_y, x2) = (self.y.carried(), self.x.permuted(from));
            let y2 = this_y.permuted(from);
            let (zz2, zzz2) = (self.zz.permuted(from), self.zzz.permuted(from));
            let other = Self { x: x2, y: y2.raw(), zz: zz2, zzz: zzz2 };
            let other_present = present.rotate_right(u32::try_from(distance).unwrap_or(0));

            // u below 1.001 * 1.5 / 16 + 1 < 1.1, s below 3 * 1.5 / 16 + 1 < 1.3.
            let u1 = self.x.times(&zz2).carried();
            let s1 = this_y.times(&zzz2);
            let p = x2.times(&self.zz).minus::<2>(&u1.raw()).carried();
            let r = y2.times(&self.zzz).minus::<2>(&s1).carried();
            // p below 3.1, r below 3.3: as in `plus` and less.
            let pp = p.squared().carried();
            let ppp = p.times(&pp).carried();
            let zz = self.zz.times(&zz2).carried().times(&pp).carried();
            let zzz = self.zzz.times(&zzz2).carried().times(&ppp).carried();
            let scaled = Self { x: u1, y: s1, zz, zzz };
            let sum = scaled.chord(&r, pp, ppp, zz, zzz);
            // Only one there: that one. None: whatever, for the mask says so.
            let either = self.blend(!present, &other);
            (either.blend(present & other_present, &sum), present | other_present)
        }

        /// In which lanes ZZ is 0, and in which x is the sum's r modulo n.
        fn compare(&self, sums: &[Sum<'_>], width: usize) -> (Mask, Mask) {
            let vanished = self.zz.is_multiple_of_p(2);
            let x = self.x.times(&Fe8::plain_one());
            let mut equal = self.equals(&x, spread(sums.iter().map(|sum| sum.r), width));
            // One r in 2^128, unless somebody looks for it.
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

impl Affine8 {
    lanes! {
        /// y or -y, folded: below 1.001 p.
        fn signed_y(&self) -> Raw {
            self.y.raw().negated_where::<16>(self.negative).folded().raw()
        }
    }
}
