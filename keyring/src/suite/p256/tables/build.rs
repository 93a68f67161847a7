//! Building a table: each row by doubling its length, in affine coordinates, with one inversion
//! for many additions (Montgomery's trick).

#![expect(clippy::indexing_slicing, reason = "parts of rows whose lengths are powers of two")]

use std::io;

use ::p256::{
    ProjectivePoint,
    elliptic_curve::{Group as _, sec1::ToSec1Point as _},
};
use memmap2::{Advice, MmapMut};

use crate::suite::{
    curve::{
        layout::{ENTRY_BYTES, Layout},
        table::Table,
    },
    p256::{
        arithmetic::{field::Fe, point::Affine},
        key::PublicKey,
    },
    sizes::PUBLIC_KEY_BYTES,
};

/// Additions that share an inversion: it adds 10 ns to each, and their products stay in the cache.
const SHARED_BY: usize = 256;

/// The table of a key's point.
///
/// # Errors
/// As [`table_of`].
pub(crate) fn key_table(key: &PublicKey, layout: Layout) -> io::Result<Table> {
    table_of(
        Affine::from_sec1(&key.to_sec1()),
        ProjectivePoint::from(*key.as_inner().as_affine()),
        layout,
    )
}

/// The table of the generator.
///
/// # Errors
/// As [`table_of`].
pub(crate) fn base_table(layout: Layout) -> io::Result<Table> {
    table_of(Affine::generator(), ProjectivePoint::GENERATOR, layout)
}

/// The table of a point that is on the curve and not infinity. `same` is the same point, for a
/// second opinion.
///
/// # Errors
/// The system's error if there is no memory. Another error if a result is wrong, which only a
/// broken machine explains.
fn table_of(point: Affine, same: ProjectivePoint, layout: Layout) -> io::Result<Table> {
    let mut memory = MmapMut::map_anon(layout.bytes())?;
    // A kernel without huge pages does no worse than before.
    let _ = memory.advise(Advice::HugePage);
    let (mut entries, _) = memory.as_chunks_mut::<ENTRY_BYTES>();
    let mut unit = point;
    for width in layout.widths() {
        let row = row(unit, 1 << (width - 1));
        let (places, rest) = entries.split_at_mut(row.len());
        for (place, point) in places.iter_mut().zip(&row) {
            if !point.is_on_curve() {
                return Err(io::Error::other("an entry is no point of the curve"));
            }
            *place = point.to_entry();
        }
        entries = rest;
        unit = doubled(row.last().copied().unwrap_or(unit));
    }
    // Each row began with the result of the one before, so a right end proves the whole chain.
    if !is_shifted_by_256(unit, same) {
        return Err(io::Error::other("a row does not lead to the next"));
    }
    Table::seal(layout, memory)
}

/// Whether `point` is 2^256 times `same`, by the `p256` crate.
fn is_shifted_by_256(point: Affine, same: ProjectivePoint) -> bool {
    let shifted = (0..256).fold(same, |point, _| point.double()).to_affine();
    let bytes = shifted.to_sec1_point(false);
    let bytes: Option<&[u8; PUBLIC_KEY_BYTES]> = bytes.as_bytes().try_into().ok();
    bytes.is_some_and(|bytes| Affine::from_sec1(bytes) == point)
}

/// unit, 2 unit, 3 unit .. count unit, for a count that is a power of 2, far below the order.
fn row(unit: Affine, count: usize) -> Vec<Affine> {
    let mut row = Vec::with_capacity(count);
    row.push(unit);
    while row.len() < count {
        extend(&mut row);
    }
    row
}

/// From 1 .. k times the unit to 1 .. 2k times: each of the first k plus the last.
fn extend(row: &mut Vec<Affine>) {
    let (count, Some(&last)) = (row.len(), row.last()) else { return };
    let mut sums = Vec::with_capacity(SHARED_BY);
    for start in (0..count).step_by(SHARED_BY) {
        let end = count.min(start + SHARED_BY);
        // The last plus itself is the one doubling, and no two others are equal or opposite.
        sums.extend(row[start..end].iter().enumerate().map(|(i, point)| {
            if start + i + 1 == count {
                Slope::of_tangent(last)
            } else {
                Slope::of_chord(*point, last)
            }
        }));
        invert_all(&mut sums);
        row.extend(sums.drain(..).map(|slope| slope.third_point(last)));
    }
}

fn doubled(point: Affine) -> Affine {
    let mut slope = Slope::of_tangent(point);
    slope.run = slope.run.inverse();
    slope.third_point(point)
}

/// A line through a point and another one, whose x is kept, or the tangent there.
struct Slope {
    rise: Fe,
    run: Fe,
    x: Fe,
}

impl Slope {
    fn of_chord(one: Affine, other: Affine) -> Self {
        Self { rise: other.y.minus(one.y), run: other.x.minus(one.x), x: one.x }
    }

    /// (3 x^2 + a) / (2 y) with a = -3.
    fn of_tangent(point: Affine) -> Self {
        let square = point.x.squared().minus(Fe::ONE);
        Self { rise: square.plus(square).plus(square), run: point.y.plus(point.y), x: point.x }
    }

    /// Where the line meets the curve again, mirrored. `run` has been inverted.
    fn third_point(self, on_line: Affine) -> Affine {
        let slope = self.rise.times(self.run);
        let x = slope.squared().minus(self.x).minus(on_line.x);
        Affine { x, y: slope.times(on_line.x.minus(x)).minus(on_line.y) }
    }
}

/// Inverts the run of each slope. None is 0.
fn invert_all(slopes: &mut [Slope]) {
    let mut product = Fe::ONE;
    let before: Vec<Fe> = slopes
        .iter()
        .map(|slope| {
            let before = product;
            product = product.times(slope.run);
            before
        })
        .collect();
    let mut inverse = product.inverse();
    for (slope, before) in slopes.iter_mut().zip(before).rev() {
        (slope.run, inverse) = (inverse.times(before), inverse.times(slope.run));
    }
}
