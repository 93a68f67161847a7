//! Never twice: of all requests with one code, at most one reaches the backend.

use crate::harness::backend::SETTLED;
use crate::harness::keys::{WECHAT, digits, identity};
use crate::harness::{Client, Request, World, h2};

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
            let answer = client.ask(&request).await;
            if answer.status() == 200 {
                assert_eq!(answer.text(), SETTLED);
                approved += 1;
            } else {
                answer.is_refused("code_used");
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
    world.metric_reaches("yanma_requests_total{outcome=\"code_used\",route=\"/pay\"}", 999.0).await;
}

#[tokio::test]
async fn many_codes_copied_over_http_2_arrive_once_each() {
    let world = World::start().await;
    let codes: Vec<String> = (0..20).map(|_| world.code()).collect();
    let pay = async |code: &String| {
        let mut client = h2::H2::connect(&world.address).await;
        client.ask(h2::post("/pay", code).body(()).expect("a request"), "{}").await.status()
    };
    let copies = codes.iter().chain(&codes).chain(&codes);
    let statuses = together(copies.map(pay)).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), codes.len());
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
    world.pay(&digits(&code)).await.is_approved();
    world.pay(&digits(&twin)).await.is_refused("code_used");
    assert_eq!(world.backend.count(), 1);
}

#[tokio::test]
async fn the_other_signature_alone_pays() {
    let world = World::start().await;
    let code = WECHAT.code(&world.fresh());
    let twin = code.with_other_s().expect("a sound signature has a twin");
    world.pay(&digits(&twin)).await.is_approved();
    world.pay(&digits(&code)).await.is_refused("code_used");
}

#[tokio::test]
async fn another_text_of_the_same_identity_is_used_too() {
    let world = World::start().await;
    let spec = world.fresh();
    let other = keyring::mint::Spec { relation: 1, ..spec };
    world.pay(&WECHAT.mint_again(&spec, 5)).await.is_approved();
    world.pay(&WECHAT.mint_again(&other, 5)).await.is_refused("code_used");
    world.pay(&WECHAT.mint_again(&spec, 6)).await.is_approved();
}

#[tokio::test]
async fn a_spent_code_is_spent_on_every_route_that_spends() {
    let world = World::start().await;
    let code = world.code();
    world.ask(&Request::post("/PAY/now").code(&code)).await.is_approved();
    world.ask(&Request::post("/pay/later").code(&code)).await.is_refused("code_used");
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
