//! Clocks that step, and processes that stop at the worst moments.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use super::{becomes_unready, beside, code_of_now, fails, names};
use crate::harness::keys::{WECHAT, identity, payment};
use crate::harness::{Client, Request, Setup, World, eventually, now_ms, until};

/// A gateway whose wall clock a test can step.
struct Stepped {
    world: World,
    file: std::path::PathBuf,
}

impl Stepped {
    async fn start() -> Self {
        let setup = Setup::new().await;
        let file = setup.directory().join("clock");
        let path: &'static str = file.to_str().expect("plain letters").to_owned().leak();
        Self { world: setup.environment("YANMA_TEST_CLOCK", path).start().await, file }
    }

    fn set(&self, ahead_ms: i64) {
        fs::write(&self.file, ahead_ms.to_string()).expect("a clock file");
    }

    async fn step(&self, ahead_ms: i64, steps: f64) {
        self.set(ahead_ms);
        self.world.metric_reaches("yanma_clock_steps_total", steps).await;
    }
}

#[tokio::test]
async fn steps_of_two_seconds_are_followed_and_stop_nothing() {
    let stepped = Stepped::start().await;
    let world = &stepped.world;
    let spent = world.code();
    world.pay(&spent).await.assert_approved();
    for (ahead_ms, steps) in [(2_000, 1.0), (0, 2.0), (-2_000, 3.0)] {
        stepped.step(ahead_ms, steps).await;
        world.pay_more(&spent).await.assert_refused("code_used");
        world.pay(&world.code()).await.assert_approved();
        assert!(crate::harness::world::is_ready(&world.admin).await, "{ahead_ms}");
    }
}

#[tokio::test]
async fn an_hour_forward_is_not_believed_and_stops_nothing() {
    an_hour(3_600_000).await;
}

#[tokio::test]
async fn an_hour_back_is_not_believed_and_a_restart_asks_for_the_right_time() {
    let mut stepped = an_hour(-3_600_000).await;
    let world = &mut stepped.world;
    world.signal(Signal::KILL);
    world.process.ended().await;
    let path: &'static str = stepped.file.to_str().expect("plain letters").to_owned().leak();
    let setup = beside(world).await;
    let (status, said) = fails(&setup, &[("YANMA_TEST_CLOCK", path.to_owned())]).await;
    assert_eq!(status, Some(78), "{said}");
    names(&said, &["data/mark", "60 s", "remove the data directory, which is safe"]);

    // With the right time the gateway goes on, and its table is complete.
    fs::write(&stepped.file, "0").expect("a clock file");
    world.start_again().await;
}

/// Steps the clock by an hour. The node is unready and goes on with the time that it knew.
async fn an_hour(ahead_ms: i64) -> Stepped {
    let stepped = Stepped::start().await;
    let world = &stepped.world;
    let spent = world.code();
    world.pay(&spent).await.assert_approved();
    stepped.step(ahead_ms, 1.0).await;
    becomes_unready(world, "clock").await;
    world.pay_more(&spent).await.assert_refused("code_used");
    world.pay(&world.code()).await.assert_approved();
    assert_eq!(world.backend.count_of(&identity(&spent)), 1);
    stepped
}

/// After a restart an hour ahead, older codes have expired by the new time.
#[tokio::test]
async fn a_restart_an_hour_ahead_accepts_nothing_of_before() {
    let mut stepped = Stepped::start().await;
    let spent = stepped.world.code();
    stepped.world.pay(&spent).await.assert_approved();
    stepped.set(3_600_000);
    stepped.world.crash().await;
    stepped.world.pay_more(&spent).await.assert_refused("code_expired");
    assert_eq!(stepped.world.backend.count(), 1);
}

/// While all processes were stopped the directory may have been elsewhere.
#[tokio::test]
async fn a_process_that_stood_still_for_long_raises_the_fence() {
    let world = World::start().await;
    let unspent = world.code();
    world.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    world.signal(Signal::CONT);
    eventually("the fence", async || {
        world.process.said().contains("this process stood still").then_some(())
    })
    .await;
    world.pay(&unspent).await.assert_refused("warming_up");
    world.pay(&code_of_now()).await.assert_refused("warming_up");
}

#[tokio::test]
async fn paused_between_freshness_and_claim() {
    let paused = Paused::at("before_claim").await;
    paused.other.pay(&paused.code).await.assert_approved();
    assert_eq!(paused.goes_on_after_its_code().await, 1);
}

#[tokio::test]
async fn paused_between_look_and_swap() {
    let paused = Paused::at("before_swap").await;
    paused.other.pay(&paused.code).await.assert_approved();
    assert_eq!(paused.goes_on_after_its_code().await, 1);
}

#[tokio::test]
async fn paused_between_claim_and_forward() {
    let paused = Paused::at("before_forward").await;
    paused.other.pay_more(&paused.code).await.assert_refused("code_used");
    assert_eq!(paused.goes_on_after_its_code().await, 0);
}

/// A process that stopped itself with a request in hand, and one that shares its table of eight
/// slots and goes on.
struct Paused {
    process: World,
    other: World,
    client: Client,
    code: String,
    issued_at: i64,
}

impl Paused {
    async fn at(point: &'static str) -> Self {
        let setup = Setup::new().await.config("replay.capacity = 8");
        let process = setup.environment("YANMA_TEST_HALT", point).start().await;
        let other = beside(&process).await.config("replay.capacity = 8").start().await;
        let issued_at = now_ms().div_euclid(1_000).max(i64::from(process.fresh().issued_at.get()));
        let code = WECHAT.mint(&payment(issued_at));
        let mut client = process.client().await;
        client.send(Request::post("/pay").code(&code).bytes()).await;
        let stat = format!("/proc/{}/stat", process.process.pid());
        eventually("a process that stands still", async || {
            let stat = fs::read_to_string(&stat).expect("a process of ours");
            stat.contains(") T ").then_some(())
        })
        .await;
        Self { process, other, client, code, issued_at }
    }

    /// Lets the code's minute pass and every slot be taken by younger codes, so that the table has
    /// forgotten it; then the process goes on. Returns how often the code arrived.
    async fn goes_on_after_its_code(mut self) -> usize {
        until((self.issued_at + 90) * 1_000).await;
        for _ in 0..8 {
            self.other.pay(&code_of_now()).await.assert_approved();
        }
        self.other.pay(&code_of_now()).await.assert_refused("replay_full");
        self.process.signal(Signal::CONT);
        self.client.answer().await.assert_refused("code_expired");
        for world in [&self.process, &self.other] {
            // The code has expired. The table knows that it was spent until its slot is reused.
            let answer = world.pay_more(&self.code).await;
            let outcome = answer.field("yanma-outcome").expect("every answer has one");
            assert!(["code_expired", "code_used"].contains(&outcome), "{answer:?}");
            answer.assert_refused(outcome);
        }
        self.process.backend.count_of(&identity(&self.code))
    }
}
