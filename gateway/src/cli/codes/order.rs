//! What is asked of an issuer, and the code that comes of it.

use keyring::code::{
    Auth, CODE_DIGITS, Claims, CodeIdentity, IssuedAt, KeyId, Kind, Region, Subject, UnverifiedCode,
};
use keyring::mint::{Spec, Spoil};
use serde::Serialize;

use super::qr::Symbol;

/// A code that shall be made.
#[derive(Copy, Clone)]
pub(in crate::cli) struct Order {
    pub(in crate::cli) spec: Spec,
    /// What shall be wrong with it.
    pub(in crate::cli) spoil: Option<Spoil>,
}

impl Order {
    /// What `yanma mint` makes without more options: the holder's sound payment code, of Jinan.
    pub(in crate::cli) fn of(subject: Subject, issued_at: IssuedAt) -> Self {
        let spec = Spec {
            kind: Kind::Payment,
            issued_at,
            region: Region::new(370_100).expect("six digits"),
            auth: Auth::Password,
            subject,
            epoch: 1,
            relation: 0,
        };
        Self { spec, spoil: None }
    }
}

/// A code that was made, and what it says.
pub(in crate::cli) struct Issued {
    code: UnverifiedCode,
    spec: Spec,
}

impl Issued {
    pub(super) fn new(code: UnverifiedCode, spec: Spec) -> Self {
        Self { code, spec }
    }

    pub(in crate::cli) fn code(&self) -> &UnverifiedCode {
        &self.code
    }

    pub(in crate::cli) fn issued_at(&self) -> IssuedAt {
        self.spec.issued_at
    }

    /// As a scanner types them.
    pub(in crate::cli) fn digits(&self) -> [u8; CODE_DIGITS] {
        self.code.to_digits()
    }

    pub(in crate::cli) fn symbol(&self) -> Symbol {
        Symbol::new(&self.digits())
    }

    /// The redemption's name in the gateway. A code of key id 0 has none.
    pub(in crate::cli) fn code_id(&self) -> Option<String> {
        let Claims { key_id, issued_at, serial, .. } = self.code.claims();
        key_id.map(|key_id| CodeIdentity { key_id, issued_at, serial }.to_string())
    }

    /// A JSON object: the code and all its contents, the sealed part too.
    pub(in crate::cli) fn to_json(&self) -> String {
        let digits = self.digits();
        serde_json::to_string(&Line::new(self, &digits))
            .expect("a flat object of texts and numbers")
    }
}

/// A code and all its contents, the sealed part too: the issuer who makes it knows them.
#[derive(Serialize)]
struct Line<'a> {
    code: &'a str,
    kind: &'static str,
    key_id: u32,
    issued_at: u32,
    serial: String,
    region: String,
    auth: &'static str,
    /// A string, because numbers above 2^53 lose digits in JavaScript and jq.
    subject: String,
    epoch: u16,
    relation: u8,
    code_id: Option<String>,
}

impl<'a> Line<'a> {
    fn new(issued: &Issued, digits: &'a [u8]) -> Self {
        let claims = issued.code.claims();
        let Spec { subject, epoch, relation, .. } = issued.spec;
        Self {
            code: str::from_utf8(digits).expect("ASCII digits"),
            kind: claims.kind.as_str(),
            key_id: claims.key_id.map_or(0, KeyId::get),
            issued_at: claims.issued_at.get(),
            serial: claims.serial.to_string(),
            region: claims.region.to_string(),
            auth: claims.auth.as_str(),
            subject: subject.get().to_string(),
            epoch,
            relation,
            code_id: issued.code_id(),
        }
    }
}
