//! Routes whose messages say in their body what they are: which rule, which code.

use crate::harness::{Request, Setup, World};

const ROUTE: &str = r#"
path = "/uif"
methods = ["POST"]
backend = "settlement"
charset = "CHARSET"
infno_at = "/infno"
code_at = "/input/data/mdtrt_cert_no"
cert_type = { at = "/input/data/mdtrt_cert_type", code = ["01"], none = ["02", "03"] }
infno = { "2207" = "redeem", "1101" = "check", "2001" = "none", "5*" = "none" }
"#;

async fn world(charset: &str) -> World {
    let route = ROUTE.replace("CHARSET", charset);
    Setup::new().await.also("route", &route).start().await
}

fn message(body: impl AsRef<[u8]>) -> Request {
    Request::post("/uif").field("Content-Type", "application/json").body(body)
}

fn paying(infno: &str, card: &str, code: &str) -> String {
    format!(
        "{{\"infno\":\"{infno}\",\"input\":{{\"data\":{{\"mdtrt_cert_type\":\"{card}\",\
         \"mdtrt_cert_no\":\"{code}\"}}}}}}"
    )
}

#[tokio::test]
async fn the_body_says_which_rule_and_which_code() {
    let world = world("utf-8").await;
    let code = world.code();
    let asked = paying("1101", "01", &code);
    world.ask(&message(&asked)).await.assert_approved();
    let body = format!("\u{feff} {} \n", paying("2207", "01", &code));
    let paid = world.ask(&message(&body)).await;
    paid.assert_approved();
    assert!(paid.field("yanma-redemption").is_some());
    let seen = world.backend.arrived(2).await[1].clone();
    assert_eq!(seen.body, body.as_bytes(), "byte for byte");
    assert!(seen.field("yanma-redemption").is_some());

    let nested = format!("{{\"data\":{{\"mdtrt_cert_no\":\"{code}\"}}}}").replace('"', "\\\"");
    let again = format!("{{\"inf\\u006eo\":2207,\"input\":\"{nested}\"}}");
    world.ask(&message(&again)).await.assert_refused("code_used");

    // A card that is no code goes on without one, and a missing type is no way around the code.
    world.ask(&message(paying("2207", "02", "A12345678"))).await.assert_approved();
    assert_eq!(world.backend.arrived(3).await[2].field("yanma-redemption"), None);
    let untyped = "{\"infno\":\"2207\",\"input\":{\"data\":{\"mdtrt_cert_no\":null}}}";
    world.ask(&message(untyped)).await.assert_refused("code_missing");
    world.ask(&message("{\"infno\":\"5301\"}")).await.assert_approved();
    world.ask(&message("{\"infno\":\"2299\"}")).await.assert_refused("route_not_found");
}

#[tokio::test]
async fn what_two_readers_could_read_in_two_ways_is_refused() {
    let world = world("utf-8").await;
    let code = world.code();
    let sound = paying("2207", "01", &code);
    for (body, detail) in [
        ("{\"infno\":\"1101\",\"INFNO\":\"2207\"}".to_owned(), "/infno"),
        ("{\"inf_no\":\"2207\"}".to_owned(), "/infno"),
        ("{\"infno\":2207.0}".to_owned(), "/infno"),
        ("{\"infno\":\" 2207\"}".to_owned(), "/infno"),
        ("{}".to_owned(), "/infno"),
        (format!("{sound}x"), ""),
        (sound.replace("\"01\"", "\"04\""), "mdtrt_cert_type"),
        (sound.replace("{\"data\"", "{\"Data\":{},\"data\""), "/input/data"),
    ] {
        let refused = world.ask(&message(&body)).await;
        let said = refused.assert_refused("request_malformed");
        let told = said["detail"].as_str().unwrap_or_default();
        assert!(!told.is_empty() && told.contains(detail), "{body}: {told}");
    }
    let xml = Request::post("/uif").field("Content-Type", "text/xml").body(&sound);
    world.ask(&xml).await.assert_refused("request_malformed");
    let packed = message(&sound).field("Content-Encoding", "gzip");
    world.ask(&packed).await.assert_refused("request_malformed");
    let queried = Request::post("/uif?INFNO=1101").body(&sound);
    world.ask(&queried).await.assert_refused("request_malformed");
    world.ask(&message(&sound).code(&code)).await.assert_refused("code_malformed");
    assert_eq!(world.backend.count(), 0);
    world.ask(&message(&sound)).await.assert_approved();
    for (why, total) in [("type", 2.0), ("syntax", 1.0), ("duplicate", 3.0), ("charset", 0.0)] {
        let name = format!("yanma_body_refused_total{{route=\"/uif\",why=\"{why}\"}}");
        assert_eq!(world.metric(&name).await, total, "{name}");
    }
    let by_rule = |rule| format!("yanma_infno_total{{route=\"/uif\",rule=\"{rule}\"}}");
    assert_eq!(world.metric(&by_rule("5*")).await, 0.0);
    assert!(world.metric(&by_rule("2207")).await >= 2.0);
}

/// The second byte of 縗 is a backslash: read as bytes, the string would not end where it does.
#[tokio::test]
async fn the_charset_is_the_backends() {
    let gbk: Vec<u8> = [&b"{\"opter_name\":\"\xbf\\\",\"infno\":\"2001\"}"[..]].concat();
    let world_of_gbk = world("gbk").await;
    world_of_gbk.ask(&message(&gbk)).await.assert_approved();
    assert_eq!(world_of_gbk.backend.only().await.body, gbk);
    world("utf-8").await.ask(&message(&gbk)).await.assert_refused("request_malformed");
    let declared = world("declared").await;
    declared.ask(&message(&gbk)).await.assert_refused("request_malformed");
    let told = Request::post("/uif").field("Content-Type", "application/json;charset=GBK");
    declared.ask(&told.body(&gbk)).await.assert_approved();
}
