//! A scalar as signed digits, and the place of each digit's entry in a table.

#![expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "words that a layout counted; bits of digits are cut out"
)]

use arrayvec::ArrayVec;

use super::{
    layout::Layout,
    limbs::{self, U256},
};

/// Rows of the narrowest table that is ever built.
pub(crate) const ROWS_MAX: usize = 43;

/// How scalars are read for a table.
///
/// A digit d of w bits is in (-2^(w-1), 2^(w-1)]. Its bias, 2^(w-1) - 1, makes it one of the 2^w
/// numbers of w bits. One addition of 256 bits adds the bias to every digit. After it each digit
/// is read without a carry from the one before. The sum of a scalar below 2^255 stays below 2^256,
/// so no digit is lost.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) rows: ArrayVec<Row, ROWS_MAX>,
    /// What is added to every digit, each in its place.
    bias: U256,
}

/// A scalar from which digits are read.
pub(crate) type Biased = [u64; 8];

/// A row of digits: where they stand in a scalar, and their entries in the table.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Row {
    /// The word of the scalar in which the digit begins, and the bit of that word.
    word: usize,
    shift: u32,
    /// 2^(w-1) - 1, for digits of w bits.
    bias: u32,
    /// Where the entry of digit 1 is.
    first: usize,
}

impl Rows {
    /// The least significant first.
    pub(crate) fn of(layout: Layout) -> Self {
        let (mut rows, mut bias) = (ArrayVec::new(), limbs::ZERO);
        let (mut offset, mut first) = (0, 0);
        for width in layout.widths() {
            let row = Row {
                word: (offset / 64) as usize,
                shift: offset % 64,
                bias: (1 << (width - 1)) - 1,
                first,
            };
            first += 1 << (width - 1);
            offset += width;
            bias = limbs::add(bias, row.bias_in_place()).0;
            rows.push(row);
        }
        Self { rows, bias }
    }

    /// A scalar below 2^255 with every digit's bias added, and four words of 0 above.
    #[inline]
    pub(crate) fn biased(&self, scalar: U256) -> Biased {
        debug_assert!(scalar[3] >> 63 == 0, "scalars are halved first");
        let ([b0, b1, b2, b3], carry) = limbs::add(scalar, self.bias);
        debug_assert!(!carry, "every digit is counted");
        [b0, b1, b2, b3, 0, 0, 0, 0]
    }
}

impl Row {
    /// The digit of a scalar that has its bias.
    #[inline]
    pub(crate) fn digit_of(&self, biased: &Biased) -> i32 {
        // Masked indexes of eight words are in bounds, so the compiler checks none.
        let (low, high) = (biased[self.word & 7], biased[(self.word + 1) & 7]);
        // In two steps, because one shift by 64 is not defined.
        let bits = (low >> self.shift) | ((high << 1) << (63 - self.shift));
        (bits as u32 & ((self.bias << 1) | 1)).wrapping_sub(self.bias).cast_signed()
    }

    /// Where in the table the entry of a digit is, or of its negative.
    #[inline]
    pub(crate) fn place_of(&self, digit: i32) -> usize {
        self.first + digit.unsigned_abs() as usize - 1
    }

    fn bias_in_place(&self) -> U256 {
        let mut place = limbs::ZERO;
        let bias = u64::from(self.bias);
        place[self.word] = bias << self.shift;
        if let Some(above) = place.get_mut(self.word + 1) {
            *above = (bias >> 1) >> (63 - self.shift);
        }
        place
    }
}
