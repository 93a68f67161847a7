//! The part of a node's configuration that is about account states, and the token of who changes
//! them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::{SiteError, at};
use super::plan::AccountPlan;
use crate::net::address::Address;
use crate::rng::Rng;

/// The file of the token, beside the configuration.
const TOKEN_FILE: &str = "accounts.token";

/// Where a node takes changes of account states, and what opens it.
#[derive(Clone, Debug)]
pub struct AccountDoor {
    /// Its address.
    pub listen: Address,
    /// A file with the token of a writer.
    pub token_file: PathBuf,
}

/// `[accounts]`, as the tool reads it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AccountsSection {
    store: Option<String>,
    listen: Option<String>,
    writer: Vec<WriterSection>,
}

#[derive(Deserialize)]
struct WriterSection {
    token_file: PathBuf,
}

/// The sections of one node.
pub(super) fn text(plan: &AccountPlan, node: usize) -> String {
    let AccountPlan { listen, stale_ms, etcd } = plan;
    let listen = listen.get(node).map_or_else(String::new, |at| format!("listen = \"{at}\"\n"));
    let endpoints: Vec<String> = etcd.iter().map(|endpoint| format!("\"{endpoint}\"")).collect();
    let store = match etcd.as_slice() {
        [] => "store = \"local\"\n".to_owned(),
        _ => format!("store = \"etcd\"\netcd = [{}]\nany_version = true\n", endpoints.join(", ")),
    };
    format!(
        "[accounts]\n{store}stale_ms = {stale_ms}\n{listen}[[accounts.writer]]\n\
         name = \"loadtest\"\ntoken_file = \"{TOKEN_FILE}\"\n\
         may = [\"freeze:*\", \"unfreeze:*\", \"unbind\"]\n\
         changes_per_second_max = 100000\n\n"
    )
}

/// Writes a random token, which only its owner may read.
pub(super) fn write_token(dir: &Path) -> Result<(), SiteError> {
    let path = dir.join(TOKEN_FILE);
    let mut rng = Rng::random();
    let token: String = (0..4).map(|_| format!("{:016x}", rng.next_u64())).collect();
    let made = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
    made.and_then(|mut file| writeln!(file, "{token}")).map_err(at(&path))
}

impl AccountsSection {
    /// Where this node takes changes; `None` if it keeps no account states.
    pub(super) fn door(
        &self,
        config: &Path,
        data_dir: &Path,
    ) -> Result<Option<AccountDoor>, String> {
        if self.store.as_deref().is_none_or(|store| store == "off") {
            return Ok(None);
        }
        let base = config.parent().unwrap_or(Path::new(""));
        let listen = match self.listen.as_deref().map(str::parse::<Address>) {
            None => Address::Unix(data_dir.join("accounts.sock")),
            Some(Ok(Address::Unix(path))) => Address::Unix(base.join(path)),
            Some(Ok(address)) => address,
            Some(Err(error)) => return Err(format!("accounts.listen: {error}")),
        };
        let missing = || "[[accounts.writer]] is missing; allowed: one or more".to_owned();
        let writer = self.writer.first().ok_or_else(missing)?;
        Ok(Some(AccountDoor { listen, token_file: base.join(&writer.token_file) }))
    }
}
