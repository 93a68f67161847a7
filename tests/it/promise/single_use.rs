//! Never twice: of all requests with one code, at most one reaches the backend.

use crate::harness::backend::SETTLED;
use crate::harness::keys::{WECHAT, digits, identity};
use crate::harness::{Client, Message, Request, World, eventually, h2};

#[tokio::test]
async fn a_thousand_copies_from_32_connections_arrive_once() {
    const CONNECTIONS: usize = 32;
    const COPIES: usize = 1_000;
    let world = World::start().await;
    let code = world.code();
    let request = Request::post("/pay").code(&code).bytes();
    let start = tokio::sync::Barrier::new(CONNECTIONS);

    let run = async |copies: usize| {
        let mut client = Client::connect(&world.address).await;
        start.wait().await;
        let mut approved = 0;
        for _ in 0..copies {
            // The same bytes are a retry. It is answered and never forwarded.
            let answer = client.ask(&request).await;
            if answer.status() == 200 {
                assert_eq!(answer.text(), SETTLED);
                approved += usize::from(answer.field("idempotent-replayed").is_none());
            } else {
                answer.assert_refused("request_in_flight");
            }
        }
        approved
    };
    let shares =
        (0..CONNECTIONS).map(|n| COPIES / CONNECTIONS + usize::from(n < COPIES % CONNECTIONS));
    let approved: usize = together(shares.map(run)).await.into_iter().sum();

    assert_eq!(approved, 1);
    assert_eq!(world.backend.count(), 1);
    assert_eq!(world.backend.count_of(&identity(&code)), 1);
    let counted = async |outcome| {
        world.metric(&format!("yanma_requests_total{{outcome=\"{outcome}\",route=\"/pay\"}}")).await
    };
    eventually("all of them counted", async || {
        let repeated = counted("replayed").await + counted("request_in_flight").await;
        (repeated > 998.5 && counted("approved").await < 1.5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_thousand_requests_with_one_code_arrive_once() {
    const CONNECTIONS: usize = 25;
    let world = World::start().await;
    let code = world.code();
    let start = tokio::sync::Barrier::new(CONNECTIONS);
    let run = async |connection: usize| {
        let mut client = Client::connect(&world.address).await;
        start.wait().await;
        let mut approved = 0;
        for attempt in 0..40 {
            let body = format!("{{\"attempt\":\"{connection}-{attempt}\"}}");
            let answer = client.ask(Request::post("/pay").code(&code).body(body).bytes()).await;
            if answer.status() == 200 {
                answer.assert_approved();
                approved += 1;
            } else {
                answer.assert_refused("code_used");
            }
        }
        approved
    };
    let approved: usize = together((0..CONNECTIONS).map(run)).await.into_iter().sum();
    assert_eq!((approved, world.backend.count()), (1, 1));
    world.metric_reaches("yanma_requests_total{outcome=\"code_used\",route=\"/pay\"}", 999.0).await;
}

#[tokio::test]
async fn many_codes_copied_over_http_2_arrive_once_each() {
    let world = World::start().await;
    let codes: Vec<String> = (0..20).map(|_| world.code()).collect();
    let pay = async |code: &String| {
        let mut client = h2::H2::connect(&world.address).await;
        client.ask(h2::post("/pay", code).body(()).expect("a request"), "{}").await
    };
    let copies = codes.iter().chain(&codes).chain(&codes);
    let answers = together(copies.map(pay)).await;
    let is_first =
        |answer: &&Message| answer.status() == 200 && answer.field("idempotent-replayed").is_none();
    assert_eq!(answers.iter().filter(is_first).count(), codes.len());
    for code in &codes {
        assert_eq!(world.backend.count_of(&identity(code)), 1);
    }
}

#[tokio::test]
async fn the_other_signature_of_a_spent_code_is_used_too() {
    let world = World::start().await;
    let code = WECHAT.code(&world.fresh());
    let twin = code.with_other_s().expect("a sound signature has a twin");
    assert_ne!(digits(&code), digits(&twin));
    let paid = world.pay(&digits(&code)).await;
    paid.assert_approved();
    world.pay_more(&digits(&twin)).await.assert_refused("code_used");
    // The code is the same, so the request counts as the same.
    let again = world.pay(&digits(&twin)).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.request_id(), paid.request_id());
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn the_other_signature_alone_pays() {
    let world = World::start().await;
    let code = WECHAT.code(&world.fresh());
    let twin = code.with_other_s().expect("a sound signature has a twin");
    world.pay(&digits(&twin)).await.assert_approved();
    world.pay_more(&digits(&code)).await.assert_refused("code_used");
}

#[tokio::test]
async fn another_text_of_the_same_identity_is_used_too() {
    let world = World::start().await;
    let spec = world.fresh();
    let other = keyring::mint::Spec { relation: 1, ..spec };
    world.pay(&WECHAT.mint_again(&spec, 5)).await.assert_approved();
    world.pay(&WECHAT.mint_again(&other, 5)).await.assert_refused("code_used");
    world.pay(&WECHAT.mint_again(&spec, 6)).await.assert_approved();
}

#[tokio::test]
async fn a_spent_code_is_spent_on_every_route_that_spends() {
    let world = World::start().await;
    let code = world.code();
    world.ask(&Request::post("/PAY/now").code(&code)).await.assert_approved();
    world.ask(&Request::post("/pay/later").code(&code)).await.assert_refused("code_used");
}

/// Runs futures at once on this thread and returns their outcomes in order.
async fn together<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in &mut running {
            if outcome.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *outcome = Some(value);
            }
        }
        let is_done = running.iter().all(|(_, outcome)| outcome.is_some());
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, outcome)| outcome).collect()
}
