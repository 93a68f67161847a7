//! Memory that comes back (conditions 3 and 5), step by step: a code is spent, registers come back
//! with what they knew before, and another gateway shows the code again.

use super::{
    code::Code,
    gateway::Step,
    world::{Flavour, World},
};
use crate::protocol::conditions::{Condition, Conditions};

/// How a register's memory comes to be an older one.
#[derive(Copy, Clone)]
enum Way {
    /// Its server starts again and reads a file.
    Restart,
    /// The process that runs reads one, or goes on from a snapshot of its machine.
    SetBack,
}

const SPENT_ONCE: [Step; 2] = [Step::Cleared, Step::Over];
const SPENT_TWICE: [Step; 2] = [Step::Cleared, Step::Cleared];

/// One gateway spends a code, all registers come back with the state of before, another gateway is
/// shown the code.
fn show_again(conditions: Conditions, way: Way) -> [Step; 2] {
    let mut world = World::new(Flavour::Mixed, conditions, 0);
    talk(&mut world, 3);
    world.now = world.now.plus_ms(30_000);
    let code = Code::payment(0, world.now.seconds());
    let states: Vec<usize> = world.registers.iter().map(|one| one.states() - 1).collect();
    // Time passes: each gateway adds beats, and reads those of others.
    talk(&mut world, 12);
    let first = show(&mut world, 0, &code);
    for (register, state) in states.into_iter().enumerate() {
        match way {
            Way::Restart => world.come_back_with(register, state),
            Way::SetBack => world.registers[register].set_back(state),
        }
    }
    [first, show(&mut world, 1, &code)]
}

fn talk(world: &mut World, turns: usize) {
    for _ in 0..turns {
        world.now = world.now.plus_ms(1_000);
        for gateway in 0..2 {
            for register in 0..3 {
                world.exchange(gateway, register);
            }
        }
    }
}

fn show(world: &mut World, gateway: usize, code: &Code) -> Step {
    world.gateways[gateway].request(world.now, code);
    for register in 0..3 {
        world.exchange(gateway, register);
    }
    world.gateways[gateway].end_overdue(world.now.plus_ms(500));
    assert!(!world.gateways[gateway].conclude(world.now, 0));
    world.gateways[gateway].claims[0].step
}

#[test]
fn a_server_that_starts_again_with_old_memory_would_spend_twice() {
    let without = Conditions { without: &[Condition::SameProcess] };
    assert_eq!(show_again(without, Way::Restart), SPENT_TWICE);
    assert_eq!(show_again(Conditions::default(), Way::Restart), SPENT_ONCE);
}

#[test]
fn a_process_that_sets_its_memory_back_would_spend_twice() {
    let without = Conditions { without: &[Condition::Beats] };
    assert_eq!(show_again(without, Way::SetBack), SPENT_TWICE);
    assert_eq!(show_again(Conditions::default(), Way::SetBack), SPENT_ONCE);
}

/// One gateway spends a code. Another one claims it, and all registers lose their memory when all
/// commands of its batch but the last are carried out.
fn lose_within_a_batch(conditions: Conditions) -> [Step; 2] {
    let mut world = World::new(Flavour::Mixed, conditions, 0);
    talk(&mut world, 3);
    world.now = world.now.plus_ms(30_000);
    let code = Code::payment(0, world.now.seconds());
    let first = show(&mut world, 0, &code);
    world.gateways[1].request(world.now, &code);
    for register in 0..3 {
        world.gateways[1].flush(world.now, register);
        // A probe may stand before the batch.
        let commands = world.gateways[1].lines[register].to.len();
        (1..commands).for_each(|_| world.obey_one(1, register));
        world.registers[register].forget();
        world.obey_one(1, register);
        (0..commands).for_each(|_| world.gateways[1].hear(world.now, register));
    }
    world.gateways[1].conclude(world.now, 0);
    [first, world.gateways[1].claims[0].step]
}

#[test]
fn a_layout_that_is_read_before_its_claims_would_spend_twice() {
    let without = Conditions { without: &[Condition::Order] };
    assert_eq!(lose_within_a_batch(without), SPENT_TWICE);
    assert_eq!(lose_within_a_batch(Conditions::default()), SPENT_ONCE);
}
