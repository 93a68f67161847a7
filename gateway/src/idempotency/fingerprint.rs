//! What a request asks, as 32 bytes.

use http::{HeaderMap, Method, header::CONTENT_TYPE};
use keyring::verify::Statement;
use sha2::{Digest as _, Sha256};

/// Written first, so that no other SHA-256 of this program is of the same bytes.
const DOMAIN: &[u8] = b"yanma retry 1";

/// SHA-256 over method, full target with query, content type, body and trailers, and over what
/// the code says beside its identity. Every part goes in behind its length, so that no two
/// requests can be of the same bytes by shifting what stands at a seam.
///
/// The statement is in it because an issuer may, by mistake, sign one identity twice for two
/// persons: the answer for the one is none of the other's business. The signature is not, because
/// ECDSA allows two of them for one code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// What goes into a [`Fingerprint`].
#[derive(Debug)]
pub(crate) struct FingerprintInput<'a> {
    pub(crate) method: &'a Method,
    /// Path and query, as they came.
    pub(crate) target: &'a str,
    /// Where the content type stands.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) statement: Statement,
    pub(crate) body: &'a [u8],
    /// Those that the backend gets.
    pub(crate) trailers: Option<&'a HeaderMap>,
}

impl FingerprintInput<'_> {
    /// Costs a SHA-256 of the body and some 100 bytes, and allocates nothing.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut parts = Parts(Sha256::new());
        parts.add(DOMAIN);
        parts.add(self.method.as_str().as_bytes());
        parts.add(self.target.as_bytes());
        let types = self.headers.get_all(CONTENT_TYPE);
        parts.count(types.iter().count());
        types.iter().for_each(|value| parts.add(value.as_bytes()));
        parts.add(self.statement.as_bytes());
        parts.add(self.body);
        parts.count(self.trailers.map_or(0, HeaderMap::len));
        for (name, value) in self.trailers.into_iter().flatten() {
            parts.add(name.as_str().as_bytes());
            parts.add(value.as_bytes());
        }
        Fingerprint(parts.0.finalize().into())
    }
}

struct Parts(Sha256);

impl Parts {
    fn count(&mut self, count: usize) {
        self.0.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn add(&mut self, part: &[u8]) {
        self.count(part.len());
        self.0.update(part);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use http::{HeaderName, HeaderValue};
    use keyring::{
        code::{Auth, IssuedAt, KeyId, Kind, Kinds, Region, Serial, Subject},
        key::{IssuerKey, KeyState, KeyTerms},
        key_set::KeySet,
        mint::{Minter, Spec},
        seal::SealSecret,
        suite::{PublicKey, SigningKey},
        time::UnixMillis,
        verify::{Rules, TimeRules},
    };
    use proptest::prelude::*;

    use super::*;

    /// What a code of this subject says.
    fn statement(subject: u64) -> Statement {
        let id = KeyId::new(7001).unwrap();
        let key = || SigningKey::from_slice(&[7; 32]).unwrap();
        let seal = || SealSecret::new([1; 32]).derive(id);
        let terms = KeyTerms {
            id,
            channel: "wechat".parse().unwrap(),
            state: KeyState::Active,
            not_before: UnixMillis::new(0),
            not_after: UnixMillis::from_seconds(1_900_000_000),
            environment: "test".to_owned(),
        };
        let issuer = IssuerKey::new(terms, PublicKey::from(&key()), seal()).unwrap();
        let spec = Spec {
            kind: Kind::Payment,
            issued_at: IssuedAt::new(1_800_000_000),
            region: Region::new(370_100).unwrap(),
            auth: Auth::Password,
            subject: Subject::new(subject).unwrap(),
            epoch: 1,
            relation: 0,
        };
        let code = Minter::new(id, key(), seal()).mint(&spec, Serial::new(1));
        let time = TimeRules { skew_ms: 0, display_days: 1 };
        let rules = Rules { kinds: Kinds::PAYMENT, time, recognise_late: false };
        let keys = KeySet::new(vec![issuer]).unwrap();
        keys.verify(&code, &rules, UnixMillis::from_seconds(1_800_000_000)).unwrap().statement()
    }

    /// A request, owned.
    #[derive(Clone, Debug, Eq, PartialEq, Hash)]
    struct Text {
        method: &'static str,
        target: String,
        types: Vec<String>,
        body: Vec<u8>,
        trailers: Vec<(String, String)>,
    }

    fn map(lines: impl IntoIterator<Item = (String, String)>) -> HeaderMap {
        let field = |(name, value): (String, String)| {
            let name = HeaderName::try_from(name).unwrap();
            (name, HeaderValue::try_from(value).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in lines.into_iter().map(field) {
            map.append(name, value);
        }
        map
    }

    fn fingerprint(text: &Text, statement: Statement) -> Fingerprint {
        let Text { method, target, types, body, trailers } = text;
        let headers = map(types.iter().map(|t| ("content-type".to_owned(), t.clone())));
        let trailers = (!trailers.is_empty()).then(|| map(trailers.clone()));
        let method = method.parse().unwrap();
        let (method, trailers) = (&method, trailers.as_ref());
        FingerprintInput { method, target, headers: &headers, statement, body, trailers }
            .fingerprint()
    }

    fn plain() -> Text {
        let types = vec!["application/json".to_owned()];
        let (target, body) = ("/pay?a=1".to_owned(), b"{}".to_vec());
        Text { method: "POST", target, types, body, trailers: vec![] }
    }

    #[test]
    fn every_part_counts() {
        let (plain, says) = (plain(), statement(42));
        let same = fingerprint(&plain, says);
        assert_eq!(fingerprint(&plain.clone(), statement(42)), same);
        let two = ["application/json", "text/plain"].map(str::to_owned).to_vec();
        let sum = vec![("x-sum".to_owned(), "1".to_owned())];
        for other in [
            Text { method: "PUT", ..plain.clone() },
            Text { target: "/pay?a=2".to_owned(), ..plain.clone() },
            Text { target: "/PAY?a=1".to_owned(), ..plain.clone() },
            Text { types: vec![], ..plain.clone() },
            Text { types: vec!["application/json; charset=gbk".to_owned()], ..plain.clone() },
            Text { types: two, ..plain.clone() },
            Text { body: b"{} ".to_vec(), ..plain.clone() },
            Text { body: vec![], ..plain.clone() },
            Text { trailers: sum, ..plain.clone() },
        ] {
            assert_ne!(fingerprint(&other, says), same, "{other:?}");
        }
        assert_ne!(fingerprint(&plain, statement(43)), same, "another person's code");
    }

    /// Pieces that move over a seam: without the lengths each of these would be one of the others.
    #[test]
    fn what_moves_over_a_seam_is_another_request() {
        let says = statement(42);
        let of = |target: &str, types: &[&str], body: &str, trailers: &[(&str, &str)]| Text {
            method: "POST",
            target: target.to_owned(),
            types: types.iter().copied().map(str::to_owned).collect(),
            body: body.as_bytes().to_vec(),
            trailers: trailers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        };
        let texts = [
            of("/ab", &["c"], "d", &[]),
            of("/a", &["bc"], "d", &[]),
            of("/a", &["b", "c"], "d", &[]),
            of("/a", &["b"], "cd", &[]),
            of("/abc", &[], "d", &[]),
            of("/ab", &[], "cd", &[]),
            of("/ab", &["c"], "", &[("d", "")]),
            of("/ab", &["c"], "", &[("d", ""), ("e", "")]),
            of("/ab", &["c"], "", &[("d", "e")]),
            of("/ab", &["c"], "", &[("de", "")]),
            of("/ab", &["c"], "de", &[]),
        ];
        let mut seen = HashMap::new();
        for text in texts {
            let before = seen.insert(fingerprint(&text, says).0, text.clone());
            assert_eq!(before, None, "{text:?}");
        }
    }

    fn text() -> impl Strategy<Value = Text> {
        let part = "[ab]{0,3}";
        let trailer = ("[ab]{1,2}", part);
        (
            prop_oneof![Just("POST"), Just("PUT")],
            "/[ab]{0,2}",
            proptest::collection::vec(part, 0..3),
            proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b')], 0..3),
            proptest::collection::vec(trailer, 0..2),
        )
            .prop_map(|(method, target, types, body, trailers)| Text {
                method,
                target,
                types,
                body,
                trailers,
            })
    }

    proptest! {
        #[test]
        fn two_fingerprints_are_equal_when_the_requests_are(one in text(), other in text()) {
            let says = statement(42);
            prop_assert_eq!(fingerprint(&one, says) == fingerprint(&other, says), one == other);
        }
    }

    /// A fingerprint of a body alone, for the tests of the store.
    pub(in crate::idempotency) fn of_body(body: &[u8]) -> Fingerprint {
        fingerprint(&Text { body: body.to_vec(), ..plain() }, statement(42))
    }
}
