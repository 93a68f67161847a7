#![expect(clippy::as_conversions, reason = "pixels are drawn by geometry")]

use proptest::prelude::*;

use super::*;
use crate::cli::codes::qr::Symbol;

fn digits() -> [u8; 255] {
    std::array::from_fn(|i| b"0741852963"[i % 10])
}

/// A grey picture that a test draws.
struct Drawn {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Drawn {
    /// The symbol of a code in the middle of a picture, turned by `degrees`, `module` pixels a module.
    fn symbol(width: usize, height: usize, module: f64, degrees: f64) -> Self {
        let png = Symbol::new(&digits()).to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut symbol = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut symbol).unwrap();
        let (side, scale) = (f64::from(info.width), 8.0 / module);
        let (sin, cos) = degrees.to_radians().sin_cos();
        let middle = (width as f64 / 2.0, height as f64 / 2.0);
        let pixel = |index: usize| {
            let (x, y) = (index % width, index / width);
            let (x, y) = (x as f64 - middle.0, y as f64 - middle.1);
            let at = |along: f64| along * scale + side / 2.0;
            let (u, v) = (at(x * cos + y * sin), at(y * cos - x * sin));
            let is_inside = (0.0..side).contains(&u) && (0.0..side).contains(&v);
            if is_inside { symbol[v as usize * info.width as usize + u as usize] } else { 200 }
        };
        Self { width, height, pixels: (0..width * height).map(pixel).collect() }
    }

    /// Each pixel is changed by at most `most`, always in the same way.
    fn with_noise(mut self, most: i16) -> Self {
        let mut state = 1_u32;
        for pixel in &mut self.pixels {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 16) as i16 % (2 * most + 1) - most;
            *pixel = (i16::from(*pixel) + noise).clamp(0, 255) as u8;
        }
        self
    }

    fn read(&self) -> Option<String> {
        Picture::new(self.width, self.height, &self.pixels).unwrap().read()
    }
}

#[test]
fn a_symbol_is_read_at_many_sizes_turned_and_with_noise() {
    let expected = String::from_utf8(digits().to_vec()).unwrap();
    let mut unread = Vec::new();
    for (module, noise) in [(3.0, 0), (4.0, 20), (5.5, 20), (8.0, 20)] {
        for degrees in [0.0, 2.0, -7.0, 90.0] {
            for noise in [0, noise] {
                let picture = Drawn::symbol(640, 480, module, degrees).with_noise(noise);
                if picture.read().as_ref() != Some(&expected) {
                    unread.push(format!("{module} pixels, {degrees} degrees, noise {noise}"));
                }
            }
        }
    }
    assert_eq!(unread, Vec::<String>::new());
}

#[test]
fn a_picture_has_the_pixels_that_it_says() {
    let pixels = vec![0; 1_280 * 1_280];
    for (width, height) in [(0, 0), (15, 16), (16, 15), (1_281, 16), (16, usize::MAX)] {
        assert_eq!(Picture::new(width, height, &pixels).err(), Some(NoPicture::Side));
    }
    let found = Picture::new(640, 480, &pixels[..640 * 480 - 1]).err();
    assert_eq!(found, Some(NoPicture::Length { wanted: 640 * 480 }));
    assert!(Picture::new(1_280, 1_280, &pixels).is_ok());
    assert!(Picture::new(16, 16, &pixels[..256]).is_ok());
}

#[test]
fn what_is_no_symbol_is_none() {
    for (width, height) in [(16, 16), (1_280, 16), (16, 1_280), (640, 480), (1_280, 1_280)] {
        for shade in [0, 127, 255] {
            let plain = Drawn { width, height, pixels: vec![shade; width * height] };
            assert_eq!(plain.read(), None);
            assert_eq!(plain.with_noise(120).read(), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A symbol that is damaged anywhere is read rightly or not at all, and never panics.
    #[test]
    fn a_damaged_symbol_does_no_harm(
        size in (16_usize..400, 16_usize..400),
        module in 1.0_f64..9.0,
        degrees in -180.0_f64..180.0,
        noise in 1_i16..255,
        cut in 0.0_f64..1.0,
    ) {
        let mut picture = Drawn::symbol(size.0, size.1, module, degrees).with_noise(noise);
        let kept = (picture.pixels.len() as f64 * cut) as usize;
        picture.pixels[kept..].fill(0);
        let found = Picture::new(size.0, size.1, &picture.pixels).unwrap().find();
        if let Some(found) = found {
            prop_assert_eq!(found.as_bytes(), &digits()[..]);
        }
    }

    #[test]
    fn noise_does_no_harm(
        width in 16_usize..300,
        pixels in prop::collection::vec(any::<u8>(), 16 * 16..90_000),
    ) {
        let height = (pixels.len() / width).clamp(0, 1_280);
        if let Ok(picture) = Picture::new(width, height, &pixels[..width * height]) {
            prop_assert_eq!(picture.find(), None);
        }
    }
}
