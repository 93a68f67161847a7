//! The names of keys that no suite takes, for error messages.

use ::p256::pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";

/// What every refusal ends with.
pub(super) const NEEDED: &str = "allowed: a key on P-256 (also called prime256v1 or secp256r1)";

/// What a key is by its algorithm: `an RSA key`; `None` for P-256.
pub(super) fn other_than_p256(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<String> {
    let by_name = algorithm.oid.to_string();
    if by_name != EC_PUBLIC_KEY {
        return Some(kind(&by_name));
    }
    match algorithm.oids() {
        Ok((_, Some(curve))) => curve_other_than_p256(curve),
        Ok((_, None)) => Some("a key on a curve that it does not name".to_owned()),
        Err(_) => Some(
            "a key whose curve is written out instead of named (explicit parameters; \
             openssl ec -param_enc named_curve names it)"
                .to_owned(),
        ),
    }
}

/// The same by the curve alone.
pub(super) fn curve_other_than_p256(curve: ObjectIdentifier) -> Option<String> {
    let name = match &*curve.to_string() {
        P256 => return None,
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.33" => "P-224",
        "1.3.132.0.10" => "secp256k1",
        "1.2.156.10197.1.301" => "SM2",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        other => return Some(format!("a key on another curve ({other})")),
    };
    Some(if name == "SM2" { "an SM2 key".to_owned() } else { format!("a key on {name}") })
}

fn kind(algorithm: &str) -> String {
    let name = match algorithm {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => "an RSA key",
        "1.2.840.10040.4.1" => "a DSA key",
        "1.2.840.113549.1.3.1" => "a key for Diffie-Hellman",
        "1.3.101.110" => "an X25519 key",
        "1.3.101.112" => "an Ed25519 key",
        "1.3.101.113" => "an Ed448 key",
        "1.2.156.10197.1.301" => "an SM2 key",
        other => return format!("a key of another algorithm ({other})"),
    };
    name.to_owned()
}
