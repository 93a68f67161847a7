//! What remembers spent codes.

use std::collections::HashSet;

use super::address::host_and_port;
use super::table::{Item, Table};
use crate::limits;

const STORES: &str = "\"local\" or \"registers\"";

/// `[replay]` with `store = "local"`: the table of this node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayConfig {
    /// Slots of [`limits::SLOT_BYTES`] bytes.
    pub capacity: usize,
}

impl ReplayConfig {
    /// The registers' keys are checked with either store, so that one word switches it.
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let store = table.item("store");
        let capacity = table.number("capacity", limits::REPLAY_CAPACITY);
        let _: u64 = table.number("timeout_ms", limits::REGISTERS_TIMEOUT_MS);
        let registers = check_groups(table.tables("group", limits::REGISTER_GROUPS_MAX));
        table.finish();
        match store {
            None => table.missing("store", &format!("{STORES}; there is no default: {WHY}")),
            Some(store) => check_store(&store, table, registers),
        }
        Self { capacity }
    }
}

const WHY: &str = "gateways that accept the same keys must share what is spent, and only the \
                   operator knows whether there is one gateway or several";

fn check_store(store: &Item<'_>, table: &Table<'_>, registers: usize) {
    match store.string() {
        Some("local") if registers > 0 => {
            table.note("replay.group is not used: replay.store is \"local\"".to_owned());
        }
        Some("local") => {}
        Some("registers") => {
            table.missing("group", "one or more [[replay.group]] of 3 or 5 registers");
            store.refuse(
                "\"local\": this version keeps what is spent on one node and has no registers yet",
            );
        }
        _ => store.refuse(STORES),
    }
}

/// Checks all groups and counts their registers.
fn check_groups(groups: Vec<Table<'_>>) -> usize {
    let mut seen = HashSet::new();
    for mut group in groups {
        check_group(&mut group, &mut seen);
    }
    seen.len()
}

fn check_group(group: &mut Table<'_>, seen: &mut HashSet<(String, u16)>) {
    let [least, most] = limits::REGISTERS_PER_GROUP;
    let allowed = format!("{least} or {most} registers, each redis://host:port");
    group.missing("registers", &allowed);
    let registers = group.items("registers", most).unwrap_or_default();
    if ![0, least, most].contains(&registers.len()) {
        group.problem(&format!(
            "{}.registers has {}: must be {allowed}",
            group.name(),
            registers.len()
        ));
    }
    for item in registers {
        match item.string().and_then(register).map(|register| seen.insert(register)) {
            None => item.refuse("redis://host:port"),
            Some(false) => item.refuse("a register that is named nowhere else: each has one vote"),
            Some(true) => {}
        }
    }
    group.finish();
}

fn register(text: &str) -> Option<(String, u16)> {
    host_and_port(&text.strip_prefix("redis://")?.to_ascii_lowercase())
}
