//! Two cities alone, of which the one with two registers is lost: `yanma runbook city-lost`, played
//! with real Redis servers.

use super::check::assert_refused;
use crate::harness::keys::identity;
use crate::harness::redis::{Redis, config};
use crate::harness::{Setup, World, eventually};

/// A configuration of a later epoch that names these registers and no old group.
fn anew(registers: [&Redis; 3]) -> String {
    let urls = registers.map(|one| format!("\"{}\"", one.url())).join(", ");
    format!(
        "replay.store = \"registers\"\nreplay.timeout_ms = 1000\nreplay.epoch = 2\n\
         replay.group = [{{ registers = [{urls}] }}]\n"
    )
}

/// The city that is left: its gateway, and the register that stands there.
async fn lose_a_city() -> (World, Vec<Redis>, String) {
    let mut registers = Redis::group().await;
    let lost = Setup::new().await.config(&config(&registers)).start().await;
    let left = Setup::new().await.config(&config(&registers));
    let left = left.only_endpoints(&[lost.backend.endpoint.as_str()]).start().await;
    for register in &registers {
        register.age().await;
    }
    let spent = left.code();
    lost.pay(&spent).await.assert_approved();
    registers[0].kill().await;
    registers[1].kill().await;
    let code = left.code();
    left.pay(&code).await.assert_refused("replay_store_unavailable");
    // The lost city's gateway ends, and its backend serves on for the other one.
    (lost, registers, spent)
}

#[tokio::test]
async fn the_city_that_is_left_pays_again_with_new_registers_and_forgets_no_code() {
    let (lost, registers, spent) = lose_a_city().await;
    let new = [Redis::start().await, Redis::start().await, Redis::start().await];
    // The register that is left holds the layout of before, so it is not taken among the new ones.
    let kept = Setup::new().await.config(&anew([&registers[2], &new[0], &new[1]]));
    assert_refused(&kept, "holds the layout of an earlier epoch").await;

    let left = Setup::new().await.config(&anew([&new[0], &new[1], &new[2]]));
    let left = left.only_endpoints(&[lost.backend.endpoint.as_str()]).start().await;
    // What was spent before the loss is older than the new memory: it is refused, not forwarded.
    left.pay(&spent).await.assert_refused("warming_up");
    let early = left.code();
    left.pay(&early).await.assert_refused("warming_up");
    for register in &new {
        register.age().await;
    }
    let later = left.code();
    let paid = eventually("registers that vote", async || {
        let answer = left.pay(&later).await;
        (answer.status() == 200).then_some(answer)
    })
    .await;
    paid.assert_approved();
    for (code, times) in [(&spent, 1), (&early, 0), (&later, 1)] {
        assert_eq!(lost.backend.count_of(&identity(code)), times);
    }
}
