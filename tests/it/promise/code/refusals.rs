//! Every refusal because of a code, a key or a policy, to the letter, and their order.

use keyring::code::Auth;
use keyring::mint::{Spec, Spoil};

use crate::harness::keys::{ANNOUNCED, OVER, REVOKED, STRANGER, WECHAT, display, payment, region};
use crate::harness::{Message, Request, Setup, World, now_ms};

#[tokio::test]
async fn a_missing_code() {
    let world = World::start().await;
    world.ask(&Request::post("/pay")).await.assert_refused("code_missing");
    let without = Request::post("/pay").field("yanma_code", &world.code());
    world.ask(&without).await.assert_refused("code_missing");
    world.pay("").await.assert_refused("code_missing");
    world.pay(" \t ").await.assert_refused("code_missing");
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn two_codes_are_malformed_even_if_equal() {
    let world = World::start().await;
    let code = world.code();
    let twice = Request::post("/pay").code(&code).code(&code);
    world.ask(&twice).await.assert_refused("code_malformed");
    world.pay(&code).await.assert_approved();
}

#[tokio::test]
async fn texts_that_are_no_codes() {
    let world = World::start().await;
    let code = world.code();
    let long = "1".repeat(2_000);
    let of_another_version = format!("{}{}", "09007199254740992", &code[17..]);
    let over = format!("{}{}", "99999999999999999", &code[17..]);
    for (text, reason) in [
        ("hello", "code_malformed"),
        (&code[..254], "code_malformed"),
        (&over, "code_malformed"),
        (&long, "code_malformed"),
        ("134567890123456789", "wrong_code_type"),
        ("2812345678901234", "wrong_code_type"),
        ("11010519491231002X", "wrong_code_type"),
        ("https://example.cn/pay?code=1", "wrong_code_type"),
        ("4241234567890123456789012345", "code_not_served"),
        (&of_another_version, "format_not_supported"),
    ] {
        let body = world.pay(text).await.assert_refused(reason);
        assert!(text.len() < 10 || !body.to_string().contains(text), "never repeated: {text}");
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn each_kind_only_where_it_may_serve() {
    let world = Setup::new()
        .await
        .also(
            "route",
            "path = \"/look\"\ncode = \"check\"\nkinds = [\"display\"]\nbackend = \"settlement\"",
        )
        .start()
        .await;
    let shown = WECHAT.mint(&display(now_s()));
    world.pay(&shown).await.assert_refused("display_code_not_payable");
    let code = world.code();
    world
        .ask(&Request::post("/look").code(&code))
        .await
        .assert_refused("payment_code_not_accepted");
    world.ask(&Request::post("/look").code(&shown)).await.assert_approved();
}

#[tokio::test]
async fn keys_that_do_not_vouch() {
    let world = World::start().await;
    for (issuer, reason) in [
        (STRANGER, "key_unknown"),
        (REVOKED, "key_revoked"),
        (ANNOUNCED, "key_not_active"),
        (OVER, "key_not_active"),
    ] {
        world.pay(&issuer.mint(&world.fresh())).await.assert_refused(reason);
    }
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn forged_codes() {
    let world = World::start().await;
    let spoiled = |spoil| WECHAT.mint_spoiled(&world.fresh(), spoil);
    world.pay(&spoiled(Spoil::Signature)).await.assert_refused("signature_invalid");
    world.pay(&spoiled(Spoil::Seal)).await.assert_refused("seal_invalid");
    world.pay(&spoiled(Spoil::Key)).await.assert_refused("key_unknown");
    assert_eq!(world.backend.count(), 0);
}

#[tokio::test]
async fn codes_outside_their_time() {
    let world = World::start().await;
    for (age_s, reason) in [
        (63, "code_expired"),
        (86_400, "code_expired"),
        (-60, "code_not_yet_valid"),
        (-290, "code_not_yet_valid"),
        (-310, "clock_suspect"),
    ] {
        let code = WECHAT.mint(&payment(now_s() - age_s));
        world.pay(&code).await.assert_refused(reason);
    }
    let old = WECHAT.mint(&display(now_s() - 181 * 86_400));
    world.ask(&Request::post("/check").code(&old)).await.assert_refused("code_expired");
}

#[tokio::test]
async fn a_start_fence_refuses_codes_of_before() {
    let before = now_s();
    let world = World::start().await;
    let code = WECHAT.mint(&payment(before));
    world.pay(&code).await.assert_refused("warming_up");
    world.ask(&Request::post("/check").code(&code)).await.assert_approved();
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn holders_who_did_not_prove_presence() {
    let world = Setup::new()
        .await
        .also("route", "path = \"/password\"\ncode = \"redeem\"\nkinds = [\"payment\"]\nmin_auth = \"password\"\nbackend = \"settlement\"")
        .also("route", "path = \"/face\"\ncode = \"redeem\"\nkinds = [\"payment\"]\nmin_auth = \"biometric\"\nbackend = \"settlement\"")
        .start()
        .await;
    let ask = async |path, auth| {
        let code = WECHAT.mint(&Spec { auth, ..world.fresh() });
        world.ask(&Request::post(path).code(&code)).await
    };
    ask("/pay", Auth::None).await.assert_approved();
    ask("/password", Auth::None).await.assert_refused("auth_too_weak");
    for auth in [Auth::Password, Auth::Fingerprint, Auth::Face] {
        ask("/password", auth).await.assert_approved();
    }
    ask("/face", Auth::Password).await.assert_refused("auth_too_weak");
    ask("/face", Auth::Fingerprint).await.assert_approved();
    ask("/face", Auth::Face).await.assert_approved();
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there() {
    let world = Setup::new()
        .await
        .also(
            "route",
            "path = \"/post\"\nmethods = [\"POST\"]\ncode = \"none\"\nbackend = \"settlement\"",
        )
        .start()
        .await;
    world.ask(&Request::get("/")).await.assert_refused("route_not_found");
    world.ask(&Request::post("/payment")).await.assert_refused("route_not_found");
    world.ask(&Request::get("/post")).await.assert_refused("method_not_allowed");
    world.ask(&Request::post("/post")).await.assert_approved();
}

/// Methods are compared by case (RFC 9110 9.1), and each answer 405 says which there are (15.5.6).
#[tokio::test]
async fn the_list_of_methods_is_closed() {
    const ALL: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    let world = Setup::new()
        .await
        .also(
            "route",
            "path = \"/post\"\nmethods = [\"POST\"]\ncode = \"none\"\nbackend = \"settlement\"",
        )
        .start()
        .await;
    let mut over_2 = crate::harness::h2::H2::connect(&world.address).await;
    for method in ["post", "Post", "PO!ST", "PROPFIND", "TRACE", "PUT"] {
        for (path, allow) in [("/open", ALL), ("/post", "POST"), ("/nowhere", ALL)] {
            if method == "PUT" && path != "/post" {
                continue;
            }
            let over_1 = world.ask(&Request::new(method, path)).await;
            let uri = format!("http://yanma.test{path}");
            let request = http::Request::builder().method(method).uri(uri).body(());
            let over_2 = over_2.ask_without_body(request.expect("a request")).await;
            for answer in [over_1, over_2] {
                answer.assert_refused("method_not_allowed");
                assert_eq!(answer.field("allow"), Some(allow), "{method} {path}");
            }
        }
    }
    assert_eq!(world.backend.count(), 0);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        world.ask(&Request::new(method, "/open")).await.assert_approved();
    }
}

#[tokio::test]
async fn the_checks_come_in_the_contracts_order() {
    let world = Setup::new()
        .await
        .config("limits.body_bytes_max = 100")
        .also("route", "path = \"/far\"\ncode = \"redeem\"\nkinds = [\"payment\"]\nmin_auth = \"password\"\nrequire_region = true\nbackend = \"settlement\"")
        .start()
        .await;
    let nobody = Spec { auth: Auth::None, region: region(0), ..world.fresh() };
    let too_long = "x".repeat(101);
    let far = |code: &str| Request::post("/far").code(code).body(&too_long);

    let route_first = Request::post("/nowhere").code("rubbish");
    world.ask(&route_first).await.assert_refused("route_not_found");
    let kind_before_key = STRANGER.mint(&display(0));
    world.ask(&far(&kind_before_key)).await.assert_refused("display_code_not_payable");
    let key_before_time = STRANGER.mint(&payment(0));
    world.ask(&far(&key_before_time)).await.assert_refused("key_unknown");
    let revoked_before_time = REVOKED.mint(&payment(0));
    world.ask(&far(&revoked_before_time)).await.assert_refused("key_revoked");
    let time_before_signature = WECHAT.mint_spoiled(&payment(now_s() - 63), Spoil::Signature);
    world.ask(&far(&time_before_signature)).await.assert_refused("code_expired");
    let signature_before_policy = WECHAT.mint_spoiled(&nobody, Spoil::Signature);
    world.ask(&far(&signature_before_policy)).await.assert_refused("signature_invalid");
    let seal_before_policy = WECHAT.mint_spoiled(&nobody, Spoil::Seal);
    world.ask(&far(&seal_before_policy)).await.assert_refused("seal_invalid");
    let auth_before_region = WECHAT.mint(&nobody);
    world.ask(&far(&auth_before_region)).await.assert_refused("auth_too_weak");
    let region_before_body = WECHAT.mint(&Spec { region: region(0), ..world.fresh() });
    world.ask(&far(&region_before_body)).await.assert_refused("region_missing");
    let body_before_redeem = world.code();
    world.ask(&far(&body_before_redeem)).await.assert_refused("request_too_large");
    assert_eq!(world.backend.count(), 0);
    world.ask(&Request::post("/far").code(&body_before_redeem)).await.assert_approved();
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable() {
    let world = World::start().await;
    let mut client = world.client().await;
    let refused: Message = client.ask(Request::post("/pay").code("1").bytes()).await;
    refused.assert_refused("code_malformed");
    client.ask(Request::post("/pay").code(&world.code()).bytes()).await.assert_approved();
}

#[tokio::test]
async fn a_full_table_refuses_and_forgets_nobody() {
    let world = World::with("replay.capacity = 8").await;
    let codes: Vec<String> = (0..20).map(|_| world.code()).collect();
    let mut spent = Vec::new();
    for code in &codes {
        let answer = world.pay(code).await;
        if answer.status() == 200 {
            spent.push(code);
        } else {
            answer.assert_refused("replay_full");
        }
    }
    assert!((1..=8).contains(&spent.len()), "{} codes in 8 slots", spent.len());
    for code in spent {
        world.pay_more(code).await.assert_refused("code_used");
    }
}

fn now_s() -> i64 {
    now_ms() / 1_000
}
