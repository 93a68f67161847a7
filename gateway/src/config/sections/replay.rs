//! What remembers spent codes.

use super::register;
use crate::config::place::Place;
use crate::config::table::{Item, Table};
use crate::limits;
use registers::{RegisterAddress, Settings, limits::REGISTERS_PER_GROUP};

const STORES: &str = "\"local\", \"registers\" or \"local-unshared\"";

/// `[replay]`: the table of this node, and what it shares with others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayConfig {
    /// Slots of [`limits::SLOT_BYTES`] bytes.
    pub capacity: usize,
    /// With `store = "registers"`: where nodes share what is spent.
    pub registers: Option<Settings>,
}

impl ReplayConfig {
    /// The registers' keys are checked with either store, so that one word switches it.
    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let store = table.item("store");
        let nodes: u64 = table.number("nodes", limits::NODES);
        let capacity = table.number("capacity", limits::REPLAY_CAPACITY);
        let timeout_ms = table.number("timeout_ms", limits::REGISTERS_TIMEOUT_MS);
        let epoch: u32 = table.number("epoch", limits::REGISTERS_EPOCH);
        let groups = read_groups(table.tables("group", limits::REGISTER_GROUPS_MAX));
        let old_groups = read_groups(table.tables("old_group", limits::REGISTER_GROUPS_MAX));
        if u64::from(epoch) == limits::REGISTERS_EPOCH.default && !old_groups.is_empty() {
            table.problem(
                "replay.old_group is there, and replay.epoch is 1: a change of registers needs an \
                 epoch one above that of the old groups",
            );
        }
        table.finish();
        let registers = Settings { timeout_ms, epoch, groups, old_groups };
        let shares = match store {
            None => {
                table.missing("store", &format!("{STORES}; there is no default: {WHY}"));
                false
            }
            Some(store) => check_store(&store, table, nodes, &registers),
        };
        Self { capacity, registers: shares.then_some(registers) }
    }
}

const WHY: &str = "gateways that accept the same keys must share what is spent, and only the \
                   operator knows whether there is one gateway or several";

/// Whether nodes share registers.
fn check_store(store: &Item<'_>, table: &Table<'_>, nodes: u64, registers: &Settings) -> bool {
    match store.string() {
        Some("registers") => {
            table.missing("group", "one or more [[replay.group]] of 3 or 5 registers");
            return true;
        }
        Some("local") if nodes > 1 => store.refuse(&format!(
            "\"registers\", because replay.nodes is {nodes} and nodes that do not share what is \
             spent accept a code once each; who wants just that writes \"local-unshared\""
        )),
        Some("local-unshared") => table.note(format!(
            "replay.store = \"local-unshared\": each of {nodes} nodes accepts a code once, so a \
             code can be used {nodes} times"
        )),
        Some("local") => {}
        _ => store.refuse(STORES),
    }
    if !registers.groups.is_empty() {
        table.note("replay.group is not used: replay.store is not \"registers\"".to_owned());
    }
    false
}

fn read_groups(groups: Vec<Table<'_>>) -> Vec<Vec<RegisterAddress>> {
    let mut seen = Vec::new();
    groups.into_iter().map(|mut group| read_group(&mut group, &mut seen)).collect()
}

fn read_group(group: &mut Table<'_>, seen: &mut Vec<Place>) -> Vec<RegisterAddress> {
    let [least, most] = REGISTERS_PER_GROUP;
    let allowed = format!("{least} or {most} registers, each redis://host:port");
    group.missing("registers", &allowed);
    let items = group.items("registers", most).unwrap_or_default();
    if ![0, least, most].contains(&items.len()) {
        group.problem(&format!(
            "{}.registers has {}: must be {allowed}",
            group.name(),
            items.len()
        ));
    }
    let mut registers = Vec::new();
    for item in items {
        // The value may hold a password, so that no sentence repeats it.
        match item.string().and_then(register::parse) {
            None => item.refuse_secret(register::ALLOWED),
            Some(register) => {
                // Also one that only could be the same: with two votes it would be a majority.
                let place = Place::of_host(&register.host, register.port);
                if seen.iter().any(|other| other.may_be(&place)) {
                    item.refuse_secret("a register that is named nowhere else: each has one vote");
                } else {
                    seen.push(place);
                    registers.push(register);
                }
            }
        }
    }
    group.finish();
    registers
}
