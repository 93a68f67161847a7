//! Routes whose messages say in their body what they are: which rule, which code.

use serde_json::{Value, json};

use crate::harness::process::run;
use crate::harness::{Request, Setup, World, eventually};

const ROUTE: &str = r#"
path = "/uif"
methods = ["POST"]
backend = "settlement"
charset = "CHARSET"
infno_at = "/infno"
code_at = "/input/data/mdtrt_cert_no"
cert_type = { at = "/input/data/mdtrt_cert_type", code = ["01"], none = ["02", "03"] }
institution_at = "/fixmedins_code"
msgid_at = "/msgid"
infno = { "2207" = "redeem", "1101" = "check", "2001" = "none", "5*" = "none", "2601" = REVERSAL }
"#;

async fn world(charset: &str) -> World {
    let reversal = "{ code = \"none\", reverses_at = \"/input/data/omsgid\" }";
    let route = ROUTE.replace("CHARSET", charset).replace("REVERSAL", reversal);
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

const HOSPITAL: &str = "H37010000001";

/// A message of a hospital with an id of its own.
fn of_hospital(infno: &str, hospital: &str, msgid: &str, data: &str) -> Request {
    message(format!(
        "{{\"infno\":\"{infno}\",\"msgid\":\"{msgid}\",\"fixmedins_code\":\"{hospital}\",\
         \"input\":{{\"data\":{{{data}}}}}}}"
    ))
}

fn settles(msgid: &str, code: &str) -> Request {
    let card = format!("\"mdtrt_cert_type\":\"01\",\"mdtrt_cert_no\":\"{code}\"");
    of_hospital("2207", HOSPITAL, msgid, &card)
}

fn reverses(hospital: &str, omsgid: &str) -> Request {
    of_hospital("2601", hospital, "R1", &format!("\"omsgid\":\"{omsgid}\""))
}

/// A reversal that overtook its settlement would find nothing, and the settlement would stand. The
/// client of this settlement has left: that is when a reversal comes.
#[tokio::test]
async fn a_reversal_does_not_overtake_its_settlement() {
    let world = world("utf-8").await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send(settles("M1", &world.code()).bytes()).await;
    world.backend.arrived(1).await;
    drop(client);
    world.ask(&reverses(HOSPITAL, "M1")).await.assert_refused("request_in_flight");
    assert_eq!(world.backend.count(), 1);
    world.backend.open();
    let approved = "yanma_requests_total{route=\"/uif\",outcome=\"approved\"}";
    world.metric_reaches(approved, 1.0).await;
    world.ask(&reverses(HOSPITAL, "M1")).await.assert_approved();
}

/// Only the reversal of what is under way is held, and only that of the same institution.
#[tokio::test]
async fn other_reversals_are_not_held() {
    let world = world("utf-8").await;
    world.backend.hold();
    let mut client = world.client().await;
    client.send(settles("M1", &world.code()).bytes()).await;
    let mut others = Vec::new();
    for (nth, (hospital, omsgid)) in
        [("H37010000002", "M1"), (HOSPITAL, "M2"), (HOSPITAL, "R1")].into_iter().enumerate()
    {
        let mut other = world.client().await;
        other.send(reverses(hospital, omsgid).bytes()).await;
        world.backend.arrived(nth + 2).await;
        others.push(other);
    }
    world.backend.open();
    client.answer().await.assert_approved();
}

#[tokio::test]
async fn the_record_names_the_message() {
    let world = world("utf-8").await;
    world.ask(&settles("M1", &world.code())).await.assert_approved();
    world.ask(&reverses(HOSPITAL, "M1")).await.assert_approved();
    let named = async |wanted: &str| {
        let output = run(world.directory(), &["audit", "--json", "data/record"]).await;
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| line["infno"] == wanted)
    };
    let settled = eventually("a line of the settlement", async || named("2207").await).await;
    assert_eq!((&settled["msgid"], &settled["institution"]), (&json!("M1"), &json!(HOSPITAL)));
    assert_eq!(settled.get("omsgid"), None);
    let reversed = eventually("a line of the reversal", async || named("2601").await).await;
    assert_eq!((&reversed["msgid"], &reversed["omsgid"]), (&json!("R1"), &json!("M1")));
}
