//! Account states: where they are kept, how old what is held may be, who may change them.

pub(in crate::config) mod writer;

use std::path::{Path, PathBuf};

use self::writer::WriterConfig;
use super::server::{AdminConfig, ListenerConfig};
use crate::config::address::Address;
use crate::config::table::Table;
use crate::limits;

const STORES: &str = "\"off\", \"local\" or \"etcd\"";
const WHEN_STALE: &str = "\"refuse\" or \"admit\"";
const URL: &str = "http://host:port or https://host:port";

/// `[accounts]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountsConfig {
    /// Where changes are kept. Changes only at start.
    pub store: AccountStore,
    /// Of how many people something can be held. Changes only at start.
    pub capacity: usize,
    /// How old what is held may be.
    pub stale_ms: u32,
    /// What follows when it is older.
    pub when_stale: WhenStale,
    /// Where writers connect. Changes only at start.
    pub listen: Address,
    /// Who may change what.
    pub writers: Vec<WriterConfig>,
}

/// Where changes of account states are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AccountStore {
    /// Nowhere: no request asks.
    Off,
    /// In the data directory of this node.
    Local,
    /// In an etcd cluster, for several nodes.
    Etcd(EtcdConfig),
}

/// Where etcd is, and what opens it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EtcdConfig {
    /// One for each member.
    pub urls: Vec<String>,
    /// PEM: who signs the members' certificates.
    pub ca_file: Option<PathBuf>,
    /// PEM: this node's certificate.
    pub cert_file: Option<PathBuf>,
    /// PEM: its key.
    pub key_file: Option<PathBuf>,
    /// Members count whatever their version.
    pub any_version: bool,
}

/// What follows when what is held is older than allowed.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum WhenStale {
    /// `account_state_unavailable`.
    Refuse,
    /// What is known to refuse still refuses; else the request is admitted, and counted.
    Admit,
}

impl AccountsConfig {
    /// Whether requests ask.
    pub fn is_on(&self) -> bool {
        self.store != AccountStore::Off
    }

    /// Whether a reload could put `other` in force.
    pub fn starts_like(&self, other: &Self) -> bool {
        let fixed = |config: &Self| (config.store.clone(), config.capacity, config.listen.clone());
        fixed(self) == fixed(other)
    }

    pub(in crate::config) fn read(
        table: &mut Table<'_>,
        data_dir: &Path,
        listeners: &[ListenerConfig],
        admin: &AdminConfig,
    ) -> Self {
        let word = table.string("store", store_word, STORES).unwrap_or(StoreWord::Off);
        // Checked with each store, so that one word switches it.
        let etcd = read_etcd(table, word == StoreWord::Etcd);
        let store = match word {
            StoreWord::Off => AccountStore::Off,
            StoreWord::Local => AccountStore::Local,
            StoreWord::Etcd => AccountStore::Etcd(etcd),
        };
        let accounts = Self {
            store,
            capacity: table.number("capacity", limits::ACCOUNTS_CAPACITY),
            stale_ms: table.number("stale_ms", limits::ACCOUNTS_STALE_MS),
            when_stale: table
                .string("when_stale", when_stale, WHEN_STALE)
                .unwrap_or(WhenStale::Refuse),
            listen: listen(table, data_dir, listeners, admin),
            writers: writer::read_all(table),
        };
        table.finish();
        accounts.check(table);
        accounts
    }

    fn check(&self, table: &Table<'_>) {
        if self.is_on() && self.writers.is_empty() {
            table.note("no [[accounts.writer]]: no account can be changed by this node".to_owned());
        }
        if self.is_on() && self.when_stale == WhenStale::Admit {
            table.note(
                "accounts.when_stale = \"admit\": while the store cannot be reached, frozen accounts \
                 pay"
                    .to_owned(),
            );
        }
    }
}

#[derive(Copy, Clone, Eq, PartialEq)]
enum StoreWord {
    Off,
    Local,
    Etcd,
}

fn store_word(text: &str) -> Option<StoreWord> {
    match text {
        "off" => Some(StoreWord::Off),
        "local" => Some(StoreWord::Local),
        "etcd" => Some(StoreWord::Etcd),
        _ => None,
    }
}

fn when_stale(text: &str) -> Option<WhenStale> {
    match text {
        "refuse" => Some(WhenStale::Refuse),
        "admit" => Some(WhenStale::Admit),
        _ => None,
    }
}

/// A UNIX socket in the data directory, unless the file names another address of this machine.
fn listen(
    table: &mut Table<'_>,
    data_dir: &Path,
    listeners: &[ListenerConfig],
    admin: &AdminConfig,
) -> Address {
    let base = table.base();
    let read = |text: &str| {
        let address = Address::parse(text, base)?;
        let is_here = match &address {
            Address::Tcp(address) => address.ip().is_loopback(),
            Address::Unix(_) => true,
        };
        let others = listeners.iter().map(|listener| &listener.address);
        let is_taken = others.chain([&Address::Tcp(admin.address)]).any(|a| a.clashes(&address));
        (is_here && !is_taken).then_some(address)
    };
    let allowed = "unix:/path of at most 107 bytes, or a loopback address and port, that no \
                   listener has";
    let written = table.string("listen", read, allowed);
    written.unwrap_or_else(|| Address::Unix(data_dir.join("accounts.sock")))
}

fn read_etcd(table: &mut Table<'_>, is_used: bool) -> EtcdConfig {
    if is_used {
        table.missing("etcd", &format!("an array of {URL}, one for each member"));
    }
    let mut urls: Vec<String> = Vec::new();
    for item in table.items("etcd", limits::ETCD_MEMBERS_MAX).unwrap_or_default() {
        match item.string().filter(|url| is_url(url) && !urls.iter().any(|other| other == url)) {
            Some(url) => urls.push(url.to_owned()),
            None => item.refuse(&format!("{URL}, each once")),
        }
    }
    if is_used && !urls.is_empty() && !matches!(urls.len(), 1 | 3 | 5) {
        table.problem("accounts.etcd: must name 3 or 5 members (1 only for a trial)");
    }
    let etcd = EtcdConfig {
        urls,
        ca_file: file(table, "ca_file"),
        cert_file: file(table, "cert_file"),
        key_file: file(table, "key_file"),
        any_version: table.boolean("any_version", false),
    };
    let files = [&etcd.ca_file, &etcd.cert_file, &etcd.key_file];
    let is_tls = etcd.urls.iter().any(|url| url.starts_with("https://"));
    if is_tls && files.iter().any(|file| file.is_none()) {
        table.problem("accounts.etcd: https needs ca_file, cert_file and key_file");
    }
    etcd
}

fn is_url(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.and_then(crate::config::address::host_and_port).is_some()
}

/// A path relative to the configuration file; `None` if the key is missing.
fn file(table: &mut Table<'_>, key: &'static str) -> Option<PathBuf> {
    let base = table.base();
    let read = |text: &str| (!text.is_empty()).then(|| base.join(text));
    table.string(key, read, "a path, relative to this file")
}
