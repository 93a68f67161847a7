//! Reading key files within their bounds: public keys, private keys, secrets as hex. Each may be
//! saved with a byte order mark or as UTF-16.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::error::KeyringError;
use crate::{
    key::PassSecret,
    seal::SealSecret,
    suite::{
        PublicKey, SigningKey,
        key_file::{public_key, signing_key},
    },
    text,
};

/// 500 keys with comments take about 200 KiB.
const MANIFEST_BYTES_MAX: usize = 1 << 20;
const KEY_FILE_BYTES_MAX: usize = 1 << 14;
const SECRET_BYTES: usize = 32;
/// The permission bits of group and others.
const OTHERS: u32 = 0o077;
/// The one of them that a group may have.
const GROUP_READS: u32 = 0o040;
/// The number of root, user and group.
const ROOT: u32 = 0;

/// Reads an issuer's private key: PEM of PKCS#8 or SEC 1, readable by its owner alone.
///
/// # Errors
/// [`KeyringError`] names the file and what is wrong with it, never what it holds.
pub fn read_signing_key(path: &Path) -> Result<SigningKey, KeyringError> {
    let text = read_secret(path, "openssl pkey -inform DER -in FILE -out NEW")?;
    signing_key::parse(&text).map_err(|message| content(path, message))
}

/// Reads a seal secret: 64 hex digits, readable by its owner alone.
///
/// # Errors
/// [`KeyringError`] names the file and what is wrong with it, never what it holds.
pub fn read_seal_secret(path: &Path) -> Result<SealSecret, KeyringError> {
    read_secret_bytes(path).map(|secret| SealSecret::new(*secret))
}

/// Reads a pass secret: 64 hex digits, readable by its owner alone.
pub(crate) fn read_pass_secret(path: &Path) -> Result<PassSecret, KeyringError> {
    read_secret_bytes(path).map(|secret| PassSecret::new(*secret))
}

/// Reads a secret of 32 bytes: 64 hex digits, white space anywhere, readable by its owner alone.
///
/// # Errors
/// [`KeyringError`] names the file and what is wrong with it, never what it holds.
pub fn read_secret_bytes(path: &Path) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeyringError> {
    let text = read_secret(path, "xxd -p -c 32 FILE")?;
    bytes_of_hex(&text).map_err(|why| {
        content(path, format!("no secret: {why}; allowed: 32 bytes as 64 hex digits"))
    })
}

/// Reads an issuer's public key in either form.
pub(crate) fn read_public_key(path: &Path) -> Result<PublicKey, KeyringError> {
    let bytes = read_file(path, KEY_FILE_BYTES_MAX)?;
    let text = decode(&bytes, path, "openssl pkey -pubin -inform DER -in FILE -out NEW")?;
    public_key::parse(&text).map_err(|message| content(path, message))
}

/// Reads `keyring.toml`.
pub(crate) fn read_manifest(path: &Path) -> Result<String, KeyringError> {
    let bytes = read_file(path, MANIFEST_BYTES_MAX)?;
    text::read_toml(bytes).map_err(|error| content(path, error.to_string()))
}

fn read_file(path: &Path, bytes_max: usize) -> Result<Vec<u8>, KeyringError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let mut bytes = Vec::new();
    read_bounded(file, path, bytes_max, &mut bytes)?;
    Ok(bytes)
}

/// Reads a secret that only its owner may read, or a group that root gave it to. The mode is that of the opened file. `of_binary` is
/// the command that makes text of a binary file.
fn read_secret(path: &Path, of_binary: &str) -> Result<Zeroizing<String>, KeyringError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if lets_others_in(mode, metadata.uid(), metadata.gid()) && !metadata.is_dir() {
        return Err(KeyringError::Mode { path: path.to_owned(), mode });
    }
    // Room from the start: a buffer that grew would leave copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES_MAX + 1));
    read_bounded(file, path, KEY_FILE_BYTES_MAX, &mut bytes)?;
    decode(&bytes, path, of_binary)
}

/// Whether a file of this mode, user and group is no secret of one reader. Root may give a file to a
/// group of the reader's own, as Kubernetes does with its secrets: there no other way leads to a
/// process that is not root. PostgreSQL has the same rule for its key file (`ssl_key_file`).
pub(super) fn lets_others_in(mode: u32, user: u32, group: u32) -> bool {
    let allowed = if user == ROOT && group != ROOT { GROUP_READS } else { 0 };
    mode & OTHERS & !allowed != 0
}

fn read_bounded(
    file: File,
    path: &Path,
    bytes_max: usize,
    bytes: &mut Vec<u8>,
) -> Result<(), KeyringError> {
    let one_more = u64::try_from(bytes_max).expect("a small bound").saturating_add(1);
    file.take(one_more).read_to_end(bytes).map_err(unreadable(path))?;
    if bytes.len() > bytes_max {
        return Err(KeyringError::TooLarge { path: path.to_owned(), bytes_max });
    }
    Ok(())
}

fn decode(bytes: &[u8], path: &Path, of_binary: &str) -> Result<Zeroizing<String>, KeyringError> {
    match text::decode(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.into_owned())),
        Err(_) => Err(content(
            path,
            format!("this is a binary file, such as DER; allowed: text ({of_binary})"),
        )),
    }
}

/// Lower-case hex and a line feed: what a secret file holds.
pub(crate) fn hex_line(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len() + 1));
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from_digit(digit.into(), 16).expect("below sixteen"));
    }
    text.push('\n');
    text
}

/// The bytes, or what the text is instead, without showing it.
fn bytes_of_hex(text: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, String> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    let mut digits = 0;
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        let digit = letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or("it holds something else than hex digits")?;
        if let Some(byte) = secret.get_mut(digits / 2) {
            *byte = *byte << 4 | digit;
        }
        digits += 1;
    }
    match digits {
        0 => Err("the file is empty".to_owned()),
        _ if digits == 2 * SECRET_BYTES => Ok(secret),
        _ => Err(format!("it holds {digits} hex digits")),
    }
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> KeyringError {
    let path = path.to_owned();
    move |source| KeyringError::Read { path, source }
}

fn content(path: &Path, message: String) -> KeyringError {
    KeyringError::Content { path: path.to_owned(), message }
}
