//! Reads the symbol in one picture of a camera.
//!
//! Browsers on Linux have no `BarcodeDetector`, and a foreign script would be one more thing to
//! trust. So the page sends grey pixels, and they are read here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::StatusCode;
use rqrr::PreparedImage;
use serde_json::json as object;

use crate::cli::sandbox::pages::messages::{Answer, Asked, Problem, json, text};

/// Pixels of a side.
const SIDE_MIN: usize = 16;
const SIDE_MAX: usize = 1_280;
/// What any code that a till knows fits into. A symbol can hold more.
const TEXT_BYTES_MAX: usize = 512;

/// Grey pixels, row by row, as many as width and height say.
#[derive(Debug)]
struct Picture<'a> {
    width: usize,
    height: usize,
    pixels: &'a [u8],
}

/// Why pixels are no picture.
#[derive(Debug, Eq, PartialEq)]
enum NoPicture {
    /// A side is too short or too long.
    Side,
    /// There are not so many bytes.
    Length { wanted: usize },
}

/// `POST /sandbox/scan?width=&height=`: the text of the first symbol, or 204.
///
/// # Errors
/// The body is no picture of that size.
pub(in crate::cli::sandbox::pages) fn read_picture(asked: &Asked) -> Result<Answer, Problem> {
    let side = |name| asked.field(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let picture = Picture::new(side("width"), side("height"), &asked.body);
    let picture = picture.map_err(|why| match why {
        NoPicture::Side => Problem::bad(asked.say(
            "width and height must each be 16 to 1280 pixels",
            "width 和 height 应各为 16 到 1280 像素",
        )),
        NoPicture::Length { wanted } => Problem::bad(format!(
            "{}: width x height = {wanted}",
            asked.say("the body must have one byte a pixel", "请求体应为每像素一个字节"),
        )),
    })?;
    Ok(match picture.read() {
        Some(text) => json(StatusCode::OK, &object!({ "text": text })),
        None => text(StatusCode::NO_CONTENT, ""),
    })
}

impl<'a> Picture<'a> {
    /// # Errors
    /// A side is not 16 to 1280 pixels, or there is not one byte a pixel.
    fn new(width: usize, height: usize, pixels: &'a [u8]) -> Result<Self, NoPicture> {
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
    fn read(&self) -> Option<String> {
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
