//! An issuer's private key: PEM of PKCS#8 (RFC 5958) or SEC 1 (RFC 5915), or what it is instead.
//! No sentence shows anything of the key.

use ::p256::{
    SecretKey,
    pkcs8::{
        DecodePrivateKey as _, EncodePrivateKey as _, LineEnding, PrivateKeyInfoRef,
        der::Decode as _,
    },
};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::{other_keys, pem};
use crate::suite::p256::signing::SigningKey;

const ALLOWED: &str = "allowed: PEM of a private key on P-256, unencrypted (BEGIN PRIVATE KEY or BEGIN EC PRIVATE KEY)";

/// PKCS#8 PEM.
pub(crate) fn to_pem(key: &SigningKey) -> Zeroizing<String> {
    key.to_pkcs8_pem(LineEnding::LF).expect("a valid key can be encoded")
}

/// Reads the text of a key file, or says what it is and what to do.
pub(crate) fn parse(text: &str) -> Result<SigningKey, String> {
    let blocks = pem::blocks(text).map_err(|error| error.to_string())?;
    // Certificates and attributes may stand beside, as PKCS#12 is written out by openssl.
    let mut keys = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
    match (keys.next(), keys.next()) {
        (Some(block), None) => of_block(block),
        (Some(_), Some(_)) => Err("more than one private key in it; allowed: one".to_owned()),
        (None, _) => Err(match blocks.first() {
            Some(block) => format!("this is {:?} and no private key; {ALLOWED}", block.label),
            None if text.trim().is_empty() => format!("the file is empty; {ALLOWED}"),
            None => format!("there is no private key in it; {ALLOWED}"),
        }),
    }
}

fn of_block(block: &pem::Block<'_>) -> Result<SigningKey, String> {
    if block.is_encrypted() {
        return Err(encrypted());
    }
    match block.label {
        "PRIVATE KEY" => of_pkcs8(&block.der().map_err(|error| error.to_string())?),
        "EC PRIVATE KEY" => of_sec1(&block.der().map_err(|error| error.to_string())?),
        "ENCRYPTED PRIVATE KEY" => Err(encrypted()),
        "OPENSSH PRIVATE KEY" => Err(format!(
            "this is a key of OpenSSH (ssh-keygen -p -N '' -m PKCS8 -f COPY converts it in place); \
             {ALLOWED}"
        )),
        label => Err(format!("this is {label:?}; {}", other_keys::NEEDED)),
    }
}

fn encrypted() -> String {
    format!("the key is encrypted (openssl pkey -in FILE -out NEW decrypts it); {ALLOWED}")
}

fn of_pkcs8(der: &[u8]) -> Result<SigningKey, String> {
    if let Ok(key) = SigningKey::from_pkcs8_der(der) {
        return Ok(key);
    }
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| damaged("PRIVATE KEY"))?;
    Err(refusal(other_keys::other_than_p256(&info.algorithm), "PRIVATE KEY"))
}

fn of_sec1(der: &[u8]) -> Result<SigningKey, String> {
    if let Ok(key) = SecretKey::from_sec1_der(der) {
        return Ok(key.into());
    }
    let key = EcPrivateKey::from_der(der).map_err(|_| damaged("EC PRIVATE KEY"))?;
    let curve = key.parameters.map(|EcParameters::NamedCurve(curve)| curve);
    Err(refusal(curve.and_then(other_keys::curve_other_than_p256), "EC PRIVATE KEY"))
}

fn refusal(other: Option<String>, label: &str) -> String {
    match other {
        Some(other) => format!("this is {other}; {}", other_keys::NEEDED),
        None => damaged(label),
    }
}

fn damaged(label: &str) -> String {
    format!("what BEGIN {label} holds is damaged or cut off: it is no private key of P-256")
}
