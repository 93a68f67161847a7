//! The `[accounts]` table of the file, and its checks.

use serde::Deserialize;

use super::check::Check;
use super::error::ScenarioError;
use super::settings::{AccountSettings, Scenario};
use crate::judge::class::Class;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccountsTable {
    people: u64,
    freezes_per_s: u64,
    lifts_per_s: u64,
    unbinds_per_s: u64,
    held_ms: u64,
    writers: u64,
    again_per_mille: u64,
    stale_ms: u64,
    unix: bool,
    etcd: Vec<String>,
}

impl Default for AccountsTable {
    fn default() -> Self {
        Self {
            people: 200,
            freezes_per_s: 5,
            lifts_per_s: 5,
            unbinds_per_s: 1,
            held_ms: 3_000,
            writers: 4,
            again_per_mille: 200,
            stale_ms: 1_000,
            unix: true,
            etcd: Vec::new(),
        }
    }
}

impl Check<'_> {
    pub(super) fn accounts(
        &self,
        table: Option<AccountsTable>,
        scenario: &Scenario,
    ) -> Result<Option<AccountSettings>, ScenarioError> {
        if !scenario.mix.iter().any(|(class, _)| *class == Class::Account) {
            let allowed = "a mix with account, whose people are changed";
            return table.map_or(Ok(None), |_| Err(self.wrong("accounts", "a table", allowed)));
        }
        let table = table.unwrap_or_default();
        let nodes = scenario.gateway.nodes;
        if table.etcd.is_empty() && nodes > 1 {
            let allowed = "1, or accounts.etcd: several gateways share no data directory";
            return Err(self.wrong("gateway.nodes", nodes, allowed));
        }
        for endpoint in &table.etcd {
            if !endpoint.starts_with("http://") {
                return Err(self.wrong("accounts.etcd", endpoint, "http://ADDRESS:PORT"));
            }
        }
        let rate = |key, value| self.bounded(key, value, 0..=100);
        let per_s = [
            rate("accounts.freezes_per_s", table.freezes_per_s)?,
            rate("accounts.lifts_per_s", table.lifts_per_s)?,
            rate("accounts.unbinds_per_s", table.unbinds_per_s)?,
        ];
        // A writer of a gateway may make 200 changes a second, and some are sent again.
        self.bounded("the sum of accounts.*_per_s", per_s.iter().sum(), 1..=150)?;
        Ok(Some(AccountSettings {
            people: self.within("accounts.people", table.people, 1..=100_000)?,
            per_s,
            held_ms: self.bounded("accounts.held_ms", table.held_ms, 0..=600_000)?,
            writers: self.within("accounts.writers", table.writers, 1..=64)?,
            again_per_mille: self.bounded(
                "accounts.again_per_mille",
                table.again_per_mille,
                0..=1_000,
            )?,
            stale_ms: self.bounded("accounts.stale_ms", table.stale_ms, 500..=10_000)?,
            unix: table.unix,
            etcd: table.etcd,
        }))
    }
}
