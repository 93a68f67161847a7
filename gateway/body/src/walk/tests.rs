//! The cases of the executable model, and the kinds of faults around them.

use super::walk;
use crate::{
    charset::Charset,
    content_type::Declared,
    malformed::{Malformed, Why},
    pointer::{At, Pointers},
};

const CERT: &str = "/input/data/mdtrt_cert_no";

fn pointers<const N: usize>(texts: [&str; N]) -> (Pointers, [At; N]) {
    let mut pointers = Pointers::default();
    let ats = texts.map(|text| pointers.add(&text.parse().expect("a pointer")));
    (pointers, ats)
}

fn infno(body: &str) -> Result<String, Why> {
    let (pointers, [at]) = pointers(["/infno"]);
    let infno = walk(body, &pointers).and_then(|found| found.infno(at));
    infno.map(|infno| infno.to_string()).map_err(|refused| refused.why())
}

fn text(body: &str, pointer: &str) -> Result<Option<String>, Why> {
    refused(body, pointer).map_err(|refused| refused.why())
}

fn refused(body: &str, pointer: &str) -> Result<Option<String>, Malformed> {
    let (pointers, [at]) = pointers([pointer]);
    walk(body, &pointers)?.text(at).map(|text| text.map(str::to_owned))
}

/// A text as a string of JSON.
fn string(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

fn some(text: &str) -> Result<Option<String>, Why> {
    Ok(Some(text.to_owned()))
}

#[test]
fn the_infnos_of_the_model() {
    for (body, wanted) in [
        (r#"{"infno":"2207"}"#, Ok("2207")),
        (r#"{"infno":2207}"#, Ok("2207")),
        (r#"{"inf\u006eo":"22\u00307"}"#, Ok("2207")),
        ("\u{feff}{\"infno\":\"2207A\"}", Ok("2207A")),
        (r#"{"infno":2207.0}"#, Err(Why::Infno)),
        (r#"{"infno":2207e0}"#, Err(Why::Infno)),
        (r#"{"infno":"1101","infno":"2207"}"#, Err(Why::Duplicate)),
        (r#"{"infno":"1101","INFNO":"2207"}"#, Err(Why::Duplicate)),
        (r#"{"inf_no":"2207"}"#, Err(Why::Duplicate)),
        (r#"{"infno":"2207"}x"#, Err(Why::Syntax)),
        ("{'infno':'2207'}", Err(Why::Syntax)),
        (r#"{"infno":" 2207"}"#, Err(Why::Infno)),
        ("{}", Err(Why::Infno)),
    ] {
        assert_eq!(infno(body).as_deref().map_err(|why| *why), wanted, "{body}");
    }
}

#[test]
fn the_strings_of_the_model() {
    let once = r#"{"input":{"data":{"mdtrt_cert_no":"a"}}}"#;
    let input = r#"{"input":"{\"data\":{\"mdtrt_cert_no\":\"a\"}}"}"#;
    let both = r#"{"input":"{\"data\":\"{\\\"mdtrt_cert_no\\\":\\\"a\\\"}\"}"}"#;
    for body in [once, input, both] {
        assert_eq!(text(body, CERT), some("a"), "{body}");
    }
    for (body, why) in [
        (r#"{"input":[]}"#, Why::Pointer),
        (r#"{"input":"{\"data\":1"}"#, Why::Syntax),
        (r#"{"input":{"data":{"mdtrt_cert_no":"a","mdtrtCertNo":"b"}}}"#, Why::Duplicate),
        (r#"{"input":{"data":{"mdtrt_cert_no":7}}}"#, Why::Value),
    ] {
        assert_eq!(text(body, CERT), Err(why), "{body}");
    }
}

#[test]
fn the_body_in_gbk_of_the_model() {
    let body = b"{\"opter_name\":\"\xbf\\\",\"infno\":\"2207\"}";
    let decoded = Charset::Gbk.decode(Declared::Absent, body).expect("GBK");
    assert_eq!(decoded, r#"{"opter_name":"縗","infno":"2207"}"#);
    assert_eq!(infno(&decoded).as_deref(), Ok("2207"));
    assert!(Charset::Utf8.decode(Declared::Absent, body).is_err());
}

#[test]
fn names_alike_are_refused_in_each_object_on_the_way_and_in_no_other() {
    for body in [
        r#"{"Input":1,"input":{"data":{"mdtrt_cert_no":"a"}}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a"}},"in_put":null}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a"},"DATA":0}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a"},"data":null}}"#,
        r#"{"input":null,"input":{"data":{"mdtrt_cert_no":"a"}}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a","mdtrt_cert_no":"a"}}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a","MDTRT-CERT-NO":""}}}"#,
        r#"{"input":{"data":{"MdtrtCertNo":"a"}}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a","mdtrt_\u0063ert_no":"b"}}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a","mdtrt_cert_no\u0000x":"b"}}}"#,
        r#"{"input":{"data":{"mdtrt_cert_no":"a","交mdtrtcertno易":"b"}}}"#,
        r#"{"input":"{\"data\":{\"mdtrt_cert_no\":\"a\",\"mdtrtcertno\":1}}"}"#,
        "{\"in\u{200b}put\":0}",
    ] {
        assert_eq!(text(body, CERT), Err(Why::Duplicate), "{body}");
    }
    for body in [
        r#"{"a":1,"a":2,"A":3,"input":{"b":1,"b":2,"data":{"c":1,"c":2,"mdtrt_cert_no":"a"}}}"#,
        r#"{"x":{"input":1,"INPUT":2},"input":{"input":0,"data":{"data":0,"mdtrt_cert_no":"a"}}}"#,
        r#"{"mdtrt_cert_no":"b","data":0,"input":{"data":{"mdtrt_cert_no":"a"}}}"#,
        r#"{"":0,"输入":1,"_":2,"input":{"data":{"mdtrt_cert_no":"a","mdtrt_cert_nos":1}}}"#,
    ] {
        assert_eq!(text(body, CERT), some("a"), "{body}");
    }
    assert_eq!(text("{\"mſgid\":\"a\"}", "/msgid"), Err(Why::Duplicate), "a long s");
    assert_eq!(text("{\"to\u{212a}en\":\"a\"}", "/token"), Err(Why::Duplicate), "the Kelvin sign");
}

#[test]
fn absent_is_written_in_four_ways() {
    for value in ["null", r#""""#, r#""null""#, r#""n\u0075ll""#] {
        let body = format!(r#"{{"input":{{"data":{{"mdtrt_cert_no":{value}}}}}}}"#);
        assert_eq!(text(&body, CERT), Ok(None), "{body}");
    }
    for body in [
        "{}",
        r#"{"input":null}"#,
        r#"{"input":{"data":null}}"#,
        r#"{"input":{}}"#,
        r#"{"input":{"data":{}}}"#,
        r#"{"input":"{}"}"#,
        r#"{"input":"{\"data\":null}"}"#,
    ] {
        assert_eq!(text(body, CERT), Ok(None), "{body}");
    }
    assert_eq!(text(r#"{"a":"NULL"}"#, "/a"), some("NULL"));
    assert_eq!(text(r#"{"a":" "}"#, "/a"), some(" "));
    assert_eq!(infno(r#"{"infno":null}"#), Err(Why::Infno));
    assert_eq!(infno(r#"{"infno":"null"}"#), Err(Why::Infno));
}

#[test]
fn a_step_into_what_is_no_object_is_refused() {
    for value in ["1", "-1", "1.5", "true", "false", "[]", "[{\"data\":{}}]", "[[[]]]"] {
        let body = format!(r#"{{"input":{value}}}"#);
        assert_eq!(text(&body, CERT), Err(Why::Pointer), "{body}");
        let body = format!(r#"{{"input":{}}}"#, string(value));
        assert_eq!(text(&body, CERT), Err(Why::Pointer), "{body}");
    }
    for value in ["", "x", "{", "{}x", "\u{feff}{}", "{'data':1}", "{\"data\":{\"x\":tru}}"] {
        let body = format!(r#"{{"input":{}}}"#, string(value));
        assert_eq!(text(&body, CERT), Err(Why::Syntax), "{body}");
    }
    assert_eq!(text(r#"{"input":"null"}"#, CERT), Err(Why::Pointer));
    assert_eq!(text(r#"{"input":" {}\n"}"#, CERT), Ok(None), "blanks around an object");
}

#[test]
fn two_strings_of_json_are_read_and_not_a_third() {
    let inner = r#"{"c":"a"}"#;
    let two = format!(r#"{{"a":{}}}"#, string(&format!(r#"{{"b":{}}}"#, string(inner))));
    assert_eq!(text(&two, "/a/b/c"), some("a"));
    assert_eq!(text(&string(&two), "/a/b/c"), Err(Why::Pointer), "the body is a string too");
    let one = format!(r#"{{"a":{{"b":{}}}}}"#, string(inner));
    assert_eq!(text(&string(&one), "/a/b/c"), some("a"), "the body is one of two strings");
    let third = format!(r#"{{"z":{}}}"#, string(&two));
    assert_eq!(text(&third, "/z/a/b/c"), Err(Why::Pointer));
    let detail = refused(&third, "/z/a/b/c").expect_err("a third string").detail().to_owned();
    let wanted = "/z/a/b is a string in a string in a string; two may hold JSON \
                  (on the way of /z/a/b/c)";
    assert_eq!(detail, wanted);
    let twice = format!(r#"{{"a":{}}}"#, string(&string(r#"{"b":"c"}"#)));
    assert_eq!(text(&twice, "/a/b"), Err(Why::Pointer), "a string that holds a string");
    assert_eq!(text(&format!(r#"{{"a":{}}}"#, string("{\"b\":\"{}\"}")), "/a/b"), some("{}"));
}

#[test]
fn a_fault_refuses_only_the_pointer_that_is_asked_for() {
    let (pointers, [infno, cert, msgid, drug]) =
        pointers(["/infno", CERT, "/msgid", "/input/druginfo/mdtrt_cert_no"]);
    for (body, cert_why) in [
        (r#"{"infno":"1","msgid":"m","input":"cipher=="}"#, Why::Syntax),
        (r#"{"infno":"1","msgid":"m","input":["a"]}"#, Why::Pointer),
        (r#"{"infno":"1","msgid":"m","input":{},"INPUT":{}}"#, Why::Duplicate),
        (r#"{"infno":"1","msgid":"m","input":{"data":{"mdtrt_cert_no":{}}}}"#, Why::Value),
    ] {
        let found = walk(body, &pointers).expect("JSON");
        assert_eq!(found.infno(infno).map(|infno| infno.to_string()).as_deref(), Ok("1"));
        assert_eq!(found.text(msgid), Ok(Some("m")));
        assert_eq!(found.text(cert).map_err(|refused| refused.why()), Err(cert_why), "{body}");
        let drug_why = (cert_why != Why::Value).then_some(cert_why);
        assert_eq!(found.text(drug).err().map(|refused| refused.why()), drug_why, "{body}");
    }
}

#[test]
fn a_pointer_may_end_where_another_leads_on() {
    let (pointers, [outer, inner]) = pointers(["/input", "/input/a"]);
    let body = r#"{"input":"{\"a\":\"b\"}"}"#;
    let found = walk(body, &pointers).expect("JSON");
    assert_eq!(found.text(outer), Ok(Some(r#"{"a":"b"}"#)));
    assert_eq!(found.text(inner), Ok(Some("b")));
    let found = walk(r#"{"input":"x"}"#, &pointers).expect("JSON");
    assert_eq!(found.text(outer), Ok(Some("x")));
    assert_eq!(found.text(inner).map_err(|refused| refused.why()), Err(Why::Syntax));
    let found = walk(r#"{"input":{"a":"b"}}"#, &pointers).expect("JSON");
    assert_eq!(found.text(outer).map_err(|refused| refused.why()), Err(Why::Value));
    assert_eq!(found.text(inner), Ok(Some("b")));
}

#[test]
fn two_wanted_names_that_are_alike_refuse_each_other() {
    let (pointers, [snake, camel]) = pointers(["/cert_no", "/certNo"]);
    let found = walk(r#"{"cert_no":"a"}"#, &pointers).expect("JSON");
    assert_eq!(found.text(snake), Ok(Some("a")));
    assert_eq!(found.text(camel).map_err(|refused| refused.why()), Err(Why::Duplicate));
}

#[test]
fn a_handle_of_other_pointers_is_refused() {
    let (few, _) = pointers(["/a"]);
    let (_, [_, other]) = pointers(["/a", "/b"]);
    let found = walk("{}", &few).expect("JSON");
    assert_eq!(found.text(other).map_err(|refused| refused.why()), Err(Why::Pointer));
}

#[test]
fn numbers_are_an_infno_only_in_plain_digits() {
    assert_eq!(infno(r#"{"infno":0}"#).as_deref(), Ok("0"));
    assert_eq!(infno(r#"{"infno":9999999999}"#).as_deref(), Ok("9999999999"));
    for number in [
        "10000000000",
        "18446744073709551615",
        "18446744073709551616",
        "-2207",
        "-0",
        "2207E0",
        "22.07e2",
        "1e300",
        "[2207]",
        "{}",
        "true",
    ] {
        assert_eq!(infno(&format!(r#"{{"infno":{number}}}"#)), Err(Why::Infno), "{number}");
    }
    for number in ["02207", "+2207", "2207.", ".5", "2207e", "0x8", "2_207", "NaN", "Infinity"] {
        assert_eq!(infno(&format!(r#"{{"infno":{number}}}"#)), Err(Why::Syntax), "{number}");
    }
    let huge = "9".repeat(100_000);
    assert_eq!(infno(&format!(r#"{{"x":{huge},"y":1e999999,"infno":1}}"#)).as_deref(), Ok("1"));
    assert_eq!(infno(&format!(r#"{{"infno":{huge}}}"#)), Err(Why::Syntax), "no finite double");
    assert_eq!(infno(r#"{"infno":1e999}"#), Err(Why::Syntax));
}

#[test]
fn what_is_not_json_is_refused_wherever_it_stands() {
    for body in [
        "",
        " ",
        "\u{feff}",
        "{",
        "}",
        "{}{}",
        "{} {}",
        "{},",
        "{}\0",
        "\0{}",
        "{},{}",
        r#"{"infno":"1",}"#,
        r#"{,"infno":"1"}"#,
        r#"{"infno":"1" "a":1}"#,
        r#"{"infno" "1"}"#,
        r#"{infno:"1"}"#,
        r#"{"infno":"1","a":[1,]}"#,
        r#"{"infno":"1","a":[,]}"#,
        r#"{"infno":"1","a":{"b":1,}}"#,
        r#"{"infno":"1","a":{"b"}}"#,
        r#"{"infno":"1","a":[}]}"#,
        r#"{"infno":"1"/**/}"#,
        "{\"infno\":\"1\"}//",
        "#\n{}",
        r#"{"infno":"1","a":NaN}"#,
        r#"{"infno":"1","a":-Infinity}"#,
        r#"{"infno":"1","a":undefined}"#,
        r#"{"infno":"1","a":nul}"#,
        r#"{"infno":"1","a":True}"#,
        r#"{"infno":"1","a":01}"#,
        r#"{"infno":"1","a":-}"#,
        r#"{"infno":"1","a":"\x41"}"#,
        r#"{"infno":"1","a":"\u12g4"}"#,
        r#"{"infno":"1","a":"\u12"}"#,
        r#"{"infno":"1","a":"\'"}"#,
        "{\"infno\":\"1\",\"a\":\"\n\"}",
        "{\"infno\":\"1\",\"a\":\"\t\"}",
        "{\"infno\":\"1\",\"a\":\"\0\"}",
        "{\"in\nfno\":\"1\"}",
        "{\"infno\":\"1\u{1f}\"}",
        "{\"a\":\"\u{1f}\",\"infno\":\"1\"}",
        r#"{"infno":"1","a":"b"#,
        r#"{"infno":"1","a":"b\"#,
        "{\u{a0}\"infno\":\"1\"}",
        "\u{b}{\"infno\":\"1\"}",
        "\u{feff}\u{feff}{\"infno\":\"1\"}",
        " \u{feff}{\"infno\":\"1\"}",
        "{\"infno\":\"1\"}\u{feff}",
        "[{\"infno\":\"1\"}",
        r#""{\"infno\":\"1\"}"#,
    ] {
        assert_eq!(infno(body), Err(Why::Syntax), "{body:?}");
    }
    let body = "\u{feff} \t\r\n{\n\"infno\"\r:\t\"1\"} \r\n";
    assert_eq!(infno(body).as_deref(), Ok("1"), "blanks of RFC 8259");
    assert_eq!(infno("{\"a\":\"\u{7f}\u{feff}\u{2028}\",\"infno\":\"1\"}").as_deref(), Ok("1"));
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in
        ["null", "true", "2207", "\"2207\"", "[]", "[{\"infno\":\"1\"}]", "\"null\"", "\"\""]
    {
        let why = infno(body).expect_err("no object");
        let wanted = if matches!(body, "\"\"") { Why::Syntax } else { Why::Pointer };
        assert_eq!(why, wanted, "{body}");
    }
    let refused = refused("[]", CERT).expect_err("no object");
    let wanted = "the body must be an object, or a string that holds one \
                  (on the way of /input/data/mdtrt_cert_no)";
    assert_eq!(refused.detail(), wanted);
}

#[test]
fn escapes_are_read_in_names_and_values() {
    let body = r#"{"\u0069\u006E\u0070ut":{"d\u0061ta":{"mdtrt_cert_no":"\"\\\/\b\f\n\r\t\u4ea4\ud83d\ude00"}}}"#;
    assert_eq!(text(body, CERT), some("\"\\/\u{8}\u{c}\n\r\t交😀"));
    assert_eq!(text(r#"{"a":"\u0000"}"#, "/a"), some("\0"));
}

#[test]
fn half_of_a_pair_of_surrogates_is_refused_where_it_is_read_and_skipped_elsewhere() {
    for half in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\udc00\ud800", r"\ud83dx", r"\ud83d\n"] {
        let value = format!(r#"{{"infno":"1{half}"}}"#);
        assert_eq!(infno(&value), Err(Why::Syntax), "{value}");
        let name = format!(r#"{{"infno":"1","{half}":1}}"#);
        assert_eq!(infno(&name), Err(Why::Syntax), "{name}");
        let skipped = format!(r#"{{"infno":"1","name":"{half}","a":{{"{half}":1}}}}"#);
        assert_eq!(infno(&skipped).as_deref(), Ok("1"), "{skipped}");
    }
    let detail = refused(r#"{"a":"\ud800"}"#, "/a").expect_err("a half").detail().to_owned();
    assert!(detail.starts_with("the body has half of a pair of surrogates"), "{detail}");
}

#[test]
fn depth_is_free_and_skipping_does_not_recurse() {
    const DEPTH: usize = 500_000;
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}0{}", r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH));
    for value in [format!("{open}{close}"), objects] {
        assert_eq!(infno(&format!(r#"{{"x":{value},"infno":"1"}}"#)).as_deref(), Ok("1"));
        assert_eq!(infno(&format!(r#"{{"infno":"1","x":{value}"#)), Err(Why::Syntax), "not ended");
        let at_the_value = format!(r#"{{"infno":{value}}}"#);
        assert_eq!(infno(&at_the_value), Err(Why::Infno));
        let on_the_way = format!(r#"{{"input":{value}}}"#);
        assert!(matches!(text(&on_the_way, CERT), Err(Why::Pointer) | Ok(None)));
    }
    assert_eq!(infno(&open), Err(Why::Syntax));
    assert_eq!(infno(&format!("{open}{close}")), Err(Why::Pointer));
    let in_a_string = format!(r#"{{"input":"{open}{close}"}}"#);
    assert_eq!(text(&in_a_string, CERT), Err(Why::Pointer));
}

#[test]
fn the_deepest_pointer_is_read_through_two_strings() {
    let two = format!(r#"{{"2":{{"3":{{"4":{{"5":{}}}}}}}}}"#, string(r#"{"6":{"7":{"8":"a"}}}"#));
    let body = format!(r#"{{"1":{}}}"#, string(&two));
    assert_eq!(text(&body, "/1/2/3/4/5/6/7/8"), some("a"));
}

#[test]
fn an_institution_is_forty_visible_ascii_characters() {
    let (pointers, [at]) = pointers(["/fixmedins_code"]);
    let institution = |value: &str| {
        let body = format!(r#"{{"fixmedins_code":{value}}}"#);
        let found = walk(&body, &pointers).expect("JSON");
        found.institution(at).map(|text| text.map(str::to_owned)).map_err(|refused| refused.why())
    };
    let longest = "~".repeat(40);
    assert_eq!(institution("\"H37010000001\""), some("H37010000001"));
    assert_eq!(institution(&string(&longest)), some(&longest));
    assert_eq!(institution("null"), Ok(None));
    for value in ["\"a b\"", "\" \"", "\"院\"", "\"\\u007f\"", "\"a\\n\"", "37010000001", "[]"] {
        assert_eq!(institution(value), Err(Why::Value), "{value}");
    }
    assert_eq!(institution(&string(&"a".repeat(41))), Err(Why::Value));
    let found = walk(r#"{"fixmedins_code":"a b"}"#, &pointers).expect("JSON");
    let refused = found.institution(at).expect_err("a blank");
    assert_eq!(refused.detail(), "/fixmedins_code may be 1 to 40 visible ASCII characters");
}

#[test]
fn each_sentence_names_its_pointer_and_what_is_allowed() {
    for (body, wanted) in [
        (
            r#"{"input":1}"#,
            "/input must be an object, or a string that holds one (on the way of /input/data/mdtrt_cert_no)",
        ),
        (
            r#"{"input":"x"}"#,
            "/input is a string that holds no JSON as in RFC 8259 (on the way of /input/data/mdtrt_cert_no)",
        ),
        (
            r#"{"input":{},"input":{}}"#,
            "/input stands twice; each name may stand once in its object (on the way of /input/data/mdtrt_cert_no)",
        ),
        (
            r#"{"input":{"data":{"mdtrt_cert_no":1}}}"#,
            "/input/data/mdtrt_cert_no may be a string, null or absent",
        ),
        (
            r#"{"input":{"data":{"mdtrtCertNo":""}}}"#,
            "/input/data/mdtrt_cert_no has a name beside it, or instead of it, with the same letters and digits; the name must be written exactly so, and once",
        ),
        (
            "{}x",
            "the body must be one value of JSON as in RFC 8259: trailing characters at line 1 column 3",
        ),
        (
            r#"{"a":1,}"#,
            "the body must be one value of JSON as in RFC 8259: trailing comma at line 1 column 8",
        ),
    ] {
        assert_eq!(refused(body, CERT).expect_err("malformed").detail(), wanted);
    }
    let (pointers, [at]) = pointers(["/infno"]);
    let found = walk("{}", &pointers).expect("JSON");
    let wanted = "/infno must be a string of 1 to 10 ASCII letters and digits, or a number of 1 to \
                  10 digits";
    assert_eq!(found.infno(at).expect_err("no infno").detail(), wanted);
}
