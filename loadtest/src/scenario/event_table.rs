//! The `[[event]]` tables of the file, and their checks.

use serde::Deserialize;

use super::check::Check;
use super::error::ScenarioError;
use super::event::{Event, Happening, ToGateway, ToRegister};
use super::settings::{GatewaySettings, Scenario};

/// Most repetitions of an event.
const REPEAT_MAX: u64 = 1_000;
const DAY_MS: i64 = 86_400_000;
/// A delay of this part of a gateway's patience, or less, leaves each claim its time: it takes two
/// ways, on a machine that does other things as well.
const DISTANCE_PART: u64 = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventTable {
    at_s: u64,
    #[serde(rename = "do")]
    what: Word,
    node: Option<u64>,
    register: Option<u64>,
    step_ms: Option<i64>,
    delay_ms: Option<u64>,
    #[serde(default = "once")]
    repeat: u64,
    every_s: Option<u64>,
}

fn once() -> u64 {
    1
}

#[derive(Copy, Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Kill,
    Restart,
    Reload,
    Rotate,
    Upgrade,
    Pause,
    Resume,
    Clock,
    Copy,
    RollBack,
    Swap,
    Delete,
    Cut,
    Blackhole,
    Delay,
    Mend,
    Flush,
    Save,
    Recall,
}

impl Check<'_> {
    pub(super) fn events(
        &self,
        tables: &[EventTable],
        scenario: &Scenario,
    ) -> Result<Vec<Event>, ScenarioError> {
        let last_s = (scenario.duration_ms() / 1_000).saturating_sub(1);
        let mut events = Vec::new();
        for table in tables {
            let what = self.happening(table, scenario)?;
            let repeat = self.bounded("event.repeat", table.repeat, 1..=REPEAT_MAX)?;
            let every_s = match (repeat, table.every_s) {
                (1, None) => 0,
                (_, Some(every_s)) => self.bounded("event.every_s", every_s, 1..=last_s.max(1))?,
                (_, None) => return Err(self.wrong("event.every_s", "nothing", "seconds")),
            };
            for turn in 0..repeat {
                let at_s = table.at_s.saturating_add(turn * every_s);
                let at_s = self.bounded("event.at_s", at_s, 0..=last_s)?;
                events.push(Event { at_ms: at_s * 1_000, what });
            }
        }
        events.sort_by_key(|event| event.at_ms);
        self.copies_come_first(&events)?;
        Ok(events)
    }

    fn happening(
        &self,
        table: &EventTable,
        scenario: &Scenario,
    ) -> Result<Happening, ScenarioError> {
        let GatewaySettings { nodes, .. } = scenario.gateway;
        let node = self.place("event.node", table.node, nodes)?;
        let register = self.place("event.register", table.register, scenario.registers())?;
        let what = match register {
            None => Happening::Gateway { node, what: self.to_gateway(table)? },
            Some(register) => {
                let what = self.to_register(table, scenario.gateway.register_timeout_ms)?;
                let is_of_all = !matches!(
                    what,
                    ToRegister::Cut
                        | ToRegister::Blackhole
                        | ToRegister::Delay { .. }
                        | ToRegister::Mend
                );
                if let Some(node) = table.node.filter(|_| is_of_all) {
                    let allowed = "no node: what is done to a register itself, all see";
                    return Err(self.wrong("event.node", node, allowed));
                }
                Happening::Register { register, node, what }
            }
        };
        let allowed = "only where it says something: step_ms with clock, delay_ms with delay";
        let is_clock = matches!(table.what, Word::Clock);
        if let Some(step_ms) = table.step_ms.filter(|_| !is_clock) {
            return Err(self.wrong("event.step_ms", step_ms, allowed));
        }
        if let Some(delay_ms) = table.delay_ms.filter(|_| !matches!(table.what, Word::Delay)) {
            return Err(self.wrong("event.delay_ms", delay_ms, allowed));
        }
        Ok(what)
    }

    /// Turns a number that counts from 1 into one that counts from 0.
    fn place(
        &self,
        key: &str,
        number: Option<u64>,
        count: u32,
    ) -> Result<Option<usize>, ScenarioError> {
        let Some(number) = number else { return Ok(None) };
        let number = self.bounded(key, number, 1..=u64::from(count))?;
        Ok(usize::try_from(number - 1).ok())
    }

    fn to_gateway(&self, table: &EventTable) -> Result<ToGateway, ScenarioError> {
        Ok(match table.what {
            Word::Kill => ToGateway::Kill,
            Word::Restart => ToGateway::Restart,
            Word::Reload => ToGateway::Reload,
            Word::Rotate => ToGateway::Rotate,
            Word::Upgrade => ToGateway::Upgrade,
            Word::Pause => ToGateway::Pause,
            Word::Resume => ToGateway::Resume,
            Word::Copy => ToGateway::Copy,
            Word::RollBack => ToGateway::RollBack,
            Word::Swap => ToGateway::Swap,
            Word::Delete => ToGateway::Delete,
            Word::Clock => {
                let allowed = "milliseconds, -86400000 to 86400000";
                let step_ms = table.step_ms.filter(|ms| (-DAY_MS..=DAY_MS).contains(ms));
                let said = table.step_ms.map_or("nothing".to_owned(), |ms| ms.to_string());
                let step_ms = step_ms.ok_or_else(|| self.wrong("event.step_ms", said, allowed))?;
                ToGateway::Clock { step_ms }
            }
            Word::Cut
            | Word::Blackhole
            | Word::Delay
            | Word::Mend
            | Word::Flush
            | Word::Save
            | Word::Recall => {
                let allowed = "the number of a register";
                return Err(self.wrong("event.register", "nothing", allowed));
            }
        })
    }

    fn to_register(
        &self,
        table: &EventTable,
        timeout_ms: u64,
    ) -> Result<ToRegister, ScenarioError> {
        Ok(match table.what {
            Word::Kill => ToRegister::Kill,
            Word::Restart => ToRegister::Restart,
            Word::Pause => ToRegister::Pause,
            Word::Resume => ToRegister::Resume,
            Word::Cut => ToRegister::Cut,
            Word::Blackhole => ToRegister::Blackhole,
            Word::Mend => ToRegister::Mend,
            Word::Flush => ToRegister::Flush,
            Word::Save => ToRegister::Save,
            Word::Recall => ToRegister::Recall,
            Word::Delay => {
                let ms = table.delay_ms.unwrap_or(0);
                let ms = self.bounded("event.delay_ms", ms, 1..=60_000)?;
                ToRegister::Delay { ms, may_be_late: ms * DISTANCE_PART > timeout_ms }
            }
            other => {
                let allowed = "kill, restart, pause, resume, cut, blackhole, delay, mend, flush, \
                               save or recall with event.register";
                return Err(self.wrong("event.do", format!("{other:?}").to_lowercase(), allowed));
            }
        })
    }

    /// A copy that is put back must have been taken from the same gateway or register before.
    fn copies_come_first(&self, events: &[Event]) -> Result<(), ScenarioError> {
        let (mut copied, mut saved) = (Vec::new(), Vec::new());
        for event in events {
            match event.what {
                Happening::Gateway { node, what: ToGateway::Copy } => copied.push(node),
                Happening::Gateway { node, what: ToGateway::RollBack | ToGateway::Swap }
                    if !copied.contains(&node) && !copied.contains(&None) =>
                {
                    let allowed = "an event copy of the same node before it";
                    return Err(self.wrong("event.do", "roll_back or swap", allowed));
                }
                Happening::Register { register, what: ToRegister::Save, .. } => {
                    saved.push(register);
                }
                Happening::Register { register, what: ToRegister::Recall, .. }
                    if !saved.contains(&register) =>
                {
                    let allowed = "an event save of the same register before it";
                    return Err(self.wrong("event.do", "recall", allowed));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
