//! An issuer's public key: SPKI PEM (RFC 7468, RFC 5480) or a JWK (RFC 7517), or what it is instead.

use ::p256::{
    ecdsa::VerifyingKey,
    pkcs8::{
        DecodePublicKey as _, EncodePublicKey as _, LineEnding, SubjectPublicKeyInfoRef,
        der::Decode as _,
    },
};

use super::{jwk, other_keys, pem};
use crate::suite::p256::key::PublicKey;

const ALLOWED: &str = "allowed: SPKI PEM (BEGIN PUBLIC KEY) or a JWK, of a key on P-256";

/// SPKI PEM.
pub(crate) fn to_pem(key: &PublicKey) -> String {
    key.as_inner().to_public_key_pem(LineEnding::LF).expect("a valid point can be encoded")
}

/// Reads the text of a key file, or says what it is and what to do.
pub(crate) fn parse(text: &str) -> Result<PublicKey, String> {
    if text.contains("PRIVATE KEY-----") {
        return Err(
            "this is a private key; allowed: the public key alone (openssl pkey -pubout); \
                    take the private key out of here"
                .to_owned(),
        );
    }
    if text.trim_start().starts_with(['{', '[']) {
        return jwk::public_key(text);
    }
    let mut blocks = pem::blocks(text).map_err(|error| error.to_string())?;
    // What older tools of openssl write before an EC key; the key names its curve itself.
    blocks.retain(|block| block.label != "EC PARAMETERS");
    match &*blocks {
        [] => Err(without_block(text)),
        [block] => of_block(block),
        several => {
            let labels: Vec<_> = several.iter().map(|block| block.label).collect();
            let (count, labels) = (labels.len(), labels.join(", "));
            Err(format!("{count} keys or certificates in one file ({labels}); allowed: one key"))
        }
    }
}

fn of_block(block: &pem::Block<'_>) -> Result<PublicKey, String> {
    match block.label {
        "PUBLIC KEY" => of_spki(&block.der().map_err(|error| error.to_string())?),
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            Err("this is a certificate; allowed: the public key in it alone \
                 (openssl x509 -pubkey -noout -in FILE)"
                .to_owned())
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            Err("this is a certificate request; allowed: the public key in it alone \
                 (openssl req -pubkey -noout -in FILE)"
                .to_owned())
        }
        "RSA PUBLIC KEY" => Err(format!("this is an RSA key; {}", other_keys::NEEDED)),
        label => Err(format!("this is {label:?}; {ALLOWED}")),
    }
}

fn of_spki(der: &[u8]) -> Result<PublicKey, String> {
    if let Ok(key) = VerifyingKey::from_public_key_der(der) {
        return Ok(key.into());
    }
    let Ok(info) = SubjectPublicKeyInfoRef::from_der(der) else {
        return Err(
            "what BEGIN PUBLIC KEY holds is damaged or cut off: it is no public key".to_owned()
        );
    };
    Err(match other_keys::other_than_p256(&info.algorithm) {
        Some(other) => format!("this is {other}; {}", other_keys::NEEDED),
        None => "the point of this key is damaged: it is not on P-256".to_owned(),
    })
}

fn without_block(text: &str) -> String {
    let text = text.trim();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&byte);
    if text.is_empty() {
        format!("the file is empty; {ALLOWED}")
    } else if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.contains(" SSH2 ") {
        format!("this is a key of OpenSSH (ssh-keygen -e -m PKCS8 -f FILE); {ALLOWED}")
    } else if text.bytes().all(is_base64) {
        "this is base64 without its first and last line; needed: -----BEGIN PUBLIC KEY----- \
         before it, -----END PUBLIC KEY----- after it"
            .to_owned()
    } else {
        format!("there is no public key in it; {ALLOWED}")
    }
}
