//! Key files: seal secrets as hex, public keys as SPKI PEM (RFC 7468) or JWK (RFC 7517), private
//! keys as PKCS#8 PEM (RFC 5958).

use std::{fs::File, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use ::p256::{
    ecdsa::VerifyingKey,
    pkcs8::{
        DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
        LineEnding,
    },
};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::KeyringError;
use crate::{
    p256::{PublicKey, SigningKey},
    seal::SealSecret,
};

/// 500 keys with comments take about 200 KiB.
const MANIFEST_BYTES_MAX: usize = 1 << 20;
const KEY_FILE_BYTES_MAX: usize = 1 << 14;
/// The permission bits of group and others.
const OTHERS: u32 = 0o077;

/// Reads an issuer's private key: PKCS#8 PEM on P-256, readable by its owner alone.
///
/// # Errors
/// [`KeyringError`] names the file and what is wrong with it, never what it holds.
pub fn read_signing_key(path: &Path) -> Result<SigningKey, KeyringError> {
    let text = read_secret(path)?;
    SigningKey::from_pkcs8_pem(&text).map_err(|_| {
        content(
            path,
            "no private key of P-256; allowed: PKCS#8 PEM (BEGIN PRIVATE KEY), unencrypted; \
             convert others by: openssl pkcs8 -topk8 -nocrypt",
        )
    })
}

/// Reads a seal secret: 64 hex digits, readable by its owner alone.
///
/// # Errors
/// [`KeyringError`] names the file and what is wrong with it, never what it holds.
pub fn read_seal_secret(path: &Path) -> Result<SealSecret, KeyringError> {
    let text = read_secret(path)?;
    let secret = secret_of_hex(text.trim_ascii());
    secret.ok_or_else(|| content(path, "no seal secret; allowed: 32 bytes as 64 hex digits"))
}

/// Reads an issuer's public key in either form.
pub(crate) fn read_public_key(path: &Path) -> Result<PublicKey, KeyringError> {
    let text = read_text(path, KEY_FILE_BYTES_MAX)?;
    if text.contains("PRIVATE KEY-----") {
        let message = "this is a private key; allowed: the public key alone \
                       (openssl pkey -pubout); take the private key out of here";
        return Err(content(path, message));
    }
    if text.trim_start().starts_with('{') {
        return public_key_of_jwk(&text).map_err(|message| content(path, &message));
    }
    match VerifyingKey::from_public_key_pem(&text) {
        Ok(key) => Ok(key.into()),
        Err(_) => Err(content(
            path,
            "no public key of P-256; allowed: SPKI PEM (BEGIN PUBLIC KEY) or a JWK",
        )),
    }
}

/// The members of a JWK that matter (RFC 7518, 6.2); others, such as `kid`, may stand beside.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    alg: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

fn public_key_of_jwk(text: &str) -> Result<PublicKey, String> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|error| format!("no JWK: {error}"))?;
    if jwk.d.is_some() {
        return Err("this JWK holds a private key (d); allowed: the public key alone; \
                    take the private key out of here"
            .to_owned());
    }
    if (jwk.kty.as_str(), jwk.crv.as_str()) != ("EC", "P-256") {
        return Err(format!("kty {:?}, crv {:?}; allowed: \"EC\", \"P-256\"", jwk.kty, jwk.crv));
    }
    if let Some(alg) = jwk.alg.filter(|alg| alg != crate::key::ES256) {
        return Err(format!("alg {alg:?}; allowed: {:?}", crate::key::ES256));
    }
    let mut point = [0; crate::p256::PUBLIC_KEY_BYTES];
    let [form, x_and_y @ ..] = &mut point;
    *form = 4;
    let (x, y) = x_and_y.split_at_mut(32);
    for (name, value, place) in [("x", &jwk.x, x), ("y", &jwk.y, y)] {
        let decoded = Base64UrlUnpadded::decode(value, place).ok();
        if decoded.is_none_or(|bytes| bytes.len() != 32) {
            return Err(format!("{name} {value:?}; allowed: 32 bytes in base64url"));
        }
    }
    PublicKey::from_sec1(&point).ok_or_else(|| "x, y is no point on P-256".to_owned())
}

/// SPKI PEM.
pub(crate) fn public_key_pem(key: &PublicKey) -> String {
    key.as_inner().to_public_key_pem(LineEnding::LF).expect("a valid point can be encoded")
}

/// PKCS#8 PEM.
pub(crate) fn private_key_pem(key: &SigningKey) -> Zeroizing<String> {
    key.to_pkcs8_pem(LineEnding::LF).expect("a valid key can be encoded")
}

/// Reads `keyring.toml`.
pub(crate) fn read_manifest(path: &Path) -> Result<String, KeyringError> {
    read_text(path, MANIFEST_BYTES_MAX)
}

fn read_text(path: &Path, bytes_max: usize) -> Result<String, KeyringError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let mut text = String::new();
    read_bounded(file, path, bytes_max, &mut text)?;
    Ok(text)
}

/// Reads a secret that nobody but its owner can read; the mode is that of the file opened.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyringError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let mode = file.metadata().map_err(unreadable(path))?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyringError::Mode { path: path.to_owned(), mode });
    }
    // Room from the start: a text that grew would leave copies of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX + 1));
    read_bounded(file, path, KEY_FILE_BYTES_MAX, &mut text)?;
    Ok(text)
}

fn read_bounded(
    file: File,
    path: &Path,
    bytes_max: usize,
    text: &mut String,
) -> Result<(), KeyringError> {
    let one_more = u64::try_from(bytes_max).expect("a small bound").saturating_add(1);
    file.take(one_more).read_to_string(text).map_err(unreadable(path))?;
    if text.len() > bytes_max {
        return Err(KeyringError::TooLarge { path: path.to_owned(), bytes_max });
    }
    Ok(())
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

fn secret_of_hex(text: &str) -> Option<SealSecret> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut secret = Zeroizing::new([0; SealSecret::BYTES]);
    if pairs.len() != secret.len() {
        return None;
    }
    for (byte, [high, low]) in secret.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(SealSecret::new(*secret))
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> KeyringError {
    let path = path.to_owned();
    move |source| KeyringError::Read { path, source }
}

fn content(path: &Path, message: &str) -> KeyringError {
    KeyringError::Content { path: path.to_owned(), message: message.to_owned() }
}
