//! Changes of layout (condition 4), step by step: from the registers {0, 1, 2} to {0, 1, 3}. Gateway 0
//! keeps the old layout, gateway 1 gets the new one; both are shown the same code.

use super::{
    code::Code,
    gateway::Step,
    world::{Broken, Flavour, World},
};
use crate::protocol::conditions::{Condition, Conditions};

struct Change(World);

impl Change {
    fn begin(conditions: Conditions) -> Self {
        let mut change = Self(World::new(Flavour::Epoch, conditions, 0));
        change.talk(0, &[0, 1, 2]);
        change.pass(30_000);
        let ahead_ms = change.0.gateways[1].ahead_ms;
        let new = change.0.gateway(1, ahead_ms, true);
        change.0.gateways[1] = new;
        change
    }

    fn pass(&mut self, ms: i64) {
        self.0.now = self.0.now.plus_ms(ms);
    }

    /// Twice: the first time a gateway may find a layout to replace.
    fn talk(&mut self, gateway: usize, registers: &[usize]) {
        for register in registers.iter().chain(registers) {
            self.0.exchange(gateway, *register);
        }
    }

    /// A code that is issued now is shown to both gateways, each of which reaches some registers.
    fn show(&mut self, reached: [&[usize]; 2]) -> [Step; 2] {
        let code = Code::payment(0, self.0.now.seconds());
        [0, 1].map(|gateway| {
            self.0.gateways[gateway].request(self.0.now, &code);
            self.talk(gateway, reached[gateway]);
            // Whatever else there is does not answer in time.
            self.0.gateways[gateway].end_overdue(self.0.now.plus_ms(500));
            let is_late = self.0.gateways[gateway].conclude(self.0.now, 0);
            assert!(!is_late);
            // Who was denied takes its votes back.
            self.talk(gateway, reached[gateway]);
            self.0.gateways[gateway].claims[0].step
        })
    }
}

/// The new gateway is cut off from two old registers.
fn cut_off(conditions: Conditions) -> Result<(), Broken> {
    let mut change = Change::begin(conditions);
    change.talk(1, &[0, 3]);
    change.pass(17_000);
    match change.show([&[1, 2], &[0, 3]]) {
        [Step::Cleared, Step::Cleared] => Err(Broken::Twice),
        _ => Ok(()),
    }
}

#[test]
fn a_layout_that_few_have_heard_of_would_spend_twice() {
    assert_eq!(cut_off(Conditions { without: &[Condition::Majorities] }), Err(Broken::Twice));
    assert_eq!(cut_off(Conditions::default()), Ok(()));
}

#[test]
fn the_new_layout_opens_with_a_majority_of_the_old_one() {
    let mut change = Change::begin(Conditions::default());
    change.talk(1, &[0, 1, 3]);
    change.pass(17_000);
    change.talk(1, &[0, 1, 3]);
    let steps = change.show([&[0, 1, 2], &[0, 1, 3]]);
    assert_eq!(steps, [Step::Over, Step::Cleared]);
}

/// An old register forgets that it had adopted the new layout, and an old gateway gives it the old
/// one again.
fn forgotten(conditions: Conditions) -> [Step; 2] {
    let mut change = Change::begin(conditions);
    change.talk(1, &[0, 1, 3]);
    change.pass(1_000);
    change.0.registers[1].forget();
    change.talk(0, &[1, 2]);
    change.pass(17_000);
    change.show([&[1, 2], &[0, 3]])
}

#[test]
fn an_old_register_that_forgets_the_change_does_not_count_twice() {
    let twice = [Step::Cleared, Step::Cleared];
    assert_eq!(forgotten(Conditions { without: &[Condition::Majorities] }), twice);
    assert_ne!(forgotten(Conditions::default()), twice);
}

#[test]
fn a_gateway_with_the_old_layout_has_no_majority_any_more() {
    let mut change = Change::begin(Conditions::default());
    change.talk(1, &[0, 1, 2, 3]);
    change.pass(17_000);
    change.talk(1, &[0, 1, 2, 3]);
    let steps = change.show([&[0, 1, 2], &[0, 1, 3]]);
    assert_eq!(steps, [Step::Over, Step::Cleared]);
}
