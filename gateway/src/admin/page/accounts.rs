//! The families of account states.

use accounts::status::LoadReason;

use crate::{
    code::clear::AccountStates,
    metrics::{
        page::Page,
        sample::{count, number, truth},
    },
    worker::Shared,
};

/// Shows them where the configuration keeps account states.
pub(super) fn show(page: &mut Page, shared: &Shared) {
    let Some(states) = &shared.accounts else { return };
    show_table(page, states);
    show_freshness(page, shared, states);
    show_sources(page, states);
    let changes = shared.metrics.account_changes.samples();
    let help = "Changes that writers asked for, by what came of them.";
    let changes = changes.map(|(labels, changes)| (labels, number(changes)));
    page.counter("yanma_accounts_changes_total", help, changes);
}

fn show_table(page: &mut Page, states: &AccountStates) {
    let table = states.accounts().table();
    let entries = table.states().map(|(state, n)| ([("state", state)], count(n)));
    page.gauge("yanma_accounts_entries", "Entries that are held, by what they do.", entries);
    let help = "People of whom something is held.";
    page.gauge("yanma_accounts_people", help, [([], count(table.listed()))]);
    let help = "People of whom something can be held; changes are refused from 85 % of it on.";
    page.gauge("yanma_accounts_capacity", help, [([], count(table.capacity()))]);
}

fn show_freshness(page: &mut Page, shared: &Shared, states: &AccountStates) {
    let boot_ns = shared.clock.reading().boot_ns;
    let staleness_ns = states.accounts().staleness_ns(boot_ns);
    let seconds =
        staleness_ns.map_or(f64::INFINITY, |ns| number(u64::try_from(ns).unwrap_or(0)) / 1e9);
    let help = "Age of the last proof that all changes are applied; +Inf: there is none.";
    page.gauge("yanma_accounts_staleness_seconds", help, [([], seconds)]);
    let status = states.accounts().status();
    let help = "The store shows less than it did: nothing is admitted by it.";
    page.gauge("yanma_accounts_set_back", help, [([], truth(status.is_set_back()))]);
    let loads = LoadReason::ALL.map(|why| ([("reason", why.name())], number(status.loads(why))));
    page.counter("yanma_accounts_loads_total", "How often all states were loaded.", loads);
    let help = "Requests admitted though what is held was too old (when_stale = \"admit\").";
    let admitted = number(states.stale_admitted());
    page.counter("yanma_accounts_stale_admitted_total", help, [([], admitted)]);
}

fn show_sources(page: &mut Page, states: &AccountStates) {
    let sources = || states.accounts().status().sources().iter();
    let up = sources().map(|source| ([("source", source.name())], truth(source.is_up())));
    page.gauge("yanma_accounts_source_up", "Whether a member of the store answers.", up);
    let behind = sources().map(|source| ([("source", source.name())], number(source.behind())));
    let help = "Changes that a member showed and that are not applied here.";
    page.gauge("yanma_accounts_source_behind_changes", help, behind);
    let infos: Vec<_> = sources().map(|source| (source.name(), source.info())).collect();
    let infos = infos.iter().map(|(name, (version, life))| {
        ([("source", *name), ("version", version.as_str()), ("life", life.as_str())], 1.0)
    });
    let help = "The version of a member's program, and the life of the store.";
    page.gauge("yanma_accounts_source_info", help, infos);
}
