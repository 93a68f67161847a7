//! A retry that comes to another node: two gateways that share three real Redis servers.

use crate::harness::keys::identity;
use crate::harness::redis::{Redis, config};
use crate::harness::{Client, DeadPort, Request, Setup, World, eventually};

/// Two gateways in front of one backend.
struct RetryNodes {
    /// The backend is this one's.
    one: World,
    two: World,
    registers: Vec<Redis>,
}

impl RetryNodes {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With endpoints of node two alone.
    async fn with(endpoints: &[&str]) -> Self {
        let registers = Redis::group().await;
        let setup = Setup::new().await.config(&config(&registers));
        let setup = setup.backend("timeout_ms", 1_000).backend("connect_ms", 500);
        let one = setup.start().await;
        let own = [one.backend.endpoint.as_str()];
        let endpoints = if endpoints.is_empty() { &own } else { endpoints };
        let two = Setup::new().await.config(&config(&registers)).only_endpoints(endpoints);
        let two = two.start().await;
        for register in &registers {
            register.age().await;
        }
        let nodes = Self { one, two, registers };
        // Registers vote as soon as they have been read again.
        for world in [&nodes.one, &nodes.two] {
            eventually("registers that vote", async || {
                let answer = world.ask(&Request::post("/pay").code(&world.code())).await;
                (answer.status() == 200 || answer.status() == 502).then_some(())
            })
            .await;
        }
        nodes
    }

    /// The client of a payment at node one that the backend holds.
    async fn held(&self, code: &str) -> Client {
        let before = self.one.backend.count();
        self.one.backend.hold();
        let mut client = self.one.client().await;
        client.send(Request::post("/pay").code(code).bytes()).await;
        self.one.backend.arrived(before + 1).await;
        client
    }
}

fn keyed(code: &str, key: &str) -> Request {
    Request::post("/pay").code(code).field("Idempotency-Key", key)
}

#[tokio::test]
async fn another_node_tells_what_is_running_and_what_was_the_answer() {
    let RetryNodes { one, two, registers: _registers } = RetryNodes::start().await;
    let (code, before) = (two.code(), one.backend.count());
    one.backend.hold();
    let mut first = one.client().await;
    first.send(keyed(&code, "bill-1").bytes()).await;
    one.backend.arrived(before + 1).await;
    for _ in 0..2 {
        two.ask(&keyed(&code, "bill-1")).await.assert_refused("request_in_flight");
        two.ask(&keyed(&code, "bill-1").body("{}")).await.assert_refused("idempotency_mismatch");
        two.ask(&keyed(&code, "bill-2")).await.assert_refused("code_used");
        two.pay(&code).await.assert_refused("code_used");
    }
    one.backend.open();
    let answer = first.answer().await;
    answer.assert_approved();
    for world in [&two, &one] {
        let again = world.ask(&keyed(&code, "bill-1")).await;
        assert_eq!(again.field("idempotent-replayed"), Some("true"));
        assert_eq!((again.text(), again.request_id()), (answer.text(), answer.request_id()));
        world.pay(&code).await.assert_refused("code_used");
    }
    assert_eq!(one.backend.count_of(&identity(&code)), 1);
}

#[tokio::test]
async fn what_another_node_refuses_has_its_answer_all_the_same() {
    let mut nodes = RetryNodes::start().await;
    let code = nodes.two.code();
    let first = nodes.one.pay(&code).await;
    first.assert_approved();
    nodes.two.write_backend("maintenance", true);
    assert_eq!(nodes.two.admin("POST", "/reload").await.status() / 100, 2);
    let again = nodes.two.pay(&code).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.request_id(), first.request_id());
    nodes.two.pay_more(&code).await.assert_refused("code_used");
    nodes.two.pay(&nodes.two.code()).await.assert_refused("maintenance");
}

#[tokio::test]
async fn a_code_that_was_given_back_leaves_no_record_with_others() {
    let dead = DeadPort::new();
    let RetryNodes { one, two, registers: _registers } = RetryNodes::with(&[&dead.endpoint]).await;
    let code = two.code();
    two.pay(&code).await.assert_refused("backend_unreachable");
    let paid = one.pay(&code).await;
    paid.assert_approved();
    assert_eq!(paid.field("idempotent-replayed"), None);
    let again = two.pay(&code).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(again.request_id(), paid.request_id());
    assert_eq!(one.backend.count_of(&identity(&code)), 1);
}

/// A node that only asks about a used code leaves no attempt of its own in the registers.
#[tokio::test]
async fn a_used_code_of_which_nothing_is_kept_is_used_on_other_nodes_too() {
    let mut nodes = RetryNodes::start().await;
    nodes.one.write_config("retry.store_mib = 0");
    assert_eq!(nodes.one.admin("POST", "/reload").await.status() / 100, 2);
    let code = nodes.two.code();
    nodes.one.pay(&code).await.assert_approved();
    for _ in 0..2 {
        nodes.two.pay(&code).await.assert_refused("code_used");
        // Two of three servers have forgotten the attempt by now; the third may need a moment.
        eventually("a code that is used", async || {
            let answer = nodes.one.pay(&code).await;
            answer.field("yanma-outcome").is_some_and(|is| is == "code_used").then_some(())
        })
        .await;
    }
    assert_eq!(nodes.one.backend.count_of(&identity(&code)), 1);
}

/// A node died during a request. The outcome is unknown, and no other node may send the request.
#[tokio::test]
async fn a_node_that_dies_leaves_an_unknown_outcome_after_its_deadline() {
    let nodes = RetryNodes::start().await;
    let code = nodes.two.code();
    let _client = nodes.held(&code).await;
    nodes.one.signal(rustix::process::Signal::KILL);
    nodes.one.backend.open();
    nodes.two.pay(&code).await.assert_refused("request_in_flight");
    nodes.two.pay_more(&code).await.assert_refused("code_used");
    // connect_ms + timeout_ms + what a node may take to tell, from the first request on.
    let unknown = eventually("the deadline", async || {
        let answer = nodes.two.pay(&code).await;
        if answer.status() == 409 {
            answer.assert_refused("request_in_flight");
            return None;
        }
        Some(answer)
    })
    .await;
    unknown.assert_refused("outcome_unknown");
    assert_eq!(unknown.field("yanma-redemption"), Some(identity(&code).as_str()));
    nodes.two.pay_more(&code).await.assert_refused("code_used");
    assert_eq!(nodes.one.backend.count_of(&identity(&code)), 1);
}

/// The client does not wait for registers longer than `replay.timeout_ms`.
#[tokio::test]
async fn an_answer_is_sent_although_no_majority_takes_it() {
    let nodes = RetryNodes::start().await;
    let code = nodes.two.code();
    let mut client = nodes.held(&code).await;
    nodes.registers[1..].iter().for_each(Redis::pause);
    nodes.one.backend.open();
    client.answer().await.assert_approved();
    let counted = "yanma_limit_hits_total{limit=\"retry_registers\"}";
    nodes.one.metric_reaches(counted, 1.0).await;
    // This node knows the answer, whatever the registers know.
    let again = nodes.one.pay(&code).await;
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    nodes.registers[1..].iter().for_each(Redis::go_on);
    assert_eq!(nodes.one.backend.count_of(&identity(&code)), 1);
}
