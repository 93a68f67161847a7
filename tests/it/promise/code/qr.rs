//! QR symbols are read back by decoders that share no code with what drew them.

use std::path::Path;

use image::{GrayImage, Luma};
use tokio::process::Command;

use crate::harness::keys::{WECHAT, write_keyring};
use crate::harness::process::run;
use crate::harness::soon;

/// Modules at one side of a symbol of version 6.
const SIDE: u32 = 41;
/// Level M, as the two bits of the format information say it (ISO/IEC 18004, table 12).
const LEVEL_M: u16 = 0b00;

/// What `yanma mint` writes to standard output for one code.
async fn mint(directory: &Path, format: &str) -> Vec<u8> {
    write_keyring(&directory.join("keyring"), &[WECHAT]);
    WECHAT.write_signing_key(directory.join("issuer.pem"));
    let issuer = ["--keyring", "keyring", "--key-id", "7001", "--signing-key", "issuer.pem"];
    let code = ["--subject", "42", "--format", format];
    let output = run(directory, &[&["mint"], &issuer[..], &code[..]].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Decodes the one symbol of a picture; asserts version 6 and level M.
///
/// The symbol is then in numeric mode, because 255 digits fit a 6-M symbol in no other mode.
fn decode(picture: GrayImage) -> String {
    let size = |pixels: u32| usize::try_from(pixels).expect("64 bits");
    let (width, height) = (size(picture.width()), size(picture.height()));
    let pixels = picture.into_raw();
    let pixel = |x, y| pixels[y * width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
    let grids = prepared.detect_grids();
    assert_eq!(grids.len(), 1, "one symbol");
    let (about, text) = grids[0].decode().expect("a symbol without errors");
    assert_eq!((about.version.0, about.ecc_level), (6, LEVEL_M));
    text
}

fn assert_is_code(text: &str) {
    assert!(text.len() == 255 && text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
    keyring::code::UnverifiedCode::parse(text.as_bytes()).expect("a sound code");
}

#[tokio::test]
async fn a_picture_is_read_by_two_decoders() {
    let directory = tempfile::tempdir().expect("a directory");
    let png = mint(directory.path(), "png").await;
    let picture = image::load_from_memory(&png).expect("a PNG").into_luma8();
    let text = decode(picture);
    assert_is_code(&text);

    let file = directory.path().join("code.png");
    std::fs::write(&file, &png).expect("a file");
    let mut zbar = Command::new("zbarimg");
    zbar.args(["--quiet", "--raw"]).arg(&file).kill_on_drop(true);
    let output = soon("zbarimg", zbar.output()).await.expect("zbarimg; run tests/run");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), text);
}

#[tokio::test]
async fn a_picture_has_a_quiet_zone_of_four_modules() {
    let directory = tempfile::tempdir().expect("a directory");
    let png = mint(directory.path(), "png").await;
    let picture = image::load_from_memory(&png).expect("a PNG").into_luma8();
    let scale = picture.width() / (SIDE + 8);
    assert_eq!((picture.width(), picture.height()), (scale * (SIDE + 8), scale * (SIDE + 8)));
    let quiet = |at: u32| at < 4 * scale || at >= (SIDE + 4) * scale;
    let dark = picture
        .enumerate_pixels()
        .find(|(x, y, pixel)| (quiet(*x) || quiet(*y)) && pixel.0 != [255]);
    assert!(dark.is_none(), "dark in the quiet zone: {dark:?}");
}

#[tokio::test]
async fn a_symbol_in_the_terminal_scans() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = String::from_utf8(mint(directory.path(), "qr").await).expect("UTF-8");
    let colours = "\u{1b}[38;5;16;48;5;231m";
    assert!(
        text.lines().all(|line| line.starts_with(colours)),
        "black on white, whatever the theme"
    );
    assert_is_code(&decode(photograph(&text)));
}

#[tokio::test]
async fn json_and_digits_say_the_same_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let digits = String::from_utf8(mint(directory.path(), "digits").await).expect("digits");
    assert_is_code(digits.trim_end());
    assert_eq!(digits.lines().count(), 1);
    let json = mint(directory.path(), "json").await;
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let all = json.to_string();
    assert!(all.contains("370100") && all.contains("7001"), "{all}");
}

/// The picture that a camera takes of a terminal: each character is two modules, one above the
/// other, black where a block is drawn and white elsewhere, as the colours in the text say.
fn photograph(text: &str) -> GrayImage {
    const SCALE: u32 = 6;
    let rows: Vec<Vec<[u8; 2]>> = text
        .lines()
        .map(|line| plain(line).chars().filter_map(halves).collect::<Vec<_>>())
        .filter(|row| !row.is_empty())
        .collect();
    let width = rows.iter().map(Vec::len).max().expect("some rows");
    let size = |count: usize| u32::try_from(count).expect("a small picture") * SCALE;
    GrayImage::from_fn(size(width), size(rows.len() * 2), |x, y| {
        let at = |pixel: u32| usize::try_from(pixel / SCALE).expect("a small picture");
        let character = rows[at(y) / 2].get(at(x)).copied().unwrap_or([255; 2]);
        Luma([character[at(y) % 2]])
    })
}

fn halves(character: char) -> Option<[u8; 2]> {
    match character {
        '█' => Some([0, 0]),
        '▀' => Some([0, 255]),
        '▄' => Some([255, 0]),
        ' ' => Some([255, 255]),
        _ => None,
    }
}

/// A line without its colours (`ESC [ ... m`).
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}
