use keyring::code::{Auth, Kind, Kinds, UnverifiedCode};
use keyring::verify::{Rejection, Rules, TimeRules, VerifiedCode};
use serde_json::Value;

use super::name::Name;
use super::*;
use crate::cli::tests::testing::{self, NOW};

struct World {
    keys: testing::Issuer,
    issuer: Issuer,
}

impl World {
    fn new() -> Self {
        let keys = testing::Issuer::new();
        let issuer =
            Issuer::load(&keys.keyring(), testing::Issuer::key_id(), &keys.signing_key()).unwrap();
        Self { keys, issuer }
    }

    fn answer(&self, query: &str) -> Result<Answer, Wrong> {
        answer(query, &self.issuer, NOW, Language::English)
    }

    fn text(&self, query: &str) -> String {
        let answer = self.answer(query).unwrap_or_else(|wrong| panic!("{query}: {wrong:?}"));
        String::from_utf8(answer.bytes).unwrap()
    }

    /// A code that may be of any age.
    fn verify(&self, query: &str) -> Result<VerifiedCode, Rejection> {
        let text = self.text(query);
        let digits = text.strip_suffix('\n').unwrap();
        assert_eq!(digits.len(), 255);
        let code = UnverifiedCode::parse(digits.as_bytes()).unwrap();
        let time = TimeRules { skew_ms: 0, display_days: 180 };
        let rules = Rules { kinds: Kinds::BOTH, time, recognise_late: false };
        let at = code.claims().issued_at.millis();
        self.keys.keys().verify(&code, &rules, at).map_err(|rejected| rejected.rejection)
    }

    #[track_caller]
    fn assert_wrong(&self, query: &str, expected: &Wrong) {
        let Err(wrong) = self.answer(query) else { panic!("{query} gave a code") };
        assert_eq!(wrong, *expected, "{query}");
    }
}

#[test]
fn each_name_says_what_the_code_says() {
    let world = World::new();
    let query = "subject=18446744073709551615&kind=display&region=440300&auth=face&relation=5\
                 &epoch=65535&age_s=86400";
    let code = world.verify(query).unwrap();
    assert_eq!((code.subject().get(), code.kind()), (u64::MAX, Kind::Display));
    assert_eq!((code.region().get(), code.auth()), (440_300, Auth::Face));
    assert_eq!((code.relation(), code.epoch()), (5, 65_535));
    assert_eq!(code.issued_at().millis(), NOW.plus_ms(-86_400_000));
    let coming = world.verify("subject=1&age_s=-3600").unwrap();
    assert_eq!(coming.issued_at().millis(), NOW.plus_ms(3_600_000));
}

#[test]
fn what_is_empty_or_left_out_has_its_default() {
    let world = World::new();
    let all = "subject=42&kind=&region=&auth=&relation=&epoch=&age_s=&spoil=&format=&lang=";
    for query in [all, "subject=42", "&subject=%34%32&&kind"] {
        let code = world.verify(query).unwrap();
        assert_eq!((code.subject().get(), code.kind()), (42, Kind::Payment), "{query}");
        assert_eq!((code.region().get(), code.auth()), (370_100, Auth::Password), "{query}");
        assert_eq!((code.relation(), code.epoch()), (0, 1), "{query}");
        assert_eq!(code.issued_at().millis(), NOW, "{query}");
    }
}

#[test]
fn a_spoiled_code_has_one_fault() {
    let world = World::new();
    for (what, rejection) in [
        ("signature", Rejection::SignatureInvalid),
        ("seal", Rejection::SealInvalid),
        ("key", Rejection::KeyUnknown),
    ] {
        assert_eq!(world.verify(&format!("subject=42&spoil={what}")).unwrap_err(), rejection);
    }
}

#[test]
fn each_format_has_its_media_type() {
    let world = World::new();
    for (format, kind, begin) in [
        ("digits", "text/plain; charset=utf-8", &b""[..]),
        ("json", "application/json", b"{\"code\":\""),
        ("svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\""),
        ("png", "image/png", b"\x89PNG\r\n"),
    ] {
        let answer = world.answer(&format!("subject=42&format={format}")).unwrap();
        assert_eq!(answer.kind, kind);
        assert!(answer.bytes.starts_with(begin), "{format}");
    }
    let line: Value = serde_json::from_str(&world.text("subject=7&format=json")).unwrap();
    assert_eq!(line["subject"], "7");
}

#[test]
fn what_is_not_allowed_is_named() {
    let world = World::new();
    for (query, name) in [
        ("subject=0", Name::Subject),
        ("subject=18446744073709551616", Name::Subject),
        ("subject=1+2", Name::Subject),
        ("subject=1&kind=both", Name::Kind),
        ("subject=1&region=37010", Name::Region),
        ("subject=1&auth=iris", Name::Auth),
        ("subject=1&relation=6", Name::Relation),
        ("subject=1&epoch=65536", Name::Epoch),
        ("subject=1&age_s=86401", Name::AgeS),
        ("subject=1&age_s=-3601", Name::AgeS),
        ("subject=1&age_s=1.5", Name::AgeS),
        ("subject=1&spoil=all", Name::Spoil),
        ("subject=1&format=qr", Name::Format),
    ] {
        world.assert_wrong(query, &Wrong::Value(name));
    }
    world.assert_wrong("", &Wrong::NoSubject);
    world.assert_wrong("subject=", &Wrong::NoSubject);
    world.assert_wrong("subject=1&subject=1", &Wrong::Twice(Name::Subject));
    world.assert_wrong("subject=1&Kind=payment", &Wrong::Unknown("Kind".to_owned()));
    for query in ["subject=%", "subject=%3", "subject=%3g", "%+1=1", "subject=%ff"] {
        world.assert_wrong(query, &Wrong::Escape);
    }
    let Err(Wrong::Unknown(name)) = world.answer(&"姓名".repeat(100)) else { panic!("a code") };
    assert_eq!(name.chars().count(), 32);
}

#[test]
fn each_sentence_says_what_is_allowed_in_both_languages() {
    let values = Name::ALL.map(Wrong::Value);
    let others =
        [Wrong::Unknown("a".to_owned()), Wrong::Twice(Name::Kind), Wrong::Escape, Wrong::NoSubject];
    for wrong in values.iter().chain(&others) {
        assert!(wrong.sentence(Language::English).contains("allowed: "), "{wrong:?}");
        let chinese = wrong.sentence(Language::Chinese);
        assert!(!chinese.is_ascii() && !chinese.contains("allowed"), "{chinese}");
    }
    let sentence = Wrong::Value(Name::Relation).sentence(Language::English);
    assert!(sentence.starts_with("relation: not an allowed value; allowed: 0 = "), "{sentence}");
}
