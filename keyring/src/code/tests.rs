use proptest::prelude::*;

use super::*;
use crate::sample::VECTOR;

fn vector() -> [u8; CODE_BYTES] {
    UnverifiedCode::parse(VECTOR.as_bytes()).unwrap().bytes
}

fn parse_bytes(bytes: &[u8; CODE_BYTES]) -> Result<UnverifiedCode, ParseError> {
    UnverifiedCode::parse(&text::encode(bytes))
}

/// The vector with one byte changed.
fn changed(offset: usize, byte: u8) -> Result<Claims, ParseError> {
    let mut bytes = vector();
    bytes[offset] = byte;
    parse_bytes(&bytes).map(|code| code.claims())
}

fn judged(text: impl AsRef<[u8]>) -> Option<ParseError> {
    UnverifiedCode::parse(text.as_ref()).err()
}

#[test]
fn vector_fields_are_read() {
    let code = UnverifiedCode::parse(VECTOR.as_bytes()).unwrap();
    let expected = Claims {
        kind: Kind::Payment,
        key_id: KeyId::new(7001),
        issued_at: IssuedAt::new(1_800_000_000),
        serial: Serial::new(0x0123_4567_89ab_cdef),
        region: Region::new(370_100).unwrap(),
        auth: Auth::Password,
    };
    assert_eq!(code.claims(), expected);
    assert_eq!(code.to_digits(), VECTOR.as_bytes());
    assert_eq!(code.body()[..21], expected.to_body()[..21]);
}

#[test]
fn other_versions_are_not_supported_and_other_kinds_malformed() {
    for version in (0..16).filter(|version| *version != 1) {
        for kind in 0..16 {
            let judged = changed(0, version << 4 | kind);
            assert_eq!(judged, Err(ParseError::FormatNotSupported), "{version} {kind}");
        }
    }
    assert_eq!(changed(0, 0x11).unwrap().kind, Kind::Display);
    for kind in [0x10].into_iter().chain(0x13..=0x1f) {
        assert_eq!(changed(0, kind), Err(ParseError::Malformed), "{kind:#x}");
    }
}

#[test]
fn another_version_needs_no_other_sound_field() {
    let mut bytes = [0xff; CODE_BYTES];
    assert_eq!(parse_bytes(&bytes), Err(ParseError::FormatNotSupported));
    bytes[0] = 0x12;
    assert_eq!(parse_bytes(&bytes), Err(ParseError::Malformed));
}

#[test]
fn authentication_is_0_to_3() {
    let auths = (0..=3).map(|byte| changed(20, byte).unwrap().auth.as_str()).collect::<Vec<_>>();
    assert_eq!(auths, ["none", "password", "fingerprint", "face"]);
    for byte in 4..=255 {
        assert_eq!(changed(20, byte), Err(ParseError::Malformed), "{byte}");
    }
}

#[test]
fn region_is_at_most_999999() {
    let region = |number: u32| {
        let mut bytes = vector();
        bytes[17..20].copy_from_slice(&number.to_be_bytes()[1..]);
        parse_bytes(&bytes).map(|code| code.claims().region.to_string())
    };
    assert_eq!(region(0).unwrap(), "000000");
    assert_eq!(region(999_999).unwrap(), "999999");
    assert_eq!(region(1_000_000), Err(ParseError::Malformed));
    assert_eq!(region(0xff_ffff), Err(ParseError::Malformed));
}

#[test]
fn key_id_0_is_well_formed_and_names_no_key() {
    let mut bytes = vector();
    bytes[1..5].fill(0);
    assert_eq!(parse_bytes(&bytes).unwrap().key_id(), None);
}

#[test]
fn a_group_above_2_to_the_56_is_malformed() {
    for group in 0..15 {
        let mut text = VECTOR.as_bytes().to_vec();
        let place = group * 17..group * 17 + 17;
        text[place.clone()].copy_from_slice(b"72057594037927935");
        let greatest = if group == 0 { Some(ParseError::FormatNotSupported) } else { None };
        let greatest = if group == 2 { Some(ParseError::Malformed) } else { greatest };
        assert_eq!(judged(&text), greatest, "2^56 - 1 in group {group}");
        text[place.clone()].copy_from_slice(b"72057594037927936");
        assert_eq!(judged(&text), Some(ParseError::Malformed), "2^56 in group {group}");
        text[place].copy_from_slice(b"99999999999999999");
        assert_eq!(judged(&text), Some(ParseError::Malformed), "10^17 - 1 in group {group}");
    }
}

#[test]
fn every_other_byte_in_every_place_is_malformed() {
    for place in 0..CODE_DIGITS {
        for byte in (0..=255).filter(|byte: &u8| !byte.is_ascii_digit()) {
            let mut text = VECTOR.as_bytes().to_vec();
            text[place] = byte;
            assert_eq!(judged(&text), Some(ParseError::Malformed), "{byte:#x} at {place}");
        }
    }
}

#[test]
fn scanner_dirt_is_dropped_at_the_ends() {
    let full_width = VECTOR.chars().map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0xff10));
    let full_width = full_width.collect::<Option<String>>().unwrap();
    let (half, other_half) = VECTOR.split_at(100);
    let mixed = format!("{half}{}", &full_width[300..]);
    assert_eq!(other_half.len(), 155);
    let clean = UnverifiedCode::parse(VECTOR.as_bytes());
    for text in [
        format!("{VECTOR}\r\n"),
        format!("\u{feff}{VECTOR}"),
        format!("\r\n\t \0\u{feff}{VECTOR}\u{feff}\0 \t\n\r"),
        format!("]Q1{VECTOR}"),
        format!("]Q0 {VECTOR}"),
        format!(" \u{feff}]Q6\u{feff}\t{VECTOR}\r"),
        full_width,
        mixed,
    ] {
        assert_eq!(UnverifiedCode::parse(text.as_bytes()), clean, "{text:?}");
    }
}

#[test]
fn no_other_dirt_is_forgiven() {
    let (half, other_half) = VECTOR.split_at(17);
    for text in [
        String::new(),
        "\r\n".to_owned(),
        "]Q1".to_owned(),
        format!("]Q7{VECTOR}"),
        format!("]C1{VECTOR}"),
        format!("]q1{VECTOR}"),
        format!("Q1{VECTOR}"),
        format!("]Q1]Q1{VECTOR}"),
        format!("{VECTOR}]Q1"),
        format!("{half} {other_half}"),
        format!("{half}\u{feff}{other_half}"),
        format!("\u{b}{VECTOR}"),
        format!("\u{c}{VECTOR}"),
        format!("\u{a0}{VECTOR}"),
        format!("\u{3000}{VECTOR}"),
        format!("+{VECTOR}"),
        format!("{VECTOR}0"),
        VECTOR[1..].to_owned(),
        format!("{}\u{ff1a}", &VECTOR[1..]),
        format!("{}\u{ff0f}", &VECTOR[1..]),
        format!("{}\u{661}", &VECTOR[1..]),
    ] {
        assert_eq!(judged(&text), Some(ParseError::Malformed), "{text:?}");
    }
}

#[test]
fn a_text_is_at_most_1024_bytes() {
    let room = TEXT_BYTES_MAX - CODE_DIGITS;
    assert_eq!(judged(format!("{}{VECTOR}", " ".repeat(room))), None);
    let too_long = format!("{}{VECTOR}", " ".repeat(room + 1));
    assert_eq!(judged(too_long), Some(ParseError::Malformed));
    let long_url = format!("https://example.com/{}", "a".repeat(TEXT_BYTES_MAX));
    assert_eq!(judged(long_url), Some(ParseError::Malformed));
}

#[test]
fn what_scanners_really_meet_is_recognized() {
    let digits = |start: &str, length: usize| format!("{start:0<length$}");
    for text in (10..=15).map(|start| digits(&start.to_string(), 18)) {
        assert_eq!(judged(&text), Some(ParseError::WrongCodeType), "WeChat Pay {text}");
    }
    for length in 16..=24 {
        for text in (25..=30).map(|start| digits(&start.to_string(), length)) {
            assert_eq!(judged(&text), Some(ParseError::WrongCodeType), "Alipay {text}");
        }
    }
    for text in [
        "370102199003071234",
        "37010219900307123X",
        "37010219900307123x",
        "110101200012310010",
        "]Q0370102199003071234\r\n",
        "https://example.com/",
        "HTTPS://QR.EXAMPLE.COM/x",
        "wxp://f2f0abc",
        " weixin://wxpay/bizpayurl?pr=1\r\n",
        "３７０１０２１９９００３０７１２３４",
    ] {
        assert_eq!(judged(text), Some(ParseError::WrongCodeType), "{text}");
    }
    assert_eq!(judged(digits("424", 28)), Some(ParseError::NotServed));
}

#[test]
fn their_neighbours_are_malformed() {
    let digits = |start: &str, length: usize| format!("{start:0<length$}");
    for text in [
        digits("09", 18),
        digits("16", 18),
        digits("10", 17),
        digits("10", 19),
        digits("24", 20),
        digits("31", 20),
        digits("25", 15),
        digits("30", 25),
        digits("424", 27),
        digits("424", 29),
        digits("423", 28),
        format!("{}\u{ff1a}", digits("10", 17)),
        format!("{}\u{ff0f}", digits("10", 17)),
        "370102199013071234".to_owned(),
        "370102199000071234".to_owned(),
        "370102199003321234".to_owned(),
        "370102199003001234".to_owned(),
        "370102219003071234".to_owned(),
        "070102199003071234".to_owned(),
        "37010219900307123Y".to_owned(),
        "3701021990030712X4".to_owned(),
        "://example.com".to_owned(),
        "1http://example.com".to_owned(),
        "ht tp://example.com".to_owned(),
        "http:/example.com".to_owned(),
    ] {
        assert_eq!(judged(&text), Some(ParseError::Malformed), "{text}");
    }
}

#[test]
fn identity_is_written_and_packed_as_the_format_says() {
    let Claims { key_id, issued_at, serial, .. } = changed(20, 0).unwrap();
    let identity = CodeIdentity { key_id: key_id.unwrap(), issued_at, serial };
    assert_eq!(identity.to_string(), "7001-1800000000-0123456789abcdef");
    assert_eq!(identity.to_bytes(), vector()[1..17]);
}

#[test]
fn words_and_numbers_are_read_strictly() {
    assert_eq!("7001".parse(), Ok(KeyId::new(7001).unwrap()));
    let error = "0".parse::<KeyId>().unwrap_err().to_string();
    assert_eq!(error, "\"0\" is not a key id; allowed: 1..=4294967295");
    assert!("4294967296".parse::<KeyId>().is_err());
    assert_eq!("000000".parse::<Region>().unwrap().get(), 0);
    for wrong in ["37010", "3701000", "+37010", "37010a", ""] {
        assert!(wrong.parse::<Region>().is_err(), "{wrong}");
    }
    for word in ["none", "password", "fingerprint", "face"] {
        assert_eq!(word.parse::<Auth>().unwrap().as_str(), word);
    }
    for word in ["display", "payment"] {
        assert_eq!(word.parse::<Kind>().unwrap().as_str(), word);
    }
    assert!("Payment".parse::<Kind>().is_err() && "pin".parse::<Auth>().is_err());
    assert!("0".parse::<Subject>().is_err());
}

#[test]
fn kinds_are_a_set() {
    for (kinds, display, payment) in [
        (Kinds::NONE, false, false),
        (Kinds::DISPLAY, true, false),
        (Kinds::PAYMENT, false, true),
        (Kinds::BOTH, true, true),
    ] {
        assert_eq!(kinds.contains(Kind::Display), display);
        assert_eq!(kinds.contains(Kind::Payment), payment);
        assert_eq!(kinds.is_empty(), !display && !payment);
    }
}

#[test]
fn issue_seconds_round_down_and_end_in_2106() {
    let issued_at = |ms| IssuedAt::from_time(crate::time::UnixMillis::new(ms)).map(IssuedAt::get);
    assert_eq!(issued_at(1_999), Some(1));
    assert_eq!(issued_at(-1), None);
    assert_eq!(issued_at(4_294_967_295_999), Some(u32::MAX));
    assert_eq!(issued_at(4_294_967_296_000), None);
}

proptest! {
    #[test]
    fn any_bytes_survive_their_text(bytes: [u8; CODE_BYTES]) {
        let text = text::encode(&bytes);
        prop_assert!(text.iter().all(u8::is_ascii_digit));
        prop_assert_eq!(text::decode(&text), Ok(bytes));
    }

    /// One text form per code: what is accepted is written the same way again.
    #[test]
    fn accepted_digits_are_the_only_ones(text in "[0-7][0-9]{16}([0-6][0-9]{16}){14}") {
        if let Ok(bytes) = text::decode(text.as_bytes()) {
            prop_assert_eq!(text::encode(&bytes), text.as_bytes());
        }
    }

    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..1_100)) {
        prop_assert!(judged(&text).is_some());
    }

    /// A plain, slow reader of a group agrees with the one that reads eight digits at once.
    #[test]
    fn groups_are_read_as_numbers(text in "([0-7][0-9]{16}){15}") {
        let slow: Option<Vec<u8>> = text.as_bytes().chunks(17).map(|group| {
            let number: u64 = std::str::from_utf8(group).unwrap().parse().unwrap();
            (number >> 56 == 0).then(|| number.to_be_bytes()[1..].to_vec())
        }).collect::<Option<Vec<_>>>().map(|groups| groups.concat());
        prop_assert_eq!(text::decode(text.as_bytes()).ok().map(|bytes| bytes.to_vec()), slow);
    }

    #[test]
    fn claims_survive_the_body(
        (kind, key_id, issued_at, serial) in (1..=2u8, any::<u32>(), any::<u32>(), any::<u64>()),
        (region, auth) in (0..=999_999u32, 0..=3u8),
    ) {
        let claims = Claims {
            kind: Kind::from_nibble(kind).unwrap(),
            key_id: KeyId::new(key_id),
            issued_at: IssuedAt::new(issued_at),
            serial: Serial::new(serial),
            region: Region::new(region).unwrap(),
            auth: Auth::from_byte(auth).unwrap(),
        };
        let mut bytes = [0; CODE_BYTES];
        bytes[..BODY_BYTES].copy_from_slice(&claims.to_body());
        prop_assert_eq!(parse_bytes(&bytes).unwrap().claims(), claims);
    }
}
