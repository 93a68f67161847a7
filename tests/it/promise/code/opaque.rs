//! The opaque class: a code that no key proves passes once in 460 s, where a route says so.

use crate::harness::{Request, Setup, World};

const CODE: &str = "4240123456789012345678370000";
const RESERVATION: &str = "ebd47473358a941eed15fbf4eba5c2a0";

async fn world() -> World {
    let reserve = |path: &str, code: &str| {
        format!("path = \"{path}\"\ncode = {code}\nopaque = \"reserve\"\nbackend = \"settlement\"")
    };
    let setup = Setup::new().await.also("route", &reserve("/opaque", "\"redeem\""));
    let setup = setup.also("route", &reserve("/look", "\"check\""));
    setup.also("route", &reserve("/foreign", "\"pass\"")).start().await
}

#[tokio::test]
async fn an_opaque_code_is_refused_unless_a_route_reserves() {
    let world = world().await;
    world.ask(&Request::post("/pay").code(CODE)).await.assert_refused("code_not_served");
    // Nothing tells how old the code is, so a new table knows too little for 120 s.
    world.ask(&Request::post("/opaque").code(CODE)).await.assert_refused("warming_up");
}

#[tokio::test]
async fn a_look_forwards_and_says_what_little_is_known() {
    let world = world().await;
    let look = Request::post("/look").code(CODE).field("Yanma-Class", "genuine");
    for arrived in [1, 2] {
        let answer = world.ask(&look).await;
        assert_eq!((answer.status(), answer.field("yanma-outcome")), (200, Some("opaque")));
        let seen = world.backend.arrived(arrived).await[arrived - 1].clone();
        assert_eq!(seen.field("yanma-class"), Some("opaque"));
        assert_eq!(seen.field("yanma-reservation"), Some(RESERVATION));
        assert_eq!(seen.field("yanma-opaque-province"), Some("37"));
        for name in ["yanma-redemption", "yanma-subject", "yanma-code-id", "yanma-code"] {
            assert_eq!(seen.field(name), None, "{name}");
        }
    }
    let checked = "yanma_opaque_total{route=\"/look\",outcome=\"checked\"}";
    assert!((world.metric(checked).await - 2.0).abs() < 0.5);
}

#[tokio::test]
async fn a_foreign_token_goes_on_as_none_and_what_could_be_ours_does_not() {
    let world = world().await;
    let with = |token: &str| Request::post("/foreign").field("Yanma-Pass", token);
    world.ask(&with("370000ec-token-of-another")).await.assert_approved();
    let seen = world.backend.arrived(1).await[0].clone();
    assert_eq!((seen.field("yanma-redemption"), seen.field("yanma-class")), (None, None));
    for text in ["0".repeat(40), "short".to_owned(), "x".repeat(51)] {
        world.ask(&with(&text)).await.assert_refused("pass_invalid");
    }
}
