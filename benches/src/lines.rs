//! What each request carries: a code, or for peers that know no codes a JSON Web Token.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use keyring::code::{Auth, IssuedAt, Kind, Region, Serial, Subject};
use keyring::mint::{Minter, Spec};
use keyring::time::UnixMillis;
use loadtest::load::signer::ThrowAwaySigner;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

/// Writes payment codes of this second, a line each, of all keys in turn.
///
/// # Errors
/// The file cannot be written.
pub fn write_codes(path: &Path, minters: &[Minter<ThrowAwaySigner>], count: u64) -> io::Result<()> {
    let spec = Spec {
        kind: Kind::Payment,
        issued_at: IssuedAt::from_time(now()).expect("before 2106"),
        region: Region::new(370_100).expect("six digits"),
        auth: Auth::Password,
        subject: Subject::new(42).expect("not 0"),
        epoch: 1,
        relation: 0,
    };
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for (serial, minter) in (0..count).zip(minters.iter().cycle()) {
        file.write_all(&minter.mint(&spec, Serial::new(serial)).to_digits())?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Writes tokens that are good for an hour, each with a `jti` of its own.
///
/// # Errors
/// The file cannot be written.
pub fn write_tokens(path: &Path, key: &SigningKey, count: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let header = Base64UrlUnpadded::encode_string(br#"{"alg":"ES256","typ":"JWT","kid":"1"}"#);
    let expires = now().seconds() + 3600;
    for number in 0..count {
        let claims =
            format!(r#"{{"iss":"issuer","sub":"42","exp":{expires},"jti":"{number:016x}"}}"#);
        let signed = format!("{header}.{}", Base64UrlUnpadded::encode_string(claims.as_bytes()));
        let signature: Signature = key.sign(signed.as_bytes());
        let signature = Base64UrlUnpadded::encode_string(&signature.to_bytes());
        writeln!(file, "{signed}.{signature}")?;
    }
    file.flush()
}

/// The public half of the tokens' key, as a JSON Web Key Set.
pub fn key_set(key: &VerifyingKey) -> String {
    let point = key.to_sec1_point(false);
    let part = |at: usize| {
        let bytes = point.as_bytes().get(at..at + 32).expect("an uncompressed point has 65 bytes");
        Base64UrlUnpadded::encode_string(bytes)
    };
    let (x, y) = (part(1), part(33));
    format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","kid":"1","x":"{x}","y":"{y}"}}]}}"#
    )
}

/// The wall clock, which the gateway reads too.
///
/// # Panics
/// If it stands before 1970.
#[expect(clippy::disallowed_methods, reason = "codes are minted for the gateway's clock")]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    UnixMillis::new(i64::try_from(since.as_millis()).expect("before the year 292278994"))
}
