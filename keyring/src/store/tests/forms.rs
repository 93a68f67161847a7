//! Key files as issuers send them: what is clear is taken, the rest is named for what it is.

use super::*;

/// A private key on P-256 by SEC 1. Made by openssl, as all that follow.
const SEC1: &str = "\
    MHcCAQEEIKnthHJ0P5SbrJ83aUacdfgLamZpN/cVNoG7VifZfJoHoAoGCCqGSM49AwEHoUQDQgAEO6UKSgbR\
    nHPkUA9Rb3d0c1J6up0W8jMcqLEBTirlX67rHARXN+zbxhqCBctCwFXk5dParPwQ7RPGEKN1ZuPPiQ==";
/// The same key as PKCS#8.
const PKCS8: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqe2EcnQ/lJusnzdpRpx1+AtqZmk39xU2gbtW\
    J9l8mgehRANCAAQ7pQpKBtGcc+RQD1Fvd3RzUnq6nRbyMxyosQFOKuVfruscBFc37NvGGoIFy0LAVeTl09qs\
    /BDtE8YQo3Vm48+J";
/// Its public half.
const SPKI: &str = "\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEO6UKSgbRnHPkUA9Rb3d0c1J6up0W8jMcqLEBTirlX67rHARX\
    N+zbxhqCBctCwFXk5dParPwQ7RPGEKN1ZuPPiQ==";
/// The same with a compressed point.
const COMPRESSED: &str = "\
    MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADO6UKSgbRnHPkUA9Rb3d0c1J6up0W8jMcqLEBTirlX64=";
/// The same with the curve written out.
const EXPLICIT: &str = "\
    MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////\
    ////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0G\
    sMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg\
    9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqt\
    pxeehPO5ysL8YyVRAgEBA0IABDulCkoG0Zxz5FAPUW93dHNSerqdFvIzHKixAU4q5V+u6xwEVzfs28YaggXL\
    QsBV5OXT2qz8EO0TxhCjdWbjz4k=";
/// On P-384.
const P384: &str = "\
    MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAExKT48zKuKSTc0gdajwdCSu5fUmnC3QXPlY/JIPwrca7uxsE4D1g8\
    3UCWIBkZeBqGsDaaKZxWDoUW0e1+RKNAjBKHi/1XjFv2auoVPBXFeobGGm1Hm7E/1QMNJ+IHBvYG";
/// Its private half by SEC 1.
const P384_SEC1: &str = "\
    MIGkAgEBBDBHqlSyAul+chjBHcBAz/A8r+rA44VL/vRezds6f1m3XQGvWV1JkTt39Rquy/GRMuSgBwYFK4EE\
    ACKhZANiAATEpPjzMq4pJNzSB1qPB0JK7l9SacLdBc+Vj8kg/Ctxru7GwTgPWDzdQJYgGRl4GoawNpopnFYO\
    hRbR7X5Eo0CMEoeL/VeMW/Zq6hU8FcV6hsYabUebsT/VAw0n4gcG9gY=";
/// The same as PKCS#8.
const P384_PKCS8: &str = "\
    MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBHqlSyAul+chjBHcBAz/A8r+rA44VL/vRezds6\
    f1m3XQGvWV1JkTt39Rquy/GRMuShZANiAATEpPjzMq4pJNzSB1qPB0JK7l9SacLdBc+Vj8kg/Ctxru7GwTgP\
    WDzdQJYgGRl4GoawNpopnFYOhRbR7X5Eo0CMEoeL/VeMW/Zq6hU8FcV6hsYabUebsT/VAw0n4gcG9gY=";
/// On the curve of SM2.
const SM2: &str = "\
    MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAEhf9WoCDr3Z+GxQoIntS493M+/QR3c38RsTzdB6V2lDk/BjA+\
    DlhIYtqMNRcyrxa+U8BKgmdO5wID6Yb115hxwg==";
/// RSA.
const RSA: &str = "\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC3bPpg4BkrVqiFgcNnPWh7t0naE8++jgRgc7YIFQtC49Ok\
    0pETD3//WMNBKjJ3ciVbtF23mlYMoYJChxk3uRtugt/50Ewvn3TprOLbj92WuF9XM+gfpQ6u7TG5Z48qTGng\
    ZLJhwHKBrV+Y5uWkjWKfIVhMI3QhZc7YRNgZXTg04wIDAQAB";
/// Ed25519.
const ED25519: &str = "\
    MCowBQYDK2VwAyEAH068yj5Jk7vxY8WM04sAvj38H1kw2tSRxWBfGtqBWEo=";
/// What `openssl ecparam -genkey` writes before a key.
const PARAMETERS: &str =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

/// A PEM file with lines of this many letters.
fn pem(label: &str, base64: &str, columns: usize) -> String {
    let lines: Vec<&str> =
        base64.as_bytes().chunks(columns).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The digest of a keyring with this public key, or what is wrong with it.
fn digest(public_key: impl AsRef<[u8]>) -> Result<String, String> {
    let dir = Dir::new();
    match dir.write("7001.pub.pem", public_key, 0o644).load() {
        Ok(keys) => Ok(keys.digest().to_owned()),
        Err(_) => Err(dir.error()),
    }
}

#[test]
fn a_public_key_is_taken_in_whatever_dress_it_comes() {
    let strict = pem("PUBLIC KEY", SPKI, 64);
    let expected = digest(&strict).unwrap();
    let blanks = strict.replace('\n', "  \t\n") + "\n \n\n";
    for (what, text) in [
        ("an empty line at the end", format!("{strict}\n")),
        ("blanks at the ends of lines", blanks),
        ("a byte order mark", format!("\u{feff}{strict}")),
        ("CRLF", strict.replace('\n', "\r\n")),
        ("CR", strict.replace('\n', "\r")),
        ("76 columns", pem("PUBLIC KEY", SPKI, 76)),
        ("one line of base64", pem("PUBLIC KEY", SPKI, 1_000)),
        ("one line in all", strict.replace('\n', "")),
        ("line ends as two letters", strict.replace('\n', "\\n")),
        ("parameters before it", format!("{PARAMETERS}{strict}")),
        ("attributes before it", format!("Bag Attributes\n    friendlyName: 7001\n{strict}")),
        ("a compressed point", pem("PUBLIC KEY", COMPRESSED, 64)),
    ] {
        assert_eq!(digest(text), Ok(expected.clone()), "{what}");
    }
    assert_eq!(digest(utf16(&strict)), Ok(expected), "UTF-16");
}

#[test]
fn what_is_no_public_key_on_p256_is_named_for_what_it_is() {
    let strict = pem("PUBLIC KEY", SPKI, 64);
    let damaged = pem("PUBLIC KEY", &SPKI.replace("O6UK", "O6UL"), 64);
    for (text, says) in [
        (pem("PUBLIC KEY", P384, 64), "this is a key on P-384; allowed: a key on P-256"),
        (pem("PUBLIC KEY", SM2, 64), "this is an SM2 key; allowed: a key on P-256"),
        (pem("PUBLIC KEY", RSA, 64), "this is an RSA key; allowed: a key on P-256"),
        (pem("PUBLIC KEY", ED25519, 64), "this is an Ed25519 key; allowed"),
        (pem("PUBLIC KEY", EXPLICIT, 64), "curve is written out instead of named"),
        (pem("CERTIFICATE", RSA, 64), "this is a certificate; allowed: the public key in it"),
        (pem("CERTIFICATE REQUEST", RSA, 64), "openssl req -pubkey -noout"),
        (pem("PRIVATE KEY", PKCS8, 64), "this is a private key; allowed: the public key alone"),
        (pem("EC PRIVATE KEY", SEC1, 64), "this is a private key; allowed: the public key alone"),
        (format!("{PARAMETERS}{}", pem("EC PRIVATE KEY", SEC1, 64)), "this is a private key"),
        (format!("{strict}{strict}"), "2 keys or certificates in one file (PUBLIC KEY, PUBLIC"),
        (PARAMETERS.to_owned(), "there is no public key in it; allowed: SPKI PEM"),
        (SPKI.to_owned(), "base64 without its first and last line; needed: -----BEGIN PUBLIC"),
        (strict.replace("-----END PUBLIC KEY-----", ""), "the line -----END PUBLIC KEY----- is"),
        (strict.replacen("MFkw", "MF?w", 1), "is damaged: it is not base64"),
        (pem("PUBLIC KEY", &SPKI[..80], 64), "damaged or cut off: it is no public key"),
        (damaged, "the point of this key is damaged"),
        ("ecdsa-sha2-nistp256 AAAA me@there".to_owned(), "key of OpenSSH (ssh-keygen -e -m PKCS8"),
        (" \n".to_owned(), "the file is empty"),
        ("hello, world".to_owned(), "there is no public key in it; allowed: SPKI PEM"),
    ] {
        let error = digest(&text).expect_err(says);
        assert_says(&error, &["7001.pub.pem: ", says]);
    }
    let der = [0x30, 0x59, 0x30, 0x13, 0x86, 0x48, 0xce];
    assert_says(&digest(der).unwrap_err(), &["7001.pub.pem: this is a binary file, such as DER"]);
}

#[test]
fn a_jwk_is_taken_alone_or_as_the_only_one_of_a_set() {
    let plain = digest(JWK).unwrap();
    let padded = JWK.replace("n7Y\"", "n7Y=\"");
    for text in [format!("\u{feff}\r\n{JWK}"), format!("{{\"keys\": [{JWK}]}}"), padded] {
        assert_eq!(digest(&text), Ok(plain.clone()), "{text}");
    }
    for (text, says) in [
        (format!("{{\"keys\": [{JWK}, {JWK}]}}"), "a JWK set of 2 keys; allowed: one"),
        ("{\"keys\": []}".to_owned(), "a JWK set of 0 keys; allowed: one"),
        (
            "{\"kty\": \"RSA\", \"n\": \"x\"}".to_owned(),
            "kty \"RSA\", crv missing; allowed: \"EC\"",
        ),
        (JWK.replace("kid", "d"), "this JWK holds a private key (d)"),
        (format!("{{\"keys\": [{}]}}", JWK.replace("kid", "d")), "holds a private key (d)"),
        (JWK.replace("YP7Uui", "7Uui"), "allowed: 32 bytes in base64url, 43 letters"),
    ] {
        assert_says(&digest(&text).expect_err(says), &["7001.pub.pem: ", says]);
    }
}

#[test]
fn a_private_key_is_taken_as_openssl_writes_it() {
    let dir = Dir::new();
    let pkcs8 = pem("PRIVATE KEY", PKCS8, 64);
    let sec1 = pem("EC PRIVATE KEY", SEC1, 64);
    let expected = dir.signing_key(&pkcs8).unwrap();
    for text in [
        sec1.clone(),
        format!("{PARAMETERS}{sec1}"),
        format!("\u{feff}{}\r\n", sec1.replace('\n', "\r\n")),
        format!("Bag Attributes\n    localKeyID: 01\nKey Attributes: <none>\n{pkcs8}"),
        format!("{}{pkcs8}", pem("CERTIFICATE", RSA, 64)),
    ] {
        assert_eq!(dir.signing_key(&text), Ok(expected.clone()), "{text}");
    }
    assert_eq!(dir.signing_key(utf16(&pkcs8)), Ok(expected));
}

#[test]
fn what_is_no_private_key_on_p256_is_named_and_never_shown() {
    let dir = Dir::new();
    let pkcs8 = pem("PRIVATE KEY", PKCS8, 64);
    let encrypted = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n\
                     -----END EC PRIVATE KEY-----\n";
    for (text, says) in [
        (pem("PRIVATE KEY", P384_PKCS8, 64), "this is a key on P-384; allowed: a key on P-256"),
        (pem("EC PRIVATE KEY", P384_SEC1, 64), "this is a key on P-384; allowed: a key on P-256"),
        (pem("RSA PRIVATE KEY", RSA, 64), "this is \"RSA PRIVATE KEY\"; allowed: a key on P-256"),
        (pem("ENCRYPTED PRIVATE KEY", RSA, 64), "the key is encrypted (openssl pkey -in FILE"),
        (encrypted.to_owned(), "the key is encrypted (openssl pkey -in FILE"),
        (pem("PUBLIC KEY", SPKI, 64), "this is \"PUBLIC KEY\" and no private key"),
        (format!("{pkcs8}{pkcs8}"), "more than one private key in it; allowed: one"),
        (pem("PRIVATE KEY", &PKCS8[..100], 64), "is damaged or cut off"),
        (String::new(), "the file is empty; allowed: PEM of a private key on P-256"),
        (JWK.to_owned(), "there is no private key in it; allowed: PEM"),
    ] {
        let error = dir.signing_key(&text).expect_err(says);
        assert!(error.contains(says), "{error}\ndoes not say {says:?}");
        assert!(!error.contains(&PKCS8[40..60]), "{error}");
    }
}

#[test]
fn a_secret_is_read_in_whatever_dress_it_comes_and_else_counted() {
    let digits = SECRET.trim();
    let spaced = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    let spaced = spaced.collect::<Vec<_>>().join(" ");
    let load = |text: &[u8]| {
        let dir = Dir::new();
        match dir.write("seal-1.key", text, 0o600).load() {
            Ok(keys) => Ok(keys.digest().to_owned()),
            Err(_) => Err(dir.error()),
        }
    };
    let expected = load(digits.as_bytes()).unwrap();
    for text in [
        format!("\u{feff}{digits}\r\n"),
        format!("  {}\n\n", digits.to_uppercase()),
        spaced,
        format!("{}\n{}\n", &digits[..32], &digits[32..]),
    ] {
        assert_eq!(load(text.as_bytes()), Ok(expected.clone()), "{text:?}");
    }
    assert_eq!(load(&utf16(SECRET)), Ok(expected));
    for (text, says) in [
        (&digits[2..], "it holds 62 hex digits"),
        (&digits[..32], "it holds 32 hex digits"),
        ("\r\n", "the file is empty"),
        ("0x00", "it holds something else than hex digits"),
    ] {
        assert_says(&load(text.as_bytes()).expect_err(says), &["seal-1.key: no secret: ", says]);
    }
    assert_says(&load(&[0xff; 32]).unwrap_err(), &["seal-1.key: this is a binary file"]);
}
