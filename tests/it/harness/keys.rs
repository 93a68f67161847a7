//! A keyring directory written from the contract's text, and codes minted with its keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keyring::code::{Auth, IssuedAt, KeyId, Kind, Region, Serial, Subject, UnverifiedCode};
use keyring::mint::{Minter, Spec, Spoil, random_serial};
use keyring::seal::SealSecret;
use keyring::suite::SigningKey;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};

const SEAL_SECRET: [u8; 32] = [0x5e; 32];
const PASS_SECRET: &str = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

/// An issuer key of the test keyring.
#[derive(Copy, Clone, Eq, PartialEq)]
pub(crate) struct Issuer {
    pub(crate) id: u32,
    pub(crate) channel: &'static str,
    pub(crate) state: &'static str,
    pub(crate) not_after: &'static str,
}

const FAR: &str = "2100-01-01T00:00:00Z";

pub(crate) const WECHAT: Issuer =
    Issuer { id: 7001, channel: "wechat", state: "active", not_after: FAR };
pub(crate) const RETIRING: Issuer =
    Issuer { id: 7002, channel: "alipay", state: "retiring", not_after: FAR };
pub(crate) const REVOKED: Issuer =
    Issuer { id: 7003, channel: "nhsa-app", state: "revoked", not_after: FAR };
pub(crate) const ANNOUNCED: Issuer =
    Issuer { id: 7004, channel: "wechat", state: "announced", not_after: FAR };
/// Active, but past its last date.
pub(crate) const OVER: Issuer =
    Issuer { id: 7005, channel: "wechat", state: "active", not_after: "2026-01-02T00:00:00Z" };
/// In no keyring.
pub(crate) const STRANGER: Issuer =
    Issuer { id: 7999, channel: "stranger", state: "active", not_after: FAR };

pub(crate) const ISSUERS: &[Issuer] = &[WECHAT, RETIRING, REVOKED, ANNOUNCED, OVER];

/// Writes a keyring with these keys. A second call replaces the first, as an operator would.
pub(crate) fn write_keyring(directory: &Path, issuers: &[Issuer]) {
    fs::create_dir_all(directory).expect("a directory");
    let secret: String = SEAL_SECRET.iter().map(|byte| format!("{byte:02x}")).collect();
    write_secret(&directory.join("seal-1.key"), &secret);
    write_secret(&directory.join("pass-1.key"), PASS_SECRET);
    let mut manifest = "[[seal_secret]]\nid = 1\nfile = \"seal-1.key\"\n\n\
                        [[pass_secret]]\nid = 1\nfile = \"pass-1.key\"\nstate = \"active\"\n"
        .to_owned();
    for issuer in issuers {
        let Issuer { id, channel, state, not_after } = issuer;
        let key = issuer.signing_key();
        let pem = key.verifying_key().to_public_key_pem(LineEnding::LF).expect("PEM");
        fs::write(directory.join(format!("{id}.pub.pem")), pem).expect("a public key");
        manifest.push_str(&format!(
            "\n[[key]]\nid = {id}\nchannel = \"{channel}\"\nalgorithm = \"ES256\"\n\
             public_key_file = \"{id}.pub.pem\"\nseal_secret = 1\n\
             not_before = \"2026-01-01T00:00:00Z\"\nnot_after = \"{not_after}\"\n\
             state = \"{state}\"\nenvironment = \"test\"\n"
        ));
    }
    fs::write(directory.join("keyring.toml"), manifest).expect("keyring.toml");
}

impl Issuer {
    /// A sound code.
    pub(crate) fn mint(&self, spec: &Spec) -> String {
        digits(&self.code(spec))
    }

    pub(crate) fn code(&self, spec: &Spec) -> UnverifiedCode {
        self.minter().mint(spec, random_serial())
    }

    /// A code with a chosen serial: two calls make two texts of one identity.
    pub(crate) fn mint_again(&self, spec: &Spec, serial: u64) -> String {
        digits(&self.minter().mint(spec, Serial::new(serial)))
    }

    pub(crate) fn mint_spoiled(&self, spec: &Spec, spoil: Spoil) -> String {
        digits(&self.minter().mint_spoiled(spec, random_serial(), spoil))
    }

    /// The private key as an issuer keeps it.
    pub(crate) fn write_signing_key(&self, path: PathBuf) -> PathBuf {
        let pem = self.signing_key().to_pkcs8_pem(LineEnding::LF).expect("PEM");
        write_secret(&path, &pem);
        path
    }

    fn minter(&self) -> Minter {
        let id = KeyId::new(self.id).expect("not 0");
        Minter::new(id, self.signing_key(), SealSecret::new(SEAL_SECRET).derive(id))
    }

    fn signing_key(&self) -> SigningKey {
        let mut scalar = [7; 32];
        scalar[28..].copy_from_slice(&self.id.to_be_bytes());
        SigningKey::from_slice(&scalar).expect("below the order of the curve")
    }
}

/// The most common kind of payment code, issued at a Unix second.
pub(crate) fn payment(issued_at: i64) -> Spec {
    Spec {
        kind: Kind::Payment,
        issued_at: IssuedAt::new(u32::try_from(issued_at).expect("before 2106")),
        region: region(370_100),
        auth: Auth::Password,
        subject: Subject::new(42).expect("not 0"),
        epoch: 1,
        relation: 0,
    }
}

pub(crate) fn display(issued_at: i64) -> Spec {
    Spec { kind: Kind::Display, auth: Auth::None, ..payment(issued_at) }
}

pub(crate) fn region(number: u32) -> Region {
    Region::new(number).expect("at most six digits")
}

pub(crate) fn digits(code: &UnverifiedCode) -> String {
    code.to_digits().iter().copied().map(char::from).collect()
}

/// `Yanma-Code-Id` and `Yanma-Redemption` of a code.
pub(crate) fn identity(digits: &str) -> String {
    let code = UnverifiedCode::parse(digits.as_bytes()).expect("a sound code");
    let claims = code.claims();
    let key = claims.key_id.expect("a key id");
    format!("{}-{}-{:016x}", key.get(), claims.issued_at.get(), claims.serial.get())
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).expect("a secret file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode 0600");
}
