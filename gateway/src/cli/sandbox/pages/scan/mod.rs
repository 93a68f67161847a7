//! Reads the symbol in one picture of a camera.
//!
//! Browsers on Linux have no `BarcodeDetector`, and a foreign script would be one more thing to
//! trust. So the page sends grey pixels, and they are read here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rqrr::PreparedImage;

/// Pixels of a side.
const SIDE_MIN: usize = 16;
const SIDE_MAX: usize = 1_280;
/// What any code that a till knows fits into. A symbol can hold more.
const TEXT_BYTES_MAX: usize = 512;

/// Grey pixels, row by row, as many as width and height say.
#[derive(Debug)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    pixels: &'a [u8],
}

/// Why pixels are no picture.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoPicture {
    /// A side is too short or too long.
    #[error("width and height must each be {SIDE_MIN} to {SIDE_MAX} pixels")]
    Side,
    /// The body is no picture of this size.
    #[error("the body must have one byte a pixel: width x height = {wanted} bytes")]
    Length {
        /// Bytes that it should have.
        wanted: usize,
    },
}

impl<'a> Picture<'a> {
    /// # Errors
    /// A side is not 16 to 1280 pixels, or there is not one byte a pixel.
    pub fn new(width: usize, height: usize, pixels: &'a [u8]) -> Result<Self, NoPicture> {
        let is_side = |side| (SIDE_MIN..=SIDE_MAX).contains(&side);
        if !is_side(width) || !is_side(height) {
            return Err(NoPicture::Side);
        }
        let wanted = width * height;
        if pixels.len() != wanted {
            return Err(NoPicture::Length { wanted });
        }
        Ok(Self { width, height, pixels })
    }

    /// The text of the first QR symbol that holds visible ASCII, at most 512 characters.
    pub fn read(&self) -> Option<String> {
        // The reader is another project's, and a camera shows it everything. Its panic is no symbol.
        catch_unwind(AssertUnwindSafe(|| self.find())).ok().flatten()
    }

    fn find(&self) -> Option<String> {
        let pixel = |x, y| self.pixels.get(y * self.width + x).copied().unwrap_or(u8::MAX);
        let mut prepared = PreparedImage::prepare_from_greyscale(self.width, self.height, pixel);
        let grids = prepared.detect_grids();
        grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).find(|text| {
            let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
            is_visible && (1..=TEXT_BYTES_MAX).contains(&text.len())
        })
    }
}

#[cfg(test)]
mod tests;
