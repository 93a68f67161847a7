//! A public key as a JWK (RFC 7517; RFC 7518, 6.2), alone or as the only one of a set.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::Deserialize;

use super::other_keys;
use crate::suite::{algorithm::Suite, p256::key::PublicKey, sizes::PUBLIC_KEY_BYTES};

/// The members that matter; others, such as `kid`, may stand beside.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    alg: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    /// Of a set.
    keys: Option<Vec<Jwk>>,
}

/// Reads the text of a JWK or of a set that holds one.
pub(super) fn public_key(text: &str) -> Result<PublicKey, String> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|error| format!("no JWK: {error}"))?;
    match jwk.keys {
        None => jwk.public_key(),
        Some(keys) => match <[Jwk; 1]>::try_from(keys) {
            Ok([key]) => key.public_key(),
            Err(keys) => {
                Err(format!("a JWK set of {} keys; allowed: one key in a file", keys.len()))
            }
        },
    }
}

impl Jwk {
    fn public_key(&self) -> Result<PublicKey, String> {
        if self.d.is_some() {
            return Err("this JWK holds a private key (d); allowed: the public key alone; \
                        take the private key out of here"
                .to_owned());
        }
        let (kty, crv) = (self.kty.as_deref(), self.crv.as_deref());
        if (kty, crv) != (Some("EC"), Some("P-256")) {
            let (kty, crv) = (shown(kty), shown(crv));
            return Err(format!(
                "a JWK with kty {kty}, crv {crv}; allowed: \"EC\", \"P-256\": {}",
                other_keys::NEEDED.trim_start_matches("allowed: ")
            ));
        }
        if let Some(alg) = self.alg.as_deref().filter(|alg| *alg != Suite::Es256.name()) {
            return Err(format!("alg {alg:?}; allowed: {:?}", Suite::Es256.name()));
        }
        let mut point = [0; PUBLIC_KEY_BYTES];
        let [form, x_and_y @ ..] = &mut point;
        *form = 4;
        let (x, y) = x_and_y.split_at_mut(32);
        coordinate("x", self.x.as_deref(), x)?;
        coordinate("y", self.y.as_deref(), y)?;
        PublicKey::from_sec1(&point).ok_or_else(|| "x, y is no point on P-256".to_owned())
    }
}

/// Base64url without padding is the rule. Padding and the two other letters of plain base64 are
/// accepted too.
fn coordinate(name: &str, value: Option<&str>, place: &mut [u8]) -> Result<(), String> {
    let Some(value) = value else {
        return Err(format!("a JWK without {name}; needed: 32 bytes in base64url"));
    };
    let text = value.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let decoded = Base64UrlUnpadded::decode_vec(&text).ok();
    match decoded.filter(|bytes| bytes.len() == place.len()) {
        Some(bytes) => {
            place.copy_from_slice(&bytes);
            Ok(())
        }
        None => Err(format!(
            "{name} {value:?}; allowed: 32 bytes in base64url, 43 letters, zeros at its beginning \
             included"
        )),
    }
}

fn shown(word: Option<&str>) -> String {
    word.map_or_else(|| "missing".to_owned(), |word| format!("{word:?}"))
}
