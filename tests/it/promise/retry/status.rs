//! What became of it? A holder asks with the code or pass, an operator by id or message.

use serde_json::{Value, json};

use crate::harness::keys::identity;
use crate::harness::redis::{Redis, config};
use crate::harness::{Message, Reply, Request, Setup, World, eventually, until};

const PATH: &str = "/yanma/redemptions";
const STATUS: &str = "status.path = \"/yanma/redemptions\"";
const HOSPITAL: &str = "H37010000001";

/// A gateway whose new table of passes has let its fence pass.
async fn visits() -> World {
    let routes = [
        "path = \"/scan\"\ncode = \"exchange\"\nbackend = \"settlement\"\ninstitution_at = \"/org\"",
        "path = \"/uif\"\nbackend = \"settlement\"\ninfno_at = \"/infno\"\nmsgid_at = \"/msgid\"\n\
         institution_at = \"/org\"\ninfno = { \"2207\" = \"pass\" }",
    ];
    let setup = Setup::new().await.config(STATUS);
    let world = routes.iter().fold(setup, |setup, route| setup.also("route", route)).start().await;
    let fence_s = world.metric("yanma_pass_fence_end_timestamp_seconds").await;
    #[allow(clippy::as_conversions, reason = "whole seconds before 2106")]
    until((fence_s as i64 + 1) * 1_000).await;
    world
}

/// A pass of the hospital, and its id.
async fn scan(world: &World) -> (String, String) {
    let body = json!({"org": HOSPITAL}).to_string();
    let scanned = world.ask(&Request::post("/scan").code(&world.code()).body(body)).await;
    scanned.assert_approved();
    let field = |name| scanned.field(name).expect(name).to_owned();
    (field("yanma-pass"), field("yanma-pass-id"))
}

fn settle(pass: &str, msgid: &str) -> Request {
    let body = json!({"org": HOSPITAL, "infno": "2207", "msgid": msgid}).to_string();
    Request::post("/uif").field("Yanma-Pass", pass).body(body)
}

/// An answer that tells. Each member is in it.
fn told(answer: &Message) -> Value {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let told = answer.json();
    let names: Vec<&String> = told.as_object().expect("an object").keys().collect();
    let expected =
        ["at", "backend_status", "final", "infno", "msgid", "redemption", "request_id", "state"];
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    told
}

async fn of_pass(world: &World, pass: &str) -> Value {
    let ask = Request::get(&format!("{PATH}?institution={HOSPITAL}")).field("Yanma-Pass", pass);
    let answer = world.ask(&ask).await;
    assert_eq!(answer.field("yanma-outcome"), Some("approved"));
    told(&answer)
}

async fn of_code(world: &World, code: &str) -> Value {
    told(&world.ask(&Request::get(PATH).code(code)).await)
}

fn verdict(told: &Value) -> (&str, bool) {
    (told["state"].as_str().expect("a word"), told["final"].as_bool().expect("a truth"))
}

/// Vector 6.
#[tokio::test]
async fn a_pass_is_not_seen_then_running_then_answered() {
    let world = visits().await;
    let (pass, id) = scan(&world).await;
    for _ in 0..2 {
        let unspent = of_pass(&world, &pass).await;
        assert_eq!(verdict(&unspent), ("not_seen", false));
        assert_eq!((&unspent["redemption"], &unspent["at"]), (&json!(id), &Value::Null));
    }
    world.backend.hold();
    let mut client = world.client().await;
    client.send(settle(&pass, "M1").bytes()).await;
    world.backend.arrived(2).await;
    let running = of_pass(&world, &pass).await;
    assert_eq!(verdict(&running), ("running", false));
    assert_eq!((&running["infno"], &running["msgid"]), (&json!("2207"), &json!("M1")));
    let by_message = format!("{PATH}?institution={HOSPITAL}&msgid=M1");
    assert_eq!(told(&world.admin("GET", &by_message).await), running);
    world.backend.open();
    let settled = client.answer().await;
    settled.assert_approved();
    let answered = of_pass(&world, &pass).await;
    assert_eq!(verdict(&answered), ("answered", true));
    assert_eq!(answered["request_id"].as_str(), settled.field("yanma-request-id"));
    assert_eq!(answered["backend_status"], json!(200));
    assert_eq!(answered["at"], running["at"]);
    for target in [by_message, format!("{PATH}/{id}")] {
        assert_eq!(told(&world.admin("GET", &target).await), answered, "{target}");
    }
    assert_eq!(world.backend.count_of(&id), 1);
    world.metric_reaches("yanma_requests_total{route=\"none\",outcome=\"approved\"}", 4.0).await;
}

#[tokio::test]
async fn a_code_is_told_as_a_pass_is() {
    let world = World::with(STATUS).await;
    let code = world.code();
    assert_eq!(verdict(&of_code(&world, &code).await), ("not_seen", false));
    let paid = world.pay(&code).await;
    paid.assert_approved();
    let answered = of_code(&world, &code).await;
    assert_eq!(verdict(&answered), ("answered", true));
    assert_eq!(answered["redemption"], json!(identity(&code)));
    assert_eq!(answered["request_id"].as_str(), paid.field("yanma-request-id"));
    assert_eq!((&answered["infno"], &answered["msgid"]), (&Value::Null, &Value::Null));

    let lost = world.code();
    world.backend.reply(Reply::ThenReset(Vec::new()));
    world.pay(&lost).await.assert_refused("outcome_unknown");
    let unknown = of_code(&world, &lost).await;
    assert_eq!(verdict(&unknown), ("unknown", true));
    assert_eq!(unknown["backend_status"], Value::Null);
}

#[tokio::test]
async fn what_has_no_answer_any_more_is_spent() {
    let config = format!("{STATUS}\nretry.store_mib = 0");
    let world = World::with(&config).await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    let spent = of_code(&world, &code).await;
    assert_eq!(verdict(&spent), ("spent", true));
    assert_eq!((&spent["at"], &spent["request_id"]), (&Value::Null, &Value::Null));
    let by_id = format!("{PATH}/{}", identity(&code));
    assert_eq!(told(&world.admin("GET", &by_id).await), spent);
}

#[tokio::test]
async fn what_was_given_back_is_not_seen() {
    let setup = Setup::new().await.config(STATUS);
    let setup = setup.also("backend", "name = \"nowhere\"\nendpoints = [\"http://127.0.0.1:9\"]");
    let route = "path = \"/lost\"\ncode = \"redeem\"\nbackend = \"nowhere\"";
    let world = setup.also("route", route).start().await;
    let code = world.code();
    let lost = world.ask(&Request::post("/lost").code(&code)).await;
    lost.assert_refused("backend_unreachable");
    assert_eq!(verdict(&of_code(&world, &code).await), ("not_seen", false));
    world.pay(&code).await.assert_approved();
}

/// After a fence the table cannot know what was before it.
#[tokio::test]
async fn what_lies_behind_the_fence_is_forgotten() {
    let mut world = World::with(STATUS).await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.crash().await;
    assert_eq!(verdict(&of_code(&world, &code).await), ("spent", true), "the table was kept");
    let dir = world.directory().join("data");
    std::fs::remove_file(dir.join("replay")).expect("a table");
    world.crash().await;
    assert_eq!(verdict(&of_code(&world, &code).await), ("forgotten", true));
}

#[tokio::test]
async fn who_may_not_ask_is_told_nothing() {
    let world = World::with(STATUS).await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    let known = format!("{PATH}/{}", identity(&code));
    let unknown = format!("{PATH}/7001-1800000000-0123456789abcdef");
    let message = format!("{PATH}?institution={HOSPITAL}&msgid=M1");
    for target in [known.as_str(), &unknown, &format!("{PATH}/x"), &message] {
        world.ask(&Request::get(target)).await.assert_refused("institution_not_allowed");
        let with_code = Request::get(target).code(&code);
        world.ask(&with_code).await.assert_refused("institution_not_allowed");
    }
    world.ask(&Request::get(PATH)).await.assert_refused("code_missing");
    world.ask(&Request::get(PATH).code("12")).await.assert_refused("code_malformed");
    let forged = format!("{}{}", &code[..254], if code.ends_with('1') { '2' } else { '1' });
    assert_eq!(world.ask(&Request::get(PATH).code(&forged)).await.status(), 403);
    let pass = Request::get(PATH).field("Yanma-Pass", &"0".repeat(40));
    world.ask(&pass).await.assert_refused("pass_invalid");
    world.ask(&pass.code(&code)).await.assert_refused("code_malformed");
    let twice = Request::get(&format!("{PATH}?institution=a&institution=a")).code(&code);
    world.ask(&twice).await.assert_refused("request_malformed");
    world.ask(&Request::get(&format!("{PATH}/a/b"))).await.assert_refused("route_not_found");
    for method in ["POST", "DELETE", "TRACE"] {
        let refused = world.ask(&Request::new(method, PATH).code(&code)).await;
        refused.assert_refused("method_not_allowed");
        assert_eq!(refused.field("allow"), Some("GET, HEAD"));
    }
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn an_operator_asks_for_what_there_is() {
    let world = World::with(STATUS).await;
    let message = format!("{PATH}?institution={HOSPITAL}&msgid=M9");
    let unheard = told(&world.admin("GET", &message).await);
    assert_eq!(verdict(&unheard), ("forgotten", false));
    assert_eq!(unheard["redemption"], Value::Null);
    for target in [PATH.to_owned(), format!("{PATH}/x"), format!("{PATH}?a=b")] {
        assert_eq!(world.admin("GET", &target).await.status(), 400, "{target}");
    }
    assert_eq!(world.admin("POST", &message).await.status(), 405);
    let off = World::start().await;
    assert_eq!(off.admin("GET", &message).await.status(), 404);
    off.ask(&Request::get(PATH).code(&off.code())).await.assert_refused("route_not_found");
}

/// Where nodes share registers each tells what the other did.
#[tokio::test]
async fn another_node_tells_what_became_of_a_code() {
    let registers = Redis::group().await;
    let shared = format!("{}\n{STATUS}", config(&registers));
    let one = Setup::new().await.config(&shared).start().await;
    let two = Setup::new().await.config(&shared);
    let two = two.only_endpoints(&[one.backend.endpoint.as_str()]).start().await;
    for register in &registers {
        register.age().await;
    }
    for world in [&one, &two] {
        eventually("registers that vote", async || {
            (world.pay(&world.code()).await.status() == 200).then_some(())
        })
        .await;
    }
    let code = one.code();
    assert_eq!(verdict(&of_code(&two, &code).await), ("forgotten", false));
    let before = one.backend.count();
    one.backend.hold();
    let mut client = one.client().await;
    client.send(Request::post("/pay").code(&code).bytes()).await;
    one.backend.arrived(before + 1).await;
    assert_eq!(verdict(&of_code(&two, &code).await), ("running", false));
    one.backend.open();
    client.answer().await.assert_approved();
    let answered = of_code(&two, &code).await;
    assert_eq!(verdict(&answered), ("answered", true));
    assert_eq!((&answered["backend_status"], &answered["at"]), (&json!(200), &Value::Null));
    assert_eq!(verdict(&of_code(&one, &code).await), ("answered", true));
    let fresh = one.code();
    drop(registers);
    let unsure = eventually("registers that are gone", async || {
        let answer = two.ask(&Request::get(PATH).code(&fresh)).await;
        (answer.status() != 200).then_some(answer)
    })
    .await;
    unsure.assert_refused("replay_store_unavailable");
}
