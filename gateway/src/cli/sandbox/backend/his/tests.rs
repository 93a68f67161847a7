use http::Request;

use super::*;

const PASS: &str = "2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr";

/// What the stand-in answers to one request, and the charset of its answer.
fn ask(request: http::request::Builder, body: Option<&[u8]>) -> (Answer, Value) {
    let (clock, _) = Clock::hand_set(keyring::time::UnixMillis::new(1_800_000_012_000));
    let (head, ()) = request.body(()).unwrap().into_parts();
    let received = Received::new(&head, body.map_or(0, <[u8]>::len));
    let door = Door::at(head.uri.path()).expect("a path of hospital systems");
    let letter = Letter { head: &head, body, received, number: 7, arrivals_of_redemption: Some(1) };
    let platform = Platform::new(Arc::default(), clock);
    let answer = platform.answer(door, &letter, &platform.read(door, &letter));
    let charset = Charset::of(Some(answer.content_type), &answer.text).unwrap();
    let json = serde_json::from_str(&charset.decode(&answer.text).unwrap()).unwrap();
    (answer, json)
}

fn scan() -> Value {
    json!({
        "infno": "1162", "msgid": "1", "fixmedins_code": "H37010000001", "opter_name": "收款员",
        "input": {"data": {"ecQrCode": "4240123456789012345678370000"}},
    })
}

#[test]
fn a_door_has_its_path_and_what_is_below() {
    for (path, is_fsi, is_gbk) in [
        ("/uif", true, false),
        ("/UIF/", true, false),
        ("/uif/2207", true, false),
        ("/uif/gbk", true, true),
        ("/api/ecqrcode", false, false),
        ("/Api/EcQrCode/gbk/x", false, true),
    ] {
        let door = Door::at(path).unwrap();
        assert_eq!(matches!(door.form, Form::Fsi), is_fsi, "{path}");
        assert_eq!(door.charset.is_some(), is_gbk, "{path}");
    }
    for path in ["/", "/pay", "/uifs", "/a/uif", "/api", "/api/ecqrcodes", "uif", "/ecqrcode"] {
        assert!(Door::at(path).is_none(), "{path}");
    }
}

#[test]
fn an_answer_has_the_charset_of_its_message() {
    let json = scan().to_string();
    for (charset, content_type) in [
        (Charset::Utf8, "application/json;charset=UTF-8"),
        (Charset::Gbk, "application/json;charset=GBK"),
    ] {
        let body = charset.encode(json.clone());
        let (answer, told) = ask(Request::post("/uif"), Some(&body));
        assert_eq!((answer.status, answer.content_type), (StatusCode::OK, content_type));
        assert_eq!(told["infcode"], 0, "{told}");
        assert_eq!(told["output"]["data"]["userName"], "测试患者");
    }
    // Below /gbk nothing is guessed: these bytes are UTF-8, and GBK too.
    let (answer, _) = ask(Request::post("/uif/gbk"), Some(json.as_bytes()));
    assert_eq!(answer.content_type, "application/json;charset=GBK");
}

#[test]
fn it_shows_what_the_gateway_forwarded() {
    let request = Request::post("/uif?x=1").header("Yanma-Pass", PASS).header("Cookie", "c");
    let body = scan().to_string();
    let (_, told) = ask(request, Some(body.as_bytes()));
    assert_eq!(told["output"]["data"]["ecToken"], PASS);
    let received = json!({
        "method": "POST", "target": "/uif?x=1", "body_bytes": body.len(),
        "headers": {"yanma-pass": PASS},
    });
    assert_eq!(told["output"]["received"], received);
    assert_eq!(told["output"]["arrivals_of_redemption"], 1);
    assert_eq!(told["inf_refmsgid"], "000000202701151600120000000007");
}

#[test]
fn the_bare_form_is_answered_in_its_own_shape() {
    let request = Request::post("/api/ecqrcode").header("Yanma-Pass", PASS);
    let (_, told) = ask(request, Some(br#"{"data":{"orgId":"H37010000001"}}"#));
    assert_eq!((&told["code"], &told["success"]), (&json!(0), &json!(true)));
    assert_eq!(told["data"]["ecToken"], PASS);
    let (answer, told) = ask(Request::post("/api/ecqrcode"), Some(br#"{"data":{"ecQrCode":"1"}}"#));
    assert_eq!((answer.status, &told["code"]), (StatusCode::OK, &json!(3)));
    assert_eq!((&told["success"], &told["data"]), (&json!(false), &Value::Null));
    assert!(told["message"].as_str().unwrap().contains("医保码"));
}

#[test]
fn bad_input_of_every_kind_is_answered_in_the_envelope() {
    let good = scan().to_string();
    let post = || Request::post("/uif");
    let declared = |charset: &str| post().header("Content-Type", format!("a/b; charset={charset}"));
    for (request, body) in [
        (Request::get("/uif"), Some(good.as_bytes())),
        (Request::put("/uif"), Some(&b""[..])),
        (post(), None),
        (post(), Some(b"")),
        (post(), Some(b"\xff\xff")),
        (post(), Some(b"[]")),
        (declared("big5"), Some(good.as_bytes())),
        (declared("utf-8"), Some(b"{\"a\":\"\xbf\x5c\"}")),
    ] {
        let shown = format!("{request:?} {body:?}");
        let (answer, told) = ask(request, body);
        assert_eq!((answer.status, &told["infcode"]), (StatusCode::OK, &json!(1)), "{shown}");
        assert!(told["err_msg"].as_str().unwrap().starts_with("报文有误："), "{shown}");
        assert_eq!(told["output"], Value::Null);
    }
}
