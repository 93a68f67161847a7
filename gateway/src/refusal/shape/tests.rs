use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response};
use keyring::{code::Region, time::UnixMillis};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};

use super::{ascii, beijing, *};
use crate::{
    refusal::{Problem, Refusal},
    request_id::RequestId,
};

/// 2027-01-15T08:00:12Z.
const RECEIVED: UnixMillis = UnixMillis::from_seconds(1_800_000_012);
const NUMBER: Shape = Shape::Fsi(Infcode::Number);
const TEXT: Shape = Shape::Fsi(Infcode::Text);
const REDEMPTION: &str = "7001-1800000000-0123456789abcdef";

const FSI: &[&str] = &[
    "infcode",
    "inf_refmsgid",
    "refmsg_time",
    "respond_time",
    "enctype",
    "signtype",
    "cainfo",
    "warn_msg",
    "err_msg",
    "output",
];
const CODE_MESSAGE_DATA: &[&str] = &["orgId", "code", "success", "message", "data", "extra"];

fn id(text: &str) -> RequestId {
    RequestId::parse(text.as_bytes()).unwrap()
}

fn spending() -> Asked<'static> {
    Asked {
        spends: true,
        infno: Some("2207"),
        msgid: Some("H37010000001202701151600120001"),
        ..Asked::unread(RECEIVED)
    }
}

fn answer(refusal: Refusal, shape: Shape, asked: &Asked<'_>) -> Response<Bytes> {
    let problem = Problem {
        refusal,
        request_id: &id("0123456789abcdef"),
        redemption: Some(REDEMPTION),
        now: RECEIVED.plus_ms(34),
        detail: Some("for developers"),
    };
    problem.answer(shape, asked)
}

fn text(response: &Response<Bytes>) -> &str {
    str::from_utf8(response.body()).unwrap()
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// The names in an object, in their order.
fn names(text: &str) -> Vec<String> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some((name, IgnoredAny)) = map.next_entry()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde::Deserializer::deserialize_map(&mut deserializer, Names).unwrap()
}

#[test]
fn a_used_code_is_the_published_vector() {
    let expected = concat!(
        r#"{"infcode":1301,"inf_refmsgid":"000000202701151600121383116239","#,
        r#""refmsg_time":"20270115160012000","respond_time":"20270115160012034","#,
        r#""enctype":"","signtype":"","cainfo":"","warn_msg":"","#,
        r#""err_msg":"\u8be5\u7801\u5df2\u63d0\u4ea4\u8fc7\u4e00\u6b21\u3002\u5148\u67e5\u8be2"#,
        r#"\u662f\u5426\u5df2\u6536\u8d39\uff1b\u786e\u8ba4\u6ca1\u6536\u8d39\uff0c\u518d\u8bf7"#,
        r#"\u60a3\u8005\u5237\u65b0\u540e\u91cd\u626b [YM1301 0123456789abcdef]","output":null}"#,
    );
    assert_eq!(text(&answer(Refusal::CodeUsed, NUMBER, &spending())), expected);
    let as_text = expected.replace("\"infcode\":1301", "\"infcode\":\"1301\"");
    assert_eq!(text(&answer(Refusal::CodeUsed, TEXT, &spending())), as_text);
}

#[test]
fn every_refusal_has_exactly_its_shapes_fields_in_ascii() {
    let asked = [spending(), Asked { spends: false, ..spending() }, Asked::unread(RECEIVED)];
    for refusal in Refusal::ALL {
        for asked in &asked {
            for (shape, fields) in
                [(NUMBER, FSI), (TEXT, FSI), (Shape::CodeMessageData, CODE_MESSAGE_DATA)]
            {
                let response = answer(refusal, shape, asked);
                assert!(text(&response).is_ascii(), "{}", text(&response));
                assert_eq!(names(text(&response)), fields, "{}", refusal.reason());
            }
        }
    }
}

#[test]
fn every_field_is_as_long_as_the_platform_takes_it() {
    for refusal in Refusal::ALL {
        for spends in [true, false] {
            let asked = Asked { spends, ..spending() };
            let body = body(&answer(refusal, TEXT, &asked));
            let chars = |name: &str| body[name].as_str().unwrap().chars().count();
            assert!(chars("infcode") <= 4, "{body}");
            assert_eq!(chars("inf_refmsgid"), 30, "{body}");
            assert_eq!((chars("refmsg_time"), chars("respond_time")), (17, 17), "{body}");
            assert!(chars("err_msg") <= 200, "{body}");
        }
    }
}

#[test]
fn the_number_is_the_error_codes_and_the_sentence_is_the_cashiers() {
    for refusal in Refusal::ALL.into_iter().filter(|one| *one != Refusal::OutcomeUnknown) {
        let digits = refusal.error_code().strip_prefix("YM").unwrap();
        let sentence =
            format!("{} [{} 0123456789abcdef]", refusal.message_zh(), refusal.error_code());
        for spends in [true, false] {
            let asked = Asked { spends, ..spending() };
            let fsi = body(&answer(refusal, NUMBER, &asked));
            assert_eq!(fsi["infcode"].to_string(), digits);
            assert_eq!((&fsi["err_msg"], &fsi["output"]), (&json!(sentence), &Value::Null));
            assert_eq!(body(&answer(refusal, TEXT, &asked))["infcode"], digits);
            let plain = body(&answer(refusal, Shape::CodeMessageData, &asked));
            let expected = json!({"orgId": "", "code": fsi["infcode"], "success": false,
                "message": sentence, "data": null, "extra": null});
            assert_eq!(plain, expected);
        }
    }
}

#[test]
fn minus_one_stands_only_where_money_may_have_moved() {
    let unknown = |shape, asked: &Asked<'_>| body(&answer(Refusal::OutcomeUnknown, shape, asked));
    let spent = unknown(NUMBER, &spending());
    assert_eq!(spent["infcode"], -1);
    let named = json!({"omsgid": "H37010000001202701151600120001", "oinfno": "2207",
        "redemption": REDEMPTION});
    assert_eq!(spent["output"], named);
    assert_eq!(unknown(TEXT, &spending())["infcode"], "-1");
    assert_eq!(unknown(Shape::CodeMessageData, &spending())["code"], -1);
    let sentence = spent["err_msg"].as_str().unwrap();
    assert!(sentence.starts_with(Refusal::OutcomeUnknown.message_zh()), "{sentence}");

    let checked = unknown(NUMBER, &Asked { spends: false, ..spending() });
    assert_eq!((&checked["infcode"], &checked["output"]), (&json!(1702), &Value::Null));
    let sentence = checked["err_msg"].as_str().unwrap();
    assert!(sentence.contains("没有用医保码扣费"), "{sentence}");
    assert!(sentence.ends_with("[YM1702 0123456789abcdef]"), "{sentence}");
}

#[test]
fn what_was_not_read_is_null() {
    let asked = Asked { spends: true, ..Asked::unread(RECEIVED) };
    let response = answer(Refusal::OutcomeUnknown, NUMBER, &asked);
    let end = format!(r#""output":{{"omsgid":null,"oinfno":null,"redemption":"{REDEMPTION}"}}}}"#);
    assert!(text(&response).ends_with(&end), "{}", text(&response));
}

#[track_caller]
fn assert_headers(headers: &HeaderMap, outcome: &str, bytes: usize) {
    let expected = [
        ("content-type", "application/json;charset=UTF-8"),
        ("content-length", &bytes.to_string()),
        ("cache-control", "no-store"),
        ("yanma-outcome", outcome),
        ("yanma-request-id", "0123456789abcdef"),
        ("yanma-redemption", REDEMPTION),
    ];
    let found: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_shaped_answer_is_a_200_with_the_gateways_names_and_no_retry_after() {
    for refusal in Refusal::ALL {
        for shape in [NUMBER, TEXT, Shape::CodeMessageData] {
            let response = answer(refusal, shape, &spending());
            assert_eq!(response.status(), 200);
            assert_headers(response.headers(), refusal.reason(), response.body().len());
        }
        let problem = answer(refusal, Shape::Problem, &spending());
        assert_eq!(problem.status(), refusal.status());
        assert_eq!(problem.headers()["content-type"], "application/problem+json");
    }
}

fn decoded(shape: Shape) -> Response<Bytes> {
    let decoded = Decoded {
        request_id: &id("0123456789abcdef"),
        redemption: REDEMPTION,
        received: RECEIVED,
        now: RECEIVED.plus_ms(34),
        pass: "2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr",
        region: Region::new(37_010).unwrap(),
        patient: "42/2",
        channel: "wechat".parse().unwrap(),
    };
    assert!(!format!("{decoded:?}").contains("42/2"), "no person in a log");
    assert!(!format!("{decoded:?}").contains("2790s"), "no pass in a log");
    decoded.answer(shape)
}

#[test]
fn a_decoded_code_is_a_pass_a_region_a_patient_and_a_channel() {
    let data = concat!(
        r#""data":{"ecToken":"2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr","insuOrg":"037010","#,
        r#""ecIndexNo":"42/2","chnlId":"wechat","userName":null,"idNo":null,"idType":null,"#,
        r#""gender":null,"birthday":null,"nationality":null,"email":null,"ecQrCode":null,"#,
        r#""authNo":null}"#,
    );
    let plain =
        format!(r#"{{"orgId":"","code":0,"success":true,"message":"",{data},"extra":null}}"#);
    for shape in [Shape::CodeMessageData, Shape::Problem] {
        let response = decoded(shape);
        assert_eq!((response.status().as_u16(), text(&response)), (200, plain.as_str()));
        assert_headers(response.headers(), "approved", plain.len());
    }
    for (shape, infcode) in [(NUMBER, "0"), (TEXT, "\"0\"")] {
        let response = decoded(shape);
        assert_eq!(names(text(&response)), FSI);
        let begin =
            format!(r#"{{"infcode":{infcode},"inf_refmsgid":"000000202701151600121383116239","#);
        assert!(text(&response).starts_with(&begin), "{}", text(&response));
        let end = format!(r#""err_msg":"","output":{{{data}}}}}"#);
        assert!(text(&response).ends_with(&end), "{}", text(&response));
        assert_headers(response.headers(), "approved", response.body().len());
    }
}

#[test]
fn what_is_not_ascii_is_escaped_and_reads_back() {
    for (written, json) in [
        ("", r#""""#),
        ("a\"\\\n\u{1}", r#""a\"\\\n\u0001""#),
        ("é縗。", r#""\u00e9\u7e17\u3002""#),
        ("a𠮷b\u{10ffff}", r#""a\ud842\udfb7b\udbff\udfff""#),
    ] {
        let found = String::from_utf8(ascii::to_json(&written)).unwrap();
        assert_eq!(found, json);
        assert_eq!(serde_json::from_str::<String>(&found).unwrap(), written);
    }
}

#[test]
fn moments_are_those_of_beijing() {
    let at = |text: &str| text.parse::<UnixMillis>().unwrap();
    let last = at("2027-12-31T15:59:59Z").plus_ms(999);
    assert_eq!(beijing::second(last), "20271231235959");
    assert_eq!(beijing::millisecond(last), "20271231235959999");
    assert_eq!(beijing::millisecond(last.plus_ms(1)), "20280101000000000");
    assert_eq!(beijing::millisecond(at("2028-02-28T16:00:00Z")), "20280229000000000");
    assert_eq!(beijing::second(UnixMillis::new(i64::MAX)), "19700101080000");
}

#[test]
fn serial_numbers_have_ten_digits() {
    let refmsgid = |text: &str| {
        let problem = Problem {
            refusal: Refusal::CodeUsed,
            request_id: &id(text),
            redemption: None,
            now: RECEIVED,
            detail: None,
        };
        let body = body(&problem.answer(NUMBER, &Asked::unread(RECEIVED)));
        body["inf_refmsgid"].as_str().unwrap().to_owned()
    };
    assert_eq!(refmsgid("0000000000000001"), "000000202701151600120000000001");
    // 2^80 - 1 = 1208925819614629174706175
    assert_eq!(refmsgid("zzzzzzzzzzzzzzzz"), "000000202701151600129174706175");
}
