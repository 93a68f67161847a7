//! The QR symbol of a code, as a phone shows it: version 6, level M, numeric mode (ISO/IEC 18004),
//! which 255 digits fill to the last.

use std::fmt::Write as _;

use keyring::code::CODE_DIGITS;
use maud::{Markup, html};
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

const VERSION: Version = Version::Normal(6);
const LEVEL: EcLevel = EcLevel::M;
/// Light modules that the standard wants on each side.
const QUIET: usize = 4;
/// Pixels of a module in the PNG: large enough for a scanner in front of a screen.
const MODULE_PIXELS: usize = 8;
const DARK_PIXEL: u8 = 0;
const LIGHT_PIXEL: u8 = 255;

/// Black on white from the fixed part of the 256-colour palette, which themes do not change: a
/// symbol in the terminal's own colours would be inverted on a dark one, which few scanners read.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// A symbol with its quiet zone, row by row.
pub(in crate::cli) struct Symbol {
    side: usize,
    modules: Vec<Color>,
}

impl Symbol {
    /// Encodes in numeric mode: a general encoder could mix modes, and the capacity is exact.
    pub(in crate::cli) fn new(digits: &[u8; CODE_DIGITS]) -> Self {
        let mut bits = Bits::new(VERSION);
        let symbol = bits
            .push_numeric_data(digits)
            .and_then(|()| bits.push_terminator(LEVEL))
            .and_then(|()| QrCode::with_bits(bits, LEVEL))
            .expect("255 digits are what version 6, level M holds");
        Self::with_quiet_zone(&symbol)
    }

    fn with_quiet_zone(symbol: &QrCode) -> Self {
        let side = symbol.width() + 2 * QUIET;
        let colors = symbol.to_colors();
        let light = |modules| std::iter::repeat_n(Color::Light, modules);
        let rows = colors.chunks(symbol.width());
        let middle =
            rows.flat_map(|row| light(QUIET).chain(row.iter().copied()).chain(light(QUIET)));
        let modules = light(QUIET * side).chain(middle).chain(light(QUIET * side)).collect();
        Self { side, modules }
    }

    /// Text for a terminal: two rows of modules a line, as half blocks.
    pub(in crate::cli) fn to_terminal(&self) -> String {
        let rows: Vec<&[Color]> = self.modules.chunks(self.side).collect();
        let below_the_last = vec![Color::Light; self.side];
        let mut text = String::new();
        for pair in rows.chunks(2) {
            let (upper, lower) = match pair {
                [upper, lower] => (*upper, *lower),
                [upper] => (*upper, below_the_last.as_slice()),
                _ => unreachable!("chunks of two"),
            };
            text.push_str(BLACK_ON_WHITE);
            text.extend(upper.iter().zip(lower).map(|(upper, lower)| half_block(*upper, *lower)));
            text.push_str(RESET);
            text.push('\n');
        }
        text
    }

    /// An SVG element, which stands in a page or in a file of its own. Its unit is a module.
    ///
    /// `label` is what a screen reader says. The colours are attributes: a dark page changes nothing.
    pub(in crate::cli) fn to_svg(&self, label: &str) -> Markup {
        let side = self.side;
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {side} {side}"))
                shape-rendering="crispEdges" role="img" aria-label=(label) {
                rect width=(side) height=(side) fill="#fff" {}
                path d=(self.outline()) fill="#000" {}
            }
        }
    }

    /// Each run of dark modules of a row, as a rectangle of an SVG path.
    fn outline(&self) -> String {
        let mut path = String::new();
        for (y, row) in self.modules.chunks(self.side).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(Color::eq) {
                let width = run.len();
                if run.first() == Some(&Color::Dark) {
                    write!(path, "M{x} {y}h{width}v1h-{width}z").expect("memory takes it");
                }
                x += width;
            }
        }
        path
    }

    /// A PNG file, grey scale.
    pub(in crate::cli) fn to_png(&self) -> Vec<u8> {
        let pixels: Vec<u8> = self.modules.chunks(self.side).flat_map(pixel_rows).collect();
        let side = u32::try_from(self.side * MODULE_PIXELS).expect("some hundred pixels");
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&pixels))
            .expect("the pixels fill the announced square, and memory takes them");
        file
    }
}

fn half_block(upper: Color, lower: Color) -> char {
    match (upper, lower) {
        (Color::Light, Color::Light) => ' ',
        (Color::Dark, Color::Light) => '▀',
        (Color::Light, Color::Dark) => '▄',
        (Color::Dark, Color::Dark) => '█',
    }
}

fn pixel_rows(modules: &[Color]) -> Vec<u8> {
    let pixel = |module: &Color| module.select(DARK_PIXEL, LIGHT_PIXEL);
    let row: Vec<u8> = modules.iter().flat_map(|module| [pixel(module); MODULE_PIXELS]).collect();
    row.repeat(MODULE_PIXELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol() -> Symbol {
        Symbol::new(&std::array::from_fn(|i| b"0741852963"[i % 10]))
    }

    /// What a reader sees in the terminal, as modules: upper and lower half of each character.
    fn modules_of_terminal(text: &str) -> Vec<Vec<Color>> {
        let mut rows = Vec::new();
        for line in text.lines() {
            let line = line.strip_prefix(BLACK_ON_WHITE).unwrap().strip_suffix(RESET).unwrap();
            let dark_in = |blocks: [char; 2]| {
                let color =
                    |block| if blocks.contains(&block) { Color::Dark } else { Color::Light };
                line.chars().map(color).collect::<Vec<_>>()
            };
            rows.extend([dark_in(['▀', '█']), dark_in(['▄', '█'])]);
        }
        rows
    }

    #[test]
    fn a_code_fills_version_6_with_its_quiet_zone() {
        let symbol = symbol();
        assert_eq!(symbol.side, 41 + 2 * 4);
        let quiet = |index: usize| !(4..45).contains(&index);
        for (y, row) in symbol.modules.chunks(symbol.side).enumerate() {
            for (x, module) in row.iter().enumerate() {
                assert!(*module == Color::Light || !quiet(x) && !quiet(y), "{x}, {y}");
            }
        }
        assert_eq!(symbol.modules[4 * 49 + 4], Color::Dark, "the finder's corner");
    }

    #[test]
    fn the_terminal_shows_every_module() {
        let symbol = symbol();
        let rows = modules_of_terminal(&symbol.to_terminal());
        assert_eq!(rows.len(), 50, "49 rows and a light one to fill the last line");
        assert!(rows[49].iter().all(|module| *module == Color::Light));
        assert_eq!(rows[..49].concat(), symbol.modules);
    }

    /// The modules that the path of an SVG element covers.
    fn modules_of_svg(text: &str) -> Vec<Color> {
        let mut modules = vec![Color::Light; 49 * 49];
        let path = text.split_once("path d=\"M").unwrap().1.split_once("z\"").unwrap().0;
        for run in path.split("zM") {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (width, rest) = rest.split_once('v').unwrap();
            assert_eq!(rest, format!("1h-{width}"), "{run}");
            let [x, y, width] = [x, y, width].map(|number| number.parse::<usize>().unwrap());
            modules[y * 49 + x..][..width].fill(Color::Dark);
        }
        modules
    }

    #[test]
    fn the_svg_holds_every_module_and_its_colours() {
        let symbol = symbol();
        let text = symbol.to_svg("a <code>").into_string();
        assert_eq!(modules_of_svg(&text), symbol.modules);
        for part in [
            "viewBox=\"0 0 49 49\"",
            "<rect width=\"49\" height=\"49\" fill=\"#fff\"></rect>",
            "z\" fill=\"#000\"></path>",
            "role=\"img\" aria-label=\"a &lt;code&gt;\"",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("style"), "the policy of pages forbids it");
    }

    #[test]
    fn the_png_holds_every_module() {
        let symbol = symbol();
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(symbol.to_png())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (392, 392));
        for (index, pixel) in pixels.iter().enumerate() {
            let (x, y) = (index % 392 / 8, index / 392 / 8);
            assert_eq!(*pixel, symbol.modules[y * 49 + x].select(0, 255));
        }
    }
}
